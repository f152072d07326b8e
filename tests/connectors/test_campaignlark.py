"""The CampaignLark destination against its sandbox: which calls are made, what they carry, what is left there."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.automations import by_name
from connectors.base import Delivered, Remembered
from connectors.destinations import campaignlark_sending
from connectors.destinations.campaignlark import Connector
from connectors.errors import CredentialsError, MappingError, Unreachable
from connectors.pace import Pace
from connectors.patience import Patience
from connectors.sandbox.faults import Rule
from mappings.engine.problems.codes import CODES
from tests.connectors.larks import (
    ANN,
    BEA,
    CREATE,
    FIND,
    PATIENCE,
    PUT,
    TAGS_ADD,
    TYPES,
    UPSERT,
    Lark,
    Request,
    contact,
    delivered,
    requiring,
    started,
)  # fmt: skip

NEVER = Patience(attempts=1, seconds=1.0, first=0.01, most=0.01)
STATUSES = ("SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED")
MAILED = ("SUBSCRIBED", "UNCONFIRMED")
STRICTNESS = {"SUBSCRIBED": 0, "UNCONFIRMED": 0, "UNSUBSCRIBED": 1, "CLEANED": 2, "COMPLAINED": 3}
MODES = ("merge", "create_only", "update_only", "replace")


@pytest.fixture
def lark() -> Iterator[Lark]:
    with started() as found:
        yield found


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Lark]:
    """A workspace that requires a last name."""
    with started(workspace=requiring(tmp_path, "last_name")) as found:
        yield found


def words(result: Delivered) -> str:
    """What the problems say to a person: every code is documented, every template is filled."""
    said = []
    for code, tag, value, detail in result.problems:
        said.append(CODES[code].message.format_map({"column": tag, "value": value, "field": tag, **detail}))
    return " ".join(said)


# ---- the table of calls


async def test_merge_creates_who_is_not_there_by_a_partial_upsert_with_tags_and_no_status(lark: Lark) -> None:
    decision, result = await lark.deliver(contact(tags=("vip", "crm"), first_name="Ann", score="12.5"))
    assert lark.log == [
        Request(
            UPSERT,
            {"email_address": ANN, "fields": {"first_name": "Ann", "score": 12.5}, "partial_update": True, "tags": [2, 3]},
        )
    ]  # fmt: skip
    assert decision.calls == (UPSERT,)
    assert decision.creates
    assert (result.outcome, result.contact_id) == ("created", lark.one()["id"])
    assert lark.one()["tags"] == ["vip", "crm"]
    assert lark.status() == "SUBSCRIBED"


async def test_merge_without_tags_says_nothing_of_tags(lark: Lark) -> None:
    await lark.deliver(contact())
    assert "tags" not in lark.log[0].body


async def test_merge_changes_who_is_there_by_a_partial_upsert_of_the_changed_fields_only(lark: Lark) -> None:
    lark.seed(first_name="Ann", last_name="Lee", company="Acme")
    decision, result = await lark.deliver(contact(first_name="Anna", last_name="Lee"))
    assert lark.log == [
        Request(UPSERT, {"email_address": ANN, "fields": {"first_name": "Anna"}, "partial_update": True})
    ]
    assert decision.calls == (UPSERT,)
    assert decision.changes == {"first_name": ("Ann", "Anna")}
    assert result.outcome == "updated"
    assert lark.one()["fields"] == {"first_name": "Anna", "last_name": "Lee", "company": "Acme"}


async def test_merge_adds_tags_to_who_is_there_through_tags_add_after_the_fields(lark: Lark) -> None:
    lark.seed(tags=("newsletter",))
    decision, result = await lark.deliver(contact(tags=("newsletter", "vip"), first_name="Anna"))
    assert lark.calls() == list(decision.calls) == [UPSERT, TAGS_ADD]
    assert "tags" not in lark.log[0].body
    assert lark.log[1].body == {"tag_ids": [2]}
    assert result.outcome == "updated"
    assert lark.one()["tags"] == ["newsletter", "vip"]


async def test_merge_with_new_tags_only_calls_tags_add_only(lark: Lark) -> None:
    lark.seed()
    decision, result = await lark.deliver(contact(tags=("vip",)))
    assert lark.calls() == list(decision.calls) == [TAGS_ADD]
    assert (result.outcome, result.contact_id) == ("updated", lark.one()["id"])


@pytest.mark.parametrize("mode", ["merge", "update_only", "replace"])
async def test_who_is_there_exactly_so_is_unchanged_and_costs_no_call(lark: Lark, mode: str) -> None:
    lark.seed(tags=("vip",))
    decision, result = await lark.deliver(contact(tags=("vip",)), write=mode)
    assert (decision.outcome, decision.calls) == ("unchanged", ())
    assert (result.outcome, result.contact_id) == ("unchanged", lark.one()["id"])
    assert lark.log == []


@pytest.mark.parametrize("mode", ["merge", "update_only"])
async def test_a_changed_address_is_a_put_by_id_with_all_current_fields_the_status_and_no_tags(
    lark: Lark, mode: str
) -> None:
    lark.seed(BEA, "UNSUBSCRIBED", ("vip",), first_name="Ann", company="Acme", score=3, interests=["Events"])
    before = lark.one(BEA)["id"]
    decision, result = await lark.deliver(
        contact(first_name="Anna", tags=("crm",)), delivered(BEA), write=mode
    )
    assert lark.calls() == list(decision.calls) == [FIND, FIND, PUT, TAGS_ADD]
    fields = {
        "email_address": ANN,
        "first_name": "Anna",
        "company": "Acme",
        "score": 3,
        "interests": ["Events"],
    }
    assert lark.sent(PUT) == [{"fields": fields, "status": "UNSUBSCRIBED"}]
    assert (result.outcome, result.contact_id, result.opted_out) == ("updated", before, True)
    assert lark.one()["id"] == before
    assert lark.one()["tags"] == ["vip", "crm"]
    assert lark.nobody(BEA)


async def test_replace_with_a_changed_address_keeps_the_person_one_contact(lark: Lark) -> None:
    lark.seed(BEA, "UNSUBSCRIBED", ("vip",))
    before = lark.one(BEA)["id"]
    decision, result = await lark.deliver(contact(), delivered(BEA), write="replace")
    assert lark.calls() == list(decision.calls) == [FIND, FIND, PUT]
    assert result.outcome == "updated"
    assert (lark.one()["id"], lark.status(), lark.one()["tags"]) == (before, "UNSUBSCRIBED", ["vip"])


async def test_a_changed_address_with_nothing_else_changed_is_sent_too(lark: Lark) -> None:
    lark.seed(BEA)
    decision, result = await lark.deliver(contact(), delivered(BEA))
    assert decision.changes == {"email_address": (BEA, ANN)}
    assert result.outcome == "updated"


async def test_the_moved_contact_is_read_again_right_before_the_put(lark: Lark) -> None:
    lark.seed(BEA, company="Acme")

    def meanwhile() -> None:
        lark.sandbox.seed([{"email_address": BEA, "status": "COMPLAINED", "fields": {"company": "Other"}}])

    await lark.deliver(contact(), delivered(BEA), meanwhile=meanwhile)
    assert lark.sent(PUT)[0]["status"] == "COMPLAINED"
    assert lark.one()["fields"]["company"] == "Other"


async def test_a_person_who_is_already_under_the_new_address_is_simply_known(lark: Lark) -> None:
    lark.seed(ANN, first_name="Old")
    decision, result = await lark.deliver(contact(first_name="New"), delivered(BEA))
    assert decision.calls == (UPSERT,)
    assert result.outcome == "updated"


@pytest.mark.parametrize("mode", MODES)
async def test_two_contacts_under_the_old_and_the_new_address_are_an_identity_conflict(
    lark: Lark, mode: str
) -> None:
    lark.seed(ANN)
    lark.seed(BEA)
    _, result = await lark.deliver(contact(first_name="X"), delivered(BEA), write=mode)
    assert (result.outcome, result.code) == ("protected", "identity_conflict")
    assert lark.log == []
    assert len(lark.sandbox.contacts()) == 2


async def test_an_address_that_only_changed_its_case_is_no_conflict(lark: Lark) -> None:
    lark.seed("Ann@Example.com")
    _, result = await lark.deliver(contact(first_name="Anna"), delivered("Ann@Example.com"))
    assert result.outcome == "updated"
    assert len(lark.sandbox.contacts()) == 1


async def test_an_old_address_that_belongs_to_another_contact_by_now_is_left_alone(lark: Lark) -> None:
    lark.seed(BEA, first_name="Bea", last_name="Other")
    remembered = delivered(BEA, contact_id="64f1a2b3c4d5e6f7a8b9c0d1")
    _, result = await lark.deliver(contact(), remembered)
    assert (result.outcome, result.code) == ("protected", "identity_conflict")
    assert lark.one(BEA)["fields"]["first_name"] == "Bea"
    assert lark.nobody(ANN)


async def test_create_only_creates_who_is_not_there_with_status_and_tags_after_another_look(
    lark: Lark,
) -> None:
    decision, result = await lark.deliver(contact(tags=("vip",), first_name="Ann"), write="create_only")
    assert lark.log == [
        Request(FIND, None, ANN),
        Request(CREATE, {"fields": {"email_address": ANN, "first_name": "Ann"}, "status": "SUBSCRIBED", "tags": [2]}),
    ]  # fmt: skip
    assert decision.calls == (FIND, CREATE)
    assert (result.outcome, result.contact_id) == ("created", lark.one()["id"])


async def test_create_only_leaves_alone_who_is_there(lark: Lark) -> None:
    lark.seed(first_name="Old")
    _, result = await lark.deliver(contact(tags=("vip",), opted_out=False), write="create_only")
    assert (result.outcome, result.code, lark.log) == ("filtered", "exists", [])


async def test_create_only_notices_who_came_after_the_look_up(lark: Lark) -> None:
    _, result = await lark.deliver(
        contact(), write="create_only", meanwhile=lambda: lark.seed(status="UNSUBSCRIBED")
    )
    assert (result.outcome, result.code, lark.calls()) == ("filtered", "exists", [FIND])
    assert result.opted_out


async def test_update_only_is_a_put_by_id_with_all_current_fields_its_status_and_no_tags(lark: Lark) -> None:
    lark.seed(status="UNCONFIRMED", tags=("vip",), first_name="Ann", company="Acme")
    decision, result = await lark.deliver(contact(first_name="Anna", tags=("crm",)), write="update_only")
    assert lark.calls() == list(decision.calls) == [FIND, PUT, TAGS_ADD]
    fields = {"email_address": ANN, "first_name": "Anna", "company": "Acme"}
    assert lark.sent(PUT) == [{"fields": fields, "status": "UNCONFIRMED"}]
    assert result.outcome == "updated"
    assert lark.one()["tags"] == ["vip", "crm"]


async def test_update_only_leaves_the_address_written_as_it_is_there(lark: Lark) -> None:
    lark.seed("Ann@Example.com")
    _, result = await lark.deliver(contact(first_name="Anna"), write="update_only")
    assert result.outcome == "updated"
    assert lark.one()["email_address"] == "Ann@Example.com"


async def test_update_only_leaves_out_who_is_not_there(lark: Lark) -> None:
    _, result = await lark.deliver(contact(), write="update_only")
    assert (result.outcome, result.code, lark.log) == ("filtered", "not_there", [])


async def test_update_only_cannot_create_again_who_was_removed_after_the_last_look(lark: Lark) -> None:
    lark.seed()
    lark.sandbox.then(FIND, lambda: lark.sandbox.delete(ANN), when="after")
    async with lark.connector(write="update_only") as connector:
        await connector.read_schema()
        lark.sandbox.acts.clear()
        known = await connector.find(ANN)
        lark.sandbox.then(PUT, lambda: lark.sandbox.delete(ANN), when="before")
        result = await connector.deliver(contact(first_name="Anna"), known, None, None)
    assert (result.outcome, result.code) == ("protected", "gone")
    assert lark.nobody()


async def test_replace_creates_who_is_not_there_by_a_full_upsert_with_status_and_tags(lark: Lark) -> None:
    decision, result = await lark.deliver(contact(tags=("vip",), first_name="Ann"), write="replace")
    assert lark.calls() == [FIND, UPSERT]
    assert decision.calls == (FIND, UPSERT + " (replace)")
    assert lark.sent(UPSERT) == [
        {"email_address": ANN, "fields": {"first_name": "Ann"}, "partial_update": False, "tags": [2], "status": "SUBSCRIBED"}
    ]  # fmt: skip
    assert result.outcome == "created"


async def test_replace_changes_who_is_there_by_a_full_upsert_with_its_status_and_its_tags_with_ours(
    lark: Lark,
) -> None:
    lark.seed(status="CLEANED", tags=("vip", "press"), first_name="Ann", company="Acme")
    decision, result = await lark.deliver(contact(tags=("crm",), first_name="Anna"), write="replace")
    assert lark.calls() == [FIND, UPSERT]
    assert decision.calls == (FIND, UPSERT + " (replace)")
    [body] = lark.sent(UPSERT)
    assert (body["fields"], body["status"], sorted(body["tags"])) == (
        {"first_name": "Anna"},
        "CLEANED",
        [2, 3, 7],
    )
    assert body["partial_update"] is False
    assert decision.changes == {"first_name": ("Ann", "Anna"), "company": ("Acme", None)}
    assert result.outcome == "updated"
    assert lark.one()["fields"] == {"first_name": "Anna"}
    assert sorted(lark.one()["tags"]) == ["crm", "press", "vip"]


async def test_replace_with_a_new_tag_only_sends_it(lark: Lark) -> None:
    lark.seed(tags=("vip",))
    decision, result = await lark.deliver(contact(tags=("crm",)), write="replace")
    assert lark.calls() == [FIND, UPSERT]
    assert decision.calls == (FIND, UPSERT + " (replace)")
    assert result.outcome == "updated"
    assert sorted(lark.one()["tags"]) == ["crm", "vip"]


async def test_replace_does_not_put_back_a_tag_that_was_taken_away_there(lark: Lark) -> None:
    lark.seed(first_name="Old")
    await lark.deliver(contact(tags=("vip",)), delivered(tags=("vip",)), write="replace")
    assert lark.one()["tags"] == []


async def test_replace_keeps_a_tag_that_was_created_after_the_tags_were_read(lark: Lark) -> None:
    async with lark.connector(write="replace") as connector:
        await connector.read_schema()
        lark.sandbox.workspace.tags[99] = {"id": 99, "name": "brand-new", "description": ""}
        lark.seed(tags=("brand-new",))
        result = await connector.deliver(contact(first_name="Anna"), await connector.find(ANN), None, None)
    assert result.outcome == "updated"
    assert lark.one()["tags"] == ["brand-new"]


async def test_replace_keeps_two_tags_that_differ_in_case_only(lark: Lark) -> None:
    lark.sandbox.workspace.tags[98] = {"id": 98, "name": "VIP", "description": ""}
    lark.seed(tags=("VIP", "vip"))
    await lark.deliver(contact(first_name="Anna"), write="replace")
    assert sorted(lark.one()["tags"]) == ["VIP", "vip"]


async def test_what_was_read_long_ago_is_read_again(lark: Lark) -> None:
    lark.seed(first_name="Old")
    async with lark.connector() as connector:
        await connector.read_schema()
        known = await connector.find(ANN)
        assert known is not None
        lark.log.clear()
        long_ago = dataclasses.replace(known, seen=time.time() - 301)
        await connector.deliver(contact(), long_ago, None, None)
    assert lark.calls() == [FIND, UPSERT]


@pytest.mark.parametrize(
    "address",
    ["a+b@example.com", "a&b=c@example.com", "o'brien@example.com", "a#b%20c@example.com", "a/b?c@example.com", "jörg@exämple.de", "straße@example.de", "p%2Bq@example.com"],
)  # fmt: skip
async def test_every_address_is_looked_up_as_it_is(lark: Lark, address: str) -> None:
    lark.seed(address, "UNSUBSCRIBED", first_name="Old")
    _, result = await lark.deliver(contact(address), write="replace")
    assert (result.outcome, lark.status(address), len(lark.sandbox.contacts())) == (
        "updated",
        "UNSUBSCRIBED",
        1,
    )
    assert {request.email for request in lark.log if request.name == FIND} == {address}
    _, again = await lark.deliver(contact(address))
    assert again.outcome == "unchanged"


# ---- consent


def asked(
    mode: str, address: str, old: str, *, by_row: bool, by_ledger: bool
) -> tuple[Any, Remembered | None]:
    """A contact with a change, and what is remembered of it; `old` is the address that it had before."""
    row = contact(address, opted_out=by_row, first_name="Changed")
    if mode == "moved":
        return row, delivered(old, first_name="Ann", opted_out=by_ledger)
    return row, Remembered("", opted_out=True) if by_ledger else None


def after_all(before: str, mode: str, *, out: bool) -> str:
    """The status that has to be there in the end."""
    may_write = mode != "create_only"
    return "UNSUBSCRIBED" if before in MAILED and out and may_write else before


@pytest.mark.parametrize("newcomers", ["SUBSCRIBED", "UNCONFIRMED"])
@pytest.mark.parametrize("mode", [*MODES, "moved"])
async def test_nobody_is_re_subscribed_whatever_is_asked(lark: Lark, mode: str, newcomers: str) -> None:
    write = "merge" if mode == "moved" else mode
    number = 0
    async with lark.connector(write=write, newcomers=newcomers) as connector:
        await connector.read_schema()
        for before in (*STATUSES, "PAUSED", "subscribed", "BOUNCED"):
            for by_row, by_ledger in ((False, False), (True, False), (False, True)):
                number += 1
                address, old = f"n{number}@example.com", f"o{number}@example.com"
                start = old if mode == "moved" else address
                lark.seed(start, first_name="Ann")
                lark.sandbox.set_status(start, before)
                row, remembered = asked(mode, address, old, by_row=by_row, by_ledger=by_ledger)
                known = await connector.find(address)
                now = await connector.find(old) if mode == "moved" else None
                lark.log.clear()
                result = await connector.deliver(row, known, remembered, now)
                case = (before, by_row, by_ledger, result)
                where = start if lark.nobody(address) else address
                held = lark.status(where)
                wanted = after_all(before, mode, out=by_row or by_ledger)
                assert held in ({"BOUNCED", "CLEANED"} if before == "BOUNCED" else {wanted}), case
                assert result.outcome in ("updated", "filtered", "protected"), case
                sent = [r.body["status"] for r in lark.writes() if "status" in r.body]
                assert set(sent) <= {wanted, "CLEANED" if before == "BOUNCED" else wanted}, case
                if result.outcome == "updated":
                    assert result.opted_out == (held not in MAILED), case
                if before in ("PAUSED", "subscribed") and mode in ("moved", "update_only", "replace"):
                    assert (result.outcome, result.code) == ("protected", "status_unknown"), case
    assert len(lark.sandbox.contacts()) == number


@pytest.mark.parametrize("out", [False, True])
@pytest.mark.parametrize("mode", ["merge", "update_only", "replace", "moved"])
async def test_a_status_that_changed_after_the_look_up_is_never_loosened(
    lark: Lark, mode: str, *, out: bool
) -> None:
    write = "merge" if mode == "moved" else mode
    async with lark.connector(write=write) as connector:
        await connector.read_schema()
        for number, (before, later) in enumerate((b, s) for b in MAILED for s in (*STATUSES, "PAUSED")):
            address, old = f"n{number}@example.com", f"o{number}@example.com"
            start = old if mode == "moved" else address
            lark.seed(start, before, first_name="Ann")
            known = await connector.find(address)
            now = await connector.find(old) if mode == "moved" else None
            lark.sandbox.set_status(start, later)
            row, remembered = asked(mode, address, old, by_row=out, by_ledger=False)
            result = await connector.deliver(row, known, remembered, now)
            where = start if lark.nobody(address) else address
            assert lark.status(where) == after_all(later, mode, out=out), (before, later, result)


@pytest.mark.parametrize("fault", ["503", "429", "429:retry_after=0", "reset_before", "validation_error"])
@pytest.mark.parametrize("later", ["UNSUBSCRIBED", "COMPLAINED", "CLEANED"])
@pytest.mark.parametrize("mode", ["update_only", "replace", "moved", "opt_out"])
async def test_a_status_that_changed_between_two_attempts_is_never_loosened(
    lark: Lark, mode: str, later: str, fault: str
) -> None:
    lark.sandbox.switch({"busy_refuses_contacts": "yes"})
    start = BEA if mode == "moved" else ANN
    lark.seed(start, first_name="Ann")
    write = mode if mode in MODES else "merge"
    kind, _, rest = fault.partition(":")
    rule = {"kind": kind, "next": 1, "paths": "^(PUT|POST) .*/contacts/([0-9a-f]{24}|upsert)$"}
    if rest:
        rule["retry_after"] = "0"
    async with lark.connector(write=write, pace=Pace(5000, patient=0.05)) as connector:
        await connector.read_schema()
        known, now = await connector.find(ANN), await connector.find(BEA)
        lark.running.faults(rule)
        name = UPSERT if mode in ("replace", "opt_out") else PUT
        lark.sandbox.then(name, lambda: lark.sandbox.set_status(start, later))
        if mode == "opt_out":
            result = await connector.opt_out(ANN)
        else:
            remembered = delivered(BEA, first_name="Ann") if mode == "moved" else None
            now = now if mode == "moved" else None
            result = await connector.deliver(contact(first_name="X"), known, remembered, now)
        assert (connector.traffic.retried, connector.traffic.throttled) == (
            (0, 1) if kind == "429" else (1, 0)
        )
    assert result.outcome == "updated", result
    assert lark.status() == later
    assert len(lark.sandbox.contacts()) == 1


async def test_a_status_that_waited_out_a_429_of_others_is_read_again(
    lark: Lark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaignlark_sending, "_RIGHT_BEFORE_SECONDS", 0.1)
    lark.seed(first_name="Old")
    pace = Pace(5000)

    def stop() -> None:
        pace.slow_down(0.3)
        lark.sandbox.set_status(ANN, "UNSUBSCRIBED")

    async with lark.connector(write="replace", pace=pace) as connector:
        await connector.read_schema()
        known = await connector.find(ANN)
        lark.sandbox.then(FIND, stop)
        lark.log.clear()
        result = await connector.deliver(contact(), known, None, None)
    assert lark.calls() == [FIND, FIND, UPSERT]
    assert (result.outcome, lark.status()) == ("updated", "UNSUBSCRIBED")


async def test_a_status_is_sent_in_the_end_where_every_turn_comes_late(
    lark: Lark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaignlark_sending, "_RIGHT_BEFORE_SECONDS", -1.0)
    lark.seed(first_name="Old")
    _, result = await lark.deliver(contact(), write="update_only")
    assert result.outcome == "updated"
    assert lark.calls() == [FIND, FIND, FIND, FIND, PUT]


async def test_a_write_with_a_status_goes_before_the_contacts_that_wait_for_their_turn() -> None:
    with started() as lark:
        lark.seed()
        async with lark.connector(write="replace", pace=Pace(40)) as connector:
            await connector.read_schema()
            found = await connector.find(ANN)
            lark.log.clear()
            others = [asyncio.create_task(connector.find(f"x{n}@example.com")) for n in range(20)]
            await asyncio.sleep(0)
            await connector.deliver(contact(first_name="Anna"), found, None, None)
            await asyncio.gather(*others)
    read = next(at for at, request in enumerate(lark.log) if request.email == ANN)
    assert lark.calls().index(UPSERT) - read <= 3


@pytest.mark.parametrize("newcomers", STATUSES)
@pytest.mark.parametrize("mode", ["merge", "create_only", "replace"])
async def test_newcomers_get_the_status_that_the_mapping_names(lark: Lark, mode: str, newcomers: str) -> None:
    decision, result = await lark.deliver(contact(), write=mode, newcomers=newcomers)
    assert (result.outcome, lark.status()) == ("created", newcomers)
    assert result.opted_out == (newcomers not in MAILED)
    pending = {"CONTACT_SUBSCRIBED_PENDING": 1} if newcomers == "UNCONFIRMED" else {}
    assert by_name(decision.automations) == lark.sandbox.automation_counts() == pending


@pytest.mark.parametrize("mode", ["merge", "create_only", "replace"])
@pytest.mark.parametrize("ledger", [False, True])
async def test_a_newcomer_who_opted_out_is_created_unsubscribed(
    lark: Lark, mode: str, *, ledger: bool
) -> None:
    remembered = Remembered("", opted_out=True) if ledger else None
    row = contact(opted_out=not ledger)
    decision, result = await lark.deliver(row, remembered, write=mode, newcomers="UNCONFIRMED")
    assert (result.outcome, lark.status(), result.opted_out) == ("created", "UNSUBSCRIBED", True)
    assert by_name(decision.automations) == lark.sandbox.automation_counts() == {}


@pytest.mark.parametrize("there", STATUSES)
async def test_unconfirmed_goes_only_to_those_just_seen_to_be_absent(lark: Lark, there: str) -> None:
    _, result = await lark.deliver(
        contact(first_name="X"), newcomers="UNCONFIRMED", meanwhile=lambda: lark.seed(status=there)
    )
    assert lark.calls() == [FIND, UPSERT]
    assert "status" not in lark.sent(UPSERT)[0]
    assert (result.outcome, lark.status()) == ("updated", there)
    assert lark.sandbox.automation_counts().get("CONTACT_SUBSCRIBED_PENDING") is None


@pytest.mark.parametrize("mode", MODES)
async def test_a_suppressed_address_is_never_written_to(lark: Lark, mode: str) -> None:
    lark.seed(first_name="Old")
    for key in (ANN, BEA):
        _, result = await lark.deliver(
            contact(key, opted_out=True), Remembered("", suppressed=True), write=mode
        )
        assert (result.outcome, result.code, lark.log) == ("protected", "suppressed", [])


@pytest.mark.parametrize("status", [404, 400, 410, 302, 407])
@pytest.mark.parametrize("mode", ["replace", "create_only", "merge"])
async def test_only_the_documented_404_means_that_nobody_is_there(lark: Lark, mode: str, status: int) -> None:
    """Any other no would let a replace give a person who opted out the newcomers' status."""
    lark.seed(status="UNSUBSCRIBED", first_name="Old")
    async with lark.connector(write=mode, newcomers="UNCONFIRMED") as connector:
        await connector.read_schema()
        no = (status, {"error": {"message": "Nothing here."}})
        lark.sandbox.spoil = lambda name, body: no if name == FIND else body
        lark.log.clear()
        result = await connector.deliver(contact(), None, None, None)
    assert (result.outcome, lark.calls()) == ("refused", [FIND])
    assert "Nothing here." in words(result)
    assert lark.status() == "UNSUBSCRIBED"


