"""Looking into an inbox: what lies there is fetched and judged, and afterwards marked or moved."""

from __future__ import annotations

import contextlib
import datetime as dt
import posixpath
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from connectors.errors import SourceError
from connectors.kinds import destination_module
from connectors.places.lying import Lying
from connectors.places.place import Place
from flows.inbox.fetched import ASIDE, FOLDER
from flows.inbox.judging import FINAL, Found, Judged, judged
from flows.inbox.overdue import Overdue, overdue
from flows.inbox.pattern import Pattern
from flows.ledger import Arrival, Ledger
from flows.ledger.database import private_folder
from flows.ledger.opening import open_ledger
from flows.opening import load_mapping
from flows.settings import Settings, find_mapping
from mappings.engine.document import Mapping

__all__ = ["Arrived", "Inbox", "Look"]

_DONE = "done"
_SKEW = dt.timedelta(days=1)
"""A file may be so much newer than now, by a clock or a time zone that differs; beyond it, it counts as written when it is first seen."""
_LONGEST, _LONGEST_ENDING = 180, 20


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file and what became of it. `path` is where it was fetched to, None where it was not."""

    lying: Lying
    judged: Judged
    arrival: Arrival | None = None
    path: Path | None = None

    @property
    def state(self) -> str:
        return self.judged.state


@dataclass(frozen=True, slots=True)
class Look:
    """What lay there, the oldest first. `overdue` where a file should have come by now."""

    files: tuple[Arrived, ...]
    overdue: Overdue | None

    @property
    def to_sync(self) -> list[Arrived]:
        return [one for one in self.files if one.state == "sync"]

    def needs_a_person(self, *, deltas: bool) -> bool:
        return self.overdue is not None or (deltas and any(one.state == "late" for one in self.files))


class Inbox:
    """The inbox of a mapping, for its account."""

    def __init__(self, path: Path, mapping: Mapping) -> None:
        self.path = path
        self.mapping = mapping
        self.settings = Settings(path)
        self.home = self.settings.home(path)
        self.deltas = mapping.source.files == "deltas"
        self.pattern = Pattern.of(mapping.source.inbox or "")
        self._private = self.home / FOLDER / mapping.name
        self.ledger_new = False

    @classmethod
    def of(cls, mapping_given: str) -> Self | None:
        """The inbox of a mapping; None where it has none. Raises MappingError."""
        path = find_mapping(mapping_given)
        mapping = load_mapping(path)
        return cls(path, mapping) if mapping.source.inbox is not None else None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else syncs from this inbox meanwhile. What was fetched is gone afterwards. Raises Busy."""
        destination = self.mapping.destination
        private_folder(self.home)
        name = f"{destination.kind}-{destination.account}-inbox"
        with self._ledger() as (ledger, _), ledger.run_lock(self.mapping.name, name):
            try:
                yield
            finally:
                shutil.rmtree(self._private, ignore_errors=True)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """For who only looks: what is fetched lies in a folder of its own."""
        private_folder(self.home)
        plans, prefix = ASIDE
        private_folder(self.home / plans)
        with tempfile.TemporaryDirectory(prefix=prefix, dir=self.home / plans) as folder:
            self._private = Path(folder)
            yield

    def look(self, *, writes: bool = True) -> Look:
        """Fetches what is new, and judges everything that lies there. Raises SourceError, CannotStart."""
        now = dt.datetime.now(dt.UTC)
        place = self._place()
        lying = place.files(place.path)
        with self._ledger() as (ledger, account):
            known = ledger.arrivals.of(account, self.mapping.name)
            complete = ledger.arrivals.complete(account, self.mapping.name)
            fetched = [
                one for each in lying if (one := self._fetched(place, each, known, complete, now)) is not None
            ]
            files = self._judged(fetched, known, complete, ledger.arrivals.begun(account, self.mapping.name))
            if writes:
                ledger.arrivals.note(account, self.mapping.name, _noted(files, known))
            watched = now
            if writes:
                watched = dt.datetime.fromisoformat(ledger.arrivals.watched_since(account, self.mapping.name))
            late = None if any(one.state in ("sync", "waits", "growing") for one in files) else overdue(
                mapping=self.mapping.name, account=account, every_seconds=self.mapping.source.every,
                last=_last(known, files, now), watched=watched, now=now,
            )  # fmt: skip
        for arrived in files:
            if arrived.state != "sync" and arrived.path is not None:
                arrived.path.unlink(missing_ok=True)
        return Look(files, late)

    def settle(self, look: Look) -> list[str]:
        """After runs: what is synced by now, and what that makes of the others, is kept and moved. What to say of it."""
        place = self._place()
        said: list[str] = []
        with self._ledger() as (ledger, account):
            known = ledger.arrivals.of(account, self.mapping.name)
            complete = ledger.arrivals.complete(account, self.mapping.name)
            found = [(one.lying, one.judged.found, None) for one in look.files]
            files = self._judged(found, known, complete, ledger.arrivals.begun(account, self.mapping.name))
            ledger.arrivals.note(account, self.mapping.name, _noted(files, known))
            for one in files:
                moves = one.state in FINAL and not (self.deltas and one.state == "late")
                if moves and self.mapping.source.done == "move":
                    try:
                        place.move(one.lying, _done(one))
                    except SourceError as error:
                        said.append(
                            f"{one.lying.name} is {one.state}, and could not be moved: {error.what} The next sync tries again."
                        )
        return said

    def _place(self) -> Place:
        return Place.at(self.pattern.glob, beside=self.path.resolve().parent, setting=self.settings.get)

    @contextlib.contextmanager
    def _ledger(self) -> Iterator[tuple[Ledger, int]]:
        destination = self.mapping.destination
        connector = destination_module(destination.kind).Connector
        access = self.settings.access(destination.kind, destination.account, connector.default_base_url)
        ledger = open_ledger(self.home, self.settings.ledger_url())
        self.ledger_new = self.ledger_new or ledger.database.new
        try:
            account = ledger.accounts.seen(destination.kind, destination.account, access.base_url, access.key)
            yield ledger, account.id
        finally:
            ledger.close()

    def _fetched(
        self, place: Place, lying: Lying, known: list[Arrival], complete: dict[str, str], now: dt.datetime
    ) -> tuple[Lying, Found, Path | None] | None:
        """A file, its content's hash and where it was fetched to; None for what is no file of this inbox."""
        far_ahead = lying.modified > now + _SKEW
        sorts = self.pattern.sorts(lying.name, now if far_ahead else lying.modified)
        if not sorts or posixpath.basename(lying.folder) == _DONE:
            return None
        age = (now - lying.modified).total_seconds()
        if abs(age) < self.mapping.source.settled:  # a time far ahead is a clock that is wrong
            return lying, Found(lying.path, "", sorts), None
        before = [one for one in known if one.name == lying.path]
        for one in before:
            same = (one.size, one.modified_at, one.version) == _looks(lying)
            if same and (one.state in FINAL or one.sha256 in complete):
                return lying, Found(lying.path, one.sha256, one.sorts, one.state), None
        private_folder(self.home)
        self._private.mkdir(mode=0o700, parents=True, exist_ok=True)
        into = Path(tempfile.mkdtemp(dir=self._private)) / "file"
        sha256 = place.fetch(lying, into)
        if not sha256:
            return lying, Found(lying.path, "", sorts), None
        path = self._private / sha256 / lying.name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        into.replace(path)
        into.parent.rmdir()
        state = next((one.state for one in before if one.sha256 == sha256), "")
        return lying, Found(lying.path, sha256, sorts, state), path

    def _judged(
        self,
        files: Sequence[tuple[Lying, Found, Path | None]],
        known: list[Arrival],
        complete: dict[str, str],
        begun: Collection[str],
    ) -> tuple[Arrived, ...]:
        states = {(one.name, one.sha256): one.state for one in known}
        found = [replace(one, before=states.get((one.name, one.sha256), one.before)) for _, one, _ in files]
        by_name = {one.name: (lying, path) for lying, one, path in files}
        return tuple(
            Arrived(by_name[one.found.name][0], one, _arrival(one, by_name[one.found.name][0]), by_name[one.found.name][1])
            for one in judged(
                found, deltas=self.deltas, complete=complete, synced=_synced(known, complete, deltas=self.deltas), begun=begun,
            )
        )  # fmt: skip


