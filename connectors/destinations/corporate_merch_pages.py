"""The pages of a Corporate Merch account's list, which is all that can be read of it: there is no look-up.

A page holds 50 (100 where that is known to work), the newest first; while they are read, newcomers push others to the next page, so that one may come
twice and is counted once. Where the account shrinks meanwhile, the page before is read once more, because somebody has
moved to it.

Who is there, and where in the list, is kept in the ledger. For a run with few rows the first page is read, and those on
which its contacts stand. All are read again where that is not more, where the list is too old, and where anything does not
fit: those that are kept and the newcomers on the first pages have to be as many as there are, which also finds another order
of the list, and everybody has to stand where they are kept, with the same address. What is not found so is an address that
somebody changed there by hand to that of a row: it counts as new until all pages are read again.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from connectors.answer import Answer
from connectors.base import Known, Rules
from connectors.breaker import Breaker
from connectors.destinations.corporate_merch_fields import TYPES
from connectors.destinations.corporate_merch_inferred import Inferred
from connectors.destinations.corporate_merch_list import Places
from connectors.errors import Unreachable
from connectors.http import Turns, Wire
from connectors.listing import Listing, Roster, Survey
from connectors.patience import Patience
from connectors.traffic import Traffic
from mappings.engine.memberships import number_of

__all__ = ["LIST", "TWICE", "Page", "Paging", "data_of"]

LIST = "GET /contacts"
TWICE = "two contacts there have this address"
"""The status of a contact that shares its address; it has none of its own."""
_MOST_STEPS_BACK = 20


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list: its contacts, whether more follow, the last page's number, and how many there are in all.

    `news` are the ids of those who were not known before, or had another address.
    """

    number: int
    contacts: list[Known]
    more: bool
    last: int
    total: int
    news: tuple[str, ...] = ()


