"""What only the page shows, beside the numbers of a run."""

from __future__ import annotations

from typing import Literal

from flows.report.model import Count, Model, Rate

__all__ = [
    "Column",
    "Compared",
    "Comparison",
    "Details",
    "FieldChange",
    "ListingFacts",
    "OddLine",
    "Reason",
    "Twice",
    "UnseenValue",
]


class Column(Model):
    """A column of the source: what became of it, and in how many of its rows it is filled."""

    name: str
    use: Literal["used", "ignored", "unmapped"]
    into: list[str] = []
    filled: Count
    rows: Count


class OddLine(Model):
    """Something odd about the file. `line` 0 is the file as a whole."""

    line: Count
    message: str


class Reason(Model):
    outcome: str
    reason: str
    count: Count


class UnseenValue(Model):
    """A value that stood in no `values:` table; `line` is what to add there."""

    field: str
    column: str
    value: str
    count: Count
    line: str


class Compared(Model):
    """An outcome as it was planned and as it came."""

    outcome: str
    planned: Count
    done: Count


class Comparison(Model):
    """What was planned and what was done. `plan` says when the plan that was named was made, '' where none was and the sync's own decisions count."""

    plan: str = ""
    estimated: bool = False
    outcomes: list[Compared] = []

    @property
    def differing(self) -> list[Compared]:
        return [one for one in self.outcomes if one.planned != one.done]


class ListingFacts(Model):
    """How the contacts were read of a destination that has no look-up.

    `contacts` are there on `pages`, of which `read` were read. `hours_old` is the age of the list in the ledger that told
    of the others, none where all pages were read; `why` says why they were. `twice` addresses have several contacts there.
    """

    contacts: Count
    pages: Count
    read: Count
    hours_old: Rate | None = None
    why: str = ""
    twice: Count = 0


class Twice(Model):
    """An address that several contacts have at the destination, and their ids there."""

    address: str
    ids: list[str]


class FieldChange(Model):
    """A merge tag whose value changed for `count` contacts that were there, with pairs of old and new value; '' is blank."""

    tag: str
    count: Count
    examples: list[tuple[str, str]] = []


class Details(Model):
    """What the page shows beside the summary. `pace_series` holds (second since the start, answers in it).

    `changes` has the most frequent first. `kept_examples` are, by merge tag, pairs of what was sent and what is there.
    `new_rows` are the first thousand rows that need a person and did not in the same way in the previous run.
    """

    title: str
    mapping_path: str
    plan_only: bool = False
    columns: list[Column] = []
    oddities: list[OddLine] = []
    reasons: list[Reason] = []
    pace_series: list[tuple[int, int]] = []
    source_reading: dict[str, str] = {}
    newcomers: str = ""
    unseen: list[UnseenValue] = []
    comparison: Comparison | None = None
    listing: ListingFacts | None = None
    twice: list[Twice] = []
    changes: list[FieldChange] = []
    kept_examples: dict[str, list[tuple[str, str]]] = {}
    new_rows: list[int] | None = None
