"""CampaignLark: contacts by e-mail address.

Which call is made (specification: the API's own pages on creating, updating and upserting a contact):

| write         | there?                     | calls |
|---|---|---|
| merge         | no, never delivered        | upsert, partial: all fields, tags inside, a status only as below |
| merge         | no, delivered before       | read again; none: gone (with `gone: recreate` as if new) |
| merge         | yes                        | upsert, partial: the changed fields, no tags; then tags/add |
| merge         | yes, under an old address  | read again; PUT by id: all its fields with the changes, its status, no tags; tags/add |
| merge         | under old and new address  | none: identity conflict; so where the old address is another's by now |
| create_only   | no                         | read again; create with the newcomers' status, tags inside |
| create_only   | yes                        | none: exists |
| update_only   | yes                        | read again; PUT by id as above, which cannot re-create; tags/add |
| update_only   | no                         | none: not there |
| replace       | no                         | read again; upsert, full, with the newcomers' status and all tags |
| replace       | yes                        | read again; upsert, full, with its own or a stricter status and its tags with ours |

A status is sent only where it must be (PUT, create, full replace), where a person opts out, or where newcomers are
not SUBSCRIBED; then the contact is read again right before, also before each further attempt, and its turn comes
before others'. An existing contact only ever gets a stricter one; one whose status is none that we know is left
alone where a status would have to be sent. Whether a partial upsert with tags replaces or adds them is not
documented, so it never carries tags for a contact that exists. Nor is it documented whether addresses are
compared without case, so a contact that is there is always called by its address as it is written there. Only the
documented 404 means that nobody is there. Where an upsert created somebody again who was removed there
after the look-up, an opt-out that was known of them is carried at once. A 400 whose text says that an import is
going on is tried again.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import replace
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
_SENT_AS = {"BOUNCED": "CLEANED"}
"""Newer pages of the API show a word that no endpoint takes."""
_UPSERT = "/contacts/upsert"
_PAGE = 250
_FRESH_SECONDS = 300.0
_RIGHT_BEFORE_SECONDS = 5.0
"""So old may a look-up be when the status that it found is sent back."""
_NO_SUCH_CONTACT = "We couldn't find a contact with that"

_ODD_STATUS = "its status there, '{status}', is none that may be sent back"
_FIND = "GET /contacts/by-email"
_PUT = "PUT /contacts/{id}"
_TAGS_ADD = "POST /contacts/{id}/tags/add"

_Write = tuple[str, str, dict[str, Any]]
"""Method, path and body."""
_Problem = tuple[str, str, str, Mapping[str, Any]]


class _Refused(Unreachable):
    """The destination answered a look-up, but the answer says neither who is there nor that nobody is."""


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
        listed = _data(answer)
        if not isinstance(listed, list):
            raise Unreachable(
                f"{self._wire.base_url}/fields did not list the fields: {answer.detail}",
                "Check CAMPAIGNLARK_BASE_URL; it ends in /v1.",
            )
        fields = tuple(self._field(entry) for entry in listed)
        tags: dict[str, int | str] = {}
        page, pages = 1, 1
        while page <= pages:
            params = {"page": str(page), "limit": "100"}
            answer = await self._wire.ask("GET", "/tags", params=params)
            found = _data(answer)
            if not isinstance(found, dict):
                raise Unreachable(
                    f"{self._wire.base_url}/tags did not list the tags: {answer.detail}",
                    "Check CAMPAIGNLARK_BASE_URL; it ends in /v1.",
                )
            listed = found.get("tags") or []
            tags |= {tag["name"]: int(tag["id"]) for tag in listed}
            pages = _pages(found.get("pagination"), 100, page + 1) if listed else page
            page += 1
        schema = Schema(fields=fields, tags=tags, live=True, refuses=frozenset({"blank_clear"}))
        self.use(schema)
        return schema

    def use(self, schema: Schema) -> None:
        """Takes the fields and tags as known."""
        self._tag_ids = {name.casefold(): int(tag_id) for name, tag_id in schema.tags.items()}
        self._tag_ids |= {name: int(tag_id) for name, tag_id in schema.tags.items()}
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
            inside = _total(found.get("pagination"), len(found.get("contacts") or ()))
            total += inside
            pages += -(-inside // _PAGE)
        return total, pages

    async def survey(self) -> AsyncIterator[list[Known]]:
        """All contacts, status by status: whether a search without a filter lists everybody is not documented."""
        for status in _STATUSES:
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
        body = {"status": status, "page": page, "limit": limit, "sort_by": "created_at", "sort_order": "asc"}
        answer = await self._wire.ask("POST", "/contacts/search", json_body=body)
        data = _data(answer)
        if not isinstance(data, dict):
            raise Unreachable(
                f"The contacts cannot be listed: {answer.detail}", "Nothing was sent; start again."
            )
        return data

    async def find(self, key: str) -> Known | None:
        """One contact by its address; None only where the destination says that there is none."""
        answer = await self._wire.call("GET", "/contacts/by-email", params={"email": key})
        data = _data(answer)
        if isinstance(data, dict):
            known = self._known(data, time.time())
            if known.key == key.casefold():
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
        raise _Refused(
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
            key=str(fields.get("email_address", "")).casefold(),
            status=status,
            opted_out=status not in _MAY_BE_MAILED,
            fields=fields,
            tags=frozenset(str(tag["name"]) for tag in tags),
            seen=seen,
        )

    # what is to be done

    def decide(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Decision:
        """The table above, for one contact. Pure: nothing is asked or sent."""
        moved = remembered is not None and remembered.key not in ("", contact.key)
        decision = self._decide(contact, known, remembered, now, moved=moved)
        if moved and decision.calls[:1] == (_FIND,):  # under both addresses
            decision = replace(decision, calls=(_FIND, *decision.calls))
        return decision

    def _decide(
        self,
        contact: Contact,
        known: Known | None,
        remembered: Remembered | None,
        now: Known | None,
        *,
        moved: bool,
    ) -> Decision:
        opted_out = contact.opted_out or (remembered is not None and remembered.opted_out)
        if remembered is not None and remembered.suppressed:
            return Decision("protected", "suppressed", "the address is on the suppression list")
        if moved and known is not None and now is not None and known.contact_id != now.contact_id:
            reason = "the person's old and new address are two contacts there"
            return Decision("protected", "identity_conflict", reason)
        there = now if moved and known is None else known
        if there is None:
            return self._decide_absent(contact, remembered, opted_out)
        if self.rules.write == "create_only":
            return Decision("filtered", "exists", "it exists there, and the mapping only creates")
        if remembered is not None and remembered.contact_id not in ("", there.contact_id):
            if there is now and known is None:
                reason = "the person's old address belongs to another contact there by now"
                return Decision("protected", "identity_conflict", reason)
            remembered = replace(remembered, texts=None, tags=frozenset())  # delivered to another contact
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
            calls=(_FIND, call) if must_say else (call,),
            automations={"CONTACT_SUBSCRIBED_PENDING": 1} if status == "UNCONFIRMED" else {},
        )

    def _decide_present(
        self, contact: Contact, there: Known, remembered: Remembered | None, opted_out: bool, *, moved: bool
    ) -> Decision:
        changes = self._changes(contact, there, remembered)
        tags = self._missing_tags(contact, there, remembered)
        opts_out = opted_out and there.status in _MAY_BE_MAILED
        status = self._stricter(there.status, "UNSUBSCRIBED") if opts_out else None
        whole = self.rules.write == "replace"
        if whole:
            wiped = {
                tag: (value, None)
                for tag, value in there.fields.items()
                if tag not in contact.texts and tag != "email_address" and value not in (None, "", [])
            }
            changes = {**changes, **wiped}
        if not changes and not tags and not opts_out:
            return Decision("unchanged", "already_there", "the destination already has exactly this")
        calls: list[str] = []
        by_id = moved or self.rules.write == "update_only"
        if changes or opts_out or (whole and tags and not by_id):
            if (by_id or whole) and there.status not in _STRICTNESS:
                return Decision("protected", "status_unknown", _ODD_STATUS.format(status=there.status))
            if by_id:
                calls += [_FIND, _PUT]
            elif whole:
                calls += [_FIND, "POST /contacts/upsert (replace)"]
            else:
                calls += ([_FIND] if opts_out else []) + ["POST /contacts/upsert"]
        if tags and (by_id or not whole):
            calls.append(_TAGS_ADD)
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
        changes: dict[str, tuple[Any, Any]] = {}
        if there.key != contact.key.casefold():
            changes["email_address"] = (_written(there), contact.key)
        for tag, text in contact.texts.items():
            if tag == "email_address":
                continue
            value, old = self._value(tag, text), there.fields.get(tag)
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
        if theirs in (None, "", []) or ours in (None, "", []):
            return theirs in (None, "", []) and ours in (None, "", [])
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
        if _FIND in decision.calls or old or decision.code == "gone":
            try:
                known = await self.find(_written(known) or contact.key)
                if moved and remembered is not None:
                    now = await self.find(_written(now) or remembered.key)
            except Unreachable as error:
                return _not_looked_up(error, decision)
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
        if decision.creates or there is None:
            return await self._sent(contact, decision, lambda _: self._creation(contact, decision), None)
        return await self._update(contact, there, decision)

    def _creation(self, contact: Contact, decision: Decision) -> _Write:
        tags = self._ids(decision.tags)
        fields = {tag: new for tag, (_, new) in decision.changes.items() if tag != "email_address"}
        if self.rules.write == "create_only":
            fields = {"email_address": contact.key, **fields}
            return "POST", "/contacts", {"fields": fields, "status": decision.status, "tags": tags}
        body: dict[str, Any] = {
            "email_address": contact.key,
            "fields": fields,
            "partial_update": self.rules.write != "replace",
        }
        if tags:
            body["tags"] = tags
        if decision.status is not None:
            body["status"] = decision.status
        return "POST", _UPSERT, body

    async def _update(self, contact: Contact, there: Known, decision: Decision) -> Delivered:
        contact_id = there.contact_id
        done = Delivered("updated", "", "", contact_id, decision=decision, opted_out=there.opted_out)
        writes = [call for call in decision.calls if not call.startswith("GET ")]
        if writes[0] != _TAGS_ADD:
            by_id = writes[0] == _PUT
            done = await self._sent(
                contact, decision, lambda known: self._change(contact, known or there, decision, by_id=by_id), there
            )  # fmt: skip
            if done.outcome not in ("updated", "created"):
                return done
        if writes[-1] != _TAGS_ADD:
            return done
        path, body = f"/contacts/{done.contact_id}/tags/add", {"tag_ids": self._ids(decision.tags)}
        answer = await self._wire.call("POST", path, json_body=body)
        return done if answer.done else await self._tags_missing(answer, contact, there, done)

    def _change(self, contact: Contact, there: Known, decision: Decision, *, by_id: bool) -> _Write:
        """The write for a contact that is there, as it is now: read again, it is written again."""
        fields = {tag: new for tag, (_, new) in decision.changes.items() if new is not None}
        status = self._stricter(there.status, "UNSUBSCRIBED") if decision.opts_out else there.status
        status = _SENT_AS.get(status, status)
        if by_id:
            current = {tag: value for tag, value in there.fields.items() if value is not None}
            whole = {"email_address": _written(there), **current, **fields}
            return "PUT", f"/contacts/{there.contact_id}", {"fields": whole, "status": status}
        body: dict[str, Any] = {"email_address": _written(there)}
        if self.rules.write == "replace":
            body["fields"] = {
                tag: self._value(tag, text) for tag, text in contact.texts.items() if tag != "email_address"
            }
            body |= {"partial_update": False, "status": status}
            body["tags"] = self._ids(tuple(dict.fromkeys((*sorted(there.tags), *decision.tags))))
        else:
            body |= {"fields": fields, "partial_update": True}
            if decision.opts_out:
                body["status"] = status
        return "POST", _UPSERT, body

    async def _tags_missing(
        self, answer: Answer, contact: Contact, there: Known, done: Delivered
    ) -> Delivered:
        """The fields are there, the tags may not be."""
        decision = done.decision
        if answer.meaning is Meaning.REFUSED:
            if _NO_SUCH_CONTACT in answer.detail and not decision.changes:
                return Delivered("protected", "gone", "somebody removed it there", decision=decision)
            problem: _Problem = ("tags_refused", "tags", ", ".join(decision.tags), {"detail": answer.detail})
            return replace(done, outcome="refused", code="tags_refused", problems=(*done.problems, problem))
        unsure = answer.meaning is Meaning.UNCLEAR
        if unsure:
            try:
                found = await self._read_again(contact, there)
            except Unreachable:
                pass
            else:
                if found is not None and _folded(decision.tags) <= _folded(found.tags):
                    return done
                unsure = False
        problem = _trouble(f"the tags: {answer.detail}", answer.attempts, unsure=unsure)
        return replace(
            done, outcome="unknown" if unsure else "failed", code=problem[0],
            problems=(*done.problems, problem), troubled=True,
        )  # fmt: skip

    async def _sent(
        self,
        contact: Contact,
        decision: Decision,
        write: Callable[[Known | None], _Write],
        there: Known | None,
    ) -> Delivered:
        """One write, its answer compared with what was sent; what is unclear is settled by a look-up.

        A partial upsert without a status may be repeated as it is. Before everything else is tried again, the
        contact is looked up: it may have been applied, and the status to be sent may be another one by now.
        """
        patience, began = self._wire.patience, time.monotonic()
        tries, late, unclear = 0, 0, False
        while True:
            method, path, body = write(there)
            harmless = path == _UPSERT and "status" not in body
            if harmless:
                answer = await self._wire.call(method, path, json_body=body)
            else:
                within = _RIGHT_BEFORE_SECONDS if late < 3 else math.inf
                answer = await self._wire.once(method, path, json_body=body, within=within)
            if answer.done:
                result = self._result(contact, answer, there)
                if isinstance(result, Known):
                    return await self._landed(contact, decision, result, there, body)
                answer = replace(answer, meaning=Meaning.UNCLEAR, detail=result)
            pacing = answer.meaning in (Meaning.SLOW_DOWN, Meaning.TOO_LATE)
            late += answer.meaning is Meaning.TOO_LATE
            tries += answer.attempts if harmless or not pacing else 0
            unclear = unclear or answer.meaning is Meaning.UNCLEAR
            answer = replace(answer, attempts=tries)
            spent = time.monotonic() - began > patience.seconds * (10 if pacing else 1)
            over = harmless or spent or tries >= patience.attempts or answer.meaning is Meaning.REFUSED
            if over and not unclear:
                return self._ended(answer, decision, there, gone=method == "PUT")
            if not over and not pacing:
                self._wire.traffic.retried += 1
                await asyncio.sleep(patience.wait(tries))
            try:
                found = await self._read_again(contact, there)
            except Unreachable:
                return _failed(answer, decision, there, unsure=unclear)
            if (
                unclear
                and found is not None
                and self._holds(found, contact, decision, there, sure=not harmless)
            ):
                landed = await self._landed(contact, decision, found, there, body)
                return replace(
                    landed, code=landed.code or "looked_up", reason=landed.reason or "a look-up shows it"
                )
            if over and self._untouched(found, decision, there):
                return self._ended(answer, decision, there, gone=method == "PUT")
            if over:
                return _failed(answer, decision, there, unsure=True)
            overtaken = self._overtaken(found, there, answer, decision)
            if overtaken is not None:
                return overtaken
            there = found

    def _ended(self, answer: Answer, decision: Decision, there: Known | None, *, gone: bool) -> Delivered:
        """Not applied, and not tried again."""
        if answer.meaning is not Meaning.REFUSED:
            return _failed(answer, decision, there)
        if gone and _NO_SUCH_CONTACT in answer.detail:
            return Delivered("protected", "gone", "somebody removed it there", decision=decision)
        problem: _Problem = ("refused", "", "", {"detail": answer.detail})
        return Delivered("refused", "refused", problems=(problem,), decision=decision)

    def _overtaken(
        self, found: Known | None, there: Known | None, answer: Answer, decision: Decision
    ) -> Delivered | None:
        """What ends a contact's turn when it is another one there than before; None where it may be tried again."""
        if there is not None and found is None:
            return Delivered("protected", "gone", "somebody removed it there", decision=decision)
        if found is None:
            return None
        if there is None:
            answer = replace(answer, detail="somebody else came under this address there")
            return replace(_failed(answer, decision, found), troubled=False)
        if found.contact_id != there.contact_id:
            reason = "another contact came under this address there"
            return Delivered("protected", "identity_conflict", reason, decision=decision)
        if found.status not in _STRICTNESS:
            reason = _ODD_STATUS.format(status=found.status)
            return Delivered("protected", "status_unknown", reason, found.contact_id, decision=decision)
        return None

    async def _read_again(self, contact: Contact, there: Known | None) -> Known | None:
        """The contact as it is now, also where its address was to be changed. Raises Unreachable."""
        moving = there is not None and there.key != contact.key.casefold()
        found = await self.find(contact.key if moving else _written(there) or contact.key)
        if moving and found is None:
            found = await self.find(_written(there))
        return found

    def _holds(
        self, found: Known, contact: Contact, decision: Decision, there: Known | None, *, sure: bool
    ) -> bool:
        """Whether an unclear write was applied. `sure`: who was not there was just looked up, so that write created them."""
        if found.key != contact.key.casefold():
            return False
        if (decision.opts_out or decision.status == "UNSUBSCRIBED") and not found.opted_out:
            return False
        if there is None and (sure or not _folded(decision.tags) <= _folded(found.tags)):
            return sure
        return all(
            self._same(tag, new, found.fields.get(tag))
            for tag, (_, new) in decision.changes.items()
            if tag != "email_address"
        )

    def _untouched(self, found: Known | None, decision: Decision, there: Known | None) -> bool:
        """Whether a look-up shows that nothing was applied."""
        if there is None or found is None:
            return there is None and found is None
        return (
            found.key == there.key
            and found.status == there.status
            and all(
                tag == "email_address" or self._same(tag, found.fields.get(tag), there.fields.get(tag))
                for tag in decision.changes
            )
        )

    def _result(self, contact: Contact, answer: Answer, there: Known | None) -> Known | str:
        """The contact in the answer to a write; a sentence where it holds none, or somebody else."""
        data = _data(answer)
        if not isinstance(data, dict) or not data.get("id"):
            return f"the answer holds no contact: {answer.detail}"
        result = self._known(data, time.time())
        if result.key == contact.key.casefold() or (there is not None and result.key == there.key):
            return result
        return f"it answered with the contact of {result.key or 'nobody'}"

    async def _landed(
        self,
        contact: Contact,
        decision: Decision,
        result: Known,
        there: Known | None,
        body: Mapping[str, Any],
    ) -> Delivered:
        """A write that was applied, compared with what was sent."""
        problem: _Problem
        if result.key != contact.key.casefold():
            problem = ("address_kept", "email_address", contact.key, {"detail": result.key})
            return Delivered("refused", "address_kept", "", result.contact_id, (problem,), decision=decision)
        if (decision.opts_out or decision.status == "UNSUBSCRIBED") and not result.opted_out:
            problem = ("refused", "", "", {"detail": f"it kept the status {result.status}"})
            return Delivered("refused", "refused", "", result.contact_id, (problem,), decision=decision)
        again = there is not None and result.contact_id != there.contact_id
        opted_out = result.opted_out
        if again and there is not None and there.opted_out and not opted_out:
            carried = await self.opt_out(contact.key)
            if carried.outcome not in ("updated", "unchanged"):
                return replace(carried, decision=decision)
            opted_out = True
        kept = self._kept(decision, result, body)
        problems = tuple(
            ("kept_differently", tag, str(sent), {"field": tag, "kept": str(stays)})
            for tag, (sent, stays) in kept.items()
        )
        return Delivered(
            "created" if decision.creates or again else "updated",
            "recreated" if again else "",
            "somebody removed it there after the look-up, and this write created it again" if again else "",
            result.contact_id,
            problems,
            kept,
            decision,
            opted_out,
        )

    def _kept(self, decision: Decision, result: Known, body: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """What the destination kept differently: merge tag → (sent, kept)."""
        kept = {
            tag: (sent, result.fields.get(tag))
            for tag, sent in body["fields"].items()
            if tag != "email_address" and not self._same(tag, sent, result.fields.get(tag))
        }
        if body.get("status") and _SENT_AS.get(result.status, result.status) != body["status"]:
            kept["status"] = (body["status"], result.status)
        if set(body.get("tags", ())) - set(self._ids(tuple(result.tags))):
            kept["tags"] = (sorted(decision.tags), sorted(result.tags))
        return kept

    async def opt_out(self, key: str) -> Delivered:
        """A stricter status for a contact that is there and may be mailed; nothing otherwise."""
        decision = Decision(opts_out=True, status="UNSUBSCRIBED", calls=("POST /contacts/upsert",))
        try:
            there = await self.find(key)
        except Unreachable as error:
            return _not_looked_up(error, decision)
        if there is None or there.status not in _MAY_BE_MAILED:
            return Delivered(
                "unchanged", "already_out", "nobody there to opt out", there.contact_id if there else "",
                opted_out=there is not None,
            )  # fmt: skip
        contact = Contact(row=0, line=0, key=key, person="", texts={}, opted_out=True)

        def write(known: Known | None) -> _Write:
            status = self._stricter(known.status, "UNSUBSCRIBED") if known else "UNSUBSCRIBED"
            status = _SENT_AS.get(status, status)
            body = {"email_address": _written(known) or key, "status": status, "fields": {}}
            return "POST", _UPSERT, {**body, "partial_update": True}

        return await self._sent(contact, decision, write, there)

    def _ids(self, names: tuple[str, ...]) -> list[int]:
        ids = [self._tag_ids.get(name, self._tag_ids.get(name.casefold())) for name in names]
        if None in ids:
            raise MappingError(
                f"The tag '{names[ids.index(None)]}' does not exist there.",
                "Create it there, then start again.",
            )
        return [tag_id for tag_id in ids if tag_id is not None]


def _data(answer: Answer) -> Any:
    """What a good answer holds; None where it is no good answer."""
    return answer.body.get("data") if answer.done and isinstance(answer.body, dict) else None


def _written(known: Known | None) -> str:
    """The address of a contact as it is written there; '' where there is none."""
    return str(known.fields.get("email_address") or known.key) if known is not None else ""


def _folded(names: Iterable[str]) -> set[str]:
    return {name.casefold() for name in names}


def _trouble(detail: str, attempts: int, *, unsure: bool = False) -> _Problem:
    code = "no_clear_answer" if unsure else "not_delivered"
    return code, "", "", {"detail": detail, "attempts": attempts}


def _failed(answer: Answer, decision: Decision, there: Known | None, *, unsure: bool = False) -> Delivered:
    problem = _trouble(answer.detail, answer.attempts, unsure=unsure)
    return Delivered(
        "unknown" if unsure else "failed", problem[0], "", there.contact_id if there is not None else "", (problem,),
        decision=decision, troubled=True,
    )  # fmt: skip


def _not_looked_up(error: Unreachable, decision: Decision) -> Delivered:
    if isinstance(error, _Refused):
        problem: _Problem = ("refused", "", "", {"detail": error.what})
        return Delivered("refused", "refused", problems=(problem,), decision=decision)
    return _failed(Answer(Meaning.UNCLEAR, detail=error.what), decision, None)


def _moment(text: str) -> dt.datetime | str:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _pages(pagination: Any, limit: int, otherwise: int) -> int:
    """Pages in all, from either of the two shapes that the API uses; `otherwise` where it is neither."""
    pagination = pagination if isinstance(pagination, dict) else {}
    if "total_pages" in pagination:
        return int(pagination["total_pages"])
    if "total" not in pagination and "total_count" not in pagination:
        return otherwise
    return -(-_total(pagination, 0) // int(pagination.get("limit") or limit))


def _total(pagination: Any, otherwise: int) -> int:
    pagination = pagination if isinstance(pagination, dict) else {}
    total = pagination.get("total_count", pagination.get("total"))
    return otherwise if total is None else int(total)
