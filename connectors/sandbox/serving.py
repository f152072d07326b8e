"""Starts a sandbox: in this process, in a thread of it, or as a process of its own.

    python -m connectors.sandbox.serving campaignlark --port 0 --fault 500:0.05 --latency-ms 20 --email-case sensitive

prints one line of JSON when it is ready, `{"kind", "url", "inspect"}`, and ends with exit 0 on SIGTERM and SIGINT
(and, with `--until-stdin-closes`, when whoever started it is gone). Options that are not listed by `--help` are the
sandbox's own settings. It listens on 127.0.0.1 unless `--host` says otherwise.

A sandbox is a module `connectors.sandbox.KIND` with `create(settings) -> Sandbox`; outside packages name theirs by the
entry point `muster.sandboxes`. Its `TRIAL` is what the conformance suite has to know of the destination.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import gc
import http.client
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from aiohttp import web

from connectors.errors import CannotStart
from connectors.kinds import installed
from connectors.sandbox.faults import Faults, Rule
from connectors.sandbox.inspection import PATH, Inspected
from connectors.sandbox.trial import Trial

__all__ = [
    "Address", "Running", "Sandbox", "in_thread", "kinds", "main", "running", "sandbox_of", "serving", "trial_of",
]  # fmt: skip

ENTRY_POINTS = "muster.sandboxes"
START_SECONDS = 30
END_SECONDS = 5
# To look for garbage among a hundred thousand contacts makes every call wait for a twentieth of a second, which no
# destination does, and they would count as calls that came too close together.
_SELDOM = 1_000_000


class Sandbox(Inspected, Protocol):
    """What a sandbox offers. `base_path` is where its API lives, such as "/v1"."""

    base_path: str

    def application(self) -> web.Application:
        """The API and its inspection."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """Where a sandbox listens: `url` is the API's base, `inspect` its page; neither ends in a slash."""

    kind: str
    url: str
    inspect: str


def kinds() -> list[str]:
    """The sandboxes: the modules here that have a `create`, and those of packages that are installed beside muster."""
    return sorted({*_own(), *installed(ENTRY_POINTS)})


@functools.cache
def _own() -> tuple[str, ...]:
    files = sorted(Path(__file__).parent.glob("*.py"))
    begins = re.compile(r"^def create\(", re.MULTILINE)
    return tuple(one.stem for one in files if begins.search(one.read_text(encoding="utf-8")))


def sandbox_of(kind: str, settings: Mapping[str, str], faults: Faults | None = None) -> Sandbox:
    """A new sandbox. Raises CannotStart for an unknown kind or a setting it does not have."""
    sandbox: Sandbox = _module(kind).create(settings)
    if faults is not None:
        sandbox.faults = faults
    return sandbox


def trial_of(kind: str) -> Trial:
    """What the conformance suite has to know of a destination. Raises CannotStart where nothing says it."""
    trial = getattr(_module(kind), "TRIAL", None)
    if not isinstance(trial, Trial):
        raise CannotStart(
            f"The sandbox of {kind} has no TRIAL.", "CONTRIBUTING says what it is: a destination of your own."
        )
    return trial


def _module(kind: str) -> ModuleType:
    if kind not in kinds():
        raise CannotStart(f"There is no sandbox for {kind!r}.", f"There is one for: {', '.join(kinds())}.")
    if kind in (plugged_in := installed(ENTRY_POINTS)):
        module: ModuleType = plugged_in[kind].load()
        return module
    return importlib.import_module(f"connectors.sandbox.{kind}")


