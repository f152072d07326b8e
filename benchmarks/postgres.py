"""A PostgreSQL server for a while: a folder of its own, this machine only, ended with its block."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["free_port", "postgres", "size"]


@contextlib.contextmanager
def postgres(*databases: str) -> Iterator[list[str]]:
    """A server with these databases; their addresses, as postgresql://USER@127.0.0.1:PORT/NAME."""
    binaries, port = _binaries(), free_port()
    user = _user()
    place = Path(tempfile.mkdtemp(prefix="muster-postgres-"))  # where another user comes, too
    if user is not None:  # PostgreSQL does not run as root
        os.chown(place, user.pw_uid, user.pw_gid)
    as_user = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = place / "data"
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "muster", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        check=True, stdout=subprocess.DEVNULL, cwd=place, **as_user,
    )  # fmt: skip
    with (place / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", place, "-c", "max_connections=300",
             "-c", "shared_buffers=256MB"],
            cwd=place, stdout=log, stderr=log, start_new_session=True, **as_user,
        )  # fmt: skip
    try:
        for name in databases:
            _made(binaries, port, name, place / "log")
        yield [f"postgresql://muster@127.0.0.1:{port}/{name}" for name in databases]
    finally:
        server.send_signal(signal.SIGINT)  # PostgreSQL's fast end
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
        shutil.rmtree(place, ignore_errors=True)


def size(address: str) -> int:
    """What a database weighs, in bytes."""
    words = ["-tAc", "select pg_database_size(current_database())", address]
    told = subprocess.run([_binaries() / "psql", *words], capture_output=True, text=True, check=True)
    return int(told.stdout)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _made(binaries: Path, port: int, name: str, log: Path) -> None:
    command = [binaries / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "muster", name]
    for _ in range(100):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if not done.returncode:
            return
        time.sleep(0.1)
    sys.exit(f"PostgreSQL does not answer: {done.stderr}\n{log.read_text()[-2000:]}")


def _binaries() -> Path:
    """Debian's, or those that are on the PATH."""
    for found in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (found / "initdb").exists():
            return found
    there = shutil.which("initdb")
    if there is None:
        sys.exit("There is no PostgreSQL on this machine. On Debian: apt install postgresql")
    return Path(there).resolve().parent


def _user() -> pwd.struct_passwd | None:
    if os.getuid():
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None
