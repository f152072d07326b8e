"""A whole sync against the real sandbox: what lands, what is left alone, and what a second run does."""

from __future__ import annotations

import csv
import gzip
import json
import stat
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from connectors.base import Known
from connectors.destinations.campaignlark import Connector
from connectors.errors import (
    Busy,
    CannotStart,
    CredentialsError,
    LookUpRefused,
    MappingError,
    SourceError,
    Unreachable,
)
from connectors.sandbox.campaignlark import WORKSPACE
from connectors.sandbox.serving import running
from flows.sync_run import SyncRun

if TYPE_CHECKING:
    from conftest import Desk, Ended

    Person = Callable[..., dict[str, str]]

EXISTING = {
    "email_address": "p1@example.com",
    "fields": {"first_name": "By hand", "city": "Rome"},
    "tags": ["vip"],
}


def emails(server: Any) -> set[str]:
    return {one["email_address"] for one in server.contacts()}


# ---- what lands


async def test_a_first_run_creates_what_the_file_and_the_mapping_say_and_nobody_else(
    desk: Desk, person: Person
) -> None:
    rows = [
        person(n, City="Köln" if n % 3 else "", Score=str(n), Tags="vip;press" if n % 5 == 0 else "")
        for n in range(1, 61)
    ]
    rows[9] |= {"Out": "yes"}
    rows[19] |= {"Keep": "no"}
    rows[29] |= {"Email": "nobody"}
    rows[39] |= {"Score": "many"}
    rows[49] |= {"Email": rows[50]["Email"].upper(), "Id": "51"}
    ended = await desk.sync(desk.file(rows))
    assert ended.exit_code == 1
    assert ended.outcomes == {"created": 56, "filtered": 1, "invalid": 2, "duplicate": 1}
    wanted = {}
    for number, row in enumerate(rows, start=1):
        if number in (20, 30, 40, 50):
            continue
        fields = {"first_name": row["First"], "city": row["City"], "score": int(row["Score"])}
        wanted[row["Email"].lower()] = {
            "fields": {name: value for name, value in fields.items() if value != ""},
            "tags": sorted(filter(None, row["Tags"].split(";"))),
            "status": "UNSUBSCRIBED" if row.get("Out") else "SUBSCRIBED",
        }
    there = {
        key: {"fields": one["fields"], "tags": sorted(one["tags"]), "status": one["status"]}
        for key, one in desk.contacts().items()
    }
    assert there == wanted
    ids = {one["email_address"]: one["id"] for one in desk.server.contacts()}
    assert {row["key"]: row["contact_id"] for row in ended.rows if row["outcome"] == "created"} == ids
    assert ended.row(50)["reason"] == "row 51 has the same key and is sent instead"
    assert ended.summary.consent.opted_out == 1


async def test_a_second_run_of_the_same_file_sends_no_write_and_says_unchanged(
    desk: Desk, person: Person
) -> None:
    file = desk.file(
        [
            *(person(n, Tags="crm") for n in range(1, 40)),
            person(40, Email="nobody"),
            person(41, Keep="no"),
            person(1, Tags="crm"),
        ]
    )
    first = await desk.sync(file)
    before, there = desk.writes(), desk.server.contacts()
    second = await desk.sync(file)
    assert desk.writes() == before
    assert desk.server.contacts() == there
    assert first.outcomes == {"created": 39, "invalid": 1, "filtered": 1, "duplicate": 1}
    assert second.outcomes == {"unchanged": 39, "invalid": 1, "filtered": 1, "duplicate": 1}


async def test_a_contact_that_is_there_already_as_the_file_has_it_is_not_written(
    desk: Desk, person: Person
) -> None:
    desk.server.seed(
        [
            {
                "email_address": "p1@example.com",
                "fields": {"first_name": "Name 1", "score": 7.0},
                "tags": ["vip"],
            }
        ]
    )
    ended = await desk.sync(desk.file([person(1, Score="7", Tags="vip")]))
    assert ended.outcomes == {"unchanged": 1}
    assert ended.row(1)["code"] == "already_there"
    assert desk.writes() == {}
    assert (await desk.sync(desk.file([person(1, Score="7", Tags="vip")]))).row(1)[
        "code"
    ] == "delivered_before"


@pytest.mark.usefixtures("ledger_place")
async def test_only_the_field_that_changed_in_the_source_is_sent_so_that_edits_by_hand_survive(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1, City="Köln", Score="1"), person(2, City="Bonn")]))
    desk.server.seed(
        [{"email_address": "p1@example.com", "fields": {"city": "by hand", "score": 99, "phone": "+49301"}}]
    )
    ended = await desk.sync(
        desk.file([person(1, City="Köln", Score="1", First="New"), person(2, City="Bonn")])
    )
    assert ended.per_row == ["updated", "unchanged"]
    there = desk.contacts()["p1@example.com"]
    assert there["fields"] == {"first_name": "New", "city": "by hand", "score": 99, "phone": "+49301"}
    changed = [event["detail"]["merge_tag"] for event in desk.server.automations()["list"]]
    assert changed == ["first_name"]
    assert ended.summary.automations == {"FIELD_UPDATED": 1}


