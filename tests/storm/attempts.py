"""Attempts at runs, each a process that may be killed; led by a runner that is warm."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from connectors.sandbox.serving import Running
from tests.storm.journal import Read
from tests.storm.runner import CRASHED, Order

__all__ = ["Attempt", "Attempts", "Runner"]

ROOT = Path(__file__).resolve().parents[2]
_OURS = ("MUSTER_", "CAMPAIGNLARK_", "LOOPS_", "CORPORATE_MERCH_")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that has ended: killed, or with an exit code."""

    killed: bool
    exit_code: int
    journal: Read


class Runner:
    """The runner's process (see tests.storm.runner), used inside `with`. `flow`: attempts go through the Prefect flow.

    `environment` is what has to be known before anything is imported.
    """

    def __init__(self, *, flow: bool = False, environment: Mapping[str, str] | None = None) -> None:
        self._flow = flow
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        clean = {name: text for name, text in os.environ.items() if not name.startswith(_OURS)}
        path = os.pathsep.join([str(ROOT), *filter(None, [clean.get("PYTHONPATH")])])
        command = [sys.executable, "-P", "-m", "tests.storm.runner", *(["--flow"] if self._flow else [])]
        self._process = subprocess.Popen(
            command, env={**clean, **self._environment, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._process is not None:
            self._process.communicate()

    def lead(self, order: Order) -> dict[str, Any]:
        """One attempt, to its end."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(order.written() + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
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
