"""What can be wrong with a person's rows together, and with what they say of consent."""

from __future__ import annotations

from mappings.engine.problems.code import Code

__all__ = ["CODES"]

CODES = (
    Code(
        "age_unreadable",
        "warning",
        "'{value}' in {column} is no date that tells how new the row is, so it counts as the oldest.",
        "Correct {column}, or name the format: under duplicates: in the mapping.",
    ),
    Code(
        "consent_not_understood",
        "warning",
        "'{value}' in {column} is not understood, so it counts as an opt-out.",
        "List such values under when: or unless: of consent.opted_out in the mapping.",
        "mapping",
    ),
    Code(
        "opt_out_without_key",
        "error",
        "The row says that the person wants no mail, and it has no usable {column}: they may still be mailed.",
        "Unsubscribe them at the destination, or correct the row and send it again: the opt-out goes with it.",
    ),
    Code(
        "consent_date_unreadable",
        "warning",
        "{column} says '{value}', which is no date up to today, so this consent does not count.",
        "Correct {column}, or name the right format: under consent.follow_source in the mapping.",
    ),
    Code(
        "consent_not_followed",
        "warning",
        "The source has a consent, and the person stays unsubscribed: {detail}.",
        "Nothing, if the person wants no mail; otherwise they subscribe again themselves, or the source gets a newer consent.",
    ),
    Code(
        "duplicate_rejected",
        "error",
        "Row {other} has the same {field}, and the mapping rejects duplicates.",
        "Keep one of the rows, or choose duplicates: last or first in the mapping.",
    ),
)
