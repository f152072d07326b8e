"""The story: files that a source exports one after the other, drawn from a seed, and what has to be there after each of them.

What has to be there is worked out here in a few lines, from file and mapping alone; nothing of muster's engine is asked.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.storm.places import Place

__all__ = ["COLUMNS", "Counts", "Expected", "Person", "Story", "needed"]

COLUMNS = ("Email", "First", "City", "Score", "Tags", "Out")
_TEXTS = ("First", "City", "Score")
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as it has to be there. `texts` are by column."""

    texts: Mapping[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    out: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """How the rows of a file have to be counted. `kept` are those that arrive, whatever their outcome is called."""

    kept: int
    invalid: int
    duplicate: int


class Expected:
    """Who has to be there, by address, and who has said that they want no mail."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.people: dict[str, Person] = {}
        self.objectors: set[str] = set()

    def read(self, rows: Sequence[Row]) -> Counts:
        """One more file is delivered: the last valid row of an address counts, blank cells keep, opt-outs of any row hold for good."""
        winners: dict[str, Row] = {}
        valid = 0
        for row in rows:
            address = row["Email"].strip().lower()
            if "@" not in address:
                continue
            if row["Out"] == "yes" and self._place.mails_people:
                self.objectors.add(address)
                if address in self.people:
                    self.people[address] = replace(self.people[address], out=True)
            if row["Score"].isdigit() or not row["Score"]:
                winners[address] = row
                valid += 1
        for address, row in winners.items():
            before = self.people.get(address, Person())
            out = address in self.objectors
            texts = {**before.texts, **{name: row[name] for name in _TEXTS if row[name]}}
            tags = frozenset(filter(None, row["Tags"].split(";")))
            if out and not self._place.tags_for_all:
                tags = frozenset()
            self.people[address] = Person(texts, before.tags | tags, out)
        return Counts(len(winners), len(rows) - valid, valid - len(winners))


def needed(before: Person | None, after: Person, place: Place) -> int:
    """How many writes lead from one to the other."""
    if before is None:
        return 1
    fields = before.texts != after.texts or before.out != after.out
    tags = before.tags != after.tags
    return fields + tags if place.tags_apart else int(fields or tags)


class Story:
    """Draws files. The same seed draws the same ones."""

    def __init__(self, place: Place, folder: Path, seed: int, *, rows: int = 60) -> None:
        self._place, self._folder, self._rows = place, folder, rows
        self._chance = random.Random(f"story {seed}")
        self._known: list[str] = []
        self._number = 0

    def files(self) -> Iterator[tuple[Path, list[dict[str, str]]]]:
        """One after the other, without an end, each under a name of its own."""
        while True:
            self._number += 1
            rows = self._drawn(self._chance.randint(self._rows // 3, self._rows))
            path = self._folder / f"people-{self._number:04}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
            yield path, rows

    def _drawn(self, count: int) -> list[dict[str, str]]:
        chance = self._chance
        old = chance.sample(self._known, min(len(self._known), count // 2))
        new = [f"p{self._number}-{number}@example.com" for number in range(1, count - len(old) + 1)]
        self._known += new
        rows = [self._row(address) for address in [*old, *new]]
        rows += [self._again(row["Email"]) for row in chance.sample(rows, max(1, count // 12))]
        rows.append({**self._row("nobody"), "Email": "nobody"})
        never = f"n{self._number}@example.com"
        stay = sorted(set(self._known) - set(old) - set(new))
        refused = [
            never,
            *chance.sample(stay, min(1, len(stay))),
        ]  # invalid; the opt-out is carried, or heard for later
        rows += [{**self._row(address), "Score": "many", "Out": "yes"} for address in refused]
        self._known.append(never)
        chance.shuffle(rows)
        return rows

    def _again(self, address: str) -> dict[str, str]:
        """Another row of somebody who has one, whatever way the address is written."""
        return {
            **self._row(address),
            "Email": self._chance.choice([address, address.upper(), f" {address} "]),
        }

    def _row(self, address: str) -> dict[str, str]:
        chance = self._chance
        return {
            "Email": address,
            "First": f"{chance.choice(['Ann', 'Bob', 'Cleo', 'Dörte'])} {chance.randint(1, 9)}",
            "City": chance.choice(["", "Ulm", "Köln", "Łódź"]),
            "Score": chance.choice(["", str(chance.randint(1, 99))]),
            "Tags": ";".join(chance.sample(self._place.tags, chance.randint(0, 2))),
            "Out": "yes" if chance.random() < 0.04 else "",
        }
