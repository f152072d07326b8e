"""Forgetting somebody: no trace in any file, every count as it was, and no later export brings them back."""

from __future__ import annotations

import asyncio
import functools
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.cli import muster
from flows.cli.erring import explained
from flows.forgetting import INSTEAD, Forgot, forget
from flows.ledger import RunLock
from flows.ledger.lock import Busy
from flows.ledger.opening import open_ledger
from flows.report import Summary
from flows.report.reasons import reasons as reasons_of
from flows.traces import traces
from tests.flows.interrupting import UNHEARD, interrupted
from tests.flows.test_rehearsal import rehearse
from tests.flows.test_retry import edited, retry

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]

ANN = "ann.lee@example.com"


def forgotten(desk: Desk, asked: str = ANN) -> Forgot:
    ledger = open_ledger(desk.home)
    try:
        return forget(desk.home, ledger, ledger.people.who(asked))
    finally:
        ledger.close()


def crowd(person: Person, **ann: str) -> list[dict[str, str]]:
    """Ten people; Ann is the fourth, and somebody else's row names her."""
    rows = [person(n, City="Köln", Tags="vip") for n in range(1, 11)]
    rows[3] = {
        **rows[3],
        "Email": "Ann.Lee@example.com ",
        "First": "Annabelle-Lee",
        "City": "Wanne-Eickel",
        **ann,
    }
    rows[7]["First"] = f"c/o {ANN}"
    return rows


async def test_of_somebody_who_was_forgotten_no_file_has_a_trace_and_every_count_stays(
    desk: Desk, person: Person
) -> None:
    rows = crowd(person)
    await desk.sync(desk.file(rows))
    rows[3] |= {"City": "Nowhere", "Score": "many"}  # invalid, and so in the files of failures
    rows[4] |= {"Score": f"{ANN} says so"}
    ended = await desk.sync(desk.file(rows))
    assert ended.outcomes["invalid"] == 2
    (desk.home / "suppress.txt").write_text(f"# asked by phone\n{ANN}\nother@example.com\n", "utf-8")
    (desk.home / "optouts.csv").write_text(f"address\n{ANN}\n", "utf-8")
    folder = ended.folder
    before = Summary.model_validate_json((folder / "summary.json").read_text("utf-8"))
    found = {path.name for path in traces(desk.home, [ANN])}
    assert {"ledger.sqlite", "part-00001.parquet", "failures.csv", "failures.xlsx", "results.csv", "rows.parquet", "report.html"} <= found  # fmt: skip

    forgot = forgotten(desk)

    assert forgot.left == []
    assert forgot.runs == 2
    assert [(one.key, one.kind) for one in forgot.held] == [(ANN, "campaignlark")]
    assert traces(desk.home, [ANN, "Annabelle-Lee", "Wanne-Eickel"]) == []
    after = Summary.model_validate_json((folder / "summary.json").read_text("utf-8"))
    assert (after.outcomes, after.balanced, after.problems) == (before.outcomes, True, before.problems)
    assert (folder / "failures.csv").read_text("utf-8").count("\n") == 3, "both rows are counted still"
    assert INSTEAD in (folder / "report.html").read_text("utf-8")
    assert ANN not in (desk.home / "suppress.txt").read_text("utf-8")


@pytest.mark.parametrize("moved", [{}, {"Email": "ann@elsewhere.example"}, {"Id": "4711"}])
async def test_the_next_export_does_not_bring_them_back_under_either_id_and_leaves_no_trace(
    desk: Desk, person: Person, moved: dict[str, str]
) -> None:
    await desk.sync(desk.file(crowd(person)))
    forgotten(desk)
    there = desk.contacts()
    ended = await desk.sync(desk.file(crowd(person, **moved, First="Annabelle-Lee", Tags="new")))
    assert ended.outcomes["protected"] == 1
    assert ended.exit_code == 0
    assert desk.contacts() == there, "nothing was written to her contact, and nobody was created"
    assert traces(desk.home, ["annabelle-lee", "ann@elsewhere.example"]) == []
    reasons = {(one.outcome, one.reason) for one in reasons_of(ended.folder)}
    assert ("protected", "somebody who asked to be forgotten; nothing of the row is kept") in reasons
    plan = await desk.plan(desk.file(crowd(person, **moved)))
    assert plan.outcomes["protected"] == 1


async def test_who_is_allowed_back_is_somebody_new(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file(crowd(person)))
    forgotten(desk)
    ledger = open_ledger(desk.home)
    assert ledger.forgotten.allow_back(["people"], ANN.upper()) == 2, "the address and the id"
    assert ledger.forgotten.allow_back(["people"], ANN) == 0
    ledger.close()
    ended = await desk.sync(desk.file(crowd(person, City="Essen")))
    assert "protected" not in ended.outcomes
    assert desk.contacts()[ANN]["fields"]["city"] == "Essen"


async def test_who_is_forgotten_twice_is_allowed_back_under_all_that_was_forgotten(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file(crowd(person)))
    forgotten(desk)
    forgotten(desk)  # by now the ledger does not know the id any more
    ledger = open_ledger(desk.home)
    assert ledger.forgotten.allow_back(["people"], ANN) == 2
    assert ledger.forgotten.hashes() == frozenset()
    ledger.close()