class Paging:
    """Reads pages, some or all. What was read of the list is kept: where each contact stands, and for the run who was read again."""

    inferred = Inferred()

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        turns: Turns,
        rules: Rules | None = None,
        patience: Patience | None = None,
        inferred: Inferred | None = None,
        window: float = 60.0,
    ) -> None:
        """`window`: so many seconds the headers of the rate speak of."""
        self.rules = rules or Rules(key="email")
        self.inferred = inferred or self.inferred
        self.listing: Listing | None = None
        self.surveyed: Survey | None = None
        self._wire = Wire(
            base_url, key, turns, patience=patience, window=window, health="/contacts?page=1&limit=1"
        )
        self._places = Places()
        self._again: dict[str, Known] = {}
        self._came: set[str] = set()
        """Who was created or seen to have come since the account was surveyed."""

    @property
    def traffic(self) -> Traffic:
        return self._wire.traffic

    @property
    def breaker(self) -> Breaker:
        return self._wire.breaker

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.__aexit__(kind, error, trace)

    async def count(self) -> tuple[int, int]:
        """How many contacts there are, and how many pages."""
        page = await self._page(1)
        return page.total, page.last

    async def survey(self) -> AsyncIterator[list[Known]]:
        """All contacts, each once; of several with one address the oldest, once more, with the status TWICE."""
        async for page in self._all(None, ""):
            yield page

    async def survey_of(self, keys: Collection[str]) -> AsyncIterator[list[Known]]:
        """The contacts with these addresses, and whoever stands on the same pages; all where few pages do not do."""
        roster, why = self._roster()
        if roster is None:
            async for everybody in self._all(None, why):
                yield everybody
            return
        kept = {one.contact_id: one.key for one in roster.standings}
        self._places = Places(roster.standings)
        wanted = {one for key in keys for one in self._places.ids(key.lower())}
        first = await self._page(1)
        read, fits = await self._newcomers(first, kept)
        wanted |= {one for key in keys for one in self._places.ids(key.lower())}
        pages = sorted({self._places.page_of(one, self.inferred.per_page) for one in wanted} - read.keys())
        why = "" if fits else "it no longer tells who is there"
        if not fits or len(read) + len(pages) >= first.last:
            async for everybody in self._all(first, why or "the pages of these rows are no fewer"):
                yield everybody
            return
        for number in pages:
            read[number] = await self._page(number)
        seen = {one.contact_id: one.key for page in read.values() for one in page.contacts}
        news = [one for one, key in seen.items() if kept.get(one) != key]
        if any(one not in seen or seen[one] != kept.get(one, seen[one]) for one in wanted):
            async for everybody in self._all(None, "somebody does not stand where the list has them"):
                yield everybody
            return
        if self.listing is not None:
            self.listing.add([self._places.standing(one) for one in news])
        self.surveyed = Survey(first.total, first.last, len(read), roster.read_at, twice=self._places.twice())
        for page in read.values():
            yield [self._one_of(one) for one in page.contacts]

    def _roster(self) -> tuple[Roster | None, str]:
        """The list that the ledger has; None with the reason where all pages have to be read."""
        roster = self.listing.load() if self.listing is not None else None
        if self.listing is None or roster is None:
            return None, "no list of them is kept yet"
        if time.time() - roster.read_at >= self.listing.fresh_seconds:
            return None, "the list that is kept is too old"
        return roster, ""

    async def _newcomers(self, first: Page, kept: Collection[str]) -> tuple[dict[int, Page], bool]:
        """The pages that have to be read for who came since the list was kept; whether all are accounted for then."""
        came: set[str] = set()
        read, page = {1: first}, first
        while True:
            new = {one.contact_id for one in page.contacts} - set(kept)
            came |= new
            known = len(kept) + len(came)
            if known >= page.total or len(new) < len(page.contacts) or not page.more:
                return read, known == page.total == first.total
            page = await self._page(page.number + 1)
            read[page.number] = page

    async def _all(self, first: Page | None, why: str) -> AsyncIterator[list[Known]]:
        """Everybody; of those who share an address, the oldest in the place of each."""
        async for contacts in self._each(first, why):
            yield [self._one_of(one) for one in contacts]

    async def _each(self, first: Page | None, why: str) -> AsyncIterator[list[Known]]:
        """All pages, `first` being the one that was just read; kept in the ledger when the last one was read."""
        began = time.time()
        self._places = Places()
        seen: set[str] = set()
        number, total, back, read = 1, 0, 0, 0
        while True:
            if first is not None:
                page, first = first, None
                self._stand(page)
            else:
                page = await self._page(number)
            read += 1
            fresh = [one for one in page.contacts if one.contact_id not in seen]
            seen.update(one.contact_id for one in fresh)
            yield fresh
            shrunk, total = page.total < total, page.total
            if shrunk and number > 1 and back < _MOST_STEPS_BACK:
                number, back = number - 1, back + 1
            elif page.more and page.contacts:
                number += 1
            else:
                break
        if self.listing is not None:
            self.listing.save(Roster([self._places.standing(one) for one in seen], began))
        self.surveyed = Survey(total, page.last, read, why=why, twice=self._places.twice())

    def _one_of(self, known: Known) -> Known:
        """The contact; where another one has its address, the oldest of them."""
        ids = self._places.ids(known.key)
        if len(ids) < 2:
            return known
        return replace(known, contact_id=min(ids, key=lambda one: (len(one), one)), status=TWICE)

    def _stand(self, page: Page) -> tuple[str, ...]:
        """Notes where the contacts of a page stand; the ids of those of whom that is news."""
        self._places.total = page.total
        news = []
        for index, one in enumerate(page.contacts, start=(page.number - 1) * self.inferred.per_page):
            if self._places.stands(one.contact_id, one.key, page.total - 1 - index):
                news.append(one.contact_id)
        return tuple(news)

    async def _page_meanwhile(self, number: int, *, keep: bool = False) -> Page:
        """A page that is read after the survey: who came is noted, in the ledger's list as well. Raises Unreachable."""
        page = await self._page(number, keep=keep)
        self._came.update(page.news)
        if page.news and self.listing is not None:
            self.listing.add([self._places.standing(one) for one in page.news])
        return page

    def _wrote(self, written: Known) -> None:
        """Notes a contact that this run created or changed."""
        if not self._places.wrote(written.contact_id, written.key):
            return
        self._came.add(written.contact_id)
        if self.listing is not None:
            self.listing.add([self._places.standing(written.contact_id)])

    async def _page(self, number: int, *, limit: int = 0, keep: bool = False) -> Page:
        """A page of the list, a whole one without `limit`; with `keep`, its contacts count as read again. Raises Unreachable."""
        whole = self.inferred.per_page
        limit = limit or whole
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
        total = _whole(about.get("total"), len(contacts))
        last = _whole(about.get("last_page"), max(1, -(-total // limit)))
        more = about.get("has_more")
        page = Page(number, contacts, bool(more) if more is not None else number < last, last, total)
        if limit == whole:
            page = replace(page, news=self._stand(page))
        if keep:
            self._again |= {one.contact_id: one for one in contacts}
        return page

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
