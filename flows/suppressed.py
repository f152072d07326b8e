"""Who is suppressed on any machine is suppressed on all that share the ledger."""

from __future__ import annotations

import socket
from pathlib import Path

from flows.ledger import Ledger
from flows.ledger.database import SqliteFile
from flows.suppression_file import Listed, listed_in
from flows.suppressions import SUPPRESSION_FILE

__all__ = ["name_of", "suppressed_elsewhere"]


def name_of(home: Path) -> str:
    """A home as others know it: its machine and folder."""
    return f"{socket.gethostname()}:{home}"


def suppressed_elsewhere(ledger: Ledger, home: Path) -> dict[str, list[str]]:
    """What the `suppress.txt` of other machines' homes say, after theirs are told what this one says. Raises SourceError, LedgerError.

    Nothing where the ledger is this home's alone.
    """
    if isinstance(ledger.database, SqliteFile):
        return {}
    own = home / SUPPRESSION_FILE
    listed = listed_in(own) if own.exists() else Listed()
    ledger.suppressed.keep(name_of(home), listed.entries())
    return ledger.suppressed.of_others(name_of(home))
