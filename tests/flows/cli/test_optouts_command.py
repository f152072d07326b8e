"""muster optouts: everybody of whom an opt-out is known, who said it, since when, and what the destination says."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.sandbox.serving import Running, running
from flows.cli import main
from flows.cli import optouts as module
from flows.ledger import open_database
from flows.ledger.opening import open_ledger
from tests.flows import test_loops_sync as loops
from tests.flows.conftest import finish

if TYPE_CHECKING:
    from tests.flows.conftest import Desk

    Person = Callable[..., dict[str, str]]

COLUMNS = ["address", "person", "known_since", "said_by", "status", "destination", "account"]


def muster(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["optouts", *words])
    return int(ended.value.code or 0)


def rows(data: bytes) -> list[dict[str, str]]:
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    return [{name: cell.removeprefix("'") for name, cell in row.items()} for row in csv.DictReader(text)]


def written(home: Path) -> dict[str, dict[str, str]]:
    found = rows((home / "optouts.csv").read_bytes())
    assert len({row["address"] for row in found}) == len(found)
    return {row["address"]: row for row in found}


def consents(home: Path) -> set[tuple[str, str]]:
    database = open_database(home)
    found = {
        (key, origin) for key, origin in database.ask("select key, origin from consent where opted_out = 1")
    }
    database.close()
    return found


def test_everybody_who_is_out_is_exported_with_who_said_it_since_when_and_their_status(
    desk: Desk, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk.home).mkdir()
    (desk.home / "suppress.txt").write_text("listed@example.com\n@example.net\n")
    file = desk.file(
        [person(1), person(2, Out="yes"), person(3), person(4), person(5, Email="p5@example.net")]
    )
    asyncio.run(desk.sync(file))
    statuses = {"p1": "UNSUBSCRIBED", "p3": "COMPLAINED", "p6": "CLEANED", "p7": "UNCONFIRMED"}
    desk.server.seed(
        {"email_address": f"{who}@example.com", "status": status} for who, status in statuses.items()
    )
    before = desk.server.requests()["by_endpoint"]
    assert muster("campaignlark") == 0
    asked = desk.server.requests()["by_endpoint"]
    assert {name for name in asked if asked[name] != before.get(name)} == {"POST /v1/contacts/search"}
    found = written(desk.home)
    assert {(a, row["said_by"], row["status"], row["person"]) for a, row in found.items()} == {
        ("p1@example.com", "destination", "UNSUBSCRIBED", "1"),
        ("p2@example.com", "mapping people", "UNSUBSCRIBED", "2"),
        ("p3@example.com", "destination", "COMPLAINED", "3"),
        ("p6@example.com", "destination", "CLEANED", ""),
        ("p5@example.net", "suppression file", "", "5"),
        ("listed@example.com", "suppression file", "", ""),
    }
    assert {row["destination"] for a, row in found.items() if a != "listed@example.com"} == {"campaignlark"}
    assert all(row["known_since"][:2] == "20" for a, row in found.items() if a != "listed@example.com")
    told = capsys.readouterr().err
    assert "6  in all" in told
    assert "1  destination, COMPLAINED there" in told
    assert str(desk.home / "optouts.csv") in told
    assert stat.S_IMODE((desk.home / "optouts.csv").stat().st_mode) == 0o600


def test_what_is_learned_counts_in_the_next_sync_also_for_who_was_removed_there(
    desk: Desk, person: Person
) -> None:
    desk.server.seed([{"email_address": "p1@example.com", "status": "COMPLAINED"}])
    assert muster("campaignlark") == 0  # and makes the ledger
    assert consents(desk.home) == {("p1@example.com", "destination")}
    desk.server.delete("p1@example.com")
    asyncio.run(desk.sync(desk.file([person(1)])))
    assert desk.contacts()["p1@example.com"]["status"] == "UNSUBSCRIBED"


def test_offline_it_exports_what_the_ledger_knows_and_asks_nobody(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert muster("campaignlark", "--offline") == 2, "there is no ledger yet"
    assert not desk.home.exists()
    asyncio.run(desk.sync(desk.file([person(1, Out="yes"), person(2)])))
    monkeypatch.delenv("CAMPAIGNLARK_API_KEY")
    received = desk.server.requests()["received"]
    for words in (("campaignlark",), ()):
        assert muster(*words, "--offline") == 0
        assert {a: row["said_by"] for a, row in written(desk.home).items()} == {
            "p1@example.com": "mapping people"
        }
    assert desk.server.requests()["received"] == received
    capsys.readouterr()
    assert muster("campaignlark") == 2, "without a key nothing is exported by mistake as if it were all"
    assert "--offline" in capsys.readouterr().err
    monkeypatch.setenv("CAMPAIGNLARK_API_KEY", "k")
    monkeypatch.setenv("CAMPAIGNLARK_BASE_URL", "http://127.0.0.1:9/v1")
    assert muster("campaignlark") == 2
    assert "--offline" in capsys.readouterr().err


def test_to_standard_output_as_csv_and_as_json(desk: Desk, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    desk.server.seed([{"email_address": "=cmd|x@example.com", "status": "UNSUBSCRIBED"}])
    assert muster("campaignlark", "-o", "-") == 0
    out = capfdbinary.readouterr().out
    assert out.startswith(b"\xef\xbb\xbf" + ",".join(COLUMNS).encode())
    assert b"\n'=cmd|x@example.com," in out, "no spreadsheet program runs it"
    [row] = rows(out)
    assert row["address"] == "=cmd|x@example.com"
    assert not (desk.home / "optouts.csv").exists()
    assert muster("campaignlark", "--json") == 0
    shown = json.loads(capfdbinary.readouterr().out)
    assert list(shown["opt_outs"][0]) == COLUMNS
    assert (shown["schema_version"], shown["not_looked_up"]) == (1, 0)
    assert not (desk.home / "optouts.csv").exists()


def test_a_named_file_and_since_a_day(desk: Desk, tmp_path: Path) -> None:
    desk.server.seed([{"email_address": "p1@example.com", "status": "UNSUBSCRIBED"}])
    assert muster("campaignlark") == 0
    ledger = open_ledger(desk.home)
    ledger.database.tell("update consent set known_at = '2025-01-31T10:00:00.000000Z'")
    ledger.close()
    out = tmp_path / "for the crm.csv"
    for since, wanted in (("2025-01-31", 1), ("2025-02-01", 0)):
        assert muster("campaignlark", "--since", since, "-o", str(out)) == 0
        assert len(rows(out.read_bytes())) == wanted
    assert muster("campaignlark", "-o", str(tmp_path / "nowhere" / "x.csv")) == 2
    assert muster("campaignlrk") == 2
    assert muster("campaignlark", "--since", "soon") == 2


def test_corporate_merch_mails_nobody_and_that_is_said(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert muster("corporate_merch") == 0
    assert "mails nobody" in capsys.readouterr().err
    assert written(desk.home) == {}
    monkeypatch.delenv("CAMPAIGNLARK_API_KEY")
    assert muster() == 2, "there is nobody to ask"


# Loops


@pytest.fixture(scope="module")
def team() -> Iterator[Running]:
    with running("loops", rate=0) as server:
        yield server


@pytest.fixture
def at_loops(team: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> loops.Desk:
    team.reset()
    monkeypatch.setattr(loops.Connector, "per_second", 2000.0)
    monkeypatch.setattr("connectors.pace.Pace.told", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return loops.Desk(tmp_path, team, monkeypatch)


async def _sync(desk: loops.Desk, people: list[dict[str, str]], **changes: Any) -> None:
    desk.mapping(**changes)
    async with desk.run(desk.file(people), "sync") as run:
        await finish(run)


def test_at_loops_each_contact_that_the_ledger_knows_is_looked_up(
    at_loops: loops.Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(_sync(at_loops, [loops.person(n) for n in (1, 2, 3)]))
    asyncio.run(_sync(at_loops, [loops.person(4)], name="by-id", **loops.BY_ID))
    at_loops.server.seed(
        [
            {"email_address": "p1@example.com", "status": "UNSUBSCRIBED"},
            {"email_address": "p4@example.com", "status": "UNSUBSCRIBED", "fields": {"userId": "4"}},
            {"email_address": "unheard@example.com", "status": "UNSUBSCRIBED"},
        ]
    )
    before = at_loops.asked()
    assert muster("loops") == 0
    asked = at_loops.asked() - before
    assert asked == {"GET /contacts/find": 4}
    assert "4 requests" in capsys.readouterr().err
    found = written(at_loops.folder / "home")
    assert {(a, row["said_by"], row["status"], row["person"]) for a, row in found.items()} == {
        ("p1@example.com", "destination", "UNSUBSCRIBED", "1"),
        ("p4@example.com", "destination", "UNSUBSCRIBED", "4"),
    }
    monkeypatch.setattr(module, "_ASKED_ABOVE", 3)
    before = at_loops.asked()
    assert muster("loops") == 2
    assert "--yes" in capsys.readouterr().err
    assert not at_loops.asked() - before
    assert muster("loops", "--yes") == 0
