"""A sample file: how it is made, and what a person should know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sample_data.dice import Dice
from sample_data.lands import Land
from sample_data.people import People
from sample_data.stories import Cells, Row, Trap, told

__all__ = ["Sample"]


@dataclass(frozen=True)
class Sample:
    """One sample file: how it is made, and what a person should know of it."""

    name: str
    mapping: str
    count: int
    first_id: int
    address: str
    about: str
    lands: Sequence[Land]
    cells: Callable[[Dice, People, Iterator[int]], Cells]
    traps: Callable[[], list[Trap]]
    bytes: Callable[[Sequence[Row]], bytes]
    creates: bool = True
    """False where its mapping only updates, so that whoever is not there is filtered."""

    def rows(self) -> list[Row]:
        dice = Dice(self.name)
        people = People(dice, self.lands)
        ids = iter(range(self.first_id, self.first_id + 37 * self.count * 2, 37))
        return told(dice, lambda: self.cells(dice, people, ids), self.traps(), self.count, self.address)
