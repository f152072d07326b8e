"""What an undo found, and left as it is."""

from __future__ import annotations

from mappings.engine.problems.code import Code

__all__ = ["CODES"]

CODES = (
    Code(
        "changed_since",
        "warning",
        "{field} is '{value}' now, which the run did not write: somebody changed it since, so it stays. Before the run it was '{before}'.",
        "Change {field} of this contact in the destination's own app, if it should be as it was.",
        "account",
    ),
    Code(
        "not_emptied",
        "warning",
        "{field} still holds '{value}': nothing was there before the run, and this destination cannot be told to empty it.",
        "Empty {field} of this contact in the destination's own app.",
        "account",
    ),
    Code(
        "name_gone",
        "warning",
        "'{value}' is not given back: it does not exist there any more.",
        "Create it there and add the contact to it in the destination's own app, if it should be as it was.",
        "account",
    ),
    Code(
        "opt_out_stays",
        "warning",
        "The contact stays as it is ({value}), and is not subscribed again: {why}.",
        "Nothing, if the person wants no mail; otherwise they subscribe again themselves.",
        "account",
    ),
    Code(
        "id_changed",
        "warning",
        "The destination answered with another contact than the one that was looked up ({was}, and now {now}).",
        "Look at the row's contact in the destination's own app: somebody removed or merged it at that moment, and what it held "
        "may be lost there.",
        "account",
    ),
)