async def test_a_field_with_write_always_is_sent_with_every_change(desk: Desk, person: Person) -> None:
    desk.mapping(
        fields={"email_address": "Email", "first_name": "First", "city": {"from": "City", "write": "always"}}
    )
    await desk.sync(desk.file([person(1, City="Köln")]))
    desk.server.seed([{"email_address": "p1@example.com", "fields": {"city": "by hand"}}])
    await desk.sync(desk.file([person(1, City="Köln", First="New")]))
    assert desk.contacts()["p1@example.com"]["fields"] == {"first_name": "New", "city": "Köln"}


async def test_a_blank_cell_keeps_what_is_there(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1, City="Köln")]))
    ended = await desk.sync(desk.file([person(1, City="", First="New")]))
    assert ended.per_row == ["updated"]
    assert desk.contacts()["p1@example.com"]["fields"] == {"first_name": "New", "city": "Köln"}


async def test_tags_are_added_and_one_that_was_taken_away_there_is_not_put_back(
    desk: Desk, person: Person
) -> None:
    desk.server.seed([{"email_address": "p1@example.com", "tags": ["partner"]}])
    await desk.sync(desk.file([person(1, Tags="vip;press")]))
    assert set(desk.contacts()["p1@example.com"]["tags"]) == {"partner", "vip", "press"}
    desk.server.seed([{"email_address": "p1@example.com", "tags": ["partner", "press"]}])
    ended = await desk.sync(desk.file([person(1, Tags="vip;press;crm")]))
    assert ended.per_row == ["updated"]
    assert set(desk.contacts()["p1@example.com"]["tags"]) == {"partner", "press", "crm"}


@pytest.mark.usefixtures("ledger_place")
async def test_a_row_that_failed_is_tried_again_the_next_time_and_no_other(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(n) for n in range(1, 11)])
    desk.server.faults({"kind": "500", "email": "p3@example.com", "paths": "upsert"})
    first = await desk.sync(file)
    assert first.exit_code == 1
    assert first.outcomes == {"created": 9, "failed": 1}
    assert first.row(3)["code"] == "not_delivered"
    desk.server.clear_faults()
    before = desk.writes()["POST /v1/contacts/upsert"]
    second = await desk.sync(file)
    assert second.exit_code == 0
    assert second.outcomes == {"unchanged": 9, "created": 1}
    assert desk.writes()["POST /v1/contacts/upsert"] == before + 1
    assert {one["writes"] for one in desk.server.contacts()} == {1}


async def test_a_contact_that_the_destination_refuses_for_good_is_refused_with_its_words_and_tried_again(
    desk: Desk, person: Person, tmp_path: Path
) -> None:
    workspace = json.loads(WORKSPACE.read_text("utf-8"))
    workspace["fields"][2]["required"] = True
    (tmp_path / "workspace.json").write_text(json.dumps(workspace), "utf-8")
    file = desk.file([person(1), person(2)])
    with running("campaignlark", rate=0, workspace=tmp_path / "workspace.json") as strict:
        desk.use(strict)
        ended = await desk.sync(file)
        assert ended.outcomes == {"invalid": 2}
        assert ended.row(1)["code"] == "required_blank"
        assert {
            "column": "last_name",
            "code": "required_blank",
            "count": 2,
        }.items() <= ended.summary.problems[0].model_dump().items()
        assert desk.writes() == {}
        assert (await desk.sync(file)).outcomes == {"invalid": 2}
    desk.use(desk.server)


async def test_what_the_destination_keeps_differently_is_reported_and_changes_no_outcome(
    desk: Desk, person: Person
) -> None:
    desk.server.switch(
        field_types="old", wrong_value="drop"
    )  # a dropdown that lists itself as MULTI wants no list
    desk.mapping(fields={"email_address": "Email", "first_name": "First", "score": "Score", "plan": "City"})
    ended = await desk.sync(desk.file([person(1, Score="6", City="Gold")]))
    assert (ended.exit_code, ended.outcomes) == (0, {"created": 1})
    assert ended.summary.kept_differently == {"plan": 1}
    assert ended.summary.warnings == {"kept_differently": 1}
    assert desk.contacts()["p1@example.com"]["fields"] == {"first_name": "Name 1", "score": 6}


# ---- duplicates


@pytest.mark.parametrize(
    ("duplicates", "outcomes", "name"),
    [
        ("last", ["duplicate", "duplicate", "invalid", "created"], "Third"),
        ("first", ["created", "duplicate", "invalid", "duplicate"], "First"),
        ("reject", ["invalid", "invalid", "invalid", "invalid"], None),
    ],
)
async def test_one_of_several_rows_with_one_address_is_sent(
    desk: Desk, person: Person, duplicates: str, outcomes: list[str], name: str | None
) -> None:
    desk.mapping(duplicates=duplicates)
    rows = [
        person(1, First="First"),
        person(1, First="Second", Email=" P1@Example.com "),
        person(1, Score="x"),
        person(1, First="Third"),
    ]
    ended = await desk.sync(desk.file(rows))
    assert ended.per_row == outcomes
    there = desk.contacts()
    assert (there["p1@example.com"]["fields"]["first_name"] if name else None) == name
    assert len(there) == (name is not None)
    assert desk.writes() == ({"POST /v1/contacts/upsert": 1} if name else {})
    if name is None:
        assert ended.row(1)["code"] == "duplicate_rejected"
        assert ended.row(1)["reason"] == "row 2 has the same key"


