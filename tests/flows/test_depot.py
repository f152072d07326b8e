"""Machines that share no folder share those of their runs by `MUSTER_RUNS`: each goes on with, retries, undoes and forgets what another has run."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import LedgerError, SourceError
from connectors.places.place import Place
from flows import sync_run
from flows.cli import main
from flows.depot import Depot, folder_of
from flows.finding import find
from flows.forgetting import forget
from flows.handover import hand_over, take_over
from flows.ledger import Ledger, Run
from flows.ledger.opening import open_ledger
from flows.retry import open_retry
from flows.settings import Settings
from flows.spool import Spool
from flows.suppressions import Suppressions
from flows.sync_run import SyncRun
from flows.traces import traces
from flows.undo import open_undo
from tests.flows.interrupting import interrupted
from tests.flows.test_retention import aged

if TYPE_CHECKING:
    from conftest import Desk

    from tests.postgresql import Server

Person = Callable[..., dict[str, str]]


def depot_at(place: Path) -> Depot:
    found = Depot.of(Settings(None, {"MUSTER_RUNS": str(place)}))
    assert found is not None
    return found


def held(folder: Path) -> dict[str, bytes]:
    """What is in a run's folder, by name."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "depot.json"
    }


def lying(place: Path, pattern: str) -> list[str]:
    return [path.name for path in place.glob(pattern)]


def lay(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)


FILES = st.dictionaries(
    st.sampled_from(["spool/part-00001.parquet", "outcomes/part-00001.parquet", "report.html", "a b.csv"]),
    st.binary(max_size=3),
    min_size=1,
)


@settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(st.lists(FILES, min_size=1, max_size=4), st.booleans())
def test_whatever_was_brought_last_is_what_another_machine_has_and_nothing_else_lies_there(
    tmp_path: Path, versions: list[dict[str, bytes]], looks: bool
) -> None:
    depot, place = depot_at(tmp_path / "place"), tmp_path / "place" / "r1"
    here, there = tmp_path / "a" / "runs" / "r1", tmp_path / "b" / "runs" / "r1"
    for files in versions:
        lay(here, files)
        (here / "begun").mkdir()
        (here / "begun" / "part-00001.arrow").touch()
        depot.bring("r1", here)
        if looks or files is versions[-1]:
            depot.fetch("r1", there)
            assert held(there) == files
    assert len([path for path in place.rglob("*") if path.is_file()]) == len(versions[-1]) + 1
    assert {path.stat().st_mode & 0o777 for path in place.rglob("*") if path.is_file()} == {0o600}
    assert place.stat().st_mode & 0o777 == 0o700
    depot.remove("r1")
    assert not list((tmp_path / "place").iterdir())
    shutil.rmtree(tmp_path / "b")
    depot.fetch("r1", there)
    assert not there.exists(), "there is nothing of it"


def test_a_folder_that_is_brought_in_part_is_not_there_and_one_that_is_damaged_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    depot = depot_at(tmp_path / "place")
    here, there = tmp_path / "a" / "runs" / "r1", tmp_path / "b" / "runs" / "r1"
    lay(here, {"spool/part-00001.parquet": b"1", "report.html": b"first"})
    puts, put = [0], Place.put

    def cut_off(place: Place, local: Path, path: str, *, private: bool) -> None:
        if path.endswith("manifest.json"):
            raise KeyboardInterrupt
        puts[0] += 1
        put(place, local, path, private=private)

    with monkeypatch.context() as patched:
        patched.setattr(Place, "put", cut_off)
        with pytest.raises(KeyboardInterrupt):
            depot.bring("r1", here)
    depot.fetch("r1", there)
    assert not there.exists()
    depot.bring("r1", here)
    (here / "report.html").write_text("second")
    with monkeypatch.context() as patched:
        patched.setattr(Place, "put", cut_off)
        with pytest.raises(KeyboardInterrupt):
            depot.bring("r1", here)
    assert puts == [3], "what is there is not brought again"
    depot.fetch("r1", there)
    assert held(there)["report.html"] == b"first"
    [spool] = (tmp_path / "place").rglob("part-*")
    spool.write_bytes(b"2")
    shutil.rmtree(there)
    with pytest.raises(SourceError, match=r"run r1 is not whole .* spool/part-00001.parquet") as told:
        depot.fetch("r1", there)
    assert "backup" in told.value.fix
    assert not there.exists()
    assert not list((tmp_path / "b").glob(".fetched-*"))
    (tmp_path / "place" / "r1" / "manifest.json").write_text('{"files": {"../../x": [1, "a"]}}')
    with pytest.raises(SourceError, match="not muster's, or damaged"):
        depot.fetch("r1", there)


