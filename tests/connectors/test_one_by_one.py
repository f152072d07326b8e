"""Destinations that look contacts up one by one: a write that is refused only when it is repeated may have been applied before."""

from __future__ import annotations

import time

import pytest

from connectors.answer import Answer, Meaning
from connectors.base import Decision, Known
from connectors.one_by_one import OneByOne
from connectors.pace import Pace
from mappings.engine.contact import Contact
from mappings.engine.schema import Schema

ANN = "ann@example.com"
NOT_TWICE = Answer(Meaning.REFUSED, 409, {}, "409: it exists", attempts=2, unclear=True)


class Cards(OneByOne):
    """Creates with POST, which is no use a second time. `there` is what a look-up finds."""

    default_base_url = "http://127.0.0.1:9"
    per_second = 10.0
    mails_people = True
    keys = ("email",)
    find_calls = ("GET /cards",)
    create_calls = ("POST /cards",)
    update_calls = ("PATCH /cards",)
    there: Known | None = None

    @staticmethod
    def documented_schema() -> Schema:
        return Schema()

    async def read_schema(self) -> Schema:
        return Schema()

    async def ask(self, key: str) -> Answer:
        assert key == ANN
        return Answer(Meaning.DONE, 200, self.there) if self.there else Answer(Meaning.REFUSED, 404)

    def known_of(self, answer: Answer) -> Known | None:
        return answer.body if isinstance(answer.body, Known) else None

    def nobody(self, answer: Answer) -> bool:
        return answer.status == 404

    async def send(self, key: str, decision: Decision, there: Known | None) -> Answer:
        assert (key, there, decision.creates) == (ANN, None, True)
        return NOT_TWICE


def ann(**fields: str) -> Known:
    return Known("7", ANN, "mail", False, {"email": ANN, **fields}, frozenset(), time.time())


@pytest.mark.parametrize(
    ("there", "outcome"),
    [(ann(name="Ann"), "created"), (None, "refused"), (ann(name="Somebody"), "unknown")],
    ids=["as sent", "nobody", "otherwise"],
)
async def test_a_creation_that_is_refused_when_it_is_repeated_is_looked_up(
    there: Known | None, outcome: str
) -> None:
    cards = Cards(base_url="http://127.0.0.1:9", key="key", turns=Pace(10))
    cards.there = there
    row = Contact(1, 2, ANN, "", {"email": ANN, "name": "Ann"})
    done = await cards.deliver(row, None, None, None)
    assert done.outcome == outcome
    assert done.untouched == (outcome == "refused")