# ---- the people on the list


async def test_the_opt_out_of_a_row_that_is_not_sent_is_carried(desk: Desk, person: Person) -> None:
    there = [{"email_address": f"p{n}@example.com", "fields": {"first_name": "By hand"}} for n in range(1, 8)]
    desk.server.seed([*there, {"email_address": "p8@example.com", "status": "COMPLAINED"}])
    ended = await desk.sync(
        desk.file([
            person(1, Out="yes", Keep="no"),            # filtered
            person(2, Out="yes", Score="many"),         # invalid
            person(3, Out="yes"), person(3),            # a duplicate that lost
            person(4, Out="who knows", Keep="no"),      # filtered, and not understood
            person(5), person(5, Keep="no", Out="yes"), # a filtered row beside a good one
            person(6),
            person(8, Keep="no", Out="yes"),            # there, and stricter already
            person(9, Keep="no", Out="yes"),            # nobody there
        ])
    )  # fmt: skip
    assert ended.per_row == [
        "filtered",
        "invalid",
        "duplicate",
        "updated",
        "filtered",
        "updated",
        "filtered",
        "updated",
        "filtered",
        "filtered",
    ]
    status = {key: one["status"] for key, one in desk.contacts().items()}
    out = {f"p{n}@example.com": "UNSUBSCRIBED" for n in range(1, 6)}
    assert status == {
        **out,
        "p6@example.com": "SUBSCRIBED",
        "p7@example.com": "SUBSCRIBED",
        "p8@example.com": "COMPLAINED",
    }
    assert desk.contacts()["p1@example.com"]["fields"] == {"first_name": "By hand"}
    assert ended.summary.consent.opted_out == 5


async def test_an_opt_out_that_could_not_be_carried_needs_a_person(desk: Desk, person: Person) -> None:
    desk.server.seed([{"email_address": "p1@example.com"}])
    desk.server.faults({"kind": "500", "email": "p1@example.com", "paths": "upsert"})
    ended = await desk.sync(desk.file([person(1, Out="yes", Keep="no"), person(2)]))
    desk.server.clear_faults()
    assert ended.per_row == ["failed", "created"]
    assert ended.exit_code == 1
    again = await desk.sync(desk.file([person(1, Out="yes", Keep="no"), person(2)]))
    assert again.per_row == ["filtered", "unchanged"]
    assert desk.contacts()["p1@example.com"]["status"] == "UNSUBSCRIBED"


async def test_the_opt_out_of_a_row_that_is_left_out_follows_the_person_to_the_old_address(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1), person(2)]))
    moved = person(1, Email="new@example.com", Out="yes", Keep="no")
    ended = await desk.sync(desk.file([moved, person(2)]))
    assert ended.per_row == ["filtered", "unchanged"]
    assert desk.contacts()["p1@example.com"]["status"] == "UNSUBSCRIBED"
    assert "new@example.com" not in desk.contacts()


async def test_an_identity_conflict_still_carries_the_opt_out_to_both_contacts(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1)]))
    desk.server.seed([{"email_address": "new@example.com"}])
    ended = await desk.sync(desk.file([person(1, Email="new@example.com", Out="yes")]))
    assert ended.row(1)["code"] == "identity_conflict"
    assert {one["status"] for one in desk.contacts().values()} == {"UNSUBSCRIBED"}


async def test_half_an_emoji_in_an_answer_neither_hangs_the_run_nor_damages_the_ledger(
    desk: Desk, person: Person
) -> None:
    desk.server.seed(
        [{"email_address": f"p{n}@example.com", "fields": {"first_name": "Zo\ud83d"}} for n in (1, 2)]
    )
    ended = await desk.sync(desk.file([person(1), person(2), person(3)]))
    assert ended.per_row == ["updated", "updated", "created"]
    assert (await desk.sync(desk.file([person(1), person(2), person(3)]))).per_row == ["unchanged"] * 3


async def test_opt_outs_of_people_who_are_not_there_cost_no_request_each(desk: Desk, person: Person) -> None:
    ended = await desk.sync(desk.file([person(n, Out="yes", Keep="no") for n in range(1, 60)]))
    assert set(ended.per_row) == {"filtered"}
    assert "GET /v1/contacts/by-email" not in desk.server.requests()["by_endpoint"]


