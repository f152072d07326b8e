"""A damaged or lost ledger: kept aside, named, and never silently replaced by a new one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connectors.errors import LedgerError
from flows.ledger import open_database
from flows.ledger.database import NAME, has_ledger
from flows.ledger.migrations import STEPS
from flows.ledger.opening import open_ledger

if TYPE_CHECKING:
    from conftest import Desk

ROOT = Path(__file__).parents[2]
WAYS = ["text", "a few letters", "a middle of zeros", "cut off", "a header alone", "noise in the schema"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a ledger that knows 400 contacts, and the folder of their run."""
    folder = tmp_path / "home"
    database = open_database(folder)
    with database.transaction() as connection:
        connection.executemany(
            "insert into delivered values (1, 'people', ?, '', 'c1', ?, 'r1', '2026-11-20', '')",
            [(f"p{number}@example.com", '{"texts": {}, "tags": []}') for number in range(400)],
        )
    database.close()
    (folder / "runs" / "r1").mkdir(parents=True)
    return folder


def spoiled(path: Path, how: str) -> bytes:
    """What the file holds now."""
    whole = path.read_bytes()
    assert len(whole) > 16_000
    spoil = {
        "text": b"this is a shopping list, not a ledger\n" * 20,
        "a few letters": b"hello",
        "a middle of zeros": whole[:8192] + bytes(len(whole) - 12288) + whole[-4096:],
        "cut off": whole[: len(whole) // 2],
        "a header alone": whole[:100],
        "noise in the schema": whole[:100] + os.urandom(3996) + whole[4096:],
    }
    path.write_bytes(spoil[how])
    return spoil[how]


def kept_aside(home: Path) -> list[Path]:
    return sorted(home.glob(f"{NAME}.damaged-*"))


def refused(home: Path) -> LedgerError:
    with pytest.raises(LedgerError) as raised:
        open_database(home)
    assert raised.value.exit_code == 2
    return raised.value


@pytest.mark.parametrize("how", WAYS)
def test_a_damaged_ledger_is_kept_aside_as_it_was_found_and_no_new_one_is_made(home: Path, how: str) -> None:
    path = home / NAME
    copy = path.read_bytes()
    found = spoiled(path, how)
    error = refused(home)
    [aside] = [one for one in kept_aside(home) if not one.name.endswith(("-wal", "-shm"))]
    assert aside.read_bytes() == found
    assert not path.exists()
    assert f"The ledger {path} was damaged: " in error.what
    assert f"It is kept as {aside}." in error.what
    assert f"Restore a copy as {path}." in error.fix
    assert f"move {aside} and {home / 'runs'} out of that folder" in error.fix
    for _ in range(2):
        error = refused(home)
        assert f"A damaged one is kept as {aside}." in error.what
        assert f"Restore a copy as {path}." in error.fix
        with pytest.raises(LedgerError, match="A damaged one is kept as"):
            has_ledger(home)
    path.write_bytes(copy)
    restored = open_database(home)
    assert not restored.new
    assert restored.ask("select count(*) from delivered") == [(400,)]
    restored.close()
    assert aside.read_bytes() == found


def test_who_moves_the_damaged_one_and_the_runs_away_begins_anew(home: Path, tmp_path: Path) -> None:
    spoiled(home / NAME, "cut off")
    refused(home)
    for path in kept_aside(home):
        path.rename(tmp_path / path.name)
    error = refused(home)
    assert (
        error.what
        == f"The ledger {home / NAME} is missing, and {home / 'runs'} holds runs that it has to know."
    )
    (home / "runs").rename(tmp_path / "runs")
    assert not has_ledger(home)
    database = open_database(home)
    assert database.new
    database.close()


def test_two_that_are_damaged_in_one_second_are_both_kept(home: Path) -> None:
    path = home / NAME
    found = set()
    for how in ("text", "cut off", "a header alone"):
        copy = path.read_bytes()
        found.add(spoiled(path, how))
        refused(home)
        path.write_bytes(copy)
    asides = [one for one in kept_aside(home) if not one.name.endswith(("-wal", "-shm"))]
    assert {one.read_bytes() for one in asides} == found


KILLED = """
import os, signal, sys
from pathlib import Path
from flows.ledger import open_database
database = open_database(Path(sys.argv[1]))
database.tell("insert into meta values ('late', 'word')")
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_with_a_wal(home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(home)], check=False, cwd=ROOT)
    assert done.returncode < 0
    assert (home / f"{NAME}-wal").stat().st_size


def test_what_a_killed_process_left_is_no_damage_and_goes_aside_with_a_file_that_is_damaged(
    home: Path,
) -> None:
    path, wal = home / NAME, home / f"{NAME}-wal"
    copy = path.read_bytes()
    killed_with_a_wal(home)
    for_later = wal.read_bytes()
    shutil.copytree(home, home.parent / "other")
    database = open_database(home.parent / "other")
    assert database.ask("select value from meta where name = 'late'") == [("word",)]
    database.close()
    path.write_bytes(b"")
    assert "it is empty, and its -wal is not" in refused(home).what
    aside, *parts = kept_aside(home)
    assert [one.name for one in parts] == [f"{aside.name}-shm", f"{aside.name}-wal"]
    assert parts[1].read_bytes() == for_later
    assert not wal.exists()
    path.write_bytes(copy)
    database = open_database(home)
    assert database.ask("select value from meta where name = 'late'") == [], "nobody else's -wal"
    database.close()


def test_a_move_that_was_cut_off_is_finished(home: Path) -> None:
    found = spoiled(home / NAME, "cut off")
    aside = home / f"{NAME}.damaged-20261120-181203"
    aside.hardlink_to(home / NAME)
    (home / f"{NAME}-wal").write_bytes(b"its own")
    assert f"It is kept as {aside}." in refused(home).what
    assert (aside.read_bytes(), (home / f"{aside.name}-wal").read_bytes()) == (found, b"its own")
    assert not (home / NAME).exists()
    assert not (home / f"{NAME}-wal").exists()


@pytest.mark.parametrize("how", ["missing", "empty", "an empty database"])
def test_a_ledger_that_is_gone_from_its_runs_is_refused_and_not_made_anew(home: Path, how: str) -> None:
    path = home / NAME
    path.unlink()
    if how == "empty":
        path.touch()
    elif how == "an empty database":
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("pragma journal_mode = wal")
    error = refused(home)
    assert f"{home / 'runs'} holds runs that it has to know" in error.what
    assert ("is missing" if how == "missing" else "is empty") in error.what
    assert f"Restore a copy as {path}." in error.fix
    assert kept_aside(home) == []
    assert path.exists() == (how != "missing")


def test_an_empty_runs_folder_hinders_nobody(tmp_path: Path) -> None:
    (tmp_path / "home" / "runs").mkdir(parents=True)
    (tmp_path / "home" / "runs" / ".DS_Store").touch()
    database = open_database(tmp_path / "home")
    assert database.new
    database.close()


# ---- what is no damage


def unmoved(home: Path, before: bytes) -> None:
    assert kept_aside(home) == []
    assert (home / NAME).read_bytes() == before


def test_a_newer_ledger_is_never_moved(home: Path) -> None:
    with contextlib.closing(sqlite3.connect(home / NAME)) as database:
        database.execute(f"pragma user_version = {len(STEPS) + 1}")
    before = (home / NAME).read_bytes()
    assert "newer muster" in refused(home).what
    unmoved(home, before)


def test_a_file_of_another_program_is_never_moved(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with contextlib.closing(sqlite3.connect(home / NAME)) as database:
        database.execute("create table recipe (name text)")
    before = (home / NAME).read_bytes()
    assert "no ledger of muster" in refused(home).what
    unmoved(home, before)


def test_a_locked_ledger_is_never_moved(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.ledger.database._LOCKED_SECONDS", 0.05)
    before = (home / NAME).read_bytes()
    with contextlib.closing(sqlite3.connect(home / NAME, isolation_level=None)) as other:
        other.execute("pragma locking_mode = exclusive")
        other.execute("begin exclusive")
        error = refused(home)
        assert "locked" in error.what
        assert "Start again when it has let go of it" in error.fix
        other.execute("rollback")
    unmoved(home, before)


def test_a_ledger_on_a_full_disk_is_never_moved(
    home: Path, tmp_path: Path, small_disk: Callable[[Path, str], None]
) -> None:
    small, before = tmp_path / "small", (home / NAME).read_bytes()
    small_disk(small, "1m")
    shutil.copy(home / NAME, small / NAME)
    with contextlib.suppress(OSError), (small / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))
    with contextlib.suppress(LedgerError):
        open_database(small).close()
    unmoved(small, before)
    (small / "ballast").unlink()
    open_database(small).close()


def test_a_damaged_ledger_on_a_read_only_disk_is_never_moved(
    home: Path, tmp_path: Path, small_disk: Callable[[Path, str], None]
) -> None:
    small = tmp_path / "small"
    small_disk(small, "1m")
    before = spoiled(home / NAME, "cut off")
    shutil.copy(home / NAME, small / NAME)
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    assert "written: Read-only file system" in refused(small).what
    unmoved(small, before)


def test_a_copy_that_was_taken_in_mid_transaction_is_rolled_back_as_ever(home: Path) -> None:
    path = home / NAME
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("pragma journal_mode = delete")
        database.execute("pragma cache_size = 1")
        database.execute("begin")
        database.execute("update delivered set contact_id = 'c2' || hex(randomblob(200))")
        copy = {name: (home / name).read_bytes() for name in (NAME, f"{NAME}-journal")}
        database.execute("rollback")
    for name, held in copy.items():
        (home / name).write_bytes(held)
    opened = open_database(home)
    assert opened.ask("select count(*) from delivered where contact_id = 'c1'") == [(400,)]
    opened.close()
    assert kept_aside(home) == []


# ---- while others work with it


def test_a_damaged_ledger_is_not_moved_from_under_somebody_who_works_with_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.ledger.damaged._ALONE_SECONDS", 0.05)
    at_work = open_database(home)
    assert at_work.ask("select count(*) from delivered") == [(400,)]
    before = spoiled(home / NAME, "a middle of zeros")
    error = refused(home)
    assert "is damaged" in error.what
    assert "It was not moved, because somebody else may be working with it." in error.what
    assert "Wait until every run of it has ended" in error.fix
    unmoved(home, before)
    at_work.disconnect()
    before = spoiled(home / NAME, "text") if not (home / NAME).stat().st_size else (home / NAME).read_bytes()
    at_work.close()
    assert "It is kept as" in refused(home).what


def test_somebody_who_only_looks_is_waited_for(home: Path) -> None:
    spoiled(home / NAME, "text")
    held = os.open(home, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_SH)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"], pass_fds=[held]):
        os.close(held)  # the other process has it now, for a moment
        assert "It is kept as" in refused(home).what


def test_damage_that_is_met_while_reading_stops_names_the_file_and_is_looked_for_at_the_next_opening(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.ledger.database._CHECKED_WHOLE", 0)  # a large one: not read whole each time
    path = home / NAME
    with contextlib.closing(sqlite3.connect(path)) as database:
        page = database.execute("select rootpage from sqlite_master where name = 'delivered'").fetchone()[0]
    whole = path.read_bytes()
    before = whole[: 4096 * (page - 1)] + bytes(4096) + whole[4096 * page :]
    path.write_bytes(before)
    ledger = open_ledger(home)
    with pytest.raises(LedgerError, match="is damaged: database disk image is malformed") as raised:
        ledger.database.ask("select wanted from delivered where key > 'p'")
    assert str(path) in raised.value.what
    assert "Nothing more is written to it" in raised.value.fix
    assert kept_aside(home) == []
    ledger.close()
    assert path.read_bytes() == before
    assert "It is kept as" in refused(home).what
    assert list(home.glob("*.suspect")) == []


def test_a_suspect_ledger_that_is_whole_is_suspect_no_more(home: Path) -> None:
    (home / f"{NAME}.suspect").touch()
    open_database(home).close()
    assert not (home / f"{NAME}.suspect").exists()


def test_a_mistake_of_ours_is_not_called_damage(home: Path) -> None:
    database = open_database(home)
    database.tell("insert into meta values ('one', '1')")
    with pytest.raises(LedgerError, match="UNIQUE constraint failed") as raised:
        database.tell("insert into meta values ('one', '1')")
    assert "damaged" not in str(raised.value)
    database.close()
    assert list(home.glob("*.suspect")) == []


# ---- and no command makes a new one


async def test_neither_a_sync_nor_a_plan_goes_on_without_a_ledger_that_was_damaged(desk: Desk) -> None:
    file = desk.file([{"Id": "1", "Email": "p1@example.com", "First": "Ann", "Tags": "vip"}])
    assert (await desk.sync(file)).exit_code == 0
    writes = desk.writes()
    (desk.home / NAME).write_bytes(b"no ledger" * 1000)
    for _ in range(2):
        with pytest.raises(LedgerError, match=r"kept as .*ledger.sqlite.damaged-"):
            await desk.plan(file)
        with pytest.raises(LedgerError, match=r"kept as .*ledger.sqlite.damaged-"):
            await desk.sync(file)
    assert not (desk.home / NAME).exists()
    assert desk.writes() == writes
