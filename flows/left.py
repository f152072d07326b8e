"""The batches that a run has left to deliver."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from flows.batches import Batch

__all__ = ["Left"]


class Left:
    """Batches, made as they are asked for. Asked again, it goes on with those that were given away and not delivered."""

    def __init__(self, made: Iterable[Batch], delivered: Collection[int]) -> None:
        self._made = iter(made)
        self._delivered = delivered
        self._begun: dict[int, Batch] = {}

    def __iter__(self) -> Iterator[Batch]:
        yield from self._open()
        for batch in self._made:
            self._begun = {one.number: one for one in (*self._open(), batch)}
            yield batch

    def _open(self) -> list[Batch]:
        return [one for one in self._begun.values() if one.number not in self._delivered]
