"""Verify: contacts are read back and held against what was delivered last. Nothing is written there.

The account is read page by page where that takes fewer requests than the contacts one by one, at its pace either way.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.base import Destination, Known
from connectors.errors import CannotStart, LookUpRefused, MappingError
from connectors.kinds import destination_module
from connectors.listing import OnlyLists
from connectors.pace import Pace
from flows.changed_key import settled
from flows.expected import FINDINGS, Finding, findings, rules_to_compare
from flows.knowledge import Knowledge
from flows.ledger import Account, Ledger, Run, Runs
from flows.ledger.database import private_folder
from flows.ledger.deliveries import LastDelivery
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.open_questions import known_answers
from flows.opening import load_mapping, rules_with, types_of
from flows.options import Options
from flows.report.failures import csv_header, csv_lines
from flows.report.writing import whole
from flows.settings import Settings, find_mapping, shipped_mappings
from flows.watching import Watcher
from mappings.engine.complaints import MappingInvalid
from mappings.engine.document import Mapping
from mappings.engine.reading import read_mapping_text
from mappings.engine.schema import Schema

__all__ = ["CSV", "Cost", "Target", "Verification", "find_target", "verify"]

CSV = "verify.csv"
_AT_ONCE = 250
_SHOWN = 1000


@dataclass(frozen=True, slots=True)
class Target:
    """What is verified: all that a mapping has delivered, or of it what the run `run` brought."""

    mapping: Mapping
    path: Path
    home: Path
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading back takes at most: so many requests for so many contacts. `paged`: page by page."""

    contacts: int
    requests: int
    minutes: float
    paged: bool


@dataclass(slots=True)
class Verification:
    """What was found. `differing` contacts have findings, `not_read` could not be looked up, `requests` were made.

    `there` is how many contacts the account holds where all of them were read, None otherwise. `findings` are in the
    order of FINDINGS, then of their keys.
    """

    id: str
    mapping: str
    run: str
    account: Account
    contacts: int = 0
    of: int = 0
    differing: int = 0
    not_read: list[str] = field(default_factory=list)
    there: int | None = None
    requests: int = 0
    findings: list[Finding] = field(default_factory=list)
    folder: Path = Path()

    @property
    def counts(self) -> Counter[str]:
        return Counter(one.finding for one in self.findings)

    @property
    def exit_code(self) -> int:
        """0 all as it should be, 1 something differs, 2 somebody could not be looked up and nothing is known to differ."""
        return 1 if self.findings else 2 if self.not_read else 0

    def facts(self) -> dict[str, Any]:
        """For scripts; of many findings the first ones, all are in `verify.csv`."""
        counts = self.counts
        return {
            "schema_version": "1", "id": self.id, "mapping": self.mapping, "run_id": self.run or None,
            "destination": {"kind": self.account.kind, "account": self.account.name, "base_url": self.account.base_url},
            "contacts": self.contacts, "of": self.of, "differing": self.differing, "not_read": len(self.not_read),
            "there": self.there, "requests": self.requests, "counts": {name: counts[name] for name in FINDINGS},
            "findings": [asdict(one) for one in self.findings[:_SHOWN]], "csv": str(self.folder / CSV),
            "exit_code": self.exit_code,
        }  # fmt: skip


def find_target(given: str) -> Target:
    """What was named: a mapping, or a run by its id or the beginning of it. Raises CannotStart."""
    settings = Settings()
    if Path(given).expanduser().is_file() or given in shipped_mappings():
        path = find_mapping(given)
        return Target(load_mapping(path), path, Settings(path).home(path))
    home = settings.home_here()
    if not there_is_a_ledger(home):
        raise CannotStart(
            f"{given} is no mapping's file, and there is no ledger in {home} that could know a run of that name.",
            "Name a mapping, or go to the folder of its ledger.",
        )
    with _ledger(home) as ledger:
        run = ledger.runs.get(given)
        text = ledger.runs.mapping_text(run.mapping_sha256) if run is not None else ""
    if run is None:
        raise CannotStart(
            f"{given} is neither a mapping's file nor a run that the ledger in {home} knows.",
            "muster runs lists the runs.",
        )
    if run.undoes:
        raise CannotStart(
            f"The run {run.id} undoes another one: what it put back counts as delivered no more.",
            "Verify the mapping: what it delivered and was not undone should be there.",
        )
    try:
        mapping = read_mapping_text(text, run.mapping_path or "mapping.yml")
    except MappingInvalid as error:
        raise MappingError(f"The mapping of the run {run.id} is not valid any more: {error}", "") from None
    return Target(mapping, Path(mapping.file), home, run)


