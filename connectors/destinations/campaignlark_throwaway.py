"""The throwaway contact that CampaignLark's open questions are asked with: always UNSUBSCRIBED, so that nobody mails it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors import probing
from connectors.answer import Answer
from connectors.destinations.campaignlark_workspace import data_of
from connectors.errors import MusterError
from connectors.probing import NotTried, Otherwise
from connectors.values import is_blank
from mappings.engine.schema import Field, Schema

__all__ = ["OUT", "TEXT", "Throwaway", "fields_of", "tag_ids_of"]

OUT, TEXT = "UNSUBSCRIBED", "muster"
_SAMPLES = {"number": 1, "boolean": True, "datetime": "2026-01-02T00:00:00Z", "country": "DE"}
_ODD = ("number", "boolean", "datetime", "choice")


class Throwaway(probing.Throwaway):
    """`id` is the contact's; `required` are values for the fields that the workspace requires."""

    around = 8
    stays = "Contacts cannot be deleted over this API: what is made stays there, UNSUBSCRIBED, until you delete it in its app."
    starts = (
        "Automations of tags and fields may start for these addresses; no status is sent but UNSUBSCRIBED."
    )

    def __init__(self, destination: Any, address: str) -> None:
        super().__init__(destination, address)
        self.id = ""
        self.doubles: list[str] = []
        """Contacts that came to be beside the one, with the same address."""
        self.required: dict[str, Any] = {}

    def use(self, schema: Schema) -> None:
        super().use(schema)
        self.required = {
            one.name: _sample(one) for one in schema.fields if one.required and one.type != "email"
        }

    @property
    def text(self) -> str:
        """A field that holds any text. Raises NotTried where there is none."""
        return self._field(("text",), "a text field that is neither required nor immutable")

    @property
    def odd(self) -> str:
        """A field that does not hold any text. Raises NotTried where there is none."""
        return self._field(_ODD, "a field of numbers, dates, yes or no, or options that is not required")

    def _field(self, types: tuple[str, ...], what: str) -> str:
        free = {
            one.type: one.name for one in reversed(self.schema.fields) if not (one.required or one.immutable)
        }
        found = next((free[type_] for type_ in types if type_ in free), "")
        if not found:
            raise NotTried(f"the workspace has no {what[2:]}")
        return found

    def tags(self, count: int) -> list[int]:
        """So many of the workspace's tags. Raises NotTried where there are fewer."""
        found = sorted({int(number) for number in self.schema.tags.values()})[:count]
        if len(found) < count:
            raise NotTried(
                f"the workspace has fewer than {count} tags" if count > 1 else "the workspace has no tag"
            )
        return found

    @property
    def no_tag(self) -> int:
        """A number that no tag has."""
        return max([0, *(int(number) for number in self.schema.tags.values())]) + 1_000_003

    # what is there

    async def absent(self) -> str:
        for address in self.addresses:
            if await self.lookup(address) is not None:
                return address
        return ""

    async def lookup(self, address: str) -> dict[str, Any] | None:
        """The contact as the API shows it, None where there is none. Raises Otherwise."""
        answer = await self.get("/contacts/by-email", email=address)
        found = data_of(answer)
        if isinstance(found, dict) and found.get("id"):
            return found
        if answer.status == 404:
            return None
        raise Otherwise(f"a look-up gave no contact: {answer.detail}")

    async def now(self) -> dict[str, Any]:
        """The contact as it is. Raises Otherwise where it is gone."""
        found = await self.lookup(self.address)
        if found is None:
            raise Otherwise("the contact is not found any more")
        return found

    async def value(self, name: str) -> Any:
        """What a field of it holds, None for nothing."""
        found = fields_of(await self.now()).get(name)
        return None if is_blank(found) else found

    # what is written

    async def create(self) -> None:
        answer = await self.upsert({}, status=OUT)
        found = await self.lookup(self.address)
        if found is None:
            raise Otherwise(answer.detail)
        self.id = str(found["id"])

    async def upsert(self, fields: Mapping[str, Any], **more: Any) -> Answer:
        """A partial upsert by the contact's address, unless `more` says otherwise."""
        body = {"email_address": self.address, "fields": {**self.required, **fields}, "partial_update": True}
        return await self.send("POST", "/contacts/upsert", {**body, **more})

    async def put(self, fields: Mapping[str, Any]) -> Answer:
        """An update by id, with these fields and no others."""
        return await self.send("PUT", f"/contacts/{self.id}", {"fields": dict(fields), "status": OUT})

    def whole(self, address: str = "") -> dict[str, Any]:
        """The fields that an update has to have."""
        return {"email_address": address or self.address, **self.required}

    async def fill(self) -> str:
        """Sees to it that the text field holds TEXT; its name. Raises Otherwise where it does not."""
        name = self.text
        answer = await self.upsert({name: TEXT})
        if not answer.done or await self.value(name) != TEXT:
            raise Otherwise(f"a text that was sent is not there: {answer.detail}")
        return name

    async def tag(self, *wanted: int) -> None:
        """Sees to it that it has these tags and no others. Raises Otherwise where it has not."""
        there = tag_ids_of(await self.now())
        for call, ids in (("add", {*wanted} - there), ("remove", there - {*wanted})):
            if ids:
                await self.send("POST", f"/contacts/{self.id}/tags/{call}", {"tag_ids": sorted(ids)})
        if tag_ids_of(await self.now()) != {*wanted}:
            raise Otherwise("tags that were added or removed are not as they were asked for")

    def shows(self, answer: Answer) -> bool:
        found = data_of(answer)
        return isinstance(found, dict) and bool(found.get("id"))

    async def remove(self) -> list[str]:
        left = []
        for address in self.addresses:
            try:
                found = await self.lookup(address)
                if found is not None and found.get("status") != OUT:
                    await self.upsert({}, email_address=address, status=OUT)
                    found = await self.lookup(address)
            except (MusterError, Otherwise) as error:
                left.append(
                    f"{address} may be there: it could not be looked up ({_line(error)}). Look for it in its app."
                )
                continue
            if found is not None:
                left.append(f"{address} stays there, {found.get('status')} (id {found['id']}).")
        return [
            *left,
            *(f"{self.address} stays there a second time (id {double})." for double in self.doubles),
        ]


def fields_of(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of a contact, whatever they are called."""
    found = shown.get("data") or shown.get("fields")
    return found if isinstance(found, dict) else {}


def tag_ids_of(shown: Mapping[str, Any]) -> set[int]:
    return {int(tag["id"]) for tag in shown.get("tags") or ()}


def _sample(field: Field) -> Any:
    if field.type == "choice":
        return field.options[0] if field.options else TEXT
    if field.type == "choices":
        return list(field.options[:1])
    return _SAMPLES.get(field.type, TEXT)


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]
