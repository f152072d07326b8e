"""The `muster` command as a process of its own that does not import the world first.

A helper of each test process has imported everything heavy, and forks for each command: a real process with its own pid, folder,
environment, pipes, session and end, which can be interrupted and killed. Only the import is shared: 2 to 4 seconds a command.
What a command starts itself (Prefect's server, a sandbox) is started as ever. Whether the command works without a helper is shown in
tests/flows/cli/test_cold.py, for every verb.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import importlib.abc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

__all__ = ["Child", "run", "start"]

_HEAVY = (
    "aiohttp", "aiohttp.web", "anyio._backends._asyncio", "email_validator", "encodings.idna", "fastapi", "graphviz", "jinja2", "nameparser",
    "numpy", "opentelemetry._logs", "opentelemetry.metrics", "pandas", "phonenumbers", "prefect", "prefect.artifacts",
    "prefect.cache_policies", "prefect.client.schemas.objects", "prefect.context", "prefect.flow_engine", "prefect.logging.handlers",
    "prefect.runtime", "prefect.states", "prefect.task_engine", "prefect.utilities.visualization", "pyarrow", "pyarrow.compute",
    "pyarrow.csv", "pyarrow.dataset", "pyarrow.parquet", "pycountry", "pydantic", "rich._emoji_codes", "rich.console", "rich.live",
    "rich.progress", "rich.table", "uvicorn", "xlsxwriter",
)  # fmt: skip
"""What the verbs import in the end. A name that is missing here costs time, nothing else."""
_STARTS_WITHIN = 120.0
_FLOWS = (
    "flows.steps", "flows.sync_contacts", "flows.retry_failures", "flows.undo_run", "flows.take_over", "flows.map_shard",
    "flows.watch_fixes", "flows.in_turn",
)  # fmt: skip
"""The flow files: Prefect reads its settings and sets up its logging when they are imported."""


# ---- for the tests


class Child:
    """A command at work, as subprocess.Popen has it: the same names, and only those that the tests use."""

    def __init__(self, pid: int, told: socket.socket, stdout: IO[str], stderr: IO[str]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdout = stdout
        self.stderr = stderr
        self._told = told

    def poll(self) -> int | None:
        """Its exit code, minus the signal's number where it was killed; None while it is at work."""
        if self.returncode is None:
            self._told.settimeout(0)
            self._hear()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, waited for. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            self._hear()
        if self.returncode is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return self.returncode

    def _hear(self) -> None:
        try:
            said = self._told.recv(64)
        except (BlockingIOError, TimeoutError):
            return
        self.returncode = os.waitstatus_to_exitcode(int(said))
        self._told.close()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """The rest of its outputs, and its end. Raises subprocess.TimeoutExpired."""
        ends = None if timeout is None else time.monotonic() + timeout
        said = {"stdout": "", "stderr": ""}

        def read(name: str) -> None:
            stream = getattr(self, name)
            if not stream.closed:
                with stream:
                    said[name] = stream.read()

        readers = [threading.Thread(target=read, args=(name,), daemon=True) for name in said]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if ends is None else max(0, ends - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        self.wait(None if ends is None else max(0.01, ends - time.monotonic()))
        return said["stdout"], said["stderr"]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:  # nobody asks it any more to end
            self.kill()
        self.stdout.close()
        self.stderr.close()
        self.wait(60)


def start(
    words: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None,
    stdio: tuple[int, int, int] | None = None, code: str = "", start_new_session: bool = False,
) -> Child:  # fmt: skip
    """Starts `muster WORDS`, or some Python code with WORDS as its arguments, without waiting for it.

    Standard input is empty and the outputs are pipes, unless the three descriptors are given.
    """
    there = {
        "words": [str(word) for word in words], "cwd": str(cwd or Path.cwd()), "env": dict(os.environ if env is None else env),
        "code": code, "session": start_new_session,
    }  # fmt: skip
    ours, theirs = socket.socketpair()
    nothing = os.open(os.devnull, os.O_RDONLY)
    (out, its_out), (err, its_err) = os.pipe(), os.pipe()
    socket.send_fds(_helper(), [b"."], [theirs.fileno(), *(stdio or (nothing, its_out, its_err))])
    for descriptor in (theirs.detach(), nothing, its_out, its_err):
        os.close(descriptor)
    body = json.dumps(there).encode()
    ours.settimeout(_STARTS_WITHIN)
    ours.sendall(f"{len(body):10}".encode() + body)
    pid = int(ours.recv(10))
    return Child(pid, ours, os.fdopen(out), os.fdopen(err))


def run(
    words: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 120, code: str = "",
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Runs `muster WORDS`, or some Python code, to its end. Raises subprocess.TimeoutExpired, and then it is killed."""
    child = start(words, cwd=cwd, env=env, code=code, start_new_session=True)
    try:
        out, err = child.communicate(timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        raise
    return subprocess.CompletedProcess(list(words), child.returncode or 0, out, err)


@functools.cache
def _helper() -> socket.socket:
    """Where this process's helper takes its orders. It ends when that is closed."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-P", __file__, str(theirs.fileno())], stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
        start_new_session=True, env={name: text for name, text in os.environ.items() if not name.startswith(("MUSTER_", "PREFECT_"))},
    )  # fmt: skip
    theirs.close()

    def end() -> None:
        ours.close()
        with contextlib.suppress(subprocess.TimeoutExpired):  # a command that a failed test left at work
            process.wait(20)

    atexit.register(end)
    return ours


# ---- the helper


class _SettingsAgain(importlib.abc.MetaPathFinder):
    """Before a flow file is imported, Prefect reads its settings as if it were imported then."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name in _FLOWS and self in sys.meta_path:
            sys.meta_path.remove(self)
            context, configuration = (
                sys.modules["prefect.context"],
                sys.modules["prefect.logging.configuration"],
            )
            context.refresh_global_settings_context()
            configuration.setup_logging(incremental=False)


def _serve(orders: socket.socket) -> Callable[[], Any]:
    """Forks for each order until nobody gives any. Returns only in the processes that are to be commands, with what to run."""
    while True:
        said, descriptors, _, _ = socket.recv_fds(orders, 1, 4)
        with contextlib.suppress(ChildProcessError):  # all keepers were waited for
            while os.waitpid(-1, os.WNOHANG if said else 0)[0]:
                pass
        if not said:
            os._exit(0)
        if os.fork() == 0:
            orders.close()
            return _keep(socket.socket(fileno=descriptors[0]), descriptors[1:])
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(teller: socket.socket, stdio: list[int]) -> Callable[[], Any]:
    """Between the helper and a command: forks it, tells its pid, waits for it, tells its end."""
    with teller.makefile("rb", buffering=0) as reading:
        order = json.loads(_exactly(reading, int(_exactly(reading, 10))))
    pid = os.fork()
    if pid == 0:
        teller.close()
        return _become(order, stdio)
    for descriptor in stdio:
        os.close(descriptor)
    teller.sendall(f"{pid:10}".encode())
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know
        teller.sendall(str(status).encode())
    os._exit(0)


def _exactly(reading: Any, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = reading.read(size - len(found))
        if not more:  # whoever gave the order is no more
            os._exit(1)
        found += more
    return found


def _become(order: dict[str, Any], stdio: list[int]) -> Callable[[], Any]:
    """Makes this process what it would be if it had been started: descriptors, session, folder, environment, signals."""
    if order["session"]:
        os.setsid()
    for number, descriptor in enumerate(stdio):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", 1 if os.isatty(1) else -1, closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", 1, errors="backslashreplace", closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.meta_path.insert(0, _SettingsAgain())
    gc.enable()
    if order["code"]:
        sys.argv = ["-c", *order["words"]]
        return functools.partial(exec, order["code"], {"__name__": "__main__"})
    sys.argv = [str(Path(sys.executable).parent / "muster"), *order["words"]]
    return importlib.import_module("flows.cli").main


def _import_all() -> None:
    root = Path(__file__).parents[1]
    sys.path.insert(0, str(root))
    for name in _HEAVY:
        importlib.import_module(name)
    for package in ("mappings/engine", "connectors", "flows"):
        for path in sorted((root / package).rglob("*.py")):
            name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            if name not in _FLOWS and not name.startswith(("flows.conformance", "flows.viewer")):
                importlib.import_module(name)
    from connectors import kinds
    from connectors.sandbox import serving
    from flows.report.text import drawn_by

    for template in (root / "flows/report").glob("*page.html.j2"):
        page = drawn_by(template.name)
        for part in page.environment.list_templates(extensions=("j2", "css", "js")):
            page.environment.get_template(part)
    for package in ("sources", "destinations"):
        kinds.kinds(package)
    kinds.formats()
    serving.kinds()
    gc.collect()
    gc.freeze()
    gc.disable()


if __name__ == "__main__":
    _import_all()
    # Who keeps a command that somebody left at work does not keep open what reads the tests' output.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    sys.exit(_serve(socket.socket(fileno=int(sys.argv[1])))())
