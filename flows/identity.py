"""Identity: an address that passes from one person to another is not written before the first one has moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.base import Remembered
from flows.ledger import Memory
from flows.whereabouts import Whereabouts

__all__ = ["Identity"]

_REASON = (
    "row {row} has the person to whom this address was delivered, now under another one: this row is sent when that "
    "contact has moved there; of two that swapped addresses, correct one at the destination"
)


class Identity:
    """What the ledger says of addresses, compared with where the file has the persons now."""

    def __init__(self, account: int, mapping: str, memory: Memory, whereabouts: Whereabouts) -> None:
        self._account = account
        self._mapping = mapping
        self._memory = memory
        self._whereabouts = whereabouts

    def checked(
        self, pairs: Sequence[tuple[str, str]], remembered: Mapping[str, Remembered]
    ) -> dict[str, Remembered]:
        """What is remembered of (key, person) pairs, with the conflict where the key is still somebody else's contact.

        That is somebody who stands in this file under another address and has no contact there yet. A row without a
        person id counts as somebody else: whose it is cannot be told.
        """
        checked, persons = dict(remembered), dict(pairs)
        moving = {}
        for key, owner in self._owners(list(persons)).items():
            if owner != persons[key] and (rows := self._whereabouts.elsewhere(owner, key)):
                moving[key] = owner, rows
        homes = self._owners([home for _, rows in moving.values() for _, home in rows]) if moving else {}
        for key, (owner, rows) in moving.items():
            if not any(homes.get(home) == owner for _, home in rows):
                conflict = _REASON.format(row=rows[0][0])
                checked[key] = replace(checked.get(key, Remembered("")), conflict=conflict)
        return checked

    def _owners(self, keys: Sequence[str]) -> dict[str, str]:
        return self._memory.delivered_for(self._account, self._mapping, keys)
