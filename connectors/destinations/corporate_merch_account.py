"""A Corporate Merch account, as far as it can be read: its contacts, page by page. There is no look-up.

A page holds 50, the newest first; while they are read, newcomers push others to the next page, so that one may come
twice and is counted once. Where the account shrinks meanwhile, the page before is read once more, because somebody has
moved to it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from connectors.base import Known, Remembered, Rules
from connectors.destinations.corporate_merch_fields import TYPES, schema
from connectors.destinations.corporate_merch_inferred import Inferred
from connectors.errors import Unreachable
from connectors.http import Answer, Patience, Traffic, Turns, Wire
from mappings.engine.contact import Contact
from mappings.engine.memberships import number_of
from mappings.engine.schema import Schema

__all__ = ["LIST", "TWICE", "Account", "Page", "data_of"]

LIST = "GET /contacts"
TWICE = "two contacts there have this address"
"""The status of a contact that shares its address; it has none of its own."""
_PAGE = 50
_MOST_STEPS_BACK = 20


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list: its contacts, whether more follow, the last page's number, and how many there are in all."""

    number: int
    contacts: list[Known]
    more: bool
    last: int
    total: int


class Account:
    """Reads only. What was read of the list is kept for the run: where each contact stands, and who was read again."""

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
    opt_out_automations: Mapping[str, int] = {}
    create_tag_calls: tuple[str, ...] = ()
    fresh_seconds = 3600.0
    """An hour is 2,400 requests: read more often, the account would take as long to read as to write."""
    field_types: Mapping[str, str] = {}
    inferred = Inferred()

    @staticmethod
    def name_problem(merge_tag: str) -> str:  # noqa: ARG004 - whichever it is
        """No field can be added there."""
        return "the fields are the same for everybody there, and none can be added"

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        turns: Turns,
        rules: Rules | None = None,
        patience: Patience | None = None,
        inferred: Inferred | None = None,
    ) -> None:
        self.rules = rules or Rules(key="email")
        self.inferred = inferred or self.inferred
        self._wire = Wire(base_url, key, turns, patience=patience)
        self._stands: dict[str, int] = {}
        self._ids: dict[str, list[str]] = {}
        self._again: dict[str, Known] = {}
        self._everybody: dict[str, Known] | None = None
        self._added = 0
        self._news_at = time.time()
        self._reading = asyncio.Lock()

    @property
    def traffic(self) -> Traffic:
        return self._wire.traffic

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.__aexit__(kind, error, trace)

    async def read_schema(self) -> Schema:
        """The documented fields. One contact is asked for, which proves address and key."""
        await self._page(1, limit=1)
        return schema()

    @staticmethod
    def documented_schema() -> Schema:
        """The same without asking: every account has these fields."""
        return schema()

    # pages

    async def count(self) -> tuple[int, int]:
        """How many contacts there are, and how many pages."""
        page = await self._page(1, limit=_PAGE)
        return page.total, page.last

    async def survey(self) -> AsyncIterator[list[Known]]:
        """All contacts, each once; of several with one address the oldest, once more, with the status TWICE."""
        seen: set[str] = set()
        number, total, back = 1, 0, 0
        while True:
            page = await self._page(number)
            fresh = [one for one in page.contacts if one.contact_id not in seen]
            seen.update(one.contact_id for one in fresh)
            yield [self._one_of(one) for one in fresh]
            shrunk, total = page.total < total, page.total
            if shrunk and number > 1 and back < _MOST_STEPS_BACK:
                number, back = number - 1, back + 1
            elif page.more and page.contacts:
                number += 1
            else:
                return

    def _one_of(self, known: Known) -> Known:
        """The contact; where another one has its address, the oldest of them."""
        ids = self._ids[known.key]
        if len(ids) < 2:
            return known
        return replace(known, contact_id=min(ids, key=lambda one: (len(one), one)), status=TWICE)

    async def _page(self, number: int, *, limit: int = _PAGE, keep: bool = False) -> Page:
        """A page of the list; with `keep`, its contacts count as read again. Raises Unreachable."""
        params = {"page": str(number), "limit": str(limit)}
        answer = await self._wire.ask("GET", "/contacts", params=params)
        listed = data_of(answer)
        about = answer.body.get("pagination") if isinstance(answer.body, dict) else None
        if not isinstance(listed, list) or not isinstance(about, dict):
            raise Unreachable(
                f"{self._wire.base_url}/contacts did not list the contacts: {answer.detail}",
                "Check CORPORATE_MERCH_BASE_URL; it ends in /v2.",
            )
        seen = time.time()
        contacts = [self._known(raw, seen) for raw in listed if isinstance(raw, dict)]
        for one in contacts if limit == _PAGE else ():
            self._stands[one.contact_id] = number - self._added // _PAGE
            ids = self._ids.setdefault(one.key, [])
            if one.contact_id not in ids:
                ids.append(one.contact_id)
            if keep:
                self._again[one.contact_id] = one
        total = _whole(about.get("total"), len(contacts))
        last = _whole(about.get("last_page"), max(1, -(-total // limit)))
        more = about.get("has_more")
        return Page(number, contacts, bool(more) if more is not None else number < last, last, total)

    def _known(self, raw: Mapping[str, Any], seen: float) -> Known:
        self.inferred = self.inferred.learned(raw)
        fields = {tag: value for name, value in raw.items() if (tag := self.inferred.tag(name)) in TYPES}
        labels, lists = _numbers(raw.get("labels")), _numbers(raw.get("lists"))
        return Known(
            contact_id=str(raw.get("id", "")),
            key=str(raw.get("email") or "").strip().lower(),
            status="",
            opted_out=True,  # nobody is mailed there
            fields=fields,
            tags=labels or frozenset(),
            seen=seen,
            lists=None if labels is None else lists,
        )

    # one contact

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
        self, contact: Contact, remembered: Remembered | None
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
            stood = self._stands.get(contact_id, 1) + self._added // _PAGE
            last = stood
            for number in (stood, stood + 1, stood - 1):
                if 1 <= number <= max(last, 1):
                    last = (await self._page(number, keep=True)).last
                    if (read := self._again.get(contact_id)) is not None and read.seen >= since:
                        return read
            number, more = 1, True
            while more:
                page = await self._page(number, keep=True)
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
                    before = len(self._stands)
                    page = await self._page(number, keep=True)
                    number, more = number + 1, page.more and len(self._stands) > before
                self._news_at = time.time()
            ids = self._ids.get(key, ())
            return next((self._again[one] for one in ids if one in self._again), None)

    def _ids_with(self, key: str) -> frozenset[str]:
        """The ids of those with this address, as far as they were read."""
        return frozenset(self._ids.get(key, ()))

    async def _newcomer(self, key: str, before: frozenset[str]) -> tuple[Known | None, bool]:
        """Somebody with this address who is none of `before`, among the newest; and whether all were read for it."""
        async with self._reading:
            page = await self._page(1, keep=True)
            wanted = [1, page.last, 2] if page.more else [1]
            read: set[int] = set()
            for number in wanted:
                if number in read or number > page.last:
                    continue
                page = page if number == 1 else await self._page(number, keep=True)
                read.add(number)
                for one in page.contacts:
                    if one.key == key and one.contact_id not in before:
                        return one, True
            return None, read >= set(range(1, page.last + 1))


def data_of(answer: Answer) -> Any:
    """What a good answer holds; None where it is no good answer."""
    return answer.body.get("data") if answer.done and isinstance(answer.body, dict) else None


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise


def _numbers(shown: Any) -> frozenset[str] | None:
    """The numbers of lists or labels, shown as numbers or as objects; None where they are not shown."""
    if not isinstance(shown, Collection) or isinstance(shown, str):
        return None
    found = frozenset(str(one.get("id") if isinstance(one, dict) else one) for one in shown)
    return found if all(number_of(one) for one in found) else None
