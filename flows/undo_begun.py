"""Which run an undo is about; where that was interrupted, what may have been sent in it is settled first."""

from __future__ import annotations

from pathlib import Path

from connectors.errors import CannotStart
from flows.beginning import closed
from flows.ledger.opening import open_ledger
from flows.resume import Resume
from flows.undo import Undo, open_undo
from flows.watching import Watcher

__all__ = ["find_undo"]


async def find_undo(home: Path, name: str, watcher: Watcher, *, plan: bool = False) -> Undo:
    """The run of this name, or of the beginning of one, to be undone. Raises CannotStart.

    Where it was interrupted, it is closed first: what may have been sent is looked up, and nothing more is sent. A `plan`
    only says that it has to be.
    """
    for attempt in (1, 2):
        ledger = open_ledger(home)
        try:
            run = ledger.runs.get(name)
            if run is None:
                raise CannotStart(f"There is no run {name}, or several begin so.", "muster runs lists them.")
            if plan or not run.unfinished or run.undoes or attempt == 2:
                return open_undo(ledger, home, run)
            text = ledger.runs.mapping_text(run.mapping_sha256)
        finally:
            ledger.close()
        watcher.say(f"The run {run.id} was interrupted: it is closed first.")
        await closed(Resume.of(run, home, text, closing=True), watcher)
    raise AssertionError("unreachable")