@contextlib.asynccontextmanager
async def serving(sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Address]:
    """Serves it in the running loop until the block ends. Port 0: a free one. Raises CannotStart."""
    runner = web.AppRunner(sandbox.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            reason = str(getattr(error, "strerror", None) or error).rstrip(".")
            raise CannotStart(
                f"The sandbox cannot listen on {host}:{port}: {reason}.",
                "Choose another port with --port, or 0 for a free one.",
            ) from None
        bound = runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        base = f"http://{shown}:{bound[1]}"
        yield Address(sandbox.kind, base + sandbox.base_path, base + PATH)
    finally:
        await runner.cleanup()


class Running:
    """A sandbox that runs elsewhere, and its inspection over HTTP. `pid` is its process, None in a thread."""

    def __init__(self, address: Address, process: subprocess.Popen[bytes] | None = None) -> None:
        self.kind = address.kind
        self.url = address.url
        self.inspect = address.inspect
        self.pid = process.pid if process else None
        self._process = process

    def contacts(self, email: str = "") -> list[dict[str, Any]]:
        """All contacts, or those of one address: `id`, `email_address`, `status`, `tags`, `fields`, `writes`, …"""
        found: list[dict[str, Any]] = self._ask("GET", f"/contacts?email={quote(email)}")
        return found

    def requests(self, within: float = 60) -> dict[str, Any]:
        """What arrived and what was applied: see `Traffic.shown`."""
        return self._mapping("GET", f"/requests?within={within}")

    def automations(self) -> dict[str, Any]:
        """`{"counts": {name: n}, "list": [{"name", "email_address", "at", "detail", …}]}`."""
        return self._mapping("GET", "/automations")

    def faults(self, *rules: str | Mapping[str, Any], **settings: float) -> dict[str, Any]:
        """Adds rules, as typed (`"500:next=2"`) or as mappings; sets latency_ms, jitter_ms, seed. What holds now."""
        written = [Rule.parse(rule).written() if isinstance(rule, str) else dict(rule) for rule in rules]
        return self._mapping("POST", "/faults", {"rules": written, **settings})

    def clear_faults(self) -> dict[str, Any]:
        """No more faults, no latency."""
        return self._mapping("DELETE", "/faults")

    def switch(self, **positions: str) -> dict[str, str]:
        """Sets switches; all of them as they are now. Raises ValueError for one that does not exist."""
        return self._mapping("POST", "/switches", positions)

    def seed(self, contacts: Iterable[Mapping[str, Any]]) -> int:
        """Puts contacts there as if in the app; how many."""
        seeded: int = self._mapping("POST", "/contacts", [dict(one) for one in contacts])["seeded"]
        return seeded

    def delete(self, email: str) -> bool:
        """Removes a contact as if in the app; whether there was one."""
        deleted: bool = self._mapping("DELETE", f"/contacts?email={quote(email)}")["deleted"]
        return deleted

    def reset(self) -> None:
        """As it was when it started."""
        self._ask("POST", "/reset", {})

    def kill(self) -> None:
        """Ends its process at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _mapping(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask(method, path, body)
        return answer

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        # Not urllib.request: it would send loopback calls through a proxy that the environment names.
        place = urlsplit(self.inspect)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=START_SECONDS)
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, place.path + path, sent, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ValueError(answer["error"])
        return answer


@contextlib.contextmanager
def running(kind: str, **settings: Any) -> Iterator[Running]:
    """A sandbox in a process of its own, ended with the block, or with this process however it dies.

    `settings` are the command line's options with underscores; a list repeats one: `fault=["500:0.05"]`,
    `latency_ms=20`, `email_case="sensitive"`. Raises CannotStart with what the process said.
    """
    command = [sys.executable, "-P", "-m", "connectors.sandbox.serving", kind, "--until-stdin-closes"]
    for name, value in settings.items():
        values = value if isinstance(value, list | tuple) else [value]
        command += [f"--{name.replace('_', '-')}={one}" for one in values]
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env=_environment(),
            start_new_session=True,  # Ctrl-C is for the sync; the sandbox stays until the sync has ended
        )
        with process:
            late = threading.Timer(START_SECONDS, process.kill)
            late.start()
            try:
                line = process.stdout.readline() if process.stdout else b""
            finally:
                late.cancel()
            try:
                if not line:
                    process.wait(END_SECONDS)
                    complaints.seek(0)
                    said = complaints.read().decode(errors="replace").strip()
                    raise CannotStart(said or f"The sandbox {kind} did not start.")
                yield Running(Address(**json.loads(line)), process)
            finally:
                if process.stdin:
                    process.stdin.close()
                try:
                    process.wait(END_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()


@contextlib.contextmanager
def in_thread(sandbox: Sandbox) -> Iterator[Running]:
    """The same in a thread of this process: quick to start, and its state is at hand. Raises CannotStart."""
    started: list[Address | CannotStart] = []
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        try:
            async with serving(sandbox) as address:
                started.append(address)
                ready.set()
                await stop.wait()
        except CannotStart as error:
            started.append(error)

    def work() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            loop.close()
            ready.set()

    thread = threading.Thread(target=work, name="sandbox", daemon=True)
    thread.start()
    ready.wait()
    first = started[0] if started else CannotStart("The sandbox did not start.")
    try:
        if isinstance(first, CannotStart):
            raise first
        yield Running(first)
    finally:
        with contextlib.suppress(RuntimeError):  # the loop is closed when it could not start
            loop.call_soon_threadsafe(stop.set)
        thread.join()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: 0 when it was told to end, 2 when it could not start."""
    try:
        given, rest = _options().parse_known_args(arguments)
        rules = [Rule.parse(rule) for rule in given.fault]
        faults = Faults(rules, latency_ms=given.latency_ms, jitter_ms=given.jitter_ms, seed=given.seed)
        sandbox = sandbox_of(given.kind, _settings(rest), faults)
        gc.set_threshold(700, 10, _SELDOM)
        asyncio.run(_until_told(sandbox, given.host, given.port, stdin=given.until_stdin_closes))
    except (CannotStart, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:  # before the loop listens to signals
        return 0
    return 0


async def _until_told(sandbox: Sandbox, host: str, port: int, *, stdin: bool) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, stop.set)
    async with serving(sandbox, host=host, port=port) as address:
        if stdin:
            threading.Thread(target=_wait_for_end_of_input, args=(loop, stop), daemon=True).start()
        sys.stdout.write(json.dumps(asdict(address)) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _wait_for_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # os.read, because a thread inside sys.stdin holds a lock that the interpreter wants at its end.
    with contextlib.suppress(OSError):
        while os.read(0, 65536):
            pass
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m connectors.sandbox.serving",
        description="A local server that answers as a real API does, with faults on demand.",
        epilog="Any other --NAME VALUE is a setting of the sandbox: a switch, keys, rate, workspace.",
        allow_abbrev=False,
    )
    parser.add_argument("kind", help=", ".join(kinds()))
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine only)")
    parser.add_argument("--port", type=int, default=0, help="0: a free one (default)")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="KIND:SHARE", help="KIND:next=3 too; repeatable"
    )
    parser.add_argument("--latency-ms", type=float, default=0, help="every answer takes this much longer")
    parser.add_argument("--jitter-ms", type=float, default=0, help="and up to this much more")
    parser.add_argument("--seed", type=int, default=0, help="makes shares of faults repeatable")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with whoever started it")
    return parser


def _settings(rest: Sequence[str]) -> dict[str, str]:
    """`--email-case sensitive` and `--email-case=sensitive` as {"email_case": "sensitive"}. Raises CannotStart."""
    settings: dict[str, str] = {}
    words = iter(rest)
    for word in words:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            raise CannotStart(f"{word!r} belongs to no option.")
        if not equals:
            following = next(words, None)
            if following is None:
                raise CannotStart(f"The option {word} needs a value.")
            value = following
        settings[name.replace("-", "_")] = value
    return settings


def _environment() -> dict[str, str]:
    """The environment of this process without keys of accounts, which are none of a sandbox's business.

    The place of `connectors` is added where Python would not find it by itself.
    """
    known = {
        name: text for name, text in os.environ.items() if not name.endswith(("_API_KEY", "_API_KEY_FILE"))
    }
    root = Path(__file__).parents[2]
    if root.name in ("site-packages", "dist-packages"):
        return known
    paths = [str(root), *filter(None, [known.get("PYTHONPATH")])]
    return {**known, "PYTHONPATH": os.pathsep.join(paths)}


if __name__ == "__main__":
    sys.exit(main())
