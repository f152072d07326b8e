"""Tags that contacts are to get and that the destination does not have: created before the contacts are sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from connectors.base import Delivered, Destination

__all__ = ["NewTags"]


class NewTags:
    """Creates each tag once, however many contacts of however many batches wait for it."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._one_at_a_time = asyncio.Lock()
        self._refused: dict[str, str] = {}

    def missing(self, names: Sequence[str]) -> bool:
        return bool(self._destination.missing_tags(names))

    async def create(self, names: Sequence[str], stopped: Callable[[], bool]) -> Delivered | None:
        """The outcome of a contact that is to get these tags, where one of them was refused; None where it may be sent.

        Nothing more is created once the run has `stopped`. Raises Unreachable, CredentialsError.
        """
        async with self._one_at_a_time:
            missing = self._destination.missing_tags(names)
            new = [name for name in missing if name.casefold() not in self._refused]
            if new and not stopped():
                refused = await self._destination.create_tags(new)
                self._refused |= {name.casefold(): reason for name, reason in refused.items()}
        problems = tuple(
            ("tag_not_created", "tags", name, {"detail": self._refused[name.casefold()]})
            for name in missing
            if name.casefold() in self._refused
        )
        return Delivered("refused", "tags_refused", problems=problems) if problems else None
