"""What the destination did otherwise than it was asked."""

from __future__ import annotations

from mappings.engine.problems.code import Code

__all__ = ["CODES"]

CODES = (
    Code(
        "refused",
        "error",
        "The destination refused it: {detail}",
        "Correct the row as the answer says and send it again.",
    ),
    Code(
        "tags_refused",
        "error",
        "The fields arrived, but the tags were refused: {detail}",
        "Check that the tags still exist at the destination, then run the sync again.",
        "retry",
    ),
    Code(
        "tag_not_created",
        "error",
        "Nothing was sent, because the tag '{value}' could not be created at the destination: {detail}",
        "Correct the tag in {column}, or create it there, then run the sync again.",
    ),
    Code(
        "block_left_over",
        "warning",
        "{field} still holds '{kept}' from before: it is blank here, and this destination cannot be told to empty it.",
        "Empty {field} of this contact in the destination's own app.",
    ),
    Code(
        "names_unseen",
        "warning",
        "{value} was not added: the destination does not show which {field} a contact has, and might have lost them.",
        "Add it in the destination's own app.",
    ),
    Code(
        "address_kept",
        "error",
        "The destination kept the old address {detail} when it was asked to change it.",
        "Change the address of this contact in the destination's own app.",
        "account",
    ),
    Code(
        "not_delivered",
        "error",
        "Tried {attempts} times and not applied: {detail}",
        "Run the sync again; the row is tried again by itself.",
        "retried",
    ),
    Code(
        "not_listed",
        "error",
        "No clear answer came, and the list does not show the contact: {detail}",
        "Run the sync again; the row is tried again by itself.",
        "retried",
    ),
    Code(
        "no_clear_answer",
        "error",
        "Sent, but no clear answer came back: {detail}",
        "Run the sync again: it looks the contact up first.",
        "retried",
    ),
    Code(
        "kept_differently",
        "warning",
        "The destination keeps {field} as '{kept}' instead of '{value}'.",
        "Look at the field there; if it is right so, change the mapping to send it like that.",
        "mapping",
    ),
)
