"""Every row's outcome, in the run's folder: begun while the source is read, finished when the answers are in."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.ledger.answers import Answers, Outcome
from flows.report.outcomes import NEED_A_PERSON
from flows.report.reasons import OTHER_ROW
from flows.report.results import SCHEMA
from flows.roll import Roll, State
from flows.told import Columns, told
from mappings.engine.mapped import Mapped
from mappings.engine.problems.problem import Problem

__all__ = ["LIMITED", "PROBLEM_SCHEMA", "SUPERSEDED", "Books", "kept_back"]

Ending = tuple[str, str, str]
"""Outcome, code and reason."""

_TEXT = pa.string()
_BEGUN = pa.schema([("row", pa.int64()), ("line", pa.int64()), ("key", _TEXT), ("code", _TEXT)])
PROBLEM_SCHEMA = pa.schema(
    [("row", pa.int64()), ("line", pa.int64())]
    + [(name, _TEXT) for name in ("code", "severity", "column", "value", "message", "fix")]
)
_PLAIN = {
    State.FILTERED: ("filtered", "where", "left out by where: in the mapping"),
    State.FORGOTTEN: (
        "protected",
        "forgotten",
        "somebody who asked to be forgotten; nothing of the row is kept",
    ),
    State.UNCHANGED: ("unchanged", "delivered_before", "exactly this was delivered before"),
}
_STANDS = ("duplicate", "same_key", "row {other} has the same key and stands for both")
_RIVALLED = {
    State.DUPLICATE: ("duplicate", "same_key", "row {other} has the same key and is sent instead"),
    State.REJECTED: ("invalid", "duplicate_rejected", "row {other} has the same key"),
    State.CONFLICT: (
        "protected",
        "identity_conflict",
        "row {other} has the same address and another person id: merge the two in the source, or correct an address",
    ),
    State.SPLIT: (
        "protected",
        "identity_conflict",
        "row {other} has the same person id and another address: keep the right one of them in the source",
    ),
}
"""Endings because of another row; `_STANDS` where that one is not sent either."""
LIMITED: Ending = ("unsent", "limited", "not in this run: --limit, --only or --opt-outs-only")
SUPERSEDED: Ending = ("unsent", "superseded", "another run took the place of this one before its turn")
"""Why rows are left for another time."""


def kept_back(roll: Roll) -> Counter[tuple[str, str]]:
    """Outcome and reason of the rows that another one, or a wish to be forgotten, keeps from being sent, as the report will count them."""
    outcome, _, reason = _PLAIN[State.FORGOTTEN]
    found: Counter[tuple[str, str]] = Counter({(outcome, reason): roll.count(State.FORGOTTEN)})
    for state in (State.CONFLICT, State.SPLIT):
        outcome, _, reason = _RIVALLED[state]
        found[outcome, reason.replace("row {other} has", OTHER_ROW)] = roll.count(state)
    for run, count in Counter(roll.overtaken.values()).items():
        outcome, _, reason = _overtaken(run)
        found[outcome, reason] = count
    return +found


def _overtaken(run: str) -> Ending:
    reason = f"the later run {run} has delivered this contact otherwise: correct the source where this row is right"
    return ("filtered", "newer_delivered", reason)


def _settled(ending: Ending, columns: str) -> Ending:
    """The ending of a row that was corrected as a retry has corrected it before."""
    outcome, code, reason = ending
    how = f"corrected in {columns} as in a retry"
    if (outcome, code) == ("unchanged", "delivered_before"):
        return outcome, "settled_by_retry", f"settled by retry: {reason}, {how}"
    return outcome, code, f"{reason}; {how}" if reason else how


class Books:
    """The parts `outcomes/` and `problems/` of a run's folder, a part for each frame."""

    def __init__(self, folder: Path) -> None:
        self._outcomes = folder / "outcomes"
        self._problems = folder / "problems"
        self._begun = folder / "begun"
        self._parts: list[tuple[int, int]] = []
        for path in (self._outcomes, self._problems, self._begun):
            shutil.rmtree(path, ignore_errors=True)  # what an interrupted stretch of the run has left
            path.mkdir(mode=0o700, parents=True)

    def begin(self, mapped: Mapped) -> None:
        """A frame's keys and problems, before it is known which rows are sent."""
        if not len(mapped):
            return
        self._parts.append((int(mapped.rows[0]), int(mapped.rows[-1])))
        first_code: dict[int, str] = {}
        for problem in mapped.problems:
            if problem.severity == "error":
                first_code.setdefault(problem.row, problem.code)
        codes = [""] * len(mapped)
        for at, code in zip(_places(mapped.rows, list(first_code)), first_code.values(), strict=True):
            codes[at] = code
        batch = pa.record_batch(
            [pa.array(mapped.rows), pa.array(mapped.lines), mapped.key, pa.array(codes, _TEXT)], schema=_BEGUN
        )
        with (
            pa.OSFile(str(self._begun / f"part-{len(self._parts):05d}.arrow"), "wb") as sink,
            pa.ipc.new_file(sink, _BEGUN) as writer,
        ):
            writer.write_batch(batch)
        if mapped.problems:
            self._write_problems(len(self._parts), mapped.problems)

    def adopt(self, begun: Path, problems: Path, first: int, last: int) -> None:
        """Takes what another process has begun for the frame that follows; the files are moved."""
        self._parts.append((first, last))
        begun.replace(self._begun / f"part-{len(self._parts):05d}.arrow")
        if problems.exists():
            problems.replace(self._problems / f"part-{len(self._parts):05d}.parquet")

    def _write_problems(self, number: int, problems: Sequence[Problem]) -> None:
        columns = {name: [getattr(problem, name) for problem in problems] for name in PROBLEM_SCHEMA.names}
        _write(pa.table(columns, schema=PROBLEM_SCHEMA), self._problems / f"part-{number:05d}.parquet")

    def finish(
        self,
        roll: Roll,
        answers: Answers,
        run_id: str,
        unsent: Mapping[str, str],
        columns_of: Columns,
        left: Ending = LIMITED,
        corrected: Mapping[int, str] | None = None,
    ) -> Counter[str]:
        """Every row gets its outcome. `unsent` are code and reason of rows that were not tried; returns the balance.

        `columns_of` names the source column of each merge tag, for the problems that the destination found; `left` is the
        ending of rows that are left for another time. `corrected` names by row the columns that were corrected as retries have
        corrected them before: the reason says so.
        """
        balance: Counter[str] = Counter()
        for number, (first, last) in enumerate(self._parts, start=1):
            with pa.memory_map(str(self._begun / f"part-{number:05d}.arrow")) as source:
                begun = pa.ipc.open_file(source).get_batch(0)
                balance += self._finish_part(
                    number,
                    begun,
                    first,
                    last,
                    roll,
                    answers,
                    run_id,
                    unsent,
                    columns_of,
                    left,
                    corrected or {},
                )
        return balance

    def _finish_part(
        self, number: int, begun: pa.RecordBatch, first: int, last: int, roll: Roll, answers: Answers, run_id: str,
        unsent: Mapping[str, str], columns_of: Columns, left: Ending, corrected: Mapping[int, str],
    ) -> Counter[str]:  # fmt: skip
        numbers = begun.column("row").to_numpy()
        states = roll.states[numbers - 1]
        endings = _Endings(len(states), ("unsent", unsent["code"], unsent["reason"]))
        for state, ending in _PLAIN.items():
            endings.all(states == state, ending)
        endings.all(states == State.LEFT, left)
        invalid = np.flatnonzero(states == State.INVALID)
        for index, code in zip(
            invalid.tolist(), begun.column("code").take(pa.array(invalid)).to_pylist(), strict=True
        ):
            endings.one(index, ("invalid", code, ""))
        found: list[Problem] = []
        overtaken = numbers[states == State.OVERTAKEN].tolist()
        for index, row in zip(_places(numbers, overtaken), overtaken, strict=True):
            endings.one(index, _overtaken(roll.overtaken[row]))
        rows, others = roll.rivals.of(first, last)
        places = np.array(_places(numbers, rows), np.int64)
        unsent_too = roll.is_split(others) & (states[places] == State.DUPLICATE)
        for row, index, other, both in zip(
            rows.tolist(), places.tolist(), others.tolist(), unsent_too.tolist(), strict=True
        ):
            outcome, code, reason = _STANDS if both else _RIVALLED[State(states[index])]
            endings.one(index, (outcome, code, reason.format(other=other)))
            if states[index] == State.REJECTED:
                line, key = begun.column("line")[index].as_py(), begun.column("key")[index].as_py()
                found.append(Problem.of(code, row=row, line=line, value=key, other=other, field="key"))
        contacts: dict[int, str] = {}
        gaps = last - first + 1 > len(numbers)
        for answer, _, carried in answers.of(run_id, first, last):
            index = int(np.searchsorted(numbers, answer.row)) if gaps else answer.row - first
            if carried and answer.outcome not in NEED_A_PERSON:
                continue  # the opt-out of a row that is not sent itself is there, or was not tried
            endings.one(index, (answer.outcome, answer.code, answer.reason))
            contacts[index] = answer.contact_id
            found += _problems(answer, begun.column("line")[index].as_py(), columns_of)
        mine = [row for row in corrected if first <= row <= last]
        for index, row in zip(_places(numbers, mine), mine, strict=True):
            endings.one(index, _settled(endings.of(index), corrected[row]))
        columns = [begun.column("row"), begun.column("line"), begun.column("key"), *endings.columns()]
        columns.append(_sparse(contacts, len(states)))
        _write(
            pa.Table.from_arrays(columns, schema=SCHEMA),
            self._outcomes / f"part-{number:05d}.parquet",
        )
        if found:
            self._add_problems(number, found)
        return endings.balance()

    def _add_problems(self, number: int, found: list[Problem]) -> None:
        path = self._problems / f"part-{number:05d}.parquet"
        added = pa.table(
            {name: [getattr(p, name) for p in found] for name in PROBLEM_SCHEMA.names}, schema=PROBLEM_SCHEMA
        )
        whole = pa.concat_tables([pq.read_table(path), added]) if path.exists() else added
        order = np.argsort(np.asarray(whole["row"]), kind="stable")
        _write(whole.take(pa.array(order)), path)

    def keys(self, key: str) -> Iterator[tuple[int, str]]:
        """The rows that have a key."""
        for number, _ in enumerate(self._parts, start=1):
            with pa.memory_map(str(self._begun / f"part-{number:05d}.arrow")) as source:
                begun = pa.ipc.open_file(source).get_batch(0)
                for index in pc.indices_nonzero(pc.equal(begun.column("key"), key)).to_pylist():
                    yield begun.column("row")[index].as_py(), key

    def sample(self, rows: npt.NDArray[np.int64]) -> Iterator[str]:
        """The keys of some rows, in ascending order of the rows."""
        for number, (first, last) in enumerate(self._parts, start=1):
            begin, end = np.searchsorted(rows, [first, last + 1])
            if begin == end:
                continue
            with pa.memory_map(str(self._begun / f"part-{number:05d}.arrow")) as source:
                begun = pa.ipc.open_file(source).get_batch(0)
                at = _places(begun.column("row").to_numpy(), rows[begin:end])
                yield from begun.column("key").take(pa.array(at, pa.int64())).to_pylist()

    def tidy(self) -> None:
        """Removes what was only needed on the way."""
        for path in self._begun.glob("part-*.arrow"):
            path.unlink()
        self._begun.rmdir()