def test_a_bucket_keeps_a_folder_as_another_folder_does(s3: dict[str, str], tmp_path: Path) -> None:
    depot = Depot.of(Settings(None, {**s3, "MUSTER_RUNS": "s3://exports/runs"}))
    assert depot is not None
    depot.tried()
    here, there = tmp_path / "a" / "runs" / "r1", tmp_path / "b" / "runs" / "r1"
    lay(here, {"spool/part-00001.parquet": b"1", "report.html": b"first"})
    depot.bring("r1", here)
    depot.fetch("r1", there)
    (here / "report.html").write_text("second")
    depot.bring("r1", here)
    assert depot.is_newer("r1", there)
    depot.fetch("r1", there)
    assert held(there) == {"spool/part-00001.parquet": b"1", "report.html": b"second"}
    depot.remove("r1")
    assert depot.is_newer("r1", there), "nothing of it is there"


@pytest.fixture
def shared(desk: Desk, postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the runs; the ledger is in PostgreSQL, and each machine has a home of its own."""
    monkeypatch.setattr(sync_run, "BATCH", 5)
    monkeypatch.setenv("MUSTER_LEDGER_URL", postgresql.new())
    monkeypatch.setenv("MUSTER_RUNS", str(desk.folder / "shared"))
    return desk.folder / "shared"


def go_to(desk: Desk, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine, which has the mapping and the settings, and no folder of a run; what it left there is not seen from here."""
    if desk.home.exists():
        desk.home.rename(desk.folder / f"away-{desk.home.name}")
    desk.home = desk.folder / name
    monkeypatch.setenv("MUSTER_HOME", str(desk.home))
    if (left := desk.folder / f"away-{name}").exists():
        left.rename(desk.home)


@contextlib.contextmanager
def ledger_of(desk: Desk) -> Iterator[Ledger]:
    with contextlib.closing(open_ledger(desk.home)) as ledger:
        yield ledger


def run_of(desk: Desk, run_id: str) -> Run:
    with ledger_of(desk) as ledger:
        found = ledger.runs.get(run_id)
    assert found is not None
    return found


async def test_an_interrupted_run_is_finished_on_another_machine_and_its_report_is_whole_everywhere(
    desk: Desk, shared: Path, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = desk.file([*(person(n) for n in range(1, 19)), person(19, Email="nobody"), person(20)])
    await interrupted(desk, file, 5)
    file.unlink()
    go_to(desk, "b", monkeypatch)
    ended = await desk.resume()
    assert ended.outcomes == {"created": 19, "invalid": 1}
    assert len(desk.contacts()) == 19
    go_to(desk, "c", monkeypatch)
    folder = folder_of(run_of(desk, ended.id))
    assert folder == desk.home / "runs" / ended.id
    assert held(folder) == held(desk.folder / "away-b" / "runs" / ended.id)
    assert {"report.html", "rows.parquet", "failures.csv", "details.json"} <= held(folder).keys()
    assert len(list(Spool.kept(folder / "spool").parts())) == 1
    retry = open_retry(Path(ended.id), str(desk.folder / "people.yml"))
    assert retry.repair.rows == 1
    with ledger_of(desk) as ledger:
        undo = open_undo(ledger, desk.home, run_of(desk, ended.id))
        assert [len(frame) for frame in undo.source().frames()] == [19]
        found = find(ledger, "p3@example.com")
        assert [one.cells["First"] for one in found.happened] == ["Name 3"]


async def test_a_person_who_is_forgotten_on_one_machine_is_forgotten_where_the_runs_are_and_on_the_others(
    desk: Desk, shared: Path, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [person(n) for n in range(1, 6)]
    first = await desk.sync(desk.file(rows))
    untouched = await desk.sync(desk.file([person(7)], "others.csv"))
    (desk.folder / "people.csv").unlink()
    home = desk.home.name
    go_to(desk, "b", monkeypatch)
    with ledger_of(desk) as ledger:
        forgot = forget(desk.home, ledger, ledger.people.who("p3@example.com"))
    assert (forgot.runs, forgot.left) == (1, [])
    assert traces(shared, ["p3@example.com"]) == []
    assert traces(desk.home, ["p3@example.com"]) == []
    assert len(lying(shared, f"{first.id}/rows.parquet.*")) == 1
    go_to(desk, home, monkeypatch)
    assert traces(desk.home, ["p3@example.com"]) != []
    await desk.sync(desk.file([person(8)]))
    assert traces(desk.home, ["p3@example.com"]) == [], "the next run there takes the copies away"
    assert (desk.home / "runs" / untouched.id).is_dir()
    assert "[forgotten]" not in (folder_of(run_of(desk, first.id)) / "results.csv").read_text("utf-8")
    assert traces(desk.home, ["p3@example.com"]) == []


async def test_rows_that_one_machine_lets_go_of_go_from_the_place_and_from_the_others(
    desk: Desk, shared: Path, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await desk.sync(desk.file([person(1)]))
    aged(desk, old.id, 91)
    home = desk.home.name
    go_to(desk, "b", monkeypatch)
    new = await desk.sync(desk.file([person(1), person(2)]))
    assert lying(shared, "*") == [new.id]
    go_to(desk, home, monkeypatch)
    assert (desk.home / "runs" / old.id).is_dir()
    newest = await desk.sync(desk.file([person(3)]))
    assert {path.name for path in (desk.home / "runs").iterdir()} == {new.id, newest.id}, (
        "that before it was compared with"
    )


async def test_where_the_place_is_not_reached_nothing_is_sent_and_a_report_waits_here(
    desk: Desk, shared: Path, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = Place.put
    away = [True]

    def unreachable(place: Place, local: Path, path: str, *, private: bool) -> None:
        if away[0]:
            raise SourceError("The place of the runs (MUSTER_RUNS) cannot be used: X.", "Look at it.")
        put(place, local, path, private=private)

    monkeypatch.setattr(Place, "put", unreachable)
    with pytest.raises(LedgerError, match="cannot be kept where machines share them") as told:
        await desk.sync(desk.file([person(1)]))
    assert "nothing was sent" in told.value.fix
    assert not desk.contacts()
    away[0] = False

    def goes(run: SyncRun, durable: int) -> None:
        away[0] = True

    ended = await desk.sync(desk.file([person(1)]), meanwhile=goes)
    assert ended.outcomes == {"created": 1}
    assert any("is on this machine only" in line for line in ended.said)
    assert not lying(shared, f"{ended.id}/report.html.*")
    away[0] = False
    await desk.sync(desk.file([person(1), person(2)]))
    assert lying(shared, f"{ended.id}/report.html.*"), "the next run here has brought it"


async def test_a_plan_and_a_run_that_sent_nothing_to_the_end_leave_nothing_there(
    desk: Desk, shared: Path, person: Person
) -> None:
    await desk.plan(desk.file([person(1)]))
    assert not lying(shared, "*")


async def test_copies_of_a_report_are_known_on_every_machine_and_go_from_wherever_somebody_is_forgotten(
    desk: Desk, shared: Path, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = desk.folder / "copies"
    desk.mapping(reports={"to": str(copies)})
    ended = await desk.sync(
        desk.file([person(1, Email="nobody"), person(2, City="p3@example.com"), person(3)])
    )
    (desk.folder / "people.csv").unlink()
    assert traces(copies, ["p3@example.com"]) != []
    go_to(desk, "b", monkeypatch)
    with ledger_of(desk) as ledger:
        forget(desk.home, ledger, ledger.people.who("p3@example.com"))
    assert traces(copies, ["p3@example.com"]) == traces(shared, ["p3@example.com"]) == []
    assert lying(copies, "**/report.html")
    aged(desk, ended.id, 91)
    go_to(desk, "c", monkeypatch)
    await desk.sync(desk.file([person(2)]))
    assert not [name for name in lying(copies, "**/*") if ended.id in name]


async def test_an_export_with_runs_takes_those_of_all_machines_and_an_import_brings_them_where_the_new_ones_share(
    desk: Desk, shared: Path, person: Person, postgresql: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await desk.sync(desk.file([person(1)]))
    go_to(desk, "b", monkeypatch)
    second = await desk.sync(desk.file([person(2)], "others.csv"))
    go_to(desk, "c", monkeypatch)
    file = desk.folder / "moving.zip"
    with ledger_of(desk) as ledger:
        assert hand_over(ledger, file, runs=True) == 2
    assert not list(desk.home.glob(".handover-*")), "what was fetched is gone"
    with zipfile.ZipFile(file) as archive:
        assert {f"runs/{run.id}/report.html" for run in (first, second)} < {*archive.namelist()}
        assert not [name for name in archive.namelist() if name.endswith("depot.json")]
    before = {
        run.id: held(desk.folder / f"away-{home}" / "runs" / run.id)
        for home, run in (("home", first), ("b", second))
    }

    monkeypatch.setenv("MUSTER_LEDGER_URL", postgresql.new())
    monkeypatch.setenv("MUSTER_RUNS", str(desk.folder / "new-place"))
    go_to(desk, "d", monkeypatch)
    said: list[str] = []
    take_over(file, desk.home, said.append).close()
    assert said == []
    go_to(desk, "e", monkeypatch)
    for run_id in before:
        assert (
            held(folder_of(run_of(desk, run_id))).items()
            >= {"report.html": before[run_id]["report.html"]}.items()
        )

    monkeypatch.setenv("MUSTER_LEDGER_URL", postgresql.new())
    monkeypatch.setenv("MUSTER_RUNS", "nothing://host/place")
    go_to(desk, "f", monkeypatch)
    take_over(file, desk.home, said.append).close()
    assert [line.partition(".")[0] for line in said] == [
        "runs      The run's folder is on this machine only"
    ] * 2
    with ledger_of(desk) as ledger, pytest.raises(SourceError, match="no address that muster knows"):
        hand_over(ledger, file, runs=True)


async def test_who_is_suppressed_on_one_machine_is_written_to_by_none_that_share_its_ledger(
    desk: Desk,
    shared: Path,
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def muster(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        return int(ended.value.code or 0), *capsys.readouterr()

    desk.home.mkdir()
    (desk.home / "suppress.txt").write_text("P1@example.com\n@blocked.example  # asked in May\n", "utf-8")
    await desk.sync(desk.file([person(9)]))
    first = desk.home.name
    go_to(desk, "b", monkeypatch)
    rows = [person(1), person(2), person(3, Email="somebody@mail.blocked.example")]
    ended = await desk.sync(desk.file(rows))
    assert ended.outcomes == {"created": 1, "protected": 2}
    assert any("1 domain, 1 hash in the list of 1 other machine" in line for line in ended.said), ended.said
    with ledger_of(desk) as ledger:
        assert not [row for row in ledger.database.ask("select value from meta") if "p1@" in row[0]]
        hand_over(ledger, tmp_path / "over.zip", runs=False)
    with zipfile.ZipFile(tmp_path / "over.zip") as archive:
        assert Suppressions.of(archive.read("suppress.txt").decode().split("\n")).holds("p1@example.com")

    go_to(desk, first, monkeypatch)
    (desk.home / "suppress.txt").write_text("@blocked.example\n", "utf-8")
    await desk.plan(desk.file([person(9)]))
    go_to(desk, "b", monkeypatch)
    assert (await desk.sync(desk.file(rows))).outcomes == {"created": 1, "unchanged": 1, "protected": 1}
    done, listed, _ = await asyncio.to_thread(muster, "ledger", "suppressed")
    [line] = listed.splitlines()
    gone, _, count = line.partition("  ")
    assert (done, gone.endswith(f"/{first}"), count) == (0, True, "1 entry")
    _, looked, _ = await asyncio.to_thread(muster, "doctor")
    assert f"suppress.txt of {gone}: 1 entry, heeded by all machines" in " ".join(looked.split())
    assert (await asyncio.to_thread(muster, "ledger", "suppressed", "--drop", gone))[0] == 0
    done, _, why = await asyncio.to_thread(muster, "ledger", "suppressed", "--drop", gone)
    assert done == 2
    assert "There is: none." in why
    assert (await desk.sync(desk.file(rows))).outcomes == {"created": 1, "unchanged": 2}
