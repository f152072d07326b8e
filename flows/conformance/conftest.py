"""Finds the destinations, serves their sandboxes, and lays the bench for each behaviour.

A behaviour asks for `bench`; then it runs once for each destination. `needs` names the capability without which it
does not apply. Behaviours that ask for `error` run once for each error that a destination documents.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import breaker, http
from connectors.errors import CannotStart
from connectors.kinds import destination_module
from connectors.kinds import kinds as destinations
from connectors.pace import Pace
from connectors.sandbox.answering import Answering
from connectors.sandbox.serving import Running, in_thread, sandbox_of, trial_of
from connectors.sandbox.trial import Documented

pytest.register_assert_rewrite("flows.conformance.bench", "flows.conformance.ended")

from flows.conformance.bench import KEY, Bench  # noqa: E402 - after its assertions were made to speak
from flows.conformance.capabilities import lacking  # noqa: E402 - as above

Shelf = dict[str, tuple[Answering, Running]]

_HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(capability): the behaviour applies only where there is this")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" not in metafunc.fixturenames:
        return
    kinds = metafunc.config.getoption("--destination", None) or destinations("destinations")
    if "error" not in metafunc.fixturenames:
        metafunc.parametrize("kind", kinds)
        return
    pairs = [(kind, error) for kind in kinds for error in _errors(kind)]
    metafunc.parametrize(("kind", "error"), pairs, ids=[f"{kind}-{error.name}" for kind, error in pairs])


def _errors(kind: str) -> tuple[Documented, ...]:
    try:
        return trial_of(kind).errors
    except CannotStart:  # another behaviour fails for it
        return ()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for one in items:
        if one.path.parent != _HERE or not isinstance(one, pytest.Function):
            continue
        kind = one.callspec.params.get("kind") if hasattr(one, "callspec") else None
        for need in one.iter_markers("needs"):
            with contextlib.suppress(CannotStart):
                reason = lacking(destination_module(str(kind)).Connector, trial_of(str(kind))).get(
                    need.args[0]
                )
                if reason is not None:
                    one.add_marker(pytest.mark.skip(reason=f"{kind}: {reason}"))


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
    monkeypatch.setattr(http, "Patience", functools.partial(http.Patience, first=0.01, most=0.05))
    for name, seconds in (("PATIENT_SECONDS", 0.4), ("_FIRST_SECONDS", 0.02), ("_MOST_SECONDS", 0.1)):
        monkeypatch.setattr(breaker, name, seconds)
    monkeypatch.setattr(Pace, "__init__", functools.partialmethod(Pace.__init__, patient=0.05))
    return Bench(kind, connector, trial_of(kind), sandbox, server, tmp_path, tmp_path / "home")
