"""Going on with a run: what it has already, what is unclear, and what is left to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

import numpy as np

from connectors.errors import CannotStart
from flows.ledger import Answers, Ledger, Run
from flows.plan import Plan
from flows.resume import Resume
from flows.tally import Tally
from flows.vanished.farewell import VERB, file_acted
from mappings.engine.reading import read_mapping_text

__all__ = [
    "counted_before",
    "file_landed",
    "leave_the_others",
    "left_unclear",
    "refuse_if_ended",
    "take_up",
    "tally_of",
]


def refuse_if_ended(ledger: Ledger, run_id: str) -> None:
    """Raises CannotStart where somebody else has finished the run meanwhile. Asked by whoever holds the lock."""
    run = ledger.runs.get(run_id)
    if run is None or not run.unfinished:
        raise CannotStart(
            f"The run {run_id} is not interrupted any more: {run.state if run else 'gone'}.",
            "muster runs shows how it ended.",
        )


def file_landed(ledger: Ledger, run: Run, keys: Collection[str]) -> int:
    """Files what landed in a run that was interrupted, and hears its opt-outs, under all merge tags that are `keys` there."""
    if run.undoes:
        return ledger.undone.file(run.id, run.undoes, run.account, run.mapping, tuple(keys))
    if run.verb == VERB:
        mapping = read_mapping_text(ledger.runs.mapping_text(run.mapping_sha256), run.mapping_path)
        return file_acted(ledger, run.id, run.account, mapping)
    landed = ledger.memory.settle(run.id, run.account, run.mapping, ledger.pages)
    if len(keys) > 1:
        ledger.memory.heard_under(run.id, run.account, run.mapping, keys)
    return landed


def take_up(ledger: Ledger, resume: Resume, keys: Collection[str]) -> str:
    """Begins another stretch of the run; what is found, in a sentence.

    What landed is filed first, so that it counts as delivered, and turns in which nothing was sent come again.
    """
    run = resume.run
    file_landed(ledger, run, keys)
    ledger.answers.reopen(run.id)
    answers, unclear = len(ledger.answers.answered_rows(run.id)[0]), ledger.answers.open_intents(run.id)
    ledger.runs.resumed(run.id)
    ledger.stretches.began(run.id, answers=answers, unclear=unclear)
    before = ledger.stretches.of(run.id)[-2:-1]
    how = before[0].ending if before else "interrupted"
    said = f"the run {run.id} was {how}: {answers:,} of {run.rows_read:,} rows have their answer and are not sent again"
    if unclear:
        said += f"; {unclear:,} may have been sent, and are settled first"
    return said + "."


def left_unclear(plan: Plan, ledger: Ledger, run_id: str) -> dict[int, dict[str, Any] | None]:
    """The rows to be sent that may have been sent before, each with how its contact was there before that.

    Of rows that are not to be sent any more, because a later run has delivered their contacts, nothing is unclear.
    """
    unclear = ledger.answers.unclear(run_id)
    wanted = {*plan.roll.to_send().tolist(), *plan.roll.carried}
    others = sorted(unclear.keys() - wanted)
    if others:
        ledger.answers.drop(run_id, others)
    return {row: before for row, before in unclear.items() if row in wanted}


def leave_the_others(plan: Plan, unclear: dict[int, dict[str, Any] | None]) -> None:
    """Of a run that is only closed, nothing is looked at but what may have been sent."""
    settled = np.array(sorted(unclear), np.int64)
    plan.roll.leave(np.setdiff1d(plan.roll.to_send(), settled))
    plan.roll.carried.intersection_update(unclear)


def counted_before(answers: Answers, run_id: str) -> dict[int, Tally]:
    """What earlier stretches have counted of rows whose turn comes again."""
    return {row: Tally.read(counted) for row, counted in answers.counted(run_id).items()}


def tally_of(answers: Answers, run_id: str) -> Tally:
    """What the answers of earlier stretches add up to."""
    tally = Tally()
    for carried, outcome in answers.told(run_id):
        changed = outcome.calls.get("changes", ()) if outcome.outcome == "updated" and not carried else ()
        mine = Tally(
            Counter(dict.fromkeys(outcome.kept, 1)),
            Counter(dict.fromkeys(changed, 1)),
            Counter({(name, why): count for name, why, count in outcome.calls.get("automations", ())}),
            outcome.calls.get("opted_out", 0),
            int(outcome.opted_in),
        )
        tally.add(mine)
    return tally
