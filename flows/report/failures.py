"""The rows that need a person, as files to repair them with: `failures.csv` and `failures.xlsx`.

Rows whose problems were all accepted come last, and their `_fix` begins with `ACCEPTED`.

Both hold the source's own columns, in order and under their own names, and then `OWN_COLUMNS`. In the CSV a cell that
a spreadsheet program might run is defused with a leading apostrophe (see `defuse`); in the workbook every
cell is text, so nothing is changed there.

A run's folder holds `spool/`, `outcomes/` and perhaps `problems/`, each in parts with the same names; a part
of `outcomes` has the rows of the spool's part in the same order. Only the part at hand is in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from flows.report.outcomes import NEED_A_PERSON
from flows.report.wear import CELL_LIMIT, shortened

__all__ = [
    "OWN_COLUMNS",
    "accepted_in",
    "csv_header",
    "csv_lines",
    "defuse",
    "defused",
    "failing",
    "header",
    "parts",
    "quoted_lines",
    "restored",
    "shown_cells",
    "write_accepted",
    "write_csv",
    "write_xlsx",
]

OWN_COLUMNS = ("_run", "_row", "_line", "_key", "_outcome", "_code", "_column", "_problem", "_fix")
BOM = "\ufeff".encode()
TEXT = pa.large_string()
ACCEPTED = "Accepted, nothing has to be done."
_ACCEPTED_FILE = "accepted.parquet"

# What a spreadsheet program may take for a formula, with whatever it skips before it, and what `restored` undoes.
DANGEROUS = r"^(?:'|[\t\r\n]|[\p{Z}\p{C}\"'`]*[=+\-@＝＋－＠])"

COLUMN_LIMIT = 16_384
ROW_LIMIT = 1_048_575
FULL = "The workbook is full; failures.csv has all rows."
"""The last line of a workbook that cannot hold all rows."""


# ---- the rows


def parts(folder: Path, kind: str) -> list[Path]:
    """The Parquet parts of `spool`, `outcomes` or `problems`, in the order of their numbers."""
    return sorted((folder / kind).glob("part-*.parquet"), key=lambda path: int(path.stem.partition("-")[2]))


def header(folder: Path) -> tuple[str, ...]:
    """The source's header as it stands in the file; empty where nothing was read."""
    first = parts(folder, "spool")[:1]
    if not first:
        return ()
    names: list[str] = json.loads((pq.read_schema(first[0]).metadata or {})[b"header"])
    return tuple(names)


def write_accepted(folder: Path, rows: Sequence[int]) -> None:
    """Notes in a run's folder which of its rows were accepted."""
    path = folder / _ACCEPTED_FILE
    pq.write_table(pa.table({"row": pa.array(rows, pa.int64())}), path)
    path.chmod(0o600)


def accepted_in(folder: Path) -> pa.Array | None:
    """The rows of a run that were accepted, None where none was."""
    path = folder / _ACCEPTED_FILE
    return pq.read_table(path)["row"].combine_chunks() if path.exists() else None


def failing(folder: Path, run_id: str) -> Iterator[list[pa.Array]]:
    """The rows that need a person, part by part: one text column for each name of `header` + `OWN_COLUMNS`."""
    accepted = accepted_in(folder)
    yield from _failing(folder, run_id, accepted, last=False)
    if accepted is not None and len(accepted):
        yield from _failing(folder, run_id, accepted, last=True)


def _failing(folder: Path, run_id: str, accepted: pa.Array | None, *, last: bool) -> Iterator[list[pa.Array]]:
    """Those that were accepted, or the others."""
    width = len(header(folder))
    for path in parts(folder, "outcomes"):
        outcomes = pq.read_table(path)
        chosen = pc.is_in(outcomes["outcome"], value_set=pa.array(NEED_A_PERSON, outcomes["outcome"].type))
        if accepted is not None:
            mine = pc.is_in(outcomes["row"], value_set=accepted)
            chosen = pc.and_(chosen, mine if last else pc.invert(mine))
        if not pc.any(chosen).as_py():
            continue
        spool = pq.read_table(folder / "spool" / path.name)
        if not spool["row"].equals(outcomes["row"]):
            raise ValueError(f"{path.name}: spool and outcomes do not hold the same rows")
        outcomes = outcomes.filter(chosen)
        said = _problems(folder / "problems" / path.name, outcomes)
        if last:
            said[-1] = pc.utf8_rtrim_whitespace(_beside(pa.scalar(ACCEPTED + " ", TEXT), said[-1]))
        run = pa.repeat(pa.scalar(run_id, TEXT), len(outcomes))
        known = [_text(outcomes[name]) for name in ("row", "line", "key", "outcome")]
        yield [*shown_cells(spool.filter(chosen), width), run, *known, *said]


