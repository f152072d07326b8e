"""A destination in front of the real one, for runs whose rows are people that the ledger knows: it decides, and the real one calls.

What is not said here or by the run's own kind is the destination's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.base import Delivered, Known, Remembered, Rules
from mappings.engine.contact import Contact

__all__ = ["InFront"]


class InFront:
    """Nobody moves, and no opt-out is carried: the syncs do that. Of the mapping's `rules` those for types and keys hold."""

    def __init__(self, destination: Any, rules: Rules) -> None:
        self._inner: Any = destination
        self._inner.rules = replace(
            rules, write="merge", writes={}, blanks={}, together=(), follows_since=None
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def rules(self) -> Rules:
        """Those of the destination."""
        own: Rules = self._inner.rules
        return own

    @rules.setter
    def rules(self, rules: Rules) -> None:
        """A settling asks as if it merged, which such a run does anyway."""

    def look_up_calls(self, contact: Contact, remembered: Remembered | None) -> tuple[str, ...]:  # noqa: ARG002
        calls: tuple[str, ...] = self._inner.find_calls if self._inner.finds else ()
        return calls

    async def look_up(
        self,
        contact: Contact,
        remembered: Remembered | None,  # noqa: ARG002 - nobody moves
        *,
        always: bool = False,  # noqa: ARG002 - it always is
    ) -> tuple[Known | None, Known | None]:
        """The contact under the key of its row."""
        found: Known | None = await self._inner.find(contact.key)
        return found, None

    async def opt_out(self, key: str) -> Delivered:  # noqa: ARG002 - whoever it is
        return Delivered("unchanged", "already_out", "such a run carries no opt-out")

    async def opt_out_other(self, contact: Contact) -> Delivered:
        return await self.opt_out(contact.key)

    def other_id_of(self, contact: Contact) -> str:  # noqa: ARG002 - its own key is enough
        return ""
