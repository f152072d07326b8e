"""The folder of fixes of a mapping: what lies there is fetched, and answers are put beside it, in `done/` or `refused/`."""

from __future__ import annotations

import contextlib
import datetime as dt
import posixpath
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from connectors.errors import CannotStart, SourceError
from connectors.places.lying import Lying
from connectors.places.place import Place
from flows.fixes.answer import Answer, base_of, marked_with
from flows.fixes.dropping import Dropped, dropped
from flows.ledger import Ledger
from flows.ledger.database import private_folder
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.opening import load_mapping
from flows.retention import Keep
from flows.settings import Settings, find_mapping
from mappings.engine.document import Mapping

__all__ = ["DONE", "REFUSED", "Fetched", "FixesFolder"]

DONE, REFUSED = "done", "refused"
_FOLDER = "fixes"
_RUN_LENGTH = len("20260101-101112-4f2a")


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was taken: where it lies there, where it was fetched to, and its content's SHA-256."""

    lying: Lying
    path: Path
    sha256: str


class FixesFolder:
    """Where fixes of a mapping are dropped."""

    def __init__(self, path: Path, mapping: Mapping) -> None:
        if mapping.fixes is None:
            raise CannotStart(
                f"{path}: the mapping says no fixes:.",
                "Say where corrected files are dropped: fixes: ../shared/fixes",
            )
        self.path = path
        self.mapping = mapping
        self.shown = mapping.fixes.at
        self.settings = Settings(path)
        self.home = self.settings.home(path)
        self._settled = mapping.fixes.settled
        self._private = self.home / _FOLDER / mapping.name

    @classmethod
    def of(cls, mapping_given: str) -> Self:
        """That of a mapping. Raises MappingError, and CannotStart where it has none."""
        path = find_mapping(mapping_given).resolve()
        return cls(path, load_mapping(path))

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """Raises LedgerError; CannotStart where there is none."""
        if not there_is_a_ledger(self.home, self.settings.ledger_url()):
            raise CannotStart(
                f"There is no ledger in {self.home}, so that no file can be of one of its runs.",
                "Go to the folder of the mapping, or set MUSTER_HOME to where it was synced from.",
            )
        ledger = open_ledger(self.home, self.settings.ledger_url())
        try:
            yield ledger
        finally:
            ledger.close()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else takes from this folder meanwhile. What was fetched is gone afterwards. Raises Busy."""
        destination = self.mapping.destination
        name = f"{destination.kind}-{destination.account}-{_FOLDER}"
        with self.ledger() as ledger, ledger.run_lock(self.mapping.name, name):
            try:
                yield
            finally:
                shutil.rmtree(self._private, ignore_errors=True)

    def place(self) -> Place:
        """Raises SourceError."""
        return Place.folder(self.shown, beside=self.path.parent, setting=self.settings.get)

    def look(self) -> list[Dropped]:
        """What lies there, the oldest first. Raises SourceError where it cannot be looked into."""
        place = self.place()
        found = place.lying_in(hidden=True)
        return dropped(
            found, now=dt.datetime.now(dt.UTC), settled=self._settled, whole_at_once=place.whole_at_once
        )

    def fetch(self, lying: Lying) -> Fetched | None:
        """A file as it is now; None where it is being written after all. Raises SourceError."""
        private_folder(self.home)
        self._private.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self._private))
        path = folder / f"fix{posixpath.splitext(lying.name)[1][:10].lower()}"
        sha256 = self.place().fetch(lying, path)
        return Fetched(lying, path, sha256) if sha256 else None

    def answered_before(self, mark: str) -> bool:
        """Whether an answer with that mark lies in done/. Raises SourceError."""
        return any(marked_with(one.name) == mark for one in self.answered(DONE))

    def answered(self, *folders: str) -> list[Lying]:
        """What muster has put into done/ or refused/, files and answers. Raises SourceError."""
        place = self.place()
        place.lying_in()  # it has to be there itself
        found: list[Lying] = []
        for folder in folders:
            with contextlib.suppress(SourceError):  # nothing was answered so yet
                found += place.lying_in(folder)
        return [one for one in found if marked_with(one.name)]

    def settle(self, lying: Lying, fetched: Fetched | None, answer: Answer) -> str:
        """Puts the answer into its folder, what a person reads last, then the file beside it; the address of the text. Raises SourceError, OSError.

        Cut off anywhere, it is done again. A file that was written anew meanwhile stays: what was retried is put there in its place.
        """
        place = self.place()
        base, ending = base_of(lying.name, answer.mark)
        for file, name in answer.brings:
            place.put(file, place.within(answer.folder, f"{base}{name}"))
        text = place.within(answer.folder, f"{base}.answer.txt")
        private_folder(self.home)
        self._private.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._private) as scratch:
            written = Path(scratch) / "answer.txt"
            written.write_text(answer.text, "utf-8-sig", newline="\r\n")
            place.put(written, text)
        aside = place.within(answer.folder, f"{base}{ending}")
        if not place.move_unchanged(lying, aside) and fetched is not None:
            place.put(fetched.path, aside)
        return place.address(text)

    def tidy(self, keep: Keep, now: dt.datetime) -> int:
        """Takes away what was answered longer ago than rows are kept; how many files. Raises SourceError."""
        place, oldest = self.place(), now - dt.timedelta(days=keep.days)
        answered = self.answered(DONE, REFUSED)
        newest: dict[tuple[str, str], dt.datetime] = {}
        for one in answered:  # a file that was dropped may be older than its answer
            mark = one.folder, marked_with(one.name)
            newest[mark] = max(newest.get(mark, one.modified), one.modified)
        gone = [one for one in answered if _since(one, newest) < oldest]
        for one in gone:
            place.remove(one.path)
        return len(gone)


def _since(one: Lying, newest: dict[tuple[str, str], dt.datetime]) -> dt.datetime:
    """When it was answered: a run's id says it."""
    mark = marked_with(one.name)
    if len(mark) == _RUN_LENGTH:
        with contextlib.suppress(ValueError):
            return dt.datetime.strptime(mark[:15], "%Y%m%d-%H%M%S").replace(tzinfo=dt.UTC)
    return newest[one.folder, mark]
