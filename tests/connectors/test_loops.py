"""What the Loops destination asks and sends: every line of its table, against a real local server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.automations import by_name
from connectors.base import Deletes, Remembered
from connectors.destinations.loops import Connector
from connectors.destinations.loops_team import CREATE, DELETE, FIND, UPDATE
from connectors.errors import CredentialsError, LookUpRefused, Unreachable
from connectors.pace import Pace
from connectors.sandbox.faults import Rule
from tests.connectors.teams import ANN, BEA, CLEO, NEWS, Team, contact, delivered, started


@pytest.fixture(scope="module")
def served() -> Iterator[Team]:
    with started() as team:
        yield team


@pytest.fixture
def team(served: Team) -> Iterator[Team]:
    served.running.reset()
    served.log.clear()
    yield served
    served.sandbox.acts.clear()
    served.sandbox.spoil = None
    assert not any(one["resubscribed"] for one in served.sandbox.contacts()), "nobody is ever re-subscribed"


# ---- what the account is


async def test_the_schema_has_the_team_s_properties_with_their_types_and_limits(team: Team) -> None:
    async with team.connector() as connector:
        schema = await connector.read_schema()
    types = {field.name: (field.type, field.max_length) for field in schema.fields}
    assert types["email"] == ("email", 500)
    assert types["userId"] == types["firstName"] == types["company"] == ("text", 500)
    assert (types["score"], types["isCustomer"], types["joinedAt"]) == (
        ("number", None), ("boolean", None), ("datetime", None),
    )  # fmt: skip
    assert not types.keys() & {"subscribed", "mailingLists", "optInStatus", "id", "notes", "createdAt"}
    assert schema.refuses == {"tags", "create_tags", "create_lists", "replace", "unconfirmed"}
    assert schema.live


async def test_lists_are_known_by_name_and_by_id(team: Team) -> None:
    async with team.connector() as connector:
        schema = await connector.read_schema()
    assert schema.lists["Newsletter"] == schema.lists[NEWS] == NEWS


def test_offline_the_standard_properties_are_known() -> None:
    schema = Connector.documented_schema()
    assert not schema.live
    assert schema.names() == ("email", "userId", "firstName", "lastName", "source", "userGroup")


@pytest.mark.parametrize(
    "name", ["id", "listId", "teamId", "notes", "subscribed", "eventName", "first_name", "Plan"]
)
def test_names_that_loops_cannot_take_are_refused(name: str) -> None:
    assert Connector.name_problem(name)
    assert not Connector.name_problem("favoriteColor")


async def test_an_address_that_answers_with_no_list_says_what_to_check(team: Team) -> None:
    team.sandbox.spoil = lambda _, __: {"success": True}
    with pytest.raises(Unreachable, match="LOOPS_BASE_URL"):
        async with team.connector():
            pass
    team.sandbox.spoil = None


async def test_nobody_can_be_listed(team: Team) -> None:
    async with team.connector() as connector:
        with pytest.raises(Unreachable):
            await connector.count()
        with pytest.raises(Unreachable):
            [page async for page in connector.survey()]


# ---- finding


async def test_an_address_is_looked_up_as_it_is_written_also_with_a_plus(team: Team) -> None:
    odd = "ann+news&x=1@example.com"
    team.seed(odd, firstName="Ann")
    async with team.connector() as connector:
        known = await connector.find(odd)
        assert team.asked() == [{"email": odd}]
        assert known is not None
        assert (known.key, known.status, known.opted_out, known.lists) == (
            odd,
            "subscribed",
            False,
            frozenset(),
        )
        assert await connector.find("ann news&x=1@example.com") is None


async def test_a_contact_is_known_with_status_fields_and_the_names_of_its_lists(team: Team) -> None:
    team.seed("Ann@Example.com", out=True, lists=("Newsletter",), userId="7", score=4)
    async with team.connector(by="userId") as connector:
        known = await connector.find("7")
    assert known is not None
    assert (known.key, known.status, known.opted_out) == ("7", "unsubscribed", True)
    assert known.lists == {"Newsletter"}
    assert (known.fields["email"], known.fields["score"], known.tags) == ("Ann@Example.com", 4, frozenset())
    assert not known.fields.keys() & {"id", "subscribed", "mailingLists", "optInStatus"}


@pytest.mark.parametrize(
    "body", [{}, [{}], [[]], [{"id": "x", "email": BEA}], [{"id": "x", "email": ANN}] * 2, "text"]
)
async def test_an_answer_that_is_not_about_this_contact_is_refused(team: Team, body: Any) -> None:
    async with team.connector() as connector:
        team.sandbox.spoil = lambda _, __: body
        with pytest.raises(LookUpRefused):
            await connector.find(ANN)


async def test_a_status_that_is_not_plainly_true_counts_as_opted_out(team: Team) -> None:
    async with team.connector() as connector:
        team.sandbox.spoil = lambda _, __: [{"id": "x", "email": ANN, "subscribed": None}]
        known = await connector.find(ANN)
    assert known is not None
    assert known.opted_out


# ---- not asked


async def test_who_was_never_delivered_is_sent_without_being_asked_for(team: Team) -> None:
    decision, result = await team.deliver(
        contact(firstName="Ann", score="12.50", isCustomer="true", company="42")
    )
    assert team.calls() == list(decision.calls) == [UPDATE]
    assert team.sent() == [
        {"email": ANN, "firstName": "Ann", "score": 12.5, "isCustomer": True, "company": "42"}
    ]
    assert (result.outcome, result.contact_id) == ("upserted", team.one()["id"])
    assert decision.upserts
    assert by_name(decision.automations) == {"Contact added": 1, "Contact updated": 4}


async def test_who_unsubscribed_there_is_updated_unseen_and_stays_unsubscribed(team: Team) -> None:
    team.seed(out=True, lastName="Lee")
    _, result = await team.deliver(contact())
    assert result.outcome == "upserted"
    assert team.one()["status"] == "UNSUBSCRIBED"
    assert team.one()["fields"]["lastName"] == "Lee"


@pytest.mark.parametrize(
    ("row", "rules"),
    [
        (contact(opted_out=True), {}),
        (contact(lists=("Newsletter",)), {}),
        (contact(off=("Newsletter",)), {}),
        (contact(firstName="A"), {"write": "create_only"}),
        (contact(firstName="A"), {"write": "update_only"}),
        (contact(firstName="A"), {"newcomers": "UNSUBSCRIBED"}),
        (contact(firstName="A"), {"lookup": True}),
        (contact(firstName="A"), {"writes": {"firstName": "if_empty"}}),
        (contact(firstName="A"), {"blanks": {"lastName": "clear_ours"}}),
        (contact(firstName="A"), {"together": (("firstName", "lastName"),)}),
        (contact("7", by="userId", firstName="A"), {"by": "userId"}),
    ],
)
async def test_who_is_asked_for_although_never_delivered(team: Team, row: Any, rules: dict[str, Any]) -> None:
    async with team.connector(**rules) as connector:
        assert connector.look_up_calls(row, None) == (FIND,)
        await connector.look_up(row, None)
        assert team.calls() == [FIND]


@pytest.mark.parametrize(
    "rules",
    [{"writes": {"lastName": "if_empty"}}, {"blanks": {"firstName": "clear_ours"}}, {"together": (("city", "country"),)},
     {"writes": {"firstName": "always"}}, {"blanks": {"lastName": "clear"}}],
)  # fmt: skip
async def test_rules_that_need_no_look_up_cost_none(team: Team, rules: dict[str, Any]) -> None:
    async with team.connector(**rules) as connector:
        assert connector.look_up_calls(contact(firstName="A"), None) == ()


async def test_who_is_suppressed_costs_nothing(team: Team) -> None:
    decision, result = await team.deliver(contact(), Remembered("", suppressed=True))
    assert (result.outcome, result.code) == ("protected", "suppressed")
    assert team.calls() == list(decision.calls) == []


# ---- not there


async def test_who_is_not_there_is_created_by_an_update_with_both_ids(team: Team) -> None:
    decision, result = await team.deliver(contact(userId="007", firstName="Ann"))
    assert team.asked() == [{"email": ANN}, {"userId": "007"}]
    assert team.sent() == [{"email": ANN, "userId": "007", "firstName": "Ann"}]
    assert result.outcome == "created"
    assert by_name(decision.automations) == {"Contact added": 1} == team.fired()


async def test_who_was_delivered_and_is_gone_is_left_alone(team: Team) -> None:
    decision, result = await team.deliver(contact(firstName="New"), delivered(contact_id="x"))
    assert (result.outcome, result.code) == ("protected", "gone")
    assert team.nobody()
    assert decision.calls == ()


async def test_gone_recreate_creates_as_if_new_after_asking_for_the_other_id_as_well(team: Team) -> None:
    row, before = contact(userId="7", firstName="New"), delivered(contact_id="x", userId="7", firstName="Ann")
    decision, result = await team.deliver(row, before, gone="recreate")
    assert decision.calls == (FIND, UPDATE)
    assert team.asked() == [{"email": ANN}, {"userId": "7"}]
    assert result.outcome == "created"


async def test_a_recreation_whose_userid_is_at_another_address_moves_that_contact(team: Team) -> None:
    team.seed(BEA, userId="7")
    row, before = contact(userId="7", firstName="New"), delivered(contact_id=team.one(BEA)["id"], userId="7")
    _, result = await team.deliver(row, before, gone="recreate")
    assert result.outcome == "updated"
    assert team.nobody(BEA)
    assert len(team.sandbox.contacts()) == 1


async def test_newcomers_may_come_in_unsubscribed(team: Team) -> None:
    decision, result = await team.deliver(contact(lists=("Newsletter",)), newcomers="UNSUBSCRIBED")
    assert team.calls()[1:] == list(decision.calls) == [CREATE]
    assert team.sent() == [{"email": ANN, "firstName": "Ann", "subscribed": False}]
    assert (result.outcome, result.opted_out) == ("created", True)


async def test_who_comes_before_an_unsubscribed_creation_is_not_unsubscribed(team: Team) -> None:
    _, result = await team.deliver(
        contact(firstName="New"), newcomers="UNSUBSCRIBED", meanwhile=lambda: team.seed(firstName="Old")
    )
    assert result.outcome == "updated"
    assert team.one()["status"] == "SUBSCRIBED"
    assert team.one()["fields"]["firstName"] == "New"


async def test_create_only_creates_who_is_not_there(team: Team) -> None:
    decision, result = await team.deliver(contact(), write="create_only")
    assert team.calls() == [FIND, CREATE]
    assert decision.calls == (CREATE,)
    assert result.outcome == "created"


async def test_create_only_leaves_who_is_there_and_who_comes_meanwhile(team: Team) -> None:
    _, late = await team.deliver(contact(BEA), write="create_only", meanwhile=lambda: team.seed(BEA))
    team.seed()
    _, result = await team.deliver(contact(), write="create_only")
    assert (late.outcome, late.code) == (result.outcome, result.code) == ("filtered", "exists")


async def test_update_only_leaves_who_is_not_there(team: Team) -> None:
    _, result = await team.deliver(contact(), write="update_only")
    assert (result.outcome, result.code) == ("filtered", "not_there")
    assert team.nobody()


async def test_a_userid_alone_creates_nobody(team: Team) -> None:
    _, result = await team.deliver(contact("7", by="userId", firstName="Ann"), by="userId")
    assert (result.outcome, result.problems[0][:2]) == ("invalid", ("required_blank", "email"))
    assert team.calls() == [FIND]


# ---- there


async def test_only_what_changed_at_the_source_is_sent(team: Team) -> None:
    team.seed(firstName="By hand", lastName="Lee")
    before = delivered(contact_id=team.one()["id"], firstName="Ann", lastName="Le")
    decision, result = await team.deliver(contact(firstName="Ann", lastName="Lea"), before)
    assert team.sent() == [{"email": ANN, "lastName": "Lea"}]
    assert decision.stays == {"firstName": ("By hand", "Ann")}
    assert (result.outcome, result.contact_id) == ("updated", before.contact_id)
    assert by_name(decision.automations) == {"Contact updated": 1} == team.fired()


async def test_who_has_exactly_this_already_is_not_written(team: Team) -> None:
    team.seed(firstName="Ann", joinedAt="2024-05-17T11:45:00.000Z", score=5)
    row = contact(firstName="Ann", joinedAt="2024-05-17T11:45:00Z", score="5")
    _, result = await team.deliver(row, lookup=True)
    assert (result.outcome, result.code) == ("unchanged", "already_there")
    assert team.calls() == [FIND]


async def test_dates_in_milliseconds_are_understood(team: Team) -> None:
    team.sandbox.switch({"date_shown": "milliseconds"})
    await team.deliver(contact(joinedAt="2024-05-17T11:45:00Z"))
    _, result = await team.deliver(contact(joinedAt="2024-05-17T11:45:00Z"), lookup=True)
    assert result.outcome == "unchanged"


async def test_null_clears(team: Team) -> None:
    team.seed(firstName="Ann", lastName="Lee", score=3)
    before = delivered(firstName="Ann", lastName="Lee", score="3")
    _, result = await team.deliver(
        contact(firstName="Ann"), before, blanks={"lastName": "clear", "score": "clear_ours"}
    )
    assert team.sent() == [{"email": ANN, "lastName": None, "score": None}]
    assert result.outcome == "updated"
    assert team.one()["fields"].keys() == {"firstName", "source"}


async def test_an_id_is_never_emptied(team: Team) -> None:
    team.seed(userId="7", firstName="Ann")
    before = delivered(firstName="Ann", userId="7")
    _, result = await team.deliver(contact(firstName="Ann"), before, blanks={"userId": "clear"})
    assert result.outcome == "unchanged"
    assert team.one()["fields"]["userId"] == "7"


async def test_who_has_a_userid_is_called_by_it_and_so_not_created_again(team: Team) -> None:
    team.seed(userId="7", firstName="Old")
    before = delivered(contact_id=team.one()["id"], firstName="Older")
    _, result = await team.deliver(contact(), before, meanwhile=lambda: team.sandbox.delete(ANN))
    assert team.sent() == [{"userId": "7", "firstName": "Ann"}]
    assert (result.outcome, result.code) == ("protected", "gone")
    assert team.nobody()


async def test_a_text_of_500_characters_arrives_and_a_longer_one_is_refused_in_loops_words(
    team: Team,
) -> None:
    _, fits = await team.deliver(contact(company="x" * 500))
    _, result = await team.deliver(contact(BEA, company="x" * 501))
    assert fits.outcome == "upserted"
    assert result.outcome == "refused"
    assert "500 characters" in str(result.problems)


# ---- identity


@pytest.mark.parametrize("user_id", ["7", "007", "1e3", "true"])
async def test_a_userid_is_always_a_string(team: Team, user_id: str) -> None:
    await team.deliver(contact(userId=user_id))
    assert team.one()["fields"]["userId"] == user_id


async def test_a_contact_without_a_userid_gets_the_row_s(team: Team) -> None:
    team.seed(firstName="Ann")
    decision, result = await team.deliver(contact(userId="7", firstName="Ann"))
    assert team.sent() == [{"email": ANN, "userId": "7"}]
    assert decision.calls == (UPDATE,)
    assert result.outcome == "updated"


async def test_another_userid_is_never_overwritten(team: Team) -> None:
    team.seed(userId="8")
    for before in (None, delivered(userId="7", firstName="Old")):
        _, result = await team.deliver(contact(userId="7", firstName="Ann"), before)
        assert (result.outcome, result.code) == ("protected", "identity_conflict")
        assert "userId 8" in result.reason
    assert team.one()["writes"] == 0


async def test_another_userid_is_overwritten_where_the_mapping_says_so_by_name(team: Team) -> None:
    team.seed(userId="8", firstName="Ann")
    _, result = await team.deliver(contact(userId="7", firstName="Ann"), writes={"userId": "always"})
    assert team.sent() == [{"email": ANN, "userId": "7"}]
    assert result.outcome == "updated"


async def test_two_contacts_of_one_row_are_an_identity_conflict(team: Team) -> None:
    team.seed()
    team.seed(BEA, userId="7")
    for rules in ({}, {"writes": {"userId": "always"}}, {"write": "update_only"}):
        _, result = await team.deliver(contact(userId="7", firstName="X"), **rules)
        assert (result.outcome, result.code) == ("protected", "identity_conflict")
    assert team.sent() == []
    assert len(team.sandbox.contacts()) == 2


async def test_a_pair_that_was_delivered_together_costs_one_look_up(team: Team) -> None:
    team.seed(userId="7", firstName="Old")
    before = delivered(contact_id=team.one()["id"], userId="7", firstName="Old")
    await team.deliver(contact(userId="7", firstName="New"), before)
    assert team.asked() == [{"email": ANN}]
    assert team.sent() == [{"userId": "7", "firstName": "New"}]


async def test_the_row_s_userid_under_another_address_gets_the_new_address(team: Team) -> None:
    team.seed(BEA, userId="7", firstName="Ann")
    before = team.one(BEA)["id"]
    decision, result = await team.deliver(contact(userId="7", firstName="Ann"))
    assert team.sent() == [{"userId": "7", "email": ANN}]
    assert decision.changes == {"email": (BEA, ANN)}
    assert (result.outcome, result.contact_id, team.one()["id"]) == ("updated", before, before)


async def test_a_changed_address_of_who_has_a_userid_is_one_call(team: Team) -> None:
    team.seed(BEA, out=True, userId="9", firstName="Ann")
    before = delivered(BEA, team.one(BEA)["id"])
    decision, result = await team.deliver(contact(), before)
    assert team.sent() == [{"userId": "9", "email": ANN}]
    assert decision.calls == (UPDATE,)
    assert (result.outcome, result.opted_out, team.one()["status"]) == ("updated", True, "UNSUBSCRIBED")


async def test_a_changed_address_of_who_has_none_attaches_the_userid_first(team: Team) -> None:
    team.seed(BEA, firstName="Ann")
    number = team.one(BEA)["id"]
    decision, result = await team.deliver(contact(userId="7", firstName="Anna"), delivered(BEA, number))
    assert team.asked() == [{"email": ANN}, {"userId": "7"}, {"email": BEA}]
    assert team.sent() == [
        {"email": BEA, "userId": "7"},
        {"userId": "7", "email": ANN, "firstName": "Anna"},
    ]
    assert decision.calls == (UPDATE, UPDATE)
    assert (result.outcome, team.one()["id"]) == ("updated", number)
    assert by_name(decision.automations) == team.fired() == {"Contact updated": 3}


async def test_a_first_write_that_landed_without_the_second_is_neither_delivered_nor_untouched(
    team: Team,
) -> None:
    team.seed(BEA, firstName="Ann")
    number = team.one(BEA)["id"]
    busy = Rule.parse("503:paths=contacts/update")
    team.sandbox.then(UPDATE, lambda: team.sandbox.faults.rules.append(busy))
    _, result = await team.deliver(contact(userId="7", firstName="Anna"), delivered(BEA, number))
    assert (team.one(BEA)["fields"]["userId"], team.nobody()) == ("7", True)
    assert (result.outcome, result.code, result.untouched) == ("unknown", "no_clear_answer", False)
    assert "its userId is set, its new address is not: 503" in str(result.problems)


async def test_who_is_created_again_by_the_first_of_two_writes_gets_the_second_one_too(team: Team) -> None:
    team.seed(BEA, firstName="Ann", out=True)
    number = team.one(BEA)["id"]
    before = delivered(BEA, number, opted_out=True)
    asked = contact(userId="7", firstName="Anna")
    _, result = await team.deliver(asked, before, meanwhile=lambda: team.sandbox.delete(BEA))
    assert team.nobody(BEA)
    there = team.one()
    assert (there["fields"]["userId"], there["fields"]["firstName"], there["status"]) == (
        "7", "Anna", "UNSUBSCRIBED",
    )  # fmt: skip
    assert (result.outcome, result.code, result.contact_id) == ("upserted", "id_changed", there["id"])
    assert [code for code, *_ in result.problems] == ["id_changed"]
    assert Counter(team.fired()) <= Counter(by_name(result.decision.automations))


async def test_an_address_that_cannot_be_changed_is_said(team: Team) -> None:
    team.seed(BEA)
    _, result = await team.deliver(contact(), delivered(BEA, team.one(BEA)["id"]))
    assert (result.outcome, result.code) == ("protected", "identity_conflict")
    assert "no userId" in result.reason


async def test_a_new_address_that_is_somebody_else_s_is_an_identity_conflict(team: Team) -> None:
    team.seed()
    team.seed(BEA, userId="7")
    _, result = await team.deliver(contact(userId="7", firstName="X"), delivered(BEA, team.one(BEA)["id"]))
    assert (result.outcome, result.code) == ("protected", "identity_conflict")
    assert team.sent() == []


async def test_an_old_address_that_is_another_contact_s_by_now_is_left_alone(team: Team) -> None:
    team.seed(BEA, userId="8")
    _, result = await team.deliver(contact(), delivered(BEA, "cl00000000"))
    assert (result.outcome, result.code) == ("protected", "identity_conflict")
    assert team.nobody()


async def test_an_address_that_differs_in_case_only_is_the_same(team: Team) -> None:
    team.seed("Ann@Example.com", userId="7", firstName="Ann")
    _, result = await team.deliver(contact(userId="7", firstName="Ann"))
    assert result.outcome == "unchanged"


async def test_by_userid_a_changed_address_is_an_ordinary_change(team: Team) -> None:
    team.seed(BEA, userId="7", firstName="Ann")
    before = delivered("7", team.one(BEA)["id"], by="userId", email=BEA, firstName="Ann")
    _, result = await team.deliver(contact("7", by="userId", email=ANN, firstName="Ann"), before, by="userId")
    assert team.asked() == [{"userId": "7"}, {"email": ANN}]
    assert team.sent() == [{"userId": "7", "email": ANN}]
    assert result.outcome == "updated"


async def test_by_userid_a_contact_of_the_address_without_one_gets_it(team: Team) -> None:
    team.seed(firstName="Old")
    row = contact("7", by="userId", email=ANN, firstName="Ann")
    _, result = await team.deliver(row, by="userId")
    assert team.sent() == [{"email": ANN, "userId": "7", "firstName": "Ann"}]
    assert result.outcome == "updated"


async def test_by_userid_a_contact_of_the_address_with_another_one_is_left_alone(team: Team) -> None:
    team.seed(userId="8")
    _, result = await team.deliver(contact("7", by="userId", email=ANN), by="userId")
    assert (result.outcome, result.code) == ("protected", "identity_conflict")


async def test_by_userid_two_contacts_are_an_identity_conflict(team: Team) -> None:
    team.seed()
    team.seed(BEA, userId="7")
    _, result = await team.deliver(contact("7", by="userId", email=ANN), by="userId")
    assert (result.outcome, result.code) == ("protected", "identity_conflict")
    assert team.sent() == []


async def test_by_userid_one_without_an_address_updates_who_is_there(team: Team) -> None:
    team.seed(userId="7")
    _, result = await team.deliver(contact("7", by="userId", firstName="Ann"), by="userId")
    assert team.sent() == [{"userId": "7", "firstName": "Ann"}]
    assert result.outcome == "updated"


async def test_by_userid_a_new_contact_gets_both(team: Team) -> None:
    _, result = await team.deliver(contact("7", by="userId", email=ANN, firstName="Ann"), by="userId")
    assert team.sent() == [{"email": ANN, "userId": "7", "firstName": "Ann"}]
    assert result.outcome == "created"


# ---- consent and lists


async def test_who_opted_out_and_may_be_mailed_is_unsubscribed(team: Team) -> None:
    team.seed(firstName="Ann")
    decision, result = await team.deliver(contact(opted_out=True))
    assert team.sent() == [{"email": ANN, "subscribed": False}]
    assert (decision.opts_out, result.outcome, result.opted_out) == (True, "updated", True)
    assert by_name(decision.automations) == team.fired()


async def test_a_newcomer_who_opted_out_comes_in_unsubscribed_and_on_no_list(team: Team) -> None:
    decision, result = await team.deliver(contact(lists=("Newsletter",), opted_out=True))
    assert team.sent() == [{"email": ANN, "firstName": "Ann", "subscribed": False}]
    assert (decision.creates, decision.status, result.outcome) == (True, "UNSUBSCRIBED", "created")


async def test_who_is_out_already_is_not_told_again(team: Team) -> None:
    team.seed(out=True, firstName="Ann")
    _, result = await team.deliver(contact(opted_out=True))
    assert result.outcome == "unchanged"
    assert team.sent() == []


async def test_what_the_ledger_knows_of_an_opt_out_counts(team: Team) -> None:
    team.seed(firstName="Ann")
    await team.deliver(contact(), Remembered("", opted_out=True))
    assert team.one()["status"] == "UNSUBSCRIBED"


async def test_an_opt_out_alone_unsubscribes_who_is_there_and_creates_nobody(team: Team) -> None:
    team.seed()
    team.seed(BEA, out=True, userId="7")
    async with team.connector() as connector:
        results = [await connector.opt_out(key) for key in (ANN, BEA, CLEO)]
    assert [result.outcome for result in results] == ["updated", "unchanged", "unchanged"]
    assert team.sent() == [{"email": ANN, "subscribed": False}]
    assert team.nobody(CLEO)
    async with team.connector(by="userId") as connector:
        team.seed(BEA)
        assert (await connector.opt_out("7")).outcome == "updated"
    assert team.sent() == [{"userId": "7", "subscribed": False}]


async def test_lists_are_joined_and_left_and_only_what_changes_is_sent(team: Team) -> None:
    team.seed(firstName="Ann", lists=("Events", "Partners"))
    row = contact(lists=(NEWS, "Events"), off=("Partners", "Product news"))
    decision, result = await team.deliver(row)
    assert team.sent() == [{"email": ANN, "mailingLists": {NEWS: True, "cm0sandbox0000partners00d": False}}]
    assert (decision.lists, decision.lists_off) == (("Newsletter",), ("Partners",))
    assert by_name(decision.automations) == {"Contact added to list": 1} == team.fired()
    assert result.outcome == "updated"
    assert team.one()["tags"] == ["Events", "Newsletter"]


async def test_who_is_not_subscribed_joins_no_list_and_may_leave_one(team: Team) -> None:
    team.seed(out=True, firstName="Ann", lists=("Events",))
    await team.deliver(contact(lists=("Newsletter",), off=("Events",)))
    assert team.sent() == [{"email": ANN, "mailingLists": {"cm0sandbox00000events000c": False}}]


@pytest.mark.parametrize("write", ["add", "own", "replace"])
async def test_nobody_is_put_back_on_a_list_that_they_left(team: Team, write: str) -> None:
    team.seed(firstName="Ann")
    for contact_id in (team.one()["id"], "another"):
        before = delivered(contact_id=contact_id, lists=(NEWS,), own=("Newsletter",))
        _, result = await team.deliver(contact(lists=(NEWS,)), before, lists=write)
        assert result.outcome == "unchanged"
    assert team.sent() == []


async def test_lists_of_our_own_go_when_the_row_has_them_no_more(team: Team) -> None:
    team.seed(firstName="Ann", lists=("Newsletter", "Events"))
    before = delivered(contact_id=team.one()["id"], lists=("Newsletter",), own=("Newsletter",))
    decision, _ = await team.deliver(contact(), before, lists="own")
    assert decision.lists_off == ("Newsletter",)
    assert team.one()["tags"] == ["Events"]


# ---- faults


UNCLEAR = [
    "500",
    "503",
    "503:applied=true",
    "reset_before",
    "reset_after",
    "non_json",
    "non_json_502",
    "truncated",
]


@pytest.mark.parametrize("fault", UNCLEAR)
@pytest.mark.parametrize("kind", ["blind", "new", "known", "moved", "list", "create"])
async def test_a_write_without_a_clear_answer_lands_once_and_is_said_to_have_landed(
    team: Team, kind: str, fault: str
) -> None:
    row, before, rules = contact(firstName="Ann"), None, {}
    if kind == "new":
        row = contact(userId="7", firstName="Ann")
    if kind in ("known", "list"):
        team.seed(firstName="Old")
        row = contact(firstName="Ann", lists=("Newsletter",) if kind == "list" else ())
        before = delivered(contact_id=team.one()["id"], firstName="Old")
    if kind == "moved":
        team.seed(BEA, firstName="Old")
        row, before = (
            contact(userId="7", firstName="Ann"),
            delivered(BEA, team.one(BEA)["id"], firstName="Old"),
        )
    if kind == "create":
        rules = {"write": "create_only"}
    name, _, more = fault.partition(":")
    more = f",{more}" if more else ""
    team.running.faults(f"{name}:next=1,paths=contacts/(update|create){more}")
    decision, result = await team.deliver(row, before, **rules)
    expected = "upserted" if decision.upserts else "created" if decision.creates else "updated"
    assert result.outcome == expected
    [one] = team.sandbox.contacts()
    assert (one["email_address"], one["fields"]["firstName"]) == (ANN, "Ann")
    assert result.contact_id == one["id"]
    assert all(count <= by_name(decision.automations).get(name, 0) for name, count in team.fired().items())


@pytest.mark.parametrize("fault", ["500", "reset_before", "non_json_502"])
async def test_a_write_that_never_got_through_failed_and_is_known_not_to_be_applied(
    team: Team, fault: str
) -> None:
    team.running.faults(f"{fault}:paths=contacts/update")
    _, new = await team.deliver(contact())
    team.seed(BEA, firstName="Old")
    _, known = await team.deliver(contact(BEA), delivered(BEA, team.one(BEA)["id"], firstName="Older"))
    assert (new.outcome, known.outcome) == ("failed", "failed")
    assert new.troubled
    assert known.troubled


async def test_a_write_that_nobody_can_look_up_is_unknown(team: Team) -> None:
    async with team.connector() as connector:
        team.running.faults("reset_after")
        result = await connector.deliver(contact(), None, None, None)
    assert (result.outcome, result.code) == ("unknown", "no_clear_answer")


async def test_a_slow_answer_is_settled_by_a_look_up(team: Team) -> None:
    async with team.connector() as connector:
        connector._wire._timeout = 0.3
        team.running.faults("late:next=1,seconds=1,paths=contacts/update")
        result = await connector.deliver(contact(), None, None, None)
    assert result.outcome == "upserted"
    assert len(team.sandbox.contacts()) == 1


@pytest.mark.parametrize("body", ["json", "empty", "text"])
@pytest.mark.parametrize("header", ["", ",retry_after=0"])
async def test_a_429_is_waited_for_and_no_failure(team: Team, body: str, header: str) -> None:
    team.sandbox.switch({"rate_body": body})
    team.running.faults(f"429:next=2,paths=contacts/update{header}")
    _, result = await team.deliver(contact(), pace=Pace(5000, patient=0.02))
    assert result.outcome == "upserted"
    assert len(team.sent()) == 3


async def test_an_answer_without_an_id_is_settled_by_a_look_up(team: Team) -> None:
    team.sandbox.spoil = lambda name, body: {"success": True} if name == UPDATE else body
    _, result = await team.deliver(contact())
    assert (result.outcome, result.code, result.contact_id) == ("upserted", "looked_up", team.one()["id"])


async def test_another_id_than_the_one_looked_up_is_said(team: Team) -> None:
    team.seed(firstName="Old")
    number = team.one()["id"]
    before = delivered(contact_id=number, firstName="Older")
    _, result = await team.deliver(contact(), before, meanwhile=lambda: team.sandbox.delete(ANN))
    assert (result.outcome, result.code) == ("upserted", "id_changed")
    [problem] = result.problems
    assert problem[0] == "id_changed"
    assert problem[3] == {"was": number, "now": team.one()["id"]}


async def test_an_opt_out_outlives_a_contact_that_was_removed_at_the_wrong_moment(team: Team) -> None:
    team.seed(firstName="Old", out=True)
    before = delivered(contact_id=team.one()["id"], firstName="Older")
    _, result = await team.deliver(contact(), before, meanwhile=lambda: team.sandbox.delete(ANN))
    assert result.opted_out
    assert team.one()["status"] == "UNSUBSCRIBED"


@pytest.mark.parametrize("ends", ["look-up", "write", "key"])
async def test_who_was_created_again_and_not_opted_out_is_unclear_and_not_untouched(
    team: Team, ends: str
) -> None:
    team.seed(firstName="Old", out=True)
    before = delivered(contact_id=team.one()["id"], firstName="Older")
    broken = Rule.parse(f"503:paths={'contacts/find' if ends == 'look-up' else 'contacts/update'}")

    def breaks() -> None:
        if ends == "key":
            team.sandbox.switch({"keys": "other"})
        else:
            team.sandbox.faults.rules.append(broken)

    team.sandbox.then(UPDATE, breaks)
    _, result = await team.deliver(contact(), before, meanwhile=lambda: team.sandbox.delete(ANN))
    assert team.one()["status"] == "SUBSCRIBED"
    assert (result.outcome, result.code, result.untouched) == ("unknown", "no_clear_answer", False)
    assert "its opt-out was not carried" in str(result.problems)
    assert result.opted_out, "so that the next sync carries it"
    assert Counter(team.fired()) <= Counter(by_name(result.decision.automations))


async def test_a_key_that_is_withdrawn_before_an_unclear_write_could_be_looked_up_leaves_it_unclear(
    team: Team,
) -> None:
    team.seed(firstName="Old")
    team.sandbox.then(UPDATE, lambda: team.sandbox.switch({"keys": "other"}))
    team.running.faults("reset_after:paths=contacts/update")
    _, result = await team.deliver(contact(lists=("Newsletter",)), delivered(contact_id=team.one()["id"]))
    assert "Newsletter" in team.one()["tags"]
    assert (result.outcome, result.code, result.untouched) == ("unknown", "no_clear_answer", False)


async def test_a_key_that_is_not_accepted_stops_and_nothing_is_sent(team: Team) -> None:
    with pytest.raises(CredentialsError):
        await team.deliver(contact(), key="stolen")
    assert team.nobody()


async def test_a_key_that_is_withdrawn_between_two_calls_leaves_what_is_left_to_the_next_run(
    team: Team,
) -> None:
    team.seed(BEA, firstName="Old")
    team.sandbox.then(UPDATE, lambda: team.sandbox.switch({"keys": "other"}))
    before = delivered(BEA, team.one(BEA)["id"])
    _, result = await team.deliver(contact(userId="7"), before)
    assert (result.outcome, result.code) == ("unknown", "no_clear_answer")
    team.sandbox.switch({"keys": "sandbox-key"})
    _, again = await team.deliver(contact(userId="7"), before)
    assert again.outcome == "updated"
    assert len(team.sandbox.contacts()) == 1


# ---- the rate


async def test_ten_a_second_are_never_exceeded(team: Team) -> None:
    team.sandbox.switch({"rate": "10"})
    async with team.connector(pace=Pace(10.0)) as connector:
        await asyncio.gather(
            *(connector.deliver(contact(f"p{n}@example.com"), None, None, None) for n in range(25))
        )
    assert connector.traffic.throttled == 0
    assert len(team.sandbox.contacts()) == 25


async def test_a_limit_that_is_lower_than_ours_is_kept(team: Team) -> None:
    team.sandbox.switch({"rate": "4"})
    pace = Pace(10.0)
    async with team.connector(pace=pace):
        assert pace.allowed == 4
    team.sandbox.switch({"rate": "20"})
    async with team.connector(pace=pace):
        assert pace.allowed == 10


# ---- deleting


@pytest.mark.parametrize("by", ["email", "userId"])
async def test_a_contact_that_still_has_its_id_is_deleted_by_its_key(team: Team, by: str) -> None:
    team.seed(userId="u1")
    async with team.connector(by=by) as connector:
        assert isinstance(connector, Deletes) == connector.deletes
        key = ANN if by == "email" else "u1"
        done = await connector.delete(key, team.one()["id"])
        assert (done.outcome, done.code) == ("updated", "deleted")
        assert team.calls() == [FIND, DELETE]
        assert team.log[-1].body == {by: key}
        assert team.nobody()
        again = await connector.delete(key, done.contact_id)
    assert (again.outcome, again.code, team.calls()[2:]) == ("unchanged", "already_gone", [FIND])


async def test_another_contact_that_has_the_key_by_now_is_not_deleted(team: Team) -> None:
    team.seed()
    async with team.connector() as connector:
        done = await connector.delete(ANN, "another-id")
    assert (done.outcome, done.code, team.calls()) == ("protected", "identity_conflict", [FIND])
    assert not team.nobody()


@pytest.mark.parametrize(
    ("fault", "deletes"),
    [("reset_after:next=1", 1), ("reset_before:next=1", 2), ("500:next=1", 2), ("500:next=1,applied=true", 1), ("non_json:next=1", 1)],
)  # fmt: skip
async def test_a_deletion_without_a_clear_answer_is_settled_by_a_look_up(
    team: Team, fault: str, deletes: int
) -> None:
    team.seed()
    async with team.connector() as connector:
        contact_id = team.one()["id"]
        team.running.faults(f"{fault},paths=delete")
        done = await connector.delete(ANN, contact_id)
    assert (done.outcome, done.code) == ("updated", "deleted")
    assert team.calls().count(DELETE) == deletes
    assert team.nobody()


async def test_who_was_removed_between_look_up_and_deletion_is_gone(team: Team) -> None:
    team.seed()
    async with team.connector() as connector:
        contact_id = team.one()["id"]
        team.sandbox.then(DELETE, lambda: team.sandbox.delete(ANN), when="before")
        done = await connector.delete(ANN, contact_id)
    assert (done.outcome, done.code) == ("updated", "deleted")
    assert team.nobody()


async def test_a_key_that_is_withdrawn_before_a_deletion_could_be_looked_up_leaves_it_unclear(
    team: Team,
) -> None:
    team.seed()
    async with team.connector() as connector:
        contact_id = team.one()["id"]
        team.running.faults("reset_after:paths=delete")
        team.sandbox.then(DELETE, lambda: team.sandbox.switch({"keys": "other"}))
        done = await connector.delete(ANN, contact_id)
    assert (done.outcome, done.code) == ("unknown", "no_clear_answer")
    assert team.nobody()


async def test_a_deletion_that_is_never_answered_has_failed_where_the_contact_is_there_and_is_unknown_otherwise(
    team: Team,
) -> None:
    team.seed()
    async with team.connector() as connector:
        contact_id = team.one()["id"]
        team.running.faults("500:paths=delete")
        done = await connector.delete(ANN, contact_id)
        assert (done.outcome, team.calls().count(DELETE)) == ("failed", 3)
        assert not team.nobody()
        team.running.clear_faults()
        team.running.faults("reset_after:paths=delete")
        team.sandbox.then(DELETE, lambda: team.sandbox.faults.rules.append(Rule.parse("500:paths=find")))
        done = await connector.delete(ANN, contact_id)
    assert (done.outcome, done.code) == ("unknown", "no_clear_answer")


@pytest.mark.parametrize("out", [False, True])
@pytest.mark.parametrize("newcomers", ["SUBSCRIBED", "UNSUBSCRIBED"])
@pytest.mark.parametrize("write", ["merge", "create_only", "update_only"])
@pytest.mark.parametrize("lookup", [False, True])
async def test_who_unsubscribes_between_the_look_up_and_the_write_stays_out_under_any_write_mode(
    team: Team, write: str, newcomers: str, *, lookup: bool, out: bool
) -> None:
    """By address, by userId, moved and new; `out`: the row or the ledger says so, too."""
    team.seed(ANN, firstName="Old")
    team.seed(BEA, firstName="Old", userId="7")
    cases = [
        (contact(ANN, lists=("Newsletter",), opted_out=out, firstName="New"), None, ANN),
        (contact(BEA, opted_out=out, firstName="New", userId="7"), Remembered("", opted_out=out), BEA),
        (contact("new@example.com", opted_out=out, firstName="New", userId="7"), delivered(BEA, firstName="Old"), BEA),
        (contact(CLEO, opted_out=out, firstName="New"), None, CLEO),
    ]  # fmt: skip
    for row, remembered, before in cases:

        def leaves(address: str = before) -> None:
            team.seed(address, out=True)

        await team.deliver(row, remembered, meanwhile=leaves, write=write, newcomers=newcomers, lookup=lookup)
        [now] = [one for one in team.sandbox.contacts() if one["email_address"] in (before, row.key)]
        assert (now["status"], now["resubscribed"]) == ("UNSUBSCRIBED", False), (row, now)
    assert True not in [body.get("subscribed") for body in team.sent()]