def _looks(lying: Lying) -> tuple[int, str, str]:
    return lying.size, lying.modified.isoformat(), lying.version


def _arrival(one: Judged, lying: Lying) -> Arrival | None:
    if not one.found.sha256:
        return None
    size, modified_at, version = _looks(lying)
    state = one.state if one.state in FINAL else "arrived"
    return Arrival(
        one.found.name,
        one.found.sha256,
        size,
        modified_at,
        version,
        one.found.sorts,
        run=one.run,
        state=state,
    )


def _noted(files: tuple[Arrived, ...], known: list[Arrival]) -> list[Arrival]:
    """What is to be kept of them: of one that was synced, it sorts for ever by what it was then."""
    sorts = {(one.name, one.sha256): one.sorts for one in known if one.state == "synced"}
    return [
        replace(one.arrival, sorts=sorts.get((one.arrival.name, one.arrival.sha256), one.arrival.sorts))
        for one in files
        if one.arrival is not None
    ]


def _synced(known: list[Arrival], complete: dict[str, str], *, deltas: bool) -> dict[str, tuple[str, str]]:
    """The contents that came through this inbox and were synced: under which name, and by what that sorts."""
    came = [one for one in known if one.sha256 in complete and one.state in ("synced", "arrived")]
    came.sort(key=lambda one: one.sorts, reverse=deltas)
    came.sort(key=lambda one: one.state == "synced")  # stable: who is marked already comes last, and counts
    return {one.sha256: (one.name, one.sorts) for one in came}


def _last(known: list[Arrival], files: tuple[Arrived, ...], now: dt.datetime) -> dt.datetime | None:
    """When the newest file with a content of its own was written; by a clock that is wrong, when it was first seen."""
    seen = [*known, *(one.arrival for one in files if one.arrival is not None)]
    first = {(one.name, one.sha256): one.seen_at for one in known}

    def at(one: Arrival) -> dt.datetime:
        written = dt.datetime.fromisoformat(one.modified_at)
        if written <= now + _SKEW:
            return written
        since = first.get((one.name, one.sha256))
        return dt.datetime.fromisoformat(since) if since else now

    return max((at(one) for one in seen if one.state in ("arrived", "synced", "superseded")), default=None)


def _done(one: Arrived) -> str:
    """Where a file goes that is done: done/NAME--RUN.csv; of who was not synced itself, why and which content."""
    stem, ending = posixpath.splitext(one.lying.name)
    told = one.judged.run if one.state == "synced" else f"{one.state}-{one.judged.found.sha256[:8]}"
    ending = ending if len(ending) <= _LONGEST_ENDING else ""
    bare = stem.encode()[:_LONGEST].decode("utf-8", "ignore")  # a file's name may have 255 bytes
    return posixpath.join(one.lying.folder, _DONE, f"{bare}--{told}{ending}")
