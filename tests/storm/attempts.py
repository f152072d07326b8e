"""Attempts at runs, each a process that may be killed; led by a runner that is warm."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connectors.sandbox.serving import Running
from tests import warm
from tests.storm.journal import Read
from tests.storm.runner import CRASHED, Order

__all__ = ["Attempt", "Attempts", "Runner"]

ROOT = Path(__file__).resolve().parents[2]
_OURS = ("MUSTER_", "CAMPAIGNLARK_", "LOOPS_", "CORPORATE_MERCH_", "PREFECT_")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that has ended: killed, or with an exit code."""

    killed: bool
    exit_code: int
    journal: Read


class Runner:
    """The runner's process (see tests.storm.runner), used inside `with`. `flow`: attempts go through the Prefect flow.

    `environment` is what has to be known before a flow is imported.
    """

    def __init__(self, *, flow: bool = False, environment: Mapping[str, str] | None = None) -> None:
        self._flow = flow
        self._environment = dict(environment or {})

    def __enter__(self) -> Self:
        clean = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
        (its_orders, orders), (answers, its_answers) = os.pipe(), os.pipe()
        self._process = warm.start(
            ["--flow"] if self._flow else [],
            env={**clean, **self._environment},
            stdio=(its_orders, its_answers, 2),
            code=f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.storm.runner import main; main()",
            start_new_session=True,
        )
        os.close(its_orders)
        os.close(its_answers)
        self._orders, self._answers = os.fdopen(orders, "w"), os.fdopen(answers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._orders.close()
        with self._process, self._answers:
            pass

    def lead(self, order: Order) -> dict[str, Any]:
        """One attempt, to its end."""
        self._orders.write(order.written() + "\n")
        self._orders.flush()
        line = self._answers.readline()
        assert line, "the runner is gone"
        ended: dict[str, Any] = json.loads(line)
        return ended


class Attempts:
    """The attempts of one account and home, which the `environment` names; journals and files are in `folder`."""

    def __init__(self, runner: Runner, folder: Path, environment: Mapping[str, str]) -> None:
        self._runner = runner
        self._folder = folder
        self._environment = dict(environment)
        self._numbers = itertools.count(1)

    @classmethod
    def at(cls, runner: Runner, folder: Path, server: Running) -> Self:
        """Over a sandbox, with a home in the folder."""
        kind = server.kind.upper()
        account = {f"{kind}_BASE_URL": server.url, f"{kind}_API_KEY": "sandbox-key"}
        return cls(runner, folder, {**account, "MUSTER_HOME": str(folder / "home")})

    def one(self, mapping: Path, file: Path, **order: Any) -> Attempt:
        """Leads one to its end. Raises AssertionError where it ended by an exception that muster does not know."""
        journal = self._folder / "journals" / f"{next(self._numbers):05}.jsonl"
        journal.parent.mkdir(exist_ok=True)
        ended = self._runner.lead(Order(str(mapping), str(file), str(journal), self._environment, **order))
        read = Read.of(journal)
        assert ended["exit"] != CRASHED, "\n".join(read.said)
        return Attempt(ended["killed"], ended["exit"], read)