@pytest.mark.parametrize("body", [{"data": None}, {"data": []}, {}, [], {"data": {"id": "1", "status": "SUBSCRIBED"}}, {"data": {"id": "1", "data": {"email_address": BEA}}}])  # fmt: skip
async def test_a_look_up_that_says_neither_who_is_there_nor_that_nobody_is_sends_nothing(
    lark: Lark, body: Any
) -> None:
    lark.seed(status="UNSUBSCRIBED")
    async with lark.connector(write="replace") as connector:
        await connector.read_schema()
        lark.sandbox.spoil = lambda name, answer: body if name == FIND else answer
        lark.log.clear()
        result = await connector.deliver(contact(), None, None, None)
        carried = await connector.opt_out(ANN)
    assert (result.outcome, carried.outcome) == ("refused", "refused")
    assert "could not be looked up" in words(result)
    assert lark.calls() == [FIND, FIND]
    assert lark.status() == "UNSUBSCRIBED"


async def test_a_blank_status_is_never_sent_back(lark: Lark) -> None:
    """A full replace that says "" would make the person SUBSCRIBED by default."""
    lark.seed(status="UNSUBSCRIBED", first_name="Old")

    def without_status(name: str, body: Any) -> Any:
        if name == FIND and "data" in body:
            body["data"].pop("status")
        return body

    lark.sandbox.spoil = without_status
    _, result = await lark.deliver(contact(), write="replace")
    assert (result.outcome, result.code) == ("protected", "status_unknown")
    assert lark.status() == "UNSUBSCRIBED"


