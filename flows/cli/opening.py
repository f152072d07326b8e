"""The ledger of the working folder, for verbs that name no mapping."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.errors import LedgerError
from flows.ledger import Ledger
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.settings import Settings

__all__ = ["ledger_here"]


@contextmanager
def ledger_here() -> Iterator[Ledger]:
    """Opens it, and never makes a new one. Raises LedgerError when there is none, or it was lost."""
    home = Settings().home_here()
    if not there_is_a_ledger(home):
        raise LedgerError(
            f"There is no ledger in {home}.",
            "Go to the folder of the mapping, or set MUSTER_HOME; the first sync makes one.",
        )
    ledger = open_ledger(home)
    try:
        yield ledger
    finally:
        ledger.close()
