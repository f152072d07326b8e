"""Opening a ledger: the file in a home, or the PostgreSQL that `MUSTER_LEDGER_URL` names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from connectors.errors import LedgerError
from flows.ledger import Ledger, open_database
from flows.ledger.damaged import has_ledger
from flows.settings import Settings

__all__ = ["open_ledger", "there_is_a_ledger"]


def open_ledger(home: Path, url: str | None = None, say: Callable[[str], None] = lambda _: None) -> Ledger:
    """The ledger of a home, made if there never was one. Raises LedgerError.

    `url` is '' for the file in the home, whatever the settings say; None for what the settings say, those
    in a `.env` beside the home among them.
    What is to be known while a server is waited for is said with `say`.
    """
    address = Settings(home=home).ledger_url() if url is None else url
    if address:
        from flows.ledger.shared_ledger import open_shared  # noqa: PLC0415 - psycopg only where it is used

        shared = open_shared(home, address)
        shared.say = say
        return Ledger(shared)
    _refuse_one_elsewhere(home)
    return Ledger(open_database(home))


def there_is_a_ledger(home: Path, url: str | None = None) -> bool:
    """Whether there is one to be opened; in PostgreSQL that is only said when it is. Raises LedgerError where one was lost."""
    if Settings(home=home).ledger_url() if url is None else url:
        return True
    _refuse_one_elsewhere(home)
    return has_ledger(home)


def _refuse_one_elsewhere(home: Path) -> None:
    mark = home / "ledger.postgresql"
    if not mark.exists():
        return
    from flows.ledger.shared_ledger import known_elsewhere  # noqa: PLC0415 - psycopg only where it is used

    raise LedgerError(
        f"The ledger of {home} is in {known_elsewhere(home)}, and MUSTER_LEDGER_URL is not set.",
        "Set it to that address, with the user.",
    )
