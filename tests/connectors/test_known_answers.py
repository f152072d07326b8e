"""What was found out of an account changes what its client does, and without it nothing is relied on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.base import Delivered, Remembered
from connectors.destinations.campaignlark import Connector as CampaignLark
from connectors.destinations.corporate_merch import Connector as CorporateMerch
from mappings.engine.contact import Contact
from tests.connectors import larks, merches
from tests.connectors.larks import (
    ANN,
    PUT,
    TAGS_ADD,
    TAGS_REMOVE,
    UPSERT,
    Lark,
    contact,
    delivered,
    requiring,
)
from tests.connectors.merches import Merch

FULL = {"first_name": "Ann", "city": "Rome", "company": "Acme"}


@asynccontextmanager
async def knowing(lark: Lark, answers: Mapping[str, str], **rules: Any) -> AsyncIterator[CampaignLark]:
    async with lark.connector(**rules) as connector:
        connector.answers = answers
        await connector.read_schema()
        lark.log.clear()
        yield connector


async def went(lark: Lark, answers: Mapping[str, str], row: Contact, remembered: Remembered | None, **rules: Any) -> Delivered:  # fmt: skip
    """A delivery to who was looked up; the log holds what it asked, which is what was decided."""
    async with knowing(lark, answers, **rules) as connector:
        known, now = await connector.look_up(row, remembered)
        decision = connector.decide(row, known, remembered, now)
        lark.log.clear()
        result = await connector.deliver(row, known, remembered, now)
        assert tuple(lark.calls()) == decision.calls
        return result


# ---- CampaignLark


@pytest.mark.parametrize(("question", "blank"), [("null_value", None), ("empty_value", "")])
@pytest.mark.parametrize(("write", "call"), [("merge", UPSERT), ("update_only", PUT)])
async def test_a_field_is_emptied_as_it_was_found_out(
    question: str, blank: Any, write: str, call: str
) -> None:
    other = {"null_value": "empty_value", "empty_value": "null_value"}[question]
    with larks.started(**{question: "clear", other: "keep"}) as lark:
        lark.seed(**FULL, plan="Gold")
        row, before = contact(first_name="Ann"), delivered(**FULL)
        blanks = {"city": "clear", "company": "clear_ours"}
        result = await went(lark, {question: "clear", other: "keep"}, row, before, write=write, blanks=blanks)
        assert (result.outcome, result.kept) == ("updated", {})
        assert lark.one()["fields"] == {"first_name": "Ann", "plan": "Gold"}
        [body] = lark.sent(call)
        assert {tag: body["fields"][tag] for tag in ("city", "company")} == {"city": blank, "company": blank}
        again = await went(
            lark, {question: "clear"}, row, delivered(first_name="Ann"), write=write, blanks=blanks
        )
        assert again.outcome == "unchanged"


async def test_without_an_answer_nothing_is_emptied_and_the_schema_refuses_it() -> None:
    with larks.started() as lark:
        lark.seed(**FULL)
        for answers in ({}, {"null_value": "keep", "empty_value": "keep"}):
            async with knowing(lark, answers) as connector:
                assert "blank_clear" in (await connector.read_schema()).refuses
            result = await went(
                lark, answers, contact(first_name="Ann"), delivered(**FULL), blanks={"city": "clear"}
            )
            assert result.outcome == "unchanged"
        assert "blank_clear" in CampaignLark.documented_schema().refuses
        assert "blank_clear" not in CampaignLark.documented_schema({"empty_value": "clear"}).refuses


async def test_the_blank_lines_of_a_block_are_emptied_and_a_required_one_stays_and_is_said(
    tmp_path: Path,
) -> None:
    with larks.started(workspace=requiring(tmp_path, "company")) as lark:
        lark.seed(**FULL, postal_code="10115")
        row = Contact(1, 2, ANN, "p1", {"email_address": ANN, "city": "Berlin"})
        block = {"together": (("city", "postal_code", "company"),)}
        result = await went(lark, {"null_value": "clear"}, row, delivered(**FULL), **block)
        assert lark.one()["fields"] == {"first_name": "Ann", "city": "Berlin", "company": "Acme"}
        assert [(code, tag) for code, tag, _, _ in result.problems] == [("block_left_over", "company")]


async def test_tags_travel_with_the_fields_where_they_come_to_those_that_are_there() -> None:
    union = {"partial_with_tags": "union"}
    with larks.started(**union) as lark:
        lark.seed(tags=("press",), **FULL)
        row = contact(tags=("crm", "vip"), first_name="Anna")
        result = await went(lark, union, row, None)
        assert (result.outcome, result.kept) == ("updated", {})
        assert lark.calls() == [UPSERT]
        assert sorted(lark.one()["tags"]) == ["crm", "press", "vip"]
        tags_only = await went(lark, union, contact(tags=("partner",), first_name="Anna"), None)
        assert (tags_only.outcome, lark.calls()) == ("updated", [TAGS_ADD])
        both = contact(tags=("webinar",), off=("press",), first_name="Bea")
        assert (await went(lark, union, both, None)).outcome == "updated"
        assert lark.calls() == [UPSERT, TAGS_ADD, TAGS_REMOVE]
        assert sorted(lark.one()["tags"]) == ["crm", "partner", "vip", "webinar"]


async def test_tags_that_a_write_took_away_after_all_are_put_back_and_the_next_travel_alone() -> None:
    with larks.started(partial_with_tags="replace") as lark:
        lark.seed(tags=("press",), **FULL)
        lark.seed(larks.BEA, tags=("press",), **FULL)
        async with knowing(lark, {"partial_with_tags": "union"}) as connector:
            for address in (ANN, larks.BEA):
                row = contact(address, tags=("crm",), first_name="New")
                result = await connector.deliver(row, await connector.find(address), None, None)
                assert (result.outcome, result.kept, result.problems) == ("updated", {}, ())
                assert sorted(lark.one(address)["tags"]) == ["crm", "press"]
        assert [len(body.get("tags", ())) for body in lark.sent(UPSERT)] == [1, 0]


def crowd(statuses: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"email_address": f"p{n}@example.com", "status": statuses[n % len(statuses)]} for n in range(260)]


@pytest.mark.parametrize(
    ("holds", "statuses", "counts", "reads"),
    [
        ("everybody", larks.campaignlark.STATUSES, 6, 2),
        ("everybody", ("SUBSCRIBED",), 5, 6),  # nothing is gained: it is not even asked
        ("nobody", larks.campaignlark.STATUSES, 6, 5),  # not any more: by status as ever
    ],
)
async def test_everybody_is_read_in_one_sweep_where_that_holds_and_takes_fewer_requests(
    holds: str, statuses: tuple[str, ...], counts: int, reads: int
) -> None:
    with larks.started(search_without_filter=holds) as lark:
        lark.sandbox.seed(crowd(statuses))
        async with knowing(lark, {"search_without_filter": "everybody"}) as connector:
            total, pages = await connector.count()
            asked = len(lark.log)
            found = [known.key async for page in connector.survey() for known in page]
        assert (total, asked) == (260, counts)
        assert sorted(found) == sorted(one["email_address"] for one in crowd(statuses))
        assert len(lark.log) - asked == reads
        assert pages <= reads


# ---- Corporate Merch


@asynccontextmanager
async def merch_knowing(
    merch: Merch, answers: Mapping[str, str], **rules: Any
) -> AsyncIterator[CorporateMerch]:
    async with merch.connector(**rules) as connector:
        connector.answers = answers
        await connector.read_schema()
        yield connector


async def sent(merch: Merch, answers: Mapping[str, str], row: Contact, remembered: Remembered | None = None, **rules: Any) -> Delivered:  # fmt: skip
    async with merch_knowing(merch, answers, **rules) as connector:
        known = (await merches.surveyed(connector)).get(row.key)
        decision = connector.decide(row, known, remembered, None)
        merch.log.clear()
        result = await connector.deliver(row, known, remembered, None)
        assert len(merch.writes()) == len(decision.calls)
        return result


def row(**texts: str) -> Contact:
    return Contact(1, 2, ANN, "p1", {"email": ANN, **merches.LEE, **texts})


@pytest.mark.parametrize("verb", ["patch", "post"])
async def test_an_update_has_the_verb_that_was_found_out(verb: str) -> None:
    with merches.started(update=verb) as merch:
        merch.seed()
        assert (await sent(merch, {}, row(company_name="Acme"))).outcome == "refused"
        assert (await sent(merch, {"update": verb}, row(company_name="Acme"))).outcome == "updated"
        assert merch.fields()["company_name"] == "Acme"


@pytest.mark.parametrize(
    ("name", "other"),
    [("employment_status", "current_employment_status"), ("classification", "customer_class")],
)
async def test_a_guessed_name_is_the_one_that_was_found_out_or_written_by_hand(name: str, other: str) -> None:
    with merches.started(**{name: other, "unknown_keys": "refuse"}) as merch:
        assert (await sent(merch, {}, row(**{name: "active"}))).outcome == "refused"
        assert (await sent(merch, {name: other}, row(**{name: "active"}))).outcome == "created"
        assert merch.fields()[name] == "active"
        again = await sent(merch, {name: other}, row(**{name: "gone"}))
        assert (again.outcome, again.kept, merch.fields()[name]) == ("updated", {}, "gone")


@pytest.mark.parametrize("position", ["both", "unit", "address2"])
async def test_a_newcomers_second_line_has_the_name_that_was_found_out(position: str) -> None:
    with merches.started(second_line=position, unknown_keys="refuse") as merch:
        assert (await sent(merch, {"second_line": position}, row(address2="Suite 2"))).outcome == "created"
        assert merch.fields()["address2"] == "Suite 2"


@pytest.mark.parametrize(
    ("switches", "answers", "body"),
    [
        ({"omitted": "keep", "blank_value": "clear"}, {"blank_value": "clear"}, {"company_name": None}),
        ({"omitted": "clear", "blank_value": "refuse"}, {"omitted": "clear"}, {}),
    ],
)
async def test_a_value_is_emptied_as_it_was_found_out_and_a_required_one_never(
    switches: dict[str, str], answers: dict[str, str], body: dict[str, Any]
) -> None:
    with merches.started(**switches) as merch:
        merch.seed(company_name="Acme", department="Gold", address2="Tower 2")
        before = Remembered(ANN, "", {"email": ANN, **merches.LEE, "company_name": "Acme"})
        texts = {tag: text for tag, text in row().texts.items() if tag not in ("city", "address")}
        blanks = dict.fromkeys(("company_name", "city", "address"), "clear")
        asked = Contact(1, 2, ANN, "p1", texts)
        assert (await sent(merch, {}, asked, before, blanks=blanks)).outcome == "unchanged"
        assert "blank_clear" in CorporateMerch.documented_schema().refuses
        assert "blank_clear" not in CorporateMerch.documented_schema(answers).refuses
        result = await sent(merch, answers, asked, before, blanks=blanks)
        assert result.outcome == "updated"
        assert {tag: value for tag, value in merch.writes()[0].items() if tag == "company_name"} == body
        there = merch.fields()
        assert "company_name" not in there
        assert (there["department"], there["city"], there["address"], there["address2"]) == (
            "Gold",
            merches.LEE["city"],
            merches.LEE["address"],
            "Tower 2",
        )


async def test_labels_that_cannot_be_taken_away_are_refused_beforehand() -> None:
    assert {"tags_off", "lists_off"} <= CorporateMerch.documented_schema({"lists": "add"}).refuses
    assert not {"tags_off", "lists_off"} & CorporateMerch.documented_schema({"lists": "replace"}).refuses


async def test_an_account_that_gives_pages_of_100_is_read_in_half_the_requests() -> None:
    with merches.started(over_limit="allow") as merch:
        merch.sandbox.seed(
            [{"email_address": f"p{n}@example.com", "fields": merches.LEE} for n in range(230)]
        )
        for answers, pages in (({}, 5), ({"over_limit": "allow"}, 3)):
            async with merch_knowing(merch, answers) as connector:
                assert await connector.count() == (230, pages)
                merch.log.clear()
                assert len(await merches.surveyed(connector)) == 230
                assert len(merch.log) == pages
