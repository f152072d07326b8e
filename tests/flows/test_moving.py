"""A ledger that moves between file and PostgreSQL arrives whole, and goes on as if it had always been there."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql as names

from connectors.errors import LedgerError
from flows.handover import hand_over, take_over
from flows.ledger.database import SqliteFile, open_database
from flows.ledger.moving import fill, save, tables
from flows.ledger.opening import open_ledger
from flows.ledger.postgresql import Postgresql
from flows.ledger.shared_ledger import filled, open_shared
from tests.postgresql import Server

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]

ROWS = 3
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS
    | st.sampled_from(["", "\\N", "\\.", "\t", "a\nb", '{"texts": {"city": "Köln\\\\"}}', "NULL"]),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "blob": st.binary(max_size=40),
    "double precision": st.floats(allow_nan=False, allow_infinity=False),
}
Content = dict[str, list[tuple[Any, ...]]]


def columns(file: SqliteFile, table: str) -> list[tuple[str, str, bool, bool]]:
    """Name, type, whether it is always there and whether it is of the key."""
    sql = 'select name, type, "notnull" or pk > 0, pk > 0 from pragma_table_info(?)'
    return [(name, kind.lower(), bool(must), bool(key)) for name, kind, must, key in file.ask(sql, (table,))]


@st.composite
def contents(draw: st.DrawFn, file: SqliteFile) -> Content:
    """Rows of every table, as their columns allow them."""
    content: Content = {}
    for table in tables(file):
        if table == "meta":
            content[table] = [("secret", draw(st.binary(min_size=32, max_size=32)).hex())]
            continue
        given = columns(file, table)
        kinds = [VALUES[kind] if must else st.none() | VALUES[kind] for _, kind, must, _ in given]
        if table == "run":
            accounts = [row[0] for row in content["account"]]
            if not accounts:
                content[table] = []
                continue
            kinds[1] = st.sampled_from(accounts)
        keys = [place for place, (_, _, _, key) in enumerate(given) if key]
        of_key = functools.partial(lambda keys, row: tuple(row[place] for place in keys), keys)
        rows = st.lists(st.tuples(*kinds), max_size=ROWS, unique_by=of_key)
        if (
            table == "account"
        ):  # numbered from 1; kind, name, address and generation are one account's as well
            kinds[0] = st.integers(1, 2**31 - 1)
            rows = st.lists(
                st.tuples(*kinds), max_size=ROWS, unique_by=(lambda row: row[0], lambda row: row[2])
            )
        content[table] = draw(rows)
    return content


def lay_down(file: SqliteFile, content: Content) -> None:
    """These rows, in the place of those that were there."""
    with contextlib.closing(sqlite3.connect(file.path)) as database:
        database.execute("pragma synchronous = off")
        for table, rows in content.items():
            marks = ", ".join("?" * len(columns(file, table)))
            database.execute(f"delete from {table}")  # noqa: S608 - our own names
            database.executemany(f"insert into {table} values ({marks})", rows)  # noqa: S608 - as above
        database.commit()


def held(database: SqliteFile | Postgresql, file: SqliteFile) -> dict[str, list[str]]:
    """Every row of every table that `file` has, in one order."""
    found = {}
    for table, listed in tables(file).items():
        only = "where name = 'secret'" if table == "meta" else ""
        sql = f"select {', '.join(listed)} from {table} {only}"  # noqa: S608 - our own names
        found[table] = sorted(map(repr, database.ask(sql)))
    return found


def test_every_table_of_a_ledger_comes_back_from_postgresql_as_it_went_there(
    postgresql: Server, tmp_path: Path
) -> None:
    with (
        contextlib.closing(open_database(tmp_path / "file")) as file,
        contextlib.closing(open_database(tmp_path / "back")) as back,
        contextlib.closing(open_shared(tmp_path / "home", postgresql.new())) as shared,
    ):
        every = {name for (name,) in file.ask("select name from sqlite_master where type = 'table'")}
        assert set(tables(file)) == every - {"lease"}
        emptied = ", ".join(set(tables(file)) - {"meta"})

        @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
        @given(contents(file))
        def there_and_back(content: Content) -> None:
            lay_down(file, content)
            lay_down(back, {table: [] for table in content})
            shared.tell(f"truncate {emptied}")
            with shared.connection.transaction():
                fill(shared.connection, file)
            save(shared, back)
            assert held(shared, file) == held(file, file) == held(back, file)
            assert {table: len(rows) for table, rows in held(back, file).items()} == {
                table: len(rows) for table, rows in content.items()
            }
            if content["account"]:
                newest = max(row[0] for row in content["account"])
                assert shared.ask("select last_value from account_id_seq") == [(newest,)]

        there_and_back()


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    from flows.cli import muster
    from flows.cli.erring import explained

    capsys.readouterr()
    code = explained(
        functools.partial(muster.main, args=list(words), prog_name="muster", standalone_mode=False)
    )
    return code, "".join(capsys.readouterr())


@pytest.mark.parametrize("way", ["into postgresql", "out of it"])
async def test_a_team_moves_to_postgresql_and_back_and_nobody_is_sent_again(
    desk: Desk, person: Person, tmp_path: Path, postgresql: Server, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], way: str,
) -> None:  # fmt: skip
    url = postgresql.new()
    before, after = (None, url) if way == "into postgresql" else (url, None)

    def use(address: str | None) -> None:
        monkeypatch.delenv("MUSTER_LEDGER_URL", raising=False)
        if address is not None:
            monkeypatch.setenv("MUSTER_LEDGER_URL", address)

    use(before)
    rows = [person(n, City="Köln", Out="yes" if n == 2 else "") for n in range(1, 9)]
    ended = await desk.sync(desk.file(rows))
    (desk.home / "suppress.txt").write_text("p12@example.com\n", "utf-8")
    file = tmp_path / "moving.zip"
    assert said(capsys, "ledger", "export", str(file), "--with-runs")[0] == 0
    if before is None:
        use(after)
        code, out = said(capsys, "ledger", "import", str(file))
        assert (code, "has a ledger of its own" in out, "ledger export FILE" in out) == (2, True, True)
    use(after)
    desk.home = tmp_path / "there"
    monkeypatch.setenv("MUSTER_HOME", str(desk.home))
    code, out = said(capsys, "ledger", "import", str(file))
    assert (code, "8 contacts delivered, 1 runs" in out) == (0, True), out
    assert (desk.home / "ledger.sqlite").exists() == (after is None)
    rows[0]["City"], rows[1]["Out"] = "Bonn", ""
    again = await desk.sync(desk.file([*rows, person(12)]))
    assert again.outcomes == {"updated": 1, "unchanged": 7, "protected": 1}
    assert not any("NEW" in line for line in again.said)
    assert desk.contacts()["p2@example.com"]["status"] == "UNSUBSCRIBED"
    code, out = said(capsys, "report", ended.id)
    assert (code, str(desk.home / "runs" / ended.id) in out) == (0, True)
    with contextlib.closing(open_ledger(desk.home)) as ledger:
        assert ledger.accounts.seen("campaignlark", "emea", "http://127.0.0.1:1/v1", "key").new


def test_a_ledger_that_knows_something_is_never_imported_into_and_an_empty_one_is(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.closing(open_ledger(tmp_path / "from", "")) as ledger:
        ledger.memory.heard_opt_outs(
            ledger.accounts.seen("loops", "main", "u", "k").id, ["a@example.com"], "x"
        )
        (tmp_path / "from" / "suppress.txt").write_text("b@example.com\n", "utf-8")
        hand_over(ledger, tmp_path / "over.zip", runs=True)
    empty, filled_before = postgresql.new(), postgresql.new()
    with contextlib.closing(open_ledger(tmp_path / "other", filled_before)) as ledger:
        ledger.accounts.seen("loops", "main", "u", "k")
        secret = ledger.database.secret
    monkeypatch.setenv("MUSTER_LEDGER_URL", filled_before)
    with pytest.raises(LedgerError, match="is not empty"):
        take_over(tmp_path / "over.zip", tmp_path / "there")
    assert {path.name for path in (tmp_path / "there").iterdir()} == {".gitignore"}
    with contextlib.closing(open_ledger(tmp_path / "other", filled_before)) as ledger:
        assert ledger.database.secret == secret
        assert len(ledger.accounts.known()) == 1
    # one that was only looked at knows nothing
    open_ledger(tmp_path / "there", empty).close()
    monkeypatch.setenv("MUSTER_LEDGER_URL", empty)
    (tmp_path / "there" / "suppress.txt").write_text("c@example.com\n", "utf-8")
    with pytest.raises(LedgerError, match=r"suppress\.txt is there already"):
        take_over(tmp_path / "over.zip", tmp_path / "there")
    with contextlib.closing(open_ledger(tmp_path / "there", empty)) as ledger:
        assert ledger.accounts.known() == []
    (tmp_path / "there" / "suppress.txt").unlink()
    take_over(tmp_path / "over.zip", tmp_path / "there").close()
    with contextlib.closing(open_ledger(tmp_path / "there", empty)) as ledger:
        assert [one.kind for one in ledger.accounts.known()] == ["loops"]
        assert ledger.database.ask("select key from consent") == [("a@example.com",)]
    assert (tmp_path / "there" / "suppress.txt").read_text("utf-8") == "b@example.com\n"
    # a home whose runs that ledger knows
    (tmp_path / "there" / "runs" / "r").mkdir(parents=True)
    with pytest.raises(LedgerError, match="has the runs of a ledger already, of that at postgresql://"):
        take_over(tmp_path / "over.zip", tmp_path / "there")


def test_an_import_that_is_cut_off_leaves_nothing_there(postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.new()
    with contextlib.closing(open_database(tmp_path / "from")) as file:
        with pytest.raises(KeyboardInterrupt), filled(tmp_path / "home", url, file):
            raise KeyboardInterrupt
        with psycopg.connect(url) as connection:
            there = names.SQL("select 1 from pg_namespace where nspname = 'muster'")
            assert connection.execute(there).fetchone() is None
        with filled(tmp_path / "home", url, file) as shared:
            pass
        shared.close()
