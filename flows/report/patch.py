"""Corrections as a patch for the CRM: a CSV file that is safe to open and that a CRM can import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from flows.ledger import Correction
from flows.report.failures import TEXT, csv_header, defused, quoted_lines

__all__ = ["COLUMNS", "write_patch"]

COLUMNS = ("person", "column", "original", "corrected", "who", "when", "mapping", "run")
_ONLY_NUMBERS = r"^[+-]?[0-9 ()./-]*$"


def write_patch(found: Sequence[Correction], file: BinaryIO) -> None:
    """Cells are defused as in `failures.csv`, but phone numbers and other numbers with a sign: these do no harm, and a CRM wants them as they are."""
    file.write(csv_header(COLUMNS))
    rows = [
        (one.person, one.column, one.original, one.corrected, one.who, one.made_at, one.mapping, one.run) for one in found
    ]  # fmt: skip
    columns = [pa.array(column, TEXT) for column in zip(*rows, strict=True)]
    if columns:
        file.write(quoted_lines([_safe(column) for column in columns]))


def _safe(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(column, _ONLY_NUMBERS), column, defused(column))
