"""Corporate Merch's creations without a clear answer, settled together by reading its list once, when all else was sent.

The list begins with the newest (that is not documented, so that it is not relied on). Pages are read from the first on until
everybody who is looked for was found. Who is not there is known without reading all pages where

- a page was reached that shows somebody who was there before the run: the newest were all read, and
- those who are known are as many as there are, and
- the last page shows nobody who came since: there the newest would be in the other order.

Else all pages are read, and the ledger's list is renewed by that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.base import Delivered, Known
from connectors.destinations.corporate_merch_pages import Page
from connectors.destinations.corporate_merch_sending import Sending, looked_up
from connectors.endings import Problem
from mappings.engine.contact import Contact

__all__ = ["Settling"]

_NOT_LISTED = "no clear answer came, and the list does not show it; the next sync sends it again"
_NOBODY: frozenset[str] = frozenset()


class Settling(Sending):
    """Looks for those whose creation was not heard of."""

    async def settle_later(self, unclear: Sequence[tuple[Contact, Delivered]]) -> list[Delivered]:
        """See connectors.base.SettlesLater."""
        wanted = {
            contact.key.lower(): self._before.get(contact.key.lower(), _NOBODY) for contact, _ in unclear
        }
        async with self._reading:
            found = await self._found(wanted) if wanted else {}
        return [self._settled(contact, one, found.get(contact.key.lower(), [])) for contact, one in unclear]

    async def _found(self, wanted: Mapping[str, frozenset[str]]) -> dict[str, list[Known]]:
        """Those with the `wanted` addresses who are none of the ids that had one before. Raises Unreachable."""
        found: dict[str, dict[str, Known]] = {}

        def note(contacts: Sequence[Known]) -> None:
            for one in contacts:
                if one.key in wanted and one.contact_id not in wanted[one.key]:
                    found.setdefault(one.key, {})[one.contact_id] = one

        before = self._places.everybody() - self._came
        page = await self._page_meanwhile(1)
        note(page.contacts)
        while len(found) < len(wanted) and page.more and not _shows(page, before):
            page = await self._page_meanwhile(page.number + 1)
            note(page.contacts)
        if len(found) < len(wanted) and not await self._all_known(page):
            async for contacts in self._each(None, "creations without a clear answer are looked for"):
                note(contacts)
        return {key: list(ones.values()) for key, ones in found.items()}

    async def _all_known(self, page: Page) -> bool:
        """Whether everybody is known after the pages up to this one were read."""
        if len(self._places) != page.total:
            return False
        if not page.more:
            return True
        last = await self._page_meanwhile(page.last)
        return last.total == page.total and not _shows(last, self._came)

    def _settled(self, contact: Contact, delivered: Delivered, found: Sequence[Known]) -> Delivered:
        """What became of one, by those who came by its address since it was sent."""
        decision = delivered.decision
        for one in found:
            if self._holds(one, decision):
                body = self._body(contact, None, decision)
                return looked_up(self._landed(contact, decision, one, None, body))
        if found:
            return replace(delivered, contact_id=found[0].contact_id, settled_later=False)
        said: Problem = ("not_listed", "", "", {"detail": delivered.problems[0][3]["detail"]})
        return Delivered(
            "failed", "not_listed", _NOT_LISTED, problems=(said,), decision=decision, untouched=True
        )


def _shows(page: Page, ids: frozenset[str] | set[str]) -> bool:
    return any(one.contact_id in ids for one in page.contacts)
