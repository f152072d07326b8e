"""What a sync would do: every batch decided and none sent. The same decisions as the sync's, from the same code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from connectors.base import Known, Remembered
from flows.batches import Entry
from flows.plan import count_states
from flows.report.summary import NEED_A_PERSON
from flows.sync_run import SyncRun

__all__ = ["Preview", "preview"]

_EXAMPLES = 3


@dataclass(slots=True)
class Preview:
    """Counts by outcome and by merge tag. `changes` has old → new examples, `requests` counts what is sent by call."""

    outcomes: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    changes: dict[str, list[tuple[object, object]]] = field(default_factory=dict)
    changed: Counter[str] = field(default_factory=Counter)
    automations: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    opt_outs: int = 0
    seconds: float = 0.0
    exit_code: int = 0

    @property
    def requests(self) -> int:
        return sum(self.calls.values())


async def preview(run: SyncRun) -> Preview:
    """Decides every contact of a prepared run. Look-ups are made where the account was not read as a whole."""
    plan, opened = run.plan, run.opened
    found = Preview()
    states = count_states(plan)
    to_send = states.pop("to_send")
    found.outcomes.update(states)
    if run.guarded:
        found.outcomes["unsent"] += to_send
        found.exit_code = 3
        return found
    for batch in run.to_deliver():
        looked_up = await run.delivery.look_up(batch)
        for entry in batch.entries:
            await _count(found, run, entry, *looked_up[entry.contact.key])
        run.watcher.advance(len(batch))
    found.seconds = found.requests / (opened.per_second * 0.99)
    if any(found.outcomes[name] for name in NEED_A_PERSON):
        found.exit_code = 1
    return found


async def _count(
    found: Preview,
    run: SyncRun,
    entry: Entry,
    known: Known | None,
    remembered: Remembered | None,
    now: Known | None,
) -> None:
    """What would become of one contact."""
    destination = run.opened.destination
    if known is None and run.knowledge is not None and not run.knowledge.surveyed:
        known = await destination.find(entry.contact.key)
        found.calls["GET /contacts/by-email"] += 1
        if remembered is not None and remembered.key not in ("", entry.contact.key):
            now = await destination.find(remembered.key)
    if entry.carried:
        _count_carried(found, known)
        return
    decision = destination.decide(entry.contact, known, remembered, now)
    outcome = decision.outcome or ("created" if decision.creates else "updated")
    found.outcomes[outcome] += 1
    if decision.outcome:
        if decision.reason:
            found.reasons[outcome, decision.reason] += 1
        if decision.code == "exists" and entry.contact.opted_out:
            _count_carried(found, known)
        return
    found.calls.update(decision.calls)
    found.automations.update(decision.automations)
    found.opt_outs += decision.opts_out
    for tag, (old, new) in decision.changes.items():
        found.changed[tag] += not decision.creates
        examples = found.changes.setdefault(tag, [])
        if not decision.creates and len(examples) < _EXAMPLES:
            examples.append((old, new))


def _count_carried(found: Preview, known: Known | None) -> None:
    if known is not None and not known.opted_out:
        found.opt_outs += 1
        found.calls.update(("GET /contacts/by-email", "POST /contacts/upsert"))
