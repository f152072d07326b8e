"""A connection to PostgreSQL that understands the ledger's words: SQL as it is written for SQLite, and any text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

from flows.ledger.dialect import kept_text, translated

__all__ = ["Spoken", "given", "plain"]


class Spoken:
    """A connection that is spoken to in the ledger's words."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection

    def transaction(self) -> Any:
        """A block whose statements count together."""
        return self._connection.transaction()

    def execute(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._connection.execute(plain(sql), given(parameters))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> None:
        self._connection.cursor().executemany(plain(sql), [given(one) for one in parameters])


def plain(sql: str) -> bytes:
    """A statement as PostgreSQL has it."""
    return translated(sql).encode()


def given(parameters: Sequence[Any] | Mapping[str, Any]) -> Any:
    """Its parameters, with texts as PostgreSQL can keep them."""
    if isinstance(parameters, Mapping):
        return {name: _kept(value) for name, value in parameters.items()}
    return [_kept(value) for value in parameters]


def _kept(value: Any) -> Any:
    return kept_text(value) if isinstance(value, str) else value
