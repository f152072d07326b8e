"""What the person asked for: which rows, which guards may be passed, where the report goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.report.plan_summary import PlanSummary

if TYPE_CHECKING:
    from flows.rehearsal import Rehearsal

__all__ = ["Options", "resending"]


@dataclass(frozen=True, slots=True)
class Options:
    """What the person asked for. `resend` is None, '' for everybody, or one key."""

    limit: int | None = None
    only: str | None = None
    resend: str | None = None
    allow: frozenset[str] = frozenset()
    who: str = ""
    """Who has let pass what is in `allow`, where that person gave a name; and `why`."""
    why: str = ""
    opt_outs_only: bool = False
    corrections: bool = True
    """Whether the source's cells are corrected as earlier retries have corrected them."""
    report_dir: Path | None = None
    planned: PlanSummary | None = None
    """The plan that this sync carries out, where one was named."""
    shards: int | None = None
    """Into how many shards the first pass is divided; None: as many as serve the file and the machine."""
    verb: str = "sync"
    per_second: float | None = None
    """The pace of a sandbox; None: the account's own."""
    undo_tag: str = ""
    """Of an undo: the tag of contacts that the run created and that cannot be deleted there; '' for none."""
    unsubscribe_created: bool = False
    """Of an undo: whether these are unsubscribed as well."""
    rehearsal: Rehearsal | None = None
    """Where this sync goes into a sandbox instead of the account. Guards and questions are said, and stop nothing."""
    alerts: bool = True
    """Whether somebody is told how it ended; not of a demo."""


def resending(resend: str | None) -> Callable[[str], bool] | None:
    """Of whose key it does not count what was delivered before, by what `--resend` says; None where it counts of everybody.

    >>> again = resending("Ann@Example.com")
    >>> resending(None) is None, again("ann@example.com"), again("bob@example.com"), resending("")("bob@example.com")
    (True, True, False, True)
    """
    if resend is None:
        return None
    wanted = resend.strip().lower()
    return (lambda _: True) if not wanted else (lambda key: key.lower() == wanted)
