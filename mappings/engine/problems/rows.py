"""What can be wrong with a row as it was read, and with its key."""

from __future__ import annotations

from mappings.engine.problems.code import Code

__all__ = ["CODES"]

CODES = (
    # the row as it was read
    Code(
        "row_misaligned",
        "error",
        "The row has {detail}, so it is not clear which column each belongs to.",
        "Give each column of the row its cell: quote the one that holds a delimiter, add the delimiter that is missing or remove the one too many, and send the row again.",
    ),
    Code(
        "header_again",
        "error",
        "The row is the header once more: another table may begin here.",
        "Delete the line where the rows below it belong to the same table; else put them into a file of their own.",
    ),
    Code(
        "row_cut_off",
        "error",
        "The file ends inside this row: {detail}.",
        "Export the file again; the end of it is missing.",
    ),
    Code(
        "row_undecodable",
        "error",
        "The row holds bytes that are no text in this encoding: {detail}.",
        "Export the file as UTF-8, or name its encoding under source: in the mapping.",
    ),
    Code(
        "row_unreadable",
        "error",
        "The row cannot be read: {detail}.",
        "Correct it in the source, and send the row again.",
    ),
    Code(
        "cell_too_long",
        "error",
        "A cell of this row holds {detail}.",
        "Look for a quote that is never closed in or before this row.",
    ),
    # the key
    Code(
        "key_blank",
        "error",
        "{column} is blank, and it is how the destination knows the contact.",
        "Fill in {column}, or leave such rows out with where: in the mapping.",
    ),
)
