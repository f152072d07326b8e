"""What may stop a run before its first request: what its guards say, and what has to be allowed by name."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.allowing import allowed
from flows.guards import Verdict, of_mapping, to_be_typed
from flows.judging import judged_plan
from flows.permissions import ONCE, Permission, granted, needed

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["Counted", "asked_by_name", "follow_source", "keep_allowances", "verdicts"]


@dataclass(frozen=True, slots=True)
class Counted:
    """What the guards are held against beside the plan, as far as it is known by now.

    `rows_before` are those of the last complete run, None where there is none to compare with; `opt_outs` are None as long as nobody has
    counted them.
    """

    rows_before: int | None = None
    opt_outs: int | None = None
    resubscribes: int = 0


def verdicts(run: SyncRun, counted: Counted) -> list[Verdict]:
    """What the guards say."""
    guards = of_mapping(run.opened.mapping.guards)
    if run.undoes:  # only for a number that was typed
        guards = to_be_typed(guards, "resubscribes")
    return judged_plan(
        run.plan, run.options, guards, counted.rows_before, opt_outs=counted.opt_outs, resubscribes=counted.resubscribes,
        vanished=run.vanished,
    )  # fmt: skip


def asked_by_name(run: SyncRun, counted: Counted) -> list[Permission]:
    """What has to be allowed by name, and what was."""
    opened = run.opened
    mapping = opened.mapping
    kept = opened.ledger.allowances.of(opened.account.id, mapping.name, mapping.sha256)
    asked = needed(mapping, run.plan.roll, opened.destination, resubscribes=counted.resubscribes)
    return granted(asked, mapping, allowed(run.options.allow), kept)


def follow_source(run: SyncRun) -> None:
    """Since when the mapping may follow its source's consents: it was allowed before, or has to be now."""
    opened = run.opened
    consent = opened.mapping.consent
    if consent is None or consent.follow_source is None:
        return
    kept = opened.ledger.allowances.of(opened.account.id, opened.mapping.name, opened.mapping.sha256)
    since = kept.get("follow_source", run.started_at.timestamp())
    opened.destination.rules = dataclasses.replace(opened.destination.rules, follows_since=since)


def keep_allowances(run: SyncRun) -> None:
    """What a person has allowed for this version of the mapping is not asked again."""
    opened = run.opened
    for one in run.permissions:
        if one.by == "person" and one.name in ONCE:
            opened.ledger.allowances.keep(
                opened.account.id, opened.mapping.name, opened.mapping.sha256, one.name
            )
