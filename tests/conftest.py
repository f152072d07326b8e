"""What tests of more than one room share."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows import prefect_server
from flows.prefect_server import PrefectServer

if TYPE_CHECKING:
    from tests.browser import Chromium
    from tests.postgresql import Server


_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is pytest's own folder
_PATIENCE = 200.0
"""Seconds for a Prefect server of the tests, whose first start takes 17 of processor; less than a test's own limit."""
_ROOM = 3 << 30
"""Bytes that have to be free there: a whole run leaves half a gigabyte while it lasts."""


def pytest_configure() -> None:
    """The tests' files are kept in memory where there is room: thousands of commits would each wait for a disk."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test process begins with slow tests, a file of them each in turn: while they wait the others work, and none is left for the end.

    `--dist worksteal` gives each process a stretch of the list, all of the same length.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes == 1:
        return
    slow: dict[Path, list[pytest.Item]] = defaultdict(list)
    others: list[pytest.Item] = []
    for one in items:
        (slow[one.path] if one.get_closest_marker("slow") else others).append(one)
    hands: list[list[pytest.Item]] = [[] for _ in range(processes)]
    for number, of_file in enumerate(slow.values()):
        hands[number % processes] += of_file
    left, dealt = len(items), list[pytest.Item]()
    for number, hand in enumerate(hands):
        length = left // (processes - number)
        left -= length
        room = max(0, length - len(hand))
        dealt += [*hand, *others[:room]]
        others = others[room:]
    items[:] = dealt + others


@pytest.fixture(scope="session")
def begun_before(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Gives a MUSTER_HOME Prefect's database, as a run before left it: to make one takes 17 seconds of processor, to read it 6.

    It is made as every first run makes it, once for all test processes.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    made = folder / "prefect-made.db"
    with (folder / "prefect-made.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _first_start(tmp_path_factory.mktemp("first-start"), made)

    def give(home: Path) -> None:
        (home / "prefect").mkdir(parents=True, mode=0o700)
        shutil.copy(made, home / "prefect" / "prefect.db")

    return give


@contextmanager
def _prefect(home: Path) -> Iterator[PrefectServer]:
    """A Prefect server that muster starts; on a busy machine it may take its time. The environment is as before."""
    before = dict(os.environ)
    with PrefectServer(home) as server:
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(prefect_server, "_PATIENCE", _PATIENCE)
                os.environ.pop("PREFECT_API_URL", None)
                asyncio.run(server.begin())
                asyncio.run(server.ready())
        finally:
            os.environ.clear()
            os.environ.update(before)
        yield server


def _first_start(home: Path, made: Path) -> None:
    with _prefect(home) as server:
        assert server.own
    partly = made.with_suffix(".part")
    with (
        closing(sqlite3.connect(home / "prefect" / "prefect.db")) as there,
        closing(sqlite3.connect(partly)) as here,
    ):
        there.backup(here)
    partly.rename(made)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """A real browser; skipped where none is installed, never in CI."""
    from tests.browser import Chromium

    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def prefect_url(
    tmp_path_factory: pytest.TempPathFactory, begun_before: Callable[[Path], None]
) -> Iterator[str]:
    """A real Prefect server, as people configure one: by PREFECT_API_URL."""
    home = tmp_path_factory.mktemp("prefect")
    begun_before(home)
    with _prefect(home) as server:
        yield server.url


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A real server of this test process; it starts in a second."""
    from tests.postgresql import serving

    with serving() as server:
        yield server


@pytest.fixture(params=["file", "postgresql"])
def ledger_place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test twice: with the ledger in a file, and in a new database of a server."""
    monkeypatch.delenv("MUSTER_LEDGER_URL", raising=False)
    if request.param == "postgresql":
        monkeypatch.setenv("MUSTER_LEDGER_URL", request.getfixturevalue("postgresql").new())
    return str(request.param)


@pytest.fixture(autouse=True)
def _everything_in_postgresql(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With MUSTER_TEST_LEDGER=postgresql all tests have their ledger there that do not say where it is."""
    if "ledger_place" in request.fixturenames:
        return
    monkeypatch.delenv("MUSTER_LEDGER_URL", raising=False)
    if os.environ.get("MUSTER_TEST_LEDGER") == "postgresql":
        monkeypatch.setenv("MUSTER_LEDGER_URL", request.getfixturevalue("postgresql").new())


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, str]]:
    from tests.elsewhere import bucket

    with bucket() as settings:
        yield settings


@pytest.fixture(scope="module")
def sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    from tests.elsewhere import host

    with host(tmp_path_factory.mktemp("sftp")) as found:
        yield found
