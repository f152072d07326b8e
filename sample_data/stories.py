"""Stories, of which a file is made, and how they become rows.

A story is what one person looks like in the file: one row, or several with the same address in a fixed order. A trap
is a list of stories with the reason they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sample_data.dice import Dice

__all__ = [
    "BROKEN",
    "Cells",
    "Change",
    "Row",
    "There",
    "Trap",
    "Twist",
    "cell",
    "each",
    "key_of",
    "told",
    "typo",
]

UNUSABLE_KEY = {"key_blank", "email_syntax", "row_misaligned"}
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e\x00"
BROKEN = (
    "plainaddress", "@example.com", "lena.hofer@", "lena@@example.com", "lena hofer@example.com", "lena@example",
    "lena@-example.com", "lena@example..com", ".lena@example.com", "lena.@example.com", "le..na@example.com",
    "lena@example.com; max@example.net", "lena@exam_ple.com", "mailto:lena@example.com",
    "Lena Hofer <lena@example.com>", "lena at example dot com", "lena(at)example.com", "lena@exa mple.com",
    "http://example.com/lena", "n/a",
)  # fmt: skip
Cells = dict[str, str]
Change = Cells | Callable[[Cells], Cells]
There = Callable[[Cells], dict[str, Any]]


@dataclass(frozen=True)
class Twist:
    """One row of a story: what is changed in the person's cells, and what has to come of it.

    `there` is how the person is there before, as the sandbox's seed takes them; `outcome` what becomes of a good row.
    """

    change: Change = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    filtered: bool = False
    opted_out: bool = False
    shape: str = ""
    there: There | None = None
    outcome: str = "created"


@dataclass(frozen=True)
class Trap:
    """Stories with one reason, and what is to be expected of them."""

    title: str
    expect: str
    stories: tuple[tuple[Twist, ...], ...]


@dataclass
class Row:
    """A row as it is written, with what has to become of it."""

    cells: Cells
    twist: Twist
    trap: str
    key: str
    number: int = 0


def each(
    changes: Sequence[Change], codes: str = "", warnings: str = "", **more: Any
) -> tuple[tuple[Twist, ...], ...]:
    """One story of one row for each change."""
    return tuple(
        (Twist(change, tuple(codes.split()), tuple(warnings.split()), **more),) for change in changes
    )


def cell(column: str, *values: str) -> list[Change]:
    """Changes of one column, one for each value."""
    return [{column: value} for value in values]


def key_of(address: str) -> str:
    """The key as two rows are compared by it: visible, trimmed, lower case."""
    seen = "".join(sign for sign in address if sign not in INVISIBLE).replace("\u00a0", " ")
    return seen.strip().lower()


def told(
    dice: Dice, fresh: Callable[[], Cells], traps: Sequence[Trap], count: int, address: str
) -> list[Row]:
    """`count` rows: the traps' stories, mixed with people about whom there is nothing to say."""
    stories: list[list[Row]] = []
    planted = [(trap.title, story) for trap in traps for story in trap.stories]
    plain = count - sum(len(story) for _, story in planted)
    for title, story in [*planted, *[("", (Twist(),))] * plain]:
        cells, rows = fresh(), []
        for twist in story:
            changed = twist.change(cells) if callable(twist.change) else twist.change
            row = cells | changed
            unusable = UNUSABLE_KEY.intersection(twist.codes) or not key_of(row[address])
            rows.append(Row(row, twist, title, "" if unusable else key_of(row[address])))
        stories.append(rows)
    turns = dice.shuffled([place for place, rows in enumerate(stories) for _ in rows])
    waiting = [iter(rows) for rows in stories]
    ordered = [next(waiting[place]) for place in turns]
    for number, drawn in enumerate(ordered, 1):
        drawn.number = number
    return ordered


def typo(domain: str) -> Change:
    """The person's address at a domain that looks like another one."""
    return lambda cells: {
        name: text.split("@")[0] + "@" + domain for name, text in cells.items() if "@" in text
    }
