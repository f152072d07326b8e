"""The bench on which a destination is tried: a file, a mapping, a home, and the destination's sandbox."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from connectors.pace import Pace
from connectors.sandbox.answering import Answering
from connectors.sandbox.serving import Running
from connectors.sandbox.trial import Trial, pattern_of
from flows.cli.check import command as check_command
from flows.conformance.ended import Ended, Listening, finish
from flows.ledger.opening import open_ledger
from flows.options import Options
from flows.preview import Preview, preview
from flows.resume import Resume
from flows.retry import open_retry
from flows.sync_run import SyncRun
from flows.undo_begun import find_undo
from flows.vanished.parting import parted
from flows.verification import Verification, find_target, verify
from mappings.engine.schema import Schema

__all__ = ["ALLOWED", "KEY", "LANDED", "Bench", "address", "said"]

KEY = "key-of-the-conformance-suite"
LANDED = ("created", "updated", "upserted")
ALLOWED = frozenset({"changes", "opt_outs", "invalid", "shrunk", "empty_source"})
"""The guards: a few rows trip them where a file of thousands would not."""
COLUMNS = ("Id", "Email", "First", "City", "Need", "Out")


def address(number: int) -> str:
    return f"p{number}@example.com"


@dataclass(slots=True)
class Bench:
    """One destination on trial. `connector` is its class; `server` and `sandbox` are the same sandbox, from outside and inside."""

    kind: str
    connector: Any
    trial: Trial
    sandbox: Answering
    server: Running
    folder: Path
    home: Path

    def __post_init__(self) -> None:
        self.mapping()

    # this side

    def mapping(self, **changes: Any) -> Path:
        """Writes the trial's mapping with some of its parts changed. `fields` are added; None takes a part out."""
        trial = self.trial
        fields: dict[str, Any] = {
            trial.key: {"from": "Email", "type": "email"}, trial.text: "First", trial.other: "City", **trial.fields,
        }  # fmt: skip
        if trial.required:
            fields[trial.required] = "Need"
        fields |= changes.pop("fields", {})
        document: dict[str, Any] = {
            "name": "trial",
            "source": {"kind": "csv_file"},
            "destination": {"kind": self.kind},
            "key": trial.key,
            "fields": {tag: rule for tag, rule in fields.items() if rule is not None},
            "consent": {"opted_out": {"from": "Out", "when": "yes"}},
            "ignore": ["rest"],
            **changes,
        }
        path = self.folder / "trial.yml"
        written = {name: part for name, part in document.items() if part is not None}
        path.write_text(yaml.safe_dump(written, sort_keys=False, allow_unicode=True), "utf-8")
        return path

    def row(self, number: int, **cells: str) -> dict[str, str]:
        return {
            "Id": str(number), "Email": address(number), "First": f"Name {number}", "Need": "Lee", **cells,
        }  # fmt: skip

    def file(self, rows: Iterable[Mapping[str, str]]) -> Path:
        rows = list(rows)
        text = io.StringIO(newline="")
        columns = dict.fromkeys((*COLUMNS, *(name for row in rows for name in row)))
        writer = csv.DictWriter(text, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)
        path = self.folder / "trial.csv"
        path.write_text(text.getvalue(), "utf-8", newline="")
        return path

    def sync(
        self,
        *rows: Mapping[str, str],
        prepared: Callable[[], object] | None = None,
        allow: frozenset[str] = ALLOWED,
        **options: Any,
    ) -> Ended:
        """A whole sync, which has to balance, and the run for vanished people after it. `prepared` is called when everything was read and nothing is sent yet."""
        return asyncio.run(self._sync(self.file(rows), prepared, Options(allow=allow, **options)))

    async def _sync(self, file: Path, prepared: Callable[[], object] | None, options: Options) -> Ended:
        async with SyncRun(str(self.folder / "trial.yml"), str(file), options, Listening()) as run:
            ended = await finish(run, prepared=prepared)
        await parted(run)
        return ended

    def plan(self, *rows: Mapping[str, str]) -> Preview:
        """What a sync would do."""
        return asyncio.run(self._plan(self.file(rows)))

    async def _plan(self, file: Path) -> Preview:
        options = Options(allow=ALLOWED, verb="plan")
        async with SyncRun(str(self.folder / "trial.yml"), str(file), options, Listening()) as run:
            await run.open()
            await run.prepare()
            return await preview(run)

    def check(self, *rows: Mapping[str, str]) -> dict[str, Any]:
        """What `muster check --json` says. Raises MappingError where the mapping does not fit."""
        arguments = ["--json", str(self.folder / "trial.yml"), str(self.file(rows))]
        checked = CliRunner().invoke(check_command, arguments, standalone_mode=False)
        if checked.exception is not None:
            raise checked.exception
        facts: dict[str, Any] = json.loads(checked.stdout)
        return facts

    def lands(self, *rows: Mapping[str, str], **options: Any) -> Ended:
        """A sync after which all rows are there."""
        ended = self.sync(*rows, **options)
        assert set(ended.per_row) <= {*LANDED, "unchanged"}, said(ended)
        assert ended.exit_code == 0
        return ended

    def retry(self, file: Path) -> Ended:
        """The rows of a run again, as somebody corrected them in its failures.csv."""
        return asyncio.run(self._retry(file))

    async def _retry(self, file: Path) -> Ended:
        found = open_retry(file)
        options = Options(allow=ALLOWED)
        async with SyncRun(str(found.mapping), None, options, Listening(), found) as run:
            return await finish(run)

    def undo(
        self,
        run_id: str,
        *,
        allow: frozenset[str] = frozenset(),
        meanwhile: Callable[[SyncRun, int], None] | None = None,
        **options: Any,
    ) -> Ended:
        """What a run changed put back, which has to balance. `meanwhile` gets the run and how many outcomes are durable."""
        return asyncio.run(self._undo(run_id, Options(allow=allow, **options), meanwhile))

    async def _undo(
        self, run_id: str, options: Options, meanwhile: Callable[[SyncRun, int], None] | None
    ) -> Ended:
        undo = await find_undo(self.home, run_id, Listening())
        async with SyncRun(str(undo.mapping_path), None, options, Listening(), undo=undo) as run:
            return await finish(run, meanwhile)

    def resume(self) -> Ended:
        """The newest interrupted run, to its end."""
        return asyncio.run(self._resume())

    async def _resume(self) -> Ended:
        ledger = open_ledger(self.home)
        found = ledger.runs.unfinished()[0]
        resume = Resume.of(found, self.home, ledger.runs.mapping_text(found.mapping_sha256))
        ledger.close()
        async with SyncRun(
            str(resume.mapping_path), None, resume.options(), Listening(), resume=resume
        ) as run:
            return await finish(run)

    def verify(self, target: str = "trial.yml", **options: Any) -> Verification:
        """What is there held against what was delivered last: by the mapping, or by a run."""
        return asyncio.run(verify(find_target(target), Listening(), lambda _: None, **options))

    def said_of(self, ended: Ended, number: int) -> str:
        """All that is said of a row: the reason of its outcome, and its problems."""
        with (ended.folder / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
            problems = [line["_problem"] for line in csv.DictReader(file) if line["_row"] == str(number)]
        return " ".join([ended.row(number)["reason"], *problems])

    def forget(self) -> None:
        """As if nothing had ever been delivered from here: another home."""
        if self.home.exists():
            self.home.rename(self.home.with_name(f"home-{len(list(self.folder.iterdir()))}"))

    async def live_schema(self) -> Schema:
        """The fields of the sandbox's account, as the destination reads them."""
        async with self.connector(base_url=self.server.url, key=KEY, turns=Pace(1000)) as destination:
            schema: Schema = await destination.read_schema()
            return schema

    @property
    def schema(self) -> Schema:
        """What is known of the destination's fields without asking, and what it refuses."""
        schema: Schema = self.connector.documented_schema()
        return schema

    @property
    def write_modes(self) -> list[str]:
        modes = ["merge", "create_only", "update_only", "replace"]
        return [mode for mode in modes if mode not in self.schema.refuses]

    # the other side

    def seed(
        self,
        number: int,
        text: str = "",
        *,
        status: str = "",
        fields: Mapping[str, Any] | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Puts a contact there as if in the app, or changes it: `text` and `fields` are values, `names` its tags and lists."""
        values = {**self.trial.there, **({self.trial.text: text} if text else {}), **(fields or {})}
        one: dict[str, Any] = {"email_address": address(number), "fields": values, **(names or {})}
        status = status or self.trial.mailed
        self.server.seed([{**one, "status": status} if status else one])

    def people(self) -> dict[str, dict[str, Any]]:
        """The contacts there by address, in lower case. Nobody is there twice."""
        found = self.server.contacts()
        by_address = {one["email_address"].lower(): one for one in found}
        assert len(by_address) == len(found), "somebody is there twice"
        return by_address

    def one(self, number: int) -> dict[str, Any]:
        return self.people()[address(number)]

    def values(self, number: int) -> dict[str, Any]:
        fields: dict[str, Any] = self.one(number)["fields"]
        return fields

    def writes(self) -> Counter[str]:
        """Requests that write, by endpoint, as the server counted them."""
        found = self.server.requests()["by_endpoint"]
        return Counter(
            {name: sum(found[name].values()) for name in self.sandbox.endpoints.writes if name in found}
        )

    def fault(self, kind: str, **more: str | float) -> None:
        """A fault that strikes requests that write."""
        paths = "|".join(f"(?:{pattern_of(endpoint)})" for endpoint in sorted(self.sandbox.endpoints.writes))
        self.server.faults({"kind": kind, "paths": paths, **more})

    def after_writes(self, count: int, act: Callable[[], object]) -> None:
        """Does something right after so many requests that write were answered."""
        paths = "|".join(pattern_of(endpoint) for endpoint in sorted(self.sandbox.endpoints.writes))
        follow = act if count == 1 else lambda: self.after_writes(count - 1, act)
        self.sandbox.then(paths, follow)


def said(ended: Ended) -> str:
    """For a test that fails: what became of the rows, and why."""
    with (ended.folder / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
        problems = [f"row {line['_row']}: {line['_problem']}" for line in csv.DictReader(file)]
    reasons = [f"{row['outcome']} {row['code']} {row['reason']}" for row in ended.rows]
    return "\n".join([*reasons, *problems])
