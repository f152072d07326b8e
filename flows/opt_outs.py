"""Opt-outs for the CRM: everybody who wants no mail, as destination, ledger and suppression file know it.

What the destination says is filed in the ledger first, so that every sync heeds it; then the ledger is exported.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from typing import BinaryIO

import pyarrow as pa

from connectors.base import Destination, Known
from connectors.errors import LookUpRefused
from flows.ledger import Account, Ledger
from flows.ledger.opt_outs import Person
from flows.report.failures import csv_header, csv_lines
from flows.suppressions import Suppressions

__all__ = ["OptOut", "Said", "ask", "counted", "export", "listed", "tag_of", "write_csv"]

_AT_ONCE = 250
_FILED = 5000


@dataclass(frozen=True, slots=True)
class OptOut:
    """One person of one account. The names are the columns of the CSV.

    `address` is their key where no address is known. `status` is what the destination says now, '' where it does not
    say that they are out, or was not asked. `known_since` is ISO 8601 in UTC, '' where a file says no time.
    """

    address: str
    person: str
    known_since: str
    said_by: str
    status: str
    destination: str
    account: str


@dataclass(slots=True)
class Said:
    """What a destination said: status and address by key. `refused` is how many could not be looked up."""

    status: dict[str, str] = field(default_factory=dict)
    address: dict[str, str] = field(default_factory=dict)
    refused: int = 0

    def hears(self, known: Known, key: str, tags: Sequence[str]) -> None:
        self.status[key] = known.status.upper().replace("BOUNCED", "CLEANED")  # one word for what is one
        found = (str(known.fields.get(tag) or "") for tag in tags)
        self.address[key] = next((text for text in found if "@" in text), "").lower()


async def ask(destination: Destination, ledger: Ledger, account: Account) -> Said:
    """Asks the destination who wants no mail, and files it in the ledger. Raises Unreachable, CredentialsError.

    Where it lists nobody, it is asked for each contact that the ledger knows.
    """
    said = Said()
    if destination.surveys:
        async for page in destination.survey_opted_out():
            for known in page:
                if known.key and known.opted_out:
                    said.hears(known, known.key, destination.keys)
    else:
        async for key, known in _looked_up(destination, ledger.opt_outs.keys(account.id), said):
            if known.opted_out:
                said.hears(known, key, destination.keys)
    keys = list(said.status)
    for start in range(0, len(keys), _FILED):
        ledger.memory.heard_opt_outs(account.id, keys[start : start + _FILED], "destination")
    return said


def tag_of(destination: Destination, key: str) -> str:
    """The merge tag of which this is a key: addresses are known by the address, all others by the other key, where there is one."""
    address = next(tag for tag in destination.keys if "mail" in tag.lower())
    return address if "@" in key else next((tag for tag in destination.keys if tag != address), address)


async def _looked_up(
    destination: Destination, keys: Sequence[str], said: Said
) -> AsyncIterator[tuple[str, Known]]:
    """The contacts of these keys that are there; addresses are looked up as addresses, all others as ids."""
    for tag, some in (
        (tag_of(destination, "@"), [key for key in keys if "@" in key]),
        (tag_of(destination, ""), [key for key in keys if "@" not in key]),
    ):
        destination.rules = replace(destination.rules, key=tag)
        for start in range(0, len(some), _AT_ONCE):
            part = some[start : start + _AT_ONCE]
            answers = await asyncio.gather(*map(destination.find, part), return_exceptions=True)
            for key, known in zip(part, answers, strict=True):
                if isinstance(known, LookUpRefused):
                    said.refused += 1
                elif isinstance(known, BaseException):
                    raise known
                elif known is not None:
                    yield key, known


def export(ledger: Ledger, account: Account, said: Said, since: str = "") -> Iterator[OptOut]:
    """Everybody of the account of whom an opt-out is known, by key; with `since` those who are known from that day on."""
    people = ledger.opt_outs.people(account.id)
    found = set()
    for heard in ledger.opt_outs.heard(account.id):
        found.add(heard.key)
        whom = people.get(heard.key, Person())
        if heard.known_at >= since:
            yield OptOut(
                heard.key if "@" in heard.key else said.address.get(heard.key) or whom.address or heard.key,
                whom.person,
                heard.known_at,
                heard.origin if heard.origin == "destination" else f"mapping {heard.origin}",
                said.status.get(heard.key, ""),
                account.kind,
                account.name,
            )
    for heard, whom in ledger.opt_outs.suppressed(account.id):
        if heard.key not in found and heard.known_at >= since:
            address = heard.key if "@" in heard.key else whom.address or heard.key
            yield OptOut(address, whom.person, heard.known_at, heard.origin, "", account.kind, account.name)


def listed(suppressions: Suppressions, known: Iterable[OptOut]) -> list[OptOut]:
    """The addresses that stand in the suppression file and are not among those that are known otherwise."""
    already = {one.address for one in known}
    return [
        OptOut(address, "", "", "suppression file", "", "", "")
        for address in sorted(suppressions.addresses - already)
    ]


def counted(found: Iterable[OptOut]) -> Counter[tuple[str, str]]:
    """How many there are by who said it and what the destination says."""
    return Counter((one.said_by, one.status) for one in found)


def write_csv(found: Sequence[OptOut], file: BinaryIO) -> None:
    """UTF-8 with a byte order mark, every cell safe to open in a spreadsheet program."""
    file.write(csv_header([one.name for one in fields(OptOut)]))
    for start in range(0, len(found), _FILED):
        columns = zip(*map(astuple, found[start : start + _FILED]), strict=True)
        file.write(csv_lines([pa.array(column, pa.large_string()) for column in columns]))
