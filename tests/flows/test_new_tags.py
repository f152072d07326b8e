"""Tags that do not exist there: created before the contacts that get them are sent, each once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from connectors.base import Rules
from connectors.destinations.campaignlark import Connector
from connectors.errors import CredentialsError
from connectors.pace import Pace
from connectors.patience import Patience
from flows.batches import Batch, Entry
from flows.delivery import Delivery
from flows.keys import key_hash
from flows.knowledge import Knowledge
from flows.ledger import Ledger, Outcome
from flows.ledger.opening import open_ledger
from flows.suppressions import Suppressions
from flows.watching import Silent
from mappings.engine.contact import Contact
from mappings.engine.problems.problem import Problem

if TYPE_CHECKING:
    from conftest import Desk

CREATE = "POST /v1/tags"


@dataclass
class At:
    """A delivery at work, and what it wrote down."""

    delivery: Delivery
    connector: Connector
    ledger: Ledger

    async def deliver(self, *contacts: Contact, number: int = 1) -> dict[int, Outcome]:
        entries = tuple(Entry(one, key_hash(one.key)) for one in contacts)
        await self.delivery.deliver(Batch(number, entries))
        return self.outcomes()

    def outcomes(self) -> dict[int, Outcome]:
        return {outcome.row: outcome for outcome, _, _ in self.ledger.answers.of("r1", 1, 10**6)}


@contextlib.asynccontextmanager
async def delivering(
    desk: Desk, *, surveyed: bool = True, suppressed: str = "", **rules: Any
) -> AsyncIterator[At]:
    ledger = open_ledger(desk.home)
    account = ledger.accounts.seen("campaignlark", "main", desk.server.url, "key").id
    ledger.runs.began("r1", account, "people", "sha", "name: people", "sync", "people.csv", "folder")
    patience = Patience(attempts=2, seconds=0.1, first=0.01, most=0.01)
    knowledge = Knowledge(desk.folder)

    async def room() -> None: ...

    made = Connector(
        base_url=desk.server.url, key="sandbox-key", turns=Pace(5000, patient=0.05), rules=Rules(**rules),
        patience=patience,
    )  # fmt: skip
    async with made as connector:
        await connector.read_schema()
        if surveyed:
            await knowledge.gather(connector, 10**6)
        delivery = Delivery(
            "r1", account, "people", connector, ledger.answers, ledger.memory, knowledge,
            Suppressions.of([suppressed] if suppressed else []), Silent(), pace_has_room=room,
        )  # fmt: skip
        yield At(delivery, connector, ledger)
        await delivery.close()
    knowledge.close()
    ledger.close()


def asks(row: int, *tags: str, opted_out: bool = False, first_name: str = "Ann") -> Contact:
    key = f"p{row}@example.com"
    texts = {"email_address": key, "first_name": first_name}
    return Contact(row, row + 1, key, "", texts, tags=tags, opted_out=opted_out)


def created(desk: Desk) -> int:
    return sum(desk.server.requests()["by_endpoint"].get(CREATE, {}).values())


@pytest.mark.parametrize("surveyed", [True, False])
async def test_a_tag_that_does_not_exist_is_created_once_and_everybody_gets_it(
    desk: Desk, *, surveyed: bool
) -> None:
    desk.server.seed([{"email_address": "p1@example.com", "tags": ["vip"]}])
    async with delivering(desk, surveyed=surveyed) as at:
        batches = [[asks(n, "Spring", "vip", *(["Fair"] if n % 2 else [])) for n in range(s, s + 40)] for s in (1, 41)]  # fmt: skip
        await asyncio.gather(*(at.deliver(*batch, number=n) for n, batch in enumerate(batches, start=1)))
        assert {outcome.outcome for outcome in at.outcomes().values()} == {"created", "updated"}
    assert created(desk) == 2
    there = desk.contacts()
    assert len(there) == 80
    assert sorted(there["p1@example.com"]["tags"]) == ["Fair", "Spring", "vip"]
    assert sorted(there["p80@example.com"]["tags"]) == ["Spring", "vip"]


async def test_a_contact_whose_tag_is_refused_is_refused_before_anything_is_sent_for_it(desk: Desk) -> None:
    endless = "x" * 65
    async with delivering(desk) as at:
        found = await at.deliver(asks(1, endless), asks(2, "vip"), asks(3, "Fair", endless.upper()))
        later = await at.deliver(asks(4, endless), number=2)
    assert [found[row].outcome for row in (1, 2, 3)] == ["refused", "created", "refused"]
    assert (later[4].outcome, later[4].code) == ("refused", "tags_refused")
    assert {found[row].code for row in (1, 3)} == {"tags_refused"}
    assert set(desk.contacts()) == {"p2@example.com"}
    code, tag, value, detail = found[1].problems[0]
    problem = Problem.of(code, row=1, line=2, column=tag, value=value, field=tag, **detail)
    assert problem.message.startswith("Nothing was sent, because the tag 'xxx")
    assert "1 to 64 characters" in problem.message


async def test_the_opt_out_of_a_contact_whose_tag_is_refused_is_carried_all_the_same(desk: Desk) -> None:
    desk.server.seed([{"email_address": "p1@example.com", "status": "SUBSCRIBED"}])
    async with delivering(desk) as at:
        found = await at.deliver(asks(1, "x" * 65, opted_out=True))
    assert (found[1].outcome, found[1].code, found[1].opted_out) == ("refused", "tags_refused", True)
    assert desk.contacts()["p1@example.com"]["status"] == "UNSUBSCRIBED"
    assert "first_name" not in desk.contacts()["p1@example.com"]["fields"]


async def test_nobody_who_is_left_alone_makes_a_tag(desk: Desk) -> None:
    desk.server.seed([{"email_address": "p1@example.com"}])
    async with delivering(desk, suppressed="p2@example.com", write="create_only") as at:
        found = await at.deliver(asks(1, "Spring"), asks(2, "Fair"))
    assert [found[row].outcome for row in (1, 2)] == ["filtered", "protected"]
    assert created(desk) == 0


@pytest.mark.parametrize("kind", ["503", "validation_error", "reset_before"])
async def test_a_tag_that_cannot_be_created_now_stops_the_run_and_nothing_is_lost(
    desk: Desk, kind: str
) -> None:
    desk.server.faults({"kind": kind, "paths": "POST /v1/tags"})
    contacts = [asks(1, "Spring"), asks(2, "Fair"), asks(3, "Spring", opted_out=True)]
    async with delivering(desk) as at:
        found = await at.deliver(*contacts)
        assert at.delivery.stopped == "breaker"
        assert at.delivery.error is not None
        assert "Spring" in at.delivery.error.what or "Fair" in at.delivery.error.what
        assert "muster resume" in at.delivery.error.fix
    assert {(one.outcome, one.code) for one in found.values()} == {("unsent", "breaker")}
    assert created(desk) <= 2, "the others that wait do not try again"
    assert desk.contacts() == {}


async def test_a_key_that_may_not_create_tags_stops_the_run(desk: Desk) -> None:
    async with delivering(desk) as at:
        desk.server.switch(keys="another")
        found = await at.deliver(asks(1, "Spring"))
        desk.server.switch(keys="sandbox-key")
        assert at.delivery.stopped == "credentials"
        assert isinstance(at.delivery.error, CredentialsError)
    assert (found[1].outcome, found[1].code) == ("unsent", "credentials")


async def test_a_tag_in_another_case_is_no_new_tag(desk: Desk) -> None:
    async with delivering(desk) as at:
        found = await at.deliver(asks(1, "VIP"), asks(2, "Vip"))
    assert {one.outcome for one in found.values()} == {"created"}
    assert created(desk) == 0
    assert all(one["tags"] == ["vip"] for one in desk.contacts().values())


# ---- an identity that is in doubt


async def test_the_opt_out_of_somebody_whose_identity_is_in_doubt_is_carried(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    from connectors.base import Remembered
    from flows.ledger import Memory

    desk.server.seed(
        [{"email_address": f"p{n}@example.com", "fields": {"first_name": "Old"}} for n in (1, 2)]
    )
    real: Callable[..., dict[str, Remembered]] = Memory.remembered

    def doubtful(*args: Any) -> dict[str, Remembered]:
        found = real(*args)
        keys = [key for key, _ in args[-1]]
        return {k: dataclasses.replace(found.get(k) or Remembered(""), conflict="whose is it?") for k in keys}

    monkeypatch.setattr(Memory, "remembered", doubtful)
    async with delivering(desk) as at:
        found = await at.deliver(asks(1, opted_out=True), asks(2))
        assert at.delivery.tally.opted_out == 1
    for row in (1, 2):
        assert (found[row].outcome, found[row].code) == ("protected", "identity_conflict")
        assert found[row].reason == "whose is it?"
    there = desk.contacts()
    assert [there[f"p{n}@example.com"]["status"] for n in (1, 2)] == ["UNSUBSCRIBED", "SUBSCRIBED"]
    assert {one["fields"]["first_name"] for one in there.values()} == {"Old"}
