"""What CampaignLark's documentation leaves open is answered by the sandbox either way, and the client ends right.

Each scenario runs under every position of every switch, and under mixed positions. Whatever the answer is: the
outcome is true to what the workspace holds afterwards, nobody is re-subscribed, no second contact is made of
one person, and no tag or value that we did not ask for is lost.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest

from connectors.base import Delivered, Remembered
from connectors.destinations.campaignlark import Connector
from connectors.errors import CredentialsError
from connectors.sandbox.campaignlark import SWITCHES
from mappings.engine.contact import Contact
from tests.connectors.larks import ANN, BEA, PUT, UPSERT, Lark, contact, delivered, looked_up, started

Scenario = Callable[..., Awaitable[None]]
MAILED = ("SUBSCRIBED", "UNCONFIRMED")
SEARCHES = {"email_case", "search_without_filter", "search_pagination", "status_words", "contact_shape"}
SINGLE = [{name: position} for name, positions in SWITCHES.items() for position in positions]
CHANCE = random.Random(7)  # noqa: S311 - the same mixtures each time
MIXED = [{name: CHANCE.choice(positions) for name, positions in SWITCHES.items()} for _ in range(6)]
ANSWERS = [a | ({"ip_allowed": "yes"} if "ip_allowed" in a else {}) for a in [*SINGLE, *MIXED] if a != {"ip_allowed": "no"}]  # fmt: skip
FULL: dict[str, Any] = {
    "first_name": "Old",
    "company": "Acme",
    "score": 3,
    "interests": ["Events"],
    "plan": "Gold",
}


def said(answers: dict[str, str]) -> str:
    return (
        "-".join(f"{name}={position}" for name, position in answers.items()) if len(answers) == 1 else "mixed"
    )


@pytest.fixture(params=ANSWERS, ids=said)
def lark(request: pytest.FixtureRequest) -> Iterator[Lark]:
    with started(**request.param) as found:
        found.answers = request.param
        fresh(found)
        yield found


def fresh(lark: Lark) -> None:
    """An empty workspace with the same answers; one that can be busy is busy once."""
    lark.sandbox.reset()
    if lark.sandbox.switches()["busy_refuses_contacts"] == "yes":
        lark.sandbox.faults.change({"kind": "validation_error", "next": 1})


def each(**choices: Sequence[str]) -> Callable[[Scenario], Scenario]:
    """Runs a scenario once for every combination, in a fresh workspace each: quicker than a test for each."""

    def chosen(scenario: Scenario) -> Scenario:
        async def run(lark: Lark) -> None:
            for values in itertools.product(*choices.values()):
                case = dict(zip(choices, values, strict=True))
                fresh(lark)
                try:
                    await scenario(lark, **case)
                except AssertionError as error:
                    error.add_note(f"in the case {case}")
                    raise

        run.__name__ = scenario.__name__
        return run

    return chosen


def held(lark: Lark) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in lark.sandbox.contacts()}


async def seen(
    lark: Lark, connector: Connector, row: Contact, remembered: Remembered | None
) -> tuple[Any, Any]:
    """The look-up of a large run, page by page, where the answers bear on it; else that of a small run, by address."""
    if not SEARCHES & lark.answers.keys():
        return await looked_up(connector, row, remembered)
    found = {known.key: known async for page in connector.survey() for known in page}
    moved = remembered is not None and remembered.key not in ("", row.key)
    return found.get(row.key), found.get(remembered.key) if moved and remembered else None


async def went(lark: Lark, row: Contact, remembered: Remembered | None = None, *, write: str = "merge", **rules: Any) -> Delivered:  # fmt: skip
    """A delivery, with everything checked that has to hold whatever is asked and whatever the answers are."""
    before = held(lark)
    async with lark.connector(write=write, **rules) as connector:
        await connector.read_schema()
        known, now = await seen(lark, connector, row, remembered)
        lark.log.clear()
        result = await connector.deliver(row, known, remembered, now)
        after = held(lark)
        check(row, result, before, after, connector, whole=write == "replace")
    return result


def check(
    row: Contact, result: Delivered, before: dict[str, Any], after: dict[str, Any], connector: Connector, *, whole: bool
) -> None:  # fmt: skip
    case = (result, before, after)
    new = set(after) - set(before)
    assert len(new) == (result.outcome == "created"), case
    assert set(before) <= set(after), case
    for contact_id, was in before.items():
        now = after[contact_id]
        if was["status"] not in MAILED or now["status"] in MAILED:
            assert now["status"] == was["status"], case
        assert set(was["tags"]) <= set(now["tags"]), case
        if not whole:
            assert {name for name, value in was["fields"].items() if value} <= set(now["fields"]), case
    at_address = [one for one in after.values() if one["email_address"].lower() == row.key]
    if result.outcome in ("created", "updated", "unchanged"):
        [one] = at_address
        assert one["id"] == result.contact_id, case
        for name in row.texts:
            sent, stays = connector._value(name, row.texts[name]), one["fields"].get(name)
            changed = result.decision.changes.get(name)
            if name != "email_address" and changed is not None and name not in result.kept:
                assert connector._same(name, sent, stays), (name, case)
        assert "tags" in result.kept or set(result.decision.tags) <= set(one["tags"]), case
        if row.opted_out:
            assert one["status"] not in MAILED, case
        assert result.opted_out == (one["status"] not in MAILED), case
    elif result.outcome in ("protected", "filtered"):
        assert after == before, case


# ---- the scenarios


@each(write=["merge", "create_only", "replace"])
async def test_a_newcomer_is_created_once_with_all_that_was_asked(lark: Lark, write: str) -> None:
    row = contact(tags=("vip", "crm"), first_name="Ann", score="3", interests="Events\x1fWebinars", is_customer="true", plan="Gold", country="DE", joined_at="2024-02-15T10:30:00Z")  # fmt: skip
    result = await went(lark, row, write=write)
    assert (result.outcome, result.kept) == ("created", {})
    assert lark.status() == "SUBSCRIBED"
    assert lark.one()["tags"] == ["vip", "crm"]
    again = await went(
        lark, row, delivered(tags=("vip", "crm"), contact_id=result.contact_id, **row.texts), write=write
    )
    assert again.outcome == ("filtered" if write == "create_only" else "unchanged")


async def test_newcomers_are_unconfirmed_where_the_mapping_says_so_and_mailed_once(lark: Lark) -> None:
    assert (await went(lark, contact(), newcomers="UNCONFIRMED")).outcome == "created"
    assert (await went(lark, contact(first_name="Anna"), newcomers="UNCONFIRMED")).outcome == "updated"
    assert lark.status() == "UNCONFIRMED"
    assert lark.sandbox.automation_counts()["CONTACT_SUBSCRIBED_PENDING"] == 1


@each(
    write=["merge", "update_only", "replace", "create_only"], status=["SUBSCRIBED", "UNSUBSCRIBED", "CLEANED"]
)
async def test_who_is_there_is_changed_and_stays_one_contact_however_the_address_is_written(
    lark: Lark, write: str, status: str
) -> None:
    lark.seed("Ann@Example.com", status, ("press", "newsletter"), **FULL)
    result = await went(lark, contact(tags=("vip",), first_name="Ann", city="Rome"), write=write)
    if write == "create_only":
        assert (result.outcome, result.code) == ("filtered", "exists")
        return
    assert (result.outcome, result.kept) == ("updated", {})
    kept = {} if write == "replace" else {name: value for name, value in FULL.items() if name != "first_name"}
    assert lark.one()["fields"] == {**kept, "first_name": "Ann", "city": "Rome"}
    assert set(lark.one()["tags"]) == {"press", "newsletter", "vip"}
    assert (lark.status(), lark.one()["email_address"]) == (status, "Ann@Example.com")


@each(write=["merge", "update_only", "replace"], tags=["add", "own", "replace"])
async def test_tags_to_take_away_go_and_those_of_others_stay_unless_the_mapping_says_exactly(
    lark: Lark, write: str, tags: str
) -> None:
    lark.seed("Ann@Example.com", "UNSUBSCRIBED", ("press", "newsletter", "crm"), **FULL)
    row, before = contact(tags=("vip",), off=("press",), first_name="Ann"), delivered(own=("crm",))
    async with lark.connector(write=write, tags=tags) as connector:
        await connector.read_schema()
        known, now = await seen(lark, connector, row, before)
        result = await connector.deliver(row, known, before, now)
    assert (result.outcome, result.kept) == ("updated", {})
    left = {"add": {"newsletter", "crm"}, "own": {"newsletter"}, "replace": set()}[tags]
    assert set(lark.one()["tags"]) == {"vip", *left}
    assert lark.status() == "UNSUBSCRIBED"


@each(status=["SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED"], write=["merge", "update_only"])
async def test_a_changed_address_is_changed_or_said_to_be_kept(lark: Lark, write: str, status: str) -> None:
    lark.seed("Bea@Example.com", status, ("press",), **FULL)
    row = contact(tags=("vip",), first_name="Ann")
    result = await went(lark, row, delivered(BEA, first_name="Old"), write=write)
    changes = lark.sandbox.switches()["put_changes_address"] == "yes"
    if changes:
        assert (result.outcome, result.kept) == ("updated", {})
        assert lark.nobody(BEA)
    else:
        assert (result.outcome, result.code) == ("refused", "address_kept")
        assert result.problems[0][3]["detail"] == BEA
        assert lark.nobody(ANN)
    one = lark.one(ANN if changes else BEA)
    assert one["fields"] == {**FULL, "first_name": "Ann"}
    assert (one["status"], "press" in one["tags"]) == (status, True)
    assert len(lark.sent(PUT)) <= 2
    assert lark.sent(UPSERT) == []


@each(write=["merge", "update_only", "replace"])
async def test_a_new_address_that_somebody_has_is_a_conflict_and_nobody_is_swallowed(
    lark: Lark, write: str
) -> None:
    lark.seed("Ann@Example.com", "UNSUBSCRIBED", ("vip",), first_name="Other")
    lark.seed(BEA, "SUBSCRIBED", ("press",), **FULL)
    result = await went(lark, contact(), delivered(BEA), write=write)
    assert (result.outcome, result.code) == ("protected", "identity_conflict")


async def test_an_address_taken_right_before_the_put_is_never_called_updated_wrongly(lark: Lark) -> None:
    """Between the last look and the write nobody can look; what is said afterwards is true all the same."""
    lark.seed(BEA, "SUBSCRIBED", first_name="Old")
    async with lark.connector() as connector:
        await connector.read_schema()
        now = await connector.find(BEA)
        lark.sandbox.then(PUT, lambda: lark.seed(ANN, "SUBSCRIBED", first_name="Other"), when="before")
        result = await connector.deliver(contact(), None, delivered(BEA, first_name="Old"), now)
    position = lark.sandbox.switches()
    if position["busy_refuses_contacts"] == "yes":  # the second attempt looks first
        assert (result.outcome, result.code) == ("protected", "identity_conflict")
        assert lark.one(BEA)["fields"]["first_name"] == "Old"
    elif position["put_changes_address"] == "no" or position["put_address_taken"] == "keep_old":
        assert (result.outcome, result.code) == ("refused", "address_kept")
        assert lark.one(BEA)["id"] != lark.one(ANN)["id"]
    elif position["put_address_taken"] == "refuse":
        assert (result.outcome, result.code) == ("refused", "refused")
        assert lark.one(BEA)["fields"]["first_name"] == "Old"
    else:
        assert result.outcome == "updated"
        assert lark.one(ANN)["id"] == result.contact_id


@each(
    status=["SUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED"], write=["merge", "update_only", "replace"]
)
async def test_an_opt_out_of_the_row_reaches_the_one_contact_there_is(
    lark: Lark, write: str, status: str
) -> None:
    lark.seed("Ann@Example.com", status, ("press",), **FULL)
    result = await went(lark, contact(opted_out=True, first_name="Ann"), write=write)
    assert result.outcome == "updated"
    assert lark.status() == ("UNSUBSCRIBED" if status in MAILED else status)


@each(status=["SUBSCRIBED", "UNCONFIRMED", "UNSUBSCRIBED", "CLEANED", "COMPLAINED"])
async def test_a_carried_opt_out_changes_the_status_and_nothing_else(lark: Lark, status: str) -> None:
    lark.seed(ANN, status, ("press",), **FULL)
    before = lark.one()
    async with lark.connector() as connector:
        result = await connector.opt_out(ANN)
        nobody = await connector.opt_out(BEA)
    assert (result.outcome, nobody.outcome) == ("updated" if status in MAILED else "unchanged", "unchanged")
    assert lark.status() == ("UNSUBSCRIBED" if status in MAILED else status)
    assert (lark.one()["fields"], lark.one()["tags"]) == (before["fields"], before["tags"])
    assert len(lark.sandbox.contacts()) == 1


@each(write=["merge", "update_only", "replace"])
async def test_a_value_that_does_not_fit_is_kept_refused_or_reported(lark: Lark, write: str) -> None:
    lark.seed(ANN, "UNSUBSCRIBED", ("press",), first_name="Old", company="Acme")
    result = await went(lark, contact(first_name="Ann", plan="Platinum"), write=write)
    match lark.sandbox.switches()["wrong_value"]:
        case "keep":
            assert (result.outcome, lark.one()["fields"]["plan"]) == ("updated", "Platinum")
        case "refuse":
            assert (result.outcome, lark.one()["fields"]["first_name"]) == ("refused", "Old")
        case "drop":
            assert (result.outcome, result.kept) == ("updated", {"plan": ("Platinum", None)})


@each(write=["merge", "create_only", "replace"])
async def test_a_tag_that_vanished_is_refused_or_reported(lark: Lark, write: str) -> None:
    async with lark.connector(write=write) as connector:
        await connector.read_schema()
        del lark.sandbox.workspace.tags[2]
        result = await connector.deliver(contact(tags=("crm", "vip")), None, None, None)
    if lark.sandbox.switches()["unknown_tag"] == "refuse":
        assert result.outcome == "refused"
        assert lark.nobody()
    else:
        assert (result.outcome, result.kept) == ("created", {"tags": (["crm", "vip"], ["crm"])})


async def test_a_create_that_came_too_late_makes_no_second_contact_and_loosens_nobody_we_could_see(
    lark: Lark,
) -> None:
    lark.seed(ANN, "UNSUBSCRIBED", first_name="Other")
    async with lark.connector(write="create_only") as connector:
        await connector.read_schema()
        result = await connector.deliver(contact(), None, None, None)
    assert (result.outcome, result.code) == ("filtered", "exists")
    assert (lark.status(), len(lark.sandbox.contacts())) == ("UNSUBSCRIBED", 1)


async def test_who_was_removed_there_stays_away(lark: Lark) -> None:
    for write in ("merge", "create_only", "update_only", "replace"):
        result = await went(lark, contact(first_name="New"), delivered(), write=write)
        assert result.outcome == ("filtered" if write == "update_only" else "protected")
    assert lark.sandbox.contacts() == []


async def test_the_fields_the_tags_and_everybody_can_be_read(lark: Lark) -> None:
    people = [{"email_address": f"{n}@example.com", "status": status} for n, status in enumerate(("SUBSCRIBED", "CLEANED", "UNCONFIRMED") * 4)]  # fmt: skip
    lark.sandbox.seed(people)
    async with lark.connector() as connector:
        schema = await connector.read_schema()
        found = [known async for page in connector.survey() for known in page]
        assert await connector.count() == (12, 3)
    assert {known.key for known in found} == {one["email_address"] for one in people}
    assert sum(known.opted_out for known in found) == 4
    assert schema.tags["vip"] == 2
    assert {field.type for field in schema.fields} >= {
        "email",
        "text",
        "number",
        "boolean",
        "datetime",
        "choices",
    }


async def test_a_key_that_may_not_be_used_from_here_is_said_at_once() -> None:
    with started(ip_allowed="no") as lark:
        async with lark.connector() as connector:
            with pytest.raises(CredentialsError, match="Your IP address is not authorized"):
                await connector.read_schema()
            with pytest.raises(CredentialsError):
                await connector.opt_out(ANN)
        assert len(lark.log) == 2
