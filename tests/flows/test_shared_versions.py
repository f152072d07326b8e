"""Ledgers of earlier versions in PostgreSQL: migrated as files are, by one of several, and not at all by whoever is killed meanwhile."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from flows.ledger import shared_ledger
from flows.ledger.damaged import Use
from flows.ledger.database import NAME, SqliteFile, open_database
from flows.ledger.migrations import STEPS
from flows.ledger.shared_ledger import filled, open_shared
from tests.flows.test_ledger_versions import frozen, laid_down
from tests.flows.test_moving import held
from tests.postgresql import Server


@pytest.fixture
def earlier(postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> str:
    """The URL of a ledger of an earlier version, as the steps up to that one make it, with what was in the frozen one."""
    url, home = postgresql.new(), tmp_path / "home"
    laid_down(tmp_path / "frozen", frozen(version))
    monkeypatch.setattr(shared_ledger, "STEPS", STEPS[:version])
    use = Use(tmp_path / "frozen")
    with contextlib.closing(SqliteFile(tmp_path / "frozen" / NAME, new=False, use=use)) as file:
        with filled(home, url, file) as shared:
            pass
        shared.close()
    monkeypatch.undo()
    return url


@pytest.mark.parametrize("version", [1, 4, 7])
def test_an_earlier_version_is_migrated_to_what_a_file_of_it_becomes(earlier: str, tmp_path: Path) -> None:
    with (
        contextlib.closing(open_shared(tmp_path / "home", earlier)) as shared,
        contextlib.closing(open_database(tmp_path / "frozen")) as file,
    ):
        assert not shared.new
        assert shared.ask("select value from meta where name = 'version'") == [(str(len(STEPS)),)]
        assert held(shared, file) == held(file, file)
        assert all(
            held(shared, file)[table] for table in ("run", "intent", "answer", "delivered", "objection")
        )


KILLED = """
import os, signal, sys
from pathlib import Path
import psycopg
from flows.ledger import shared_ledger
from flows.ledger.migrations import STEPS

url, home, first = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
definition = shared_ledger.definition

def opening(kill_at):
    def killed(step):
        if step == STEPS[kill_at - 1]:
            os.kill(os.getpid(), signal.SIGKILL)
        return definition(step)
    child = os.fork()
    if child:
        return child
    if kill_at:
        shared_ledger.definition = killed
    shared_ledger.open_shared(home, url).close()
    os._exit(0)

def ended(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def there():
    with psycopg.connect(url) as connection:
        columns = "select table_name, column_name from information_schema.columns where table_schema = 'muster' order by 1, 2"
        version = "select value from muster.meta where name = 'version'"
        answers = "select count(*), max(answered_at) from muster.answer"
        return [connection.execute(sql).fetchall() for sql in (columns, version, answers)]

before = there()
for step in range(first + 1, len(STEPS) + 1):
    assert ended(opening(step)) == -signal.SIGKILL, step
    assert there() == before, step
assert [ended(child) for child in [opening(0), opening(0), opening(0)]] == [0, 0, 0]
assert there()[1] == [(str(len(STEPS)),)]
assert there()[2] == before[2]
"""


@pytest.mark.parametrize("version", [1])
def test_a_migration_that_is_killed_at_any_step_leaves_the_earlier_version_and_of_several_processes_one_does_it(
    earlier: str, version: int, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, earlier, str(tmp_path / "home"), str(version)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2], timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
