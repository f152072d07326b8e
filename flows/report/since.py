"""What is new, known or solved since the previous run of the same mapping: told by person, code and column.

Two runs are compared by what they left in their folders. Only the part at hand is in memory, and of each problem
eight bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from flows.report.failures import header, parts, shown_cells
from flows.report.outcomes import NEED_A_PERSON
from flows.report.problem_group import PreviousFacts, ProblemGroup
from flows.spool import originals_of
from flows.whose import places_of, replaced
from mappings.engine.cleaning import clean, folded

__all__ = ["Previous", "Since", "Who", "since"]

_BREAK = "\x1f"
_ROWS, _NEW_KEPT = 10, 1000
_DAMAGED = (OSError, KeyError, ValueError, pa.ArrowException)
"""What is raised by a folder of which somebody has taken away a part, or that was written by another version."""
_Hashes = npt.NDArray[np.uint64]
_Kind = tuple[str, str, str, str]
"""Code, severity, column and fix."""


@dataclass(frozen=True, slots=True)
class Who:
    """How a row is known from run to run: by the column `person` of the source, else by the columns behind its key.

    A row that has neither is known by all of its cells.
    """

    person: str = ""
    key: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Previous:
    """The run to compare with. `whole`: it read the same source, so that who is not in it any more has left it."""

    run_id: str
    folder: Path
    whole: bool = True


@dataclass(slots=True)
class Since:
    """`groups` are the given ones, with how many of their rows are new, and after them those that were solved.

    `new_rows` are the numbers of the rows that need a person and have a problem that they did not have then, the first
    thousand of them; None where there is nothing to compare with.
    """

    facts: PreviousFacts
    groups: list[ProblemGroup]
    new_rows: list[int] | None = None


@dataclass(slots=True)
class _Problems:
    """The problems of a part, each of a row once: who has it, which kind it is, and a hash of both without the fix."""

    rows: list[int]
    persons: list[str]
    kinds: list[_Kind]
    hashes: _Hashes


@dataclass(slots=True)
class _Solved:
    """A problem of then that nobody has in the same way any more."""

    person: str
    row: int
    kind: _Kind


def since(folder: Path, previous: Previous, who: Who, groups: Sequence[ProblemGroup]) -> Since:
    """Compares the run in `folder` with the previous one; where the folder of that is gone or damaged, says so."""
    if not (previous.folder / "outcomes").is_dir() or not (previous.folder / "spool").is_dir():
        return _not_compared(previous, groups)
    try:
        before = _all_hashes(previous.folder, who)
    except _DAMAGED:
        return _not_compared(previous, groups)
    found = _Current()
    for problems in _problems(folder, who):
        found.add(problems, known=np.isin(problems.hashes, before))
    solved = list(_left(previous.folder, who, np.unique(np.concatenate([*found.hashes, _none()]))))
    now = _outcomes_of({one.person for one in solved}, folder, who)
    told = [
        group.model_copy(
            update={
                "new": (new := found.new[group.code, group.severity, group.column]),
                "state": group.state if group.state == "accepted" else "new" if new else "known",
            }
        )
        for group in groups
    ]
    failing = {*NEED_A_PERSON, "unsent"}
    rows = {one.person: now.get(one.person, set()) for one in solved}
    facts = PreviousFacts(
        run_id=previous.run_id,
        compared=True,
        new=found.rows - found.known_rows,
        known=found.known_rows,
        solved=sum(bool(outcomes) and not outcomes & failing for outcomes in rows.values()),
        gone=sum(not outcomes for outcomes in rows.values()) if previous.whole else 0,
    )
    return Since(facts, [*told, *_solved_groups(solved, now)], found.new_rows)


def _not_compared(previous: Previous, groups: Sequence[ProblemGroup]) -> Since:
    return Since(PreviousFacts(run_id=previous.run_id, compared=False), list(groups))


@dataclass(slots=True)
class _Current:
    """What the run at hand has: new rows of each group, and rows that need a person."""

    new: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    hashes: list[_Hashes] = field(default_factory=list)
    new_rows: list[int] = field(default_factory=list)
    rows: int = 0
    known_rows: int = 0

    def add(self, problems: _Problems, *, known: npt.NDArray[np.bool_]) -> None:
        new: dict[int, bool] = {}
        for row, (code, severity, column, _), old in zip(
            problems.rows, problems.kinds, known.tolist(), strict=True
        ):
            if not old:
                self.new[code, severity, column] += 1
            if severity == "error":
                new[row] = new.get(row, False) or not old
        self.hashes.append(problems.hashes)
        self.rows += len(new)
        self.known_rows += sum(not one for one in new.values())
        self.new_rows += sorted(row for row, one in new.items() if one)[: _NEW_KEPT - len(self.new_rows)]


def _all_hashes(folder: Path, who: Who) -> _Hashes:
    return np.unique(np.concatenate([*(one.hashes for one in _problems(folder, who)), _none()]))


def _none() -> _Hashes:
    return np.empty(0, np.uint64)


def _left(folder: Path, who: Who, now: _Hashes) -> Iterator[_Solved]:
    """The errors of the previous run that are not among the problems of `now`, each once."""
    seen: set[int] = set()
    for problems in _problems(folder, who):
        for at in np.flatnonzero(~np.isin(problems.hashes, now)).tolist():
            one = int(problems.hashes[at])
            if problems.kinds[at][1] == "error" and one not in seen:
                seen.add(one)
                yield _Solved(problems.persons[at], problems.rows[at], problems.kinds[at])


def _solved_groups(solved: Sequence[_Solved], now: dict[str, set[str]]) -> list[ProblemGroup]:
    """Of who is still in the source and had a turn. Their `rows` are those of the previous run."""
    rows: dict[_Kind, list[int]] = {}
    fixes: dict[tuple[str, str, str], _Kind] = {}
    for one in solved:
        if (outcomes := now.get(one.person, set())) and "unsent" not in outcomes:
            kind = fixes.setdefault(one.kind[:3], one.kind)
            rows.setdefault(kind, []).append(one.row)
    return [
        ProblemGroup(
            code=code, severity="error", state="solved", column=column, count=len(found), new=0,
            rows=sorted(found)[:_ROWS], fix=fix,
        )
        for (code, _, column, fix), found in sorted(rows.items(), key=lambda item: (-len(item[1]), item[0]))
    ]  # fmt: skip


# ---- a run's folder


def _problems(folder: Path, who: Who) -> Iterator[_Problems]:
    """The problems of a run, part by part. A row that needs a person and has no error has the code of its outcome."""
    names = header(folder)
    for path in parts(folder, "outcomes"):
        outcomes = pq.read_table(path, columns=["row", "outcome", "code"])
        failing = outcomes.filter(
            pc.is_in(outcomes["outcome"], value_set=pa.array(NEED_A_PERSON, outcomes["outcome"].type))
        )
        told: dict[tuple[int, str, str, str], str] = {}
        place = folder / "problems" / path.name
        if place.exists():
            table = pq.read_table(place, columns=["row", "code", "severity", "column", "fix"])
            for row, code, severity, column, fix in zip(
                *(table[name].to_pylist() for name in table.column_names), strict=True
            ):
                told.setdefault((row, code, severity, column), fix)
        wrong = {row for row, _, severity, _ in told if severity == "error"}
        for row, outcome, code in zip(
            *(failing[name].to_pylist() for name in failing.column_names), strict=True
        ):
            if row not in wrong:
                told[row, code or outcome, "error", ""] = ""
        if not told:
            continue
        rows = sorted({row for row, *_ in told})
        by_row = dict(zip(rows, _persons(folder / "spool" / path.name, names, who, rows), strict=True))
        entries = sorted(told.items(), key=lambda entry: entry[0][0])
        texts = [_BREAK.join((by_row[row], code, column)) for (row, code, _, column), _ in entries]
        yield _Problems(
            [row for (row, *_), _ in entries],
            [by_row[row] for (row, *_), _ in entries],
            [(code, severity, column, fix) for (_, code, severity, column), fix in entries],
            np.array([xxhash.xxh3_64_intdigest(text.encode()) for text in texts], np.uint64),
        )


def _persons(path: Path, names: Sequence[str], who: Who, rows: Sequence[int]) -> list[str]:
    """Who some rows of a part are, in the order of their numbers."""
    wanted = pa.array(rows, pa.int64())
    narrow = _in_the_source(_chosen(path, _narrow(path, names, who), wanted))
    known = _known_by(narrow, names, who)
    if "" in known:
        whole = _chosen(path, None, wanted)
        cells = [column.to_pylist() for column in shown_cells(whole, len(names))]
        for at, row in enumerate(zip(*cells, strict=True)):
            known[at] = known[at] or f"r{_BREAK}{xxhash.xxh3_64_hexdigest(_BREAK.join(row).encode())}"
    return known


def _narrow(path: Path, names: Sequence[str], who: Who) -> list[str]:
    """The columns of a part that are needed to know who its rows are."""
    known = {"originals"} & set(pq.read_schema(path).names)
    return ["row", *_columns(names, who), *known]


def _in_the_source(table: pa.Table) -> pa.Table:
    """The rows as the source has them: a cell that was corrected says who it is only without the correction."""
    originals = originals_of(table)
    for name in {str(one.column) for one in originals} & set(table.column_names):
        mine = [one for one in originals if str(one.column) == name]
        column = replaced(table[name].combine_chunks(), mine)
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def _chosen(path: Path, columns: Sequence[str] | None, rows: pa.Array) -> pa.Table:
    table = pq.read_table(path, columns=columns)
    return table.filter(pc.is_in(table["row"], value_set=rows))


def _columns(names: Sequence[str], who: Who) -> list[str]:
    """The spool's names for the columns that tell who a row is."""
    wanted = [name for name in (who.person, *who.key) if name]
    return list(dict.fromkeys(map(str, places_of(wanted, names))))


