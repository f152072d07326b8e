"""A Rolodex on this machine, and what the conformance suite has to know of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from connectors.sandbox.answering import Answering, Call, Endpoints, Refused, object_of
from connectors.sandbox.faults import Answer
from connectors.sandbox.trial import Documented, Trial

ENDPOINTS = Endpoints()
FIELDS = ("name", "city", "score")
LONGEST = 200
STATUSES = ("MAIL", "NO MAIL")


def error(status: int, message: str) -> Answer:
    return Answer(status, json.dumps({"message": message}).encode())


class RolodexSandbox(Answering):
    """The cards, by address in lower case."""

    kind = "rolodex"
    title = "Rolodex"
    base_path = "/v1"
    endpoints = ENDPOINTS
    positions: ClassVar = {}
    workspace_file = Path()
    default_rate = 10

    def _begin(self) -> None:
        self.cards: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    @ENDPOINTS.at("GET /v1/fields", writes=False)
    def _fields(self, call: Call) -> tuple[int, Any]:
        return 200, list(FIELDS)

    @ENDPOINTS.at("GET /v1/cards/{id}", writes=False)
    def _card(self, call: Call) -> tuple[int, Any]:
        if call.id.lower() not in self.cards:
            raise Refused(error(404, "No card has that address."))
        return 200, self.cards[call.id.lower()]

    @ENDPOINTS.at("PUT /v1/cards/{id}")
    def _put(self, call: Call) -> tuple[int, Any]:
        there = call.id.lower() in self.cards
        return 200 if there else 201, self._merged(call.id, call.body)

    @ENDPOINTS.at("PATCH /v1/cards/{id}")
    def _patch(self, call: Call) -> tuple[int, Any]:
        self._card(call)
        return 200, self._merged(call.id, call.body)

    def _merged(self, address: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if body.get("fields", {}).get("city") == "Atlantis":
            raise Refused(error(422, "Atlantis is on no map."))
        for name, value in body.get("fields", {}).items():
            if name not in FIELDS:
                raise Refused(error(422, f"There is no field {name}."))
            if isinstance(value, str) and len(value) > LONGEST:
                raise Refused(error(422, f"{name} is too long."))
        card = self.cards.setdefault(
            address.lower(), {"id": next(self._ids), "address": address, "mail": True, "fields": {}}
        )
        fields = {**card["fields"], **body.get("fields", {})}
        card["fields"] = {name: value for name, value in fields.items() if value is not None}
        card["mail"] = body.get("mail", card["mail"])
        return card

    # the door

    def _endpoint(self, method: str, path: str) -> tuple[str, str]:
        if path.startswith("/v1/cards/"):
            return f"{method} /v1/cards/{{id}}", path.removeprefix("/v1/cards/")
        return f"{method} {path}", ""

    def _let_in(self, authorization: str) -> None:
        if authorization.removeprefix("Bearer ") not in self._keys:
            raise Refused(error(401, "Who are you?"))

    def _too_many(self, retry_after: str) -> Answer:
        headers = {"Retry-After": retry_after} if retry_after else {}
        return Answer(429, b"{}", {"Content-Type": "application/json", **headers})

    def _nothing_here(self, path: str) -> Exception:
        return Refused(error(404, f"There is nothing at {path}."))

    def _failed(self, status: int) -> Answer:
        return error(status, "Something is broken.")

    def _body(self, raw: bytes) -> dict[str, Any]:
        try:
            return object_of(raw)
        except ValueError:
            raise Refused(error(400, "That is no JSON.")) from None

    def _address(self, contact_id: str, query: Mapping[str, str], raw: bytes) -> str:
        return contact_id

    # the inspection

    def contacts(self, *, email: str = "", last: int = 0) -> list[dict[str, Any]]:
        chosen = [card for address, card in self.cards.items() if email.lower() in ("", address)]
        return [
            {
                "id": card["id"], "email_address": card["address"], "status": STATUSES[not card["mail"]], "tags": [],
                "fields": card["fields"], "writes": 0,
            }
            for card in chosen[-last:]
        ]  # fmt: skip

    def seed(self, contacts: Iterable[Mapping[str, Any]]) -> int:
        seeded = [self._merged(one["email_address"], {"fields": one.get("fields", {})}) for one in contacts]
        for one, card in zip(contacts, seeded, strict=True):
            card["mail"] = one["status"] == STATUSES[0] if "status" in one else card["mail"]
        return len(seeded)

    def delete(self, email: str) -> bool:
        return self.cards.pop(email.lower(), None) is not None


def create(settings: Mapping[str, str]) -> RolodexSandbox:
    return RolodexSandbox(settings)


TRIAL = Trial(
    key="address",
    text="name",
    other="city",
    number="score",
    mailed=STATUSES[0],
    opted_out=STATUSES[1:],
    errors=(Documented("422-city", ("refused",), "Atlantis is on no map.", cells={"City": "Atlantis"}),),
)
