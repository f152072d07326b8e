"""CampaignLark's tags against its sandbox: added, taken away, created, whatever the answers are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.automations import by_name
from connectors.base import Delivered
from connectors.destinations.campaignlark import Connector
from connectors.errors import CredentialsError, Unreachable
from connectors.pace import Pace
from connectors.patience import Patience
from mappings.engine.problems.codes import CODES
from tests.connectors.larks import (
    ANN,
    BEA,
    FIND,
    PUT,
    TAG_CREATE,
    TAG_LIST,
    TAGS_ADD,
    TAGS_REMOVE,
    UPSERT,
    Lark,
    contact,
    delivered,
    started,
)  # fmt: skip

ONCE = Patience(attempts=1, seconds=0.01, first=0.01, most=0.01)
QUICK = Patience(attempts=2, seconds=0.01, first=0.01, most=0.01)


@pytest.fixture
def lark() -> Iterator[Lark]:
    with started() as found:
        yield found


def said(result: Delivered) -> str:
    texts = []
    for code, tag, value, detail in result.problems:
        texts.append(CODES[code].message.format_map({"column": tag, "value": value, "field": tag, **detail}))
    return " ".join(texts)


def tag_names(lark: Lark) -> list[str]:
    return [tag["name"] for tag in lark.sandbox.workspace.tags.values()]


# ---- taken away


async def test_fields_go_first_then_the_tags_to_add_then_those_to_take_away(lark: Lark) -> None:
    lark.seed(tags=("newsletter", "press"))
    decision, result = await lark.deliver(contact(tags=("vip",), off=("PRESS",), first_name="Anna"))
    assert lark.calls() == list(decision.calls) == [UPSERT, TAGS_ADD, TAGS_REMOVE]
    assert lark.sent(TAGS_ADD) == [{"tag_ids": [2]}]
    assert lark.sent(TAGS_REMOVE) == [{"tag_ids": [7]}]
    assert (decision.tags, decision.tags_off) == (("vip",), ("press",))
    assert (result.outcome, lark.one()["tags"]) == ("updated", ["newsletter", "vip"])
    expected = {"FIELD_UPDATED": 1, "TAG_ADDED": 1, "TAG_REMOVED": 1}
    fired = lark.sandbox.automation_counts()
    assert {name: by_name(decision.automations)[name] for name in expected} == {**fired, **expected}


async def test_only_a_tag_to_take_away_is_one_call(lark: Lark) -> None:
    lark.seed(tags=("vip", "press"))
    decision, result = await lark.deliver(contact(off=("vip",)))
    assert lark.calls() == list(decision.calls) == [TAGS_REMOVE]
    assert by_name(decision.automations) == lark.sandbox.automation_counts() == {"TAG_REMOVED": 1}
    assert (result.outcome, result.contact_id) == ("updated", lark.one()["id"])
    assert lark.one()["tags"] == ["press"]


async def test_a_tag_to_take_away_that_is_not_there_costs_no_call(lark: Lark) -> None:
    lark.seed(tags=("press",))
    _, result = await lark.deliver(contact(off=("vip", "unheard-of")))
    assert (result.outcome, lark.log) == ("unchanged", [])


async def test_newcomers_need_no_removal_and_get_no_tag_that_the_row_takes_away(lark: Lark) -> None:
    decision, result = await lark.deliver(contact(tags=("vip", "crm"), off=("vip", "press")), tags="replace")
    assert lark.calls() == list(decision.calls) == [UPSERT]
    assert (result.outcome, lark.one()["tags"]) == ("created", ["crm"])


async def test_own_tags_that_the_row_no_longer_has_go_and_those_of_others_stay(lark: Lark) -> None:
    lark.seed(tags=("vip", "press", "crm"))
    remembered = delivered(tags=("vip", "crm"), own=("vip", "crm"))
    _, result = await lark.deliver(contact(tags=("crm",)), remembered, tags="own")
    assert (result.outcome, lark.one()["tags"]) == ("updated", ["press", "crm"])
    _, kept = await lark.deliver(contact(tags=("crm",)), remembered, tags="add")
    assert kept.outcome == "unchanged"


async def test_what_was_added_to_another_contact_is_not_our_own_on_this_one(lark: Lark) -> None:
    lark.seed(tags=("vip",))
    remembered = delivered(tags=("vip",), own=("vip",), contact_id="64f1a2b3c4d5e6f7a8b9c0d1")
    _, result = await lark.deliver(contact(), remembered, tags="own")
    assert (result.outcome, lark.one()["tags"]) == ("unchanged", ["vip"])


async def test_tags_replace_makes_them_exactly_the_rows(lark: Lark) -> None:
    lark.seed(tags=("press", "newsletter"))
    decision, result = await lark.deliver(
        contact(tags=("vip", "press")), delivered(tags=("vip",)), tags="replace"
    )
    assert lark.calls() == [TAGS_ADD, TAGS_REMOVE]
    assert (decision.tags, decision.tags_off) == (("vip",), ("newsletter",))
    assert (result.outcome, lark.one()["tags"]) == ("updated", ["press", "vip"])


@pytest.mark.parametrize("mode", ["merge", "update_only"])
async def test_a_changed_address_takes_tags_away_too(lark: Lark, mode: str) -> None:
    lark.seed(BEA, tags=("vip", "press"))
    decision, result = await lark.deliver(
        contact(tags=("crm",)), delivered(BEA, own=("vip",)), write=mode, tags="own"
    )
    assert lark.calls() == list(decision.calls) == [FIND, FIND, PUT, TAGS_ADD, TAGS_REMOVE]
    assert (result.outcome, lark.one()["tags"]) == ("updated", ["press", "crm"])


@pytest.mark.parametrize(("rule", "left"), [("add", ["crm", "newsletter", "vip"]), ("own", ["crm", "newsletter"]), ("replace", ["crm"])])  # fmt: skip
async def test_a_full_replace_sends_the_set_that_is_to_be_there_in_one_call(
    lark: Lark, rule: str, left: list[str]
) -> None:
    lark.seed(tags=("vip", "press", "newsletter"))
    decision, result = await lark.deliver(
        contact(tags=("crm",), off=("press",)), delivered(own=("vip",)), write="replace", tags=rule
    )
    assert lark.calls() == [FIND, UPSERT]
    assert decision.calls == (FIND, UPSERT + " (replace)")
    assert (result.outcome, result.kept, sorted(lark.one()["tags"])) == ("updated", {}, left)
    assert lark.sandbox.automation_counts() == {
        name: count for name, count in by_name(decision.automations).items() if name != "FIELD_UPDATED"
    }


@pytest.mark.parametrize("applied", [True, False])
@pytest.mark.parametrize("row", [contact(tags=("crm",)), contact(off=("vip",))], ids=["added", "off"])
async def test_a_full_replace_of_tags_alone_is_settled_by_the_tags_that_a_look_up_shows(
    lark: Lark, row: Any, *, applied: bool
) -> None:
    lark.seed(tags=("vip",))
    lark.running.faults({"kind": "500", "paths": "upsert", "applied": applied})
    _, result = await lark.deliver(row, write="replace")
    assert result.outcome == ("updated" if applied else "failed"), result
    assert (lark.one()["tags"] != ["vip"]) == applied


# ---- taken away, in bad weather


@pytest.mark.parametrize("kind", ["500", "reset_after", "reset_before", "truncated", "non_json"])
@pytest.mark.parametrize("applied", [True, False])
async def test_a_removal_without_a_clear_answer_is_settled_by_a_look_up(
    lark: Lark, kind: str, *, applied: bool
) -> None:
    lark.seed(tags=("vip", "press"))
    rule = {"kind": kind, "paths": "tags/remove"}
    lark.running.faults({**rule, "applied": applied} if kind == "500" else rule)
    _, result = await lark.deliver(contact(first_name="Anna", off=("vip",)))
    landed = "vip" not in lark.one()["tags"]
    assert result.outcome == ("updated" if landed else "unknown"), result
    assert lark.one()["fields"]["first_name"] == "Anna"
    if kind == "500":
        assert landed == applied
    if not landed:
        assert "the tags to take away" in said(result)


async def test_a_removal_that_no_look_up_could_settle_is_unknown(lark: Lark) -> None:
    lark.seed(tags=("vip",))
    async with lark.connector() as connector:
        await connector.read_schema()
        known = await connector.find(ANN)
        lark.running.faults({"kind": "500", "paths": "tags/remove"}, {"kind": "503", "paths": "by-email"})
        result = await connector.deliver(contact(off=("vip",)), known, None, None)
    assert (result.outcome, result.code, result.troubled) == ("unknown", "no_clear_answer", True)


async def test_what_did_not_arrive_ends_the_calls_and_the_next_run_does_the_rest(lark: Lark) -> None:
    lark.seed(first_name="Old", tags=("press",))
    lark.running.faults({"kind": "429", "paths": "tags/add"})
    row = contact(first_name="Anna", tags=("vip",), off=("press",))
    _, result = await lark.deliver(row, patience=QUICK, pace=Pace(5000, patient=0.05))
    assert (result.outcome, result.code, result.untouched) == ("unknown", "no_clear_answer", False)
    assert "all else arrived, the tags did not" in said(result)
    assert TAGS_REMOVE not in lark.calls()
    assert (lark.one()["fields"]["first_name"], lark.one()["tags"]) == ("Anna", ["press"])
    lark.running.clear_faults()
    decision, again = await lark.deliver(row)
    assert (decision.calls, again.outcome) == ((TAGS_ADD, TAGS_REMOVE), "updated")
    assert lark.one()["tags"] == ["vip"]


async def test_a_removal_that_is_refused_leaves_the_row_to_a_person(lark: Lark) -> None:
    lark.seed(tags=("vip",))

    def no(name: str, body: Any) -> Any:
        return (400, {"error": {"message": "Tag ID 2 is protected."}}) if name == TAGS_REMOVE else body

    lark.sandbox.spoil = no
    lark.sandbox.then(TAGS_REMOVE, lambda: lark.seed(tags=("vip",)))
    _, result = await lark.deliver(contact(first_name="Anna", off=("vip",)))
    assert (result.outcome, result.code) == ("refused", "tags_refused")
    assert "Tag ID 2 is protected." in said(result)


async def test_a_tag_that_was_deleted_meanwhile_counts_as_taken_away(lark: Lark) -> None:
    lark.seed(tags=("vip",))

    def delete() -> None:
        del lark.sandbox.workspace.tags[2]
        for person in lark.sandbox.people.values():
            person.tags.clear()

    _, result = await lark.deliver(contact(off=("vip",)), meanwhile=delete)
    assert (result.outcome, lark.calls()) == ("updated", [TAGS_REMOVE, FIND])


async def test_a_contact_that_was_removed_before_its_tags_could_go_is_protected(lark: Lark) -> None:
    lark.seed(tags=("vip",))
    _, result = await lark.deliver(contact(off=("vip",)), meanwhile=lambda: lark.sandbox.delete(ANN))
    assert (result.outcome, result.code) == ("protected", "gone")


async def test_who_was_removed_and_came_back_by_our_write_needs_no_removal(lark: Lark) -> None:
    lark.seed(first_name="Old", tags=("vip",))
    _, result = await lark.deliver(contact(off=("vip",)), meanwhile=lambda: lark.sandbox.delete(ANN))
    assert (result.outcome, result.code) == ("created", "recreated")
    assert lark.calls() == [UPSERT]


@pytest.mark.parametrize("tags", [(), ("crm",)])
async def test_a_key_revoked_before_the_removal_does_not_hide_what_arrived(
    lark: Lark, tags: tuple[str, ...]
) -> None:
    lark.seed(tags=("vip",))
    before = TAGS_ADD if tags else UPSERT
    lark.sandbox.then(before, lambda: lark.sandbox.switch({"keys": "another"}))
    _, result = await lark.deliver(contact(first_name="New", tags=tags, off=("vip",)))
    lark.sandbox.switch({"keys": "sandbox-key"})
    assert (result.outcome, result.code) == ("unknown", "no_clear_answer")
    assert lark.one()["fields"]["first_name"] == "New"


async def test_a_key_revoked_before_unclear_tags_could_be_looked_up_leaves_them_unclear(lark: Lark) -> None:
    lark.seed(first_name="Old")
    lark.sandbox.then(TAGS_ADD, lambda: lark.sandbox.switch({"keys": "another"}))
    lark.running.faults({"kind": "reset_after", "paths": "tags/add"})
    _, result = await lark.deliver(contact(first_name="Old", tags=("vip",)), patience=ONCE)
    assert (result.outcome, result.code, result.untouched) == ("unknown", "no_clear_answer", False)
    assert lark.one()["tags"] == ["vip"]


async def test_tags_alone_that_did_not_arrive_have_started_nothing(lark: Lark) -> None:
    lark.seed(first_name="Old")
    lark.running.faults({"kind": "503", "paths": "tags/add"})
    _, result = await lark.deliver(contact(first_name="Old", tags=("vip",)), patience=QUICK)
    assert (result.outcome, result.code, result.untouched) == ("failed", "not_delivered", True)


async def test_a_key_revoked_before_a_removal_alone_ends_the_delivery_with_nothing_done(lark: Lark) -> None:
    lark.seed(tags=("vip",))
    with pytest.raises(CredentialsError):
        await lark.deliver(contact(off=("vip",)), meanwhile=lambda: lark.sandbox.switch({"keys": "other"}))
    assert lark.one()["tags"] == ["vip"]


# ---- created


async def ready(connector: Connector, lark: Lark) -> Connector:
    await connector.read_schema()
    lark.log.clear()
    return connector


async def test_what_is_missing_is_known_without_asking_and_without_case(lark: Lark) -> None:
    async with lark.connector() as connector:
        await ready(connector, lark)
        assert connector.missing_tags(["vip", "VIP", "New", "new", "other"]) == ["New", "other"]
        assert lark.log == []


async def test_tags_are_created_once_and_used_by_their_ids(lark: Lark) -> None:
    async with lark.connector() as connector:
        await ready(connector, lark)
        assert await connector.create_tags(["Spring", "vip", "spring", "Fair"]) == {}
        assert lark.sent(TAG_CREATE) == [{"name": "Spring"}, {"name": "Fair"}]
        assert lark.calls() == [TAG_CREATE, TAG_CREATE]
        result = await connector.deliver(contact(tags=("spring", "Fair")), None, None, None)
    assert (result.outcome, lark.one()["tags"]) == ("created", ["Spring", "Fair"])


async def test_a_tag_that_is_to_be_created_is_decided_on_before_it_is(lark: Lark) -> None:
    lark.seed(tags=("vip",))
    async with lark.connector() as connector:
        await ready(connector, lark)
        known = await connector.find(ANN)
        decision = connector.decide(contact(tags=("New", "vip")), known, None, None)
        newcomer = connector.decide(contact(BEA, tags=("New",)), None, None, None)
    assert (decision.tags, decision.calls) == (("New",), (TAGS_ADD,))
    assert newcomer.tags == ("New",)


@pytest.mark.parametrize("name", ["x" * 65, ""])
async def test_a_name_that_is_no_tags_name_is_refused_without_asking(lark: Lark, name: str) -> None:
    async with lark.connector() as connector:
        await ready(connector, lark)
        refused = await connector.create_tags([name, "Fine"])
    assert list(refused) == [name]
    assert "1 to 64 characters" in refused[name]
    assert lark.sent(TAG_CREATE) == [{"name": "Fine"}]


async def test_a_name_of_64_characters_is_taken(lark: Lark) -> None:
    async with lark.connector() as connector:
        await ready(connector, lark)
        assert await connector.create_tags(["x" * 64]) == {}
    assert "x" * 64 in tag_names(lark)


async def test_a_tag_that_somebody_created_meanwhile_is_found(lark: Lark) -> None:
    async with lark.connector() as connector:
        await ready(connector, lark)
        lark.sandbox.workspace.tags[77] = {"id": 77, "name": "Fair", "description": ""}
        assert await connector.create_tags(["Fair"]) == {}
        assert lark.calls() == [TAG_CREATE, TAG_LIST]
        await connector.deliver(contact(tags=("Fair",)), None, None, None)
    assert lark.one()["tag_ids"] == [77]


async def test_a_tag_that_is_refused_is_given_back_with_the_reason_and_the_others_are_created(
    lark: Lark,
) -> None:
    async with lark.connector() as connector:
        await ready(connector, lark)

        def no(name: str, body: Any) -> Any:
            bad = name == TAG_CREATE and lark.log[-1].body["name"] == "Bad"
            return (400, {"error": {"message": "No more tags on this plan."}}) if bad else body

        lark.sandbox.then(TAG_CREATE, lark.sandbox.workspace.tags.popitem)
        lark.sandbox.spoil = no
        refused = await connector.create_tags(["Bad", "Good"])
        assert connector.missing_tags(["Bad", "Good"]) == ["Bad"]
    assert refused == {"Bad": "400: No more tags on this plan."}
    assert "Good" in tag_names(lark)


async def test_an_import_that_is_going_on_is_waited_for_before_a_tag_is_created(lark: Lark) -> None:
    async with lark.connector() as connector:
        await ready(connector, lark)
        lark.running.faults("validation_error:next=2")
        assert await connector.create_tags(["Fair"]) == {}
    assert lark.calls() == [TAG_CREATE] * 3


@pytest.mark.parametrize("kind", ["500", "reset_after", "truncated", "non_json"])
async def test_a_tag_whose_creation_was_not_answered_is_created_once(lark: Lark, kind: str) -> None:
    rule = {"kind": kind, "paths": "POST /v1/tags", "next": 1}
    async with lark.connector() as connector:
        await ready(connector, lark)
        lark.running.faults({**rule, "applied": True} if kind == "500" else rule)
        assert await connector.create_tags(["Fair"]) == {}
        assert connector.missing_tags(["Fair"]) == []
    assert tag_names(lark).count("Fair") == 1


@pytest.mark.parametrize("kind", ["503", "validation_error", "reset_before", "429"])
async def test_a_tag_that_may_not_have_been_created_stops_what_waits_for_it(lark: Lark, kind: str) -> None:
    async with lark.connector(patience=QUICK, pace=Pace(5000, patient=0.05)) as connector:
        await ready(connector, lark)
        lark.running.faults({"kind": kind, "paths": "POST /v1/tags"})
        with pytest.raises(Unreachable, match="No usable answer when the tag 'Fair'"):
            await connector.create_tags(["Fair"])
        lark.running.clear_faults()
        assert await connector.create_tags(["Fair"]) == {}


async def test_a_key_that_may_not_create_tags_is_said(lark: Lark) -> None:
    async with lark.connector() as connector:
        await ready(connector, lark)
        lark.sandbox.switch({"keys": "other"})
        with pytest.raises(CredentialsError):
            await connector.create_tags(["Fair"])


async def test_two_that_create_the_same_tag_at_once_end_with_one(lark: Lark) -> None:
    async with lark.connector() as one, lark.connector() as other:
        await ready(one, lark)
        await ready(other, lark)
        found = await asyncio.gather(one.create_tags(["Fair"]), other.create_tags(["Fair"]))
        assert found == [{}, {}]
        assert one._tag_ids["Fair"] == other._tag_ids["Fair"]
    assert tag_names(lark).count("Fair") == 1


async def test_lists_and_emptied_fields_are_refused_before_anything_is_sent(lark: Lark) -> None:
    async with lark.connector() as connector:
        schema = await connector.read_schema()
    assert schema.refuses == Connector.documented_schema().refuses == {"blank_clear", "lists"}
