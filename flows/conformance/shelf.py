"""The shelf of sandboxes, and the bench on which a destination is tried: fixtures, also for tests beside the suite."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import breaker, http
from connectors.kinds import destination_module
from connectors.pace import Pace
from connectors.patience import Patience
from connectors.sandbox.answering import Answering
from connectors.sandbox.serving import Running, in_thread, sandbox_of, trial_of
from flows.conformance.bench import KEY, Bench

__all__ = ["Shelf", "bench", "shelf"]

Shelf = dict[str, tuple[Answering, Running]]


@pytest.fixture(scope="session")
def shelf() -> Iterator[Shelf]:
    """The sandboxes that were started so far, by kind."""
    with contextlib.ExitStack() as stack:
        yield _Shelf(stack)


class _Shelf(Shelf):
    def __init__(self, stack: contextlib.ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, kind: str) -> tuple[Answering, Running]:
        sandbox = sandbox_of(kind, {"rate": "0", "keys": KEY})
        if not isinstance(sandbox, Answering):
            raise TypeError(f"The suite needs a sandbox that is an Answering; that of {kind} is none.")
        self[kind] = sandbox, self._stack.enter_context(in_thread(sandbox))
        return self[kind]


@pytest.fixture
def bench(kind: str, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The destination on trial, its sandbox as it was when it started, a home of its own; pace and patience are short."""
    for name in [name for name in os.environ if name.startswith(("MUSTER_", f"{kind.upper()}_"))]:
        monkeypatch.delenv(name)
    connector: Any = destination_module(kind).Connector
    sandbox, server = shelf[kind]
    server.reset()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(f"{kind.upper()}_BASE_URL", server.url)
    monkeypatch.setenv(f"{kind.upper()}_API_KEY", KEY)
    monkeypatch.setattr(connector, "per_second", 5000.0)
    monkeypatch.setattr(http, "Patience", functools.partial(Patience, first=0.01, most=0.05))
    for name, seconds in (("PATIENT_SECONDS", 0.4), ("_FIRST_SECONDS", 0.02), ("_MOST_SECONDS", 0.1)):
        monkeypatch.setattr(breaker, name, seconds)
    monkeypatch.setattr(Pace, "__init__", functools.partialmethod(Pace.__init__, patient=0.05))
    return Bench(kind, connector, trial_of(kind), sandbox, server, tmp_path, tmp_path / "home")
