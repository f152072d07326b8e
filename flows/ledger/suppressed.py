"""Whom each home suppresses, in a ledger that machines share: all of them heed what any of their `suppress.txt` says.

It stands in `meta` under the home's name, as entries of such a file. Addresses are there as hashes: nobody can be read from them.
"""

from __future__ import annotations

from collections.abc import Iterable

from flows.ledger.database import Database

__all__ = ["Suppressed"]

_PREFIX = "suppressed "


class Suppressed:
    """A home is MACHINE:FOLDER. What one says holds until it says otherwise, or is dropped because its machine is gone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, home: str, entries: Iterable[str]) -> None:
        """What the file of this home says now, in the place of what it said before. Durable when it returns."""
        said = "\n".join(sorted(entries))
        before = self._lists().get(home, "")
        if said == before:
            return
        if not said:
            self.drop(home)
            return
        sql = "insert into meta values (?, ?) on conflict (name) do update set value = excluded.value"
        self._database.tell(sql, (_PREFIX + home, said))

    def homes(self) -> dict[str, int]:
        """How many entries each home has, by its name."""
        return {home: said.count("\n") + 1 for home, said in self._lists().items()}

    def of_others(self, home: str) -> dict[str, list[str]]:
        """The entries of all homes but this one."""
        return {other: said.split("\n") for other, said in self._lists().items() if other != home}

    def drop(self, home: str) -> bool:
        """What a home has said does not count any more; whether it had said anything."""
        there = home in self._lists()
        self._database.tell("delete from meta where name = ?", (_PREFIX + home,))
        return there

    def _lists(self) -> dict[str, str]:
        sql = "select name, value from meta where name like ? order by name"
        return {
            name.removeprefix(_PREFIX): value for name, value in self._database.ask(sql, (f"{_PREFIX}%",))
        }
