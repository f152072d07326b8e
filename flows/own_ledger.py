"""The account's own ledger, beside that of a rehearsal: what people said of its rows holds in a rehearsal, too. It is only read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flows.ledger import Ledger
from flows.ledger.opening import open_ledger, there_is_a_ledger

if TYPE_CHECKING:
    from flows.rehearsal import Rehearsal

__all__ = ["own_ledger"]


@contextlib.contextmanager
def own_ledger(rehearsal: Rehearsal, kind: str, name: str) -> Iterator[tuple[Ledger, int] | None]:
    """That ledger and the account's number in it; None where nothing was delivered to it yet. Raises LedgerError."""
    if not there_is_a_ledger(rehearsal.home):
        yield None
        return
    ledger = open_ledger(rehearsal.home)
    try:
        mine = (kind, name, rehearsal.base_url)
        found = [one.id for one in ledger.accounts.known() if (one.kind, one.name, one.base_url) == mine]
        yield (ledger, found[0]) if found else None
    finally:
        ledger.close()
