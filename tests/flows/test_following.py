"""consent: {follow_source: …}: a newer consent of the source lifts an opt-out, where that was allowed by name, and nothing else does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import CannotStart
from flows.asking import not_allowed
from flows.preview import preview
from tests.flows.conftest import Desk, Ended

ANN = "ann@example.com"
COLUMNS = ("Id", "Email", "First", "City", "Score", "Tags", "Out", "Keep", "Since")
FOLLOWS: dict[str, Any] = {
    "consent": {"opted_out": {"from": "Out", "when": "yes", "unless": "no"}, "follow_source": "Since"}
}
ALLOWED = ("follow_source", "opt_outs", "resubscribes", "changes")


def moment(hours: float) -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


OLD = "2020-05-01T10:00:00Z"


def row(out: str = "no", since: str = "", **cells: str) -> dict[str, str]:
    return {"Id": "1", "Email": ANN, "First": "Ann", "Out": out, "Since": since, **cells}


def suppress(home: Path) -> None:
    home.mkdir(exist_ok=True)
    (home / "suppress.txt").write_text(f"{ANN}\n", "utf-8")


async def sync(desk: Desk, *rows: dict[str, str], allow: tuple[str, ...] = ALLOWED) -> Ended:
    return await desk.sync(desk.file(rows, columns=COLUMNS), allow=allow)


@pytest.fixture
def following(desk: Desk) -> Desk:
    desk.mapping(**FOLLOWS)
    return desk


async def test_a_consent_after_the_opt_out_subscribes_again_and_says_so(following: Desk) -> None:
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    ended = await sync(following, row(since=moment(1 / 20)))
    assert following.contacts()[ANN]["status"] == "SUBSCRIBED"
    assert ended.per_row == ["updated"]
    assert ended.summary.consent.subscribed_again == 1
    assert ended.summary.overrides == ["follow_source"]
    again = await sync(following, row(since=moment(1 / 20)))
    assert (again.per_row, following.contacts()[ANN]["status"]) == (["unchanged"], "SUBSCRIBED")


@pytest.mark.parametrize("write", ["merge", "update_only", "replace"])
async def test_it_holds_for_every_write_mode_that_changes_who_is_there(following: Desk, write: str) -> None:
    following.mapping(write=write, **FOLLOWS)
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED", "fields": {"first_name": "Ann"}}])
    await sync(following, row(since=moment(1 / 20)))
    assert following.contacts()[ANN]["status"] == "SUBSCRIBED"


@pytest.mark.parametrize(
    ("status", "cells", "why"),
    [
        ("UNSUBSCRIBED", {"since": OLD}, "the contact changed there after the consent"),
        ("COMPLAINED", {"since": "soon"}, "the status there is COMPLAINED"),
        ("CLEANED", {"since": "soon"}, "the status there is CLEANED"),
    ],
)
async def test_who_stays_out_is_a_warning_with_the_reason(
    following: Desk, status: str, cells: dict[str, str], why: str
) -> None:
    following.server.seed([{"email_address": ANN, "status": status}])
    since = moment(1 / 20) if cells["since"] == "soon" else cells["since"]
    ended = await sync(following, row(since=since))
    assert following.contacts()[ANN]["status"] == status
    assert ended.summary.warnings == {"consent_not_followed": 1}
    assert ended.summary.consent.subscribed_again == 0
    [problem] = [one for one in ended.summary.problems if one.code == "consent_not_followed"]
    assert problem.severity == "warning"
    assert why in (ended.folder / "report.html").read_text("utf-8")


@pytest.mark.parametrize("out", ["", "perhaps", "yes"])
async def test_a_blank_or_an_answer_that_is_not_understood_is_no_consent(following: Desk, out: str) -> None:
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    await sync(following, row(out=out, since=moment(1 / 20)))
    assert following.contacts()[ANN]["status"] == "UNSUBSCRIBED"


async def test_a_consent_of_later_today_or_tomorrow_is_not_believed_yet(following: Desk) -> None:
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    ended = await sync(following, row(since=moment(2)))
    assert following.contacts()[ANN]["status"] == "UNSUBSCRIBED"
    assert ended.summary.warnings == {"consent_not_followed": 1}


async def test_a_date_of_the_day_after_tomorrow_is_no_date(following: Desk) -> None:
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    ended = await sync(following, row(since=moment(72)))
    assert following.contacts()[ANN]["status"] == "UNSUBSCRIBED"
    assert ended.summary.warnings == {"consent_date_unreadable": 1}


async def test_without_leave_nothing_is_sent_and_the_words_are_named(following: Desk) -> None:
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    file = following.file([row(since=moment(1 / 20))], columns=COLUMNS)
    async with following.run(file) as run:
        await run.open()
        await run.prepare()
        assert [(one.name, one.count) for one in run.not_allowed] == [("follow_source", 1)]
        refusal = not_allowed(run.not_allowed, run.opened.mapping)
    assert isinstance(refusal, CannotStart)
    assert "--allow follow_source, once for this version of the mapping" in refusal.fix
    assert following.writes() == {}


async def test_it_is_allowed_once_for_a_version_of_the_mapping_and_asked_again_for_the_next(
    following: Desk,
) -> None:
    await sync(following, row(since=OLD))
    file = following.file([row(since=OLD, First="Anna")], columns=COLUMNS)

    async def asked() -> list[str]:
        async with following.run(file) as run:
            await run.open()
            await run.prepare()
            return [one.name for one in run.not_allowed]

    assert await asked() == []
    following.mapping(title="Edited", **FOLLOWS)
    assert await asked() == ["follow_source"]


async def test_its_guard_stops_a_run_that_would_subscribe_many_again(following: Desk) -> None:
    people = [f"p{n}@example.com" for n in range(30)]
    following.server.seed([{"email_address": one, "status": "UNSUBSCRIBED"} for one in people])
    rows = [row(since=moment(1 / 20), Id=str(n), Email=one) for n, one in enumerate(people)]
    ended = await sync(following, *rows, allow=("follow_source", "changes"))
    assert (ended.exit_code, ended.outcomes) == (3, {"unsent": 30})
    assert [(g.name, g.count) for g in ended.summary.guards if g.tripped] == [("resubscribes", 30)]
    assert following.writes() == {}


async def test_the_guard_counts_only_whose_consent_is_newer(following: Desk) -> None:
    people = [f"p{n}@example.com" for n in range(30)]
    following.server.seed([{"email_address": one, "status": "UNSUBSCRIBED"} for one in people])
    rows = [row(since=OLD, Id=str(n), Email=one) for n, one in enumerate(people)]
    ended = await sync(following, *rows, allow=("follow_source",))
    assert ended.exit_code == 0
    assert all(one["status"] == "UNSUBSCRIBED" for one in following.contacts().values())


async def test_the_plan_counts_who_would_be_subscribed_again(following: Desk) -> None:
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    file = following.file([row(since=moment(1 / 20))], columns=COLUMNS)
    async with following.run(file, verb="plan", allow=ALLOWED) as run:
        await run.open()
        await run.prepare()
        assert (await preview(run)).opt_ins == 1
    assert following.contacts()[ANN]["status"] == "UNSUBSCRIBED"


async def test_what_another_mappings_source_knows_is_not_lifted(following: Desk) -> None:
    following.mapping("other.yml", name="other", consent={"opted_out": {"from": "Out", "when": "yes"}})
    await following.sync(following.file([row(out="yes")], columns=COLUMNS), "other.yml", allow=ALLOWED)
    ended = await sync(following, row(since=moment(1 / 20)))
    assert following.contacts()[ANN]["status"] == "UNSUBSCRIBED"
    assert ended.summary.warnings == {"consent_not_followed": 1}


async def test_what_the_same_source_said_before_is_lifted_by_its_newer_consent(following: Desk) -> None:
    await sync(following, row(out="yes"))
    assert following.contacts()[ANN]["status"] == "UNSUBSCRIBED"
    await sync(following, row(since=moment(1 / 20)))
    assert following.contacts()[ANN]["status"] == "SUBSCRIBED"


async def test_a_consent_that_is_older_than_the_same_sources_opt_out_lifts_nothing(following: Desk) -> None:
    await sync(following, row(out="yes"))
    await sync(following, row(since=OLD))
    assert following.contacts()[ANN]["status"] == "UNSUBSCRIBED"


async def test_who_was_subscribed_again_and_opts_out_again_there_stays_out(following: Desk) -> None:
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    since = moment(-0.5)
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    await sync(following, row(since=moment(1 / 20)))
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    await sync(following, row(since=since, First="Anna"))
    assert following.contacts()[ANN]["status"] == "UNSUBSCRIBED"


async def test_an_opt_out_between_plan_and_write_stands(following: Desk) -> None:
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    file = following.file([row(since=moment(1 / 20))], columns=COLUMNS)
    async with following.run(file, allow=ALLOWED) as run:
        await run.open()
        await run.prepare()
        following.server.seed([{"email_address": ANN, "status": "COMPLAINED"}])
        for batch in run.to_deliver():
            await run.delivery.deliver(batch)
        await run.finish()
    assert following.contacts()[ANN]["status"] == "COMPLAINED"


async def test_the_suppression_list_is_not_lifted(following: Desk) -> None:
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    suppress(following.home)
    ended = await sync(following, row(since=moment(1 / 20)))
    assert (ended.per_row, following.contacts()[ANN]["status"]) == (["protected"], "UNSUBSCRIBED")


async def test_a_day_counts_from_its_first_moment_anywhere_on_earth(following: Desk) -> None:
    following.server.seed([{"email_address": ANN, "status": "UNSUBSCRIBED"}])
    await sync(following, row(since=dt.datetime.now(dt.UTC).date().isoformat()))
    assert following.contacts()[ANN]["status"] == "UNSUBSCRIBED"
