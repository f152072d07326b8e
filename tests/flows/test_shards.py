"""A source that is read and mapped in shards comes to the same plan as one that is read by a single process."""

from __future__ import annotations

import contextlib
import csv
import datetime as dt
import errno
import gzip
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base import Oddity, Source
from connectors.errors import SourceError
from connectors.sources import csv_file
from connectors.sources.csv_file import CsvSource, open_source
from connectors.sources.name_parts import NameParts
from connectors.sources.opening import open_all
from connectors.sources.several import Several
from flows.corrected import Corrected
from flows.forgotten import blocked_by
from flows.ledger import Correction
from flows.ledger.opening import open_ledger
from flows.ledger.people import Who
from flows.opening import make_application
from flows.plan import make_plan
from flows.settings import Settings
from flows.shards import shard
from flows.shards.crew import Processes
from flows.shards.dividing import shards_of
from flows.shards.shard import map_shard
from flows.shards.shared import at_hand, clear_left
from flows.shards.workers import Starter, Workers
from flows.spool import Spool
from flows.watching import Silent
from mappings.engine.reading import read_mapping_text
from mappings.engine.schema import Field, Schema

if TYPE_CHECKING:
    from conftest import Desk

SCHEMA = Schema(
    fields=(
        Field("email_address", "Email Address", "email", required=True, immutable=True),
        Field("first_name", "First name", "text"),
        Field("city", "City", "text"),
        Field("score", "Score", "integer"),
    ),
    tags={"vip": "t1", "press": "t2"},
)


class Here:
    """A crew of nobody but this process, which maps when it is asked what has ended. `dies` at some of its turns."""

    def __init__(self, dies: set[int] | None = None, last_first: bool = False) -> None:
        self.given: list[int] = []
        self.turns = 0
        self.dies = dies or set()
        self.last_first = last_first
        self.closed = False
        self.folder = Path()

    def begin(self, folder: Path) -> None:
        self.folder = folder

    def give(self, number: int) -> None:
        self.given.append(number)

    def ended(self, seconds: float) -> list[int]:
        if not seconds and self.last_first:
            return []
        if not self.given:
            return []
        number = self.given.pop(-1 if self.last_first else 0)
        self.turns += 1
        if self.turns not in self.dies:
            map_shard(self.folder, number)
        return [number]

    def close(self) -> None:
        self.closed = True


