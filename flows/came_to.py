"""What a run came to: every row's outcome, whether they add up, who has to look, how it compares, and the exit code."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import SourceError
from flows.accepted import AcceptedRows, accepted_rows, grouped, keep_accepted, needing
from flows.depot import folder_of
from flows.outcomes import LIMITED, SUPERSEDED
from flows.own_ledger import own_ledger
from flows.report.outcomes import NEED_A_PERSON
from flows.report.page import problem_groups
from flows.report.problem_group import ProblemGroup
from flows.report.since import Previous, Since, Who, since
from flows.told import columns_of
from flows.unsent import WHY_STOPPED

if TYPE_CHECKING:
    from flows.sync_run import SyncRun

__all__ = ["CameTo", "came_to"]


@dataclass(frozen=True, slots=True)
class CameTo:
    """How a run ended. `balance` is how many rows ended in each outcome, `groups` are its problems, `accepted` so many rows nobody has
    to look at again; `since` is how it compares with the run before, None where there is none.

    `state` is the run's in the ledger, `status` that of its summary.
    """

    balance: Counter[str]
    balanced: bool
    accepted: int
    groups: list[ProblemGroup]
    since: Since | None
    exit_code: int
    state: str
    status: str


def came_to(run: SyncRun) -> CameTo:
    """Gives every row its outcome, in the run's folder. Raises LedgerError, OSError."""
    opened, plan, why = run.opened, run.plan, run.why_stopped
    unsent = {"code": why or "not_tried", "reason": WHY_STOPPED.get(why, "not tried")}
    left = SUPERSEDED if run.closing else LIMITED
    balance = plan.books.finish(
        plan.roll, opened.ledger.answers, run.id, unsent, columns_of(opened.mapping), left, run.corrected_rows
    )
    lost = 0 if why else _not_tried(run)
    balanced = sum(balance.values()) == plan.rows and not lost
    accepted = _accepted(run)
    needs_person = sum(balance[name] for name in NEED_A_PERSON) - len(accepted.rows)
    exit_code, state, status = _verdict(why, balanced=balanced, needs_person=needs_person, run=run)
    groups = grouped(problem_groups(opened.folder), accepted)
    compared = _since(run, groups)
    return CameTo(balance, balanced, len(accepted.rows), groups, compared, exit_code, state, status)


def _not_tried(run: SyncRun) -> int:
    """Rows that nothing stopped and nobody tried: there must be none."""
    tried = run.opened.ledger.answers.intended(run.id)
    return len(run.plan.roll.to_send()) + run.answered_before - tried


def _accepted(run: SyncRun) -> AcceptedRows:
    """The rows that nobody has to look at again; noted in the run's folder and in the ledger."""
    opened, rehearsal = run.opened, run.options.rehearsal
    account, acceptances = opened.account.id, opened.ledger.acceptances
    with contextlib.ExitStack() as stack:
        if rehearsal is not None:
            own = stack.enter_context(own_ledger(rehearsal, opened.account.kind, opened.account.name))
            if own is None:
                return AcceptedRows()
            acceptances, account = own[0].acceptances, own[1]
        found = accepted_rows(
            opened.folder, opened.mapping, lambda: needing(opened.folder), acceptances, account
        )
    if found.rows:
        keep_accepted(opened.folder, found)
    if found.rows and rehearsal is None:
        acceptances.seen(account, opened.mapping.name, found.which, run.id)
    return found


def _verdict(why: str, *, balanced: bool, needs_person: int, run: SyncRun) -> tuple[int, str, str]:
    """Exit code, the run's state in the ledger, and the summary's status."""
    if not balanced:
        return 4, "failed", "finished"
    if run.closing and not why:
        return 3, "superseded", "superseded"
    if why == "interrupted":
        return 130, "interrupted", "interrupted"
    if why == "guarded":
        return 3, "guarded", "guarded"
    if why:
        return 3, "stopped", "stopped"
    options = run.options
    limited = options.limit is not None or options.only is not None or options.opt_outs_only
    status = "limited" if limited else "finished"
    if run.plan.tripped:  # a rehearsal: the sync would have been stopped
        return 3, "guarded", status
    state = "limited" if limited else "needs_review" if needs_person else "completed"
    return (1 if needs_person else 0), state, status


def _since(run: SyncRun, groups: list[ProblemGroup]) -> Since | None:
    """Compared with the last complete run, of a retry with the run that it follows; None where there is none."""
    opened, runs = run.opened, run.opened.ledger.runs
    deltas = not run.follows and opened.mapping.source.files == "deltas"
    if run.options.rehearsal is not None or run.parts or deltas:
        return None
    before = (
        runs.get(run.follows) if run.follows else runs.last_complete(opened.account.id, opened.mapping.name)
    )
    if (
        before is None or dt.datetime.fromisoformat(before.started_at) >= run.started_at
    ):  # a run that was resumed when a later one had ended
        return None
    mapping = opened.mapping
    who = Who(mapping.person or "", tuple(mapping.fields[mapping.key].columns()))
    folder = Path(before.folder)
    with contextlib.suppress(SourceError):  # where it is not reached, that is said as of one that is gone
        folder = folder_of(before)
    return since(opened.folder, Previous(before.id, folder, whole=not run.follows), who, groups)
