"""A problem: one thing wrong with one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mappings.engine.problems.code import Severity
from mappings.engine.problems.codes import CODES

__all__ = ["Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one row.

    `row` is the number of the data row (from 1), `line` the physical line where it starts. `column` is the
    source's name, or the merge tag where several columns are behind it. `value` is what stood there.
    """

    row: int
    line: int
    code: str
    column: str
    value: str
    message: str
    fix: str
    severity: Severity

    @classmethod
    def of(
        cls, code: str, *, row: int, line: int, column: str = "", value: str = "", **detail: Any
    ) -> Problem:
        """A problem with its texts filled in. Raises KeyError for a code that is not documented."""
        kind = CODES[code]
        known = {"column": column, "value": _shown(value), **detail}
        return cls(
            row=row,
            line=line,
            code=code,
            column=column,
            value=value,
            message=kind.message.format_map(known),
            fix=kind.fix.format_map(known),
            severity=kind.severity,
        )


def _shown(value: str) -> str:
    """The value as a message shows it: at most 80 characters, control characters made visible."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value[:81])
    return text if len(value) <= 80 else text[:79] + "…"