async def test_who_opted_out_and_was_removed_after_the_look_up_does_not_come_back_subscribed(
    lark: Lark,
) -> None:
    lark.seed(status="UNSUBSCRIBED", first_name="Old")
    _, result = await lark.deliver(contact(), meanwhile=lambda: lark.sandbox.delete(ANN))
    assert (result.outcome, result.code, result.opted_out) == ("created", "recreated", True)
    assert lark.status() == "UNSUBSCRIBED"


@pytest.mark.parametrize("ends", ["by-email", "upsert", "key"])
async def test_who_came_back_by_our_write_and_could_not_be_opted_out_is_unclear_and_not_untouched(
    lark: Lark, ends: str
) -> None:
    lark.seed(status="UNSUBSCRIBED", first_name="Old")
    broken = Rule.parse(f"503:paths={ends}")

    def breaks() -> None:
        if ends == "key":
            lark.sandbox.switch({"keys": "another"})
        else:
            lark.sandbox.faults.rules.append(broken)

    lark.sandbox.then(UPSERT, breaks)
    _, result = await lark.deliver(contact(), meanwhile=lambda: lark.sandbox.delete(ANN))
    assert lark.status() == "SUBSCRIBED"
    assert (result.outcome, result.code, result.untouched) == ("unknown", "no_clear_answer", False)
    assert "its opt-out was not carried" in words(result)
    assert result.opted_out, "so that the next sync carries it"