def shown_cells(spool: pa.Table, width: int) -> list[pa.Array]:
    """The source's columns; a row that was misread shows its own cells, from the left."""
    columns = [_text(spool[str(index)]) for index in range(width)]
    misread = pc.is_valid(spool["cells"]).combine_chunks()
    if not width or not pc.any(misread).as_py():
        return columns
    own = spool["cells"].combine_chunks().filter(misread)
    flat = _text(pc.list_slice(own, 0, width, return_fixed_size_list=True).flatten())
    for index, column in enumerate(columns):
        mine = flat.take(pa.array(np.arange(index, len(flat), width)))
        columns[index] = pc.replace_with_mask(column, misread, mine)
    return columns


def _problems(path: Path, outcomes: pa.Table) -> list[pa.Array]:
    """Code, column, message and fix of every error of each row, joined; the outcome's own words where there is none."""
    blank = pa.repeat(pa.scalar("", TEXT), len(outcomes))
    otherwise = [_text(outcomes["code"]), blank, _text(outcomes["reason"]), blank]
    if not path.exists():
        return otherwise
    names = ("code", "column", "message", "fix")
    found = pq.read_table(path, columns=["row", "severity", *names])
    errors = found.filter(pc.equal(found["severity"], "error"))
    errors = errors.filter(pc.is_in(errors["row"], value_set=outcomes["row"]))
    by_row = errors.group_by("row", use_threads=False).aggregate([(name, "list") for name in names])
    at = pc.index_in(outcomes["row"].combine_chunks(), value_set=by_row["row"])
    return [
        pc.coalesce(_text(_joined(by_row[f"{name}_list"])).take(at), other)
        for name, other in zip(names, otherwise, strict=True)
    ]


