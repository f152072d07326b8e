"""The run for vanished people right after the sync that found them, and what the sync's own report says of it then."""

from __future__ import annotations

from connectors.errors import MusterError
from flows import depot
from flows.copies.bringing import bring, mark
from flows.options import Options
from flows.pipeline import deliver_all
from flows.report.summary import Summary
from flows.report.vanished_list import draw_again, write_vanished
from flows.reporting import Ending
from flows.resuming import file_landed
from flows.stopping import interruptible
from flows.sync_run import SyncRun
from flows.vanished.farewell import VERB
from flows.vanished.of_sync import since_of
from flows.watching import Hushed

__all__ = ["parted"]


async def parted(sync: SyncRun) -> Ending:
    """Does what the mapping says with those who vanished, once the sync has let go of its lock; the sync's ending after that.

    Nothing is done where the sync was stopped, or nobody vanished. Where it cannot be done, that is said, and the next sync does it.
    """
    ending, farewell = sync.ending, sync.next
    if ending is None:
        raise RuntimeError("the run has not ended")
    if farewell is None:
        return ending
    hushed = Hushed(sync.watcher)
    options = Options(allow=sync.options.allow & {"failures"}, per_second=sync.options.per_second)
    try:
        async with SyncRun(str(farewell.mapping_path), None, options, hushed, farewell=farewell) as run:
            await run.open()
            _close_older(run)
            run.register()
            hushed.speaks = True
            run.watcher.say(
                f"vanished  {farewell.most:,}: what the mapping says is done in the run {run.id}."
            )
            await run.prepare()
            with interruptible(run):
                await deliver_all(run, run.delivery.deliver)
                await run.finish()
            if run.error is not None:
                run.watcher.say(f"muster: {run.error}")
            sync.ending = _amended(sync, ending, run)
    except MusterError as error:
        sync.watcher.say(
            f"vanished  Not done with all who vanished: {error} The next sync does it with the rest."
        )
    return sync.ending or ending


def _close_older(run: SyncRun) -> None:
    """An older run of this kind that was interrupted is not to be resumed any more: this one looks at everybody it left."""
    opened = run.opened
    for older in opened.ledger.runs.unfinished(opened.account.id, opened.mapping.name):
        if older.verb == VERB:
            file_landed(opened.ledger, older, opened.destination.keys)
            opened.ledger.runs.close(older.id, "superseded")


def _amended(sync: SyncRun, ending: Ending, run: SyncRun) -> Ending:
    """The sync's ending, with what was done: in its folder, where it was asked for, and in the ledger."""
    farewell, vanished, done = sync.next, sync.vanished, run.ending
    facts = ending.summary.vanished_details
    if farewell is None or vanished is None or done is None or facts is None:
        return ending
    outcomes = {name: count for name, count in done.summary.outcomes.model_dump().items() if count}
    more = {
        "run": run.id, "outcomes": outcomes, "exit_code": done.summary.exit_code, "requests": done.summary.requests.sent,
        "automations": done.summary.automations,
    }  # fmt: skip
    summary: Summary = ending.summary.model_copy(update={"vanished_details": facts.model_copy(update=more)})
    ledger = run.opened.ledger
    known = ledger.vanished.of(farewell.account, farewell.original.name)
    lines = vanished.lines(since_of(sync), {key: one.done for key, one in known.items()})
    mark(farewell.folder, farewell.original, sync.id)
    for folder in filter(None, (farewell.folder, sync.options.report_dir)):
        write_vanished(folder, lines)
        draw_again(farewell.folder, folder, summary, ending.details)
    ledger.runs.told(sync.id, summary.model_dump(mode="json"))
    brought = bring(farewell.folder)
    depot.brought(sync.id, farewell.folder, farewell.original.file, sync.watcher.say)
    if brought is not None and brought.missing:
        run.watcher.say(f"reports   {brought.told()}")
    return Ending(summary, ending.details, ending.state, brought)
