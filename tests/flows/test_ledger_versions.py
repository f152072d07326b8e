"""Ledgers of every released version, as the code of that version left them (see ledgers/freeze.py), go on with all they knew."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows.ledger import open_database
from flows.ledger.database import NAME
from flows.ledger.migrations import STEPS
from flows.ledger.opening import open_ledger
from flows.ledger.pages import key_hash

if TYPE_CHECKING:
    from conftest import Desk

FROZEN = Path(__file__).parent / "ledgers"
RELEASED = [
    "278d60468d2c9d3a",
    "c11df704c166deb3",
    "90ad0101e3df4a3c",
    "986ac65d25c5c3da",
    "a86053514c660395",
    "472342010ca18817",
    "4bdecf4c941b6d2f",
    "a1ec5f2457fae4bc",
]
VERSIONS = range(1, len(RELEASED) + 1)
FREEZE = "run tests/flows/ledgers/freeze.py with the code before the new step"


def frozen(version: int) -> str:
    path = FROZEN / f"v{version}.sql"
    assert path.exists(), f"{path.name} is missing: {FREEZE}"
    return path.read_text("utf-8")


def laid_down(home: Path, text: str) -> Path:
    """A home with this ledger, closed."""
    home.mkdir()
    path = home / NAME
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("pragma journal_mode = wal")
        database.executescript(text)
    return path


def dumped(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return [f"{database.execute('pragma user_version').fetchone()}", *database.iterdump()]


def schema(script: str) -> set[tuple[str, str]]:
    """The tables and indexes that a script makes."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.executescript(script)
        return set(database.execute("select name, sql from sqlite_master where sql is not null"))


def test_a_step_that_was_released_is_never_changed() -> None:
    now = [hashlib.sha256(step.encode()).hexdigest()[:16] for step in STEPS]
    assert now[: len(RELEASED)] == RELEASED
    assert len(RELEASED) >= len(STEPS) - 1, "a step before the last one was released: add its hash"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_steps_make_the_tables_that_a_version_had(version: int) -> None:
    assert schema(frozen(version)) == schema("".join(STEPS[:version]))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ledger_of_a_released_version_keeps_all_that_it_knew(tmp_path: Path, version: int) -> None:
    path = laid_down(tmp_path / "home", frozen(version))

    def rows(name: str) -> str:
        return f"select {columns[name]} from {name}"  # noqa: S608 - our own names

    with contextlib.closing(sqlite3.connect(path)) as old:
        tables = [name for (name,) in old.execute("select name from sqlite_master where type = 'table'")]
        columns = {
            name: ", ".join(f'"{row[1]}"' for row in old.execute(f"pragma table_info ({name})"))
            for name in tables
        }
        knew = {name: sorted(map(repr, old.execute(rows(name)))) for name in tables}
    assert all(knew[name] for name in ("run", "intent", "answer", "delivered", "consent", "page"))
    ledger = open_ledger(path.parent)
    assert not ledger.database.new
    assert ledger.database.ask("pragma user_version") == [(len(STEPS),)]
    assert ledger.database.ask("pragma integrity_check") == [("ok",)]
    for name in tables:
        assert sorted(map(repr, ledger.database.ask(rows(name)))) == knew[name]
    people = [(f"p{number}@example.com", str(number)) for number in range(1, 9)]
    found = ledger.memory.remembered(1, "people", people)
    assert {key[:2]: one.opted_out for key, one in found.items()} == {
        "p1": False, "p2": True, "p3": True, "p4": False,
    }  # fmt: skip
    assert found["p1@example.com"].texts == {
        "email_address": "p1@example.com", "first_name": "Name 1", "city": "Bonn", "score": "1",
    }  # fmt: skip
    assert [found[key].tags for key in sorted(found)] == [{"vip"}, {"vip"}, {"vip"}, frozenset()]
    ledger.close()


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_sync_goes_on_with_a_ledger_of_a_released_version(desk: Desk, version: int) -> None:
    """Nothing that was delivered is sent again, also by the run that was killed; an opt-out that was known then is kept."""
    vip = {"status": "SUBSCRIBED", "tags": ["vip"], "fields": {"city": "Köln"}}
    desk.server.seed(
        {**vip, "email_address": f"p{number}@example.com", "fields": {"first_name": f"Name {number}", "city": "Köln", **more}}
        for number, more in ((1, {"score": 1}), (2, {}), (3, {"score": 3}), (4, {}), (6, {}), (7, {}))
    )  # fmt: skip
    there = desk.contacts()
    text = frozen(version)
    with contextlib.closing(sqlite3.connect(":memory:")) as old:
        old.executescript(text)
        ids = old.execute(
            "select distinct i.key, a.contact_id from intent i join answer a on a.run = i.run and a.row_number = i.row_number"
        ).fetchall()
    for key, contact_id in ids:
        text = text.replace(contact_id, there[key]["id"])
    laid_down(desk.home, text.replace("http://127.0.0.1:0/v1", desk.server.url))
    shutil.copy(FROZEN / "people.yml", desk.folder / "people.yml")
    people = [(1, "Köln", "1", "vip"), (2, "Trier", "", "vip"), (3, "Köln", "3", "vip"), (4, "Köln", "", ""),
              (6, "Köln", "", "vip"), (7, "Köln", "", "vip"), (8, "Köln", "", "vip")]  # fmt: skip
    file = desk.file(
        [
            {"Id": n, "Email": f"p{n}@example.com", "First": f"Name {n}", "City": city, "Score": score, "Tags": tags, "Out": ""}
            for n, city, score, tags in people
        ],
        columns=("Id", "Email", "First", "City", "Score", "Tags", "Out"),
    )  # fmt: skip
    ended = await desk.sync(file)
    assert ended.exit_code == 0, ended.said
    assert not any("NEW" in line or "another workspace" in line for line in ended.said)
    filed = {row["key"][:2] for row in ended.rows if row["code"] == "delivered_before"}
    assert filed == {"p1", "p4", "p6"}, "what the killed run has the answers of is filed, too"
    there = desk.contacts()
    assert {key[:2] for key in there} == {"p1", "p2", "p3", "p4", "p6", "p7", "p8"}
    written = {key[:2]: one["writes"] for key, one in there.items() if one["writes"]}
    assert written == {"p2": 1, "p3": 1, "p8": 1}
    assert {key[:2]: one["status"] for key, one in there.items() if one["status"] != "SUBSCRIBED"} == {
        "p2": "UNSUBSCRIBED", "p3": "UNSUBSCRIBED",
    }  # fmt: skip
    assert there["p2@example.com"]["fields"]["city"] == "Trier"
    writes = desk.writes()
    again = await desk.sync(file)
    assert set(again.outcomes) == {"unchanged"}
    assert desk.writes() == writes