async def test_a_run_that_was_interrupted_is_resumed_without_them(desk: Desk, person: Person) -> None:
    rows = [person(n) for n in range(1, 31)]
    rows[3]["Email"] = ANN
    desk.server.faults(UNHEARD, seed=2)
    await interrupted(desk, desk.file(rows), 3, now=True)
    desk.server.clear_faults()
    there = {address for address in desk.contacts() if address == ANN}
    forgotten(desk)
    assert traces(desk.home, [ANN]) == []
    ended = await desk.resume()
    assert ended.exit_code == 0
    assert ended.summary.balanced
    assert len(desk.contacts()) == 29 + len(there), "whether she had landed by then is not changed"


async def test_other_databases_and_logs_in_the_home_folder_are_cleared_too(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file(crowd(person)))
    prefect = desk.home / "prefect"
    prefect.mkdir()
    with closing(sqlite3.connect(prefect / "prefect.db")) as database, database:
        database.execute("create table log (id integer primary key, message text, more json)")
        said = "Sent to Ann.Lee@Example.com and Others"
        database.execute(
            "insert into log values (1, ?, ?)", (said, json.dumps({"To": ANN, "Keep": "As It Is"}))
        )
    (prefect / "prefect.log").write_text(f"WARNING {ANN}: slow\n", "utf-8")
    assert forgotten(desk).left == []
    with closing(sqlite3.connect(prefect / "prefect.db")) as database:
        [(message, more)] = database.execute("select message, more from log").fetchall()
    assert message == f"Sent to {INSTEAD} and Others"
    assert json.loads(more) == {"To": INSTEAD, "Keep": "As It Is"}


async def test_nobody_is_forgotten_while_a_run_is_at_work(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file(crowd(person)))
    with RunLock(desk.home, "people", "campaignlark-main"), pytest.raises(Busy):
        forgotten(desk)
    assert traces(desk.home, [ANN]) != []


async def test_somebody_whom_nobody_knows_is_kept_out_all_the_same(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1)]))
    forgotten(desk, "P2@example.com")
    ended = await desk.sync(desk.file([person(1), person(2)]))
    assert set(ended.outcomes) == {"unchanged", "protected"}


async def test_an_id_of_the_source_and_one_of_the_destination_mean_the_same_person(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file(crowd(person)))
    ledger = open_ledger(desk.home)
    people: Any = ledger.people
    by_address = people.who(ANN)
    assert people.who("4") == by_address
    assert people.who(desk.contacts()[ANN]["id"]) == by_address
    assert by_address.ids == {("people", "4")}
    assert people.who("no such id").texts == frozenset()
    ledger.close()


def test_a_text_is_found_in_every_format_and_in_no_other_file(tmp_path: Path) -> None:
    import zipfile

    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"a": ["x", ANN.upper(), None]})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    with (
        pa.OSFile(str(tmp_path / "b.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer,
    ):
        writer.write_table(table)
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sheet.xml", f"<v>{ANN}</v>")
    (tmp_path / "d.txt").write_text("x" * (1 << 24) + ANN, "utf-8")
    (tmp_path / "e.txt").write_text("somebody else", "utf-8")
    assert [path.suffix for path in traces(tmp_path, [ANN])] == [".parquet", ".arrow", ".xlsx", ".txt"]


async def test_values_before_and_after_a_write_edits_and_what_a_verification_found_go_as_well(
    desk: Desk, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = crowd(person)
    await desk.sync(desk.file(rows))
    rows[3]["City"] = "Castrop-Rauxel"
    changed = await desk.sync(desk.file(rows))
    assert changed.outcomes["updated"] == 1
    rows[3]["Score"] = "umpteen"
    failing = await desk.sync(desk.file(rows))
    fixed = edited(desk, failing, r4={"Score": "1700", "City": "Gelsenkirchen"})
    assert (await retry(fixed)).outcomes == {"updated": 1}
    fixed.unlink()
    code = await asyncio.to_thread(said, "verify", "people.yml", "--yes")
    assert code in (0, 1), capsys.readouterr().err
    words = ["wanne-eickel", "castrop-rauxel", "gelsenkirchen", "umpteen", "annabelle-lee"]
    assert traces(desk.home, words) != []
    forgot = forgotten(desk)
    assert forgot.left == []
    assert traces(desk.home, [ANN, *words]) == []
    assert (await desk.sync(desk.file(rows))).outcomes == {"unchanged": 9, "protected": 1}


def said(*words: str) -> int:
    """A command in this process; its exit code."""
    return explained(
        functools.partial(muster.main, args=list(words), prog_name="muster", standalone_mode=False)
    )


async def test_rehearsals_go_with_whom_they_had_and_a_later_one_leaves_them_out(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file(crowd(person)))
    await rehearse(desk, desk.file(crowd(person)))
    assert any("rehearsals" in path.parts for path in traces(desk.home, [ANN]))
    assert forgotten(desk).left == []
    assert traces(desk.home, [ANN]) == []
    rows = crowd(person)
    rows[7]["First"] = "Somebody"  # where others' rows name her, the source still does
    again = await rehearse(desk, desk.file(rows))
    assert again.outcomes == {"created": 9, "protected": 1}
    assert traces(desk.home, [ANN]) == []
