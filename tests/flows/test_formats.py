"""Files of other formats go through a whole sync: planned, interrupted, finished, and unchanged the next time."""

from __future__ import annotations

import contextlib
import functools
import gzip
import sqlite3
import threading
from collections.abc import Callable
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.ledger.opening import open_ledger
from tests.flows.conftest import COLUMNS, PEOPLE, Desk

Person = Callable[..., dict[str, str]]


def packed(file: Path) -> Path:
    out = Path(f"{file}.gz")
    out.write_bytes(gzip.compress(file.read_bytes()))
    return out


async def goes_through(desk: Desk, source: str | None, rows: int) -> None:
    """Interrupted, gone on with by the same sync, and then there is nothing left to do."""
    ended = await desk.sync(source, meanwhile=lambda run, count: run.interrupt() if count == 2 else None)
    assert (ended.exit_code, ended.summary.source.rows_read) == (130, rows)
    again = await desk.sync(source)
    assert (again.id, again.exit_code) == (ended.id, 0), "the same source is known again"
    assert set(again.per_row) == {"created"}
    assert (await desk.sync(source)).outcomes == {"unchanged": rows}
    assert len(desk.contacts()) == rows


async def test_a_pattern_of_files_goes_through(desk: Desk, person: Person) -> None:
    desk.file([person(n) for n in range(20)], "north.csv")
    desk.file([person(n) for n in range(20, 40)], "south.csv", COLUMNS[:4])
    fields = {**PEOPLE["fields"], "city": "_region"}
    desk.mapping(source={"kind": "csv_file", "path": "{region}.csv", "take": "all"}, fields=fields)
    await goes_through(desk, None, 40)
    there = desk.contacts()
    assert [there[f"p{n}@example.com"]["fields"]["city"] for n in (0, 39)] == ["north", "south"]


async def test_an_archive_goes_through(desk: Desk, person: Person) -> None:
    file = desk.file([person(n) for n in range(30)])
    await goes_through(desk, str(packed(file)), 30)


async def test_an_address_goes_through(desk: Desk, person: Person) -> None:
    desk.file([person(n) for n in range(30)])
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(desk.folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}/people.csv"
            await goes_through(desk, f"{address}?signature=secret", 30)
        finally:
            server.shutdown()
            thread.join()
    with contextlib.closing(open_ledger(desk.home)) as ledger:
        assert {run.source_path for run in ledger.runs.last()} == {address}


def people_table(desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch, *, people: int = 30) -> Path:
    """A database with so many people, which the mapping names."""
    file = desk.folder / "crm.db"
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(
            f"create table people ({', '.join(f'{name} text' for name in COLUMNS)}, primary key (Id))"
        )
        for n in range(people):
            cells = [person(n).get(name) for name in COLUMNS]
            database.execute("insert into people values (?, ?, ?, ?, ?, ?, ?, ?)", cells)
        database.commit()
    monkeypatch.setenv("CRM_URL", f"sqlite:///{file}")
    desk.mapping(source={"kind": "sql_query", "database": "CRM_URL", "table": "people"})
    return file


async def test_a_database_goes_through(desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    people_table(desk, person, monkeypatch)
    ended = await desk.sync(None)
    assert (ended.exit_code, ended.outcomes) == (0, {"created": 30})
    assert ended.summary.source.path == "CRM_URL (table people)"
    assert (await desk.sync(None)).outcomes == {"unchanged": 30}


@pytest.mark.parametrize("again", ["resume", "sync"])
async def test_an_interrupted_sync_of_a_database_is_resumed_with_its_rows_and_a_sync_reads_them_anew(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch, again: str
) -> None:
    file = people_table(desk, person, monkeypatch, people=600)  # more than are on their way at once
    ended = await desk.sync(None, meanwhile=lambda run, count: run.interrupt() if count == 2 else None)
    assert ended.exit_code == 130
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("delete from people where Email = 'p599@example.com'")
        database.commit()
    done = await (desk.resume() if again == "resume" else desk.sync(None))
    assert (done.id == ended.id) == (again == "resume")
    assert set(desk.contacts()) == {f"p{n}@example.com" for n in range(600 if again == "resume" else 599)}
    assert {one["writes"] for one in desk.server.contacts()} == {1}
