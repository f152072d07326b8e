"""The Prefect server that a run speaks to: the configured one, or one that muster starts for itself.

Prefect's own temporary server dies at the first Ctrl-C and is orphaned when its owner is killed. This one is a
child in a session of its own that ends itself when its standard input closes, whoever dies and however.
Nothing of Prefect is imported here before its settings are in the environment.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from connectors.errors import CannotStart
from flows.serving import served_url

__all__ = ["PrefectServer", "configured_url", "healthy"]

_PATIENCE = 60.0
PATIENCE_WITH_OTHERS = 10.0
"""Seconds for a server that is configured, to answer."""
_AGAIN_SECONDS = 0.1


def configured_url() -> str:
    """The address of a server that the environment or the active Prefect profile names, or ''."""
    given = os.environ.get("PREFECT_API_URL", "")
    if given:
        return given
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    path = Path(os.environ.get("PREFECT_PROFILES_PATH", home / "profiles.toml")).expanduser()
    try:
        profiles = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return ""
    active = os.environ.get("PREFECT_PROFILE") or profiles.get("active", "")
    url = profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL", "")
    return str(url)


class PrefectServer:
    """Begun early, waited for late: `begin` returns at once, `ready` when it answers."""

    def __init__(self, home: Path, port: int = 0, *, serves: bool = False) -> None:
        """With `serves` it is there for a worker and for people: it has its UI, and a run's page has the run's log lines."""
        self._muster_home = home
        self._home = home / "prefect"
        self._port = port
        self._serves = serves
        self._child: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self.url = ""
        self.own = False

    async def begin(self) -> None:
        """Sets Prefect's environment, and starts a server unless one is configured."""
        from flows.ledger.database import private_folder  # noqa: PLC0415 - the server's own process needs no pandas

        os.environ.setdefault("DO_NOT_TRACK", "1")
        os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", str(self._serves).lower())
        os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", "0")
        private_folder(self._home)
        os.environ.setdefault("PREFECT_LOGGING_SETTINGS_PATH", str(self._logging()))
        self.url = configured_url() or served_url(self._muster_home)
        if self.url:
            os.environ["PREFECT_API_URL"] = self.url
            return
        self.own = True
        os.environ["PREFECT_HOME"] = str(self._home)
        os.environ["PREFECT_PROFILES_PATH"] = str(self._home / "profiles.toml")
        # Two first starts on one home would race for its database.
        self._lock = (self._home / "start.lock").open("w")
        while not _taken(self._lock):  # noqa: ASYNC110 - a lock of another one
            await asyncio.sleep(_AGAIN_SECONDS)
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", self._port))
        except OSError as error:
            self._lock.close()
            raise CannotStart(
                f"Port {self._port} is taken: {error.strerror}.", "Choose another one with --port."
            ) from None
        listening.listen(64)
        port = listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/api"
        environment = {
            **os.environ,
            "PREFECT_UI_ENABLED": str(self._serves).lower(),
            "PREFECT_SERVER_UI_ENABLED": str(self._serves).lower(),
            "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(self._home / "ui"),
            "PREFECT_API_URL": self.url,
        }
        with (self._home / "server.log").open("ab") as log:
            self._child = subprocess.Popen(  # noqa: ASYNC220, S603 - our own module, and it returns at once
                [sys.executable, "-P", "-m", "flows.prefect_server", str(listening.fileno())],
                stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=[listening.fileno()],
                start_new_session=True, env=environment,
            )  # fmt: skip
        listening.close()
        os.environ["PREFECT_API_URL"] = self.url
        threading.Thread(target=self._let_others_start, args=(self._child, self._lock), daemon=True).start()

    def _logging(self) -> Path:
        """A logging configuration that sends everything to a file: Prefect's noise is not a person's business. What served runs say is."""
        path, log = self._home / f"logging{'-served' * self._serves}.json", self._home / "prefect.log"
        log.touch(mode=0o600)
        to_file: dict[str, Any] = {"level": "WARNING", "handlers": ["file"], "propagate": False}
        to_page = {"level": "INFO", "handlers": ["api"]}  # and on to the file
        path.write_text(
            json.dumps(
                {
                    "version": 1,
                    "disable_existing_loggers": False,
                    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
                    "handlers": {
                        "file": {
                            "class": "logging.handlers.RotatingFileHandler", "filename": str(log), "maxBytes": 2_000_000,
                            "backupCount": 1, "formatter": "plain", "delay": True,
                        },
                        **({"api": {"class": "prefect.logging.handlers.APILogHandler"}} if self._serves else {}),
                    },
                    "loggers": {
                        **dict.fromkeys(("prefect", "httpx", "uvicorn", "fastapi", "apscheduler", "docket"), to_file),
                        **(dict.fromkeys(("prefect.flow_runs", "prefect.task_runs"), to_page) if self._serves else {}),
                    },
                    "root": {"level": "WARNING", "handlers": ["file"]},
                }
            )
        )  # fmt: skip
        return path

    async def ready(self) -> None:
        """Waits until the server answers. Raises CannotStart when it does not."""
        began = time.monotonic()
        patience = _PATIENCE if self.own else PATIENCE_WITH_OTHERS
        while True:
            if await asyncio.to_thread(healthy, self.url):
                break
            if self._child is not None and self._child.poll() is not None:
                raise CannotStart(
                    f"Prefect's server ended while it was starting (exit {self._child.returncode}).",
                    f"What it said is in {self._home / 'server.log'}.",
                )
            if time.monotonic() - began > patience:
                raise CannotStart(
                    f"Prefect's server at {self.url} does not answer.",
                    "Start it, or unset PREFECT_API_URL: muster then starts one for itself." if not self.own
                    else f"What it said is in {self._home / 'server.log'}.",
                )  # fmt: skip
            await asyncio.sleep(0.05)

    def _let_others_start(self, child: subprocess.Popen[bytes], lock: IO[str]) -> None:
        """As soon as the server answers, however long this run reads or a person thinks before they say yes."""
        ends = time.monotonic() + _PATIENCE
        while child.poll() is None and time.monotonic() < ends and not healthy(self.url):
            time.sleep(_AGAIN_SECONDS)
        lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is None or self._child.stdin is None:
            return
        self._child.stdin.close()
        try:
            self._child.wait(4)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child = None


def healthy(url: str) -> bool:
    opener = (
        urllib.request.build_opener(urllib.request.ProxyHandler({}))
        if "127.0.0.1" in url
        else urllib.request.build_opener()
    )
    try:
        with opener.open(f"{url.rstrip('/')}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _serve(descriptor: int) -> None:  # pragma: no cover - runs in the child
    """Prefect's application on a socket that listens already, until standard input closes."""
    import uvicorn  # noqa: PLC0415 - as above

    listening = socket.socket(fileno=descriptor)
    server = uvicorn.Server(
        uvicorn.Config(
            "prefect.server.api.server:create_app", factory=True, log_level="critical", lifespan="on",
            timeout_graceful_shutdown=2, access_log=False, log_config=None,
        )
    )  # fmt: skip

    def end_with_owner() -> None:
        sys.stdin.buffer.read()
        server.should_exit = True
        time.sleep(6)
        os._exit(0)

    threading.Thread(target=end_with_owner, daemon=True).start()
    server.run(sockets=[listening])


if __name__ == "__main__":  # pragma: no cover - runs in the child
    os.umask(0o077)
    _serve(int(sys.argv[1]))