def text_of(rows: list[dict[str, str]], columns: tuple[str, ...]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


PEOPLE: dict[str, Any] = {
    "name": "people",
    "source": {"kind": "csv_file"},
    "destination": {"kind": "campaignlark"},
    "key": "email_address",
    "person": "Id",
    "fields": {
        "email_address": {"from": "Email", "type": "email"},
        "first_name": "First",
        "city": "City",
        "score": {"from": "Score", "type": "integer"},
    },
    "tags": {"from": "Tags", "split": ";"},
    "consent": {"opted_out": {"from": "Out", "when": "yes"}},
    "where": {"Keep": ["", "yes"]},
}
NEWEST = {**PEOPLE, "duplicates": {"newest": "When"}, "ignore": ["Since"]}
FOLLOWS = {
    **{name: part for name, part in PEOPLE.items() if name != "person"},
    "ignore": ["When", "Id"],
    "duplicates": "reject",
    "consent": {"opted_out": {"from": "Out", "when": "yes", "unless": "no"}, "follow_source": "Since"},
}
COLUMNS = ("Id", "Email", "First", "City", "Score", "Tags", "Out", "Keep", "When", "Since")


class Room:
    """A folder with a file, a mapping, and a ledger in which somebody was forgotten."""

    def __init__(self, folder: Path, document: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.file = folder / "people.csv"
        self.home = folder / "home"
        self.ledger = open_ledger(self.home)
        self.ledger.forgotten.add(Who(frozenset({"gone@example.com"}), frozenset()))
        self.reads(document or NEWEST)

    def reads(self, document: dict[str, Any]) -> None:
        self.mapping = read_mapping_text(yaml.safe_dump(document, sort_keys=False))

    def corrections(self) -> list[Correction]:
        blank = ("", "", "", "", "")
        return [
            Correction(1, "people", "3", "Email", "nobody", "somebody@example.com", *blank),
            Correction(1, "people", "4", "City", "never", "Rome", *blank),
        ]

    def opened(self, block: int) -> Source:
        """The file; all files of the folder `files` where there are any, as one source."""
        reading = {"delimiter": ",", "encoding": "utf-8", "header_line": 1}
        files = sorted((self.folder / "files").glob("*.csv"))
        if not files:
            plain = open_source(self.file, reading)
            plain.block = block or plain.block
            return plain
        pattern = self.folder / "files" / "people-{region}.csv"
        several = open_all("csv_file", files, pattern, NameParts.of(str(pattern)), reading)
        assert isinstance(several, Several)
        for one in several._ones:
            assert isinstance(one.source, CsvSource)
            one.source.block = block or one.source.block
        return several

    def plan(
        self, block: int = 0, shards: int = 1, crew: Any = None, *, corrected: bool = False,
        stop: Callable[[], bool] = lambda: False,
    ) -> Seen:  # fmt: skip
        """What the first pass makes of the file, in one or in several shards."""
        plain = self.opened(block)
        source = Corrected(plain, self.mapping, self.corrections()) if corrected else plain
        application = make_application(self.mapping, SCHEMA, source.header, dt.date(2026, 5, 1))
        keys = ("email_address",)
        found = shards_of(source, application, self.home, keys, shards, crew)
        assert (found is not None) == (shards > 1)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        plan = make_plan(
            source, application, folder, lambda number: self.ledger.pages.page(1, "people", number), Silent(),
            blocked=blocked_by(self.ledger, self.home, self.mapping, source.header, keys), shards=found, stop=stop,
        )  # fmt: skip
        balance = plan.books.finish(plan.roll, self.ledger.answers, "none", {"code": "c", "reason": "r"}, {})
        every = np.arange(1, plan.rows + 1)
        plan.close()
        parts = {
            f"{kind}/{path.name}": pq.read_table(path).to_pydict()
            for kind in ("spool", "outcomes", "problems")
            for path in sorted((folder / kind).iterdir())
        }
        assert {path.name for path in folder.iterdir()} == {"spool", "outcomes", "problems", "begun"}
        kept = Spool.kept(folder / "spool")
        assert list(kept.parts()) == list(plan.spool.parts())
        shutil.rmtree(folder)
        roll = plan.roll
        return Seen(
            parts, dict(balance), roll.states.tolist(), roll.opted_out.tolist(), sorted(roll.carried),
            tuple(column.tolist() for column in roll.consents(every)), plan.filled, plan.warnings,
            list(source.oddities), source.sha256, source.size,
            source.outdated() if isinstance(source, Corrected) else set(),
        )  # fmt: skip


@dataclass
class Seen:
    """All that a plan holds, and all that stands in its run's folder."""

    parts: dict[str, Any]
    balance: dict[str, int]
    states: list[int]
    opted_out: list[bool]
    carried: list[int]
    consents: tuple[Any, ...]
    filled: list[int]
    warnings: int
    oddities: list[Oddity]
    sha256: str
    size: int
    outdated: set[tuple[str, str]]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    room = Room(tmp_path)
    yield room
    room.ledger.close()


def some(number: int) -> str:
    """A file with so many people, of whom every seventh stands in it twice, and some have mistakes."""
    rows = [
        {
            "Id": str(n), "Email": "nobody" if n % 50 == 3 else f"p{n - n % 7 // 6}@example.com", "First": f"Name\n{n}",
            "City": "Köln" if n % 3 else "", "Score": "many" if n % 20 == 0 else str(n), "Out": "yes" if n % 11 == 0 else "",
        }
        for n in range(1, number + 1)
    ]  # fmt: skip
    return text_of(rows, COLUMNS)


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "Id": st.sampled_from(["1", "2", "3", "4", "5", ""]),
            "Email": st.sampled_from(["a@example.com", "A@example.com", "b@example.com", "c@gmial.com", "gone@example.com", "nobody", ""]),
            "First": st.sampled_from(["Ann", "Zoë\nB", 'an "x"', ""]),
            "City": st.sampled_from(["Rome", "", "never"]),
            "Score": st.sampled_from(["1", "x", ""]),
            "Tags": st.sampled_from(["vip", "VIP;press", "nothing", ""]),
            "Out": st.sampled_from(["yes", "", ""]),
            "Keep": st.sampled_from(["", "yes", "no"]),
            "When": st.sampled_from(["2026-01-01", "2026-02-01", ""]),
            "Since": st.sampled_from(["2026-01-01", "2026-02-01", ""]),
        }
    ),
    min_size=1,
    max_size=14,
)  # fmt: skip


@settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(
    ROWS, st.integers(40, 400), st.integers(2, 6), st.sampled_from([NEWEST, FOLLOWS]), st.booleans(),
    st.sampled_from(["", "lost,cell", ",,,,,,,,,,,\n", "\n\n", '"cut off']),
)  # fmt: skip
def test_any_rows_in_any_number_of_shards_come_to_the_plan_of_a_single_reader(
    room: Room, rows: Any, block: int, shards: int, document: Any, corrected: bool, tail: str
) -> None:
    room.reads(document)
    room.file.write_text(text_of(rows, COLUMNS) + tail, "utf-8", newline="")
    alone = room.plan(block, corrected=corrected)
    crew = Here(dies={2, 3}, last_first=True)
    assert room.plan(block, shards, crew, corrected=corrected) == alone
    assert crew.closed


SEVERAL = {
    **NEWEST,
    "fields": {**NEWEST["fields"], "city": {"from": ["City", "_region"]}},
    "ignore": ["Since", "_file", "Extra"],
}
"""The mapping for files whose names say a region."""


def lay_files(room: Room, contents: list[str]) -> None:
    """Their contents as the files of a pattern, in this order, and no others."""
    shutil.rmtree(room.folder / "files", ignore_errors=True)
    (room.folder / "files").mkdir()
    for number, text in enumerate(contents):
        (room.folder / "files" / f"people-{number}.csv").write_text(text, "utf-8", newline="")


@settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(
    st.lists(st.tuples(ROWS, st.sampled_from([COLUMNS, (*COLUMNS[:2], *reversed(COLUMNS[2:])), ("Extra", *COLUMNS[:7])]),
                       st.sampled_from(["", "lost,cell", "\n\n", '"cut off'])), min_size=2, max_size=5),
    st.integers(40, 400), st.integers(2, 6), st.booleans(),
)  # fmt: skip
def test_any_files_of_a_pattern_in_any_number_of_shards_come_to_the_plan_of_a_single_reader(
    room: Room, files: Any, block: int, shards: int, corrected: bool
) -> None:
    room.reads(SEVERAL)
    lay_files(
        room,
        [
            text_of([{name: row.get(name, "") for name in columns} for row in rows], columns) + tail
            for rows, columns, tail in files
        ],
    )
    alone = room.plan(block, corrected=corrected)
    assert {row for part in alone.parts.values() for row in part.get("_file", ())} <= {
        f"people-{number}.csv" for number in range(len(files))
    }
    crew = Here(dies={2, 3}, last_first=True)
    assert room.plan(block, shards, crew, corrected=corrected) == alone
    assert crew.closed


def test_many_small_files_of_a_pattern_are_mapped_several_at_once(room: Room) -> None:
    room.reads(SEVERAL)
    lay_files(room, [some(number) for number in range(1, 41)])
    crew = Here()
    assert room.plan(0, 4, crew) == room.plan()
    assert 3 <= crew.turns <= 5


def test_processes_of_this_machine_map_the_files_of_a_pattern(room: Room) -> None:
    room.reads(SEVERAL)
    lay_files(room, [some(900), some(30), some(600)])
    assert room.plan(4096, 6, Processes(2), corrected=True) == room.plan(4096, corrected=True)


