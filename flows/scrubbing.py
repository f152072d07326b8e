"""What stands of a person in the texts of a shared ledger, where nobody looked for it by name."""

from __future__ import annotations

import re
from collections.abc import Collection

from flows.ledger import Database

__all__ = ["scrub"]


def scrub(database: Database, addresses: Collection[str], pattern: re.Pattern[str], instead: str) -> None:
    """Puts `instead` where one of the addresses stands, in every text of the ledger. Raises LedgerError."""
    columns = database.ask(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = current_schema() and data_type = 'text' order by 1, 2"
    )
    for table, column in columns:
        for address in addresses:
            found = database.ask(
                f'select distinct "{column}" from "{table}" where position(? in lower("{column}")) > 0',  # noqa: S608 - our own names
                (address,),
            )
            for (text,) in found:
                database.tell(
                    f'update "{table}" set "{column}" = ? where "{column}" = ?',  # noqa: S608 - as above
                    (pattern.sub(instead, text), text),
                )
