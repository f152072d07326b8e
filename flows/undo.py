"""An undo before it begins: which run is put back, where its ledger and its account are, and what is done with whom it created.

It is a run of its own, through the delivery of every run: paced, durable and resumable. Its rows are those of the run that
changed something, under their numbers; what is to be put back of each is in the ledger (see flows.ledger.images), and
`flows.undoing` decides it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.base import Oddity, Source, SourceFacts
from connectors.errors import CannotStart, MappingError
from flows.depot import folder_of
from flows.keyed_mapping import COLUMN, keyed_text
from flows.ledger import Account, Ledger, Run
from flows.ledger.opening import open_ledger
from flows.report.failures import parts
from mappings.engine import document
from mappings.engine.complaints import MappingInvalid
from mappings.engine.frame import Frame
from mappings.engine.reading import read_mapping_text

__all__ = ["Undo", "open_undo", "original_of", "tag_of"]

_FRAME_ROWS = 1 << 16

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Undo:
    """The run to be undone, in the ledger of `home`; `original` is its mapping's text.

    `rows` of it are to be put back; `counts` are those by outcome (see Images.counts).
    """

    run: Run
    home: Path
    original: str
    rows: int
    counts: Mapping[str, int]

    @property
    def mapping_path(self) -> Path:
        """Where the run's mapping was: settings and suppression files are looked for beside it."""
        return Path(self.run.mapping_path or self.home / f"{self.run.mapping}.yml")

    def mapping(self) -> document.Mapping:
        """What an undo is by way of mapping: the key, and where it goes. Raises MappingError."""
        original = original_of(self.original, self.run.id, str(self.mapping_path))
        return read_mapping_text(undoing_text(original, self.run.id), str(self.mapping_path))

    def source(self) -> Source:
        return _Rows(self.home, self.run)

    def refuse_another(self, account: Account) -> None:
        """Raises CannotStart where the settings lead to another account now than the run's."""
        if not account.key_changed and account.id != self.run.account:
            raise CannotStart(
                f"The run {self.run.id} went to another account than {account.kind}, {account.name} at {account.base_url}.",
                "Set the address and the key that it was begun with.",
            )


class _Rows:
    """The rows to be put back; see connectors.base.Source."""

    def __init__(self, home: Path, run: Run) -> None:
        self.path = folder_of(run)
        self.header: tuple[str, ...] = (COLUMN,)
        self.facts = SourceFacts()
        self.oddities: list[Oddity] = []
        self.sha256 = ""
        self.size = 0
        self.reading: Mapping[str, Any] = {"undo of": run.id}
        self._home = home
        self._run = run.id

    def frames(self) -> Iterator[Frame]:
        """From the ledger, in the order of the rows; their lines as far as the run's parts are kept."""
        numbers, lines = _lines(self.path)
        ledger = open_ledger(self._home)
        try:
            rows = ledger.images.rows(self._run)
            while some := list(itertools.islice(rows, _FRAME_ROWS)):
                mine = np.array([row for row, _ in some], np.int64)
                at = np.minimum(np.searchsorted(numbers, mine), max(0, len(numbers) - 1))
                found = np.where(numbers[at] == mine, lines[at], mine) if len(numbers) else mine
                cells = pa.table({COLUMN: pa.array([key for _, key in some], pa.string())})
                yield Frame(cells, mine, found)
        finally:
            ledger.close()


def open_undo(ledger: Ledger, home: Path, run: Run) -> Undo:
    """What a run changed. Raises CannotStart where it cannot be undone."""
    if run.undoes:
        raise CannotStart(
            f"The run {run.id} is itself an undo, of the run {run.undoes}.",
            "Sync the source again: what it put back is delivered again where the source says so.",
        )
    if run.unfinished:
        raise CannotStart(
            f"The run {run.id} was {'cut off' if run.state == 'running' else run.state}, and what may have been sent is not settled.",
            f"Finish it with muster resume {run.id}, or start the undo again: it settles that first.",
        )
    text = ledger.runs.mapping_text(run.mapping_sha256)
    counts = ledger.images.counts(run.id)
    rows = ledger.images.count(run.id)
    if not rows:
        raise CannotStart(
            f"The run {run.id} changed nothing there, so there is nothing to put back.",
            "muster runs shows what each run sent.",
        )
    return Undo(run, home, text, rows, counts)


def original_of(text: str, run_id: str, path: str) -> document.Mapping:
    """The mapping of the run to be undone. Raises MappingError where this version of muster reads it otherwise."""
    try:
        return read_mapping_text(text, path)
    except MappingInvalid as error:
        raise MappingError(f"The mapping of the run {run_id} is not valid any more: {error}", "") from None


def tag_of(run_id: str) -> str:
    """The tag of contacts that an undone run created and that cannot be deleted there."""
    return f"muster-undo-{run_id}"


def undoing_text(mapping: document.Mapping, run_id: str) -> str:
    """The text of a mapping that knows contacts by the run's key, goes where the run went, and says nothing else."""
    assumed = "an undo subscribes only whom the run has unsubscribed"
    return keyed_text(
        mapping, f"Undo of the run {run_id}", assumed, {"guards": {"opt_outs": {"share": "100%"}}}
    )


def _lines(folder: Path) -> tuple[Numbers, Numbers]:
    """The numbers and lines of the run's rows, as far as its parts are kept."""
    tables = [pq.read_table(path, columns=["row", "line"]) for path in parts(folder, "outcomes")]
    if not tables:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    whole = pa.concat_tables(tables)
    return whole["row"].to_numpy(), whole["line"].to_numpy()
