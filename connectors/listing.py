"""Who is listed where: what a destination without a look-up is lent of the ledger, and what it tells of its list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from connectors.base import Known

__all__ = ["Listing", "OnlyLists", "Roster", "Standing", "Survey"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A contact in the list of a destination that has no look-up.

    `key` is its address in lower case, `place` how many contacts came into the list before it, so that newcomers at its
    head move nobody.
    """

    contact_id: str
    key: str
    place: int


@dataclass(frozen=True, slots=True)
class Roster:
    """Such a list as the ledger keeps it. `read_at`: when all of its pages were last read, in epoch seconds."""

    standings: Sequence[Standing]
    read_at: float


class Listing(Protocol):
    """The ledger's memory of an account's list, lent to a destination that can only list. A plan's writes nothing."""

    fresh_seconds: float
    """So old it may be before all pages are read again; 0: they always are."""

    def load(self) -> Roster | None:
        """None where not all pages have been read yet."""
        ...

    def save(self, roster: Roster) -> None:
        """Puts one that was read to its end in the place of all that is kept, at once."""
        ...

    def add(self, standings: Sequence[Standing]) -> None:
        """Adds contacts; one that is kept under another address has changed it."""
        ...


@dataclass(frozen=True, slots=True)
class Survey:
    """How the contacts of such a destination were read before a run.

    `contacts` are there on `pages`, of which `read` were read. `known_since` is when the list that was used was read, in
    epoch seconds, None where all pages were read now; `why` says why. `twice` are the ids of contacts that share an
    address, by that address.
    """

    contacts: int
    pages: int
    read: int
    known_since: float | None = None
    why: str = ""
    twice: Mapping[str, Sequence[str]] = field(default_factory=dict)


@runtime_checkable
class OnlyLists(Protocol):
    """A destination without a look-up: who is there is kept in the ledger, and few pages are read for few contacts."""

    listing: Listing | None
    surveyed: Survey | None
    """How it was read last; None before."""

    def survey_of(self, keys: Collection[str]) -> AsyncIterator[list[Known]]:
        """The contacts with these keys as they are now, a page at a time, maybe with others. Raises Unreachable."""
        ...