def _known_by(table: pa.Table, names: Sequence[str], who: Who) -> list[str]:
    """Person or key of each row, '' where it has neither."""
    blank = [""] * len(table)
    persons, keys = blank, [blank]
    if who.person and (found := _columns(names, Who(who.person))):
        persons = clean(table[found[0]].combine_chunks()).to_pylist()
    if found := _columns(names, Who("", who.key)):
        keys = [folded(clean(table[name].combine_chunks())).to_pylist() for name in found]
    return [
        f"p{_BREAK}{person}" if person else f"k{_BREAK}{_BREAK.join(key)}" if any(key) else ""
        for person, *key in zip(persons, *keys, strict=True)
    ]


def _outcomes_of(persons: set[str], folder: Path, who: Who) -> dict[str, set[str]]:
    """What became of some persons in a run: all outcomes of their rows. Who is not in its source is left out."""
    wanted = {person for person in persons if not person.startswith("r")}
    found: dict[str, set[str]] = {}
    if not wanted:
        return found
    names = header(folder)
    for path in parts(folder, "outcomes"):
        outcomes = pq.read_table(path, columns=["outcome"])["outcome"].to_pylist()
        spool = folder / "spool" / path.name
        table = _in_the_source(pq.read_table(spool, columns=_narrow(spool, names, who)))
        for person, outcome in zip(_known_by(table, names, who), outcomes, strict=True):
            if person in wanted:
                found.setdefault(person, set()).add(outcome)
    return found
