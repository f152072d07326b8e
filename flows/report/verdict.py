"""The verdict: a run in one sentence, or two where somebody has to do something."""

from __future__ import annotations

from flows.report.guard import Guard
from flows.report.outcomes import NEED_A_PERSON
from flows.report.summary import Summary

__all__ = ["verdict"]


def verdict(summary: Summary) -> str:
    """The run in one sentence, or two where somebody has to do something; a rehearsal says so before anything else."""
    if summary.rehearsal is None:
        return _verdict(summary)
    tripped = [f"`{guard.name}`" for guard in summary.guards if guard.tripped and not guard.allowed]
    stops = f" A sync would be stopped before it sends anything: {_list(*tripped)}." if tripped else ""
    return f"A rehearsal, nothing was changed in the account. In the sandbox: {_verdict(summary)}{stops}"


def _verdict(summary: Summary) -> str:
    outcomes, read = summary.outcomes, summary.source.rows_read
    look, unsent, unclear = summary.needing, outcomes.unsent, summary.unclear
    settled = outcomes.of() - outcomes.of(*NEED_A_PERSON) - unsent
    known = _accepted(summary.accepted)
    if not summary.balanced:
        return (
            f"This run does not balance: {_rows(read)} were read, but {outcomes.of():,} are accounted for. "
            "That is a bug in muster; please report it."
        )
    if summary.status == "not_started":
        return "The run could not start, and nothing was sent."
    if summary.status == "guarded":
        return _guarded(summary)
    if not read:
        return "The file has no rows, so there was nothing to send."
    if summary.status == "planned":
        return _planned(settled, look, unsent, read)
    there = _there(settled, read) if summary.undoes is None else _put_back(summary)
    if summary.acts_on is not None:
        there = f"{settled:,} of {read:,} people who vanished in the run {summary.acts_on} are seen to"
    if summary.status == "interrupted":
        next_time = "A rehearsal begins anew each time" if summary.rehearsal is not None else _resume(unclear)
        return f"Interrupted: {_list(there, _need(look), known, _maybe_sent(unclear), _waiting(unsent))}. {next_time}."
    if summary.status == "stopped":
        return f"Stopped: {_list(there, _need(look), known, _maybe_sent(unclear), _waiting(unsent))}. {_resume(unclear)}."
    if summary.status == "superseded":
        return f"Superseded by another run: {_list(there, _need(look), known, _waiting(unsent))}."
    if summary.status == "limited" and unsent:
        return f"Stopped at the limit you set: {_list(there, _need(look), known, _waiting(unsent))}."
    if not look and not unsent and not known and summary.undoes is None and summary.acts_on is None:
        return (
            "The one row is where it should be."
            if read == 1
            else f"All {read:,} rows are where they should be."
        )
    return "; ".join(part for part in (there, _need(look), known, _waiting(unsent)) if part) + "."


def _guarded(summary: Summary) -> str:
    tripped = [guard for guard in summary.guards if guard.tripped and not guard.allowed]
    names = _list(*(f"`{guard.name}`" for guard in tripped))
    whose = {0: "a guard", 1: f"the guard {names}"}.get(len(tripped), f"the guards {names}")
    sent = summary.outcomes.of("created", "updated", "upserted", "refused", "failed", "unknown")
    when = "" if sent else " before anything was sent"
    why = _list(*map(_over, tripped))
    return f"Stopped by {whose}{when}" + (f": {why}." if why else ".")


def _over(guard: Guard) -> str:
    if guard.typed:
        named = (
            "no number was named"
            if guard.allowed_count is None
            else f"the number {guard.allowed_count:,} was named"
        )
        return f"{guard.count:,} were counted, and {named}"
    most = "" if guard.allowed_count is None else f", and {guard.allowed_count:,} were allowed"
    return f"{_percent(guard.share)} where {_percent(guard.limit_share)} is the limit{most}"


def _planned(settled: int, look: int, unsent: int, read: int) -> str:
    would = f"{settled:,} of {_rows(read)} would end where {_they(read)} should be"
    parts = [
        would,
        f"{look:,} would need a person" if look else "",
        f"{unsent:,} would wait" if unsent else "",
    ]
    return "A plan, nothing was sent: " + _list(*parts) + "."


def _there(settled: int, read: int) -> str:
    return f"{settled:,} of {_rows(read)} {'is' if settled == 1 else 'are'} where {_they(settled)} should be"


def _put_back(summary: Summary) -> str:
    """Of an undo: how many of the run's rows are put back, and how many are left as they are."""
    outcomes, read = summary.outcomes, summary.source.rows_read
    back, left = outcomes.of("updated", "unchanged"), outcomes.protected
    said = f"{back:,} of {_rows(read)} of the run {summary.undoes} {'is' if back == 1 else 'are'} put back"
    return said + (
        f", {left:,} {'is' if left == 1 else 'are'} left as {_they(left)} {'is' if left == 1 else 'are'}"
        if left
        else ""
    )


def _they(count: int) -> str:
    return "it" if count == 1 else "they"


def _need(look: int) -> str:
    return "" if not look else f"{look:,} {'needs' if look == 1 else 'need'} a person"


def _accepted(count: int) -> str:
    return (
        ""
        if not count
        else f"{count:,} with accepted problems {'was' if count == 1 else 'were'} left as {_it(count)}"
    )


def _it(count: int) -> str:
    return "it is" if count == 1 else "they are"


def _waiting(unsent: int) -> str:
    return "" if not unsent else f"{unsent:,} {'was' if unsent == 1 else 'were'} not sent"


def _maybe_sent(unclear: int) -> str:
    return "" if not unclear else f"{unclear:,} may have been sent"


def _resume(unclear: int) -> str:
    looks = "" if not unclear else f"looks up {_those(unclear)} and "
    return f"`muster resume` {looks}goes on from here"


def _those(count: int) -> str:
    return "that one" if count == 1 else "those"


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _list(*parts: str) -> str:
    said = [part for part in parts if part]
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def _percent(share: float) -> str:
    return f"{share * 100:.1f}".removesuffix(".0") + "%"
