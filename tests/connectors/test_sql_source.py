"""A database as a source: SQLite, and a real PostgreSQL on this machine; never written to, and no password shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.errors import CredentialsError, SourceError
from connectors.sources.opening import open_kind
from connectors.sources.sql_query import SqlSource, open_database
from mappings.engine.complaints import MappingInvalid
from mappings.engine.reading import read_mapping_text
from tests.connectors.reading import seen
from tests.postgresql import Server

Opener = Callable[..., SqlSource]


def opener(url: str) -> Opener:
    def opened(table: str | None = None, query: str | None = None, url: str = url) -> SqlSource:
        said = {"database": "CRM_URL", "table": table, "query": query}
        return open_database(said, lambda name: url if name == "CRM_URL" else "")

    return opened


@pytest.fixture
def sqlite(tmp_path: Path) -> Opener:
    file = tmp_path / "crm.db"
    with sqlite3.connect(file) as database:
        database.execute('create table people (id integer primary key, "E-Mail" text, score real, note blob)')
        database.executemany(
            "insert into people values (?, ?, ?, ?)",
            [(2, "bob@x.de", 0.1 + 0.2, None), (1, "ann@x.de", 3.0, b"Zo\xc3\xab"), (3, None, None, b"\xff")],
        )
        database.execute("create view everybody as select * from people")
    database.close()
    return opener(f"sqlite:///{file}")


def test_a_table_is_read_in_the_order_of_its_key(sqlite: Opener) -> None:
    found = seen(sqlite("people"))
    assert found.header == ("id", "E-Mail", "score", "note")
    assert found.rows == [["1", "ann@x.de", "3", "Zoë"], ["2", "bob@x.de", "0.3", ""], ["3", "", "", "ff"]]
    assert found.lines == [1, 2, 3]
    assert str(found.source.path) == "CRM_URL (table people)"
    assert found.source.reading == {"database": "sqlite", "from": "people"}
    assert len(seen(sqlite("everybody")).rows) == 3


def test_the_hash_is_that_of_the_rows(sqlite: Opener) -> None:
    first, again = (
        seen(sqlite("people")),
        seen(sqlite(query='select id, "E-Mail", score, note from people order by id')),
    )
    assert first.source.sha256 == again.source.sha256 != ""
    assert first.source.size == again.source.size > 0
    assert seen(sqlite(query="select * from people order by id desc")).source.sha256 != first.source.sha256


def test_a_query_is_read_as_it_stands(sqlite: Opener) -> None:
    query = """-- who may be mailed
        with them as (select * from people where "E-Mail" like 'a%') select *, ':colon %' as text, 1 as id from them;"""
    found = seen(sqlite(query=query))
    assert found.header == ("id", "E-Mail", "score", "note", "text", "id (2)")
    assert found.rows == [["1", "ann@x.de", "3", "Zoë", ":colon %", "1"]]


@pytest.mark.parametrize(
    "query", ["delete from people", "select 1; delete from people", "pragma user_version = 3", ""]
)
def test_what_does_not_read_is_refused(sqlite: Opener, query: str) -> None:
    with pytest.raises(SourceError, match="not one statement that reads"):
        sqlite(query=query)


def test_nothing_is_written_even_by_what_looks_like_reading(sqlite: Opener, postgresql: Server) -> None:
    with pytest.raises(SourceError, match=r"readonly|read-only|readonly database|near"):
        seen(sqlite(query="with a as (select 1) insert into people (id) select 9"))
    url = filled(postgresql)
    with pytest.raises(SourceError, match="read-only transaction"):
        seen(opener(url)(query="select nextval('crm.counter')"))
    assert len(seen(opener(url)("crm.people")).rows) == 3


def filled(server: Server) -> str:
    url = server.new()
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("create schema crm")
        database.execute("create sequence crm.counter")
        database.execute(
            "create table crm.people (id int primary key, email text, amount numeric(8, 2), born date, seen timestamptz,"
            " out boolean, tags text[], more jsonb, uid uuid)"
        )
        database.execute("set time zone 'Europe/Rome'")
        database.execute(
            "insert into crm.people values (1, 'ann@x.de', 1.50, '1990-03-04', '2025-03-04 13:00:30+01', true, '{a,b}', '{\"a\": [1]}',"
            " '00000000-0000-0000-0000-000000000001')"
        )
        database.execute("insert into crm.people (id, email) values (2, 'bob@x.de'), (3, null)")
    return url


def test_postgresql_is_read_with_its_types(postgresql: Server) -> None:
    found = seen(opener(filled(postgresql))("crm.people"))
    assert found.header == ("id", "email", "amount", "born", "seen", "out", "tags", "more", "uid")
    first = found.rows[0]
    assert first[:4] == ["1", "ann@x.de", "1.50", "1990-03-04"]
    assert first[4] in ("2025-03-04 13:00:30+01:00", "2025-03-04 12:00:30+00:00")  # the server's zone
    assert first[5:] == ["true", "a;b", '{"a": [1]}', "00000000-0000-0000-0000-000000000001"]
    assert found.rows[1:] == [["2", "bob@x.de", *[""] * 7], ["3", *[""] * 8]]
    assert found.source.reading["database"] == "postgresql"


def test_rows_come_as_a_stream(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from connectors.sources import sql_query

    monkeypatch.setattr(sql_query, "FRAME_ROWS", 400)
    source = opener(postgresql.new())(query="select generate_series(1, 100000000) as n")
    frames = source.frames()
    assert [len(next(frames)) for _ in range(3)] == [400, 400, 400]
    frames.close()  # type: ignore[attr-defined]


def test_what_goes_wrong_is_said_without_the_password(
    sqlite: Opener, postgresql: Server, tmp_path: Path
) -> None:
    def said(opened: Callable[[], Any]) -> str:
        with pytest.raises((SourceError, CredentialsError)) as caught:
            opened()
        assert caught.value.fix
        assert "secret" not in str(caught.value)
        return str(caught.value)

    assert "has no table peple" in said(lambda: sqlite("peple"))
    assert "Did you mean people?" in said(lambda: sqlite("peple"))
    assert "no such column: nome" in said(lambda: sqlite(query="select nome from people"))
    assert "there is no SQLite file" in said(lambda: sqlite("people", url=f"sqlite:///{tmp_path}/none.db"))
    assert not (tmp_path / "none.db").exists()
    assert "holds no address of a database" in said(lambda: sqlite("people", url="secret"))
    assert "CRM_URL is not set" in said(lambda: sqlite("people", url=""))
    assert "no driver for oracle" in said(lambda: sqlite("people", url="oracle://u:secret@h/d"))
    assert "cannot be reached or read" in said(lambda: sqlite("a", url="postgresql://u:secret@127.0.0.1:9/d"))
    assert "does not exist" in said(lambda: opener(postgresql.new())(query="select * from nowhere"))
    assert "a value does not fit" in said(
        lambda: seen(opener(postgresql.new())(query="select 'ann@x.de'::int"))
    )
    assert "reads a database, and not the file" in said(
        lambda: open_kind("sql_query", tmp_path / "a.csv", {})
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{kind: sql_query, table: people}", "wants database: and either table: or query:"),
        ("{kind: sql_query, database: CRM_URL, table: a, query: select 1}", "wants database: and either"),
        ("{kind: sql_query, database: CRM_URL, table: a, path: x.csv}", "leave path:, inbox: and take: out"),
        ("{kind: csv_file, table: people}", "table: is for kind: sql_query"),
        ("{kind: sql_query, database: 'postgresql://u:p@h/d', table: a}", "database"),
    ],
)
def test_a_mapping_that_does_not_say_what_is_read_is_refused(source: str, why: str) -> None:
    with pytest.raises(MappingInvalid, match=why):
        read_mapping_text(
            f"name: news\nsource: {source}\ndestination: {{kind: campaignlark}}\nkey: email_address\nfields: {{email_address: Email}}\n"
        )
