"""The run that does for vanished people what the mapping says: it follows the sync that found them, and is a run of its own.

Paced, durable, reported, resumable and undoable as every run is. Its rows are the people for whom nothing was done yet, from the ledger; they
are no rows of the source, and stand beside its balance.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa

from connectors.base import Destination, Oddity, Source, SourceFacts
from connectors.errors import CannotStart
from flows.keyed_mapping import COLUMN, keyed_text
from flows.ledger import Account, Ledger
from flows.ledger.opening import open_ledger
from flows.opening import rules_with, types_of
from flows.vanished.vanishing import Measures, vanishing
from mappings.engine import document
from mappings.engine.frame import Frame
from mappings.engine.parting import set_texts
from mappings.engine.reading import read_mapping_text

if TYPE_CHECKING:
    from flows.opened import Opened

__all__ = ["VERB", "Farewell", "file_acted", "foreseen_by", "parting_of"]

VERB = "vanished"
"""What the ledger calls such a run."""
_NAMES = "names"
"""A column that is always blank: the mapping of such a run gives nobody tags or lists, and may take away what it could give."""
_FRAME_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class Farewell:
    """What is to be done for whom the run `run_id` found to have vanished: `most` people, as its guard was told.

    `folder` is that run's.
    """

    run_id: str
    home: Path
    folder: Path
    account: int
    original: document.Mapping
    most: int

    @property
    def mapping_path(self) -> Path:
        """Where the sync's mapping is: settings and suppression files are looked for beside it."""
        return Path(self.original.file)

    def mapping(self) -> document.Mapping:
        """The key, where it goes, and what is done. Raises MappingError."""
        return read_mapping_text(farewell_text(self.original, self.run_id), str(self.mapping_path))

    def source(self) -> Source:
        return _Rows(self)

    def refuse_another(self, account: Account) -> None:
        """Raises CannotStart where the settings lead to another account now than the sync's."""
        if not account.key_changed and account.id != self.account:
            raise CannotStart(
                f"The run {self.run_id} went to another account than {account.kind}, {account.name} at {account.base_url}.",
                "Set the address and the key that it was begun with; the next sync does it.",
            )


class _Rows:
    """The people, a row each; see connectors.base.Source."""

    def __init__(self, farewell: Farewell) -> None:
        self.path = farewell.folder
        self.header: tuple[str, ...] = (COLUMN, _NAMES)
        self.facts = SourceFacts()
        self.oddities: list[Oddity] = []
        self.sha256 = ""
        self.size = 0
        self.reading: Mapping[str, Any] = {"vanished of": farewell.run_id}
        self._farewell = farewell

    def frames(self) -> Iterator[Frame]:
        """From the ledger, in the order of the keys."""
        farewell, first = self._farewell, 1
        ledger = open_ledger(farewell.home)
        try:
            keys = ledger.vanished.to_act_on(farewell.account, farewell.original.name)
            keys = itertools.islice(keys, farewell.most)
            while some := list(itertools.islice(keys, _FRAME_ROWS)):
                numbers = np.arange(first, first + len(some), dtype=np.int64)
                cells = {COLUMN: pa.array(some, pa.string()), _NAMES: pa.repeat("", len(some))}
                yield Frame(pa.table(cells), numbers, numbers)
                first += len(some)
        finally:
            ledger.close()


def farewell_text(mapping: document.Mapping, run_id: str) -> str:
    """The text of the mapping of such a run."""
    assert mapping.vanished is not None  # noqa: S101 - it says that something is done
    done = mapping.vanished.model_dump(by_alias=True, mode="json", exclude_defaults=True)
    more: dict[str, Any] = {"source": {"kind": "csv_file", "complete": "yes"}, "ignore": [_NAMES]}
    more["vanished"] = {name: "yes" if part is True else part for name, part in done.items()}
    more |= {kind: {"from": _NAMES} for kind in ("tags", "lists") if kind in done}
    return keyed_text(
        mapping, f"Vanished people of the run {run_id}", "it subscribes nobody and creates nobody", more
    )


def parting_of(opened: Opened) -> Destination:
    """The destination, as such a run sees it. Raises CannotStart."""
    mapping, ledger = opened.mapping, opened.ledger
    return _in_front(
        opened, mapping, lambda key: ledger.vanished.is_missed(opened.account.id, mapping.name, key)
    )


def foreseen_by(opened: Opened, run_id: str) -> Destination:
    """The same before there is such a run, from the opened sync that would be followed by it. Raises CannotStart, MappingError."""
    mapping = read_mapping_text(farewell_text(opened.mapping, run_id), opened.mapping.file)
    return _in_front(opened, mapping, lambda _: True)


def _in_front(opened: Opened, mapping: document.Mapping, is_missed: Callable[[str], bool]) -> Destination:
    said = mapping.vanished
    assert said is not None  # noqa: S101 - the mapping of such a run says it
    measures = Measures(
        set_texts(mapping, opened.schema),
        said.tags.remove if said.tags is not None else (),
        said.lists.remove if said.lists is not None else (),
        said.unsubscribe,
    )
    rules = rules_with(mapping, types_of(mapping, opened.schema))
    return cast("Destination", vanishing(opened.destination, rules, measures, is_missed))


def file_acted(ledger: Ledger, run_id: str, account: int, mapping: document.Mapping) -> int:
    """What such a run did counts as done; how many contacts it concerned. Can be repeated."""
    said = mapping.vanished
    if said is None:
        return 0
    return ledger.vanished.acted(
        run_id,
        account,
        mapping.name,
        fields=said.set_,
        tags=said.tags.remove if said.tags is not None else (),
        lists=said.lists.remove if said.lists is not None else (),
    )