def _problems(answer: Outcome, line: int, columns_of: Columns) -> list[Problem]:
    return [told(problem, row=answer.row, line=line, columns=columns_of) for problem in answer.problems]


def _places(numbers: npt.NDArray[np.int64], rows: Sequence[int] | npt.NDArray[np.int64]) -> list[int]:
    """Where the rows stand in a part that has them; a retry's parts have gaps."""
    places: list[int] = np.searchsorted(numbers, np.asarray(rows, np.int64)).tolist()
    return places


class _Endings:
    """The endings of a part's rows: a number for each row, and each different ending once."""

    def __init__(self, size: int, otherwise: Ending) -> None:
        self._numbers: dict[Ending, int] = {otherwise: 0}
        self._rows = np.zeros(size, np.int32)
        self._known: list[Ending] = []

    def _number(self, ending: Ending) -> int:
        return self._numbers.setdefault(ending, len(self._numbers))

    def all(self, rows: npt.NDArray[np.bool_], ending: Ending) -> None:
        self._rows[rows] = self._number(ending)

    def one(self, row: int, ending: Ending) -> None:
        self._rows[row] = self._number(ending)

    def of(self, row: int) -> Ending:
        if len(self._known) < len(self._numbers):
            self._known = list(self._numbers)
        return self._known[int(self._rows[row])]

    def columns(self) -> list[pa.Array]:
        numbers = pa.array(self._rows)
        return [pa.array(list(names), _TEXT).take(numbers) for names in zip(*self._numbers, strict=True)]

    def balance(self) -> Counter[str]:
        """How many rows ended in each outcome."""
        counts = np.bincount(self._rows, minlength=len(self._numbers))
        balance: Counter[str] = Counter()
        for (outcome, _, _), count in zip(self._numbers, counts.tolist(), strict=True):
            balance[outcome] += count
        return +balance


def _sparse(texts: Mapping[int, str], size: int) -> pa.Array:
    """A column that is '' but for some rows."""
    if not texts:
        return pa.repeat("", size)
    column = np.full(size, "", object)
    column[list(texts)] = list(texts.values())
    return pa.array(column, _TEXT)


def _write(table: pa.Table, path: Path) -> None:
    begun = path.with_suffix(".begun")
    pq.write_table(
        table,
        begun,
        compression="lz4",
        use_dictionary=["outcome", "code", "reason", "severity", "column", "fix"],
    )
    begun.chmod(0o600)
    with begun.open("rb") as written:
        os.fsync(written.fileno())
    begun.replace(path)
