"""Rolodex: a card for each address. PUT makes one or merges into it, PATCH only merges; null empties a field."""

from __future__ import annotations

import time
from urllib.parse import quote

from connectors.answer import Answer
from connectors.base import Decision, Known
from connectors.one_by_one import OneByOne
from mappings.engine.schema import Field, Schema

FIELDS = (
    Field("address", "Address", "email", required=True),
    Field("name", "Name", "text", max_length=200),
    Field("city", "City", "text", max_length=200),
    Field("score", "Score", "number"),
)


class Connector(OneByOne):
    """An account of Rolodex."""

    default_base_url = "https://api.rolodex.example/v1"
    per_second = 10.0
    mails_people = True
    keys = ("address",)
    find_calls = ("GET /cards/{id}",)
    create_calls = ("PUT /cards/{id}",)
    update_calls = ("PATCH /cards/{id}",)

    @staticmethod
    def documented_schema() -> Schema:
        return Schema(fields=FIELDS, fixed=True, refuses=frozenset({"tags", "lists", "unconfirmed"}))

    async def read_schema(self) -> Schema:
        """Every account has these fields; asking for them shows that the key is right."""
        await self._wire.ask("GET", "/fields")
        return self.documented_schema()

    async def ask(self, key: str) -> Answer:
        return await self._wire.call("GET", _card(key))

    async def send(self, key: str, decision: Decision, there: Known | None) -> Answer:
        body: dict[str, object] = {"fields": {tag: new for tag, (_, new) in decision.changes.items()}}
        if decision.status is not None:
            body["mail"] = decision.status == "SUBSCRIBED"
        return await self._wire.call(
            "PUT" if there is None else "PATCH", _card(key), json_body=body, repeatable=not decision.opts_in
        )

    def known_of(self, answer: Answer) -> Known | None:
        card = answer.body
        if not isinstance(card, dict) or not card.get("id"):
            return None
        mail = card.get("mail") is True
        return Known(
            str(card["id"]), str(card["address"]).lower(), "mail" if mail else "no mail", not mail, dict(card["fields"]),
            frozenset(), time.time(),
        )  # fmt: skip

    def nobody(self, answer: Answer) -> bool:
        return answer.status == 404 and "No card has that address." in answer.detail


def _card(key: str) -> str:
    return f"/cards/{quote(key, safe='')}"
