"""A copy of a report that is fit for a ticket: counts, codes, columns and fixes stay, and nothing of a person does.

What stays is what muster or the mapping says: names of codes, merge tags and mapped columns, and numbers. Everything
else is replaced by a keyed hash or left out, because it may hold a cell.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import string
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from flows.report.details import Column, Details, FieldChange, OddLine, Reason, Twice, UnseenValue
from flows.report.page import Example
from flows.report.problem_group import ProblemGroup
from flows.report.summary import Summary
from flows.report.troubled import Trouble, TroubledRow
from mappings.engine.cleaning import clean_text
from mappings.engine.problems.codes import CODES

__all__ = ["Mask"]

_PURPOSE = b"report\0"
_SHOWN = 12
_UNSAID = "…"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_OF_MUSTER = frozenset({"created", "updated", "deleted", "(others)"})
_TOLD = frozenset({"column", "options", "field", "limit", "format", "kind", "rule", "pattern"})
"""What the mapping or the destination's fields say, so that a fix that holds nothing else can stay."""
_READ_AS = frozenset({"encoding", "delimiter", "quote", "escape", "header_line", "line_endings"})


class Mask:
    """The same text becomes the same hash in all copies made with one `secret`; without it nobody can tell from which text.

    Spaces at the ends and case make no difference, so that one address is one hash. `columns` are the names that may stay:
    those that the mapping names.
    """

    def __init__(self, secret: bytes, columns: Iterable[str] = ()) -> None:
        self._secret = secret
        self._columns = frozenset(columns)

    @classmethod
    def of(cls, secret: bytes, details: Details) -> Mask:
        """With the columns of a run that its mapping uses, and its merge tags."""
        used = [column for column in details.columns if column.use == "used"]
        tags = [tag for column in used for tag in column.into] + [one.tag for one in details.changes]
        return cls(secret, [*(column.name for column in used), *tags])

    def text(self, text: str) -> str:
        """A text's hash; a blank stays blank."""
        if not text:
            return ""
        known = _PURPOSE + clean_text(text).casefold().encode("utf-8", "surrogatepass")
        return "#" + hmac.new(self._secret, known, hashlib.sha256).hexdigest()[:_SHOWN]

    def column(self, name: str) -> str:
        """A column's name where the mapping names it, else its hash; several are joined by a slash."""
        pieces = name.split(" / ")
        return name if all(piece in self._columns or not piece for piece in pieces) else self.text(name)

    def code(self, code: str) -> str:
        """A problem's code, or what an outcome says as one."""
        return code if code in CODES or _PLAIN.fullmatch(code) else self.text(code)

    # what the page reads from the run's folder

    def example(self, code: str, column: str, example: Example) -> Example:
        """Row and line stay, and what is wrong in general."""
        masked = self.text(example.value)
        return replace(
            example, value=masked, length=len(masked), message=_message(code, self.column(column), masked)
        )

    def row(self, row: TroubledRow) -> TroubledRow:
        """Row, line, outcome and codes stay."""
        return replace(row, key=self.text(row.key), troubles=tuple(map(self._trouble, row.troubles)))

    def _trouble(self, trouble: Trouble) -> Trouble:
        masked = self.text(trouble.value)
        return Trouble(
            self.code(trouble.code),
            self.column(trouble.column),
            masked,
            len(masked),
            _message(trouble.code, self.column(trouble.column), masked),
        )

    # what was summed up

    def summary(self, summary: Summary) -> Summary:
        """What `summary.json` may say."""
        source = summary.source.model_copy(
            update={"path": self.text(summary.source.path), "sha256": self.text(summary.source.sha256)}
        )
        rehearsal = summary.rehearsal and summary.rehearsal.model_copy(update={"would_ask": ""})
        changed = {
            "source": source,
            "problems": [self._group(group) for group in summary.problems],
            "warnings": {self.code(code): count for code, count in summary.warnings.items()},
            "kept_differently": self._counted(summary.kept_differently),
            "automations": {self._automation(name): count for name, count in summary.automations.items()},
            "automation_reasons": {
                self._automation(name): self._counted(reasons)
                for name, reasons in summary.automation_reasons.items()
            },
            "rehearsal": rehearsal,
            "override_details": [
                one.model_copy(update={"who": self.text(one.who), "why": self.text(one.why)})
                for one in summary.override_details
            ],
            "corrected": summary.corrected.model_copy(
                update={
                    "columns": {self.column(name): count for name, count in summary.corrected.columns.items()}
                }
            ),
        }
        return summary.model_copy(update=changed)

    def _group(self, group: ProblemGroup) -> ProblemGroup:
        column = self.column(group.column)
        return group.model_copy(
            update={"code": self.code(group.code), "column": column, "fix": _fix(group, column)}
        )

    def _automation(self, name: str) -> str:
        return name if _PLAIN.fullmatch(name) else self.text(name)

    def _counted(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Counts by merge tag; a tag or list may be somebody's, or a cell."""
        stay = self._columns | _OF_MUSTER
        return {name if name in stay else self.text(name): count for name, count in counts.items()}

    def details(self, details: Details, summary: Summary, reasons: Iterable[tuple[str, str, int]]) -> Details:
        """What else the page may say. `reasons` are outcome, code and count, which take the place of their words."""
        changed: dict[str, Any] = {
            "title": summary.mapping.name,
            "mapping_path": self.text(details.mapping_path),
            "columns": [self._column(at, column) for at, column in enumerate(details.columns, 1)],
            "oddities": _how_many(len(details.oddities)),
            "reasons": [
                Reason(outcome=outcome, reason=self.code(code), count=count)
                for outcome, code, count in reasons
                if code
            ],
            "source_reading": {n: said for n, said in details.source_reading.items() if n in _READ_AS},
            "newcomers": self.code(details.newcomers) if details.newcomers else "",
            "unseen": [self._unseen(one) for one in details.unseen],
            "listing": details.listing and details.listing.model_copy(update={"why": ""}),
            "twice": [
                Twice(address=self.text(one.address), ids=[self.text(there) for there in one.ids])
                for one in details.twice
            ],
            "changes": [
                FieldChange(tag=one.tag, count=one.count, examples=self._pairs(one.examples))
                for one in details.changes
            ],
            "kept_examples": {
                name if name in self._columns else self.text(name): self._pairs(pairs)
                for name, pairs in details.kept_examples.items()
            },
        }
        return details.model_copy(update=changed)

    def _column(self, at: int, column: Column) -> Column:
        """Where there was no header, a column may be called by somebody's address."""
        return column if column.use == "used" else column.model_copy(update={"name": f"column {at}"})

    def _unseen(self, one: UnseenValue) -> UnseenValue:
        masked = self.text(one.value)
        return one.model_copy(
            update={"column": self.column(one.column), "value": masked, "line": f"{masked}: {_UNSAID}"}
        )

    def _pairs(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(self.text(one), self.text(other)) for one, other in pairs]


def _how_many(oddities: int) -> list[OddLine]:
    said = f"{oddities:,} thing{'s' if oddities > 1 else ''} that the report itself tells."
    return [OddLine(line=0, message=said)] if oddities else []


class _Unsaid(dict[str, str]):
    """What a template's other names are replaced by."""

    def __missing__(self, key: str) -> str:
        return _UNSAID


def _message(code: str, column: str, masked: str) -> str:
    """What is wrong in general: the code's own words, with the hash of the value and nothing else of the row."""
    known = _Unsaid(column=column, value=masked)
    return CODES[code].message.format_map(known) if code in CODES else _UNSAID


def _fix(group: ProblemGroup, column: str) -> str:
    """The fix as it stands where only mapping and destination have a say in it; else the code's own words."""
    if group.code not in CODES:
        return ""
    fix = CODES[group.code].fix
    names = {name for _, name, _, _ in string.Formatter().parse(fix) if name}
    if column == group.column and names <= _TOLD:
        return group.fix
    return fix.format_map(_Unsaid(column=column))