async def test_an_opted_out_row_that_cannot_be_looked_up_stops_nobody_else(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.server.seed([{"email_address": f"x{n}@example.com"} for n in range(3000)])  # too many to read
    find = Connector.find

    async def refused(self: Connector, key: str) -> Known | None:
        if key == "p1@example.com":
            raise LookUpRefused("it answered with somebody else", "")
        return await find(self, key)

    monkeypatch.setattr(Connector, "find", refused)
    ended = await desk.sync(desk.file([person(1, Out="yes"), person(2)]))
    assert ended.per_row == ["refused", "created"]


@pytest.mark.parametrize("status", ["UNSUBSCRIBED", "CLEANED", "COMPLAINED", "UNCONFIRMED"])
async def test_nobody_is_subscribed_again(desk: Desk, person: Person, status: str) -> None:
    desk.server.seed([{"email_address": "p1@example.com", "status": status}])
    assert (await desk.sync(desk.file([person(1)]))).per_row == ["updated"]
    assert desk.contacts()["p1@example.com"]["status"] == status
    await desk.sync(desk.file([person(1, First="New")]))
    await desk.sync(desk.file([person(1, First="New")]), resend="")
    assert desk.contacts()["p1@example.com"]["status"] == status


async def test_who_opted_out_once_stays_so_when_a_later_file_says_nothing(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1, Out="yes"), person(2, Out="yes", Keep="no")]))
    ended = await desk.sync(desk.file([person(1, First="New"), person(2)]))
    assert ended.per_row == ["updated", "created"]
    assert {one["status"] for one in desk.server.contacts()} == {"UNSUBSCRIBED"}


async def test_an_opt_out_made_by_hand_there_survives_a_change_of_the_row(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1)]))
    desk.server.seed([{"email_address": "p1@example.com", "status": "UNSUBSCRIBED"}])
    await desk.sync(desk.file([person(1, First="New")]))
    assert desk.contacts()["p1@example.com"]["status"] == "UNSUBSCRIBED"
    desk.server.delete("p1@example.com")
    desk.mapping(gone="recreate")
    assert (await desk.sync(desk.file([person(1, First="Newer")]))).per_row == ["created"]
    assert desk.contacts()["p1@example.com"]["status"] == "UNSUBSCRIBED"


async def test_an_address_in_suppress_txt_is_left_alone(desk: Desk, person: Person) -> None:
    desk.home.mkdir()
    (desk.home / "suppress.txt").write_text("P1@example.com # asked\n@blocked.example\n", "utf-8")
    ended = await desk.sync(desk.file([person(1), person(2), person(3, Email="x@blocked.example")]))
    assert ended.per_row == ["protected", "created", "protected"]
    assert ended.row(1)["code"] == "suppressed"
    assert emails(desk.server) == {"p2@example.com"}
    assert ended.summary.consent.protected == 2
    assert ended.exit_code == 0


async def test_who_was_deleted_there_is_not_created_again_unless_the_mapping_says_so(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1), person(2)]))
    desk.server.delete("p1@example.com")
    ended = await desk.sync(desk.file([person(1, First="New"), person(2)]))
    assert ended.per_row == ["protected", "unchanged"]
    assert ended.row(1)["code"] == "gone"
    assert emails(desk.server) == {"p2@example.com"}
    assert (await desk.sync(desk.file([person(1, First="New"), person(2)]), resend="")).per_row == [
        "protected",
        "unchanged",
    ]
    desk.mapping(gone="recreate")
    assert (await desk.sync(desk.file([person(1, First="New"), person(2)]))).per_row == [
        "created",
        "unchanged",
    ]


# ---- addresses that change


async def test_a_person_with_a_new_address_stays_one_contact(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1, City="Köln", Tags="vip"), person(2)]))
    desk.server.seed(
        [{"email_address": "p1@example.com", "fields": {"phone": "+49301"}, "status": "UNSUBSCRIBED"}]
    )
    before = desk.contacts()["p1@example.com"]
    moved = desk.file([person(1, City="Köln", Email="new@example.com", Tags="vip;press"), person(2)])
    ended = await desk.sync(moved)
    assert ended.per_row == ["updated", "unchanged"]
    there = desk.contacts()
    assert set(there) == {"new@example.com", "p2@example.com"}
    after = there["new@example.com"]
    assert after["id"] == before["id"]
    assert after["status"] == "UNSUBSCRIBED"
    assert after["fields"] == {"first_name": "Name 1", "city": "Köln", "phone": "+49301"}
    assert set(after["tags"]) == {"vip", "press"}
    writes = desk.writes()
    assert (await desk.sync(moved)).outcomes == {"unchanged": 2}
    assert desk.writes() == writes


async def test_old_and_new_address_as_two_contacts_are_an_identity_conflict(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(1)]))
    desk.server.seed([{"email_address": "new@example.com", "fields": {"first_name": "Somebody"}}])
    ended = await desk.sync(desk.file([person(1, Email="new@example.com")]))
    assert ended.per_row == ["protected"]
    assert ended.row(1)["code"] == "identity_conflict"
    assert desk.contacts()["new@example.com"]["fields"] == {"first_name": "Somebody"}


