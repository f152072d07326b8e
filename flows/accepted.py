"""Accepted problems: which rows need nobody, because somebody has looked at all that is wrong with them before.

A row with a further problem, or with another value in the cell that was accepted, needs a person again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.ledger import Acceptances
from flows.report.failures import parts, write_accepted
from flows.report.outcomes import NEED_A_PERSON
from flows.report.problem_group import ProblemGroup
from flows.spool import Spool
from flows.whose import owners, places_of, whose
from mappings.engine.document import Mapping as Document
from mappings.engine.frame import Frame

__all__ = ["AcceptedRows", "Wrong", "accepted_rows", "grouped", "keep_accepted", "needing", "wrong_rows"]

Problem = tuple[str, str, str]
"""Code, column and value."""
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row that needs a person: whose it is, and everything that is wrong with it."""

    row: int
    person: str
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class AcceptedRows:
    """Rows of which every problem was accepted; `problems` counts them by code and column, `which` names the acceptances."""

    rows: set[int] = field(default_factory=set)
    problems: Counter[tuple[str, str]] = field(default_factory=Counter)
    which: set[tuple[str, str, str]] = field(default_factory=set)


def needing(folder: Path, outcomes: Sequence[str] = NEED_A_PERSON) -> dict[int, str]:
    """The rows of a finished run that need a person, or have one of these outcomes, each with the outcome's code."""
    found: dict[int, str] = {}
    for path in parts(folder, "outcomes"):
        table = pq.read_table(path, columns=["row", "outcome", "code"])
        table = table.filter(pc.is_in(table["outcome"], value_set=pa.array(outcomes, pa.string())))
        found.update(zip(table["row"].to_pylist(), table["code"].to_pylist(), strict=True))
    return found


def accepted_rows(
    folder: Path,
    mapping: Document,
    needing: Callable[[], Mapping[int, str]],
    acceptances: Acceptances,
    account: int,
) -> AcceptedRows:
    """Which of the rows that need a person in a run's folder need nobody, because all of their problems were accepted."""
    found = AcceptedRows()
    known = acceptances.of(account, mapping.name)
    rows = needing() if known else {}
    if not rows:
        return found
    for wrong in wrong_rows(folder, mapping, rows, acceptances):
        mine = {(wrong.person, code, column): value for code, column, value in wrong.problems}
        if all(known.get(one) == acceptances.mac(value) for one, value in mine.items()):
            found.rows.add(wrong.row)
            found.which |= mine.keys()
            found.problems.update({(code, column) for code, column, _ in wrong.problems})
    return found


def keep_accepted(folder: Path, found: AcceptedRows) -> None:
    """Notes in the run's folder which rows need nobody."""
    write_accepted(folder, sorted(found.rows))


def grouped(groups: list[ProblemGroup], found: AcceptedRows) -> list[ProblemGroup]:
    """The groups of problems; one whose rows all need nobody has the state `accepted`."""
    return [
        group.model_copy(update={"state": "accepted"})
        if group.severity == "error" and 0 < group.count <= found.problems[group.code, group.column]
        else group
        for group in groups
    ]


def wrong_rows(
    folder: Path, mapping: Document, rows: Mapping[int, str], acceptances: Acceptances
) -> Iterator[Wrong]:
    """The rows that need a person with everything that is wrong with them, in order; `rows` has the codes of their outcomes."""
    wanted = np.array(sorted(rows), np.int64)
    spool = Spool.kept(folder / "spool")
    places = places_of(owners(mapping), spool.header)
    for number, first, last in spool.parts():
        begin, end = np.searchsorted(wanted, [first, last + 1])
        if begin == end:
            continue
        whole = spool.frame(number)
        frame = whole.take(np.searchsorted(whole.rows, wanted[begin:end]))
        problems = _problems(folder / "problems" / f"part-{number:05d}.parquet")
        people = _people(frame, places, acceptances)
        for row, person in zip(frame.rows.tolist(), people, strict=True):
            yield Wrong(row, person, tuple(problems.get(row, [(rows[row], "", "")])))


def _people(frame: Frame, places: tuple[int, ...], acceptances: Acceptances) -> list[str]:
    """Whose each row is; where its source does not say, the row itself is known again by all that it holds."""
    people: list[str] = whose(frame, places).to_pylist()
    unread = {bad.at: bad.cells for bad in frame.misread}
    for at in [at for at, person in enumerate(people) if not person]:
        cells = unread.get(at) or [column[at].as_py() for column in frame.cells.columns]
        people[at] = "#" + acceptances.mac("\x1f".join(cells))
    return people


def _problems(path: Path) -> dict[int, list[Problem]]:
    """The errors of each row, each once."""
    if not path.exists():
        return {}
    names = ["row", "code", "column", "value"]
    table = pq.read_table(path, columns=[*names, "severity"])
    table = table.filter(pc.equal(table["severity"], "error"))
    found: dict[int, dict[Problem, None]] = {}
    for row, *problem in zip(*(table[name].to_pylist() for name in names), strict=True):
        code, column, value = problem
        found.setdefault(row, {})[code, column or "", value or ""] = None
    return {row: list(problems) for row, problems in found.items()}