async def test_who_was_removed_after_the_look_up_and_came_back_by_our_write_counts_as_created(
    lark: Lark,
) -> None:
    lark.seed(first_name="Old")
    _, result = await lark.deliver(contact(), meanwhile=lambda: lark.sandbox.delete(ANN))
    assert (result.outcome, result.code, result.contact_id) == ("created", "recreated", lark.one()["id"])


async def test_an_opt_out_that_the_destination_ignores_is_not_called_delivered(lark: Lark) -> None:
    lark.seed()
    lark.sandbox.then(UPSERT, lambda: lark.sandbox.set_status(ANN, "SUBSCRIBED"))

    def still(name: str, body: Any) -> Any:
        if name == UPSERT:
            body["data"]["status"] = "SUBSCRIBED"
        return body

    lark.sandbox.spoil = still
    _, result = await lark.deliver(contact(opted_out=True))
    assert (result.outcome, result.code) == ("refused", "refused")
    assert "it kept the status SUBSCRIBED" in words(result)


# ---- the opt-out of a contact that is otherwise left alone


@pytest.mark.parametrize("there", [*STATUSES, "PAUSED"])
async def test_an_opt_out_is_carried_to_who_may_be_mailed_and_loosens_nobody(lark: Lark, there: str) -> None:
    lark.seed(tags=("vip",))
    lark.sandbox.set_status(ANN, there)
    async with lark.connector() as connector:
        result = await connector.opt_out(ANN)
    carried = there in MAILED
    assert result.outcome == ("updated" if carried else "unchanged")
    assert (result.contact_id, result.opted_out) == (lark.one()["id"], True)
    assert lark.status() == ("UNSUBSCRIBED" if carried else there)
    assert lark.calls() == ([FIND, UPSERT] if carried else [FIND])
    assert lark.one()["fields"] == {"first_name": "Ann", "last_name": "Lee"}
    assert lark.one()["tags"] == ["vip"]


async def test_an_opt_out_creates_nobody(lark: Lark) -> None:
    async with lark.connector() as connector:
        result = await connector.opt_out(ANN)
    assert (result.outcome, result.opted_out, lark.calls()) == ("unchanged", False, [FIND])
    assert lark.nobody()


async def test_an_opt_out_creates_nobody_between_two_attempts_either(lark: Lark) -> None:
    lark.seed()
    lark.running.faults({"kind": "503", "next": 1, "paths": "upsert"})
    lark.sandbox.then(UPSERT, lambda: lark.sandbox.delete(ANN))
    async with lark.connector() as connector:
        result = await connector.opt_out(ANN)
    assert (result.outcome, result.code) == ("protected", "gone")
    assert lark.nobody()


async def test_an_opt_out_goes_to_the_address_as_it_is_written_there(lark: Lark) -> None:
    lark.seed("Ann@Example.com")
    async with lark.connector() as connector:
        result = await connector.opt_out(ANN)
    assert result.outcome == "updated"
    assert lark.one()["email_address"] == "Ann@Example.com"


async def test_an_opt_out_that_cannot_be_looked_up_is_failed_not_settled(lark: Lark) -> None:
    lark.seed()
    lark.running.faults("503")
    async with lark.connector() as connector:
        result = await connector.opt_out(ANN)
    assert (result.outcome, result.troubled) == ("failed", True)


# ---- only what changed at the source is sent


async def test_a_field_edited_by_hand_survives_until_the_source_changes_it(lark: Lark) -> None:
    lark.seed(first_name="Edited", last_name="Lee")
    _, result = await lark.deliver(contact(first_name="Ann", last_name="Ray"), delivered())
    assert lark.sent(UPSERT)[0]["fields"] == {"last_name": "Ray"}
    assert result.outcome == "updated"
    assert lark.one()["fields"] == {"first_name": "Edited", "last_name": "Ray"}
    _, later = await lark.deliver(
        contact(first_name="Anne", last_name="Ray"), delivered(first_name="Ann", last_name="Ray")
    )
    assert later.outcome == "updated"
    assert lark.one()["fields"]["first_name"] == "Anne"


async def test_a_field_emptied_by_hand_stays_empty(lark: Lark) -> None:
    lark.seed(last_name="Lee")
    _, result = await lark.deliver(contact(), delivered())
    assert (result.outcome, lark.log) == ("unchanged", [])


async def test_a_field_that_is_always_written_is_put_right(lark: Lark) -> None:
    lark.seed(first_name="Edited", last_name="Edited")
    await lark.deliver(contact(), delivered(), writes={"first_name": "always"})
    assert lark.one()["fields"] == {"first_name": "Ann", "last_name": "Edited"}


async def test_what_was_edited_by_hand_and_stays_is_told_also_where_nothing_is_sent(lark: Lark) -> None:
    lark.seed(first_name="Edited", last_name="Lee")
    decision, result = await lark.deliver(contact(), delivered())
    assert (decision.outcome, result.outcome) == ("unchanged", "unchanged")
    assert decision.stays == result.decision.stays == {"first_name": ("Edited", "Ann")}
    decision, _ = await lark.deliver(contact(last_name="Ray", first_name="Ann"), delivered())
    assert decision.stays == {"first_name": ("Edited", "Ann")}


