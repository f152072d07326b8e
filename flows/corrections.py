"""Corrections of a run: those that it was given, and those that it leaves behind for the nights to come."""

from __future__ import annotations

import getpass
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from flows.ledger import Ledger
from flows.ledger.corrections import Kept
from flows.report.failures import parts
from flows.report.outcomes import NEED_A_PERSON
from flows.spool import Spool, originals_of
from flows.whose import owners, places_of, whose
from mappings.engine.cleaning import clean_text
from mappings.engine.complaints import listed, visible
from mappings.engine.document import Mapping

__all__ = ["keep", "kept_cells", "login", "whats_corrected"]

_NOT_SETTLED = {*NEED_A_PERSON, "unsent"}
_OVERTAKEN = "newer_delivered"


def login() -> str:
    """Who works here, by the name that they logged in with; '' where the system has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def kept_cells(folder: Path) -> tuple[Counter[str], dict[int, str]]:
    """The cells of a run's rows that corrections from earlier retries have changed: how many by column, and their columns by row."""
    counts: Counter[str] = Counter()
    by_row: dict[int, list[str]] = {}
    for path in parts(folder, "spool"):
        schema = pq.read_schema(path)
        if "originals" not in schema.names:
            continue
        table = pq.read_table(path, columns=["row", "originals"])
        originals = [one for one in originals_of(table) if one.kept]
        if not originals:
            continue
        names = Spool.header_of(schema)
        for one in originals:
            name = visible(names[one.column]) or "(no name)"
            counts[name] += 1
            by_row.setdefault(table["row"][one.at].as_py(), []).append(name)
    return counts, {row: listed(names) for row, names in by_row.items()}


def whats_corrected(counts: Counter[str]) -> str:
    """The corrected cells in numbers, such as: 3 cells kept from retries: Email 2, City 1."""
    cells = f"{counts.total():,} cell{'s' if counts.total() != 1 else ''} kept from retries"
    return f"{cells}: {', '.join(f'{name} {count:,}' for name, count in counts.most_common())}"


def keep(ledger: Ledger, account: int, mapping: Mapping, folder: Path, run_id: str) -> str:
    """Keeps what was corrected in a retry's rows that need no person any more; what became of it, in a sentence, or ''."""
    found: list[Kept] = []
    nobody = 0
    spool = Spool.kept(folder / "spool")
    header = spool.header
    places = places_of(owners(mapping), header)
    for number, _, _ in spool.parts():
        frame = spool.frame(number)
        mine = [one for one in frame.originals if not one.kept]
        if not mine:
            continue
        outcomes = pq.read_table(
            folder / "outcomes" / f"part-{number:05d}.parquet", columns=["outcome", "code"]
        )
        people = whose(frame, places)
        for one in mine:
            outcome, code = outcomes["outcome"][one.at].as_py(), outcomes["code"][one.at].as_py()
            if outcome in _NOT_SETTLED or code == _OVERTAKEN:
                continue
            cell = frame.cells.column(one.column)[one.at].as_py()
            person = people[one.at].as_py()
            if person:
                found.append((person, clean_text(header[one.column]), one.text, cell))
            else:
                nobody += one.text != cell
    if not found and not nobody:
        return ""
    return _said(ledger.corrections.keep(account, mapping.name, found, run=run_id, who=login()), nobody)


def _said(kept: int, nobody: int) -> str:
    said = []
    if kept:
        cells = f"{kept:,} corrected cell{'s are' if kept > 1 else ' is'} kept"
        said.append(
            f"{cells}: later syncs correct the source with {'them' if kept > 1 else 'it'} until it has another value (muster corrections)."
        )
    if nobody:
        cells = f"{nobody:,} corrected cell{'s are' if nobody > 1 else ' is'} not kept"
        said.append(f"{cells}: the source does not say whose they are. Correct it there.")
    return " ".join(said)
