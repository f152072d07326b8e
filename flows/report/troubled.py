"""The rows that need a person, as the page lists them: the first ones, each with all that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.report.failures import accepted_in, parts
from flows.report.outcomes import NEED_A_PERSON
from flows.report.text import TEXT_SHOWN, VALUE_SHOWN

__all__ = ["Trouble", "TroubledRow", "troubled_rows"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong with a row. `length` is that of the whole value; none is there of a row's own reason."""

    code: str
    column: str
    value: str
    length: int
    message: str


@dataclass(frozen=True, slots=True)
class TroubledRow:
    """A row that needs a person, by its number and its line in the file."""

    row: int
    line: int
    key: str
    outcome: str
    troubles: tuple[Trouble, ...]


def troubled_rows(folder: Path, most: int) -> list[TroubledRow]:
    """The first `most` of them, by their numbers; read from the run's `folder`, and no further than needed. Accepted ones need nobody."""
    accepted = accepted_in(folder)
    found: list[TroubledRow] = []
    for path in parts(folder, "outcomes"):
        if len(found) >= most:
            break
        table = pq.read_table(path, columns=["row", "line", "key", "outcome", "code", "reason"])
        chosen = pc.is_in(table["outcome"], value_set=pa.array(NEED_A_PERSON, table["outcome"].type))
        if accepted is not None:
            chosen = pc.and_(chosen, pc.invert(pc.is_in(table["row"], value_set=accepted)))
        rows = table.filter(chosen)[: most - len(found)]
        if len(rows):
            found += _told(rows.to_pylist(), _errors(folder / "problems" / path.name, rows["row"]))
    return found


def _errors(path: Path, rows: pa.ChunkedArray) -> dict[int, list[Trouble]]:
    """The errors of some rows of a part, in the order in which they were found."""
    if not path.exists():
        return {}
    table = pq.read_table(path, columns=["row", "code", "severity", "column", "value", "message"])
    mine = pc.and_(pc.equal(table["severity"], "error"), pc.is_in(table["row"], value_set=rows))
    table = table.filter(mine)
    lengths = pc.utf8_length(table["value"]).to_pylist()
    values = pc.utf8_slice_codeunits(table["value"], 0, VALUE_SHOWN).to_pylist()
    messages = pc.utf8_slice_codeunits(table["message"], 0, TEXT_SHOWN).to_pylist()
    found: dict[int, list[Trouble]] = {}
    columns = (table[name].to_pylist() for name in ("row", "code", "column"))
    for row, code, column, value, length, message in zip(*columns, values, lengths, messages, strict=True):
        found.setdefault(row, []).append(Trouble(code, column, value, length, message))
    return found


def _told(rows: Sequence[dict[str, Any]], errors: dict[int, list[Trouble]]) -> list[TroubledRow]:
    """With the outcome's own words where no error says more."""
    return [
        TroubledRow(
            one["row"],
            one["line"],
            one["key"],
            one["outcome"],
            tuple(errors.get(one["row"], ()))
            or (Trouble(one["code"] or one["outcome"], "", "", 0, one["reason"] or ""),),
        )
        for one in rows
    ]
