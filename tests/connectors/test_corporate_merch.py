"""The Corporate Merch destination against its sandbox: which calls are made, what they carry, what is left there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.base import Delivered, Remembered
from connectors.destinations.corporate_merch import Connector
from connectors.destinations.corporate_merch_inferred import Inferred
from connectors.destinations.corporate_merch_pages import TWICE
from connectors.errors import CredentialsError, Unreachable
from connectors.pace import Pace
from connectors.patience import Patience
from mappings.engine.problems.codes import CODES
from tests.connectors.merches import (
    ANN,
    BEA,
    CREATE,
    LEE,
    LIST,
    MORE,
    PUT,
    Merch,
    Request,
    contact,
    delivered,
    started,
    surveyed,
)  # fmt: skip
from tests.connectors.test_pace import in_a_quiet_moment

NEVER = Patience(attempts=1, seconds=1.0, first=0.01, most=0.01)


@pytest.fixture
def merch() -> Iterator[Merch]:
    with started() as found:
        yield found


def words(result: Delivered) -> str:
    """What the problems say to a person: every code is documented, every template is filled."""
    said = []
    for code, tag, value, detail in result.problems:
        known = {"column": tag, "value": value, "field": tag, **detail}
        said.append(CODES[code].message.format_map(known) + " " + CODES[code].fix.format_map(known))
    return " ".join(said)


def codes(result: Delivered) -> list[tuple[str, str]]:
    return [(code, tag) for code, tag, _, _ in result.problems]


# ---- the table of calls


async def test_merge_creates_who_is_not_there_with_labels_and_lists_inside(merch: Merch) -> None:
    decision, result = await merch.deliver(contact(tags=("501",), lists=("12", "11"), birthday="1990-01-15"))
    body = {"email": ANN, **LEE, "birthday": "1990-01-15", "labels": [501], "lists": [11, 12]}
    assert merch.log == [Request(CREATE, body)]
    assert (decision.creates, decision.calls) == (True, (CREATE,))
    assert (result.outcome, result.contact_id, result.problems) == ("created", merch.one()["id"], ())
    assert (merch.one()["list_ids"], merch.one()["label_ids"]) == ([11, 12], [501])


async def test_every_field_of_a_new_contact_arrives_and_none_is_ignored(merch: Merch) -> None:
    given = {tag: str(value).lower() if isinstance(value, bool) else value for tag, value in MORE.items()}
    _, result = await merch.deliver(contact(**given))
    assert (result.outcome, result.kept) == ("created", {})
    assert merch.fields() == {**LEE, **MORE}
    assert merch.one()["ignored"] == []
    assert merch.log[0].body["unit"] == "Tower 2", "the code that creates contacts calls the second line so"


async def test_who_was_delivered_and_is_gone_is_protected(merch: Merch) -> None:
    decision, result = await merch.deliver(contact(), delivered())
    assert (decision.outcome, result.outcome, result.code) == ("protected", "protected", "gone")
    assert merch.log == []


async def test_who_is_gone_is_created_again_where_the_mapping_says_so(merch: Merch) -> None:
    _, result = await merch.deliver(contact(), delivered(), gone="recreate")
    assert (result.outcome, merch.calls()) == ("created", [CREATE])


async def test_merge_sends_the_whole_contact_as_it_is_there_with_the_changes(merch: Merch) -> None:
    merch.seed(lists=(12,), labels=(502,), **MORE)
    decision, result = await merch.deliver(contact(position="Boss", lists=("11",), tags=("501",)))
    assert merch.calls() == list(decision.calls) == [PUT]
    assert decision.changes == {"position": ("Lady", "Boss")}
    assert merch.writes() == [
        {"email": ANN, **LEE, **MORE, "position": "Boss", "lists": [11, 12], "labels": [501, 502]}
    ]
    assert (result.outcome, result.problems) == ("updated", ())
    assert merch.fields() == {**LEE, **MORE, "position": "Boss"}
    assert (merch.one()["list_ids"], merch.one()["label_ids"]) == ([11, 12], [501, 502])


async def test_a_changed_address_is_the_same_contact_with_the_new_address(merch: Merch) -> None:
    merch.seed(BEA, lists=(12,), **MORE)
    before = merch.one(BEA)["id"]
    decision, result = await merch.deliver(contact(), delivered(BEA, before))
    assert (decision.changes["email"], merch.calls()) == ((BEA, ANN), [PUT])
    assert (result.outcome, result.contact_id) == ("updated", before)
    assert merch.fields() == {**LEE, **MORE}
    assert merch.one()["list_ids"] == [12]


async def test_two_contacts_of_one_person_are_left_alone(merch: Merch) -> None:
    merch.seed(ANN)
    merch.seed(BEA)
    _, result = await merch.deliver(contact(), delivered(BEA))
    assert (result.outcome, result.code, merch.log) == ("protected", "identity_conflict", [])


async def test_an_old_address_that_is_another_s_by_now_is_left_alone(merch: Merch) -> None:
    merch.seed(BEA)
    _, result = await merch.deliver(contact(), delivered(BEA, "1"))
    assert (result.outcome, result.code, merch.log) == ("protected", "identity_conflict", [])


async def test_two_contacts_with_one_address_there_are_left_alone_and_the_oldest_is_named(
    merch: Merch,
) -> None:
    merch.seed()
    merch.seed(another=True, first_name="Anna")
    _, result = await merch.deliver(contact(position="Boss"))
    assert (result.outcome, result.code, result.reason) == ("protected", "identity_conflict", TWICE)
    assert (result.contact_id, merch.log) == (merch.ids()[0], [])


@pytest.mark.parametrize("there", [True, False])
async def test_create_only_creates_and_changes_nobody(merch: Merch, there: bool) -> None:
    if there:
        merch.seed()
    _, result = await merch.deliver(contact(position="Boss"), write="create_only")
    assert (result.outcome, result.code) == (("filtered", "exists") if there else ("created", ""))
    assert merch.calls() == ([] if there else [CREATE])


@pytest.mark.parametrize("there", [True, False])
async def test_update_only_changes_and_creates_nobody(merch: Merch, there: bool) -> None:
    if there:
        merch.seed()
    _, result = await merch.deliver(contact(position="Boss"), write="update_only")
    assert (result.outcome, result.code) == (("updated", "") if there else ("filtered", "not_there"))
    assert merch.calls() == ([PUT] if there else [])


async def test_replace_creates_who_is_not_there(merch: Merch) -> None:
    _, result = await merch.deliver(contact(), write="replace")
    assert (result.outcome, merch.calls()) == ("created", [CREATE])


async def test_replace_sends_the_row_s_fields_only_and_keeps_lists_that_are_only_added(merch: Merch) -> None:
    merch.seed(lists=(12,), labels=(502,), **MORE)
    _, result = await merch.deliver(contact(lists=("11",)), write="replace")
    assert result.outcome == "updated"
    assert {tag: value for tag, value in merch.fields().items() if value is not False} == LEE
    assert (merch.one()["list_ids"], merch.one()["label_ids"]) == ([11, 12], [502])


async def test_replaced_lists_and_labels_are_exactly_the_row_s(merch: Merch) -> None:
    merch.seed(lists=(12,), labels=(502,))
    await merch.deliver(contact(lists=("11",)), write="replace", lists="replace", tags="replace")
    assert merch.writes()[0]["lists"] == [11]
    assert merch.writes()[0]["labels"] == []
    assert (merch.one()["list_ids"], merch.one()["label_ids"]) == ([11], [])


async def test_own_lists_go_when_the_row_has_them_no_more_and_others_stay(merch: Merch) -> None:
    merch.seed(lists=(11, 12))
    await merch.deliver(
        contact(), delivered(lists=("11",), own_lists=("11",), contact_id=merch.ids()[0]), lists="own"
    )
    assert merch.one()["list_ids"] == [12]


async def test_who_is_there_exactly_so_is_unchanged_and_costs_no_call(merch: Merch) -> None:
    merch.seed(lists=(11,), labels=(501,), **MORE)
    decision, result = await merch.deliver(contact(lists=("11",), tags=("501",)))
    assert (decision.outcome, result.outcome, result.contact_id, merch.log) == (
        "unchanged", "unchanged", merch.ids()[0], [],
    )  # fmt: skip


async def test_what_somebody_changed_there_by_hand_stays(merch: Merch) -> None:
    merch.seed(position="Queen")
    decision, result = await merch.deliver(contact(position="Boss"), delivered(position="Boss"))
    assert decision.stays == {"position": ("Queen", "Boss")}
    assert (result.outcome, merch.log) == ("unchanged", [])


async def test_the_suppression_list_protects(merch: Merch) -> None:
    _, result = await merch.deliver(contact(), Remembered("", suppressed=True))
    assert (result.outcome, result.code, merch.log) == ("protected", "suppressed", [])


async def test_nobody_is_opted_out_because_nobody_is_mailed(merch: Merch) -> None:
    merch.seed()
    async with merch.connector() as connector:
        assert (await connector.opt_out(ANN)).outcome == "unchanged"
        assert not Connector.mails_people
        assert not Connector.opt_out_calls
    assert merch.log == []


# ---- nothing of theirs is lost


@pytest.mark.parametrize("lists", ["replace", "add"])
@pytest.mark.parametrize("omitted", ["clear", "keep"])
@pytest.mark.parametrize("shown", ["ids", "objects"])
async def test_an_update_loses_nothing_whatever_omitting_and_lists_mean_there(
    omitted: str, lists: str, shown: str
) -> None:
    with started(omitted=omitted, lists=lists, lists_shown=shown) as merch:
        merch.seed(lists=(11, 12), labels=(501, 502), **MORE)
        _, result = await merch.deliver(contact(position="Boss", lists=("13",)))
        assert (result.outcome, result.problems) == ("updated", ())
        assert merch.fields() == {**LEE, **MORE, "position": "Boss"}
        assert sorted(merch.one()["list_ids"]) == [11, 12, 13]
        assert merch.one()["label_ids"] == [501, 502]


async def test_lists_that_are_not_shown_are_not_sent_and_that_is_said() -> None:
    with started(lists_shown="absent", omitted="keep") as merch:
        merch.seed(lists=(11, 12))
        _, result = await merch.deliver(contact(position="Boss", lists=("13",)))
        assert "lists" not in merch.writes()[0]
        assert (result.outcome, codes(result)) == ("updated", [("names_unseen", "lists")])
        assert merch.one()["list_ids"] == [11, 12]
        assert "13 was not added" in words(result)


async def test_other_names_of_guessed_fields_are_learned_from_the_list() -> None:
    with started(guessed_names="other", unknown_keys="refuse") as merch:
        merch.seed(**MORE)
        _, result = await merch.deliver(contact(position="Boss", classification="Regular"))
        assert (result.outcome, result.problems) == ("updated", ())
        assert merch.writes()[0]["contact_classification"] == "Regular"
        assert merch.fields() == {**LEE, **MORE, "position": "Boss", "classification": "Regular"}


@pytest.mark.parametrize("verb", ["put", "patch", "post"])
async def test_the_verb_of_an_update_is_said_in_one_place(verb: str) -> None:
    with started(update=verb) as merch:
        merch.seed()
        inferred = Inferred(update=verb.upper())
        _, result = await merch.deliver(contact(position="Boss"), inferred=inferred)
        assert (result.outcome, merch.calls()) == ("updated", [f"{verb.upper()} /contacts/{{id}}"])


async def test_another_verb_than_the_api_s_is_refused_with_its_words() -> None:
    with started(update="patch") as merch:
        merch.seed()
        _, result = await merch.deliver(contact(position="Boss"))
        assert result.outcome == "refused"
        assert "405" in words(result)


async def test_a_name_of_the_second_line_that_is_not_known_is_seen_in_the_answer() -> None:
    with started(second_line="address2") as merch:
        _, result = await merch.deliver(contact(address2="Tower 2"))
        assert (result.outcome, codes(result)) == ("created", [("kept_differently", "address2")])
        _, result = await merch.deliver(
            contact(BEA, address2="Tower 2"), inferred=Inferred(second_line="address2")
        )
        assert (result.outcome, result.problems) == ("created", ())


@pytest.mark.parametrize("ids", ["numbers", "texts"])
@pytest.mark.parametrize("status", ["201", "200"])
async def test_ids_and_the_status_of_a_creation_may_be_either(ids: str, status: str) -> None:
    with started(ids=ids, create_status=status) as merch:
        _, result = await merch.deliver(contact())
        assert (result.outcome, result.contact_id) == ("created", merch.ids()[0])


# ---- the address is one block


async def test_a_new_address_is_sent_as_a_whole_and_its_flags_are_set_to_false(merch: Merch) -> None:
    merch.seed(**MORE)
    decision, result = await merch.deliver(
        contact(address="9 New Street", city="Boston", state="MA", zip_code="02108")
    )
    assert set(decision.changes) == {
        "address", "address2", "city", "state", "zip_code", "address_validated", "address_verified",
    }  # fmt: skip
    assert result.outcome == "updated"
    assert "address2" not in merch.fields()
    assert merch.fields()["address_validated"] is merch.fields()["address_verified"] is False


async def test_flags_that_the_mapping_maps_are_the_row_s(merch: Merch) -> None:
    merch.seed(**MORE)
    asked = contact(address="9 New Street", address_validated="true")
    await merch.deliver(asked, types={"address_validated": "boolean"})
    assert merch.fields()["address_validated"] is True
    assert merch.fields()["address_verified"] is False


async def test_other_changes_leave_the_flags_and_the_second_line(merch: Merch) -> None:
    merch.seed(**MORE)
    await merch.deliver(contact(position="Boss"))
    assert merch.fields()["address_validated"] is True
    assert merch.fields()["address2"] == "Tower 2"


async def test_a_second_line_that_stays_although_it_was_left_out_is_said() -> None:
    with started(omitted="keep") as merch:
        merch.seed(**MORE)
        _, result = await merch.deliver(contact(address="9 New Street"))
        assert (result.outcome, codes(result)) == ("updated", [("block_left_over", "address2")])
        assert "Tower 2" in words(result)
        assert merch.fields()["address_verified"] is False


async def test_a_line_changed_by_hand_is_sent_again_when_another_line_changes(merch: Merch) -> None:
    merch.seed(city="Elsewhere")
    await merch.deliver(contact(address="9 New Street"), delivered())
    assert merch.fields()["city"] == LEE["city"]


async def test_a_required_line_that_the_row_does_not_have_stays_and_is_said(merch: Merch) -> None:
    merch.seed()
    _, result = await merch.deliver(contact(address="9 New Street", zip_code=""))
    assert codes(result) == [("block_left_over", "zip_code")]
    assert merch.fields()["zip_code"] == LEE["zip_code"]


# ---- the rules of the page, before anything is sent


async def test_a_new_contact_is_told_all_that_it_lacks_at_once(merch: Merch) -> None:
    decision, result = await merch.deliver(contact(only=True))
    assert (decision.outcome, result.outcome, merch.log) == ("invalid", "invalid", [])
    assert codes(result) == [
        ("required_blank", "first_name"), ("required_blank", "last_name"), ("required_blank", "country"),
        ("required_blank", "city"), ("state_blank", "state"), ("required_blank", "zip_code"),
        ("required_blank", "type"), ("street_blank", "address"),
    ]  # fmt: skip
    assert "such as DE or SG, the city can stand for it: write state: {from: [STATE, CITY]}" in words(result)


async def test_who_is_there_needs_only_what_is_not_there(merch: Merch) -> None:
    merch.seed()
    _, result = await merch.deliver(contact(only=True, position="Boss"))
    assert (result.outcome, merch.fields()) == ("updated", {**LEE, "position": "Boss"})


async def test_the_second_line_alone_is_an_address(merch: Merch) -> None:
    _, result = await merch.deliver(contact(address="", address2="Tower 2"))
    assert (result.outcome, merch.fields()["address2"]) == ("created", "Tower 2")


@pytest.mark.parametrize(
    ("country", "state", "sent"),
    [("US", "California", "CA"), ("US", "new york", "NY"), ("US", "tx", "TX"), ("US", "D.C.", "DC"), ("CA", "Québec", "QC"),
     ("CA", "on", "ON"), ("CA", "British Columbia", "BC"), ("DE", "Sachsen", "Sachsen"), ("SG", "Singapore", "Singapore")],
)  # fmt: skip
async def test_states_are_codes_in_two_countries_and_any_text_elsewhere(
    merch: Merch, country: str, state: str, sent: str
) -> None:
    _, result = await merch.deliver(contact(country=country, state=state))
    assert (result.outcome, merch.fields()["state"], result.problems) == ("created", sent, ())


@pytest.mark.parametrize(
    ("country", "state"), [("US", "Bavaria"), ("US", "ON"), ("CA", "TX"), ("CA", "Ontari0x")]
)
async def test_a_state_without_a_code_is_invalid(merch: Merch, country: str, state: str) -> None:
    _, result = await merch.deliver(contact(country=country, state=state))
    assert (result.outcome, codes(result), merch.log) == ("invalid", [("state_unknown", "state")], [])
    assert f"no state or province of {country}" in words(result)


@pytest.mark.parametrize("state", ["PR", "Puerto Rico", "GU", "AA", "AE", "Armed Forces Pacific"])
@pytest.mark.parametrize("takes", ["accept", "refuse"])
async def test_territories_and_military_addresses_are_sent_with_a_warning(state: str, takes: str) -> None:
    with started(us_territories=takes) as merch:
        _, result = await merch.deliver(contact(state=state))
        if takes == "accept":
            assert (result.outcome, codes(result)) == ("created", [("state_territory", "state")])
        else:
            assert (result.outcome, codes(result)) == ("refused", [("refused", "state")])


async def test_a_state_s_name_and_its_code_are_the_same_value(merch: Merch) -> None:
    merch.seed()
    _, result = await merch.deliver(contact(state="California"))
    assert result.outcome == "unchanged"


async def test_the_country_of_the_contact_there_decides_where_the_row_has_none(merch: Merch) -> None:
    merch.seed(country="CA", state="ON")
    _, result = await merch.deliver(contact(country="", state="Alberta"))
    assert (result.outcome, merch.fields()["state"]) == ("updated", "AB")


# ---- answers


@pytest.mark.parametrize("shape", ["laravel", "plain", "message_only"])
async def test_a_refusal_says_the_destination_s_words_in_whatever_shape(shape: str) -> None:
    with started(errors=shape) as merch:
        _, result = await merch.deliver(contact(lists=("99",), country="XK"))
        assert (result.outcome, result.code) == ("refused", "refused")
        assert "invalid" in words(result)
        if shape == "laravel":
            assert codes(result) == [("refused", "country"), ("refused", "lists")]
            assert [value for _, _, value, _ in result.problems] == ["XK", "99"]


async def test_a_label_that_does_not_exist_is_the_tags_problem(merch: Merch) -> None:
    merch.seed()
    _, result = await merch.deliver(contact(tags=("77",)))
    assert (result.outcome, codes(result)) == ("refused", [("refused", "tags")])


async def test_an_address_that_does_not_validate_is_refused_with_the_words(merch: Merch) -> None:
    _, result = await merch.deliver(contact(), fault="validation_error:next=1")
    assert (result.outcome, codes(result)) == ("refused", [("refused", "address")])


@pytest.mark.parametrize("throttled", ["laravel", "empty", "page"])
async def test_a_429_of_whatever_body_is_no_failure(throttled: str) -> None:
    with started(throttled=throttled) as merch:
        _, result = await merch.deliver(contact(), fault="429:next=2,retry_after=0")
        assert (result.outcome, len(merch.ids())) == ("created", 1)


@pytest.mark.parametrize(
    "fault",
    ["500:", "503:applied,", "reset_before:", "reset_after:", "non_json:", "non_json_502:", "truncated:"],
)
async def test_a_creation_without_a_clear_answer_is_sent_once_and_settled_by_the_list(
    merch: Merch, fault: str
) -> None:
    merch.seed(BEA)
    _, result = await merch.deliver(contact(), fault=f"{fault}next=1")
    assert merch.calls().count(CREATE) == 1
    there = [one for one in merch.sandbox.contacts() if one["email_address"] == ANN]
    assert len(there) <= 1
    assert result.outcome == ("created" if there else "failed")
    if there:
        assert (result.code, result.contact_id) == ("looked_up", there[0]["id"])


async def test_creations_without_clear_answers_are_all_settled_by_the_same_reading_of_the_list(
    merch: Merch,
) -> None:
    people = [contact(f"p{number}@example.com") for number in range(4)]
    async with merch.connector() as connector:
        await surveyed(connector)
        await connector.deliver(contact(ANN), None, None, None)  # the newest were read
        merch.running.faults(
            "500:applied=yes,next=4", latency_ms=50
        )  # all are there before any is looked for
        results = await asyncio.gather(*(connector.deliver(one, None, None, None) for one in people))
        assert all(result.settled_later for result in results)
        read = merch.calls().count(LIST)
        settled = await connector.settle_later(list(zip(people, results, strict=True)))
    assert [(result.outcome, result.code) for result in settled] == [("created", "looked_up")] * 4
    assert merch.calls().count(CREATE) == 5
    assert merch.calls().count(LIST) == read + 1


async def test_a_creation_that_nothing_settles_is_unknown(merch: Merch) -> None:
    _, result = await merch.deliver(contact(), fault="reset_after")
    assert (result.outcome, result.code, result.troubled) == ("unknown", "no_clear_answer", True)
    assert merch.calls().count(CREATE) == 1


@pytest.mark.parametrize("order", ["newest", "oldest"])
async def test_a_creation_is_found_at_either_end_of_the_list(order: str) -> None:
    with started(list_order=order) as merch:
        for number in range(120):
            merch.seed(f"p{number}@example.com")
        _, result = await merch.deliver(contact(), fault="reset_after:next=1")
        assert (result.outcome, result.code) == ("created", "looked_up")


async def test_a_creation_that_a_list_does_not_show_has_failed(merch: Merch) -> None:
    for number in range(220):
        merch.seed(f"p{number}@example.com")
    _, result = await merch.deliver(contact(), fault="500:next=1")
    assert (result.outcome, result.code, result.untouched) == ("failed", "not_listed", True)
    assert merch.calls() == [CREATE, LIST, LIST], "the newest, and the last page in case the newest came last"


@pytest.mark.parametrize(
    "fault", ["500", "reset_before", "reset_after", "non_json", "non_json_502", "truncated"]
)
async def test_an_update_without_a_clear_answer_is_sent_again(merch: Merch, fault: str) -> None:
    merch.seed(**MORE)
    _, result = await merch.deliver(contact(position="Boss"), fault=f"{fault}:next=2")
    assert (result.outcome, merch.calls()) == ("updated", [PUT] * 3)
    assert merch.fields() == {**LEE, **MORE, "position": "Boss"}


async def test_an_update_that_is_never_answered_is_settled_by_its_page(merch: Merch) -> None:
    merch.seed()
    _, result = await merch.deliver(contact(position="Boss"), patience=NEVER, fault="reset_after:next=1")
    assert (result.outcome, result.code, merch.calls()) == ("updated", "looked_up", [PUT, LIST])


async def test_an_update_that_was_not_applied_has_failed(merch: Merch) -> None:
    merch.seed()
    _, result = await merch.deliver(contact(position="Boss"), patience=NEVER, fault="500:next=1")
    assert (result.outcome, result.code, result.troubled) == ("failed", "not_delivered", True)


async def test_who_was_removed_meanwhile_is_gone_and_not_created_again(merch: Merch) -> None:
    merch.seed()
    merch.seed(BEA)
    _, result = await merch.deliver(contact(position="Boss"), meanwhile=lambda: merch.sandbox.delete(ANN))
    assert (result.outcome, result.code) == ("protected", "gone")
    assert len(merch.ids()) == 1


async def test_a_key_that_is_not_accepted_stops(merch: Merch) -> None:
    async with merch.connector(key="wrong") as connector:
        with pytest.raises(CredentialsError):
            await connector.read_schema()


async def test_nobody_at_the_address_is_told_before_anything_is_sent(merch: Merch) -> None:
    merch.running.faults("500:next=9")
    async with merch.connector() as connector:
        with pytest.raises(Unreachable):
            await connector.read_schema()


# ---- the list


async def test_the_schema_is_the_documented_fields_and_costs_one_request(merch: Merch) -> None:
    async with merch.connector() as connector:
        schema = await connector.read_schema()
    assert merch.calls() == [LIST]
    assert set(schema.names()) == {"email", *LEE, *MORE}
    assert {field.name for field in schema.fields if field.required} == {"email", *LEE} - {"address"}
    assert schema == Connector.documented_schema()


async def test_everybody_is_listed_once_although_somebody_comes_meanwhile(merch: Merch) -> None:
    for number in range(120):
        merch.seed(f"p{number}@example.com")
    async with merch.connector() as connector:
        assert await connector.count() == (120, 3)
        merch.sandbox.acts.append((LIST, lambda: None))
        merch.sandbox.acts.append((LIST, lambda: merch.seed("new@example.com")))
        found = [one.key async for page in connector.survey() for one in page]
    assert sorted(found) == sorted(f"p{number}@example.com" for number in range(120))


async def test_nobody_is_missed_although_somebody_goes_meanwhile(merch: Merch) -> None:
    for number in range(120):
        merch.seed(f"p{number}@example.com")
    async with merch.connector() as connector:
        merch.sandbox.acts.append((LIST, lambda: None))
        merch.sandbox.acts.append((LIST, lambda: merch.sandbox.delete("p119@example.com")))
        found = [one.key async for page in connector.survey() for one in page]
    assert len(found) == len(set(found))
    assert set(found) >= {f"p{number}@example.com" for number in range(119)}


async def test_a_page_is_never_more_than_the_api_gives() -> None:
    with started(over_limit="refuse") as merch:
        merch.seed()
        async with merch.connector() as connector:
            assert set(await surveyed(connector)) == {ANN}


async def test_looking_up_reads_everybody_once(merch: Merch) -> None:
    for number in range(60):
        merch.seed(f"p{number}@example.com")
    async with merch.connector() as connector:
        found = await connector.look_up(contact("P5@example.com"), delivered("p59@example.com"))
        assert [one.key for one in found if one] == ["p5@example.com", "p59@example.com"]
        assert await connector.find("nobody@example.com") is None
    assert merch.calls() == [LIST, LIST]


async def test_what_was_read_long_ago_is_read_again_before_it_is_sent(
    merch: Merch, monkeypatch: pytest.MonkeyPatch
) -> None:
    merch.seed()
    for number in range(60):
        merch.seed(f"p{number}@example.com")
    monkeypatch.setattr(Connector, "fresh_seconds", 0.0)
    _, result = await merch.deliver(contact(position="Boss"), meanwhile=lambda: merch.seed(department="Gold"))
    assert merch.calls() == [LIST, PUT]
    assert merch.log[0].page == "2"
    assert result.outcome == "updated"
    assert merch.fields() == {**LEE, "position": "Boss", "department": "Gold"}


async def test_who_came_in_a_long_run_is_not_created_a_second_time(
    merch: Merch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connector, "fresh_seconds", 0.0)
    _, result = await merch.deliver(contact(position="Boss"), meanwhile=merch.seed)
    assert (result.outcome, len(merch.ids())) == ("updated", 1)


async def test_an_address_that_was_changed_there_meanwhile_is_left_alone(
    merch: Merch, monkeypatch: pytest.MonkeyPatch
) -> None:
    merch.seed()
    monkeypatch.setattr(Connector, "fresh_seconds", 0.0)

    def rename() -> None:
        merch.sandbox._change(
            person := next(iter(merch.sandbox.people.values())), {**person.data, "email": BEA}, [], []
        )

    _, result = await merch.deliver(contact(position="Boss"), meanwhile=rename)
    assert (result.outcome, result.code, merch.calls()) == ("protected", "identity_conflict", [LIST])


# ---- the rate


async def test_the_pace_is_forty_a_minute() -> None:
    assert round(Connector.per_second * 60, 6) == 40


async def test_at_its_pace_the_limit_is_never_reached() -> None:
    async def measure() -> None:
        with started(rate="20", window="2", counting="sliding") as merch:
            async with merch.connector(pace=Pace(10)) as connector:
                for number in range(25):
                    assert (
                        await connector.deliver(contact(f"p{number}@example.com"), None, None, None)
                    ).outcome == "created"
                assert connector.traffic.throttled == 0

    await in_a_quiet_moment(measure)


@pytest.mark.parametrize("headers", ["throttled", "all"])
async def test_over_the_limit_it_waits_as_long_as_the_headers_say(headers: str) -> None:
    with started(rate="2", window="2", wait_headers=headers) as merch:
        began = time.monotonic()
        async with merch.connector() as other:
            await asyncio.gather(other.count(), other.count())
        async with merch.connector() as connector:  # which has not been told anything yet
            assert (await connector.deliver(contact(), None, None, None)).outcome == "created"
            assert connector.traffic.throttled >= 1
            assert time.monotonic() - began >= 1.8


def test_a_name_that_is_shown_is_not_changed_for_another() -> None:
    found: dict[str, Any] = {"contact_classification": 1, "classification": 1}
    assert Inferred().learned(found) == Inferred()


async def test_where_only_the_reset_is_told_it_waits_until_then(merch: Merch) -> None:
    merch.sandbox._too_many = lambda _: merch.sandbox._throttled(  # type: ignore[method-assign]
        {"X-RateLimit-Reset": str(int(time.time()) + 2)}
    )
    began = time.monotonic()
    _, result = await merch.deliver(contact(), fault="429:next=1")
    assert result.outcome == "created"
    assert time.monotonic() - began >= 0.9


async def test_alone_in_the_account_the_whole_rate_is_used_although_the_window_is_used_up() -> None:
    async def measure() -> None:
        with started(rate="40", window="1") as merch:
            pace = Pace(40)
            async with merch.connector(pace=pace) as connector:
                await connector.count()
                began, slowest = time.monotonic(), 1.0
                for _ in range(120):
                    await connector.count()
                    slowest = min(slowest, pace.per_second / pace.allowed)
                reached = 120 / (time.monotonic() - began) / 40
            assert connector.traffic.throttled == 0
            assert slowest > 0.98
            assert reached > 0.98

    await in_a_quiet_moment(measure)


async def test_where_others_have_used_up_the_window_the_rate_drops_and_the_minute_is_kept() -> None:
    with started(rate="40", window="60") as merch:
        for _ in range(39):
            async with merch.connector() as other:
                await other.count()
        pace = Pace(5000)
        async with merch.connector(pace=pace) as connector:
            await connector.count()
        assert pace.allowed == pytest.approx(40 / 60)
        assert pace.per_second < 0.98 * pace.allowed
