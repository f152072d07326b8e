"""CampaignLark: contacts by e-mail address.

Which call is made (specification: the API's own pages on creating, updating and upserting a contact):

| write         | there?                     | calls |
|---|---|---|
| merge         | no, never delivered        | upsert, partial: all fields, tags inside, a status only as below |
| merge         | no, delivered before       | none: gone (with `gone: recreate` as if new) |
| merge         | yes                        | upsert, partial: the changed fields, no tags; then tags/add |
| merge         | yes, under an old address  | read again; PUT by id: all its fields with the changes, its status, no tags; tags/add |
| merge         | under old and new address  | none: identity conflict |
| create_only   | no                         | read again; create with the newcomers' status, tags inside |
| create_only   | yes                        | none: exists |
| update_only   | yes                        | read again; PUT by id as above, which cannot re-create; tags/add |
| update_only   | no                         | none: not there |
| replace       | no                         | read again; upsert, full, with the newcomers' status and all tags |
| replace       | yes                        | read again; upsert, full, with its own or a stricter status and its tags with ours |

A status is sent only where it must be (PUT, create, full replace), where a person opts out, or where newcomers are
not SUBSCRIBED; then the contact is read again right before. An existing contact only ever gets a stricter one.
Whether a partial upsert with tags replaces or adds them is not documented, so it never carries tags for a
contact that exists. A 400 whose text says that an import is going on is tried again.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

from connectors.base import Decision, Delivered, Known, Remembered, Rules
from connectors.errors import MappingError, Unreachable
from connectors.http import MEANINGS, Answer, Meaning, Patience, Traffic, Turns, Wire
from mappings.engine.contact import Contact, rendered
from mappings.engine.schema import Field, Schema

__all__ = ["Connector"]

_STATUSES = ("SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED")
_MAY_BE_MAILED = {"SUBSCRIBED", "UNCONFIRMED"}
_STRICTNESS = {
    "SUBSCRIBED": 0,
    "UNCONFIRMED": 0,
    "UNSUBSCRIBED": 1,
    "CLEANED": 2,
    "BOUNCED": 2,
    "COMPLAINED": 3,
}
_TYPES = {
    "TEXT": "text", "NUMBER": "number", "BOOLEAN": "boolean", "BOOL": "boolean", "DATE": "datetime",
    "DROPDOWN_SINGLE": "choice", "DROPDOWN_MULTIPLE": "choices", "MULTI": "choices", "COUNTRY": "country",
}  # fmt: skip
_PAGE = 250
_FRESH_SECONDS = 300.0
_NO_SUCH_CONTACT = "We couldn't find a contact with that"


class Connector:
    """An account of CampaignLark, which is a workspace.

    >>> Connector.per_second, Connector.default_base_url
    (100.0, 'https://api.campaignlark.com/v1')
    """

    default_base_url = "https://api.campaignlark.com/v1"
    per_second = 100.0
    mails_people = True
    key_fields = ("email_address",)
    key_type = "email"

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
        )
        self._tag_ids: dict[str, int] = {}
        self._tag_names: dict[str, str] = {}
        self._required: tuple[Field, ...] = ()

    @property
    def traffic(self) -> Traffic:
        return self._wire.traffic

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
        if not answer.done or not isinstance(answer.body.get("data"), list):
            raise Unreachable(
                f"{self._wire.base_url}/fields did not list the fields: {answer.detail}",
                "Check CAMPAIGNLARK_BASE_URL; it ends in /v1.",
            )
        fields = tuple(self._field(entry) for entry in answer.body["data"])
        tags: dict[str, int | str] = {}
        page, pages = 1, 1
        while page <= pages:
            params = {"page": str(page), "limit": "100"}
            answer = await self._wire.ask("GET", "/tags", params=params)
            found = answer.body["data"] if answer.done else {}
            listed = found.get("tags", [])
            tags |= {tag["name"]: int(tag["id"]) for tag in listed}
            pages = _pages(found.get("pagination", {}), 100) if listed else page
            page += 1
        schema = Schema(fields=fields, tags=tags, live=True, refuses=frozenset({"blank_clear"}))
        self.use(schema)
        return schema

    def use(self, schema: Schema) -> None:
        """Takes the fields and tags as known."""
        self._tag_ids = {name.casefold(): int(tag_id) for name, tag_id in schema.tags.items()}
        self._tag_names = {name.casefold(): name for name in schema.tags}
        self._required = tuple(known for known in schema.fields if known.required)

    @staticmethod
    def documented_schema() -> Schema:
        """What is certain of every workspace: the address. Used where nobody can be asked."""
        address = Field("email_address", "Email Address", "email", required=True, immutable=True)
        return Schema(fields=(address,), live=False, refuses=frozenset({"blank_clear"}))

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
        """Contacts of all statuses, and pages to read them (a page holds 250)."""
        total = pages = 0
        for status in _STATUSES:
            found = await self._page(status, 1, limit=10)
            inside = _total(found.get("pagination", {}), len(found.get("contacts", [])))
            total += inside
            pages += -(-inside // _PAGE)
        return total, pages

    async def survey(self) -> AsyncIterator[list[Known]]:
        """All contacts, status by status: whether a search without a filter lists everybody is not documented."""
        for status in _STATUSES:
            page, pages = 1, 1
            while page <= pages:
                found = await self._page(status, page, limit=_PAGE)
                contacts = found.get("contacts", [])
                if not contacts:
                    break
                seen = time.time()
                yield [self._known(contact, seen) for contact in contacts]
                pages = _pages(found.get("pagination", {}), _PAGE)
                page += 1

    async def _page(self, status: str, page: int, limit: int) -> dict[str, Any]:
        body = {"status": status, "page": page, "limit": limit, "sort_by": "created_at", "sort_order": "asc"}
        answer = await self._wire.ask("POST", "/contacts/search", json_body=body)
        data = answer.body.get("data") if answer.done else None
        if not isinstance(data, dict):
            raise Unreachable(
                f"The contacts cannot be listed: {answer.detail}", "Nothing was sent; start again."
            )
        return data

    async def find(self, key: str) -> Known | None:
        """One contact by its address."""
        answer = await self._wire.call("GET", "/contacts/by-email", params={"email": key})
        return self._found(answer, key)

    def _found(self, answer: Answer, key: str) -> Known | None:
        if answer.done:
            known = self._known(answer.body["data"], time.time())
            # Whether addresses are compared without case is not documented; another person's answer is nobody.
            return known if known.key == key.casefold() else None
        if answer.meaning is Meaning.REFUSED:
            return None
        raise Unreachable(f"A contact could not be looked up: {answer.detail}", "Start again later.")

    def _known(self, contact: Mapping[str, Any], seen: float) -> Known:
        # Newer pages of the API call the values `fields`, older ones `data`.
        fields = contact.get("data") or contact.get("fields") or {}
        status = str(contact.get("status", ""))
        return Known(
            contact_id=str(contact.get("id", "")),
            key=str(fields.get("email_address", "")).casefold(),
            status=status,
            opted_out=status not in _MAY_BE_MAILED,
            fields=fields,
            tags=frozenset(str(tag["name"]) for tag in contact.get("tags") or () if isinstance(tag, dict)),
            seen=seen,
        )

    # what is to be done

    def decide(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Decision:
        """The table above, for one contact. Pure: nothing is asked or sent."""
        moved = remembered is not None and remembered.key not in ("", contact.key)
        opted_out = contact.opted_out or (remembered is not None and remembered.opted_out)
        if remembered is not None and remembered.suppressed:
            return Decision("protected", "suppressed", "the address is on the suppression list")
        if moved and known is not None and now is not None:
            reason = "the person's old and new address are two contacts there"
            return Decision("protected", "identity_conflict", reason)
        there = now if moved and known is None else known
        if there is None:
            return self._decide_absent(contact, remembered, opted_out)
        if self.rules.write == "create_only":
            return Decision("filtered", "exists", "it exists there, and the mapping only creates")
        return self._decide_present(contact, there, remembered, opted_out, moved=moved and known is None)

    def _decide_absent(self, contact: Contact, remembered: Remembered | None, opted_out: bool) -> Decision:
        if self.rules.write == "update_only":
            return Decision("filtered", "not_there", "it is not there, and the mapping only updates")
        delivered = remembered is not None and remembered.texts is not None
        if delivered and self.rules.gone == "protect":
            return Decision("protected", "gone", "it was delivered before and somebody removed it there")
        for known in self._required:
            if known.name != "email_address" and known.name not in contact.texts:
                return Decision("invalid", "required_blank", known.name, creates=True)
        changes = {tag: (None, self._value(tag, text)) for tag, text in contact.texts.items()}
        status = "UNSUBSCRIBED" if opted_out else self.rules.newcomers
        must_say = self.rules.write in ("create_only", "replace") or status != "SUBSCRIBED"
        call = {"create_only": "POST /contacts", "replace": "POST /contacts/upsert (replace)"}.get(
            self.rules.write, "POST /contacts/upsert"
        )
        return Decision(
            creates=True,
            changes=changes,
            tags=contact.tags,
            status=status if must_say else None,
            opts_out=False,
            calls=("GET /contacts/by-email", call) if must_say else (call,),
            automations={"CONTACT_SUBSCRIBED_PENDING": 1} if status == "UNCONFIRMED" else {},
        )

    def _decide_present(
        self, contact: Contact, there: Known, remembered: Remembered | None, opted_out: bool, *, moved: bool
    ) -> Decision:
        changes = self._changes(contact, there, remembered)
        tags = self._missing_tags(contact, there, remembered)
        opts_out = opted_out and there.status in _MAY_BE_MAILED
        status = self._stricter(there.status, "UNSUBSCRIBED") if opts_out else None
        if self.rules.write == "replace":
            wiped = {
                tag: (value, None)
                for tag, value in there.fields.items()
                if tag not in contact.texts and value not in (None, "", [])
            }
            changes = {**changes, **wiped}
        if not changes and not tags and not opts_out:
            return Decision("unchanged", "already_there", "the destination already has exactly this")
        calls: list[str] = []
        if changes or opts_out:
            if moved or self.rules.write == "update_only":
                calls += ["GET /contacts/by-email", "PUT /contacts/{id}"]
            elif self.rules.write == "replace":
                calls += ["GET /contacts/by-email", "POST /contacts/upsert (replace)"]
            else:
                calls += (["GET /contacts/by-email"] if opts_out else []) + ["POST /contacts/upsert"]
        if tags and self.rules.write != "replace":
            calls.append("POST /contacts/{id}/tags/add")
        automations = Counter({"FIELD_UPDATED": len(changes), "TAG_ADDED": len(tags)})
        return Decision(
            changes=changes,
            tags=tags,
            status=status,
            opts_out=opts_out,
            calls=tuple(calls),
            automations={name: count for name, count in automations.items() if count},
        )

    def _changes(
        self, contact: Contact, there: Known, remembered: Remembered | None
    ) -> dict[str, tuple[Any, Any]]:
        """The fields to send: those that changed at the source since we delivered them, unless they are right already."""
        delivered = remembered.texts if remembered is not None and self.rules.write != "replace" else None
        changes = {}
        for tag, text in contact.texts.items():
            value, old = self._value(tag, text), there.fields.get(tag)
            if tag == "email_address":
                if there.key != contact.key:
                    changes[tag] = (old, value)
                continue
            if delivered is not None and delivered.get(tag) == text and tag not in contact.always:
                continue
            if not self._same(tag, value, old):
                changes[tag] = (old, value)
        return changes

    def _missing_tags(self, contact: Contact, there: Known, remembered: Remembered | None) -> tuple[str, ...]:
        """The tags to add: not there, and not taken away there after we had delivered them."""
        there_now = {tag.casefold() for tag in there.tags}
        had = {tag.casefold() for tag in remembered.tags} if remembered is not None else set()
        return tuple(tag for tag in contact.tags if tag.casefold() not in there_now | had)

    def _value(self, tag: str, text: str) -> Any:
        return rendered(text, self.rules.types.get(tag, "text"))

    def _same(self, tag: str, ours: Any, theirs: Any) -> bool:
        """Whether the destination's value means what we would send, however it writes it."""
        if theirs is None or theirs == "":
            return ours in (None, "", [])
        type_ = self.rules.types.get(tag, "text")
        if type_ in ("number", "integer"):
            try:
                return float(theirs) == float(ours)
            except (TypeError, ValueError):
                return False
        if type_ == "boolean":
            return str(theirs).lower() == str(ours).lower()
        if type_ in ("date", "datetime"):
            return _moment(str(theirs)) == _moment(str(ours))
        if type_ == "choices":
            listed = theirs if isinstance(theirs, list) else str(theirs).split(",")
            return sorted(str(part).strip() for part in listed) == sorted(ours)
        return str(theirs) == str(ours)

    @staticmethod
    def _stricter(status: str, wanted: str) -> str:
        """The stricter of two statuses; one we do not know is never lifted."""
        if status not in _STRICTNESS:
            return status
        return wanted if _STRICTNESS[wanted] > _STRICTNESS[status] else status

    # doing it

    async def deliver(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Delivered:
        """Reads again where the table says so or what was read is old, decides, and calls."""
        moved = remembered is not None and remembered.key not in ("", contact.key)
        decision = self.decide(contact, known, remembered, now)
        old = [seen for seen in (known, now) if seen is not None and time.time() - seen.seen > _FRESH_SECONDS]
        if "GET /contacts/by-email" in decision.calls or old or decision.code == "gone":
            try:
                known = await self.find(contact.key)
                now = await self.find(remembered.key) if moved and remembered is not None else None
            except Unreachable as error:
                return Delivered(
                    "failed", "not_delivered", problems=(_trouble(error.what, 1),), troubled=True
                )
            decision = self.decide(contact, known, remembered, now)
        there = now if moved and known is None else known
        if decision.outcome == "invalid":
            label = next((f.label for f in self._required if f.name == decision.reason), decision.reason)
            problem = ("required_blank", decision.reason, "", {"field": label})
            return Delivered("invalid", "required_blank", "", problems=(problem,), decision=decision)
        if decision.outcome:
            return Delivered(
                decision.outcome, decision.code, decision.reason, there.contact_id if there else "",
                decision=decision, opted_out=there.opted_out if there else False,
            )  # fmt: skip
        if decision.creates:
            return await self._create(contact, decision)
        assert there is not None  # noqa: S101 - what is not created is there
        return await self._update(contact, there, decision, moved=moved)

    async def _create(self, contact: Contact, decision: Decision) -> Delivered:
        tags = self._ids(decision.tags)
        fields = {tag: new for tag, (_, new) in decision.changes.items() if tag != "email_address"}
        if self.rules.write == "create_only":
            body: dict[str, Any] = {
                "fields": {"email_address": contact.key, **fields}, "status": decision.status, "tags": tags,
            }  # fmt: skip
            return await self._sent(contact, decision, "POST", "/contacts", body)
        body = {
            "email_address": contact.key,
            "fields": fields,
            "partial_update": self.rules.write != "replace",
        }
        if tags:
            body["tags"] = tags
        if decision.status is not None:
            body["status"] = decision.status
        return await self._sent(contact, decision, "POST", "/contacts/upsert", body)

    async def _update(self, contact: Contact, there: Known, decision: Decision, *, moved: bool) -> Delivered:
        fields = {tag: new for tag, (_, new) in decision.changes.items() if new is not None}
        body: dict[str, Any]
        done: Delivered | None = None
        if decision.changes or decision.opts_out:
            if (moved and there.key != contact.key) or self.rules.write == "update_only":
                current = {tag: value for tag, value in there.fields.items() if value is not None}
                body = {
                    "fields": {**current, "email_address": there.key, **fields},
                    "status": decision.status or there.status,
                }
                done = await self._sent(
                    contact, decision, "PUT", f"/contacts/{there.contact_id}", body, there
                )
            else:
                whole = self.rules.write == "replace"
                if whole:
                    fields = {tag: self._value(tag, text) for tag, text in contact.texts.items()}
                fields.pop("email_address", None)
                body = {
                    "email_address": contact.key,
                    "fields": fields,
                    "partial_update": not whole,
                }
                if whole:
                    body["status"] = decision.status or there.status
                    body["tags"] = self._ids(tuple(dict.fromkeys((*there.tags, *contact.tags))))
                elif decision.status is not None:
                    body["status"] = decision.status
                done = await self._sent(contact, decision, "POST", "/contacts/upsert", body, there)
            if done.outcome != "updated":
                return done
        if decision.tags and self.rules.write != "replace":
            answer = await self._wire.call(
                "POST",
                f"/contacts/{there.contact_id}/tags/add",
                json_body={"tag_ids": self._ids(decision.tags)},
            )
            if not answer.done:
                return self._tags_missing(answer, there, decision)
        return done or Delivered(
            "updated", contact_id=there.contact_id, decision=decision, opted_out=there.opted_out
        )

    def _tags_missing(self, answer: Answer, there: Known, decision: Decision) -> Delivered:
        if answer.meaning is Meaning.REFUSED:
            gone = _NO_SUCH_CONTACT in answer.detail
            problem = ("tags_refused", "tags", ", ".join(decision.tags), {"detail": answer.detail})
            outcome = "protected" if gone and not decision.changes else "refused"
            return Delivered(outcome, "gone" if outcome == "protected" else "tags_refused", "", there.contact_id,
                             () if outcome == "protected" else (problem,), decision=decision)  # fmt: skip
        unsure = answer.meaning is Meaning.UNCLEAR
        problem = _trouble(f"the tags: {answer.detail}", answer.attempts, unsure=unsure)
        return Delivered(
            "unknown" if unsure else "failed",
            problem[0],
            "",
            there.contact_id,
            (problem,),
            decision=decision,
            troubled=True,
        )

    async def _sent(
        self,
        contact: Contact,
        decision: Decision,
        method: str,
        path: str,
        body: dict[str, Any],
        there: Known | None = None,
    ) -> Delivered:
        """One write, its answer compared with what was sent; what is unclear is settled by a look-up."""
        repeatable = "status" not in body and path == "/contacts/upsert"
        answer = await self._wire.call(method, path, json_body=body, repeatable=repeatable)
        for _ in range(self._wire.patience.attempts - 1):
            if answer.meaning is not Meaning.UNCLEAR or repeatable:
                break
            settled = await self._settled(contact, decision)
            if settled is not None:
                return settled
            answer = await self._wire.call(method, path, json_body=body, repeatable=False)
        if answer.done:
            return self._compared(contact, decision, body, answer, there)
        if answer.meaning is Meaning.REFUSED:
            if method == "PUT" and _NO_SUCH_CONTACT in answer.detail:
                return Delivered("protected", "gone", "somebody removed it there", decision=decision)
            problem = ("refused", "", "", {"detail": answer.detail})
            return Delivered("refused", "refused", "", problems=(problem,), decision=decision)
        if answer.meaning is Meaning.UNCLEAR:
            settled = await self._settled(contact, decision)
            if settled is not None:
                return settled
            return await self._unsettled(contact, decision, answer, there)
        problem = _trouble(answer.detail, answer.attempts)
        return Delivered("failed", problem[0], problems=(problem,), decision=decision, troubled=True)

    async def _settled(self, contact: Contact, decision: Decision) -> Delivered | None:
        """A look-up after an unclear answer: the outcome if the contact now holds what was sent."""
        try:
            found = await self.find(contact.key)
        except Unreachable:
            return None
        if found is None or not self._holds(found, decision):
            return None
        return Delivered(
            "created" if decision.creates else "updated", "looked_up", "a look-up shows it", found.contact_id,
            decision=decision, opted_out=found.opted_out,
        )  # fmt: skip

    def _holds(self, found: Known, decision: Decision) -> bool:
        fields = all(
            self._same(tag, new, found.fields.get(tag))
            for tag, (_, new) in decision.changes.items()
            if tag != "email_address"
        )
        status = decision.status is None or found.status == decision.status or not decision.opts_out
        tags = not decision.creates or {t.casefold() for t in decision.tags} <= {
            t.casefold() for t in found.tags
        }
        return fields and status and tags

    async def _unsettled(
        self, contact: Contact, decision: Decision, answer: Answer, there: Known | None
    ) -> Delivered:
        """Unclear to the end: `failed` if a look-up shows that it was not applied, else `unknown`."""
        try:
            found = await self.find(contact.key)
            problem = _trouble(answer.detail, answer.attempts)
            contact_id = found.contact_id if found else ""
            return Delivered(
                "failed", problem[0], "", contact_id, (problem,), decision=decision, troubled=True
            )
        except Unreachable:
            problem = _trouble(answer.detail, answer.attempts, unsure=True)
            contact_id = there.contact_id if there else ""
            return Delivered(
                "unknown", problem[0], "", contact_id, (problem,), decision=decision, troubled=True
            )

    def _compared(
        self, contact: Contact, decision: Decision, body: dict[str, Any], answer: Answer, there: Known | None
    ) -> Delivered:
        data = answer.body.get("data") if isinstance(answer.body, dict) else None
        if not isinstance(data, dict) or not data.get("id"):
            problem = _trouble(f"the answer holds no contact: {answer.detail}", answer.attempts, unsure=True)
            return Delivered("unknown", problem[0], problems=(problem,), decision=decision)
        result = self._known(data, time.time())
        if result.key != contact.key.casefold():
            code = "address_kept" if there is not None and result.key == there.key else "refused"
            detail = (
                result.key
                if code == "address_kept"
                else f"it answered with the contact of {result.key or 'nobody'}"
            )
            problem = (code, "email_address", contact.key, {"detail": detail})
            return Delivered("refused", code, "", result.contact_id, (problem,), decision=decision)
        kept = {
            tag: (sent, result.fields.get(tag))
            for tag, sent in body["fields"].items()
            if tag != "email_address" and not self._same(tag, sent, result.fields.get(tag))
        }
        if body.get("status") and result.status != body["status"]:
            kept["status"] = (body["status"], result.status)
        if body.get("tags"):
            names = {self._tag_ids.get(name.casefold()) for name in result.tags}
            missing = [tag for tag in body["tags"] if tag not in names]
            if missing:
                kept["tags"] = (sorted(decision.tags), sorted(result.tags))
        problems = tuple(
            ("kept_differently", tag, str(sent), {"field": tag, "kept": str(stays)})
            for tag, (sent, stays) in kept.items()
        )
        return Delivered(
            "created" if decision.creates else "updated",
            "",
            "",
            result.contact_id,
            problems,
            kept,
            decision,
            result.opted_out,
        )

    async def opt_out(self, key: str) -> Delivered:
        """A stricter status for a contact that is there and may be mailed; nothing otherwise."""
        try:
            there = await self.find(key)
        except Unreachable as error:
            return Delivered("failed", "not_delivered", problems=(_trouble(error.what, 1),), troubled=True)
        if there is None or there.status not in _MAY_BE_MAILED:
            return Delivered(
                "unchanged", "already_out", "nobody there to opt out", there.contact_id if there else ""
            )
        decision = Decision(opts_out=True, status="UNSUBSCRIBED", calls=("POST /contacts/upsert",))
        body = {"email_address": key, "status": "UNSUBSCRIBED", "fields": {}, "partial_update": True}
        contact = Contact(row=0, line=0, key=key, person="", texts={}, opted_out=True)
        return await self._sent(contact, decision, "POST", "/contacts/upsert", body, there)

    def _ids(self, names: tuple[str, ...]) -> list[int]:
        missing = [name for name in names if name.casefold() not in self._tag_ids]
        if missing:
            raise MappingError(
                f"The tag '{missing[0]}' does not exist there.", "Create it there, then start again."
            )
        return [self._tag_ids[name.casefold()] for name in names]


def _trouble(detail: str, attempts: int, *, unsure: bool = False) -> tuple[str, str, str, dict[str, Any]]:
    code = "no_clear_answer" if unsure else "not_delivered"
    return code, "", "", {"detail": detail, "attempts": attempts}


def _moment(text: str) -> dt.datetime | str:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _pages(pagination: Mapping[str, Any], limit: int) -> int:
    """Pages in all, from either of the two shapes that the API uses."""
    if "total_pages" in pagination:
        return int(pagination["total_pages"])
    return -(-_total(pagination, 0) // int(pagination.get("limit") or limit))


def _total(pagination: Mapping[str, Any], otherwise: int) -> int:
    total = pagination.get("total_count", pagination.get("total"))
    return otherwise if total is None else int(total)