async def test_an_address_that_passes_on_in_a_chain_ends_right(desk: Desk, person: Person) -> None:
    await desk.sync(desk.file([person(1, Email="a@example.com"), person(2, Email="b@example.com")]))
    ids = {one["fields"]["first_name"]: one["id"] for one in desk.server.contacts()}
    chained = desk.file([person(1, Email="b@example.com"), person(2, Email="c@example.com")])
    first = await desk.sync(chained)
    assert first.per_row == ["protected", "updated"]
    assert (await desk.sync(chained)).per_row == ["updated", "unchanged"]
    assert {one["email_address"]: one["id"] for one in desk.server.contacts()} == {
        "b@example.com": ids["Name 1"],
        "c@example.com": ids["Name 2"],
    }
    writes = desk.writes()
    assert (await desk.sync(chained)).outcomes == {"unchanged": 2}
    assert desk.writes() == writes


# ---- accounts


async def test_two_mappings_on_one_account_do_not_undo_each_other(desk: Desk, person: Person) -> None:
    desk.mapping(
        "shop.yml", name="shop", fields={"email_address": "Email", "first_name": "First", "company": "City"}
    )
    crm, shop = (
        desk.file([person(1, City="Köln")]),
        desk.file([person(1, First="Shop", City="Acme")], "shop.csv"),
    )
    assert (await desk.sync(crm)).per_row == ["created"]
    assert (await desk.sync(shop, "shop.yml")).per_row == ["updated"]
    assert (await desk.sync(crm)).per_row == ["unchanged"]
    assert (await desk.sync(shop, "shop.yml")).per_row == ["unchanged"]
    assert desk.contacts()["p1@example.com"]["fields"] == {
        "first_name": "Shop",
        "city": "Köln",
        "company": "Acme",
    }
    assert (await desk.sync(desk.file([person(1, City="Bonn")]))).per_row == ["updated"]
    assert desk.contacts()["p1@example.com"]["fields"] == {
        "first_name": "Shop",
        "city": "Bonn",
        "company": "Acme",
    }


async def test_an_opt_out_heard_by_one_mapping_is_known_to_the_other(desk: Desk, person: Person) -> None:
    desk.mapping("shop.yml", name="shop")
    await desk.sync(desk.file([person(1, Out="yes", Keep="no")]))
    assert (await desk.sync(desk.file([person(1)]), "shop.yml")).per_row == ["created"]
    assert desk.contacts()["p1@example.com"]["status"] == "UNSUBSCRIBED"


async def test_a_second_workspace_at_another_address_is_never_unchanged(desk: Desk, person: Person) -> None:
    file, first = desk.file([person(1), person(2)]), desk.server
    await desk.sync(file)
    with running("campaignlark", rate=0) as other:
        desk.use(other)
        assert (await desk.sync(file)).outcomes == {"created": 2}
        desk.use(first)
        assert (await desk.sync(file)).outcomes == {"unchanged": 2}


async def test_a_second_workspace_behind_the_same_address_is_never_unchanged(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(1), person(2)])
    await desk.sync(file)
    desk.server.reset()
    desk.server.switch(keys="other-key")
    desk.use(desk.server, "other-key")
    ended = await desk.sync(file)
    assert ended.outcomes == {"created": 2}
    assert any("another workspace" in line for line in ended.said)
    assert (await desk.sync(file)).outcomes == {"unchanged": 2}


async def test_after_a_rotated_key_everything_is_still_unchanged(desk: Desk, person: Person) -> None:
    file = desk.file([person(1), person(2)])
    await desk.sync(file)
    desk.server.switch(keys="rotated-key")
    desk.use(desk.server, "rotated-key")
    ended = await desk.sync(file)
    assert ended.outcomes == {"unchanged": 2}
    assert not any("another workspace" in line for line in ended.said)


# ---- write modes


async def test_create_only_creates_and_leaves_who_is_there(desk: Desk, person: Person) -> None:
    desk.server.seed([EXISTING])
    desk.mapping(write="create_only")
    ended = await desk.sync(desk.file([person(1, City="Köln"), person(2, City="Köln", Tags="vip")]))
    assert ended.per_row == ["filtered", "created"]
    assert ended.row(1)["code"] == "exists"
    there = desk.contacts()
    assert there["p1@example.com"]["fields"] == EXISTING["fields"]
    assert there["p2@example.com"]["fields"] == {"first_name": "Name 2", "city": "Köln"}
    assert there["p2@example.com"]["tags"] == ["vip"]
    assert desk.writes() == {"POST /v1/contacts": 1}


async def test_create_only_carries_the_opt_out_of_who_is_there(desk: Desk, person: Person) -> None:
    desk.server.seed([EXISTING])
    desk.mapping(write="create_only")
    file = desk.file([person(1, City="Köln", Out="yes"), person(2, Out="yes")])
    planned = await desk.plan(file)
    ended = await desk.sync(file)
    assert ended.per_row == ["filtered", "created"]
    there = desk.contacts()
    assert {one["status"] for one in there.values()} == {"UNSUBSCRIBED"}
    assert there["p1@example.com"]["fields"] == EXISTING["fields"]
    assert ended.summary.consent.opted_out == 2
    assert planned.opt_outs == 1, "who is created opted out could not be mailed before"


