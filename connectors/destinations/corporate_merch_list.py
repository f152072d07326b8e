"""The places in Corporate Merch's list: who stands where, and under which address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.listing import Standing

__all__ = ["Places"]


class Places:
    """Everybody who is known to be in the list. `total` is how many there are, as far as is known.

    A place counts from the end of the list: a list that begins with the newest moves nobody by it when somebody comes.

    >>> places = Places([Standing("7", "ann@example.com", 0), Standing("8", "bea@example.com", 1)])
    >>> places.wrote("9", "cid@example.com"), places.page_of("7", 2), places.page_of("9", 2)
    (True, 2, 1)
    """

    def __init__(self, standings: Iterable[Standing] = ()) -> None:
        self._standings: dict[str, Standing] = {}
        self._ids: dict[str, list[str]] = {}
        for one in standings:
            self.stands(one.contact_id, one.key, one.place)
        self.total = len(self._standings)

    def __len__(self) -> int:
        return len(self._standings)

    def everybody(self) -> frozenset[str]:
        """The ids of all of them."""
        return frozenset(self._standings)

    def ids(self, key: str) -> Sequence[str]:
        """The contacts with this address, in lower case."""
        return self._ids.get(key, ())

    def standing(self, contact_id: str) -> Standing:
        return self._standings[contact_id]

    def page_of(self, contact_id: str, size: int) -> int:
        """The page, from 1, of `size` contacts each; the first for somebody who is not known."""
        one = self._standings.get(contact_id)
        return 1 if one is None else max(0, self.total - 1 - one.place) // size + 1

    def stands(self, contact_id: str, key: str, place: int) -> bool:
        """Somebody was seen at a place; whether that is news: they were not known, or had another address."""
        before = self._standings.get(contact_id)
        if before is not None and before.key != key:
            self._ids[before.key].remove(contact_id)
        if before is None or before.key != key:
            self._ids.setdefault(key, []).append(contact_id)
        self._standings[contact_id] = Standing(contact_id, key, place)
        return before is None or before.key != key

    def wrote(self, contact_id: str, key: str) -> bool:
        """Somebody was created or changed; whether that is news."""
        before = self._standings.get(contact_id)
        if before is not None and before.key == key:
            return False
        if before is None:
            self.total += 1
        self.stands(contact_id, key, self.total - 1 if before is None else before.place)
        return True

    def twice(self) -> dict[str, list[str]]:
        """The ids of contacts that share an address, by that address."""
        return {key: sorted(ids) for key, ids in self._ids.items() if key and len(ids) > 1}
