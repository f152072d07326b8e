"""CampaignLark's workspace: its fields and tags, and the contacts that are there. Reads only."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, ClassVar, Self

from connectors.answer import MEANINGS, Answer, Meaning
from connectors.base import Known, Remembered, Rules, Started
from connectors.breaker import Breaker
from connectors.errors import LookUpRefused, MappingError, Unreachable
from connectors.http import Turns, Wire
from connectors.patience import Patience
from connectors.traffic import Traffic
from mappings.engine.contact import Contact
from mappings.engine.schema import Field, Schema

__all__ = ["MAY_BE_MAILED", "STATUSES", "Workspace", "data_of", "emptied", "total_of", "written"]

MAY_BE_MAILED = {"SUBSCRIBED", "UNCONFIRMED"}
STATUSES = ("SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED")
_TYPES = {
    "TEXT": "text", "NUMBER": "number", "BOOLEAN": "boolean", "BOOL": "boolean", "DATE": "datetime",
    "DROPDOWN_SINGLE": "choice", "DROPDOWN_MULTIPLE": "choices", "MULTI": "choices", "COUNTRY": "country",
}  # fmt: skip
_PAGE = 250


class Workspace:
    """An account, as far as it can be read."""

    default_base_url = "https://api.campaignlark.com/v1"
    per_second = 100.0
    mails_people = True
    deletes = False
    keys: tuple[str, ...] = ("email_address",)
    surveys = True
    tells_changes = True
    finds = True
    find_calls: tuple[str, ...] = ("GET /contacts/by-email",)
    opt_out_calls: tuple[str, ...] = ("GET /contacts/by-email", "POST /contacts/upsert")
    create_tag_calls: tuple[str, ...] = ("POST /tags",)
    creation_starts = ""
    opt_out_automations: ClassVar[Started] = {}
    fresh_seconds = 300.0
    answers: Mapping[str, str] = {}
    """What is known beyond the documentation; without an answer none of it is relied on."""
    field_types: Mapping[str, str] = {
        "text": "TEXT", "email": "TEXT", "phone": "TEXT", "url": "TEXT", "integer": "NUMBER", "number": "NUMBER",
        "money": "NUMBER", "boolean": "BOOLEAN", "date": "DATE", "datetime": "DATE", "country": "COUNTRY",
        "choice": "DROPDOWN_SINGLE", "choices": "DROPDOWN_MULTIPLE",
    }  # fmt: skip

    @staticmethod
    def name_problem(merge_tag: str) -> str:
        """Merge tags are 2 to 16 lower-case letters and underscores there."""
        if re.fullmatch(r"[a-z_]{2,16}", merge_tag):
            return ""
        return "a merge tag is 2 to 16 lower-case letters and underscores there"

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        turns: Turns,
        rules: Rules | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.rules = rules or Rules()
        self._wire = Wire(
            base_url,
            key,
            turns,
            meanings=MEANINGS,
            again={(400, "Validation error"): Meaning.AGAIN},
            patience=patience,
            health="/fields",
        )
        self._tag_ids: dict[str, int] = {}
        self._required: tuple[Field, ...] = ()
        self._swept = False

    @property
    def traffic(self) -> Traffic:
        return self._wire.traffic

    @property
    def breaker(self) -> Breaker:
        return self._wire.breaker

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.__aexit__(kind, error, trace)

    # what the account is

    async def read_schema(self) -> Schema:
        """The workspace's fields by merge tag, its tags by name."""
        answer = await self._wire.ask("GET", "/fields")
        listed = data_of(answer)
        if not isinstance(listed, list):
            raise Unreachable(
                f"{self._wire.base_url}/fields did not list the fields: {answer.detail}",
                "Check CAMPAIGNLARK_BASE_URL; it ends in /v1.",
            )
        fields = tuple(self._field(entry) for entry in listed)
        tags = await self._read_tags()
        schema = Schema(fields=fields, tags={**tags}, live=True, refuses=_refuses(self.answers))
        self.use(schema)
        return schema

    async def _read_tags(self) -> dict[str, int]:
        """The workspace's tags, page by page: name → id. Raises Unreachable, CredentialsError."""
        tags: dict[str, int] = {}
        page, pages = 1, 1
        while page <= pages:
            params = {"page": str(page), "limit": "100"}
            answer = await self._wire.ask("GET", "/tags", params=params)
            found = data_of(answer)
            if not isinstance(found, dict):
                raise Unreachable(
                    f"{self._wire.base_url}/tags did not list the tags: {answer.detail}",
                    "Check CAMPAIGNLARK_BASE_URL; it ends in /v1.",
                )
            listed = found.get("tags") or []
            tags |= {str(tag["name"]): int(tag["id"]) for tag in listed}
            pages = _pages(found.get("pagination"), 100, page + 1) if listed else page
            page += 1
        return tags

    def _learn(self, tags: Mapping[str, int]) -> None:
        """Tags are found by their name, and where that is not known, by their name in whatever case."""
        self._tag_ids |= {name.casefold(): tag_id for name, tag_id in tags.items()}
        self._tag_ids |= tags

    def _ids(self, names: tuple[str, ...]) -> list[int]:
        ids = [self._tag_ids.get(name, self._tag_ids.get(name.casefold())) for name in names]
        if None in ids:
            raise MappingError(
                f"The tag '{names[ids.index(None)]}' does not exist there.",
                "Create it there, then start again.",
            )
        return [tag_id for tag_id in ids if tag_id is not None]

    def use(self, schema: Schema) -> None:
        """Takes the fields and tags as known."""
        self._tag_ids = {}
        self._learn({name: int(tag_id) for name, tag_id in schema.tags.items()})
        self._required = tuple(known for known in schema.fields if known.required)

    @staticmethod
    def documented_schema(answers: Mapping[str, str] | None = None) -> Schema:
        """What is certain of every workspace: the address. Used where nobody can be asked."""
        address = Field("email_address", "Email Address", "email", required=True, immutable=True)
        return Schema(fields=(address,), live=False, refuses=_refuses(answers or {}))

    @staticmethod
    def _field(entry: Mapping[str, Any]) -> Field:
        type_ = _TYPES.get(str(entry.get("type", "")).upper(), "text")
        options = tuple(
            part.strip() for part in str(entry.get("definition") or "").split(",") if part.strip()
        )
        name = str(entry["merge_tag"])
        return Field(
            name=name,
            label=str(entry.get("label") or name),
            type="email" if name == "email_address" else type_,
            required=bool(entry.get("required")),
            immutable=bool(entry.get("immutable")),
            options=options if type_ in ("choice", "choices") else (),
            form="rfc3339" if type_ == "datetime" else "",
        )

    # what is there

    async def count(self) -> tuple[int, int]:
        """Contacts of all statuses, and pages to read them (a page holds 250).

        Where it is known that a search without a filter lists everybody, and that takes fewer requests, it is looked
        whether it still does.
        """
        total = pages = 0
        for status in STATUSES:
            inside = await self._counted(status)
            total += inside
            pages += -(-inside // _PAGE)
        at_once = -(-total // _PAGE)
        self._swept = False
        if self.answers.get("search_without_filter") == "everybody" and at_once + 1 < pages:
            self._swept = await self._counted("") == total
        return total, at_once if self._swept else pages

    async def _counted(self, status: str) -> int:
        found = await self._page(status, 1, limit=10)
        return total_of(found.get("pagination"), len(found.get("contacts") or ()))

    def survey(self) -> AsyncIterator[list[Known]]:
        """All contacts, status by status: whether a search without a filter lists everybody is not documented."""
        return self._survey(("",) if self._swept else STATUSES)

    def survey_opted_out(self) -> AsyncIterator[list[Known]]:
        """The pages of those statuses alone under which nobody is mailed."""
        return self._survey([status for status in STATUSES if status not in MAY_BE_MAILED])

    async def _survey(self, statuses: Sequence[str]) -> AsyncIterator[list[Known]]:
        for status in statuses:
            page, pages = 1, 1
            while page <= pages:
                found = await self._page(status, page, limit=_PAGE)
                contacts = found.get("contacts") or []
                if not contacts:
                    break
                seen = time.time()
                yield [self._known(contact, seen) for contact in contacts]
                pages = _pages(found.get("pagination"), _PAGE, page + 1)
                page += 1

    async def _page(self, status: str, page: int, limit: int) -> dict[str, Any]:
        body = {"page": page, "limit": limit, "sort_by": "created_at", "sort_order": "asc"}
        body |= {"status": status} if status else {}
        answer = await self._wire.ask("POST", "/contacts/search", json_body=body)
        data = data_of(answer)
        if not isinstance(data, dict):
            raise Unreachable(
                f"The contacts cannot be listed: {answer.detail}", "Nothing was sent; start again."
            )
        return data

    async def look_up(
        self,
        contact: Contact,
        remembered: Remembered | None,
        *,
        always: bool = False,  # noqa: ARG002 - it always is
    ) -> tuple[Known | None, Known | None]:
        """The contact under its address, and under the one that the person had before."""
        known = await self.find(contact.key)
        if remembered is None or remembered.key in ("", contact.key):
            return known, None
        return known, await self.find(remembered.key)

    def look_up_calls(self, contact: Contact, remembered: Remembered | None) -> tuple[str, ...]:
        moved = remembered is not None and remembered.key not in ("", contact.key)
        return self.find_calls * (2 if moved else 1)

    async def find(self, key: str) -> Known | None:
        """One contact by its address; None only where the destination says that there is none."""
        answer = await self._wire.call("GET", "/contacts/by-email", params={"email": key})
        data = data_of(answer)
        if isinstance(data, dict):
            known = self._known(data, time.time())
            if known.key == key.lower():
                return known
            said = "the answer was another contact's"
        elif answer.status == 404 and isinstance(answer.body, dict) and "contact" in answer.detail:
            return None  # not just any 404: behind a wrong address nobody is known to be absent
        elif answer.done:
            said = "the answer holds no contact"
        elif answer.meaning is Meaning.REFUSED:
            said = answer.detail
        else:
            raise Unreachable(f"A contact could not be looked up: {answer.detail}", "Start again later.")
        raise LookUpRefused(
            f"A contact could not be looked up: {said}", "Look for it in the destination's own app."
        )

    def _known(self, contact: Mapping[str, Any], seen: float) -> Known:
        # Newer pages of the API call the values `fields`, older ones `data`.
        fields = contact.get("data") or contact.get("fields")
        fields = fields if isinstance(fields, dict) else {}
        tags = [tag for tag in contact.get("tags") or () if isinstance(tag, dict)]
        for tag in tags:
            self._tag_ids.setdefault(str(tag["name"]), int(tag["id"]))
        status = str(contact.get("status", ""))
        return Known(
            contact_id=str(contact.get("id", "")),
            key=str(fields.get("email_address", "")).lower(),
            status=status,
            opted_out=status not in MAY_BE_MAILED,
            fields=fields,
            tags=frozenset(str(tag["name"]) for tag in tags),
            seen=seen,
            changed_at=_moment(contact.get("updated_at")),
            final=status not in MAY_BE_MAILED and status != "UNSUBSCRIBED",
        )


def emptied(answers: Mapping[str, str]) -> tuple[bool, Any]:
    """Whether it is known how a field is emptied, and what is sent for it."""
    if answers.get("null_value") == "clear":
        return True, None
    return answers.get("empty_value") == "clear", ""


def _refuses(answers: Mapping[str, str]) -> frozenset[str]:
    """How a field is emptied is not documented, and there are no lists."""
    return frozenset({"lists"} if emptied(answers)[0] else {"blank_clear", "lists"})


def written(known: Known | None) -> str:
    """The address of a contact as it is written there; '' where there is none."""
    return str(known.fields.get("email_address") or known.key) if known is not None else ""


def _moment(text: Any) -> float | None:
    """RFC 3339 as seconds since 1970, the end of its second; what is none is taken for just now: no consent is to seem newer."""
    try:
        return dt.datetime.fromisoformat(str(text)).replace(microsecond=999_999).timestamp()
    except ValueError:
        return time.time()


def data_of(answer: Answer) -> Any:
    """What a good answer holds; None where it is no good answer."""
    return answer.body.get("data") if answer.done and isinstance(answer.body, dict) else None


def _pages(pagination: Any, limit: int, otherwise: int) -> int:
    """Pages in all, from either of the two shapes that the API uses; `otherwise` where it is neither."""
    pagination = pagination if isinstance(pagination, dict) else {}
    if "total_pages" in pagination:
        return int(pagination["total_pages"])
    if "total" not in pagination and "total_count" not in pagination:
        return otherwise
    return -(-total_of(pagination, 0) // int(pagination.get("limit") or limit))


def total_of(pagination: Any, otherwise: int) -> int:
    """Contacts in all, from either of the two shapes; `otherwise` where it is neither."""
    pagination = pagination if isinstance(pagination, dict) else {}
    total = pagination.get("total_count", pagination.get("total"))
    return otherwise if total is None else int(total)
