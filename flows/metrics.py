"""Metrics: how each mapping stands, in Prometheus' text format, for node_exporter's textfile collector or whoever reads it.

Drawn from the ledger alone, for all of its mappings: after each run (MUSTER_METRICS names the file) and by `muster metrics`. All are
gauges of the last sync; a mapping's retries and undoings are runs over a few of its rows, and are left out. Nothing of a person is in it.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flows.ledger import Ledger, Run
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.settings import Settings
from flows.trend import needing

__all__ = ["metrics_text", "write_metrics", "written_after"]

_LABELS = ("mapping", "destination", "account")
_GAUGES = {
    "muster_last_run_timestamp_seconds": "When the last sync that ended began, in seconds since 1970.",
    "muster_last_success_timestamp_seconds": "When the last sync that read and sent its whole source ended (exit code 0 or 1).",
    "muster_run_exit_code": "How the last sync ended: 0 well, 1 rows need a person, 2 error, 3 stopped, 4 a bug, 130 interrupted.",
    "muster_run_duration_seconds": "How long the last sync took.",
    "muster_rows_read": "Rows that the last sync read.",
    "muster_balanced": "1 where the outcomes of the last sync add up to the rows read.",
    "muster_needs_person": "Rows of the last sync that need a person.",
    "muster_requests_sent": "Requests of the last sync.",
    "muster_requests_retried": "Requests of the last sync that were sent again.",
    "muster_requests_throttled": "Requests of the last sync that the destination put off (429).",
    "muster_pace_allowed_per_second": "Requests a second that were allowed in the last sync.",
    "muster_pace_achieved_per_second": "Requests a second that the last sync came to.",
    "muster_runs_unfinished": "Runs that muster resume could finish.",
}
_ROWS = "muster_rows", "Rows of the last sync by what became of them."


def metrics_text(ledger: Ledger) -> str:
    """All metrics of a ledger's mappings."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest  # noqa: PLC0415 - a tenth of a second

    registry = CollectorRegistry()
    gauges = {name: Gauge(name, said, _LABELS, registry=registry) for name, said in _GAUGES.items()}
    rows = Gauge(*_ROWS, (*_LABELS, "outcome"), registry=registry)
    seen = set[tuple[str, ...]]()
    for account, run in _last_syncs(ledger):
        labels = (run.mapping, *account)
        if labels in seen:  # an account of the same name at another address, before
            continue
        seen.add(labels)
        for name, value in _values(ledger, run):
            gauges[name].labels(*labels).set(value)
        for outcome, count in run.summary.get("outcomes", {}).items():
            rows.labels(*labels, outcome).set(count)
    return generate_latest(registry).decode()


def _last_syncs(ledger: Ledger) -> Iterator[tuple[tuple[str, str], Run]]:
    """The last sync of each mapping and account that ended, the newest first."""
    accounts = {number: name.partition("-") for number, name in ledger.accounts.names().items()}
    for runs in ledger.runs.latest(_LOOKED_AT):
        ended = [run for run in runs if run.verb == "sync" and run.finished_at is not None]
        if ended:
            kind, _, name = accounts[ended[0].account]
            yield (kind, name), ended[0]


_LOOKED_AT = 50


def _values(ledger: Ledger, run: Run) -> Iterator[tuple[str, float]]:
    summary = run.summary
    yield "muster_last_run_timestamp_seconds", _seconds(run.started_at)
    whole = ledger.runs.last_complete(run.account, run.mapping)
    if whole is not None and whole.finished_at is not None:
        yield "muster_last_success_timestamp_seconds", _seconds(whole.finished_at)
    if run.exit_code is not None:
        yield "muster_run_exit_code", run.exit_code
    yield (
        "muster_run_duration_seconds",
        _seconds(run.finished_at or run.started_at) - _seconds(run.started_at),
    )
    yield "muster_rows_read", run.rows_read
    yield "muster_runs_unfinished", len(ledger.runs.unfinished(run.account, run.mapping))
    if not summary:
        return
    yield "muster_balanced", int(summary["balanced"])
    yield "muster_needs_person", needing(run)
    for part, prefix in (("requests", "muster_requests_"), ("pace", "muster_pace_")):
        found: dict[str, Any] = summary.get(part, {})
        for name, value in found.items():
            if prefix + name in _GAUGES and value is not None:
                yield prefix + name, value


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()


def write_metrics(ledger: Ledger, path: Path) -> None:
    """Whole or not at all, readable by whoever collects them: there is nothing of a person in it. Raises OSError."""
    text = metrics_text(ledger)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def written_after(mapping: Path, home: Path, say: Callable[[str], None]) -> None:
    """After a run, where MUSTER_METRICS names a file. What does not work is said, and changes nothing."""
    try:
        given = Settings(mapping).get("MUSTER_METRICS")
        if not given or not there_is_a_ledger(home):
            return
        ledger = open_ledger(home)
        try:
            write_metrics(ledger, Path(given).expanduser())
        finally:
            ledger.close()
    except OSError as error:
        say(
            f"metrics   {given} cannot be written: {error.strerror}. Mend its folder or its rights, or unset MUSTER_METRICS."
        )
    except Exception as error:  # noqa: BLE001 - metrics never change how a run ends
        say(f"metrics   not written: {type(error).__name__}. muster metrics tries it.")
