"""The suite's one option. It is a plugin of pytest by entry point: conftest.py comes too late for `pytest --pyargs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("muster").addoption(
        "--destination",
        action="append",
        metavar="KIND",
        help="flows.conformance: try this destination only; repeatable",
    )
