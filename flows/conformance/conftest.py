"""Finds the destinations, serves their sandboxes, and lays the bench for each behaviour.

A behaviour asks for `bench`; then it runs once for each destination. `needs` names the capability without which it
does not apply. Behaviours that ask for `error` run once for each error that a destination documents.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest

from connectors.errors import CannotStart
from connectors.kinds import destination_module
from connectors.kinds import kinds as destinations
from connectors.sandbox.serving import trial_of
from connectors.sandbox.trial import Documented

for _name in ("flows.conformance.bench", "flows.conformance.ended"):
    if _name not in sys.modules:  # somebody else's tests may have imported it before
        pytest.register_assert_rewrite(_name)

from flows.conformance.capabilities import lacking  # noqa: E402 - after its assertions were made to speak
from flows.conformance.shelf import bench, shelf  # noqa: E402, F401 - the fixtures, as above

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