def test_a_file_of_a_pattern_that_is_written_to_meanwhile_is_never_mapped_and_is_named(room: Room) -> None:
    room.reads(SEVERAL)
    lay_files(room, [some(100), some(100)])
    with pytest.raises(SourceError, match="is another file than it was when its reading began") as stopped:
        room.plan(4096, 2, Meddling(room.folder / "files" / "people-1.csv"))
    assert "people-1.csv" in str(stopped.value)


def test_files_of_which_one_is_no_csv_are_read_by_one(room: Room) -> None:
    room.reads(SEVERAL)
    lay_files(room, [some(40), some(40)])
    files = sorted((room.folder / "files").glob("*.csv"))
    packed = files[1].with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(files[1].read_bytes()))
    source = open_all("csv_file", [files[0], packed], room.folder / "files" / "*", NameParts("*"), {})
    application = make_application(room.mapping, SCHEMA, (*source.header, "_region"))
    assert shards_of(source, application, room.home, ("email_address",), 3) is None


def test_processes_of_this_machine_come_to_the_plan_of_a_single_reader(room: Room) -> None:
    room.file.write_text(some(1500), "utf-8", newline="")
    alone = room.plan(4096, corrected=True)
    assert alone.balance["protected"] > 100
    assert room.plan(4096, 6, Processes(2), corrected=True) == alone


class Watched(Processes):
    """Processes whose first one is killed when it has a shard."""

    def give(self, number: int) -> None:
        super().give(number)
        if number == 1:
            (pid,) = self._at_work
            os.kill(pid, signal.SIGKILL)


def test_a_shard_whose_process_is_killed_is_mapped_by_another_one(room: Room) -> None:
    room.file.write_text(some(600), "utf-8", newline="")
    assert room.plan(4096, 4, Watched(1)) == room.plan(4096)


def test_a_shard_that_kills_whoever_maps_it_stops_the_run_and_says_what_to_do(room: Room) -> None:
    room.file.write_text(some(100), "utf-8", newline="")
    crew = Here(dies={1, 2, 3, 4, 5, 6, 7, 8, 9})
    with pytest.raises(SourceError, match=r"The part [12] of the file was begun 3 times") as stopped:
        room.plan(1000, 2, crew)
    assert "--shards 1" in stopped.value.fix
    assert crew.closed


def test_a_row_that_cannot_be_read_stops_all_with_the_words_of_a_single_reader(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "LONGEST_ROW", 1 << 16)
    room.file.write_text(some(500) + "x" * 300_000, "utf-8", newline="")
    with pytest.raises(SourceError, match="the row on line") as alone:
        room.plan(4096)
    crew = Here()
    with pytest.raises(SourceError) as divided:
        room.plan(4096, 5, crew)
    assert str(divided.value) == str(alone.value)
    assert crew.closed
    assert not list(room.folder.rglob("shards"))


