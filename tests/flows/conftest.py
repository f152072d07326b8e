"""What the tests of the run share: a real sandbox for each test process, and a desk with a file, a mapping and a home."""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors import breaker, http
from connectors.destinations.campaignlark import Connector
from connectors.sandbox.serving import Running, running
from flows.beginning import begun
from flows.conformance.ended import Ended, Listening, finish
from flows.ledger.opening import open_ledger
from flows.options import Options
from flows.preview import Preview, preview
from flows.resume import Resume
from flows.sync_run import SyncRun

KEY = "sandbox-key"
PEOPLE: dict[str, Any] = {
    "name": "people",
    "source": {"kind": "csv_file"},
    "destination": {"kind": "campaignlark"},
    "key": "email_address",
    "person": "Id",
    "fields": {
        "email_address": {"from": "Email", "type": "email"},
        "first_name": "First",
        "city": "City",
        "score": {"from": "Score", "type": "integer"},
    },
    "tags": {"from": "Tags", "split": ";"},
    "consent": {"opted_out": {"from": "Out", "when": "yes"}},
    "where": {"Keep": ["", "yes"]},
}
COLUMNS = ("Id", "Email", "First", "City", "Score", "Tags", "Out", "Keep")
WRITES = (
    "POST /v1/contacts",
    "PUT /v1/contacts/{id}",
    "POST /v1/contacts/upsert",
    "POST /v1/contacts/{id}/tags/add",
    "POST /v1/contacts/{id}/tags/remove",
    "POST /v1/tags",
)


class Desk:
    """A folder with a mapping and files, its own home, and the account that the environment names."""

    def __init__(self, folder: Path, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.server = server
        self.home = folder / "home"
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("MUSTER_HOME", str(self.home))
        self.use(server)
        self.mapping()

    def use(self, server: Running, key: str = KEY) -> None:
        self.server = server
        self._monkeypatch.setenv("CAMPAIGNLARK_BASE_URL", server.url)
        self._monkeypatch.setenv("CAMPAIGNLARK_API_KEY", key)

    def mapping(self, file: str = "people.yml", **changes: Any) -> Path:
        """The mapping of this desk, with some of its parts changed; None takes one out."""
        document = {name: part for name, part in {**PEOPLE, **changes}.items() if part is not None}
        path = self.folder / file
        path.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
        return path

    def file(
        self, rows: Iterable[Mapping[str, Any]], name: str = "people.csv", columns: Iterable[str] = COLUMNS
    ) -> Path:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)
        path = self.folder / name
        path.write_text(text.getvalue(), "utf-8", newline="")
        return path

    def run(self, source: Path | str | None, mapping: str | Path = "people.yml", **options: Any) -> SyncRun:
        options["allow"] = frozenset(options.get("allow", ()))
        file = str(source) if source is not None else None
        return SyncRun(str(self.folder / mapping), file, Options(**options), Listening())

    async def sync(
        self,
        source: Path | str | None,
        mapping: str | Path = "people.yml",
        *,
        meanwhile: Callable[[SyncRun, int], None] | None = None,
        **options: Any,
    ) -> Ended:
        """A whole sync. `meanwhile` gets the run and how many outcomes are durable, after each of them."""
        async with self.begun(source, mapping, **options) as run:
            return await finish(run, meanwhile)

    def begun(
        self, source: Path | str | None, mapping: str | Path = "people.yml", **options: Any
    ) -> contextlib.AbstractAsyncContextManager[SyncRun]:
        """A sync that is open: a new run, or the interrupted one that it finishes."""
        options["allow"] = frozenset(options.get("allow", ()))
        file = str(source) if source is not None else None
        return begun(str(self.folder / mapping), file, Options(**options), Listening())

    async def resume(
        self, run_id: str = "", meanwhile: Callable[[SyncRun, int], None] | None = None
    ) -> Ended:
        """The newest interrupted run, or one of them, to its end."""
        with contextlib.closing(open_ledger(self.home)) as ledger:
            found = ledger.runs.get(run_id) if run_id else ledger.runs.unfinished()[0]
            assert found is not None
            resume = Resume.of(found, self.home, ledger.runs.mapping_text(found.mapping_sha256))
        async with SyncRun(
            str(resume.mapping_path), None, resume.options(), Listening(), resume=resume
        ) as run:
            return await finish(run, meanwhile)

    async def plan(
        self,
        source: Path | str | None,
        mapping: str | Path = "people.yml",
        *,
        everybody: bool = False,
        **options: Any,
    ) -> Preview:
        async with self.run(source, mapping, verb="plan", **options) as run:
            await run.open()
            await run.prepare()
            return await preview(run, everybody=everybody)

    # the other side

    def writes(self) -> dict[str, int]:
        """Requests received by each endpoint that writes."""
        found = self.server.requests()["by_endpoint"]
        return {name: sum(found[name].values()) for name in WRITES if name in found}

    def contacts(self) -> dict[str, dict[str, Any]]:
        """The sandbox's contacts by address, in lower case. Nobody is there twice."""
        found = self.server.contacts()
        by_address = {one["email_address"].casefold(): one for one in found}
        assert len(by_address) == len(found)
        return by_address


@pytest.fixture(scope="session")
def _campaignlark() -> Iterator[Running]:
    with running("campaignlark", rate=0) as server:
        yield server


@pytest.fixture
def lark(_campaignlark: Running) -> Running:
    """A sandbox as it was when it started."""
    _campaignlark.reset()
    return _campaignlark


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace is the sandbox's, and retries wait for hundredths of a second."""
    monkeypatch.setattr(Connector, "per_second", 5000.0)
    monkeypatch.setattr(http, "Patience", functools.partial(http.Patience, first=0.01, most=0.05))
    for name, seconds in (("PATIENT_SECONDS", 0.4), ("_FIRST_SECONDS", 0.02), ("_MOST_SECONDS", 0.1)):
        monkeypatch.setattr(breaker, name, seconds)


@pytest.fixture
def desk(lark: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> Desk:
    for name in [name for name in os.environ if name.startswith(("CAMPAIGNLARK_", "MUSTER_"))]:
        if name != "MUSTER_LEDGER_URL":  # where a test has its ledger is said before
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, lark, monkeypatch)


@pytest.fixture
def person() -> Callable[..., dict[str, str]]:
    """A row of the file: somebody with a number, and whatever is given besides."""

    def of(number: int, **cells: str) -> dict[str, str]:
        return {"Id": str(number), "Email": f"p{number}@example.com", "First": f"Name {number}", **cells}

    return of


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, str], None]]:
    """Mounts a disk of a size such as "3m" at a folder. Skips where that is not allowed."""
    mounted: list[Path] = []

    def mount(folder: Path, size: str) -> None:
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if (
            shutil.which("mount") is None
            or subprocess.run(command, capture_output=True, check=False).returncode
        ):
            pytest.skip("only who may mount a disk can try this")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)
