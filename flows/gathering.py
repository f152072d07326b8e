"""What is at the destination is read before a run's first contact, where that costs fewer requests than looking each of them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.batches import batches
from flows.filing import file_opt_outs_there
from flows.knowledge import Knowledge
from flows.listing_facts import facts_of
from flows.report.wording import listed_there

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["gather"]

_AT_ONCE = 250


async def gather(run: SyncRun, knowledge: Knowledge) -> None:
    """Fills what is known of the destination; who is out there is kept by the ledger. Raises Unreachable, LedgerError."""
    roll = run.plan.roll
    run.watcher.stage("reading the destination", None)
    lookups = len(roll.to_send()) + len(roll.carried)
    await knowledge.gather(run.opened.destination, lookups, lambda: _keys_to_send(run))
    if knowledge.survey is not None and run.options.verb == "sync":
        facts = facts_of(knowledge.survey)
        if facts is not None:
            run.watcher.say(f"contacts  {listed_there(facts)}")
    file_opt_outs_there(run)


def _keys_to_send(run: SyncRun) -> set[str]:
    """The keys of the rows to be sent, and those under which their persons were delivered before."""
    opened, keys = run.opened, set[str]()
    for batch in batches(run.plan.spool, opened.application, run.plan.roll, _AT_ONCE):
        pairs = [(one.contact.key, one.contact.person) for one in batch.entries if not one.carried]
        remembered = opened.ledger.memory.remembered(opened.account.id, opened.mapping.name, pairs)
        keys |= {key for key, _ in pairs} | {one.key for one in remembered.values() if one.key}
    return keys
