"""Which rows of a run's folder are a person's: by number, by key, by id, by an address in a cell, also in one that was corrected."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flows.ledger import Ledger, Run, Who
from flows.spool import Spool, originals_of
from flows.whose import places_of
from mappings.engine.mapped import Bools
from mappings.engine.reading import read_mapping_text

__all__ = ["Theirs", "address_pattern"]


def address_pattern(who: Who) -> re.Pattern[str]:
    """Finds the addresses wherever they stand; nothing where there is none."""
    return re.compile("|".join(map(re.escape, sorted(who.addresses))) or r"(?!)", re.IGNORECASE)


class Theirs:
    """The rows of one run that are a person's. `numbers` are those that the ledger knows, and grow with what is found."""

    def __init__(self, ledger: Ledger, run: Run, who: Who, numbers: set[int]) -> None:
        self.numbers = set(numbers)
        self.ids = frozenset(text for mapping, text in who.ids if mapping == run.mapping)
        self._who = who
        self._person = _person_column(ledger.runs.mapping_text(run.mapping_sha256))
        self._address = address_pattern(who)

    def among(self, spool: pa.Table, outcomes: pa.Table | None) -> Bools:
        """Which rows of a part they are. `outcomes` are those of the same part, None where the run did not come so far."""
        names = Spool.header_of(spool.schema)
        person = next(iter(places_of((self._person,), names)), None) if self._person else None
        rows = self.known(spool)
        for index in range(len(names)):
            column = spool[str(index)].combine_chunks()
            cells = pc.utf8_lower(pc.utf8_trim_whitespace(column))
            rows |= np.asarray(pc.is_in(cells, value_set=pa.array(sorted(self._who.addresses), cells.type)))
            if index == person:
                rows |= np.asarray(pc.is_in(column, value_set=pa.array(sorted(self.ids), column.type)))
        misread = spool["cells"].to_pylist()
        rows |= np.array([bool(cells) and any(map(self._address.search, cells)) for cells in misread], bool)
        for one in originals_of(spool):  # what a correction has taken the place of
            text = one.text.strip().lower()
            rows[one.at] |= text in self._who.addresses or (one.column == person and one.text in self.ids)
        if outcomes is not None and len(outcomes) == len(spool):
            keys = pa.array(sorted(self._who.addresses | self.ids), pa.string())
            rows |= np.asarray(pc.is_in(outcomes["key"].combine_chunks(), value_set=keys))
        self.numbers.update(np.asarray(spool["row"])[rows].tolist())
        return rows

    def known(self, table: pa.Table) -> Bools:
        """Which rows of a table are among the numbers that are known by now."""
        found: Bools = np.isin(np.asarray(table["row"]), np.array(sorted(self.numbers), np.int64))
        return found


def _person_column(text: str) -> str:
    """The column of the mapping's `person:`, '' where it has none or cannot be read any more."""
    try:
        return read_mapping_text(text).person or ""
    except Exception:  # noqa: BLE001 - an earlier version's grammar; the address finds the rows as well
        return ""
