"""The throwaway contact that Corporate Merch's open questions are asked with. Nobody is mailed there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors import probing
from connectors.answer import Answer, Meaning
from connectors.destinations.corporate_merch_pages import data_of
from connectors.errors import MusterError
from connectors.probing import NotTried, Otherwise

__all__ = ["TEXT", "Throwaway"]

TEXT = "muster"
_PLACE = {
    "first_name": TEXT, "last_name": "probe", "type": "client", "country": "US", "address": "350 Fifth Avenue",
    "city": "New York", "state": "NY", "zip_code": "10118",
}  # fmt: skip
_PAGE = 50


class Throwaway(probing.Throwaway):
    """`id` is the contact's, `made` the answer that made it, `verb` the one that updates."""

    around = 6
    stays = (
        "Contacts cannot be deleted over this API: up to four stay there until you delete them in its app."
    )
    starts = "Nobody is mailed there, and no order is made."

    def __init__(self, destination: Any, address: str) -> None:
        super().__init__(destination, address)
        name, _, domain = self.spare.rpartition("@")
        self.third = f"{name}2@{domain}"
        self.id = ""
        self.made = Answer(Meaning.NOT_SENT)
        self.verb = ""
        self.second: dict[str, Any] = {}
        """The second contact, as it was made; empty without one."""
        self._ids: dict[str, set[int]] = {"labels": set(), "lists": set()}

    @property
    def addresses(self) -> tuple[str, ...]:
        return self.address, self.spare, self.third

    async def reading(self) -> int:
        _, pages = await self.destination.count()
        return int(pages) + 1

    async def absent(self) -> str:
        ours = {address.lower() for address in self.addresses}
        found = ""
        async for page in self.destination.survey():
            for known in page:
                found = found or (known.key if known.key in ours else "")
                self._ids["labels"] |= {int(number) for number in known.tags}
                self._ids["lists"] |= {int(number) for number in known.lists or ()}
        return found

    def two_of_one_kind(self) -> tuple[str, list[int]]:
        """Two ids of labels, or of lists, as other contacts have them. Raises NotTried where nobody has two."""
        for kind, ids in self._ids.items():
            if len(ids) > 1:
                return kind, sorted(ids)[:2]
        raise NotTried("no two labels or lists are known: the contacts there have none")

    # what is there

    async def page(self, number: int, limit: int = _PAGE) -> Answer:
        return await self.get("/contacts", page=str(number), limit=str(limit))

    async def ours(self) -> list[dict[str, Any]]:
        """Our contacts, as the first and the last page show them. Raises Otherwise."""
        addresses = {address.lower() for address in self.addresses}
        found: dict[str, dict[str, Any]] = {}
        number, last = 1, 1
        while True:
            answer = await self.page(number)
            listed = data_of(answer)
            if not isinstance(listed, list):
                raise Otherwise(f"the list shows no contacts: {answer.detail}")
            found |= {str(one["id"]): one for one in listed if str(one.get("email")).lower() in addresses}
            about = answer.body.get("pagination") or {}
            last = int(about.get("last_page") or 1)
            if number >= last:
                return list(found.values())
            number = last

    async def shown(self, answer: Answer) -> dict[str, Any]:
        """The contact after a write: as its answer shows it, else as the list does. Raises Otherwise."""
        found = data_of(answer)
        if isinstance(found, dict) and str(found.get("id")) == self.id:
            return found
        for one in await self.ours():
            if str(one["id"]) == self.id:
                return one
        raise Otherwise("the contact is not found any more")

    # what is written

    async def create(self) -> None:
        self.made = await self.post(self.whole(second="unit"))
        if not self.made.done:
            self.made = await self.post(self.whole())
        made = data_of(self.made)
        if not isinstance(made, dict) or not made.get("id"):
            made = next(iter(await self.ours()), {})
        if not made:
            raise Otherwise(self.made.detail)
        self.id = str(made["id"])

    def whole(self, address: str = "", *, second: str = "") -> dict[str, Any]:
        """All that has to be sent; `second` is what the second line of the street is called, '' for none."""
        return {"email": address or self.address, **_PLACE, **({second: "Suite 2"} if second else {})}

    async def post(self, body: Mapping[str, Any]) -> Answer:
        return await self.send("POST", "/contacts", dict(body))

    async def update(self, changes: Mapping[str, Any]) -> Answer:
        """The whole contact with these changes. Raises NotTried before the verb is known."""
        if not self.verb:
            raise NotTried("no verb was found that updates a contact")
        return await self.updated_by(self.verb, changes)

    async def updated_by(self, verb: str, changes: Mapping[str, Any]) -> Answer:
        return await self.send(verb, f"/contacts/{self.id}", {**self.whole(), **changes})

    async def value(self, changes: Mapping[str, Any], name: str) -> Any:
        """What a field holds after an update; None for nothing. Raises Otherwise where it was refused."""
        answer = await self.update(changes)
        if not answer.done:
            raise Otherwise(answer.detail)
        return (await self.shown(answer)).get(name) or None

    def shows(self, answer: Answer) -> bool:
        found = data_of(answer)
        return isinstance(found, dict) and bool(found.get("id"))

    async def remove(self) -> list[str]:
        try:
            there = await self.ours()
        except (MusterError, Otherwise) as error:
            said = str(error).splitlines()[0]
            return [f"{' and '.join(self.addresses)} may be there ({said}). Look for them in its app."]
        if self.id and self.id not in {str(one["id"]) for one in there}:
            return [f"{self.address} may be there, although the list does not show it (id {self.id})."]
        return [f"{one['email']} stays there (id {one['id']}): delete it in its app." for one in there]
