"""The sandbox answers as CampaignLark's pages say: over real HTTP, text for text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.errors import CannotStart
from connectors.sandbox import campaignlark
from connectors.sandbox.campaignlark import SWITCHES, CampaignLarkSandbox, create
from connectors.sandbox.serving import in_thread

TYWIN = "tywin@example.com"
UNKNOWN_ID = "64f1a2b3c4d5e6f7a8b9c0d1"
BASE_KEYS = ["id", "status", "tags", "data", "statistics", "created_at", "updated_at"]
READ_KEYS = [*BASE_KEYS[:5], "last_opened_at", "last_clicked_at", *BASE_KEYS[5:]]


class Clock:
    """Stands still until it is moved, so that a second is as long as a test needs."""

    def __init__(self) -> None:
        self.now = 1_707_993_000.0

    def __call__(self) -> float:
        return self.now


class Lark:
    """The sandbox under test and a client that holds its key."""

    def __init__(self, url: str, inspect: str, sandbox: CampaignLarkSandbox, clock: Clock) -> None:
        self.inspect = inspect
        self.sandbox = sandbox
        self.clock = clock
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": "Bearer sandbox-key"}, trust_env=False, timeout=10
        )

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.http.request(method, path, json=body, **more)

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.ask(method, path, body, **more)
        assert answer.status_code < 300, answer.text
        assert list(answer.json()) == ["data"]
        return answer.json()["data"]

    def no(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        answer = self.ask(method, path, body, **more)
        assert list(answer.json()) == ["error"]
        assert list(answer.json()["error"]) == ["message"]
        return answer.status_code, answer.json()["error"]["message"]

    def create(self, address: str = TYWIN, status: str = "SUBSCRIBED", **more: Any) -> Any:
        fields = {"email_address": address, **more.pop("fields", {})}
        return self.ok("POST", "/contacts", {"fields": fields, "status": status, **more})

    def upsert(self, address: str = TYWIN, **more: Any) -> Any:
        return self.ok("POST", "/contacts/upsert", {"email_address": address, **more})

    def put(self, contact: Any, status: str = "SUBSCRIBED", **more: Any) -> Any:
        fields = {"email_address": contact["data"]["email_address"], **more.pop("fields", {})}
        return self.ok("PUT", f"/contacts/{contact['id']}", {"fields": fields, "status": status, **more})

    def found(self, address: str = TYWIN) -> Any:
        return self.ok("GET", "/contacts/by-email", params={"email": address})

    def search(self, **body: Any) -> Any:
        return self.ok("POST", "/contacts/search", body)

    def fired(self) -> list[str]:
        return [event["name"] for event in self.sandbox.automations()]


@pytest.fixture
def lark() -> Iterator[Lark]:
    clock = Clock()
    sandbox = CampaignLarkSandbox({"rate": "0"}, clock)
    with in_thread(sandbox) as address:
        client = Lark(address.url, address.inspect, sandbox, clock)
        with client.http:
            yield client


@pytest.fixture
def strict_workspace(tmp_path: Path) -> Path:
    workspace = json.loads(campaignlark.WORKSPACE.read_text(encoding="utf-8"))
    workspace["fields"][2]["required"] = True
    workspace["segments"] = [
        {"name": "Friends", "tags": [2]},
        {"name": "A", "tags": [3]},
        {"name": "B", "tags": [3]},
    ]
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(workspace), encoding="utf-8")
    return path


@pytest.fixture
def strict(strict_workspace: Path) -> Iterator[Lark]:
    clock = Clock()
    sandbox = CampaignLarkSandbox({"rate": "0", "workspace": str(strict_workspace)}, clock)
    with in_thread(sandbox) as address:
        client = Lark(address.url, address.inspect, sandbox, clock)
        with client.http:
            yield client


# ---- the door


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": ""}, {"Authorization": "Basic x"}, {"Authorization": "Bearer"}]
)
def test_a_request_without_a_key_is_asked_for_one(lark: Lark, header: dict[str, str]) -> None:
    answer = httpx.get(f"{lark.http.base_url}fields", headers=header, trust_env=False)
    assert answer.status_code == 401
    assert answer.json() == {
        "error": {"message": "Please provide a valid API key in the Authorization header."}
    }


def test_a_wrong_key_is_invalid_or_revoked(lark: Lark) -> None:
    refused = lark.no("GET", "/fields", headers={"Authorization": "Bearer stolen"})
    assert refused == (401, "The API key you provided is invalid or has been revoked.")


def test_several_keys_open_one_workspace_and_a_key_can_be_rotated_while_it_runs(lark: Lark) -> None:
    lark.sandbox.switch({"keys": "first, second"})
    for key in ("first", "second"):
        lark.ok("GET", "/fields", headers={"Authorization": f"Bearer {key}"})
    assert lark.no("GET", "/fields")[0] == 401


def test_an_address_that_may_not_use_the_key_is_told_so(lark: Lark) -> None:
    lark.sandbox.switch({"ip_allowed": "no"})
    assert lark.no("GET", "/fields") == (403, "Your IP address is not authorized to use this API key.")


def test_the_request_after_the_last_of_a_second_is_429_and_the_next_second_is_open(lark: Lark) -> None:
    lark.sandbox.switch({"rate": "3"})
    assert [lark.ask("GET", "/fields").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = lark.ask("POST", "/contacts/upsert", {"email_address": TYWIN})
    assert list(refused.json()) == ["error"]
    assert "retry-after" not in refused.headers
    assert lark.sandbox.contacts() == []
    lark.clock.now += 1
    lark.ok("GET", "/fields")


def test_retry_after_comes_with_a_429_where_the_switch_says_so(lark: Lark) -> None:
    lark.sandbox.switch({"rate": "1", "retry_after": "header"})
    lark.ask("GET", "/fields")
    assert lark.ask("GET", "/fields").headers["retry-after"] == "1"


def test_the_rate_is_100_a_second_unless_told_otherwise() -> None:
    assert create({}).switches()["rate"] == "100"


@pytest.mark.parametrize(("method", "path"), [("GET", f"/contacts/{UNKNOWN_ID}"), ("DELETE", f"/contacts/{UNKNOWN_ID}"), ("GET", "/segments"), ("POST", "/contactsupsert")])  # fmt: skip
def test_what_is_not_documented_is_not_there(lark: Lark, method: str, path: str) -> None:
    assert lark.no(method, path)[0] == 404


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_json_object_is_400(lark: Lark, body: bytes) -> None:
    assert lark.http.post("/contacts", content=body).status_code == 400


# ---- create


def test_create_answers_201_with_the_whole_contact(lark: Lark) -> None:
    fields = {"email_address": TYWIN, "first_name": "Tywin", "last_name": "Lannister"}
    answer = lark.ask("POST", "/contacts", {"fields": fields, "tags": [1, 2], "status": "SUBSCRIBED"})
    contact = answer.json()["data"]
    assert answer.status_code == 201
    assert list(contact) == BASE_KEYS
    assert re.fullmatch("[0-9a-f]{24}", contact.pop("id"))
    assert contact == {
        "status": "SUBSCRIBED",
        "tags": [{"id": 1, "name": "newsletter"}, {"id": 2, "name": "vip"}],
        "data": fields,
        "statistics": {"total_opens": 0, "total_clicks": 0, "total_bounces": 0, "total_delivered": 0},
        "created_at": "2024-02-15T10:30:00Z",
        "updated_at": "2024-02-15T10:30:00Z",
    }


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"status": "SUBSCRIBED"}, "Please provide at least one field for the contact."),
        ({"fields": {}, "status": "SUBSCRIBED"}, "Please provide at least one field for the contact."),
        ({"fields": {"email_address": TYWIN}}, "Contact status is required."),
        (
            {"fields": {"email_address": TYWIN}, "status": "subscribed"},
            "The status you provided is not valid.",
        ),
        ({"fields": {"first_name": "T"}, "status": "SUBSCRIBED"}, "An email address is required."),
        ({"fields": {"email_address": ""}, "status": "SUBSCRIBED"}, "An email address is required."),
        (
            {"fields": {"email_address": TYWIN, "nick": "T"}, "status": "SUBSCRIBED"},
            "We were unable to find a field with the merge_tag nick",
        ),
    ],
)
def test_create_refuses_in_the_documented_words(lark: Lark, body: Any, text: str) -> None:
    assert lark.no("POST", "/contacts", body) == (400, text)
    assert lark.sandbox.contacts() == []


@pytest.mark.parametrize("value", [{}, {"last_name": ""}, {"last_name": None}])
def test_create_names_a_missing_required_field_by_its_label(strict: Lark, value: Any) -> None:
    body = {"fields": {"email_address": TYWIN, **value}, "status": "SUBSCRIBED"}
    assert strict.no("POST", "/contacts", body) == (400, "Field 'Last Name' is required.")


@pytest.mark.parametrize("status", campaignlark.STATUSES)
def test_create_fires_the_pending_automation_for_unconfirmed_and_nothing_else(
    lark: Lark, status: str
) -> None:
    lark.create(status=status, tags=[1], fields={"first_name": "T"})
    assert lark.fired() == (["CONTACT_SUBSCRIBED_PENDING"] if status == "UNCONFIRMED" else [])


# ---- update by id


def test_update_answers_200_with_the_times_of_opening_and_clicking(lark: Lark) -> None:
    contact = lark.create(fields={"first_name": "T"}, tags=[1])
    lark.clock.now += 60
    body = {"fields": {"email_address": TYWIN, "city": "Casterly"}, "status": "UNSUBSCRIBED"}
    answer = lark.ask("PUT", f"/contacts/{contact['id']}", body)
    changed = answer.json()["data"]
    assert answer.status_code == 200
    assert list(changed) == READ_KEYS
    assert changed["last_opened_at"] is None
    assert changed["data"] == {"email_address": TYWIN, "first_name": "T", "city": "Casterly"}
    assert changed["status"] == "UNSUBSCRIBED"
    assert changed["tags"] == [{"id": 1, "name": "newsletter"}]
    assert (changed["created_at"], changed["updated_at"]) == ("2024-02-15T10:30:00Z", "2024-02-15T10:31:00Z")


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/contacts", {}, "The contact ID you provided is not valid."),
        ("/contacts/", {}, "The contact ID you provided is not valid."),
        ("/contacts/ID", {"status": "SUBSCRIBED"}, "Please provide at least one field to update."),
        ("/contacts/ID", {"fields": {}, "status": "SUBSCRIBED"}, "Please provide at least one field to update."),
        ("/contacts/ID", {"fields": {"email_address": TYWIN}}, "Please provide a status."),
        ("/contacts/ID", {"fields": {"email_address": TYWIN}, "status": "GONE"}, "The status you provided is not valid."),
        (
            "/contacts/ID",
            {"fields": {"email_address": TYWIN, "nick": 1}, "status": "SUBSCRIBED"},
            "We were unable to find a field with the merge_tag nick",
        ),
        (
            f"/contacts/{UNKNOWN_ID}",
            {"fields": {"email_address": TYWIN}, "status": "SUBSCRIBED"},
            "We couldn't find a contact with that ID.",
        ),
    ],
)  # fmt: skip
def test_update_refuses_with_400_also_where_the_contact_is_missing(
    lark: Lark, path: str, body: Any, text: str
) -> None:
    contact = lark.create()
    assert lark.no("PUT", path.replace("ID", contact["id"]), body) == (400, text)


def test_update_wants_every_required_field_sent_and_a_stored_one_is_enough_by_switch(strict: Lark) -> None:
    contact = strict.create(fields={"last_name": "L"})
    path, body = f"/contacts/{contact['id']}", {"fields": {"email_address": TYWIN}, "status": "SUBSCRIBED"}
    assert strict.no("PUT", path, body) == (400, "Field 'Last Name' is required.")
    strict.sandbox.switch({"put_required": "stored"})
    strict.ok("PUT", path, body)


def test_update_replaces_the_tags_when_they_are_sent(lark: Lark) -> None:
    contact = lark.create(tags=[1, 2])
    assert [tag["id"] for tag in lark.put(contact, tags=[3, 1])["tags"]] == [3, 1]
    assert lark.put(contact, tags=[])["tags"] == []
    assert lark.fired() == ["TAG_ADDED", "TAG_REMOVED", "TAG_REMOVED", "TAG_REMOVED"]


def test_update_fires_once_per_changed_field_and_never_for_a_status(lark: Lark) -> None:
    contact = lark.create(fields={"first_name": "T", "city": "A"})
    lark.put(contact, status="UNSUBSCRIBED", fields={"first_name": "T", "city": "B", "phone": "1"})
    assert lark.fired() == ["FIELD_UPDATED", "FIELD_UPDATED"]
    assert [event["detail"] for event in lark.sandbox.automations()] == [
        {"merge_tag": "city", "old": "A", "new": "B"},
        {"merge_tag": "phone", "old": None, "new": "1"},
    ]
    lark.put(contact, status="UNCONFIRMED")
    assert len(lark.fired()) == 2


def test_update_changes_the_address_or_answers_200_with_the_old_one(lark: Lark) -> None:
    contact = lark.create()
    assert (
        lark.put(contact, fields={"email_address": "t@new.example"})["data"]["email_address"]
        == "t@new.example"
    )
    assert lark.no("GET", "/contacts/by-email", params={"email": TYWIN})[0] == 404
    lark.sandbox.switch({"put_changes_address": "no"})
    assert lark.put(contact)["data"]["email_address"] == "t@new.example"


def test_update_to_an_address_that_is_taken_refuses_keeps_or_merges(lark: Lark) -> None:
    contact, other = lark.create(), lark.create("other@example.com")
    taken = {"email_address": "other@example.com"}
    body = {"fields": taken, "status": "SUBSCRIBED"}
    assert lark.no("PUT", f"/contacts/{contact['id']}", body)[0] == 400
    lark.sandbox.switch({"put_address_taken": "keep_old"})
    assert lark.put(contact, fields=taken)["data"]["email_address"] == TYWIN
    lark.sandbox.switch({"put_address_taken": "merge"})
    assert lark.put(contact, fields=taken)["data"]["email_address"] == "other@example.com"
    assert [one["id"] for one in lark.sandbox.contacts()] == [contact["id"]]
    assert lark.found("other@example.com")["id"] != other["id"]


def test_update_clears_what_it_does_not_mention_by_switch(lark: Lark) -> None:
    contact = lark.create(fields={"city": "A"})
    lark.sandbox.switch({"put_omitted_fields": "clear"})
    assert lark.put(contact, fields={"phone": "1"})["data"] == {"email_address": TYWIN, "phone": "1"}


# ---- upsert


def test_upsert_answers_200_when_it_creates_and_when_it_updates(lark: Lark) -> None:
    body = {"email_address": TYWIN, "fields": {"first_name": "Tywin"}, "tags": [1, 2], "partial_update": True}
    for _ in range(2):
        answer = lark.ask("POST", "/contacts/upsert", body)
        assert answer.status_code == 200
        assert list(answer.json()["data"]) == BASE_KEYS
    assert len(lark.sandbox.contacts()) == 1
    assert lark.fired() == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "Email address is required for upsert operation."),
        ({"email_address": ""}, "Email address is required for upsert operation."),
        ({"fields": {"email_address": TYWIN}}, "Email address is required for upsert operation."),
        (
            {"email_address": TYWIN, "fields": {"nick": "T"}},
            "We were unable to find a field with the merge_tag nick",
        ),
        ({"email_address": TYWIN, "status": "GONE"}, "The status you provided is not valid."),
    ],
)
def test_upsert_refuses_in_the_documented_words(lark: Lark, body: Any, text: str) -> None:
    assert lark.no("POST", "/contacts/upsert", body) == (400, text)


def test_upsert_checks_required_fields_on_create_and_full_replace_only(strict: Lark) -> None:
    refused = (400, "Field 'Last Name' is required.")
    assert strict.no("POST", "/contacts/upsert", {"email_address": TYWIN, "partial_update": True}) == refused
    strict.upsert(fields={"last_name": "L"})
    assert strict.no("POST", "/contacts/upsert", {"email_address": TYWIN}) == refused
    strict.upsert(partial_update=True)


def test_upsert_ignores_the_address_among_the_fields(lark: Lark) -> None:
    assert lark.upsert(fields={"email_address": "else@example.com"})["data"] == {"email_address": TYWIN}


def test_a_full_replace_drops_the_other_fields_and_subscribes_again(lark: Lark) -> None:
    lark.create(status="UNSUBSCRIBED", fields={"first_name": "T", "city": "A"})
    contact = lark.upsert(fields={"city": "B"})
    assert contact["data"] == {"email_address": TYWIN, "city": "B"}
    assert contact["status"] == "SUBSCRIBED"


def test_a_partial_update_keeps_fields_tags_and_status(lark: Lark) -> None:
    lark.create(status="UNSUBSCRIBED", fields={"first_name": "T", "city": "A"}, tags=[2])
    contact = lark.upsert(fields={"city": "B"}, partial_update=True)
    assert contact["data"] == {"email_address": TYWIN, "first_name": "T", "city": "B"}
    assert contact["status"] == "UNSUBSCRIBED"
    assert [tag["id"] for tag in contact["tags"]] == [2]
    assert lark.fired() == ["FIELD_UPDATED"]


def test_a_partial_update_of_nobody_creates_somebody_subscribed(lark: Lark) -> None:
    assert lark.upsert(partial_update=True)["status"] == "SUBSCRIBED"


def test_an_upsert_that_creates_unconfirmed_fires_the_pending_automation(lark: Lark) -> None:
    lark.upsert(status="UNCONFIRMED")
    lark.upsert(status="UNCONFIRMED", partial_update=True)
    assert lark.fired() == ["CONTACT_SUBSCRIBED_PENDING"]


def test_a_full_replace_without_tags_clears_them_or_keeps_them(lark: Lark) -> None:
    lark.create(tags=[1])
    lark.sandbox.switch({"full_replace_without_tags": "keep"})
    assert len(lark.upsert()["tags"]) == 1
    lark.sandbox.switch({"full_replace_without_tags": "clear"})
    assert lark.upsert()["tags"] == []


def test_a_partial_update_with_tags_replaces_them_or_adds_to_them(lark: Lark) -> None:
    lark.create(tags=[1])
    lark.sandbox.switch({"partial_with_tags": "union"})
    assert [tag["id"] for tag in lark.upsert(tags=[2], partial_update=True)["tags"]] == [1, 2]
    lark.sandbox.switch({"partial_with_tags": "replace"})
    assert [tag["id"] for tag in lark.upsert(tags=[3], partial_update=True)["tags"]] == [3]


def test_addresses_are_compared_without_case_or_with_it(lark: Lark) -> None:
    first = lark.upsert()
    assert lark.upsert("TYWIN@example.com")["id"] == first["id"]
    assert lark.found()["data"]["email_address"] == "TYWIN@example.com"
    lark.sandbox.switch({"email_case": "sensitive"})
    assert lark.upsert()["id"] != first["id"]


def test_creating_an_address_that_is_there_refuses_doubles_or_updates(lark: Lark) -> None:
    first = lark.create(fields={"city": "A"})
    body = {"fields": {"email_address": TYWIN, "phone": "1"}, "status": "SUBSCRIBED"}
    assert lark.no("POST", "/contacts", body)[0] == 400
    lark.sandbox.switch({"duplicate_create": "update"})
    assert lark.ok("POST", "/contacts", body)["data"] == {"email_address": TYWIN, "city": "A", "phone": "1"}
    lark.sandbox.switch({"duplicate_create": "second_contact"})
    second = lark.ok("POST", "/contacts", body)
    assert second["id"] != first["id"]
    lark.sandbox.delete(TYWIN)
    assert lark.found()["id"] == second["id"]


@pytest.mark.parametrize(("value", "switch"), [("", "empty_value"), (None, "null_value")])
def test_an_empty_value_clears_or_keeps(lark: Lark, value: Any, switch: str) -> None:
    lark.create(fields={"city": "A"})
    lark.sandbox.switch({switch: "keep"})
    assert lark.upsert(fields={"city": value}, partial_update=True)["data"]["city"] == "A"
    lark.sandbox.switch({switch: "clear"})
    assert "city" not in lark.upsert(fields={"city": value}, partial_update=True)["data"]


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("score", 7.5, "seven"),
        ("is_customer", True, "perhaps"),
        ("birthday", "1990-01-02T00:00:00Z", "02/01/1990"),
        ("plan", "Gold", "Tin"),
        ("interests", ["Events", "Webinars"], ["Sports"]),
        ("first_name", "Tywin", 7),
    ],
)
def test_a_value_that_does_not_fit_is_kept_refused_or_dropped(
    lark: Lark, name: str, right: Any, wrong: Any
) -> None:
    assert lark.upsert(fields={name: wrong})["data"][name] == wrong
    lark.sandbox.switch({"wrong_value": "refuse"})
    assert lark.upsert(fields={name: right})["data"][name] == right
    assert lark.no("POST", "/contacts/upsert", {"email_address": TYWIN, "fields": {name: wrong}})[0] == 400
    lark.sandbox.switch({"wrong_value": "drop"})
    assert name not in lark.upsert(fields={name: wrong})["data"]


def test_an_unknown_tag_is_refused_or_ignored(lark: Lark) -> None:
    body = {"email_address": TYWIN, "tags": [1, 99]}
    assert lark.no("POST", "/contacts/upsert", body) == (400, "Tag ID 99 does not exist in this workspace")
    lark.sandbox.switch({"unknown_tag": "ignore"})
    assert [tag["id"] for tag in lark.upsert(tags=[1, 99])["tags"]] == [1]


# ---- reading


def test_by_email_finds_one_and_is_404_for_nobody(lark: Lark) -> None:
    contact = lark.create("a+b@example.com")
    found = lark.found("A+B@example.com")
    assert found["id"] == contact["id"]
    assert list(found) == READ_KEYS
    missing = lark.no("GET", "/contacts/by-email", params={"email": "x@example.com"})
    assert missing == (404, "We couldn't find a contact with that email address.")


@pytest.mark.parametrize("query", ["", "?email=", "?email=nonsense"])
def test_by_email_wants_an_address(lark: Lark, query: str) -> None:
    text = "Email address is required. Please provide a valid email address."
    assert lark.no("GET", f"/contacts/by-email{query}") == (400, text)


def test_search_by_status_pages_through_everybody_once(lark: Lark) -> None:
    lark.sandbox.seed([{"email_address": f"p{n}@example.com"} for n in range(25)])
    lark.sandbox.seed([{"email_address": "off@example.com", "status": "UNSUBSCRIBED"}])
    pages = [lark.search(status="SUBSCRIBED", page=page, limit=10) for page in (1, 2, 3, 4)]
    assert [len(page["contacts"]) for page in pages] == [10, 10, 5, 0]
    seen = [one["data"]["email_address"] for page in pages for one in page["contacts"]]
    assert seen == [f"p{n}@example.com" for n in range(25)]
    assert pages[0]["pagination"] == {"current_page": 1, "per_page": 10, "total_pages": 3, "total_count": 25}
    assert list(pages[0]["contacts"][0]) == READ_KEYS


def test_search_sees_what_was_written_since_the_last_page(lark: Lark) -> None:
    lark.sandbox.seed([{"email_address": f"p{n}@example.com"} for n in range(3)])
    assert lark.search(status="SUBSCRIBED")["pagination"]["total_count"] == 3
    lark.upsert("p1@example.com", status="UNSUBSCRIBED")
    lark.upsert("new@example.com")
    lark.sandbox.delete("p0@example.com")
    found = lark.search(status="SUBSCRIBED")["contacts"]
    assert [one["data"]["email_address"] for one in found] == ["p2@example.com", "new@example.com"]


def test_search_sorts_by_creation_or_update_both_ways(lark: Lark) -> None:
    for name in ("a", "b", "c"):
        lark.create(f"{name}@example.com")
    lark.upsert("a@example.com", fields={"city": "A"})

    def order(**body: Any) -> str:
        return "".join(one["data"]["email_address"][0] for one in lark.search(**body)["contacts"])

    assert order() == "abc"
    assert order(sort_order="desc") == "cba"
    assert order(sort_by="updated_at") == "bca"
    assert order(sort_by="updated_at", sort_order="desc") == "acb"


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("EQUALS", "10", "a"),
        ("NOT_EQUALS", "10", "bc"),
        ("CONTAINS", "1", "a"),
        ("NOT_CONTAINS", "1", "bc"),
        ("EXISTS", "", "ab"),
        ("GREATER_THAN", "9", "a"),
        ("LESS_THAN", "10", "b"),
    ],
)
def test_search_knows_seven_operators(lark: Lark, operator: str, value: str, expected: str) -> None:
    lark.create("a@example.com", fields={"score": 10})
    lark.create("b@example.com", fields={"score": 9})
    lark.create("c@example.com")
    found = lark.search(fields=[{"merge_tag": "score", "operator": operator, "value": value}])["contacts"]
    assert "".join(one["data"]["email_address"][0] for one in found) == expected


def test_search_finds_those_who_have_all_the_tags_and_one_address_exactly(lark: Lark) -> None:
    lark.create("a@example.com", tags=[1, 2])
    lark.create("b@example.com", tags=[1])
    assert len(lark.search(tags=[1])["contacts"]) == 2
    assert len(lark.search(tags=[1, 2])["contacts"]) == 1
    address = {"merge_tag": "email_address", "operator": "EQUALS", "value": "B@example.com"}
    assert len(lark.search(fields=[address])["contacts"]) == 1


@pytest.mark.parametrize(
    "body",
    [{"limit": 9}, {"limit": 251}, {"page": 0}, {"sort_by": "id"}, {"sort_order": "up"}, {"status": "BOUNCED"},
     {"fields": [{"merge_tag": "nick", "operator": "EXISTS"}]}, {"fields": [{"merge_tag": "city", "operator": "LIKE"}]},
     {"fields": "x"}, {"fields": [7]}, {"tags": 1}],
)  # fmt: skip
def test_search_refuses_what_it_does_not_know(lark: Lark, body: Any) -> None:
    assert lark.no("POST", "/contacts/search", body)[0] == 400


def test_search_without_a_filter_lists_everybody_or_nobody(lark: Lark) -> None:
    lark.create()
    assert lark.search()["pagination"]["total_count"] == 1
    lark.sandbox.switch({"search_without_filter": "nobody"})
    assert lark.search()["contacts"] == []


def test_search_speaks_the_older_and_the_newer_dialect(lark: Lark) -> None:
    lark.create(status="CLEANED")
    lark.sandbox.switch({"search_pagination": "old", "status_words": "new", "contact_shape": "fields"})
    answer = lark.search(status="BOUNCED")
    contact = answer["contacts"][0]
    assert answer["pagination"] == {"page": 1, "limit": 50, "total": 1}
    assert contact["status"] == "BOUNCED"
    assert contact["fields"] == {"email_address": TYWIN}
    assert contact["score"] == 0
    assert not {"data", "statistics"} & set(contact)


# ---- tags of a contact


def test_tags_are_added_and_removed_and_only_changes_fire(lark: Lark) -> None:
    contact = lark.create(tags=[1])
    added = lark.ok("POST", f"/contacts/{contact['id']}/tags/add", {"tag_ids": [1, 2, 3]})
    assert [tag["id"] for tag in added["tags"]] == [1, 2, 3]
    assert list(added) == READ_KEYS
    removed = lark.ok("POST", f"/contacts/{contact['id']}/tags/remove", {"tag_ids": [3, 7]})
    assert [tag["id"] for tag in removed["tags"]] == [1, 2]
    assert lark.fired() == ["TAG_ADDED", "TAG_ADDED", "TAG_REMOVED"]


@pytest.mark.parametrize("verb", ["add", "remove"])
def test_tags_refuse_in_the_documented_words(lark: Lark, verb: str) -> None:
    contact = lark.create()
    path = f"/contacts/{contact['id']}/tags/{verb}"
    nothing = (400, "Please provide at least one tag ID to add or remove.")
    assert lark.no("POST", path, {}) == nothing
    assert lark.no("POST", path, {"tag_ids": []}) == nothing
    assert lark.no("POST", path, {"tag_ids": [99]}) == (400, "Tag ID 99 does not exist in this workspace")
    missing = lark.no("POST", f"/contacts//tags/{verb}", {"tag_ids": [1]})
    assert missing == (400, "The contact ID you provided is not valid.")


# ---- fields and tags of the workspace


def test_the_fields_are_listed_with_everything_the_schema_says(lark: Lark) -> None:
    fields = lark.ok("GET", "/fields")
    assert fields[0] == {
        "id": 1,
        "label": "Email Address",
        "merge_tag": "email_address",
        "type": "TEXT",
        "definition": None,
        "default_value": None,
        "order": 1,
        "immutable": True,
        "required": True,
    }
    assert {field["type"] for field in fields} == set(campaignlark.TYPES)
    assert [field["merge_tag"] for field in fields if field["required"]] == ["email_address"]
    lark.sandbox.switch({"field_types": "old"})
    assert {field["type"] for field in lark.ok("GET", "/fields")} == {
        "TEXT",
        "NUMBER",
        "BOOL",
        "DATE",
        "MULTI",
    }


def test_a_field_is_created_and_can_be_written_at_once(lark: Lark) -> None:
    body = {"label": "Team", "merge_tag": "team", "type": "DROPDOWN_SINGLE", "definition": "Red,Blue"}
    answer = lark.ask("POST", "/fields", body)
    assert answer.status_code == 201
    assert answer.json()["data"] == {"id": 19, "default_value": None, "order": 19, "immutable": False, "required": False, **body}  # fmt: skip
    lark.upsert(fields={"team": "Red"})


@pytest.mark.parametrize(
    "change",
    [{"merge_tag": "a"}, {"merge_tag": "team1"}, {"merge_tag": "t" * 17}, {"merge_tag": "city"}, {"label": ""},
     {"label": "x" * 33}, {"label": "City"}, {"type": "MAP"}, {"type": "DROPDOWN_SINGLE", "definition": "One"},
     {"type": "DROPDOWN_MULTIPLE", "definition": "One,One"}],
)  # fmt: skip
def test_a_field_that_breaks_the_rules_is_not_created(lark: Lark, change: Any) -> None:
    assert (
        lark.no("POST", "/fields", {"label": "Team", "merge_tag": "team", "type": "TEXT", **change})[0] == 400
    )


def test_a_field_changes_except_its_type_and_the_immutable_one(lark: Lark) -> None:
    assert lark.ok("PATCH", "/fields/3", {"label": "Surname", "required": True})["label"] == "Surname"
    assert lark.no("PATCH", "/fields/99", {}) == (404, "We were unable to find the field.")
    assert lark.no("PATCH", "/fields/1", {}) == (400, "This field is immutable and cannot be updated.")
    assert lark.no("PATCH", "/fields/3", {"type": "DATE"}) == (
        400,
        "The type of the field cannot be changed.",
    )
    assert lark.no("POST", "/contacts/upsert", {"email_address": TYWIN}) == (
        400,
        "Field 'Surname' is required.",
    )


def test_the_tags_are_paged(lark: Lark) -> None:
    page = lark.ok("GET", "/tags", params={"page": 2, "limit": 3})
    assert [tag["name"] for tag in page["tags"]] == ["event-2026", "partner", "webinar"]
    assert list(page["tags"][0]) == ["id", "name", "description"]
    assert page["pagination"] == {"current_page": 2, "per_page": 3, "total_pages": 3, "total_count": 7}
    assert lark.ok("GET", "/tags")["pagination"]["per_page"] == 50
    for wrong in ({"limit": 0}, {"limit": 101}, {"page": 0}, {"page": "x"}):
        assert lark.no("GET", "/tags", params=wrong)[0] == 400


def test_a_tag_is_created_once_and_leaves_its_contacts_when_deleted(lark: Lark) -> None:
    answer = lark.ask("POST", "/tags", {"name": "new"})
    assert answer.status_code == 201
    assert answer.json()["data"] == {"id": 8, "name": "new", "description": ""}
    for wrong in (
        {"name": "new"},
        {"name": ""},
        {"name": "x" * 65},
        {"name": "y", "description": "x" * 97},
        {},
    ):
        assert lark.no("POST", "/tags", wrong)[0] == 400
    lark.create(tags=[8, 1])
    assert lark.ok("DELETE", "/tags/8") == "The tag has been deleted successfully."
    assert [tag["id"] for tag in lark.found()["tags"]] == [1]
    assert lark.no("DELETE", "/tags/8")[0] == 404


def test_a_tag_that_a_segment_uses_stays(strict: Lark) -> None:
    one, several = "used in the 'Friends' segment.", "used in 2 segments."
    assert strict.no("DELETE", "/tags/2") == (400, f"Cannot delete this tag because it is being {one}")
    assert strict.no("DELETE", "/tags/3") == (400, f"Cannot delete this tag because it is being {several}")


# ---- settings


def test_the_table_in_the_module_names_every_switch_and_its_positions_default_first() -> None:
    table = dict(re.findall(r"^    (\w+) +((?:\w+ )+) ", campaignlark.__doc__ or "", re.MULTILINE))
    del table["switch"]
    assert {name: tuple(words.split()) for name, words in table.items()} == SWITCHES


@pytest.mark.parametrize(
    "settings", [{"colour": "red"}, {"email_case": "both"}, {"rate": "fast"}, {"workspace": "/nowhere.json"}]
)
def test_a_setting_that_cannot_be_is_named(settings: dict[str, str]) -> None:
    with pytest.raises(
        CannotStart, match=next(iter(settings.values())) if "workspace" in settings else next(iter(settings))
    ):
        create(settings)


def test_the_default_workspace_has_the_promised_fields_and_tags(lark: Lark) -> None:
    names = " ".join(field["merge_tag"] for field in lark.ok("GET", "/fields"))
    assert names == (
        "email_address first_name last_name phone company job_title city postal_code website source country "
        "birthday joined_at plan interests score is_customer language"
    )
    tags = {tag["id"]: tag["name"] for tag in lark.ok("GET", "/tags")["tags"]}
    assert tags == dict(
        enumerate(["newsletter", "vip", "crm", "event-2026", "partner", "webinar", "press"], start=1)
    )
