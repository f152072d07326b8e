"""Pages: keys and fingerprints of all that was delivered, packed by the first byte of the key's hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from flows.ledger.database import Connection, Database

__all__ = ["PAGES", "Page", "Pages", "key_hash"]

PAGES = 256
_SCHEMA = pa.schema([("hash", pa.uint64()), ("fingerprint", pa.uint64()), ("key", pa.string())])
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True, slots=True)
class Page:
    """Entries in the order of their hashes: `hashes` and `fingerprints` uint64, `keys` text."""

    hashes: npt.NDArray[np.uint64]
    fingerprints: npt.NDArray[np.uint64]
    keys: pa.Array

    def __len__(self) -> int:
        return len(self.hashes)


EMPTY = Page(np.empty(0, np.uint64), np.empty(0, np.uint64), pa.array([], pa.string()))


def key_hash(key: str) -> int:
    """The 64-bit hash of a key; its first byte is its partition. Equal hashes count only with equal keys."""
    return int(xxhash.xxh3_64_intdigest(key.encode()))


class Pages:
    """The pages of each account and mapping."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, account: int, mapping: str) -> int:
        """How many contacts were delivered by this mapping."""
        sql = "select coalesce(sum(entries), 0) from page where account = ? and mapping = ?"
        return int(self._database.ask(sql, (account, mapping))[0][0])

    def page(self, account: int, mapping: str, number: int) -> Page:
        rows = self._database.ask(
            "select body from page where account = ? and mapping = ? and number = ?",
            (account, mapping, number),
        )
        return _unpacked(rows[0][0]) if rows else EMPTY

    def all(self, account: int, mapping: str) -> Iterator[Page]:
        for number in range(PAGES):
            yield self.page(account, mapping, number)

    def put(
        self,
        account: int,
        mapping: str,
        entries: Iterable[tuple[int, int, str]],
        gone: Iterable[tuple[int, str]] = (),
    ) -> None:
        """Adds or replaces (hash, fingerprint, key), and takes out the (hash, key) that were delivered under a new key."""
        by_page: dict[int, tuple[dict[str, tuple[int, int]], set[str]]] = {}
        for key_hash, fingerprint, key in entries:
            by_page.setdefault(key_hash >> 56, ({}, set()))[0][key] = (key_hash, fingerprint)
        for key_hash, key in gone:
            by_page.setdefault(key_hash >> 56, ({}, set()))[1].add(key)

        def merged(database: Connection) -> None:
            for number, (new, removed) in sorted(by_page.items()):
                rows = database.execute(
                    "select body from page where account = ? and mapping = ? and number = ?",
                    (account, mapping, number),
                ).fetchall()
                page = _merged(_unpacked(rows[0][0]) if rows else EMPTY, new, removed)
                database.execute(
                    "insert into page values (?, ?, ?, ?, ?) on conflict (account, mapping, number)"
                    " do update set entries = excluded.entries, body = excluded.body",
                    (account, mapping, number, len(page), _packed(page)),
                )

        self._database.done(merged)


def _merged(page: Page, new: dict[str, tuple[int, int]], removed: set[str]) -> Page:
    touched = set(new) | removed
    keep = np.fromiter((key not in touched for key in page.keys.to_pylist()), bool, len(page))
    hashes = np.concatenate([page.hashes[keep], np.array([h for h, _ in new.values()], np.uint64)])
    prints = np.concatenate([page.fingerprints[keep], np.array([f for _, f in new.values()], np.uint64)])
    keys = pa.concat_arrays([page.keys.filter(pa.array(keep)), pa.array(list(new), pa.string())])
    order = np.argsort(hashes, kind="stable")
    return Page(hashes[order], prints[order], keys.take(pa.array(order)))


def _packed(page: Page) -> bytes:
    batch = pa.record_batch([pa.array(page.hashes), pa.array(page.fingerprints), page.keys], schema=_SCHEMA)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, _SCHEMA, options=_OPTIONS) as writer:
        writer.write_batch(batch)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _unpacked(body: bytes) -> Page:
    table = pa.ipc.open_stream(body).read_all().combine_chunks()
    columns = [
        column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in table.columns
    ]
    return Page(columns[0].to_numpy(), columns[1].to_numpy(), columns[2])
