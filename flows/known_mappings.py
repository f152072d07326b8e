"""The mappings that a ledger knows: every one that has run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from connectors.errors import MusterError
from flows.ledger import Ledger
from flows.opening import load_mapping
from mappings.engine.complaints import MappingInvalid
from mappings.engine.document import Mapping
from mappings.engine.reading import read_mapping_text

__all__ = ["mappings_of"]


def mappings_of(ledger: Ledger) -> Iterator[Mapping]:
    """Each as its file says now; where that cannot be read, as its last run read it. Those that neither way can be are left out."""
    for run, *_ in ledger.runs.latest(1):
        path = Path(run.mapping_path)
        try:
            yield load_mapping(path)
        except MusterError:
            with contextlib.suppress(MappingInvalid):
                yield read_mapping_text(ledger.runs.mapping_text(run.mapping_sha256), str(path))
