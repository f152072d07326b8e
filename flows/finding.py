"""Finding: everything that ever happened to one person, for whoever asks what became of them, and for an access request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from flows.depot import folder_of
from flows.inbox.fetched import shown_source
from flows.ledger import Ledger, Who
from flows.ledger.people import Held, Trace
from flows.ledger.vanished import Missed
from flows.report.failures import header, parts, shown_cells
from flows.theirs import Theirs

__all__ = ["Found", "Happened", "find"]


@dataclass(frozen=True, slots=True)
class Happened:
    """One row of theirs in one run. `cells` is the row as it was read, {} where the run's folder is gone; `sent` what was or
    would be delivered, None where it came to nothing before that.
    """

    run: str
    at: str
    mapping: str
    verb: str
    source: str
    row: int
    line: int
    outcome: str
    code: str
    reason: str
    problems: list[str]
    cells: dict[str, str]
    sent: dict[str, Any] | None
    before: dict[str, Any] | None
    contact_id: str


@dataclass(frozen=True, slots=True)
class Found:
    """`consents` are (account, key, who said so, since when)."""

    who: Who
    happened: list[Happened]
    held: list[Held]
    consents: list[tuple[int, str, str, str]]
    forgotten: bool
    missed: list[tuple[str, Missed]]
    """The mappings from whose complete sources they have vanished, with since when and what was done."""

    def facts(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "schema_version": 1,
            "addresses": sorted(self.who.addresses),
            "ids": [{"mapping": mapping, "id": text} for mapping, text in sorted(self.who.ids)],
            "forgotten": self.forgotten,
            "delivered": [asdict(one) for one in self.held],
            "opt_outs": [
                {"account": account, "key": key, "said_by": origin, "since": since}
                for account, key, origin, since in self.consents
            ],
            "vanished": [{"mapping": mapping, **asdict(one)} for mapping, one in self.missed],
            "runs": [asdict(one) for one in self.happened],
        }


def find(ledger: Ledger, asked: str) -> Found:
    """Everything that ledger and runs' folders have of a person, by an address or an id, the oldest first."""
    who = ledger.people.who(asked)
    by_run: dict[str, list[Trace]] = {}
    for trace in ledger.people.traces(who):
        by_run.setdefault(trace.run, []).append(trace)
    happened: list[Happened] = []
    for run in reversed(ledger.runs.last(-1)):
        traces = {trace.row: trace for trace in by_run.get(run.id, [])}
        rows = dict(_rows(folder_of(run), Theirs(ledger, run, who, set(traces))))
        for number in sorted(rows.keys() | traces.keys()):
            row, sent = rows.get(number), traces.get(number)
            ended = row or {}
            happened.append(
                Happened(
                    run.id, run.started_at, run.mapping, run.verb, shown_source(Path(run.source_path), run.mapping), number, ended.get("line", 0),
                    ended.get("outcome") or (sent.outcome if sent is not None else ""),
                    ended.get("code") or (sent.code if sent is not None else ""),
                    ended.get("reason") or (sent.reason if sent is not None else ""),
                    ended.get("problems", []), ended.get("cells", {}),
                    sent.wanted if sent is not None else None, sent.before if sent is not None else None,
                    sent.contact_id if sent is not None else "",
                )
            )  # fmt: skip
    macs = {ledger.forgotten.mac("", address) for address in who.addresses}
    macs |= {ledger.forgotten.mac(mapping, text) for mapping, text in who.ids}
    return Found(
        who,
        happened,
        ledger.people.held(who),
        ledger.people.consents(who),
        bool(macs & ledger.forgotten.hashes()),
        ledger.vanished.theirs(who),
    )


def _rows(folder: Path, theirs: Theirs) -> Iterator[tuple[int, dict[str, Any]]]:
    """Their rows in a run's folder, by number."""
    names = header(folder)
    for path in parts(folder, "spool"):
        spool, outcomes = pq.read_table(path), _table(folder / "outcomes" / path.name)
        mine = theirs.among(spool, outcomes)
        if not mine.any():
            continue
        at = pa.array(np.flatnonzero(mine))
        shown = zip(*(column.take(at).to_pylist() for column in shown_cells(spool, len(names))), strict=True)
        ended = outcomes.take(at).to_pylist() if outcomes is not None else [{} for _ in at]
        lines = spool["line"].combine_chunks().take(at).to_pylist()
        said = _said(folder / "problems" / path.name)
        for row, line, cells, one in zip(spool["row"].combine_chunks().take(at).to_pylist(), lines, shown, ended, strict=True):  # fmt: skip
            yield (
                row,
                {
                    **one,
                    "line": line,
                    "cells": dict(zip(names, cells, strict=True)),
                    "problems": said.get(row, []),
                },
            )


def _table(path: Path) -> pa.Table | None:
    return pq.read_table(path) if path.exists() else None


def _said(path: Path) -> dict[int, list[str]]:
    """The problems' messages by row."""
    found: dict[int, list[str]] = {}
    if path.exists():
        for one in pq.read_table(path, columns=["row", "message"]).to_pylist():
            found.setdefault(one["row"], []).append(one["message"])
    return found