async def test_a_field_that_is_written_only_into_emptiness_leaves_what_is_there(lark: Lark) -> None:
    lark.seed(first_name="Theirs", last_name="")
    rules = {"writes": {"first_name": "if_empty", "last_name": "if_empty"}}
    _, result = await lark.deliver(contact(), **rules)
    assert (result.outcome, lark.one()["fields"]) == ("updated", {"first_name": "Theirs", "last_name": "Lee"})


async def test_a_field_that_is_written_once_is_not_written_again(lark: Lark) -> None:
    lark.seed(last_name="Lee")
    _, result = await lark.deliver(
        contact(first_name="New", last_name="Lee"), delivered(), writes={"first_name": "once"}
    )
    assert (result.outcome, lark.one()["fields"]) == ("unchanged", {"last_name": "Lee"})


async def test_no_field_is_ever_emptied_by_a_blank(lark: Lark) -> None:
    lark.seed(first_name="Ann", last_name="Lee")
    rules = {"blanks": {"last_name": "clear"}, "types": {**TYPES, "last_name": "text"}}
    _, result = await lark.deliver(contact(first_name="Ann"), delivered(), **rules)
    assert (result.outcome, lark.log) == ("unchanged", [])


async def test_a_block_is_sent_as_a_whole_and_the_line_that_cannot_be_emptied_is_named(lark: Lark) -> None:
    lark.seed(city="Bonn", company="Acme", first_name="Edited")
    row = contact(city="Köln", first_name="Ann")
    decision, result = await lark.deliver(
        row, delivered(city="Bonn", first_name="Ann"), together=(("city", "company", "first_name"),)
    )
    assert lark.sent(UPSERT)[0]["fields"] == {"city": "Köln", "first_name": "Ann"}
    assert decision.left_over == {"company": "Acme"}
    assert (result.outcome, result.problems) == (
        "updated", (("block_left_over", "company", "", {"field": "company", "kept": "Acme"}),)
    )  # fmt: skip
    assert words(result).startswith("company still holds 'Acme' from before")
    assert CODES["block_left_over"].severity == "warning"
    _, again = await lark.deliver(row, delivered(**row.texts), together=(("city", "company"),))
    assert (again.outcome, again.problems) == ("unchanged", ())


async def test_a_block_that_did_not_arrive_says_nothing_of_what_is_left_of_the_old_one(lark: Lark) -> None:
    lark.seed(city="Bonn", company="Acme")
    lark.running.faults({"kind": "503", "paths": "upsert"})
    _, result = await lark.deliver(contact(city="Köln"), together=(("city", "company"),))
    assert (result.outcome, [code for code, *_ in result.problems]) == ("failed", ["not_delivered"])


@pytest.mark.parametrize("mode", MODES)
async def test_an_address_of_which_it_is_not_clear_whose_it_is_is_protected(lark: Lark, mode: str) -> None:
    lark.seed(first_name="Old")
    doubtful = dataclasses.replace(delivered(), conflict="two people of the source have this address")
    decision, result = await lark.deliver(contact(tags=("vip",)), doubtful, write=mode)
    for found in (decision, result):
        assert (found.outcome, found.code, found.reason) == (
            "protected", "identity_conflict", "two people of the source have this address",
        )  # fmt: skip
    assert lark.log == []
    suppressed = dataclasses.replace(doubtful, suppressed=True)
    _, result = await lark.deliver(contact(), suppressed, write=mode)
    assert result.code == "suppressed"
    absent, _ = await lark.deliver(contact(BEA), doubtful, write=mode)
    assert absent.code == "identity_conflict"


async def test_a_hand_edit_survives_a_changed_address_too(lark: Lark) -> None:
    lark.seed(BEA, first_name="Edited", last_name="Lee")
    await lark.deliver(contact(), delivered(BEA))
    assert lark.one()["fields"]["first_name"] == "Edited"


async def test_what_another_contact_was_given_does_not_count_as_delivered_to_this_one(lark: Lark) -> None:
    lark.seed(first_name="Other")
    await lark.deliver(contact(), delivered(contact_id="64f1a2b3c4d5e6f7a8b9c0d1"))
    assert lark.one()["fields"] == {"first_name": "Ann", "last_name": "Lee"}


@pytest.mark.parametrize(
    ("tag", "theirs", "ours"),
    [("score", "12.50", "12.5"), ("score", 3.0, "3"), ("is_customer", "TRUE", "true"), ("is_customer", False, "false"),
     ("joined_at", "2024-02-15T10:30:00Z", "2024-02-15T11:30:00+01:00"), ("birthday", "2024-02-15", "2024-02-15T00:00:00Z"),
     ("interests", "Events, Newsletter", "Newsletter\x1fEvents"), ("interests", ["Events", "Newsletter"], "Newsletter\x1fEvents")],
)  # fmt: skip
async def test_a_value_that_means_the_same_is_not_sent(lark: Lark, tag: str, theirs: Any, ours: str) -> None:
    lark.seed(**{tag: theirs})
    _, result = await lark.deliver(contact(**{tag: ours}))
    assert (result.outcome, lark.log) == ("unchanged", [])


@pytest.mark.parametrize(
    ("tag", "theirs", "ours"),
    [("score", "a lot", "3"), ("score", 0, "3"), ("is_customer", True, "false"), ("joined_at", "soon", "2024-02-15T10:30:00Z"),
     ("interests", ["Events"], "Newsletter"), ("first_name", "ann", "Ann"), ("interests", [], "Events")],
)  # fmt: skip
async def test_a_value_that_means_something_else_is_sent(
    lark: Lark, tag: str, theirs: Any, ours: str
) -> None:
    lark.seed(**{tag: theirs})
    _, result = await lark.deliver(contact(**{tag: ours}))
    assert (result.outcome, lark.calls(), result.kept) == ("updated", [UPSERT], {})


async def test_values_are_sent_in_the_forms_of_their_types(lark: Lark) -> None:
    texts = {"score": "7", "is_customer": "true", "joined_at": "2024-02-15T10:30:00Z", "interests": "Events\x1fWebinars", "plan": "Gold", "country": "DE"}  # fmt: skip
    await lark.deliver(contact(**texts))
    assert lark.one()["fields"] == {
        **texts,
        "score": 7,
        "is_customer": True,
        "interests": ["Events", "Webinars"],
    }


# ---- tags


async def test_a_tag_that_was_taken_away_there_is_not_put_back(lark: Lark) -> None:
    lark.seed()
    _, result = await lark.deliver(contact(tags=("vip", "crm")), delivered(tags=("vip",)))
    assert lark.sent(TAGS_ADD) == [{"tag_ids": [3]}]
    assert result.outcome == "updated"
    assert lark.one()["tags"] == ["crm"]


async def test_a_tag_that_the_row_no_longer_has_stays_there(lark: Lark) -> None:
    lark.seed(tags=("vip", "crm"))
    _, result = await lark.deliver(contact(tags=("crm",)), delivered(tags=("vip", "crm")))
    assert (result.outcome, lark.one()["tags"]) == ("unchanged", ["vip", "crm"])


async def test_a_tag_that_the_workspace_lacks_is_said_before_anything_is_sent(lark: Lark) -> None:
    with pytest.raises(MappingError, match="The tag 'nope' does not exist there"):
        await lark.deliver(contact(tags=("nope",)))
    assert lark.nobody()


async def test_tags_that_are_refused_leave_the_row_to_a_person_with_its_fields_there(lark: Lark) -> None:
    lark.seed()

    def gone() -> None:
        del lark.sandbox.workspace.tags[2]

    _, result = await lark.deliver(contact(first_name="Anna", tags=("vip",)), meanwhile=gone)
    assert (result.outcome, result.code) == ("refused", "tags_refused")
    assert "Tag ID 2 does not exist in this workspace" in words(result)
    assert lark.one()["fields"]["first_name"] == "Anna"


async def test_tags_that_did_not_arrive_are_unclear_and_delivered_by_the_next_run(lark: Lark) -> None:
    lark.seed(first_name="Ann")
    lark.running.faults({"kind": "429", "paths": "tags/add"})
    row = contact(first_name="Anna", tags=("vip",))
    quick = Patience(attempts=2, seconds=0.01, first=0.01, most=0.01)
    _, result = await lark.deliver(row, patience=quick, pace=Pace(5000, patient=0.05))
    assert (result.outcome, result.code) == ("unknown", "no_clear_answer")
    assert (lark.one()["fields"]["first_name"], lark.one()["tags"]) == ("Anna", [])
    lark.running.clear_faults()
    decision, again = await lark.deliver(row)
    assert (decision.calls, again.outcome, lark.one()["tags"]) == ((TAGS_ADD,), "updated", ["vip"])


