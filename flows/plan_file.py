"""A plan in a file: written for a later sync, and refused by it when what it was about has moved meanwhile."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from connectors.errors import CannotStart
from flows.inbox.fetched import shown_source
from flows.plan_reporting import chosen, ledger_state
from flows.report.plan_summary import PlanSummary
from flows.report.writing import whole
from flows.sync_run import SyncRun

__all__ = ["read_plan", "refuse_what_moved", "write_private"]

_LONGEST = 20_000_000


def write_private(path: Path, text: str) -> None:
    """A file that only its owner reads, whole or not at all. Raises CannotStart."""
    try:
        with whole(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise CannotStart(
            f"The plan cannot be written to {path}: {error.strerror or error}.",
            "Name a file in a folder that is there and yours.",
        ) from error


def read_plan(path: Path) -> PlanSummary:
    """A plan that `muster plan -o` wrote. Raises CannotStart."""
    try:
        text = path.read_bytes()[:_LONGEST].decode()
        return PlanSummary.model_validate_json(text)
    except OSError as error:
        raise CannotStart(
            f"The plan {path} cannot be read: {error.strerror or error}.",
            "Name a file that muster plan -o wrote.",
        ) from None
    except (UnicodeDecodeError, ValidationError):
        raise CannotStart(
            f"{path} is no plan that this version of muster wrote.",
            "Make it again: muster plan MAPPING FILE -o PLAN.",
        ) from None


def refuse_what_moved(run: SyncRun, planned: PlanSummary) -> None:
    """Asked of a run that is prepared. Raises CannotStart with all that is not as it was when the plan was made."""
    moved = list(_moved(run, planned))
    if moved:
        raise CannotStart(
            f"The plan of {planned.made_at:%Y-%m-%d %H:%M} UTC does not hold any more:\n"
            + "\n".join(f"  {what}" for what in moved),
            "Make it again and look at it: muster plan MAPPING FILE -o PLAN.",
        )


def _moved(run: SyncRun, planned: PlanSummary) -> list[str]:
    opened, source, there = run.opened, planned.source, planned.destination
    account, found = opened.account, []
    if opened.source.sha256 != source.sha256:
        mine = shown_source(opened.source.path, opened.mapping.name, opened.mapping.source.inbox)
        found.append(
            f"the file: {mine} is not what was planned with, which had {source.rows_read:,} rows"
            + (f" and was {source.path}" if mine != source.path else "")
        )
    if (opened.mapping.name, opened.mapping.sha256) != (planned.mapping.name, planned.mapping.sha256):
        found.append(
            f"the mapping: {opened.mapping.file} was changed, or is another than {planned.mapping.name}"
        )
    if (account.kind, account.name, opened.base_url) != (there.kind, there.account, there.base_url):
        found.append(
            f"the account: it was {there.kind}, {there.account} at {there.base_url}, "
            f"and is {account.kind}, {account.name} at {opened.base_url}"
        )
    elif account.id != planned.account_id:
        found.append(
            f"the account: the key of {account.kind}, {account.name} belongs to another one than before"
        )
    if opened.ledger.database.shown != planned.ledger:
        found.append(f"the ledger: it was {planned.ledger}, and is {opened.ledger.database.shown}")
    elif (state := ledger_state(run)) != planned.ledger_state:
        found.append(f"the ledger: the run {state.split()[0] if state else '(none)'} came after the plan")
    made_on, today = planned.made_at.astimezone().date(), opened.application.today
    if opened.mapping.counts_days() and made_on != today:
        found.append(
            f"the day: the mapping counts from today, which is {today}, and the plan is of {made_on}"
        )
    if planned.corrected.columns != dict(run.corrected):
        found.append(
            f"the corrections: {planned.corrected.cells:,} cells were corrected as in earlier retries, and {run.corrected.total():,} are now"
        )
    before, now = planned.options.model_dump(), chosen(run.options)
    words = [name.replace("_", "-") for name in now if now[name] != before[name]]
    if words:
        found.append(f"the options: --{', --'.join(words)} differs from what was planned with")
    return found
