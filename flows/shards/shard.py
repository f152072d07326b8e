"""One part of a source, read and mapped by whoever is asked: a process of this machine, or a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connectors.base import Oddity, SourceFacts
from connectors.errors import LedgerError, MusterError
from connectors.sources.bookmarks import Shard
from connectors.sources.csv_file import CsvSource
from connectors.sources.several import Several
from connectors.sources.tally import Tally
from flows.corrected import Corrected
from flows.forgotten import Blocked
from flows.intake import Intake, keys_in
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.outcomes import Books
from flows.settings import Settings
from flows.shards.brief import Brief, read_shards
from flows.shards.enrolled import Enrolled
from flows.shards.piece import BRIEF, Manifest, asked_of, asking, close, found, lay_down, note_wrong
from flows.spool import Spool
from mappings.engine.document import Mapping as Document
from mappings.engine.frame import Frame

__all__ = ["map_shard"]


def map_shard(folder: Path, number: int) -> bool:
    """Lays the piece of a part, one shard or several, into the folder of all parts, and says whether it is there now. Once more does no harm.

    Where nothing can be made of it, that is noted there. Raises FileNotFoundError where nobody asks for that part (any more).
    """
    asked = asked_of(folder, number)
    if found(folder, number) is not None:
        return True
    brief = Brief.read((folder / BRIEF).read_bytes())
    shards = read_shards(asking(folder, number).read_bytes())
    try:
        with lay_down(folder, number) as work:
            close(work, _mapped(brief, shards, work, asked))
    except (MusterError, OSError) as error:
        note_wrong(folder, number, error)
        return False
    return True


def _mapped(brief: Brief, shards: tuple[Shard, ...], work: Path, asked: str) -> Manifest:
    tallies: dict[int, Tally] = {}
    source: Ranged | Corrected = Ranged(brief.source(), shards, tallies)
    application = brief.application(source.header)
    mapping = application.mapping
    if brief.corrections:
        source = Corrected(source, mapping, brief.corrections)
    spool, books = Spool(work / "spool", source.header), Books(work)
    keys, roll = keys_in(work / "keys", application), Enrolled(work / "roll.arrow")
    intake = Intake(application, _blocked(brief, mapping, source.header), spool, roll, keys, books)
    try:
        intake.take(source.frames(), lambda _: None, lambda: False)
    finally:
        spool.close()
        roll.close()
    return Manifest(
        asked=asked,
        parts=[(first, last) for _, first, last in spool.parts()],
        filled=intake.filled,
        warnings=intake.warnings,
        tallies=[(file, tally.written()) for file, tally in tallies.items()],
        applied=sorted(source.applied) if isinstance(source, Corrected) else [],
        otherwise=sorted(source.otherwise) if isinstance(source, Corrected) else [],
        files={},
    )


def _blocked(brief: Brief, mapping: Document, header: tuple[str, ...]) -> Blocked | None:
    if not brief.forgets_in:
        return None
    home, url = Path(brief.forgets_in), Settings(Path(brief.mapping_file)).ledger_url()
    if not there_is_a_ledger(home, url):  # a new one knows nobody who was forgotten
        raise LedgerError(
            f"The ledger in {home} is not seen from here, so that nobody knows who was forgotten.",
            "Give whoever maps the shards MUSTER_LEDGER_URL, or a MUSTER_HOME that all of them share.",
        )
    ledger = open_ledger(home, url)
    try:
        return Blocked(ledger.forgotten, mapping, header, brief.keys)
    finally:
        ledger.close()


class Ranged:
    """Shards that follow each other, as a source of their own; see connectors.base.Source. `tallies` are filled, by the place of the file."""

    def __init__(
        self, source: CsvSource | Several, shards: tuple[Shard, ...], tallies: dict[int, Tally]
    ) -> None:
        self._source, self._shards, self._tallies = source, shards, tallies
        self.path = source.path
        self.header = source.header
        self.facts: SourceFacts = source.facts
        self.reading: Mapping[str, Any] = source.reading
        self.oddities: list[Oddity] = []
        self.sha256 = ""
        self.size = source.size

    def frames(self) -> Iterator[Frame]:
        """The frames of the shards, in order. Raises SourceError."""
        for shard in self._shards:
            yield from self._source.frames_of(shard, self._tallies.setdefault(shard.file, Tally()))