async def test_update_only_updates_and_creates_nobody(desk: Desk, person: Person) -> None:
    desk.server.seed([EXISTING])
    desk.mapping(write="update_only")
    ended = await desk.sync(desk.file([person(1, City="Köln"), person(2)]))
    assert ended.per_row == ["updated", "filtered"]
    assert ended.row(2)["code"] == "not_there"
    [there] = desk.server.contacts()
    assert there["fields"] == {"first_name": "Name 1", "city": "Köln"}
    assert there["tags"] == ["vip"]
    assert desk.writes() == {"PUT /v1/contacts/{id}": 1}


async def test_replace_empties_what_the_file_does_not_have_and_keeps_status_and_tags(
    desk: Desk, person: Person
) -> None:
    desk.server.seed(
        [{**EXISTING, "status": "UNSUBSCRIBED", "fields": {**EXISTING["fields"], "phone": "+49301"}}]
    )
    desk.mapping(write="replace")
    ended = await desk.sync(desk.file([person(1, City="Köln", Tags="press"), person(2)]))
    assert ended.per_row == ["updated", "created"]
    there = desk.contacts()["p1@example.com"]
    assert there["fields"] == {"first_name": "Name 1", "city": "Köln"}
    assert (there["status"], set(there["tags"])) == ("UNSUBSCRIBED", {"vip", "press"})


# ---- a part of it


async def test_limit_sends_the_first_and_the_next_run_the_rest(desk: Desk, person: Person) -> None:
    file = desk.file([person(n) for n in range(1, 11)])
    first = await desk.sync(file, limit=3)
    assert (first.exit_code, first.summary.status) == (0, "limited")
    assert first.per_row == ["created"] * 3 + ["unsent"] * 7
    assert first.row(4)["code"] == "limited"
    second = await desk.sync(file, limit=3)
    assert second.per_row == ["unchanged"] * 3 + ["created"] * 3 + ["unsent"] * 4
    assert (await desk.sync(file)).outcomes == {"unchanged": 6, "created": 4}


async def test_only_sends_one_contact_as_its_winning_row_has_it(desk: Desk, person: Person) -> None:
    file = desk.file(
        [person(1), person(2, First="Old"), person(2, First="New"), person(3, Out="yes", Keep="no")]
    )
    ended = await desk.sync(file, only=" P2@Example.com")
    assert ended.per_row == ["unsent", "duplicate", "created", "filtered"]
    [there] = desk.server.contacts()
    assert there["fields"]["first_name"] == "New"


async def test_resend_sends_again_what_was_changed_there_by_hand(desk: Desk, person: Person) -> None:
    file = desk.file([person(1), person(2), person(3)])
    await desk.sync(file)
    desk.server.seed(
        [{"email_address": f"p{n}@example.com", "fields": {"first_name": "By hand"}} for n in (1, 2)]
    )
    one = await desk.sync(file, resend="P2@example.com")
    assert one.per_row == ["unchanged", "updated", "unchanged"]
    names = {key: one["fields"]["first_name"] for key, one in desk.contacts().items()}
    assert names == {"p1@example.com": "By hand", "p2@example.com": "Name 2", "p3@example.com": "Name 3"}
    everybody = await desk.sync(file, resend="")
    assert everybody.per_row == ["updated", "unchanged", "unchanged"]
    assert everybody.row(3)["code"] == "already_there"


async def test_opt_outs_only_delivers_nothing_but_opt_outs(desk: Desk, person: Person) -> None:
    desk.server.seed(
        [{"email_address": f"p{n}@example.com", "fields": {"first_name": "By hand"}} for n in (1, 2, 3)]
    )
    ended = await desk.sync(
        desk.file([person(1, Out="yes"), person(2), person(3, Out="yes", Keep="no"), person(4)]),
        opt_outs_only=True,
    )
    assert ended.per_row == ["unsent", "unsent", "filtered", "unsent"]
    assert (ended.exit_code, ended.summary.status, ended.summary.consent.opted_out) == (0, "limited", 2)
    there = desk.contacts()
    assert {key: one["status"] for key, one in there.items()} == {
        "p1@example.com": "UNSUBSCRIBED", "p2@example.com": "SUBSCRIBED", "p3@example.com": "UNSUBSCRIBED",
    }  # fmt: skip
    assert {one["fields"]["first_name"] for one in there.values()} == {"By hand"}
    assert (await desk.sync(desk.file([person(1, Out="yes"), person(2)]))).per_row == ["updated", "updated"]


# ---- guards


def crowd(person: Person, count: int, **cells: str) -> list[dict[str, str]]:
    return [person(n, **cells) for n in range(1, count + 1)]


Before = Callable[["Desk", "Person"], Any]


async def many_changes(desk: Desk, person: Person) -> list[dict[str, str]]:
    await desk.sync(desk.file(crowd(person, 300)))
    return [*crowd(person, 210, City="Köln"), *crowd(person, 300)[210:]]


async def many_opt_outs(desk: Desk, person: Person) -> list[dict[str, str]]:
    desk.server.seed([{"email_address": f"p{n}@example.com"} for n in range(1, 101)])
    return [
        *crowd(person, 15, Out="yes"),
        *crowd(person, 100, Out="yes", Keep="no")[15:25],
        *crowd(person, 100)[25:],
    ]