@pytest.mark.parametrize(("applied", "outcome"), [(True, "updated"), (False, "failed")])
async def test_tags_without_a_clear_answer_are_settled_by_a_look_up(
    lark: Lark, outcome: str, *, applied: bool
) -> None:
    lark.seed()
    lark.running.faults({"kind": "500", "paths": "tags/add", "applied": applied})
    _, result = await lark.deliver(contact(tags=("vip",)))
    assert result.outcome == outcome
    assert lark.one()["tags"] == (["vip"] if applied else [])


async def test_tags_for_a_contact_that_was_removed_are_protected(lark: Lark) -> None:
    lark.seed()
    _, result = await lark.deliver(contact(tags=("vip",)), meanwhile=lambda: lark.sandbox.delete(ANN))
    assert (result.outcome, result.code) == ("protected", "gone")
    assert lark.nobody()


# ---- gone


@pytest.mark.parametrize("mode", ["merge", "create_only", "replace"])
async def test_who_was_removed_there_is_protected_and_not_created_again(lark: Lark, mode: str) -> None:
    _, result = await lark.deliver(contact(first_name="New"), delivered(), write=mode)
    assert (result.outcome, result.code, lark.calls()) == ("protected", "gone", [FIND])
    assert lark.nobody()


async def test_who_seemed_to_be_removed_is_looked_up_before_it_is_said(lark: Lark) -> None:
    _, result = await lark.deliver(contact(first_name="New"), delivered(), meanwhile=lark.seed)
    assert result.outcome == "updated"


@pytest.mark.parametrize("mode", ["merge", "create_only", "replace"])
async def test_who_was_removed_there_is_created_again_where_the_mapping_says_so(
    lark: Lark, mode: str
) -> None:
    _, result = await lark.deliver(
        contact(tags=("vip",)), delivered(tags=("vip",)), write=mode, gone="recreate"
    )
    assert result.outcome == "created"
    assert lark.one()["fields"] == {"first_name": "Ann", "last_name": "Lee"}
    assert lark.one()["tags"] == ["vip"]


async def test_who_was_removed_and_had_opted_out_is_created_again_unsubscribed(lark: Lark) -> None:
    await lark.deliver(contact(), delivered(opted_out=True), gone="recreate")
    assert lark.status() == "UNSUBSCRIBED"


async def test_who_changed_the_address_and_was_removed_is_protected(lark: Lark) -> None:
    _, result = await lark.deliver(contact(), delivered(BEA))
    assert (result.outcome, result.code) == ("protected", "gone")


# ---- what is required, and what is kept differently


@pytest.mark.parametrize("mode", ["merge", "create_only", "replace"])
async def test_a_newcomer_without_a_required_field_is_invalid_and_named_by_its_label(
    strict: Lark, mode: str
) -> None:
    _, result = await strict.deliver(contact(first_name="Ann"), write=mode)
    assert (result.outcome, result.code) == ("invalid", "required_blank")
    assert words(result).startswith("Last Name is blank")
    assert strict.nobody()


async def test_who_is_there_needs_no_required_field_for_a_merge(strict: Lark) -> None:
    strict.seed()
    _, result = await strict.deliver(contact(first_name="Anna"))
    assert result.outcome == "updated"


@pytest.mark.parametrize("remembered", [None, delivered(BEA)])
async def test_a_put_carries_the_required_fields_that_are_there(
    strict: Lark, remembered: Remembered | None
) -> None:
    strict.seed(BEA if remembered else ANN)
    _, result = await strict.deliver(contact(first_name="Anna"), remembered, write="update_only")
    assert result.outcome == "updated"
    assert strict.one()["fields"] == {"first_name": "Anna", "last_name": "Lee"}


async def test_what_is_kept_differently_is_reported_with_both_values(lark: Lark) -> None:
    lark.sandbox.switch({"wrong_value": "drop"})
    _, result = await lark.deliver(contact(first_name="Ann", plan="Platinum"))
    assert result.outcome == "created"
    assert result.kept == {"plan": ("Platinum", None)}
    assert words(result) == "The destination keeps plan as 'None' instead of 'Platinum'."


async def test_tags_that_are_not_kept_are_reported(lark: Lark) -> None:
    lark.sandbox.switch({"unknown_tag": "ignore"})

    def gone() -> None:
        del lark.sandbox.workspace.tags[2]

    _, result = await lark.deliver(contact(tags=("crm", "vip")), meanwhile=gone)
    assert result.outcome == "created"
    assert result.kept == {"tags": (["crm", "vip"], ["crm"])}


# ---- the documented refusals


def without(*path: str) -> Callable[[Connector], None]:
    """A client that has lost part of what it should send."""

    def change(connector: Connector) -> None:
        for name in ("once", "call"):
            whole = getattr(connector._wire, name)

            async def less(
                method: str, where: str, *, json_body: Any = None, whole: Any = whole, **more: Any
            ) -> Any:
                if json_body is not None and method != "GET":
                    inner = json_body
                    for step in path[:-1]:
                        inner = inner[step]
                    inner.pop(path[-1], None)
                return await whole(method, where, json_body=json_body, **more)

            setattr(connector._wire, name, less)

    return change


REFUSALS = [
    ("create_only", "POST /contacts", "Please provide at least one field for the contact.", ("fields",)),
    ("create_only", "POST /contacts", "Contact status is required.", ("status",)),
    ("create_only", "POST /contacts", "An email address is required.", ("fields", "email_address")),
    ("update_only", "PUT /contacts/{id}", "Please provide at least one field to update.", ("fields",)),
    ("update_only", "PUT /contacts/{id}", "Please provide a status.", ("status",)),
    ("merge", "POST /contacts/upsert", "Email address is required for upsert operation.", ("email_address",)),
]


@pytest.mark.parametrize(("mode", "_endpoint", "text", "lost"), REFUSALS)
async def test_a_body_that_lacks_something_is_refused_with_the_documented_words(
    lark: Lark, mode: str, _endpoint: str, text: str, lost: tuple[str, ...]
) -> None:
    if mode == "update_only":
        lark.seed(first_name="Old")
    async with lark.connector(write=mode) as connector:
        await connector.read_schema()
        known = await connector.find(ANN)
        without(*lost)(connector)
        result = await connector.deliver(contact(), known, None, None)
    assert (result.outcome, result.code, result.troubled) == ("refused", "refused", False)
    assert text in words(result)
    assert lark.sandbox.traffic.applied == {}


@pytest.mark.parametrize("mode", ["create_only", "update_only", "merge", "replace"])
async def test_a_field_that_vanished_is_refused_with_its_merge_tag(lark: Lark, mode: str) -> None:
    if mode == "update_only":
        lark.seed(first_name="Old")

    def gone() -> None:
        del lark.sandbox.workspace.fields["last_name"]

    _, result = await lark.deliver(contact(), write=mode, meanwhile=gone)
    assert result.outcome == "refused"
    assert "We were unable to find a field with the merge_tag last_name" in words(result)


@pytest.mark.parametrize("mode", ["create_only", "merge", "replace"])
async def test_a_field_that_became_required_is_refused_with_its_label(lark: Lark, mode: str) -> None:
    def required() -> None:
        lark.sandbox.workspace.fields["company"].required = True

    _, result = await lark.deliver(contact(), write=mode, meanwhile=required)
    assert result.outcome == "refused"
    assert "Field 'Company' is required." in words(result)


@pytest.mark.parametrize("mode", ["create_only", "merge", "replace"])
async def test_a_status_that_does_not_exist_is_refused(lark: Lark, mode: str) -> None:
    _, result = await lark.deliver(contact(), write=mode, newcomers="MAYBE")
    assert result.outcome == "refused"
    assert "The status you provided is not valid." in words(result)


async def test_a_contact_without_an_id_is_refused(lark: Lark) -> None:
    lark.seed(first_name="Old")

    def without_id(name: str, body: Any) -> Any:
        if name == FIND and "data" in body:
            body["data"]["id"] = ""
        return body

    lark.sandbox.spoil = without_id
    _, result = await lark.deliver(contact(), write="update_only")
    assert result.outcome == "refused"
    assert "The contact ID you provided is not valid." in words(result)
    _, tagged = await lark.deliver(contact(first_name="Old", tags=("vip",)))
    assert "The contact ID you provided is not valid." in words(tagged)


async def test_an_address_that_the_look_up_does_not_take_is_refused_with_its_words(lark: Lark) -> None:
    async with lark.connector(write="replace") as connector:
        await connector.read_schema()
        result = await connector.deliver(contact("nobody"), None, None, None)
    assert result.outcome == "refused"
    assert "Email address is required. Please provide a valid email address." in words(result)