def _joined(lists: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join(lists, pa.scalar(" | ", lists.type.value_type))


def _text(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """As one array of text with 64-bit offsets and no nulls."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.fill_null(array.cast(TEXT), "")


# ---- CSV


def defuse(text: str) -> str:
    """The text as it may stand in a CSV that somebody opens in a spreadsheet program.

    An apostrophe is put before what begins like a formula (= + - @, also full-width, also after blanks, invisible
    characters or quotes), before a leading tab or line break, and before a leading apostrophe. `restored`
    takes exactly one away, so that every text comes back as it was.
    """
    return str(defused(pa.array([text], TEXT))[0].as_py())


def defused(column: pa.Array) -> pa.Array:
    """A column of texts, each as `defuse` writes it."""
    risky = pc.match_substring_regex(column, DANGEROUS)
    return pc.if_else(risky, _beside(pa.scalar("'", TEXT), column), column)


def restored(column: pa.Array) -> pa.Array:
    """The texts that were defused. One that `defuse` never writes, such as a typed 's-Hertogenbosch, stays as it is."""
    bare = pc.replace_substring_regex(column, "^'", "", max_replacements=1)
    return pc.if_else(pc.equal(defused(bare), column), bare, column)


def _quoted(column: pa.Array) -> pa.Array:
    quote = pa.scalar('"', TEXT)
    doubled = pc.replace_substring(column, '"', '""')
    return pc.if_else(
        pc.match_substring_regex(column, '[",\r\n]'), _beside(quote, _beside(doubled, quote)), column
    )


def _beside(left: pa.Array | pa.Scalar, right: pa.Array | pa.Scalar) -> pa.Array:
    return pc.binary_join_element_wise(left, right, pa.scalar("", TEXT))


def csv_lines(columns: Sequence[pa.Array]) -> memoryview:
    """Rows as the bytes of CSV lines (RFC 4180: comma, CRLF), every cell defused."""
    return quoted_lines([defused(column) for column in columns])


def quoted_lines(columns: Sequence[pa.Array]) -> memoryview:
    """Likewise of cells that are defused already, or need not be."""
    if not len(columns[0]):
        return memoryview(b"")
    cells = [_quoted(column) for column in columns]
    lines = _beside(pc.binary_join_element_wise(*cells, pa.scalar(",", TEXT)), pa.scalar("\r\n", TEXT))
    _, offsets, text = lines.buffers()
    places = np.frombuffer(offsets, np.int64)
    start, end = places[lines.offset], places[lines.offset + len(lines)]
    return memoryview(text)[start:end]


def csv_header(names: Sequence[str]) -> bytes:
    """The beginning of a CSV: the byte order mark that Excel needs, and the names."""
    return BOM + bytes(csv_lines([pa.array([name], TEXT) for name in names]))


def write_csv(folder: Path, run_id: str, file: BinaryIO) -> None:
    """Writes `failures.csv`."""
    file.write(csv_header([*header(folder), *OWN_COLUMNS]))
    file.writelines(csv_lines(columns) for columns in failing(folder, run_id))


# ---- the workbook


class _Sheet(Worksheet):  # type: ignore[misc]
    """A sheet that takes any text as text.

    xlsxwriter escapes `_x0041_` but not the second half of `_x0041_x0042_`, and writes a text of the form
    `<r>…</r>` into the file as it is.
    """

    @staticmethod
    def _escape_control_characters(text: str) -> str:
        if "_x" in text:
            text = re.sub(r"_(?=x[0-9A-Fa-f]{4}(?:_|[\x00-\x08\x0b-\x1f\ufffe\uffff]))", "_x005F_", text)
        text = re.sub(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]", lambda hit: f"_x{ord(hit[0]):04X}_", text)
        return "_x003C_" + text[1:] if text.startswith("<r>") else text


def write_xlsx(folder: Path, run_id: str, file: BinaryIO, *, created: datetime, scratch: Path) -> None:
    """Writes `failures.xlsx`: the same rows, each cell as text. `scratch` takes xlsxwriter's own files meanwhile.

    Where the workbook cannot hold all of it (32,767 characters in a cell, 16,384 columns, 1,048,576 rows) it
    says so and names `failures.csv`, which can.
    """
    names = header(folder)
    shown = names[: COLUMN_LIMIT - len(OWN_COLUMNS)]
    left_out = len(names) - len(shown)
    settings = {"constant_memory": True, "tmpdir": str(scratch)}
    with xlsxwriter.Workbook(file, settings) as book:
        book.set_properties({"title": f"Rows of run {run_id} that need a person", "created": created})
        text, bold = book.add_format({"num_format": "@"}), book.add_format({"num_format": "@", "bold": True})
        sheet = book.add_worksheet("failures", worksheet_class=_Sheet)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        sheet.freeze_panes(1, 0)
        columns = [*shown, *OWN_COLUMNS]
        count = 0
        for part in failing(folder, run_id):
            kept = [*part[: len(shown)], *part[len(names) :]]
            if not count:
                _begin(sheet, columns, kept, text, bold)
            for row in zip(*(column.to_pylist() for column in kept), strict=True):
                count += 1
                if count == ROW_LIMIT:
                    sheet.write_string(count, 0, FULL, bold)
                    return
                for at, cell in enumerate(_fitting(row, left_out)):
                    if cell:
                        sheet.write_string(count, at, cell, text)
        if not count:
            _begin(sheet, columns, [], text, bold)
        sheet.autofilter(0, 0, count, len(columns) - 1)


def _begin(
    sheet: Worksheet,
    names: Sequence[str],
    first: Sequence[pa.Array],
    text: xlsxwriter.format.Format,
    bold: xlsxwriter.format.Format,
) -> None:
    """The columns' widths, from the names and the first rows, and the names."""
    for at, name in enumerate(names):
        longest = pc.max(pc.utf8_length(first[at][:500])).as_py() if first else 0
        sheet.set_column(at, at, min(max(len(name), longest, 6), 60) + 2, text)
    for at, name in enumerate(names):
        sheet.write_string(0, at, shortened(name, CELL_LIMIT), bold)


def _fitting(row: Sequence[str], left_out: int) -> list[str]:
    """The row as a workbook can hold it, with a note in `_problem` where it had to be cut."""
    cells = [shortened(cell, CELL_LIMIT) for cell in row]
    cut = sum(a != b for a, b in zip(row, cells, strict=True))
    note = f" [{cut} cells were too long for a workbook; failures.csv has them whole]" if cut else ""
    note += f" [{left_out} columns are only in failures.csv]" if left_out else ""
    if note:
        at = len(cells) - len(OWN_COLUMNS) + OWN_COLUMNS.index("_problem")
        cells[at] = shortened(cells[at], CELL_LIMIT - len(note)) + note
    return cells