async def many_invalid(desk: Desk, person: Person) -> list[dict[str, str]]:
    return [*crowd(person, 60, Score="x"), *crowd(person, 200)[60:]]


async def shrunk(desk: Desk, person: Person) -> list[dict[str, str]]:
    await desk.sync(desk.file(crowd(person, 200)))
    return crowd(person, 120, City="Köln")


async def empty_source(desk: Desk, person: Person) -> list[dict[str, str]]:
    return []


@pytest.mark.parametrize(
    ("guard", "prepare", "after"),
    [
        ("changes", many_changes, {"updated": 210, "unchanged": 90}),
        ("opt_outs", many_opt_outs, {"updated": 90, "filtered": 10}),
        ("invalid", many_invalid, {"created": 140, "invalid": 60}),
        ("shrunk", shrunk, {"updated": 120}),
        ("empty_source", empty_source, {}),
    ],
)
async def test_a_guard_stops_everything_and_yields_to_its_name(
    desk: Desk, person: Person, guard: str, prepare: Any, after: dict[str, int]
) -> None:
    rows = await prepare(desk, person)
    file, writes, there = desk.file(rows), desk.writes(), desk.server.contacts()
    planned = await desk.plan(file)
    for options in ({}, {"allow": [name for name in ("changes", "invalid", "opt_outs") if name != guard]}):
        stopped = await desk.sync(file, **options)
        assert (stopped.exit_code, stopped.summary.status) == (3, "guarded")
        assert [one.name for one in stopped.summary.guards if one.tripped] == [guard]
        assert stopped.summary.overrides == []
        assert desk.writes() == writes
        assert desk.server.contacts() == there
        assert stopped.summary.outcomes.of("created", "updated") == 0
        assert {row["code"] for row in stopped.rows if row["outcome"] == "unsent"} <= {"guarded"}
        assert planned.exit_code == 3
        assert +planned.outcomes == stopped.outcomes
    allowed = await desk.sync(file, allow=[guard])
    assert allowed.summary.overrides == [guard]
    assert allowed.outcomes == after, "a stopped run had not moved the ledger"
    assert allowed.exit_code == (1 if "invalid" in after else 0)
    assert [one.name for one in allowed.summary.guards if one.tripped and one.allowed] == [guard]


async def test_opt_outs_of_a_stopped_run_can_be_delivered_alone(desk: Desk, person: Person) -> None:
    rows = await many_changes(desk, person)
    rows[0] |= {"Out": "yes"}
    file = desk.file(rows)
    assert (await desk.sync(file)).exit_code == 3
    ended = await desk.sync(file, opt_outs_only=True)
    assert (ended.exit_code, ended.summary.consent.opted_out) == (0, 1)
    there = desk.contacts()
    assert there["p1@example.com"]["status"] == "UNSUBSCRIBED"
    assert not any("city" in one["fields"] for one in there.values())


async def test_a_run_that_was_stopped_does_not_become_what_the_next_is_measured_by(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file(crowd(person, 200)))
    small = desk.file(crowd(person, 100))
    for _ in range(2):
        ended = await desk.sync(small)
        assert [one.name for one in ended.summary.guards if one.tripped] == ["shrunk"]
    assert (await desk.sync(small, allow=["shrunk"])).outcomes == {"unchanged": 100}
    assert (await desk.sync(small)).exit_code == 0


# ---- what cannot start


async def refused(run: SyncRun) -> CannotStart:
    async def start() -> None:
        async with run:
            await run.open()

    with pytest.raises(CannotStart) as raised:
        await start()
    return raised.value


async def test_what_is_wrong_is_found_before_anything_is_sent(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = desk.file([person(1)])
    assert isinstance(await refused(desk.run("nowhere.csv")), SourceError)
    assert isinstance(await refused(desk.run(file, "nowhere.yml")), MappingError)
    desk.mapping("typo.yml", fields={"email_address": "Email", "first_name": "Frist"})
    assert "Did you mean 'First'?" in str(await refused(desk.run(file, "typo.yml")))
    desk.mapping("tag.yml", fields={"email_address": "Email", "frist_name": "First"})
    assert "first_name" in str(await refused(desk.run(file, "tag.yml")))
    desk.mapping("consent.yml", consent=None)
    assert "consent" in str(await refused(desk.run(file, "consent.yml")))
    desk.mapping(
        "example.yml",
        examples=[{"row": {"Email": "a@example.com", "First": "A"}, "contact": {"first_name": "B"}}],
    )
    assert "examples" in str(await refused(desk.run(file, "example.yml")))
    desk.home.mkdir(exist_ok=True)
    (desk.home / "suppress.txt").write_bytes(b"\xff\xfe")
    assert isinstance(await refused(desk.run(file)), SourceError)
    (desk.home / "suppress.txt").unlink()
    desk.use(desk.server, "a-wrong-key")
    wrong = await refused(desk.run(file))
    assert isinstance(wrong, CredentialsError)
    assert "a-wrong-key" not in str(wrong)
    monkeypatch.delenv("CAMPAIGNLARK_API_KEY")
    assert "CAMPAIGNLARK_API_KEY" in str(await refused(desk.run(file)))
    desk.use(desk.server)
    monkeypatch.setenv("CAMPAIGNLARK_BASE_URL", "http://127.0.0.1:9/v1")
    assert isinstance(await refused(desk.run(file)), Unreachable)
    desk.use(desk.server)
    assert desk.writes() == {}
    assert (await desk.sync(file)).outcomes == {"created": 1}, (
        "none of them holds the lock or has changed the ledger"
    )


async def test_a_second_run_of_a_mapping_at_the_same_time_is_told_so_and_another_mapping_is_not(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(1)])
    desk.mapping("shop.yml", name="shop")
    async with desk.run(file) as first:
        await first.open()
        assert isinstance(await refused(desk.run(file)), Busy)
        assert (await desk.sync(file, "shop.yml")).exit_code == 0
    assert (await desk.sync(file)).exit_code == 0


