"""The throwaway contact that Loops' open questions are asked with: not subscribed, and deleted afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors import probing
from connectors.answer import Answer
from connectors.errors import MusterError
from connectors.probing import NotTried, Otherwise, shouted

__all__ = ["TEXT", "Throwaway"]

TEXT = "muster"


class Throwaway(probing.Throwaway):
    """`id` is the contact's. The spare address gets a contact only while a question needs one."""

    around = 25
    stays = "The contacts are deleted at the end; only if a key that no property has makes one, that property stays."
    starts = "Workflows on contacts added, contacts updated and lists may start for these addresses; nobody is subscribed."

    def __init__(self, destination: Any, address: str) -> None:
        super().__init__(destination, address)
        self.id = ""
        self._properties: dict[str, str] = {}
        self._lists: list[str] = []
        self.behind: list[str] = []
        """What the questions left behind beside contacts, a sentence each."""

    @property
    def user_id(self) -> str:
        """The userId of the second contact."""
        return f"muster-probe-{self.spare}"

    @property
    def spellings(self) -> tuple[str, ...]:
        """All ways in which the questions write the addresses."""
        both = (self.address, self.spare)
        return tuple(dict.fromkeys([*both, *map(shouted, both), *map(str.lower, both)]))

    async def reading(self) -> int:
        return len(self.spellings) + 3

    async def absent(self) -> str:
        for address in self.spellings:
            if await self.lookup(email=address) is not None:
                return address
        if await self.lookup(userId=self.user_id) is not None:
            return f"the userId {self.user_id}"
        for entry in await self._listed("/contacts/properties", list="custom"):
            self._properties[str(entry["key"])] = str(entry["type"])
        self._lists = [str(entry["id"]) for entry in await self._listed("/lists")]
        return ""

    async def _listed(self, path: str, **params: str) -> list[dict[str, Any]]:
        answer = await self.get(path, **params)
        if not isinstance(answer.body, list):
            raise Otherwise(f"{path} gave no list: {answer.detail}")
        return [entry for entry in answer.body if isinstance(entry, dict)]

    async def has_property(self, name: str) -> bool:
        """Whether the team has this property by now."""
        return any(
            entry.get("key") == name for entry in await self._listed("/contacts/properties", list="custom")
        )

    def property(self, *types: str) -> str:
        """A custom property of one of these types, any where none is said. Raises NotTried where there is none."""
        for name, type_ in self._properties.items():
            if not types or type_ in types:
                return name
        raise NotTried(
            f"the team has no custom property{' of the type ' + ' or '.join(types) if types else ''}"
        )

    def mailing_list(self) -> str:
        """A mailing list's id. Raises NotTried where there is none."""
        if not self._lists:
            raise NotTried("the team has no mailing list")
        return self._lists[0]

    async def lookup(self, **by: str) -> dict[str, Any] | None:
        """The contact as `find` shows it, None where there is none. Raises Otherwise."""
        answer = await self.get("/contacts/find", **by)
        found = answer.body
        if answer.done and found == []:
            return None
        if answer.done and isinstance(found, list) and isinstance(found[0], dict) and found[0].get("id"):
            shown: dict[str, Any] = found[0]
            return shown
        raise Otherwise(f"a look-up gave no contact: {answer.detail}")

    async def now(self) -> dict[str, Any]:
        """The contact as it is. Raises Otherwise where it is gone."""
        found = await self.lookup(email=self.address)
        if found is None:
            raise Otherwise("the contact is not found any more")
        return found

    async def create(self) -> None:
        self.id = await self.make(self.address)

    async def make(self, address: str, **more: Any) -> str:
        """A contact that is not subscribed; its id. Raises Otherwise."""
        answer = await self.send("POST", "/contacts/create", {"email": address, "subscribed": False, **more})
        made = answer.body.get("id") if answer.done else None
        if not made:
            raise Otherwise(f"the contact was not made: {answer.detail}")
        return str(made)

    def shows(self, answer: Answer) -> bool:
        return isinstance(answer.body, dict) and answer.body.get("success") is True

    async def update(self, changes: Mapping[str, Any]) -> Answer:
        """An update by address."""
        return await self.send("PUT", "/contacts/update", {"email": self.address, **changes})

    async def delete(self, **by: str) -> Answer:
        return await self.send("POST", "/contacts/delete", by)

    async def remove(self) -> list[str]:
        left = []
        for by in [*({"email": address} for address in self.spellings), {"userId": self.user_id}]:
            [shown] = by.values()
            try:
                if await self.lookup(**by) is None:
                    continue
                answer = await self.delete(**by)
                if await self.lookup(**by) is not None:
                    left.append(
                        f"{shown} stays there: it could not be deleted ({answer.detail}). Delete it in its app."
                    )
            except (MusterError, Otherwise) as error:
                said = str(error).splitlines()[0]
                left.append(
                    f"{shown} may be there: it could not be deleted ({said}). Look for it in its app."
                )
        return [*left, *self.behind]