# ---- killed while it migrates

KILLED = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from flows.ledger import sqlite_file as database

work, frozen = Path(sys.argv[1]), Path(sys.argv[2])
connect = sqlite3.connect

def dumped(home):
    found = connect(home / database.NAME)
    text = [str(found.execute("pragma user_version").fetchone()), *found.iterdump()]
    found.close()
    return text

def killed_at(home, statement):
    left = [statement]
    def trace(sql):
        begun = sql.lower().startswith("begin")
        if begun or left[0] < statement:
            left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    def traced(*args, **options):
        found = connect(*args, **options)
        found.set_trace_callback(trace)
        return found
    child = os.fork()
    if not child:
        sqlite3.connect = traced
        database.open_database(home).close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)

def trial(statement):
    home = work / str(statement)
    shutil.copytree(frozen, home)
    before = dumped(home)
    killed = killed_at(home, statement)
    if killed:
        assert dumped(home) == before, statement
    opened = database.open_database(home)
    assert opened.ask("pragma user_version") == [(len(database.STEPS),)]
    assert opened.ask("pragma integrity_check") == [("ok",)]
    opened.close()
    after = dumped(home)
    shutil.rmtree(home)
    return killed, after

kills, first = 0, None
while True:
    killed, after = trial(kills + 1)
    first = first or after
    assert after == first
    if not killed:
        break
    kills += 1
print(kills)
"""


def test_a_migration_that_is_killed_at_any_statement_leaves_the_earlier_version_as_it_was(
    tmp_path: Path,
) -> None:
    laid_down(tmp_path / "frozen", frozen(1))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(tmp_path / "frozen")],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 2 * (len(STEPS) - 1) + 2, (
        "each step has a statement and its number; and begin and commit"
    )


def test_several_that_open_an_earlier_ledger_at_once_migrate_it_once(tmp_path: Path) -> None:
    path = laid_down(tmp_path / "home", frozen(1))
    errors: list[BaseException] = []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        try:
            open_database(path.parent).close()
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert dumped(path)[0] == f"({len(STEPS)},)"


def test_what_the_killed_run_of_an_earlier_version_had_landed_is_filed(tmp_path: Path) -> None:
    path = laid_down(tmp_path / "home", frozen(1))
    ledger = open_ledger(path.parent)
    run = ledger.database.ask("select id from run where state = 'running'")[0][0]
    assert ledger.memory.settle(run, 1, "people", ledger.pages) == 2
    found = ledger.memory.remembered(1, "people", [(f"p{n}@example.com", "") for n in (1, 6, 7, 8)])
    assert {key[:2]: one.texts["city"] for key, one in found.items() if one.texts} == {"p1": "Köln", "p6": "Köln"}  # fmt: skip
    assert [outcome.outcome for outcome, _, _ in ledger.answers.of(run, 1, 9)] == [
        "updated", "created", "unknown", "unknown",
    ]  # fmt: skip
    hashes = [int(one) for page in ledger.pages.all(1, "people") for one in page.hashes]
    assert set(hashes) >= {key_hash("p1@example.com"), key_hash("p6@example.com")}
    ledger.close()
