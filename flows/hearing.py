"""Hearing: what is known of contacts by all who know something, before the run and once more right before each is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from connectors.base import Destination, Known, Remembered
from connectors.errors import SourceError
from flows.batches import Batch
from flows.consent import strictest
from flows.identity import Identity
from flows.knowledge import Knowledge
from flows.ledger import Memory
from flows.suppressions import Suppressions
from mappings.engine.contact import Contact

__all__ = ["Hearing"]

_BEING_SAVED_SECONDS = (0.1, 0.3, 0.6)
"""So long it is waited for a suppression file that somebody is just saving, before the run stops."""


class Hearing:
    """Of the contacts that one mapping sends to one account: the destination's word, the ledger's and the suppression files'.

    `unreadable` is told when a suppression file cannot be read any more: nothing may be sent then. `forget` says of whose key it
    does not count what was delivered before.
    """

    def __init__(
        self,
        account: int,
        mapping: str,
        destination: Destination,
        memory: Memory,
        knowledge: Knowledge,
        suppressions: Suppressions,
        *,
        unreadable: Callable[[SourceError], None],
        forget: Callable[[str], bool] | None = None,
        identity: Identity | None = None,
    ) -> None:
        self._account = account
        self._mapping = mapping
        self._destination = destination
        self._memory = memory
        self._knowledge = knowledge
        self._suppressions = suppressions
        self._unreadable = unreadable
        self._forget = forget
        self._identity = identity

    async def look_up(self, batch: Batch) -> dict[str, tuple[Known | None, Remembered | None, Known | None]]:
        """What is known of a batch's contacts: there under their key, remembered, there under an old key."""
        pairs = [(entry.contact.key, entry.contact.person) for entry in batch.entries]

        def remembering() -> dict[str, Remembered]:
            remembered = self._memory.remembered(self._account, self._mapping, pairs)
            if self._forget is not None:
                remembered = {
                    k: (_without_memory(r) if self._forget(k) else r) for k, r in remembered.items()
                }
            return self._identity.checked(pairs, remembered) if self._identity is not None else remembered

        remembered = await self._memory.beside(remembering)
        keys = [key for key, _ in pairs]
        old = [r.key for key, r in remembered.items() if r.key not in ("", key)]
        known = self._knowledge.known([*keys, *old])

        def hearing() -> dict[str, tuple[Known | None, Remembered | None, Known | None]]:
            found = {}
            for entry in batch.entries:
                key = entry.contact.key
                memory, there = remembered.get(key), known.get(key)
                now = known.get(memory.key) if memory and memory.key != key else None
                found[key] = there, self.heard(entry.contact, memory, there, now, asked=True), now
            return found

        return await self._memory.beside(hearing)

    def heard(
        self, contact: Contact, remembered: Remembered | None, *there: Known | None, asked: bool = False
    ) -> Remembered | None:
        """What is remembered, with what the ledger and the suppression files say at this moment. Raises LedgerError.

        `asked`: of the row's key and the one before it, the ledger has just said what it knows.
        """
        already = {contact.key, remembered.key if remembered is not None else ""} if asked else set()

        def heard(known: Remembered | None, names: set[str]) -> Remembered | None:
            return self._memory.heard(self._account, self._mapping, known, names - already)

        return strictest(contact, remembered, self._suppressions, self._destination.keys, there, heard)

    async def heard_again(
        self, contact: Contact, remembered: Remembered | None, *there: Known | None
    ) -> Remembered | None:
        """The same right before a contact is sent: while a run goes on, others hear opt-outs, and files are added to."""
        for wait in (*_BEING_SAVED_SECONDS, None):
            try:
                self._suppressions.refresh()
                break
            except SourceError as error:
                if wait is None:
                    self._unreadable(error)
                else:
                    await asyncio.sleep(wait)
        return await self._memory.beside(lambda: self.heard(contact, remembered, *there))

    def nobody_looks(self, contact: Contact, remembered: Remembered | None) -> bool:
        """Whether nobody will say how a contact that was delivered before is there now."""
        if self._knowledge.surveyed or remembered is None or remembered.texts is None:
            return False
        return not self._destination.look_up_calls(contact, remembered)


def _without_memory(remembered: Remembered) -> Remembered:
    """For `--resend`: what was delivered does not count, what is known of consent does."""
    return replace(remembered, tags=frozenset(), texts={} if remembered.texts is not None else None)
