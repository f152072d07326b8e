"""A Corporate Merch account, as far as it can be read: its fields, and single contacts, whose pages are read again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from connectors.base import Known, Remembered, Started
from connectors.destinations.corporate_merch_fields import schema
from connectors.destinations.corporate_merch_inferred import Inferred
from connectors.destinations.corporate_merch_pages import LIST, Paging
from mappings.engine.contact import Contact
from mappings.engine.schema import Schema

__all__ = ["Account"]


class Account(Paging):
    """Reads only. What was read of the list is kept: where each contact stands, and for the run who was read again."""

    default_base_url = "https://api.corporatemerch.com/v2"
    per_second = 40 / 60
    mails_people = False
    deletes = False
    keys: tuple[str, ...] = ("email",)
    surveys = True
    tells_changes = False
    finds = False
    find_calls: tuple[str, ...] = (LIST,)
    opt_out_calls: tuple[str, ...] = ()
    creation_starts = ""
    opt_out_automations: ClassVar[Started] = {}
    create_tag_calls: tuple[str, ...] = ()
    fresh_seconds = 900.0
    """A quarter of an hour is 600 requests: read much more often, an account would take as long to read as to write."""
    field_types: Mapping[str, str] = {}
    answers: Mapping[str, str] = {}
    """What is known beyond the documentation; it takes the place of what is inferred when the schema is read."""

    @staticmethod
    def name_problem(merge_tag: str) -> str:  # noqa: ARG004 - whichever it is
        """No field can be added there."""
        return "the fields are the same for everybody there, and none can be added"

    def __init__(self, **wire: Any) -> None:
        super().__init__(**wire)
        self._everybody: dict[str, Known] | None = None
        self._news_at = time.time()
        self._reading = asyncio.Lock()
        self._before: dict[str, frozenset[str]] = {}
        """The ids that had an address right before a contact with it was created, of those without a clear answer."""

    async def read_schema(self) -> Schema:
        """The documented fields. One contact is asked for, which proves address and key."""
        if self.answers:
            self.inferred = Inferred.known(self.answers)
        await self._page(1, limit=1)
        return schema(self.answers)

    @staticmethod
    def documented_schema(answers: Mapping[str, str] | None = None) -> Schema:
        """The same without asking: every account has these fields."""
        return schema(answers)

    async def survey_opted_out(self) -> AsyncIterator[list[Known]]:
        """Nobody: it mails nobody, so that nobody can want no mail."""
        nobody: list[list[Known]] = []
        for page in nobody:
            yield page

    async def find(self, key: str) -> Known | None:
        """One contact by its address. The whole list is read for the first, and kept. Raises Unreachable."""
        async with self._reading:
            if self._everybody is None:
                everybody: dict[str, Known] = {}
                async for page in self.survey():
                    everybody |= {one.key: one for one in page if one.key}
                self._everybody = everybody
        return self._everybody.get(key.lower())

    async def look_up(
        self,
        contact: Contact,
        remembered: Remembered | None,
        *,
        always: bool = False,  # noqa: ARG002 - it always is
    ) -> tuple[Known | None, Known | None]:
        """The contact under its address, and under the one that the person had before."""
        known = await self.find(contact.key)
        moved = remembered is not None and remembered.key not in ("", contact.key)
        return known, await self.find(remembered.key) if moved and remembered is not None else None

    def look_up_calls(self, contact: Contact, remembered: Remembered | None) -> tuple[str, ...]:  # noqa: ARG002
        """None: the list is read before, for all of them."""
        return ()

    async def _read_again(self, contact_id: str, since: float) -> Known | None:
        """A contact as it is after `since`: its page is read again, the ones beside it, at last all. None: it is gone."""
        async with self._reading:
            if (read := self._again.get(contact_id)) is not None and read.seen >= since:
                return read
            stood = self._places.page_of(contact_id, self.inferred.per_page)
            last = stood
            for number in (stood, stood + 1, stood - 1):
                if 1 <= number <= max(last, 1):
                    last = (await self._page_meanwhile(number, keep=True)).last
                    if (read := self._again.get(contact_id)) is not None and read.seen >= since:
                        return read
            number, more = 1, True
            while more:
                page = await self._page_meanwhile(number, keep=True)
                if (read := self._again.get(contact_id)) is not None and read.seen >= since:
                    return read
                number, more = number + 1, page.more and bool(page.contacts)
            return None

    async def _newly_there(self, key: str) -> Known | None:
        """Somebody with this address who came while the run went on. The newest are read at most every `fresh_seconds`."""
        async with self._reading:
            if time.time() - self._news_at > self.fresh_seconds:
                number, more = 1, True
                while more:
                    before = len(self._places)
                    page = await self._page_meanwhile(number, keep=True)
                    number, more = number + 1, page.more and len(self._places) > before
                self._news_at = time.time()
            ids = self._places.ids(key)
            return next((self._again[one] for one in ids if one in self._again), None)

    def _ids_with(self, key: str) -> frozenset[str]:
        """The ids of those with this address, as far as they were read."""
        return frozenset(self._places.ids(key))