async def test_an_import_that_is_going_on_is_waited_for(lark: Lark) -> None:
    lark.sandbox.switch({"busy_refuses_contacts": "yes"})
    lark.running.faults("validation_error:next=2")
    _, result = await lark.deliver(contact())
    assert (result.outcome, lark.calls()) == ("created", [UPSERT, UPSERT, UPSERT])


@pytest.mark.parametrize("mode", ["merge", "create_only", "update_only", "replace"])
async def test_an_import_that_does_not_end_is_failed_and_nothing_was_applied(lark: Lark, mode: str) -> None:
    if mode == "update_only":
        lark.seed(first_name="Old")
    lark.sandbox.switch({"busy_refuses_contacts": "yes"})
    lark.running.faults("validation_error")
    _, result = await lark.deliver(contact(), write=mode)
    assert (result.outcome, result.code, result.troubled) == ("failed", "not_delivered", True)
    assert words(result).startswith("Tried 3 times and not applied: 400: Validation error")
    assert lark.sandbox.traffic.applied == {}


# ---- without a clear answer

WRITES = (
    "create",
    "create_only",
    "replace_new",
    "merge",
    "update_only",
    "moved",
    "replace",
    "opt_out",
    "carry",
)
APPLIED: list[dict[str, Any]] = [
    {"kind": "reset_after"}, {"kind": "non_json"}, {"kind": "truncated"}, {"kind": "500", "applied": True},
    {"kind": "502", "applied": True}, {"kind": "503", "applied": True}, {"kind": "non_json_502", "applied": True}, {"kind": "late", "seconds": 0.4},
]  # fmt: skip
NOT_APPLIED: list[dict[str, Any]] = [
    {"kind": "reset_before"},
    {"kind": "500"},
    {"kind": "non_json_502"},
    {"kind": "429"},
]
ENDPOINT = {"create_only": "POST /v1/contacts$", "update_only": "PUT", "moved": "PUT"}
IS_THERE = ("merge", "update_only", "moved", "replace", "opt_out", "carry")


def named(rule: dict[str, Any]) -> str:
    return rule["kind"] + ("+applied" if rule.get("applied") else "")


async def struck(lark: Lark, write: str, rule: dict[str, Any], *, patience: Patience = PATIENCE) -> Delivered:
    """One write of this kind while its endpoint has a fault."""
    start = BEA if write == "moved" else ANN
    if write in IS_THERE:
        lark.seed(start, tags=("press",), first_name="Old", company="Acme")
    mode = {
        "create_only": "create_only",
        "replace_new": "replace",
        "update_only": "update_only",
        "replace": "replace",
    }
    pace = Pace(5000, patient=0.05)
    async with lark.connector(write=mode.get(write, "merge"), patience=patience, pace=pace) as connector:
        await connector.read_schema()
        connector._wire._timeout = 0.25
        known = await connector.find(ANN)
        now = await connector.find(BEA) if write == "moved" else None
        lark.running.faults({"paths": ENDPOINT.get(write, "upsert"), **rule})
        if write == "carry":
            return await connector.opt_out(ANN)
        row = contact(opted_out=write == "opt_out", tags=("vip",), first_name="Ann", last_name="Lee")
        return await connector.deliver(
            row, known, delivered(BEA, first_name="Old") if write == "moved" else None, now
        )


def arrived(lark: Lark, write: str) -> bool:
    """Whether what the write asks for is there."""
    if lark.nobody():
        return False
    held = lark.one()
    if write in ("opt_out", "carry") and held["status"] != "UNSUBSCRIBED":
        return False
    return write == "carry" or held["fields"].get("first_name") == "Ann"


@pytest.mark.parametrize("rule", APPLIED, ids=named)
@pytest.mark.parametrize("write", WRITES)
async def test_a_write_that_was_applied_without_an_answer_is_found_and_counted_once(
    lark: Lark, write: str, rule: dict[str, Any]
) -> None:
    result = await struck(lark, write, {"next": 1, **rule})
    assert result.outcome == ("updated" if write in IS_THERE else "created"), result
    assert result.contact_id == lark.one()["id"]
    assert arrived(lark, write)
    assert len(lark.sandbox.contacts()) == 1
    if write not in ("create", "merge"):  # a partial upsert without a status is harmless to repeat
        assert sum(n for e, n in lark.sandbox.traffic.applied.items() if "tags" not in e) == 1
    if write in IS_THERE:
        assert "press" in lark.one()["tags"]


@pytest.mark.parametrize("rule", NOT_APPLIED, ids=named)
@pytest.mark.parametrize("write", WRITES)
async def test_a_write_that_was_not_applied_is_tried_again(
    lark: Lark, write: str, rule: dict[str, Any]
) -> None:
    result = await struck(lark, write, {"next": 1, **rule})
    assert result.outcome == ("updated" if write in IS_THERE else "created"), result
    assert arrived(lark, write)
    assert sum(n for e, n in lark.sandbox.traffic.applied.items() if "tags" not in e) == 1


@pytest.mark.parametrize("rule", NOT_APPLIED[:3], ids=named)
@pytest.mark.parametrize("write", WRITES)
async def test_a_write_that_never_got_through_is_failed_and_was_not_applied(
    lark: Lark, write: str, rule: dict[str, Any]
) -> None:
    result = await struck(lark, write, rule)
    assert (result.outcome, result.code, result.troubled) == ("failed", "not_delivered", True), result
    assert not arrived(lark, write)
    assert lark.sandbox.traffic.applied == {}
    name = {"create_only": CREATE, "update_only": PUT, "moved": PUT}.get(write, UPSERT)
    assert lark.calls().count(name) == PATIENCE.attempts
    assert words(result).startswith("Tried 3 times and not applied")


@pytest.mark.parametrize("rule", [*APPLIED[:3], NOT_APPLIED[0]], ids=named)
@pytest.mark.parametrize("write", WRITES)
async def test_a_write_that_no_look_up_could_settle_is_unknown_and_not_sent_again(
    lark: Lark, write: str, rule: dict[str, Any]
) -> None:
    lark.sandbox.then(
        {"create_only": CREATE, "update_only": PUT, "moved": PUT}.get(write, UPSERT),
        lambda: lark.sandbox.faults.change({"kind": "503", "paths": "by-email"}),
        when="before",
    )
    result = await struck(lark, write, rule)
    assert (result.outcome, result.code, result.troubled) == ("unknown", "no_clear_answer", True), result
    name = {"create_only": CREATE, "update_only": PUT, "moved": PUT}.get(write, UPSERT)
    assert lark.calls().count(name) == (PATIENCE.attempts if write in ("create", "merge") else 1)


@pytest.mark.parametrize("write", ["create", "create_only", "replace_new"])
async def test_a_creation_without_an_answer_whose_values_are_kept_differently_is_created_once(
    write: str,
) -> None:
    with started(wrong_value="drop", duplicate_create="second_contact") as lark:
        mode = {"create": "merge", "replace_new": "replace"}.get(write, write)
        async with lark.connector(write=mode) as connector:
            await connector.read_schema()
            lark.running.faults({"kind": "reset_after", "paths": "^POST .*(contacts|upsert)$"})
            result = await connector.deliver(contact(plan="Platinum", first_name="Ann"), None, None, None)
        assert len(lark.sandbox.contacts()) == 1
        if write == "create":  # a stale look-up may hide somebody who was there: not claimed
            assert result.outcome == "unknown"
        else:
            assert (result.outcome, result.kept) == ("created", {"plan": ("Platinum", None)})


async def test_a_creation_that_somebody_else_made_meanwhile_is_not_claimed(lark: Lark) -> None:
    lark.running.faults({"kind": "429", "next": 1, "paths": "^POST /v1/contacts$", "retry_after": "0"})
    lark.sandbox.then(CREATE, lambda: lark.seed(status="UNSUBSCRIBED", first_name="Other"))
    _, result = await lark.deliver(contact(), write="create_only")
    assert (result.outcome, result.troubled) == ("failed", False)
    assert "somebody else came under this address" in words(result)
    assert (lark.one()["fields"]["first_name"], lark.status()) == ("Other", "UNSUBSCRIBED")


async def test_an_unclear_opted_out_creation_is_not_settled_by_somebody_who_may_be_mailed(lark: Lark) -> None:
    lark.running.faults({"kind": "reset_before", "paths": "upsert"})
    lark.sandbox.then(UPSERT, lark.seed)
    _, result = await lark.deliver(contact(opted_out=True))
    assert result.outcome == "failed"
    lark.running.clear_faults()
    _, again = await lark.deliver(contact(opted_out=True))
    assert (again.outcome, lark.status()) == ("updated", "UNSUBSCRIBED")


