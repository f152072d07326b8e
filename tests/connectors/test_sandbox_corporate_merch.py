"""The sandbox answers as Corporate Merch's pages say, and as its switches say where they are silent: over real HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.errors import CannotStart
from connectors.sandbox import corporate_merch
from connectors.sandbox.corporate_merch import SWITCHES, CorporateMerchSandbox, create
from connectors.sandbox.corporate_merch_rules import CHOICES, FIELDS
from connectors.sandbox.serving import in_thread

TYWIN = "tywin@example.com"
REQUIRED = ["first_name", "last_name", "email", "country", "city", "state", "zip_code", "type"]
LEAST = {
    "first_name": "Tywin", "last_name": "Lannister", "email": TYWIN, "country": "US", "address": "1 Rock Road",
    "city": "Lannisport", "state": "CA", "zip_code": "90001", "type": "client",
}  # fmt: skip
MORE = {
    "phone_number": "+1 555 0100", "gender": "male", "shirt_size": "XL", "birthday": "1990-01-15",
    "address2": "Tower 2", "company_name": "Casterly", "department": "Gold", "position": "Lord",
    "employment_status": "active", "employment_type": "Full-Time", "start_date": "2024-01-15",
    "wedding_anniversary": "2018-06-20", "client_since": "2020-03-01", "classification": "VIP",
    "address_validated": True, "address_forced": False, "address_verified": True, "lists": [11, 12], "labels": [501],
}  # fmt: skip


class Clock:
    """Stands still until it is moved, so that a minute is as long as a test needs."""

    def __init__(self) -> None:
        self.now = 1_707_993_000.0

    def __call__(self) -> float:
        return self.now


class Merch:
    """The sandbox under test and a client that holds its key."""

    def __init__(self, url: str, inspect: str, sandbox: CorporateMerchSandbox, clock: Clock) -> None:
        self.inspect = inspect
        self.sandbox = sandbox
        self.clock = clock
        self.http = httpx.Client(
            base_url=url,
            headers={"Authorization": "Bearer sandbox-key", "Accept": "application/json"},
            trust_env=False,
            timeout=10,
        )

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.http.request(method, path, json=body, **more)

    def create(self, **values: Any) -> dict[str, Any]:
        answer = self.ask("POST", "/contacts", {**LEAST, **values})
        assert answer.status_code == 201, answer.text
        shown: dict[str, Any] = answer.json()["data"]
        return shown

    def update(self, contact: Any, **values: Any) -> dict[str, Any]:
        answer = self.ask("PUT", f"/contacts/{contact['id']}", {**LEAST, **values})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()["data"]
        return shown

    def wrong(self, body: Any, method: str = "POST", path: str = "/contacts") -> dict[str, list[str]]:
        """What a create or update of this body is refused for."""
        answer = self.ask(method, path, body)
        assert answer.status_code == 422, answer.text
        assert list(answer.json()) == ["message", "errors"]
        errors: dict[str, list[str]] = answer.json()["errors"]
        return errors

    def page(self, **query: Any) -> dict[str, Any]:
        answer = self.ask("GET", "/contacts", params=query)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown


@pytest.fixture
def merch() -> Iterator[Merch]:
    clock = Clock()
    sandbox = CorporateMerchSandbox({"rate": "0"}, clock)
    with in_thread(sandbox) as address:
        client = Merch(address.url, address.inspect, sandbox, clock)
        with client.http:
            yield client


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


# ---- the door


@pytest.mark.parametrize("header", [{}, {"Authorization": ""}, {"Authorization": "Basic sandbox-key"}, {"Authorization": "Bearer"}, {"Authorization": "Bearer stolen"}])  # fmt: skip
def test_a_request_without_a_token_that_is_known_is_401(merch: Merch, header: dict[str, str]) -> None:
    answer = httpx.post(f"{merch.http.base_url}contacts", json=LEAST, headers=header, trust_env=False)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthenticated."})
    assert merch.sandbox.contacts() == []


def test_several_tokens_open_one_account_and_can_be_rotated_while_it_runs(merch: Merch) -> None:
    merch.sandbox.switch({"keys": "first, second"})
    for key in ("first", "second"):
        answer = merch.ask("GET", "/contacts", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200
    assert merch.ask("GET", "/contacts").status_code == 401


@pytest.mark.parametrize(("method", "path"), [("GET", "/lists"), ("GET", "/labels"), ("GET", "/contacts/search/x"), ("PUT", "/contacts/")])  # fmt: skip
def test_what_is_not_documented_is_404(merch: Merch, method: str, path: str) -> None:
    assert merch.ask(method, path).status_code == 404


def test_a_verb_that_a_path_does_not_have_is_405_and_names_the_others(merch: Merch) -> None:
    contact = merch.create()
    for method, path, allowed in (
        ("GET", f"/contacts/{contact['id']}", "PUT"),
        ("DELETE", f"/contacts/{contact['id']}", "PUT"),
        ("PUT", "/contacts", "GET, POST"),
    ):
        answer = merch.ask(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert len(merch.sandbox.contacts()) == 1


# ---- the rate


def test_the_rate_is_40_a_minute_unless_told_otherwise() -> None:
    switches = create({}).switches()
    assert (switches["rate"], switches["window"]) == ("40", "60")


def test_the_request_after_the_last_of_a_minute_is_429_and_the_next_minute_is_open(merch: Merch) -> None:
    merch.sandbox.switch({"rate": "40"})
    assert {merch.ask("GET", "/contacts").status_code for _ in range(40)} == {200}
    refused = merch.ask("POST", "/contacts", LEAST)
    assert (refused.status_code, refused.json()) == (429, {"message": "Too Many Attempts."})
    assert merch.sandbox.contacts() == []
    merch.clock.now += 59.9
    assert merch.ask("GET", "/contacts").status_code == 429
    merch.clock.now += 0.1
    merch.create()


def test_by_switch_only_a_429_says_when_to_come_back(merch: Merch) -> None:
    merch.sandbox.switch({"rate": "3", "wait_headers": "throttled"})
    first = merch.ask("GET", "/contacts")
    merch.clock.now += 18.5
    second, third = merch.ask("POST", "/contacts", {}), merch.ask("PUT", "/contacts/0", LEAST)
    assert [one.status_code for one in (first, second, third)] == [200, 422, 404]
    assert [one.headers["x-ratelimit-limit"] for one in (first, second, third)] == ["3"] * 3
    assert [one.headers["x-ratelimit-remaining"] for one in (first, second, third)] == ["2", "1", "0"]
    assert not [
        one for one in (first, second, third) if {"retry-after", "x-ratelimit-reset"} & {*one.headers}
    ]
    refused = merch.ask("GET", "/contacts")
    assert refused.status_code == 429
    assert refused.headers["x-ratelimit-limit"] == "3"
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert refused.headers["x-ratelimit-reset"] == "1707993060"
    assert refused.headers["retry-after"] == "42"


def test_every_answer_carries_all_four_headers_as_documented(merch: Merch) -> None:
    merch.sandbox.switch({"rate": "2"})
    merch.clock.now += 10
    answer = merch.ask("GET", "/contacts")
    assert (answer.status_code, answer.headers["retry-after"]) == (200, "60")
    assert answer.headers["x-ratelimit-reset"] == str(int(merch.clock.now) + 60)
    assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == ("2", "1")


def test_each_token_has_a_rate_of_its_own(merch: Merch) -> None:
    merch.sandbox.switch({"rate": "1", "keys": "first,second"})
    statuses = [
        merch.ask("GET", "/contacts", headers={"Authorization": f"Bearer {key}"}).status_code
        for key in ("first", "second", "first")
    ]
    assert statuses == [200, 200, 429]


def test_the_window_can_be_a_second_and_a_refused_request_does_not_count(merch: Merch) -> None:
    merch.sandbox.switch({"rate": "2", "window": "1"})
    assert [merch.ask("GET", "/contacts").status_code for _ in range(4)] == [200, 200, 429, 429]
    merch.clock.now += 1
    assert [merch.ask("GET", "/contacts").status_code for _ in range(3)] == [200, 200, 429]


def test_more_may_pass_around_the_border_of_a_window_and_a_sliding_one_has_none(merch: Merch) -> None:
    for counting, expected in (("window", [200, 200, 200, 200]), ("sliding", [200, 200, 200, 429])):
        merch.clock.now += 1000
        merch.sandbox.switch({"rate": "2", "counting": counting})
        statuses = []
        for seconds in (0, 59, 1, 0):
            merch.clock.now += seconds
            statuses.append(merch.ask("GET", "/contacts").status_code)
        assert statuses == expected


def test_the_body_of_a_429_is_json_or_empty_or_a_page(merch: Merch) -> None:
    merch.sandbox.switch({"rate": "1"})
    merch.ask("GET", "/contacts")
    bodies = {}
    for shape in SWITCHES["throttled"]:
        merch.sandbox.switch({"throttled": shape})
        answer = merch.ask("GET", "/contacts")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        bodies[shape] = answer.text
    assert bodies["laravel"] == '{"message": "Too Many Attempts."}'
    assert bodies["empty"] == ""
    assert bodies["page"].startswith("<!DOCTYPE html>")


# ---- create


def test_create_answers_201_with_the_contact_and_when_it_was_created(merch: Merch) -> None:
    answer = merch.ask("POST", "/contacts", {**LEAST, **MORE})
    assert answer.status_code == 201
    assert list(answer.json()) == ["data"]
    contact = answer.json()["data"]
    assert without(contact, "id", "created_at", "updated_at") == {**LEAST, **MORE}
    assert isinstance(contact["id"], int)
    assert contact["created_at"] == contact["updated_at"] == "2024-02-15T10:30:00.000000Z"
    merch.sandbox.switch({"create_status": "200", "ids": "texts"})
    again = merch.ask("POST", "/contacts", LEAST)
    assert again.status_code == 200
    assert again.json()["data"]["id"] == str(contact["id"] + 1)


def test_what_has_no_value_is_null(merch: Merch) -> None:
    contact = merch.create()
    assert {name: contact[name] for name in LEAST} == LEAST
    assert {contact[name] for name in without(MORE, "lists", "labels")} == {None}
    assert contact["lists"] == contact["labels"] == []


def test_an_address_that_is_there_makes_a_second_contact_or_is_refused(merch: Merch) -> None:
    merch.create()
    merch.create(email="TYWIN@example.com")
    assert len(merch.sandbox.contacts(email=TYWIN)) == 2
    merch.sandbox.switch({"duplicate_email": "refuse"})
    assert merch.wrong({**LEAST, "email": "Tywin@Example.com"}) == {
        "email": ["The email has already been taken."]
    }
    other = merch.create(email="other@example.com")
    path = f"/contacts/{other['id']}"
    assert merch.wrong(LEAST, "PUT", path) == {"email": ["The email has already been taken."]}
    merch.update(other, email="Other@example.com")


def test_create_takes_unit_and_address2_or_only_one_of_them(merch: Merch) -> None:
    taken = {}
    for position in SWITCHES["second_line"]:
        merch.sandbox.switch({"second_line": position})
        taken[position] = [merch.create(**{name: "Apt 4"})["address2"] for name in ("unit", "address2")]
    assert taken == {"both": ["Apt 4", "Apt 4"], "unit": ["Apt 4", None], "address2": [None, "Apt 4"]}


def test_update_takes_address2_as_its_page_says_and_never_unit(merch: Merch) -> None:
    merch.sandbox.switch({"second_line": "unit"})
    contact = merch.create()
    assert merch.update(contact, address2="Apt 4")["address2"] == "Apt 4"
    assert merch.update(contact, unit="Apt 5")["address2"] is None
    assert merch.sandbox.contacts()[0]["ignored"] == ["unit"]


def test_create_takes_every_field_or_only_those_of_its_page(merch: Merch) -> None:
    merch.sandbox.switch({"create_takes": "listed"})
    contact = merch.create(**MORE)
    missing = [name for name in MORE if contact[name] in (None, [])]
    assert missing == ["employment_status", "client_since", "classification", "lists", "labels"]
    assert merch.update(contact, **MORE)["lists"] == [11, 12]


def test_create_is_content_with_a_second_line_or_always_wants_the_street(merch: Merch) -> None:
    body = {**without(LEAST, "address"), "unit": "Apt 4"}
    assert merch.ask("POST", "/contacts", body).status_code == 201
    merch.sandbox.switch({"create_address": "street"})
    assert merch.wrong(body) == {"address": ["The address field is required."]}


# ---- the rules, for create and update alike


@pytest.fixture(params=["create", "update"])
def refused(request: pytest.FixtureRequest, merch: Merch) -> Any:
    """Sends the least that is needed with some changes, and gives what it was refused for."""
    if request.param == "create":
        return merch.wrong
    contact = merch.create()
    path = f"/contacts/{contact['id']}"

    def ask(body: Any) -> dict[str, list[str]]:
        errors = merch.wrong(body, "PUT", path)
        assert merch.sandbox.contacts()[0]["writes"] == 1
        return errors

    return ask


@pytest.mark.parametrize("name", REQUIRED)
def test_what_is_required_has_to_be_sent_and_not_blank(refused: Any, name: str) -> None:
    said = {name: [f"The {name.replace('_', ' ')} field is required."]}
    assert refused(without(LEAST, name)) == said
    for nothing in (None, "", "  "):
        assert refused({**LEAST, name: nothing}) == said


def test_nothing_but_the_address_and_the_required_fields_is_needed(merch: Merch) -> None:
    assert [field.name for field in FIELDS if field.required] == REQUIRED
    merch.update(merch.create())


def test_the_street_or_the_second_line_is_needed_and_either_is_enough(merch: Merch, refused: Any) -> None:
    neither = {
        "address": ["The address field is required when address2 is not present."],
        "address2": ["The address2 field is required when address is not present."],
    }
    assert refused(without(LEAST, "address")) == neither
    assert refused({**LEAST, "address": "", "address2": None}) == neither
    contact = merch.create()
    body = {**without(LEAST, "address"), "address2": "Suite 1"}
    assert merch.ask("PUT", f"/contacts/{contact['id']}", body).json()["data"]["address2"] == "Suite 1"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("email", "nobody", "The email field must be a valid email address."),
        ("email", "a b@example.com", "The email field must be a valid email address."),
        ("email", "a@example", "The email field must be a valid email address."),
        ("email", "a@@example.com", "The email field must be a valid email address."),
        ("country", "us", "The selected country is invalid."),
        ("country", "USA", "The selected country is invalid."),
        ("country", "UK", "The selected country is invalid."),
        ("country", "Germany", "The selected country is invalid."),
        ("state", "California", "The selected state is invalid."),
        ("state", "ca", "The selected state is invalid."),
        ("state", "ON", "The selected state is invalid."),
        ("gender", "Male", "The selected gender is invalid."),
        ("gender", "diverse", "The selected gender is invalid."),
        ("shirt_size", "M", "The selected shirt size is invalid."),
        ("shirt_size", "xl", "The selected shirt size is invalid."),
        ("type", "Employee", "The selected type is invalid."),
        ("type", "partner", "The selected type is invalid."),
        ("birthday", "15.01.1990", "The birthday field must match the format Y-m-d."),
        ("start_date", "2024-01-15T00:00:00Z", "The start date field must match the format Y-m-d."),
        ("wedding_anniversary", "2018-6-2", "The wedding anniversary field must match the format Y-m-d."),
        ("client_since", "2023-02-29", "The client since field must match the format Y-m-d."),
        ("birthday", 19900115, "The birthday field must match the format Y-m-d."),
        ("address_validated", "true", "The address validated field must be true or false."),
        ("address_forced", 1, "The address forced field must be true or false."),
        ("address_verified", "yes", "The address verified field must be true or false."),
        ("phone_number", 5550100, "The phone number field must be a string."),
        ("zip_code", 90001, "The zip code field must be a string."),
        ("lists", 11, "The lists field must be an array."),
        ("labels", "vip", "The labels field must be an array."),
    ],
)
def test_a_value_that_breaks_its_rule_is_422_and_named(
    refused: Any, name: str, value: Any, text: str
) -> None:
    assert refused({**LEAST, name: value}) == {name: [text]}


@pytest.mark.parametrize(
    ("name", "value", "place", "text"),
    [
        ("lists", [11, 99], "lists.1", "The selected lists.1 is invalid."),
        ("lists", [501], "lists.0", "The selected lists.0 is invalid."),
        ("labels", [501, 11], "labels.1", "The selected labels.1 is invalid."),
        ("labels", [2**31], "labels.0", "The selected labels.0 is invalid."),
        ("lists", ["11"], "lists.0", "The lists.0 field must be an integer."),
        ("labels", [True], "labels.0", "The labels.0 field must be an integer."),
    ],
)
def test_a_list_or_label_that_is_not_there_is_422_and_its_place_is_named(
    refused: Any, name: str, value: Any, place: str, text: str
) -> None:
    assert refused({**LEAST, name: value}) == {place: [text]}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in CHOICES for value in CHOICES[name]])
def test_every_value_that_the_page_lists_is_taken(merch: Merch, name: str, value: str) -> None:
    assert merch.create(**{name: value})[name] == value


@pytest.mark.parametrize(
    ("country", "state", "fits"),
    [
        ("US", "NY", True), ("US", "DC", True), ("US", "QC", False), ("US", "PR", False), ("US", "N.Y.", False),
        ("CA", "ON", True), ("CA", "NU", True), ("CA", "NY", False), ("CA", "Ontario", False),
        ("DE", "Bayern", True), ("GB", "x", True), ("NL", "-", True), ("DE", "", False),
    ],
)  # fmt: skip
def test_a_state_is_a_code_in_the_us_and_canada_and_any_text_elsewhere(
    merch: Merch, country: str, state: str, fits: bool
) -> None:
    answer = merch.ask("POST", "/contacts", {**LEAST, "country": country, "state": state})
    assert answer.status_code == (201 if fits else 422)


def test_there_are_fifty_states_and_a_district_and_thirteen_provinces(merch: Merch) -> None:
    from connectors.sandbox.corporate_merch_places import PROVINCES, STATES, TERRITORIES

    assert (len(STATES), len(PROVINCES)) == (51, 13)
    assert not STATES & TERRITORIES
    merch.sandbox.switch({"us_territories": "accept"})
    assert merch.create(state="PR")["state"] == "PR"


def test_all_problems_come_at_once_and_the_message_counts_them(merch: Merch) -> None:
    answer = merch.ask("POST", "/contacts", {**without(LEAST, "first_name", "city"), "country": "xx"})
    assert answer.json() == {
        "message": "The first name field is required. (and 2 more errors)",
        "errors": {
            "first_name": ["The first name field is required."],
            "country": ["The selected country is invalid."],
            "city": ["The city field is required."],
        },
    }


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_has_no_fields(merch: Merch, body: bytes) -> None:
    answer = merch.http.post("/contacts", content=body)
    assert answer.status_code == 422
    assert set(REQUIRED) < set(answer.json()["errors"])


def test_a_refusal_is_like_laravels_or_plain_text_or_only_a_message(merch: Merch) -> None:
    merch.sandbox.switch({"errors": "message_only"})
    assert merch.ask("POST", "/contacts", {}).json() == {
        "message": "The first name field is required. (and 9 more errors)"
    }
    merch.sandbox.switch({"errors": "plain"})
    answer = merch.ask("POST", "/contacts", without(LEAST, "city", "type"))
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == "The city field is required.\nThe type field is required."
    assert (
        merch.ask("PUT", "/contacts/0", LEAST).text == "No query results for model [App\\Models\\Contact] 0"
    )


# ---- names


def test_a_name_that_it_does_not_know_is_ignored_and_shown_to_the_inspection_or_refused(merch: Merch) -> None:
    contact = merch.create(firstName="T", lists=[11])
    assert "firstName" not in contact
    assert merch.sandbox.contacts()[0]["ignored"] == ["firstName"]
    merch.sandbox.switch({"unknown_keys": "refuse"})
    assert merch.wrong({**LEAST, "companyName": "C"}) == {
        "companyName": ["The companyName field is prohibited."]
    }


def test_a_guessed_name_is_the_one_of_the_table_or_another_or_both(merch: Merch) -> None:
    guesses = {"employment_status": "active", "client_since": "2020-03-01", "classification": "VIP", "address_forced": True}  # fmt: skip
    others = {field.other: guesses[field.name] for field in FIELDS if field.other}
    assert others.keys() == {"current_employment_status", "client_since_date", "contact_classification", "address_force_accepted"}  # fmt: skip
    taken = {}
    for position in SWITCHES["guessed_names"]:
        merch.sandbox.switch({"guessed_names": position})
        taken[position] = [
            [value for value in (merch.create(**sent).get(name) for name in [*guesses, *others]) if value]
            for sent in (guesses, others)
        ]
    all_of_them = list(guesses.values())
    assert taken == {
        "table": [all_of_them, []],
        "any": [all_of_them, all_of_them],
        "other": [[], all_of_them],
    }


# ---- update


def test_update_answers_200_with_the_whole_contact(merch: Merch) -> None:
    contact = merch.create(**MORE)
    merch.clock.now += 60
    changed = merch.update(contact, **{**MORE, "city": "Oslo", "email": "t@new.example"})
    assert list(changed) == list(contact)
    assert (changed["city"], changed["email"]) == ("Oslo", "t@new.example")
    assert (changed["created_at"], changed["updated_at"]) == (
        "2024-02-15T10:30:00.000000Z",
        "2024-02-15T10:31:00.000000Z",
    )
    assert merch.sandbox.contacts(email=TYWIN) == []
    assert merch.sandbox.contacts(email="T@new.example")[0]["writes"] == 2


def test_update_of_nobody_is_404_before_anything_else_is_looked_at(merch: Merch) -> None:
    for missing in ("0", "abc", "7001"):
        answer = merch.ask("PUT", f"/contacts/{missing}", {})
        assert answer.status_code == 404
        assert list(answer.json()) == ["message"]


@pytest.mark.parametrize("verb", SWITCHES["update"])
def test_update_has_one_verb_which_is_put_by_default(merch: Merch, verb: str) -> None:
    contact = merch.create()
    merch.sandbox.switch({"update": verb})
    answers = {
        one: merch.ask(one.upper(), f"/contacts/{contact['id']}", {**LEAST, "city": one}).status_code
        for one in SWITCHES["update"]
    }
    assert answers == {one: 200 if one == verb else 405 for one in SWITCHES["update"]}
    assert merch.sandbox.contacts()[0]["fields"]["city"] == verb
    assert merch.sandbox.traffic.shown()["applied_by_endpoint"] == {
        "POST /v2/contacts": 1, f"{verb.upper()} /v2/contacts/{{id}}": 1
    }  # fmt: skip


def test_what_an_update_does_not_send_is_cleared_and_by_switch_kept(merch: Merch) -> None:
    contact = merch.create(**MORE)
    merch.sandbox.switch({"omitted": "keep"})
    assert without(merch.update(contact), "id", "created_at", "updated_at") == {**LEAST, **MORE}
    merch.sandbox.switch({"omitted": "clear"})
    cleared = merch.update(contact)
    assert {name for name in MORE if cleared[name]} == set()
    assert SWITCHES["omitted"][0] == "clear"


def test_lists_and_labels_are_replaced_and_by_switch_added(merch: Merch) -> None:
    contact = merch.create(lists=[11, 12, 11], labels=[501])
    assert contact["lists"] == [11, 12]
    changed = merch.update(contact, lists=[13], labels=[])
    assert (changed["lists"], changed["labels"]) == ([13], [])
    merch.sandbox.switch({"lists": "add"})
    changed = merch.update(contact, lists=[11, 13], labels=[502])
    assert (changed["lists"], changed["labels"]) == ([13, 11], [502])
    assert merch.update(contact)["labels"] == [502]


def test_null_and_empty_clear_or_keep_or_are_refused(merch: Merch) -> None:
    contact = merch.create(gender="male", department="Gold", lists=[11])
    blank = {"gender": None, "department": "", "lists": None}
    merch.sandbox.switch({"blank_value": "keep"})
    kept = merch.update(contact, **blank)
    assert (kept["gender"], kept["department"], kept["lists"]) == ("male", "Gold", [11])
    merch.sandbox.switch({"blank_value": "refuse"})
    path = f"/contacts/{contact['id']}"
    assert set(merch.wrong({**LEAST, **blank}, "PUT", path)) == set(blank)
    merch.sandbox.switch({"blank_value": "clear", "omitted": "keep"})
    cleared = merch.update(contact, **blank)
    assert (cleared["gender"], cleared["department"], cleared["lists"]) == (None, None, [])


def test_lists_are_shown_as_ids_or_objects_or_not_at_all(merch: Merch) -> None:
    contact = merch.create(lists=[12], labels=[501])
    assert (contact["lists"], contact["labels"]) == ([12], [501])
    merch.sandbox.switch({"lists_shown": "objects"})
    [shown] = merch.page()["data"]
    assert shown["lists"] == [{"id": 12, "name": "Newsletter"}]
    assert shown["labels"] == [{"id": 501, "name": "vip"}]
    merch.sandbox.switch({"lists_shown": "absent"})
    assert not {"lists", "labels"} & set(merch.page()["data"][0])


# ---- the list


def seeded(merch: Merch, count: int) -> None:
    merch.sandbox.seed([{"email_address": f"p{n}@example.com"} for n in range(count)])


def test_a_page_has_15_contacts_and_says_where_it_is(merch: Merch) -> None:
    seeded(merch, 32)
    pages = [merch.page(page=number) for number in (1, 2, 3, 4)]
    assert [len(page["data"]) for page in pages] == [15, 15, 2, 0]
    assert list(pages[0]) == ["data", "pagination"]
    assert pages[0]["pagination"] == {
        "path": f"{str(merch.http.base_url).rstrip('/')}/contacts",
        "total": 32,
        "limit": 15,
        "current_page": 1,
        "last_page": 3,
        "has_more": True,
    }
    assert [page["pagination"]["has_more"] for page in pages] == [True, True, False, False]
    seen = [one["email"] for page in pages for one in page["data"]]
    assert sorted(seen) == sorted(f"p{n}@example.com" for n in range(32))


def test_a_page_has_50_contacts_at_most_and_by_switch_more_is_refused(merch: Merch) -> None:
    seeded(merch, 60)
    page = merch.page(limit=100)
    assert (len(page["data"]), page["pagination"]["limit"], page["pagination"]["last_page"]) == (50, 50, 2)
    assert len(merch.page(limit=50, page=2)["data"]) == 10
    merch.sandbox.switch({"over_limit": "refuse"})
    assert merch.ask("GET", "/contacts", params={"limit": 51}).status_code == 422


@pytest.mark.parametrize("query", [{"page": "0"}, {"page": "x"}, {"limit": "0"}, {"limit": "-1"}])
def test_a_page_that_cannot_be_is_422(merch: Merch, query: dict[str, str]) -> None:
    assert merch.ask("GET", "/contacts", params=query).status_code == 422


def test_the_newest_come_first_and_by_switch_the_oldest(merch: Merch) -> None:
    seeded(merch, 3)
    assert [one["email"][1] for one in merch.page()["data"]] == ["2", "1", "0"]
    merch.sandbox.switch({"list_order": "oldest"})
    assert [one["email"][1] for one in merch.page()["data"]] == ["0", "1", "2"]


def test_a_contact_that_is_created_between_two_pages_moves_the_others(merch: Merch) -> None:
    seeded(merch, 4)
    first = merch.page(limit=2)["data"]
    merch.create()
    second = merch.page(limit=2, page=2)["data"]
    assert [one["email"][1] for one in first + second] == ["3", "2", "2", "1"]


def test_nobody_is_one_empty_page(merch: Merch) -> None:
    page = merch.page()
    assert page["data"] == []
    assert (page["pagination"]["total"], page["pagination"]["last_page"], page["pagination"]["has_more"]) == (0, 1, False)  # fmt: skip


# ---- faults that are its own


def test_validation_error_is_the_422_of_an_address_unless_it_is_forced(merch: Merch) -> None:
    merch.sandbox.faults.change({"kind": "validation_error"})
    assert merch.wrong(LEAST) == {"address": ["The address could not be validated."]}
    assert merch.page()["data"] == []
    contact = merch.create(address_forced=True)
    assert merch.wrong(LEAST, "PUT", f"/contacts/{contact['id']}")
    merch.update(contact, address_forced=True)


def test_a_429_on_demand_has_the_headers_and_says_when_to_come_back_only_if_told(merch: Merch) -> None:
    merch.sandbox.faults.change({"rules": [{"kind": "429", "next": 1}, {"kind": "429", "next": 1, "retry_after": "7"}]})  # fmt: skip
    silent, telling = merch.ask("GET", "/contacts"), merch.ask("GET", "/contacts")
    for answer in (silent, telling):
        assert answer.json() == {"message": "Too Many Attempts."}
        assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == ("40", "0")
    assert not {"retry-after", "x-ratelimit-reset"} & {*silent.headers}
    assert telling.headers["retry-after"] == "7"
    assert telling.headers["x-ratelimit-reset"] == str(int(merch.clock.now) + 7)


# ---- the inspection


def test_a_seed_may_hold_what_the_api_would_refuse(merch: Merch) -> None:
    merch.sandbox.seed(
        [
            {
                "email_address": TYWIN,
                "fields": {"first_name": "Old", "shirt_size": "M"},
                "lists": ["Newsletter"],
            },
            {"email_address": TYWIN, "another": True, "labels": ["vip", 502]},
        ]
    )
    old, twin = merch.sandbox.contacts(email=TYWIN)
    assert old["fields"] == {"first_name": "Old", "shirt_size": "M"}
    assert (old["lists"], old["list_ids"], old["tags"], old["writes"]) == (["Newsletter"], [12], [], 0)
    assert (twin["tags"], twin["label_ids"], twin["status"]) == (["vip", "crm"], [501, 502], "")
    assert [one["state"] for one in merch.page()["data"]] == [None, None]


def test_a_seed_changes_who_is_there_and_delete_takes_the_oldest(merch: Merch) -> None:
    merch.create(lists=[11])
    merch.sandbox.seed([{"email_address": "Tywin@Example.com", "fields": {"city": "Oslo"}, "tags": ["vip"]}])
    merch.sandbox.seed([{"email_address": TYWIN, "another": True}])
    changed, twin = merch.sandbox.contacts()
    assert (changed["fields"]["city"], changed["lists"], changed["tags"], changed["writes"]) == ("Oslo", ["Employees"], ["vip"], 1)  # fmt: skip
    assert merch.sandbox.delete(TYWIN)
    assert [one["id"] for one in merch.sandbox.contacts()] == [twin["id"]]
    assert merch.sandbox.delete(TYWIN)
    assert not merch.sandbox.delete(TYWIN)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "email_address"), ({"email_address": "a@b.de", "fields": {"x": 1}}, "field 'x'"),
        ({"email_address": "a@b.de", "lists": ["x"]}, "list 'x'"), ({"email_address": "a@b.de", "labels": [11]}, "label 11"),
        ({"email_address": "a@b.de", "first_name": "A"}, "no 'first_name'"), ({"email_address": "a@b.de", "status": "x"}, "no 'status'"),
    ],
)  # fmt: skip
def test_a_seed_that_cannot_be_adds_nobody(merch: Merch, given: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        merch.sandbox.seed([{"email_address": "good@example.com"}, given])
    assert merch.sandbox.contacts() == []


def test_no_automation_is_known_so_none_fires(merch: Merch) -> None:
    merch.update(merch.create(lists=[11]), lists=[12], labels=[501])
    assert merch.sandbox.automations() == []
    assert merch.sandbox.automation_counts() == {}


def test_no_id_comes_twice_even_after_a_reset(merch: Merch) -> None:
    before = merch.create()["id"]
    merch.sandbox.reset()
    assert merch.sandbox.contacts() == []
    assert merch.create()["id"] > before


# ---- settings


def test_the_table_in_the_module_names_every_switch_and_its_positions_default_first() -> None:
    table = dict(re.findall(r"^    (\w+) +((?:\w+ )+) ", corporate_merch.__doc__ or "", re.MULTILINE))
    del table["switch"]
    assert {name: tuple(words.split()) for name, words in table.items()} == SWITCHES


@pytest.mark.parametrize(
    "settings",
    [{"colour": "red"}, {"omitted": "both"}, {"rate": "fast"}, {"window": "0"}, {"window": "x"}, {"workspace": "/nowhere.json"}],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_named(settings: dict[str, str]) -> None:
    with pytest.raises(
        CannotStart, match="/nowhere.json" if "workspace" in settings else next(iter(settings))
    ):
        create(settings)


def test_a_workspace_file_has_lists_and_labels_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps({"lists": [{"name": "One"}, {"id": 9, "name": "Nine"}]}), encoding="utf-8")
    sandbox = create({"workspace": str(path)})
    assert (sandbox.workspace.lists, sandbox.workspace.labels) == ({1: "One", 9: "Nine"}, {})
    for wrong in ("[]", '{"lists": [{"id": 3000000000, "name": "big"}]}', '{"labels": [{"id": 1}]}'):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(CannotStart, match="cannot be read"):
            create({"workspace": str(path)})


def test_no_list_of_the_default_workspace_has_the_id_of_a_label() -> None:
    workspace = create({}).workspace
    assert workspace.lists
    assert workspace.labels
    assert not set(workspace.lists) & set(workspace.labels)
