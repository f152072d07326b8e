"""A rehearsal: the whole file goes into a sandbox like the account, and the account is only read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.destinations.corporate_merch import Connector as CorporateMerch
from connectors.destinations.loops import Connector as Loops
from connectors.errors import CannotStart, CredentialsError, MappingError
from connectors.sandbox.serving import Running, running
from flows.ledger.database import private_folder
from flows.options import Options
from flows.rehearsal import rehearsing
from flows.report.verdict import verdict
from flows.sync_run import SyncRun
from tests.flows.conftest import PEOPLE, Ended, Listening, finish

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]


async def rehearse(
    desk: Desk, file: Path, mapping: str = "people.yml", *, with_contacts: bool = False, **options: Any
) -> Ended:
    path, listening = str(desk.folder / mapping), Listening()
    async with (
        rehearsing(path, Options(**options), listening, with_contacts=with_contacts) as prepared,
        SyncRun(path, str(file), prepared, listening) as run,
    ):
        return await finish(run)


def asked(server: Running) -> dict[str, int]:
    """Requests by endpoint that the account received."""
    found = server.requests()["by_endpoint"]
    return {name: sum(answers.values()) for name, answers in found.items()}


async def test_every_row_ends_as_in_a_sync_into_an_empty_account_and_only_gets_arrive_there(
    desk: Desk, person: Person
) -> None:
    rows = [
        person(1, Tags="vip"), person(2, Out="yes"), person(3, Email="nobody"), person(4, Keep="no"), person(5, Score="many"),
        person(6, Tags="no such tag"), person(1, City="Bonn"), person(7),
    ]  # fmt: skip
    file = desk.file(rows)
    rehearsed = await rehearse(desk, file)
    assert asked(desk.server) == {"GET /v1/fields": 1, "GET /v1/tags": 1}
    assert desk.server.contacts() == []
    synced = await desk.sync(file)
    assert rehearsed.per_row == synced.per_row
    assert rehearsed.exit_code == synced.exit_code == 1
    same = ("outcomes", "problems", "warnings", "consent", "automations", "kept_differently")
    for name in same:
        assert getattr(rehearsed.summary, name) == getattr(synced.summary, name), name
    assert synced.summary.rehearsal is None


async def test_what_was_delivered_before_is_neither_read_nor_written(desk: Desk, person: Person) -> None:
    file = desk.file([person(number) for number in range(1, 9)])
    await desk.sync(file)
    with sqlite3.connect(desk.home / "ledger.sqlite") as ledger:
        before = list(ledger.iterdump())
    rehearsed = await rehearse(desk, file)
    assert rehearsed.outcomes == {"created": 8}, "nobody is there in a rehearsal, and nobody was delivered"
    with sqlite3.connect(desk.home / "ledger.sqlite") as ledger:
        assert list(ledger.iterdump()) == before
    again = await desk.sync(file)
    assert again.outcomes == {"unchanged": 8}


async def test_the_report_says_that_it_was_a_rehearsal_and_how_long_it_would_take_there(
    desk: Desk, person: Person
) -> None:
    desk.mapping(destination={"kind": "campaignlark", "rate": 0.5})
    rehearsed = await rehearse(desk, desk.file([person(number) for number in range(60)]))
    facts = rehearsed.summary.rehearsal
    assert facts is not None
    assert (facts.base_url, facts.requests_read, facts.contacts_copied) == (desk.server.url, 2, None)
    assert facts.minutes == pytest.approx(rehearsed.summary.requests.sent / 0.5 / 60, abs=0.01)
    assert rehearsed.summary.destination.base_url != desk.server.url
    assert (
        verdict(rehearsed.summary)
        == "A rehearsal, nothing was changed in the account. In the sandbox: All 60 rows are where they should be."
    )
    page = (rehearsed.folder / "report.html").read_text("utf-8")
    assert "This was a rehearsal." in page
    assert "every row was a newcomer" in page
    assert rehearsed.folder.parent == desk.home / "rehearsals"


async def test_what_is_known_of_the_account_beyond_its_documentation_holds_in_the_sandbox_too(
    desk: Desk, person: Person
) -> None:
    desk.mapping(blank="clear")
    file = desk.file([person(1, City="Bonn"), person(2, City="")])
    with pytest.raises(MappingError, match="blank: how this destination empties a value is not documented"):
        await rehearse(desk, file)
    private_folder(desk.home / "answers")
    answers = desk.home / "answers" / "campaignlark-main.yml"
    answers.write_text(f"base_url: {desk.server.url}\nnull_value: clear\n", "utf-8")
    desk.server.switch(null_value="clear")
    desk.server.seed([{"email_address": "p2@example.com", "fields": {"city": "Köln"}}])
    rehearsed = await rehearse(desk, file, with_contacts=True)
    synced = await desk.sync(file)
    assert rehearsed.per_row == synced.per_row == ["created", "updated"]
    assert "city" not in desk.contacts()["p2@example.com"]["fields"]


async def test_a_guard_and_a_question_are_said_and_stop_nothing(desk: Desk, person: Person) -> None:
    desk.mapping(consent={"opted_out": {"from": "Out", "when": "yes"}, "newcomers": "UNCONFIRMED"})
    rows = [person(number, Email="broken") for number in range(60)] + [person(99)]
    rehearsed = await rehearse(desk, desk.file(rows))
    assert rehearsed.outcomes == {"invalid": 60, "created": 1}
    assert rehearsed.exit_code == 3, "as the sync's would be"
    assert "A sync would be stopped before it sends anything: `invalid`." in verdict(rehearsed.summary)
    assert rehearsed.summary.rehearsal is not None
    assert "confirmation mail" in rehearsed.summary.rehearsal.would_ask
    assert "stops a sync" in (rehearsed.folder / "report.html").read_text("utf-8")
    assert (await desk.sync(desk.file(rows))).exit_code == 3


async def test_who_is_suppressed_is_left_alone_in_a_rehearsal_too(desk: Desk, person: Person) -> None:
    desk.home.mkdir()
    (desk.home / "suppress.txt").write_text("p2@example.com\n")
    rehearsed = await rehearse(desk, desk.file([person(1), person(2)]))
    assert rehearsed.per_row == ["created", "protected"]


async def test_with_contacts_those_of_the_account_are_there_and_nobody_is_subscribed_again(
    desk: Desk, person: Person
) -> None:
    there = [
        {"email_address": "p1@example.com", "fields": {"first_name": "Name 1"}},
        {"email_address": "P2@example.com", "fields": {"first_name": "Somebody"}, "status": "UNSUBSCRIBED", "tags": ["vip"]},
        *({"email_address": f"q{number}@example.com", "status": "COMPLAINED"} for number in range(300)),
    ]  # fmt: skip
    desk.server.seed(there)
    rows = [person(1), person(2), person(3), person(4, Email="q4@example.com")]
    rehearsed = await rehearse(desk, desk.file(rows), with_contacts=True)
    assert rehearsed.per_row == ["unchanged", "updated", "created", "updated"]
    assert set(asked(desk.server)) == {"GET /v1/fields", "GET /v1/tags", "POST /v1/contacts/search"}
    assert rehearsed.summary.rehearsal is not None
    assert rehearsed.summary.rehearsal.contacts_copied == 302
    assert any("302 are copied into the sandbox" in line for line in rehearsed.said)
    assert all("q299@" not in path.read_text("latin-1") for path in files(rehearsed.folder))
    synced = await desk.sync(desk.file(rows))
    assert synced.per_row == rehearsed.per_row
    assert synced.summary.automations == rehearsed.summary.automations


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_contacts_that_cannot_be_listed_are_refused_before_anything_is_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"email": {"from": "Email", "type": "email"}}
    desk.mapping(
        "loops.yml", **{**PEOPLE, "destination": {"kind": "loops"}, "key": "email", "fields": fields, "tags": None}
    )  # fmt: skip
    monkeypatch.setattr(Loops, "default_base_url", "http://127.0.0.1:9")
    with pytest.raises(CannotStart, match="loops cannot list its contacts"):
        await rehearse(desk, desk.file([]), "loops.yml", with_contacts=True)
    with pytest.raises(CredentialsError) as told:
        await rehearse(desk, desk.file([]), "loops.yml")
    assert "LOOPS_API_KEY" in told.value.fix
    assert "muster sandbox" in told.value.fix
    assert "muster demo --to loops" in told.value.fix


async def test_a_limit_sends_a_few_and_the_last_five_rehearsals_are_kept(desk: Desk, person: Person) -> None:
    file = desk.file([person(number) for number in range(1, 9)])
    old = [desk.home / "rehearsals" / f"20250101-00000{number}-abcd" for number in range(6)]
    for folder in old:
        folder.mkdir(parents=True)
    rehearsed = await rehearse(desk, file, limit=3)
    assert rehearsed.outcomes == {"created": 3, "unsent": 5}
    assert rehearsed.summary.status == "limited"
    assert sorted((desk.home / "rehearsals").iterdir()) == [*old[2:], rehearsed.folder]


async def test_a_rehearsal_that_cannot_start_leaves_no_folder(desk: Desk) -> None:
    with pytest.raises(CannotStart):
        await rehearse(desk, desk.folder / "nothing.csv")
    assert list((desk.home / "rehearsals").iterdir()) == []


async def test_contacts_of_corporate_merch_are_copied_as_they_are_also_two_with_one_address(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("first_name", "last_name", "address", "city", "state", "zip_code", "country", "shirt_size")
    whole = dict(
        zip(names, ("Name", "Lee", "1 High Street", "Boston", "MA", "02108", "US", "MD"), strict=True)
    )
    mapping: dict[str, Any] = {
        "name": "team", "destination": {"kind": "corporate_merch"}, "key": "email", "person": "Id", "tags": "Labels", "consent": None,
        "where": None, "fields": {"email": {"from": "Email", "type": "email"}, "type": {"value": "client"}, **{name: name for name in names}},
    }  # fmt: skip
    rows = [
        {"Id": str(number), "Email": f"p{number}@example.com", **whole, "Labels": "501"}
        for number in range(1, 5)
    ]
    rows[2]["shirt_size"] = "XL"
    fields = {**whole, "type": "client"}
    with running("corporate_merch", rate=0) as live:
        live.seed(
            [
                {"email_address": "p2@example.com", "fields": fields, "labels": [501], "lists": [12]},
                {"email_address": "p3@example.com", "fields": {**fields, "position": "Boss"}},
                {"email_address": "p4@example.com", "fields": fields},
                {"email_address": "p4@example.com", "fields": fields, "another": True},
                *({"email_address": f"q{number}@example.com", "fields": fields} for number in range(70)),
            ]
        )
        monkeypatch.setenv("CORPORATE_MERCH_BASE_URL", live.url)
        monkeypatch.setenv("CORPORATE_MERCH_API_KEY", "sandbox-key")
        monkeypatch.setattr(CorporateMerch, "per_second", 5000.0)
        desk.mapping("team.yml", **mapping)
        file = desk.file(rows, columns=list(rows[0]))
        rehearsed = await rehearse(desk, file, "team.yml", with_contacts=True)
        assert set(asked(live)) == {"GET /v2/contacts"}
        assert rehearsed.per_row == ["created", "unchanged", "updated", "protected"]
        synced = await desk.sync(file, "team.yml")
    assert synced.per_row == rehearsed.per_row
    assert rehearsed.summary.rehearsal is not None
    assert rehearsed.summary.rehearsal.contacts_copied == 74