async def verify(
    target: Target, watcher: Watcher, confirm: Callable[[Cost], None], *, sample: int | None = None
) -> Verification:
    """Reads back and compares. `confirm` is told what it costs before, and raises CannotStart where that is too much.

    Raises CannotStart where nothing was delivered, Unreachable where the destination does not answer.
    """
    with _ledger(target.home) as ledger:
        async with _account(target, ledger, watcher) as (account, destination, schema, pace):
            run = target.run.id if target.run is not None else ""
            if target.run is not None and target.run.account != account.id:
                raise CannotStart(
                    f"The run {run} went to another account than {account.kind}, {account.name} at {account.base_url}.",
                    "Set the address and the key that it was begun with.",
                )
            deliveries, name = ledger.deliveries, target.mapping.name
            of = deliveries.count(account.id, name, run)
            if not of:
                whose = f"the run {run}" if run else f"the mapping {name}"
                raise CannotStart(
                    f"The ledger knows of nothing that {whose} has delivered to {account.kind}, {account.name}.",
                    "muster runs shows what was sent, and to which account.",
                )
            found = Verification(Runs.new_id(), name, run, account, of=of)
            found.contacts = of if sample is None else min(sample, of)
            types = types_of(target.mapping, schema)
            destination.rules = rules_to_compare(rules_with(target.mapping, types))
            private_folder(target.home / "verified")
            found.folder = private_folder(target.home / "verified" / found.id)
            knowledge = Knowledge(found.folder)
            try:
                cost = await _cost(destination, found.contacts, pace)
                confirm(cost)
                chosen = functools.partial(deliveries.of, account.id, name, run, sample=sample)
                if cost.paged:
                    watcher.stage("reading the destination", None)
                    await knowledge.gather(
                        destination, max(found.contacts, cost.requests), lambda: {one.key for one in chosen()}
                    )
                    everybody = not isinstance(destination, OnlyLists)
                    found.there = knowledge.contacts if everybody else None
                watcher.stage("comparing" if cost.paged else "reading back", found.contacts)
                each = chosen()
                while some := list(itertools.islice(each, _AT_ONCE)):
                    there = (
                        knowledge.known([one.key for one in some])
                        if cost.paged
                        else await _found(destination, some, found)
                    )
                    _compare(ledger, account, destination, some, there, found)
                    watcher.advance(len(some))
            except BaseException:
                shutil.rmtree(found.folder, ignore_errors=True)
                raise
            finally:
                knowledge.close()
    found.findings.sort(key=lambda one: FINDINGS.index(one.finding))
    write(found, found.folder)
    return found


def write(found: Verification, folder: Path) -> None:
    """`verify.csv` and `verify.json`, readable by their owner alone. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole(folder / CSV) as file:
        file.write(csv_header([one.name for one in fields(Finding)]))
        for start in range(0, len(found.findings), 5000):
            columns = zip(*map(astuple, found.findings[start : start + 5000]), strict=True)
            file.write(csv_lines([pa.array(column, pa.large_string()) for column in columns]))
    with whole(folder / "verify.json") as file:
        file.write((json.dumps(found.facts(), ensure_ascii=False, indent=2) + "\n").encode())


async def _cost(destination: Destination, contacts: int, per_second: float) -> Cost:
    pages = (await destination.count())[1] if destination.surveys else 0
    paged = destination.surveys and (pages <= contacts or not destination.finds)
    requests = pages if paged else contacts
    return Cost(contacts, requests, requests / per_second / 60, paged)


async def _found(
    destination: Destination, some: Sequence[LastDelivery], found: Verification
) -> dict[str, Known]:
    """The contacts of some keys, looked up at the account's pace. Raises Unreachable."""
    answers = await asyncio.gather(*(destination.find(one.key) for one in some), return_exceptions=True)
    there = {}
    for one, known in zip(some, answers, strict=True):
        if isinstance(known, LookUpRefused):
            found.not_read.append(one.key)
        elif isinstance(known, BaseException):
            raise known
        elif known is not None:
            there[one.key] = known
    return there


def _compare(
    ledger: Ledger, account: Account, destination: Destination, some: Sequence[LastDelivery],
    there: dict[str, Known], found: Verification,
) -> None:  # fmt: skip
    remembered = ledger.memory.remembered(account.id, found.mapping, [(one.key, one.person) for one in some])
    not_read = frozenset(found.not_read)
    for one in some:
        if one.key in not_read:
            continue
        out = one.key in remembered and remembered[one.key].opted_out
        mine = list(findings(destination, one, there.get(one.key), opted_out=out))
        found.differing += bool(mine)
        found.findings += mine
    found.requests = destination.traffic.sent


@contextlib.contextmanager
def _ledger(home: Path) -> Iterator[Ledger]:
    """The ledger of a home; never a new one. Raises CannotStart."""
    if not there_is_a_ledger(home):
        raise CannotStart(
            f"There is no ledger in {home}, so nothing was delivered from here.",
            "Go to the folder of the mapping, or set MUSTER_HOME.",
        )
    ledger = open_ledger(home)
    try:
        yield ledger
    finally:
        ledger.close()


@contextlib.asynccontextmanager
async def _account(
    target: Target, ledger: Ledger, watcher: Watcher
) -> AsyncIterator[tuple[Account, Destination, Schema, float]]:
    """The mapping's account, open to be read, and its calls per second. Raises CannotStart."""
    settings, there = Settings(target.path), target.mapping.destination
    connector: Any = destination_module(there.kind).Connector
    access = settings.access(there.kind, there.account, connector.default_base_url)
    watcher.say(f"account   {there.kind}, {there.account}")
    watcher.say(f"address   {access.base_url}")
    watcher.say(f"ledger    {ledger.database.shown}")
    account = ledger.accounts.seen(there.kind, there.account, access.base_url, access.key)
    per_second = there.allowed(connector.per_second)
    turns = Pace(per_second, ledger.bookings(account.id), share=there.share or 1.0)
    destination: Destination = connector(base_url=access.base_url, key=access.key, turns=turns)
    destination.answers = known_answers(
        settings, target.home, there.kind, there.account, access.base_url, watcher.say
    )
    async with destination:
        schema = await destination.read_schema()
        account = await settled(account, access.key, ledger, destination, Options(verb="plan"), watcher)
        if isinstance(destination, OnlyLists):
            destination.listing = ledger.listing(account.id, hours=there.list_hours, writes=False)
        yield account, destination, schema, per_second