async def test_a_file_with_a_header_and_no_rows_trips_a_guard(desk: Desk) -> None:
    ended = await desk.sync(desk.file([]))
    assert ended.exit_code == 3
    assert ended.rows == []
    assert [one.name for one in ended.summary.guards if one.tripped] == ["empty_source"]


# ---- the folder


def inside(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what is packed in them."""
    raw = path.read_bytes()
    yield raw
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield repr([column.to_pylist() for column in table.columns]).encode()
        yield repr(table.schema.metadata).encode()
    elif path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as packed:
            for name in packed.namelist():
                yield packed.read(name)
    elif raw[:2] == b"\x1f\x8b":
        yield gzip.decompress(raw)


async def test_the_key_is_nowhere_in_the_home_and_nobody_else_can_read_it(desk: Desk, person: Person) -> None:
    secret = "sk-5ecret-0f-the-account"
    desk.server.switch(keys=secret)
    desk.use(desk.server, secret)
    desk.server.faults(
        {"kind": "500", "email": "p3@example.com"}, {"kind": "non_json", "email": "p4@example.com"}
    )
    file = desk.file([*crowd(person, 20), person(30, Email="nobody"), person(31, Keep="no")])
    await desk.plan(file)
    ended = await desk.sync(file, report_dir=desk.home / "report")
    assert ended.exit_code == 1
    files = [path for path in desk.home.rglob("*") if path.is_file()]
    assert len(files) > 15
    for path in files:
        assert not any(secret.encode() in part for part in inside(path)), path
        if path.name != ".gitignore":
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    for folder in [desk.home, *(path for path in desk.home.rglob("*") if path.is_dir())]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


async def test_the_summary_holds_no_personal_data(desk: Desk, person: Person) -> None:
    rows = crowd(person, 20, First="Personal", City="Privacy")
    rows += [
        person(30, Email="nobody-private"),
        person(31, Score="secretscore"),
        person(32, Tags="hiddentag"),
        person(33, Out="perhapsout"),
    ]
    desk.server.faults({"kind": "500", "email": "p3@example.com"})
    ended = await desk.sync(desk.file(rows))
    text = (ended.folder / "summary.json").read_text("utf-8")
    for word in ("example.com", "Personal", "Privacy", "private", "secretscore", "hiddentag", "perhapsout"):
        assert word not in text, word


async def test_failures_hold_the_original_cells_and_what_to_do(desk: Desk, person: Person) -> None:
    rows = [person(1), person(2, Email="no body", First="=1+1"), person(3, Score="x")]
    ended = await desk.sync(desk.file(rows))
    with (ended.folder / "failures.csv").open(encoding="utf-8-sig", newline="") as file:
        failures = list(csv.DictReader(file))
    assert [one["_row"] for one in failures] == ["2", "3"]
    assert failures[0]["Email"] == "no body"
    assert failures[0]["_outcome"] == "invalid"
    assert failures[1]["_column"] == "Score"
    assert all(one["_fix"] and one["_problem"] and one["_run"] == ended.id for one in failures)


async def test_nothing_is_left_behind_by_a_plan(desk: Desk, person: Person) -> None:
    file = desk.file(crowd(person, 5))
    planned = await desk.plan(file)
    assert planned.outcomes["created"] == 5
    assert desk.writes() == {}
    assert list((desk.home / "plans").iterdir()) == []
    assert not (desk.home / "runs").exists()
    assert (await desk.sync(file)).outcomes == {"created": 5}


async def test_a_run_folder_holds_the_report_and_what_later_commands_read(
    desk: Desk, person: Person, tmp_path: Path
) -> None:
    ended: Ended = await desk.sync(desk.file(crowd(person, 5)), report_dir=tmp_path / "report")
    report = {"report.html", "summary.json", "failures.csv", "failures.xlsx", "results.csv", "rows.parquet"}
    kept = {"spool", "outcomes", "problems", "details.json"}
    assert {path.name for path in ended.folder.iterdir()} == report | kept
    assert {path.name for path in (tmp_path / "report").iterdir()} == report
    for name in report - {"failures.xlsx"}:
        assert (tmp_path / "report" / name).read_bytes() == (ended.folder / name).read_bytes()