@pytest.mark.parametrize("answer", [{"data": None}, {"data": {"status": "SUBSCRIBED"}}, [], {"ok": True}, {"data": {"id": "9", "data": {"email_address": BEA}}}])  # fmt: skip
@pytest.mark.parametrize("write", ["create", "update_only", "replace"])
async def test_a_2xx_that_holds_no_contact_or_another_is_settled_by_a_look_up(
    lark: Lark, write: str, answer: Any
) -> None:
    lark.sandbox.spoil = lambda name, body: answer if name in (UPSERT, PUT) else body
    result = await struck(lark, write, {"kind": "429", "next": 0})
    assert (result.outcome, result.code) == ("updated" if write in IS_THERE else "created", "looked_up")
    assert arrived(lark, write)


async def test_a_full_replace_that_empties_a_list_is_settled_after_an_unclear_answer(lark: Lark) -> None:
    lark.seed(first_name="Old", interests=["Events"], score=3)
    lark.running.faults({"kind": "reset_before", "paths": "upsert", "next": 1})
    _, result = await lark.deliver(contact(first_name="Ann"), write="replace")
    assert result.outcome == "updated"
    assert lark.one()["fields"] == {"first_name": "Ann"}


async def test_a_refusal_after_an_unclear_attempt_keeps_its_words(lark: Lark) -> None:
    lark.running.faults({"kind": "503", "next": 1, "paths": "^POST /v1/contacts$"})

    def required() -> None:
        lark.sandbox.workspace.fields["company"].required = True

    lark.sandbox.then(CREATE, required)
    _, result = await lark.deliver(contact(), write="create_only")
    assert result.outcome == "refused"
    assert "Field 'Company' is required." in words(result)


# ---- what the account is


@pytest.mark.parametrize(("position", "expected"), [("new", ("choice", "choices", "country", "boolean")), ("old", ("choices", "choices", "text", "boolean"))])  # fmt: skip
async def test_the_fields_are_read_with_their_types_options_and_rules(
    lark: Lark, position: str, expected: tuple[str, ...]
) -> None:
    lark.sandbox.switch({"field_types": position})
    async with lark.connector() as connector:
        schema = await connector.read_schema()
    names = ("plan", "interests", "country", "is_customer")
    fields = {field.name: field for field in schema.fields}
    assert tuple(fields[name].type for name in names) == expected
    assert [fields[n].type for n in ("email_address", "first_name", "score", "joined_at")] == [
        "email",
        "text",
        "number",
        "datetime",
    ]
    assert (fields["email_address"].required, fields["email_address"].immutable) == (True, True)
    assert fields["plan"].options == ("Free", "Silver", "Gold")
    assert fields["joined_at"].form == "rfc3339"
    assert fields["first_name"].label == "First Name"
    assert schema.live
    assert schema.tags["vip"] == 2


async def test_a_type_nobody_knows_is_a_text(lark: Lark) -> None:
    lark.sandbox.workspace.fields["city"].type = "EMOJI"
    async with lark.connector() as connector:
        schema = await connector.read_schema()
    found = schema.field("city")
    assert found is not None
    assert found.type == "text"


@pytest.mark.parametrize("shape", ["new", "old", "none"])
async def test_tags_are_read_over_several_pages(lark: Lark, shape: str) -> None:
    lark.sandbox.workspace.tags = {n: {"id": n, "name": f"tag-{n}", "description": ""} for n in range(1, 251)}

    def reshaped(name: str, body: Any) -> Any:
        if name == "GET /tags" and shape != "new":
            body["data"]["pagination"] = {"page": 1, "limit": 100, "total": 250} if shape == "old" else None
        return body

    lark.sandbox.spoil = reshaped
    async with lark.connector() as connector:
        schema = await connector.read_schema()
    assert len(schema.tags) == 250


@pytest.mark.parametrize("body", [{"data": {}}, {"data": None}, [], {"fields": []}])
@pytest.mark.parametrize("name", ["GET /fields", "GET /tags"])
async def test_a_server_that_is_no_campaignlark_is_said_before_anything_is_sent(
    lark: Lark, name: str, body: Any
) -> None:
    lark.sandbox.spoil = lambda endpoint, answer: (
        (body if name != "GET /tags" or body != {"data": {}} else []) if endpoint == name else answer
    )
    async with lark.connector() as connector:
        with pytest.raises(Unreachable, match="did not list the"):
            await connector.read_schema()


async def test_a_wrong_key_is_said_before_anything_is_sent(lark: Lark) -> None:
    async with lark.connector(key="stolen") as connector:
        with pytest.raises(CredentialsError, match="invalid or has been revoked"):
            await connector.read_schema()


async def test_a_key_revoked_in_mid_run_ends_the_delivery_at_once(lark: Lark) -> None:
    with pytest.raises(CredentialsError):
        await lark.deliver(
            contact(), write="replace", meanwhile=lambda: lark.sandbox.switch({"keys": "other"})
        )
    assert lark.calls() == [FIND]


# ---- who is there


def fill(lark: Lark, each: int) -> None:
    lark.sandbox.seed(
        {"email_address": f"{status}{n}@example.com", "status": status, "fields": {"first_name": str(n)}}
        for n in range(each)
        for status in STATUSES
    )


@pytest.mark.parametrize("pagination", ["new", "old", "none"])
@pytest.mark.parametrize("shape", ["data", "fields"])
@pytest.mark.parametrize("words_", ["old", "new"])
async def test_a_survey_lists_everybody_of_every_status(
    lark: Lark, pagination: str, shape: str, words_: str
) -> None:
    lark.sandbox.switch({"search_pagination": "old" if pagination == "old" else "new", "contact_shape": shape, "status_words": words_})  # fmt: skip
    if pagination == "none":
        lark.sandbox.spoil = lambda name, body: (
            body["data"].pop("pagination", None) if "search" in name else None,
            body,
        )[1]
    fill(lark, 251)
    async with lark.connector() as connector:
        found = [known async for page in connector.survey() for known in page]
        counted = await connector.count()
    assert len(found) == len({known.contact_id for known in found}) == 5 * 251
    assert {known.key for known in found} == {c["email_address"].lower() for c in lark.sandbox.contacts()}
    assert {known.status for known in found} == {*STATUSES} - {"CLEANED"} | {
        "CLEANED" if words_ == "old" else "BOUNCED"
    }
    assert all(known.opted_out == (known.status not in MAILED) for known in found)
    assert all(known.fields["first_name"] for known in found)
    if pagination != "none":
        assert counted == (5 * 251, 10)


async def test_an_empty_account_is_surveyed_and_counted(lark: Lark) -> None:
    async with lark.connector() as connector:
        assert [page async for page in connector.survey()] == []
        assert await connector.count() == (0, 0)


async def test_a_contact_is_found_with_its_values_tags_and_status(lark: Lark) -> None:
    lark.seed("Ann@Example.com", "CLEANED", ("vip", "crm"), first_name="Ann")
    async with lark.connector() as connector:
        known = await connector.find(ANN)
        assert await connector.find(BEA) is None
    assert known is not None
    assert (known.key, known.status, known.opted_out, known.tags) == (ANN, "CLEANED", True, {"vip", "crm"})
    assert known.fields == {"email_address": "Ann@Example.com", "first_name": "Ann"}
    assert abs(known.seen - time.time()) < 5


async def test_a_survey_without_an_answer_is_unreachable(lark: Lark) -> None:
    lark.running.faults("503")
    async with lark.connector(patience=NEVER) as connector:
        with pytest.raises(Unreachable):
            [page async for page in connector.survey()]
        with pytest.raises(Unreachable):
            await connector.find(ANN)


# ---- a key that is revoked between two requests for one contact


async def test_a_key_revoked_before_the_tags_does_not_hide_that_the_fields_arrived(lark: Lark) -> None:
    lark.seed(first_name="Ann")
    lark.sandbox.then(UPSERT, lambda: lark.sandbox.switch({"keys": "another"}))
    try:
        _, result = await lark.deliver(contact(first_name="New", tags=("vip",)))
    finally:
        lark.sandbox.switch({"keys": "sandbox-key"})
    assert result.outcome == "unknown", result
    assert "the tags" in str(result.problems)
    assert lark.one()["fields"]["first_name"] == "New"


async def test_a_key_revoked_after_a_lost_answer_leaves_the_contact_unknown_and_not_unsent(
    lark: Lark,
) -> None:
    async with lark.connector(write="create_only") as connector:
        await connector.read_schema()
        lark.running.faults({"kind": "reset_after", "next": 1, "paths": "/contacts$"})
        lark.sandbox.then(CREATE, lambda: lark.sandbox.switch({"keys": "another"}))
        try:
            result = await connector.deliver(contact(first_name="New"), None, None, None)
        finally:
            lark.sandbox.switch({"keys": "sandbox-key"})
    assert result.outcome == "unknown", result
    assert lark.one()["fields"]["first_name"] == "New"
