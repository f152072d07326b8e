"""What a run's numbers and those of its plan say in the same words: whose they are, what a guard's limit is, why automations start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.automations import by_reason
from connectors.base import Started
from flows.guards import Verdict
from flows.inbox.fetched import shown_source

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["OTHERS", "corrected_facts", "limit_facts", "most_frequent", "whose"]

OTHERS = "(others)"
_REASONS = 50


def whose(run: SyncRun) -> dict[str, Any]:
    """Mapping, source and destination."""
    opened = run.opened
    mapping, account = opened.mapping, opened.account
    return {
        "mapping": {"name": mapping.name, "sha256": mapping.sha256},
        "source": {
            "path": shown_source(opened.source.path, mapping.name, mapping.source.inbox),
            "sha256": opened.source.sha256,
            "rows_read": run.plan.rows,
        },
        "destination": {"kind": account.kind, "account": account.name, "base_url": opened.base_url},
    }


def corrected_facts(run: SyncRun) -> dict[str, Any]:
    """Cells that corrections kept from earlier retries have changed."""
    columns = dict(run.corrected.most_common())
    return {"cells": run.corrected.total(), "rows": len(run.corrected_rows), "columns": columns}


def limit_facts(verdict: Verdict) -> dict[str, Any]:
    """Whose a guard's limit is, and what was named to pass it."""
    return {
        "limit_of": "mapping" if verdict.own else "default",
        "typed": verdict.typed,
        "allowed_count": verdict.allowed_count,
    }


def most_frequent(started: Started) -> dict[str, dict[str, int]]:
    """The reasons of each automation: the most frequent ones, and how often it is any other."""
    found = by_reason(started)
    for name, counts in found.items():
        others = sum(list(counts.values())[_REASONS:])
        if others:
            found[name] = dict(list(counts.items())[:_REASONS]) | {OTHERS: others}
    return found