class Meddling(Here):
    """Somebody writes to the file before its second shard is mapped."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def ended(self, seconds: float) -> list[int]:
        if self.given == [2]:
            with self.file.open("a") as file:
                file.write("one more\n")
        return super().ended(seconds) if seconds else []


def test_a_file_that_is_written_to_meanwhile_is_never_mapped(room: Room) -> None:
    room.file.write_text(some(200), "utf-8", newline="")
    with pytest.raises(SourceError, match="is another file than it was when its reading began"):
        room.plan(4096, 2, Meddling(room.file))


def test_pieces_that_were_cut_short_or_are_of_another_question_are_made_again(room: Room) -> None:
    room.file.write_text(some(200), "utf-8", newline="")

    class Spoiling(Here):
        def ended(self, seconds: float) -> list[int]:
            found = super().ended(seconds)
            piece = self.folder / "00001.piece"
            if found == [1] and self.turns == 1:
                with next(piece.glob("keys/*")).open("r+b") as file:
                    file.truncate(20)
            return found

    crew = Spoiling()
    assert room.plan(4096, 2, crew) == room.plan(4096)
    assert crew.turns == 3


def test_a_full_disk_in_a_shard_is_told_as_a_full_disk(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.file.write_text(some(200), "utf-8", newline="")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shard.Books, "begin", full)
    with pytest.raises(OSError, match="No space left") as stopped:
        room.plan(4096, 2, Here())
    assert stopped.value.errno == errno.ENOSPC


def test_an_interrupted_reading_leaves_no_process_and_no_piece(room: Room) -> None:
    room.file.write_text(some(3000), "utf-8", newline="")
    crew = Processes(2)
    pids: set[int] = set()

    def stop() -> bool:
        pids.update(crew._all)
        return any(room.folder.rglob("*.piece"))

    with pytest.raises(SourceError, match="Interrupted while the file was read"):
        room.plan(4096, 40, crew, stop=stop)
    assert len(pids) == 2
    assert not any(map(alive, pids))
    assert not list(room.folder.rglob("shards"))


def alive(pid: int) -> bool:
    """Whether a process is at work; one that has ended and was not asked how is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_run_that_is_killed_leaves_no_process_behind(room: Room) -> None:
    script = (
        "import sys, time; from pathlib import Path; from flows.shards.crew import Processes\n"
        "crew = Processes(2); crew.begin(Path(sys.argv[1])); print(*crew._all, flush=True); time.sleep(60)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", script, str(room.folder)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert run.stdout is not None
    pids = [int(pid) for pid in run.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(alive, pids))
    run.kill()
    run.communicate()
    ends = time.monotonic() + 20
    while any(map(alive, pids)) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not any(map(alive, pids))


def test_small_files_and_mappings_that_learn_names_from_rows_are_read_by_one(room: Room) -> None:
    room.file.write_text(some(50), "utf-8", newline="")
    source = open_source(room.file, {})
    whole = make_application(room.mapping, SCHEMA, source.header)
    assert shards_of(source, whole, room.home, ("email_address",), None) is None
    assert shards_of(source, whole, room.home, ("email_address",), 1) is None
    assert shards_of(source, whole, room.home, ("email_address",), 3) is not None
    room.reads({**NEWEST, "tags": {"from": "Tags", "unknown": "create"}})
    learning = make_application(room.mapping, SCHEMA, source.header)
    assert shards_of(source, learning, room.home, ("email_address",), 3) is None


async def test_a_sync_in_shards_delivers_and_reports_what_another_one_does(desk: Desk) -> None:
    file = desk.folder / "people.csv"
    file.write_text(some(60), "utf-8", newline="")
    desk.mapping(ignore=["When", "Since"])
    alone = await desk.plan(file)
    divided = await desk.plan(file, shards=3)
    assert divided.outcomes == alone.outcomes
    ended = await desk.sync(file, shards=3)
    assert ended.summary.balanced
    assert len(ended.rows) == 60
    again = await desk.sync(file, shards=2)
    assert again.outcomes["unchanged"] == ended.outcomes["created"]


class Started:
    """Workers that are threads, as the flow works; those of the shards in `gone` are never heard of, as if their machine was gone,
    or only at their beginning.
    """

    def __init__(self, gone: set[int], *, begins: bool = False) -> None:
        self.gone = gone
        self.begins = begins
        self.threads: dict[str, threading.Thread | None] = {}
        self.stopped: list[str] = []

    def start(self, place: str, number: int) -> str:
        name = str(number)
        self.threads[name] = None
        if number not in self.gone or self.begins:
            self.threads[name] = thread = threading.Thread(target=self._work, args=(place, number))
            thread.start()
        return name

    def _work(self, place: str, number: int) -> None:
        with at_hand(place, number, lambda _: "") as folder:
            if number in self.gone:
                time.sleep(0.1)  # for its first sign of life
            else:
                map_shard(folder, number)

    def is_over(self, name: str) -> bool:
        thread = self.threads[name]
        return int(name) not in self.gone and thread is not None and not thread.is_alive()

    def stop(self, name: str) -> None:
        self.stopped.append(name)

    def as_starter(self) -> Starter:
        return Starter(self.start, self.is_over, self.stop)


@pytest.mark.parametrize("address", [False, True], ids=["a shared folder", "an address"])
@pytest.mark.parametrize("begins", [False, True], ids=["never heard of", "silent after a while"])
def test_workers_elsewhere_map_the_shards_and_what_one_leaves_undone_is_mapped_here(
    room: Room, address: bool, begins: bool
) -> None:
    room.file.write_text(some(200), "utf-8", newline="")
    started = Started({1}, begins=begins)
    place = room.folder / "place"
    crew = Workers(
        started.as_starter(), 2, f"file://{place}/a-run" if address else "", look=0.05,
        begins=30.0 if begins else 0.4, silent=0.4 if begins else 30.0, here=Here,
    )  # fmt: skip
    assert room.plan(4096, 2, crew) == room.plan(4096)
    assert started.stopped == ["1"]
    assert list(started.threads) == ["1", "2"], "the second try is not a worker's"
    assert not place.exists() or not list(place.rglob("*"))


def test_where_no_worker_is_there_everything_is_mapped_here_after_one_wait(room: Room) -> None:
    room.file.write_text(some(300), "utf-8", newline="")
    started = Started({1, 2, 3, 4, 5, 6})
    crew = Workers(started.as_starter(), 2, look=0.05, begins=0.5, here=Here)
    began = time.monotonic()
    divided = room.plan(2048, 6, crew)
    assert len(started.threads) == 2, "the others are not given to anybody"
    assert divided == room.plan(2048)
    assert time.monotonic() - began < 30


def test_a_worker_that_comes_when_the_run_has_ended_leaves_nothing_of_anybody(
    room: Room, tmp_path: Path
) -> None:
    room.file.write_text(some(100), "utf-8", newline="")
    place = f"file://{tmp_path}/place/a-run"
    late: list[bool] = []

    class Late(Started):
        def _work(self, place: str, number: int) -> None:
            with contextlib.suppress(FileNotFoundError), at_hand(place, number, lambda _: "") as folder:
                late.append(map_shard(folder, number))
                shutil.rmtree(tmp_path / "place" / "a-run")  # as the run's end does

    started = Late(set())
    crew = Workers(started.as_starter(), 1, place, look=0.05, here=Here)
    assert room.plan(4096, 2, crew) == room.plan(4096)
    assert True in late
    assert not [path for path in (tmp_path / "place").rglob("*") if path.suffix != ".sign" and path.is_file()]


def test_what_lies_at_the_place_is_its_owners_alone_and_what_a_killed_run_left_goes(
    room: Room, tmp_path: Path
) -> None:
    room.file.write_text(some(200), "utf-8", newline="")
    place = tmp_path / "place"
    seen: dict[str, int] = {}

    class Looking(Started):
        def is_over(self, name: str) -> bool:
            over = super().is_over(name)
            seen.update({path.name: path.stat().st_mode & 0o777 for path in place.rglob("*")} if over else {})
            return over

    crew = Workers(Looking(set()).as_starter(), 2, f"file://{place}/a-run", look=0.05)
    crew.close = lambda: None  # type: ignore[method-assign] # as a run that is killed
    room.plan(4096, 2, crew)
    assert "manifest.json" in seen
    assert {mode for name, mode in seen.items() if "." in name and "piece" not in name} == {0o600}
    assert seen["a-run"] == seen["00001.piece"] == 0o700
    (place / "another").mkdir()
    settings_of = Settings(None, {"MUSTER_SHARED": str(place)})
    assert clear_left(settings_of, {"a-run", "b-run"}) == 1
    assert [path.name for path in place.iterdir()] == ["another"]
    assert clear_left(Settings(None, {}), {"a-run"}) == 0


def test_a_place_that_cannot_be_reached_is_named_without_its_secrets(room: Room) -> None:
    room.file.write_text(some(100), "utf-8", newline="")
    for place, told in (
        ("sftp://name:secret@host/place", r"The shared place \(MUSTER_SHARED\) .* holds a password"),
        ("nothing://host/place", "nothing:// is no address that muster knows"),
    ):
        crew = Workers(Started(set()).as_starter(), 2, place)
        with pytest.raises(SourceError, match=told) as stopped:
            room.plan(4096, 2, crew)
        assert "secret" not in str(stopped.value)
