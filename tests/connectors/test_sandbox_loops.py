"""The sandbox answers as Loops' pages say: over real HTTP, status for status."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.errors import CannotStart
from connectors.sandbox import loops
from connectors.sandbox.loops import SWITCHES, LoopsSandbox, create
from connectors.sandbox.serving import Running, in_thread

ANN, BEA = "ann@example.com", "bea@example.com"
NEWS, PRODUCT = "cm0sandbox00newsletter00a", "cm0sandbox0productnews00b"
ADDED, UPDATED, LISTED = "Contact added", "Contact updated", "Contact added to list"
KEYS = [
    "id", "email", "firstName", "lastName", "source", "subscribed", "userGroup", "userId", "mailingLists", "optInStatus",
]  # fmt: skip


class Clock:
    """Stands still until it is moved, so that a second is as long as a test needs."""

    def __init__(self) -> None:
        self.now = 1_707_993_000.0

    def __call__(self) -> float:
        return self.now


class Team:
    """The sandbox under test and a client that holds its key."""

    def __init__(self, running: Running, sandbox: LoopsSandbox, clock: Clock) -> None:
        self.running = running
        self.sandbox = sandbox
        self.clock = clock
        self.http = httpx.Client(
            base_url=running.url,
            headers={"Authorization": "Bearer sandbox-key"},
            trust_env=False,
            timeout=10,
        )

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.http.request(method, path, json=body, **more)

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.ask(method, path, body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def no(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        answer = self.ask(method, path, body, **more)
        assert list(answer.json()) == ["success", "message"]
        assert answer.json()["success"] is False
        return answer.status_code, answer.json()["message"]

    def update(self, **body: Any) -> str:
        """The id."""
        answer = self.ok("PUT", "/contacts/update", body)
        assert list(answer) == ["success", "id"]
        return str(answer["id"])

    def create(self, **body: Any) -> str:
        """The id."""
        return str(self.ok("POST", "/contacts/create", body)["id"])

    def found(self, email: str = ANN, **query: str) -> Any:
        [contact] = self.ok("GET", "/contacts/find", params=query or {"email": email})
        return contact

    def fired(self) -> list[str]:
        return [event["name"] for event in self.sandbox.automations()]

    def details(self) -> list[dict[str, Any]]:
        return [event["detail"] for event in self.sandbox.automations()]

    def seed(self, email: str = ANN, **more: Any) -> None:
        self.running.seed([{"email_address": email, **more}])


@pytest.fixture
def team() -> Iterator[Team]:
    clock = Clock()
    sandbox = LoopsSandbox({"rate": "0"}, clock)
    with in_thread(sandbox) as running:
        client = Team(running, sandbox, clock)
        with client.http:
            yield client


# ---- the door


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": ""}, {"Authorization": "Basic sandbox-key"}, {"Authorization": "Bearer stolen"}]
)  # fmt: skip
def test_a_bad_key_is_401_with_the_text_as_message_and_as_error(team: Team, header: dict[str, str]) -> None:
    answer = httpx.get(f"{team.running.url}/api-key", headers=header, trust_env=False)
    assert answer.status_code == 401
    assert answer.json() == {"success": False, "message": "Invalid API key", "error": "Invalid API key"}


def test_the_key_tells_the_name_of_its_team(team: Team) -> None:
    assert team.ok("GET", "/api-key") == {"success": True, "teamName": "Sandbox"}


def test_the_base_path_is_api_v1(team: Team) -> None:
    assert team.running.url.endswith("/api/v1")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/contacts/update"), ("PUT", "/contacts/create"), ("POST", "/contacts/find"), ("DELETE", "/contacts/delete"),
     ("PUT", "/contacts/properties"), ("POST", "/lists"), ("POST", "/contacts/suppression"), ("POST", "/api-key")],
)  # fmt: skip
def test_a_wrong_verb_is_405(team: Team, method: str, path: str) -> None:
    assert team.no(method, path, {"email": ANN})[0] == 405
    assert team.sandbox.contacts() == []


@pytest.mark.parametrize("path", ["/contacts", "/contacts/list", "/contacts/bulk", "/contact/update"])
def test_no_endpoint_lists_contacts_or_takes_several_at_once(team: Team, path: str) -> None:
    assert team.no("GET", path)[0] == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_400(team: Team, body: bytes) -> None:
    assert team.http.put("/contacts/update", content=body).status_code == 400


# ---- the rate


def test_the_rate_is_10_a_second_for_the_team_unless_told_otherwise() -> None:
    assert create({}).switches()["rate"] == "10"


def test_the_request_after_the_last_of_a_second_is_429_and_the_next_second_is_open(team: Team) -> None:
    team.sandbox.switch({"rate": "3", "keys": "sandbox-key,second"})
    second = {"Authorization": "Bearer second"}
    answers = [team.ask("GET", "/lists", headers=second if n % 2 else None) for n in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
    assert team.ask("PUT", "/contacts/update", {"email": ANN}).status_code == 429
    assert team.sandbox.contacts() == []
    team.clock.now += 1
    team.update(email=ANN)


def test_every_answer_has_the_two_headers_also_those_that_say_no(team: Team) -> None:
    team.sandbox.switch({"rate": "10"})
    team.running.faults("503:next=1", "429:next=1")
    answers = [
        team.ask("GET", "/lists"),
        team.ask("GET", "/lists"),
        team.ask("POST", "/contacts/update"),
        team.ask("PUT", "/contacts/update", {}),
        team.ask("GET", "/lists", headers={"Authorization": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [503, 429, 405, 400, 401]
    assert [answer.headers["x-ratelimit-limit"] for answer in answers] == ["10"] * 5
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["10", "0", "9", "8", "8"]


@pytest.mark.parametrize(
    ("switch", "body", "kind"),
    [("json", '{"success": false}', "application/json; charset=utf-8"), ("empty", "", ""), ("text", "Too Many Requests", "text/plain; charset=utf-8")],
)  # fmt: skip
def test_a_429_has_a_json_body_an_empty_one_or_one_that_is_not_json(
    team: Team, switch: str, body: str, kind: str
) -> None:
    team.sandbox.switch({"rate_body": switch})
    team.running.faults("429")
    answer = team.ask("PUT", "/contacts/update", {"email": ANN})
    assert (answer.status_code, answer.text) == (429, body)
    assert not kind or answer.headers["content-type"] == kind
    assert "retry-after" not in answer.headers


def test_retry_after_comes_with_a_429_where_the_switch_says_so(team: Team) -> None:
    team.sandbox.switch({"rate": "1", "retry_after": "header", "rate_body": "empty"})
    team.ask("GET", "/lists")
    assert team.ask("GET", "/lists").headers["retry-after"] == "1"


# ---- create


def test_create_answers_200_with_the_id_and_a_contact_that_is_subscribed(team: Team) -> None:
    answer = team.ask("POST", "/contacts/create", {"email": ANN, "firstName": "Ann", "userId": "u1"})
    contact = team.found()
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "id": contact["id"]}
    assert re.fullmatch("c[0-9a-z]{24}", contact["id"])
    assert list(contact)[:10] == KEYS
    assert {name: contact[name] for name in KEYS[1:]} == {
        "email": ANN,
        "firstName": "Ann",
        "lastName": None,
        "source": "API",
        "subscribed": True,
        "userGroup": "",
        "userId": "u1",
        "mailingLists": {},
        "optInStatus": None,
    }


@pytest.mark.parametrize("body", [{"email": ANN}, {"email": "new@example.com", "userId": "u1"}, {"email": ANN, "userId": "u1"}])  # fmt: skip
def test_create_is_409_when_the_email_or_the_user_id_exists(team: Team, body: Any) -> None:
    team.seed(fields={"userId": "u1"})
    assert team.no("POST", "/contacts/create", body)[0] == 409
    assert team.sandbox.contacts()[0]["writes"] == 0
    assert team.fired() == []


@pytest.mark.parametrize("body", [{}, {"userId": "u1"}, {"email": None}, {"firstName": "Ann"}])
def test_create_wants_an_email(team: Team, body: Any) -> None:
    assert team.no("POST", "/contacts/create", body)[0] == 400


@pytest.mark.parametrize(
    "email", ["", "nobody", "a b@example.com", " ann@example.com", "a@b", 7, ["a@b.example"]]
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/contacts/create"), ("PUT", "/contacts/update")])
def test_an_email_that_is_none_is_400_in_the_documented_words(
    team: Team, method: str, path: str, email: Any
) -> None:
    assert team.no(method, path, {"email": email, "userId": "u1"}) == (400, "Invalid email address.")


def test_a_source_replaces_the_default_one(team: Team) -> None:
    team.create(email=ANN, source="crm")
    assert team.found()["source"] == "crm"


# ---- update: who is meant


@pytest.mark.parametrize("body", [{}, {"firstName": "Ann"}, {"email": None}, {"email": None, "userId": None}])
def test_update_with_neither_email_nor_user_id_is_400(team: Team, body: Any) -> None:
    assert team.no("PUT", "/contacts/update", body)[0] == 400


@pytest.mark.parametrize("who", [{"email": ANN}, {"userId": "u1"}])
def test_update_finds_by_either_identifier_and_changes_that_contact(team: Team, who: Any) -> None:
    team.seed(fields={"userId": "u1", "firstName": "A"})
    there = team.found()["id"]
    assert team.update(**who, lastName="Lee") == there
    contact = team.found()
    assert (contact["firstName"], contact["lastName"], contact["userId"]) == ("A", "Lee", "u1")


def test_update_with_both_takes_the_contact_of_either_and_overwrites_the_other_identifier(team: Team) -> None:
    team.seed(fields={"userId": "old"})
    there = team.found()["id"]
    assert team.update(email=ANN, userId="new") == there
    assert team.found()["userId"] == "new"
    assert team.update(email="changed@example.com", userId="new") == there
    assert team.found(userId="new")["email"] == "changed@example.com"
    assert team.ok("GET", "/contacts/find", params={"email": ANN}) == []
    assert team.ok("GET", "/contacts/find", params={"userId": "old"}) == []
    assert len(team.sandbox.contacts()) == 1


def test_update_of_nobody_with_an_email_creates_and_stores_the_user_id_too(team: Team) -> None:
    answer = team.ask("PUT", "/contacts/update", {"email": ANN, "userId": "u1"})
    assert answer.json() == {"success": True, "id": team.found(userId="u1")["id"]}
    assert team.found()["subscribed"] is True
    assert team.fired() == [ADDED]


def test_update_of_nobody_with_only_a_user_id_is_400_and_creates_nobody(team: Team) -> None:
    text = "userId not found and cannot create a new contact without an email."
    assert team.no("PUT", "/contacts/update", {"userId": "u1", "firstName": "Ann"}) == (400, text)
    assert team.sandbox.contacts() == []


def test_sending_only_a_new_email_creates_a_second_contact(team: Team) -> None:
    first = team.create(email=ANN)
    assert team.update(email="ann@new.example") != first
    assert len(team.sandbox.contacts()) == 2


def test_update_answers_the_same_whether_it_created_or_updated(team: Team) -> None:
    created, updated = (team.ask("PUT", "/contacts/update", {"email": ANN}) for _ in range(2))
    assert (created.status_code, created.json()) == (updated.status_code, updated.json())


def test_email_and_user_id_of_two_contacts_the_email_wins_the_user_id_wins_or_it_is_refused(
    team: Team,
) -> None:
    def two() -> dict[str, str]:
        team.running.reset()
        team.sandbox.switch({"rate": "0"})
        team.seed(ANN, fields={"userId": "a"})
        team.seed(BEA, fields={"userId": "b"})
        return {one["email_address"]: one["id"] for one in team.sandbox.contacts()}

    def there() -> list[tuple[str, Any]]:
        return [(one["email_address"], one["fields"].get("userId")) for one in team.sandbox.contacts()]

    both = {"email": ANN, "userId": "b", "firstName": "X"}
    ids = two()
    assert team.update(**both) == ids[ANN]
    assert there() == [(ANN, "b"), (BEA, None)]
    ids = two()
    team.sandbox.switch({"two_contacts": "userid_wins"})
    assert team.update(**both) == ids[BEA]
    assert there() == [(ANN, "b")]
    two()
    team.sandbox.switch({"two_contacts": "refuse"})
    assert team.no("PUT", "/contacts/update", both)[0] == 400
    assert there() == [(ANN, "a"), (BEA, "b")]


def test_addresses_are_compared_without_case_or_with_it_and_user_ids_always_with_it(team: Team) -> None:
    first = team.update(email=ANN, userId="U1")
    assert team.update(email="ANN@example.com") == first
    assert team.found()["email"] == ANN
    assert team.no("PUT", "/contacts/update", {"userId": "u1"})[0] == 400
    team.sandbox.switch({"email_case": "sensitive"})
    assert team.ok("GET", "/contacts/find", params={"email": "ANN@example.com"}) == []
    assert team.update(email="ANN@example.com") != first


def test_an_address_is_kept_as_it_was_sent_or_in_lower_case(team: Team) -> None:
    team.update(email="Ann@Example.com")
    assert team.found()["email"] == "Ann@Example.com"
    team.sandbox.switch({"email_kept": "lowercase"})
    team.update(email="Bea@Example.com")
    assert team.found(BEA)["email"] == BEA


# ---- values


@pytest.mark.parametrize("user_id", [7, 7.5, True, ["u"], {}, ""])
@pytest.mark.parametrize(("method", "path"), [("POST", "/contacts/create"), ("PUT", "/contacts/update"), ("POST", "/contacts/delete")])  # fmt: skip
def test_a_user_id_that_is_not_a_string_is_400(team: Team, method: str, path: str, user_id: Any) -> None:
    body = {"userId": user_id} | ({} if path.endswith("delete") else {"email": ANN})
    assert team.no(method, path, body)[0] == 400
    assert team.sandbox.contacts() == []


@pytest.mark.parametrize("name", ["firstName", "lastName", "source", "userGroup", "company", "userId"])
def test_a_string_holds_500_characters_and_not_one_more(team: Team, name: str) -> None:
    team.update(email=ANN, **{name: "ä" * 500})
    assert team.no("PUT", "/contacts/update", {"email": ANN, name: "ä" * 501})[0] == 400
    assert team.found()[name] == "ä" * 500


def test_what_is_not_mentioned_is_left_as_it_is(team: Team) -> None:
    team.update(email=ANN, firstName="Ann", company="Oslo AS", mailingLists={NEWS: True})
    team.update(email=ANN, lastName="Lee")
    contact = team.found()
    assert (contact["firstName"], contact["lastName"], contact["company"]) == ("Ann", "Lee", "Oslo AS")
    assert contact["mailingLists"] == {NEWS: True}


def test_null_empties_a_property_and_an_empty_text_is_kept(team: Team) -> None:
    team.update(email=ANN, userId="u1", firstName="Ann", score=3, userGroup="vip", company="x")
    team.update(email=ANN, userId=None, firstName=None, score=None, userGroup=None, company="")
    contact = team.found()
    assert {name: contact[name] for name in ("userId", "firstName", "score", "userGroup", "company")} == {
        "userId": None,
        "firstName": None,
        "score": None,
        "userGroup": "",
        "company": "",
    }


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [("score", 7.5, "7.5"), ("score", 7, True), ("isCustomer", True, "true"), ("company", "7", 7), ("firstName", "A", ["A"]),
     ("birthday", "1990-01-02T00:00:00.000Z", "02/01/1990"), ("createdAt", "2024-01-02T00:00:00.000Z", "soon")],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_kept_or_dropped(
    team: Team, name: str, right: Any, wrong: Any
) -> None:
    def value() -> Any:
        return team.sandbox.contacts()[0]["fields"][name]

    team.update(email=ANN, **{name: right})
    assert value() == right
    assert team.no("PUT", "/contacts/update", {"email": ANN, name: wrong})[0] == 400
    team.sandbox.switch({"wrong_value": "drop"})
    team.update(email=ANN, **{name: wrong})
    assert value() == right
    team.sandbox.switch({"wrong_value": "keep"})
    team.update(email=ANN, **{name: wrong})
    assert value() == wrong


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2024-01-17T11:21:11.5Z", "2024-01-17T11:21:11.500Z"),
        ("2024-01-17T11:21:11.123", "2024-01-17T11:21:11.123Z"),
        ("2024-01-17T11:21:11", "2024-01-17T11:21:11.000Z"),
        ("2024-01-17T11:21+02:00", "2024-01-17T09:21:00.000Z"),
        ("2024-01-17 11:21:11.123-07:00", "2024-01-17T18:21:11.123Z"),
        ("2024-01-17 11:21", "2024-01-17T11:21:00.000Z"),
        ("2024-01-17", "2024-01-17T00:00:00.000Z"),
        (1705486871000, "2024-01-17T10:21:11.000Z"),
        ("1705486871000", "2024-01-17T10:21:11.000Z"),
    ],
)
def test_a_date_is_taken_in_every_documented_format(team: Team, sent: Any, kept: str) -> None:
    team.update(email=ANN, joinedAt=sent)
    assert team.found()["joinedAt"] == kept


@pytest.mark.parametrize(
    "sent", ["17/01/2024", "2024-13-01", "2024-01-17T", "11:21", "", "2024-01-17T25:00", 10**18, 1.5, True]
)
def test_a_date_in_another_format_is_400(team: Team, sent: Any) -> None:
    assert team.no("PUT", "/contacts/update", {"email": ANN, "joinedAt": sent})[0] == 400


def test_a_date_is_shown_as_iso_as_it_was_sent_or_in_milliseconds(team: Team) -> None:
    for position, kept in (("as_sent", "2024-01-17"), ("milliseconds", 1705449600000)):
        team.sandbox.switch({"date_shown": position})
        team.update(email=ANN, joinedAt="2024-01-17")
        assert team.found()["joinedAt"] == kept


def test_a_date_of_creation_can_be_sent(team: Team) -> None:
    team.update(email=ANN, createdAt="2025-05-05T14:17:38.089Z")
    assert team.sandbox.contacts()[0]["created_at"] == "2025-05-05T14:17:38Z"


def test_an_unknown_property_is_ignored_refused_or_creates_it(team: Team) -> None:
    body = {"email": ANN, "shoeSize": 43, "nickname": "A", "fan": True}
    team.update(**body)
    assert "shoeSize" not in team.found()
    team.sandbox.switch({"unknown_property": "refuse"})
    assert team.no("PUT", "/contacts/update", body)[0] == 400
    team.sandbox.switch({"unknown_property": "keep"})
    team.update(**body)
    contact = team.found()
    assert (contact["shoeSize"], contact["nickname"], contact["fan"]) == (43, "A", True)
    new = team.ok("GET", "/contacts/properties", params={"list": "custom"})[-3:]
    assert [(one["key"], one["label"], one["type"]) for one in new] == [
        ("shoeSize", "Shoe Size", "number"),
        ("nickname", "Nickname", "string"),
        ("fan", "Fan", "boolean"),
    ]


@pytest.mark.parametrize("name", ["notes", "id", "teamId", "updatedAt"])
def test_what_has_no_api_name_cannot_be_written(team: Team, name: str) -> None:
    team.sandbox.switch({"unknown_property": "keep"})
    before = team.update(email=ANN)
    team.update(email=ANN, **{name: "x"})
    assert team.found()["id"] == before
    assert name not in team.sandbox.contacts()[0]["fields"]


def test_a_refused_write_changes_nothing_at_all(team: Team) -> None:
    team.update(email=ANN, firstName="Ann")
    wrong = {
        "email": ANN,
        "firstName": "Bea",
        "subscribed": False,
        "mailingLists": {NEWS: True, "gone": True},
    }
    assert team.no("PUT", "/contacts/update", wrong)[0] == 400
    contact = team.found()
    assert (contact["firstName"], contact["subscribed"], contact["mailingLists"]) == ("Ann", True, {})
    assert team.fired() == [ADDED]


# ---- subscribed


def test_an_update_without_subscribed_leaves_an_opt_out_alone(team: Team) -> None:
    team.seed(status="UNSUBSCRIBED")
    team.update(email=ANN, firstName="Ann")
    assert team.found()["subscribed"] is False


def test_an_update_with_subscribed_true_subscribes_again_and_the_inspection_counts_it(team: Team) -> None:
    team.seed(status="UNSUBSCRIBED")
    team.update(email=ANN, subscribed=True)
    contact = team.running.contacts(ANN)[0]
    assert team.found()["subscribed"] is True
    assert (contact["status"], contact["resubscribed"]) == ("SUBSCRIBED", 1)
    assert team.details() == [{"property": "subscribed", "old": False, "new": True}]


def test_subscribed_true_for_somebody_who_is_subscribed_changes_nothing(team: Team) -> None:
    team.create(email=ANN, subscribed=True)
    team.update(email=ANN, subscribed=True)
    assert team.sandbox.contacts()[0]["resubscribed"] == 0
    assert team.fired() == [ADDED]


def test_subscribed_false_opts_out_and_a_new_contact_can_be_opted_out_at_once(team: Team) -> None:
    team.create(email=ANN)
    team.update(email=ANN, subscribed=False)
    team.update(email=BEA, subscribed=False)
    assert [one["status"] for one in team.sandbox.contacts()] == ["UNSUBSCRIBED"] * 2


@pytest.mark.parametrize("value", ["true", "false", 1, None])
def test_subscribed_is_a_boolean_and_nothing_else(team: Team, value: Any) -> None:
    assert team.no("PUT", "/contacts/update", {"email": ANN, "subscribed": value})[0] == 400


def test_deleting_and_adding_again_loses_the_opt_out(team: Team) -> None:
    team.seed(status="UNSUBSCRIBED")
    team.ok("POST", "/contacts/delete", {"email": ANN})
    team.update(email=ANN)
    assert team.found()["subscribed"] is True


# ---- mailing lists


def test_lists_are_joined_and_left_and_those_not_mentioned_stay(team: Team) -> None:
    team.update(email=ANN, mailingLists={NEWS: True})
    team.update(email=ANN, mailingLists={PRODUCT: True})
    assert team.found()["mailingLists"] == {NEWS: True, PRODUCT: True}
    team.update(email=ANN, mailingLists={NEWS: False})
    assert team.found()["mailingLists"] == {PRODUCT: True}


def test_an_unknown_list_is_refused_or_ignored(team: Team) -> None:
    body = {"email": ANN, "mailingLists": {"gone": True, NEWS: True}}
    assert team.no("PUT", "/contacts/update", body)[0] == 400
    assert team.sandbox.contacts() == []
    team.sandbox.switch({"unknown_list": "ignore"})
    team.update(**body)
    assert team.found()["mailingLists"] == {NEWS: True}


@pytest.mark.parametrize("lists", [[NEWS], {NEWS: "true"}, {NEWS: 1}, {NEWS: None}, NEWS])
def test_mailing_lists_are_an_object_of_booleans(team: Team, lists: Any) -> None:
    assert team.no("PUT", "/contacts/update", {"email": ANN, "mailingLists": lists})[0] == 400


def test_adding_again_to_a_list_that_the_person_left_joins_and_fires_again_or_is_ignored_or_refused(
    team: Team,
) -> None:
    body = {"email": ANN, "mailingLists": {NEWS: True}}
    for position in ("ignore", "refuse"):
        team.seed(left=["Newsletter"])
        team.sandbox.switch({"list_left": position})
        assert team.ask("PUT", "/contacts/update", body).status_code == (400 if position == "refuse" else 200)
        assert team.found()["mailingLists"] == {}
        assert team.sandbox.contacts()[0]["left"] == ["Newsletter"]
    assert team.fired() == []
    team.sandbox.switch({"list_left": "add"})
    team.update(**body)
    assert team.found()["mailingLists"] == {NEWS: True}
    assert team.sandbox.contacts()[0]["left"] == []
    assert team.details() == [{"list_id": NEWS, "list": "Newsletter"}]


def test_somebody_who_unsubscribed_cannot_be_added_to_a_list(team: Team) -> None:
    body = {"email": ANN, "mailingLists": {NEWS: True}}
    team.seed(status="UNSUBSCRIBED")
    team.update(**body)
    assert team.found()["mailingLists"] == {}
    team.sandbox.switch({"list_of_unsubscribed": "refuse"})
    assert team.no("PUT", "/contacts/update", body)[0] == 400
    assert (
        team.no("POST", "/contacts/create", {**body, "email": "new@example.com", "subscribed": False})[0]
        == 400
    )
    team.sandbox.switch({"list_of_unsubscribed": "add"})
    team.update(**body)
    assert team.found()["mailingLists"] == {NEWS: True}


def test_opting_out_keeps_the_lists(team: Team) -> None:
    team.update(email=ANN, mailingLists={NEWS: True})
    team.update(email=ANN, subscribed=False)
    assert team.found()["mailingLists"] == {NEWS: True}


# ---- workflows


def test_every_contact_that_the_api_creates_starts_contact_added_and_one_made_in_the_app_does_not(
    team: Team,
) -> None:
    team.seed("app@example.com", tags=["Newsletter"])
    team.create(email=ANN, firstName="Ann", subscribed=False)
    team.update(email=BEA, userId="b", createdAt="2020-01-01")
    assert team.fired() == [ADDED, ADDED]
    assert [event["email_address"] for event in team.sandbox.automations()] == [ANN, BEA]


def test_each_property_that_changed_starts_contact_updated_with_its_old_and_new_value(team: Team) -> None:
    team.seed(fields={"firstName": "Ann", "plan": "free", "userId": "u1"})
    team.update(email="ann@new.example", userId="u1", firstName="Ann", plan="paid", score=1)
    assert team.fired() == [UPDATED] * 3
    assert team.details() == [
        {"property": "email", "old": ANN, "new": "ann@new.example"},
        {"property": "plan", "old": "free", "new": "paid"},
        {"property": "score", "old": None, "new": 1},
    ]


def test_an_update_that_changes_nothing_starts_nothing_nor_does_a_date_of_creation(team: Team) -> None:
    team.seed(fields={"firstName": "Ann"}, tags=["Newsletter"])
    team.update(email=ANN, firstName="Ann", mailingLists={NEWS: True, PRODUCT: False})
    team.update(email=ANN, createdAt="2020-01-01")
    assert team.fired() == []
    team.sandbox.switch({"list_already_in": "fires"})
    team.update(email=ANN, mailingLists={NEWS: True})
    assert team.fired() == [LISTED]


def test_every_time_somebody_is_added_to_a_list_again_it_fires_again(team: Team) -> None:
    for member in (True, True, False, True):
        team.update(email=ANN, mailingLists={NEWS: member})
    assert team.fired() == [ADDED, LISTED, LISTED]


def test_workflows_are_counted_by_name_under_the_inspection(team: Team) -> None:
    team.create(email=ANN, mailingLists={NEWS: True, PRODUCT: True})
    team.update(email=ANN, firstName="Ann")
    shown = team.running.automations()
    assert shown["counts"] == {ADDED: 1, LISTED: 2, UPDATED: 1}
    assert list(shown["list"][0]) == ["name", "contact_id", "email_address", "at", "detail"]


# ---- find and delete


def test_find_answers_an_array_of_one_or_none(team: Team) -> None:
    team.create(email="a+b@example.com", userId="u1", mailingLists={NEWS: True})
    by_email = team.ok("GET", "/contacts/find", params={"email": "a+b@example.com"})
    assert by_email == team.ok("GET", "/contacts/find", params={"userId": "u1"})
    assert by_email[0]["mailingLists"] == {NEWS: True}
    assert team.ask("GET", "/contacts/find", params={"email": "x@example.com"}).json() == []
    assert team.ask("GET", "/contacts/find?email=a+b@example.com").json() == []


@pytest.mark.parametrize("query", ["", "?email=a@b.example&userId=u1", "?name=x"])
def test_find_wants_exactly_one_identifier(team: Team, query: str) -> None:
    assert team.no("GET", f"/contacts/find{query}")[0] == 400


def test_find_shows_custom_properties_at_the_top_level_and_unset_ones_as_null_or_not(team: Team) -> None:
    team.create(email=ANN, plan="gold")
    contact = team.found()
    assert (contact["plan"], contact["score"]) == ("gold", None)
    team.sandbox.switch({"unset_property": "absent"})
    assert list(team.found()) == [*KEYS, "plan"]


def test_find_shows_the_opt_in_status_of_a_form(team: Team) -> None:
    team.seed(opt_in_status="pending")
    assert team.found()["optInStatus"] == "pending"


@pytest.mark.parametrize("who", [{"email": ANN}, {"userId": "u1"}, {"email": ANN, "userId": None}])
def test_delete_removes_by_one_identifier(team: Team, who: Any) -> None:
    team.seed(fields={"userId": "u1"})
    answer = team.ok("POST", "/contacts/delete", who)
    assert answer == {"success": True, "message": "Contact deleted."}
    assert team.sandbox.contacts() == []


def test_delete_of_nobody_is_404_and_with_both_or_neither_400(team: Team) -> None:
    assert team.no("POST", "/contacts/delete", {"email": ANN}) == (404, "Contact not found.")
    for body in ({}, {"email": ANN, "userId": "u1"}):
        assert team.no("POST", "/contacts/delete", body)[0] == 400


# ---- suppression


def test_suppression_is_shown_and_taken_away_once(team: Team) -> None:
    team.seed(suppressed=True, fields={"userId": "u1"})
    shown = team.ok("GET", "/contacts/suppression", params={"userId": "u1"})
    identity = {"id": team.found()["id"], "email": ANN, "userId": "u1"}
    assert shown == {
        "contact": identity,
        "isSuppressed": True,
        "removalQuota": {"limit": 100, "remaining": 100},
    }
    assert team.ok("DELETE", "/contacts/suppression", params={"email": ANN}) == {
        "success": True,
        "message": "Email removed from suppression list.",
        "removalQuota": {"limit": 100, "remaining": 99},
    }
    assert team.ok("GET", "/contacts/suppression", params={"email": ANN})["isSuppressed"] is False
    assert team.no("DELETE", "/contacts/suppression", params={"email": ANN})[0] == 400


def test_the_quota_of_removals_comes_back_after_thirty_days(team: Team) -> None:
    team.sandbox.removals += [team.clock.now] * 100
    team.seed(suppressed=True)
    assert team.no("DELETE", "/contacts/suppression", params={"email": ANN})[0] == 400
    team.clock.now += 30 * 24 * 3600
    team.ok("DELETE", "/contacts/suppression", params={"email": ANN})


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_suppression_of_nobody_is_404_and_with_both_or_neither_400(team: Team, method: str) -> None:
    assert team.no(method, "/contacts/suppression", params={"email": ANN}) == (404, "Contact not found.")
    assert team.no(method, "/contacts/suppression")[0] == 400
    assert team.no(method, "/contacts/suppression", params={"email": ANN, "userId": "u"})[0] == 400


# ---- properties and lists


def test_the_properties_are_listed_with_key_label_and_type_all_of_them_or_the_custom_ones(team: Team) -> None:
    everything = team.ok("GET", "/contacts/properties")
    assert " ".join(one["key"] for one in everything) == (
        "firstName lastName email notes source userGroup userId subscribed createdAt "
        "company jobTitle phone city country language plan score isCustomer birthday joinedAt"
    )
    assert everything[0] == {"key": "firstName", "label": "First Name", "type": "string"}
    assert {one["type"] for one in everything} == set(loops.TYPES)
    assert team.ok("GET", "/contacts/properties", params={"list": "all"}) == everything
    assert team.ok("GET", "/contacts/properties", params={"list": "custom"}) == everything[9:]
    assert team.no("GET", "/contacts/properties", params={"list": "some"})[0] == 400


def test_a_property_is_created_once_and_can_be_written_at_once(team: Team) -> None:
    body = {"name": "favoriteColor", "type": "string"}
    assert team.ok("POST", "/contacts/properties", body) == {"success": True}
    team.update(email=ANN, favoriteColor="Blue")
    assert team.found()["favoriteColor"] == "Blue"
    listed = team.ok("GET", "/contacts/properties", params={"list": "custom"})[-1]
    assert listed == {"key": "favoriteColor", "label": "Favorite Color", "type": "string"}
    assert team.no("POST", "/contacts/properties", body) == (400, "Property already exists.")


@pytest.mark.parametrize(
    "change",
    [{"name": "favorite_color"}, {"name": "Favorite"}, {"name": "favorite color"}, {"name": ""}, {"name": None}, {"name": 7},
     {"type": "text"}, {"type": None}, *({"name": name} for name in ("id", "listId", "softDeleteAt", "teamId", "updatedAt")),
     *({"name": name} for name in ("email", "notes", "subscribed", "mailingLists", "optInStatus", "eventName"))],
)  # fmt: skip
def test_a_property_that_is_not_camel_case_or_reserved_is_not_created(team: Team, change: Any) -> None:
    assert team.no("POST", "/contacts/properties", {"name": "colour", "type": "string", **change})[0] == 400


def test_the_lists_are_shown_with_id_name_description_and_whether_they_are_public(
    team: Team, tmp_path: Path
) -> None:
    lists = team.ok("GET", "/lists")
    assert lists[0] == {
        "id": NEWS,
        "name": "Newsletter",
        "description": "Once a month",
        "isPublic": True,
    }
    assert [(one["name"], one["description"], one["isPublic"]) for one in lists[2:]] == [
        ("Events", None, True),
        ("Partners", None, False),
    ]
    workspace = tmp_path / "workspace.json"
    workspace.write_text('{"properties": []}', encoding="utf-8")
    with in_thread(LoopsSandbox({"workspace": str(workspace)})) as other:
        assert team.ok("GET", f"{other.url}/lists") == []


# ---- settings and inspection


def test_the_table_in_the_module_names_every_switch_and_its_positions_default_first() -> None:
    table = dict(re.findall(r"^    (\w+) +((?:\w+ )+) ", loops.__doc__ or "", re.MULTILINE))
    del table["switch"]
    assert {name: tuple(words.split()) for name, words in table.items()} == SWITCHES


@pytest.mark.parametrize(
    "settings", [{"colour": "red"}, {"email_case": "both"}, {"rate": "fast"}, {"workspace": "/nowhere.json"}]
)
def test_a_setting_that_cannot_be_is_named(settings: dict[str, str]) -> None:
    name, value = next(iter(settings.items()))
    with pytest.raises(CannotStart, match=value if name == "workspace" else name):
        create(settings)


@pytest.mark.parametrize(
    ("workspace", "said"),
    [("[]", "cannot be read"), ('{"properties": [{"key": "a", "type": "text"}]}', "type 'text'"), ('{"properties": [{"key": "email", "type": "string"}]}', "'email'")],
)  # fmt: skip
def test_a_workspace_that_cannot_be_is_explained(tmp_path: Path, workspace: str, said: str) -> None:
    path = tmp_path / "workspace.json"
    path.write_text(workspace, encoding="utf-8")
    with pytest.raises(CannotStart, match=said):
        create({"workspace": str(path)})


def test_contacts_are_seeded_with_lists_by_name_and_shown_in_the_words_of_every_sandbox(team: Team) -> None:
    team.seed(
        status="UNSUBSCRIBED", tags=["Newsletter", PRODUCT], fields={"userId": "u1", "plan": "gold"}, suppressed=True
    )  # fmt: skip
    team.seed(left=["Newsletter"], fields={"plan": None, "city": "Oslo"})
    [contact] = team.running.contacts(ANN)
    assert json.loads(json.dumps(contact)) == {
        "id": contact["id"],
        "email_address": ANN,
        "status": "UNSUBSCRIBED",
        "tags": ["Product news"],
        "list_ids": [PRODUCT],
        "left": ["Newsletter"],
        "fields": {"userId": "u1", "source": "Manual", "city": "Oslo"},
        "suppressed": True,
        "opt_in_status": None,
        "resubscribed": 0,
        "writes": 0,
        "created_at": "2024-02-15T10:30:00Z",
        "updated_at": "2024-02-15T10:30:00Z",
    }


@pytest.mark.parametrize(
    "wrong", [{"status": "GONE"}, {"tags": ["x"]}, {"left": ["x"]}, {"fields": {"notes": "x"}}, {"list": []}]
)
def test_a_seed_that_cannot_be_adds_nobody(team: Team, wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"GONE|'x'|'notes'|'list'"):
        team.running.seed([{"email_address": BEA}, {"email_address": ANN, **wrong}])
    assert team.sandbox.contacts() == []
