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
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from connectors.base import Decision, Delivered, Known, Remembered
from connectors.destinations.campaignlark_decisions import (
    FIND,
    ODD_STATUS,
    PUT,
    STRICTNESS,
    TAGS_ADD,
    Deciding,
)
from connectors.destinations.campaignlark_workspace import MAY_BE_MAILED, data_of, written
from connectors.errors import CredentialsError, LookUpRefused, MappingError, Unreachable
from connectors.http import Answer, Meaning
from mappings.engine.contact import Contact

__all__ = ["Connector"]

_SENT_AS = {"BOUNCED": "CLEANED"}
"""Newer pages of the API show a word that no endpoint takes."""
_UPSERT = "/contacts/upsert"
_FRESH_SECONDS = 300.0
_RIGHT_BEFORE_SECONDS = 5.0
"""So old may a look-up be when the status that it found is sent back."""
_NO_SUCH_CONTACT = "We couldn't find a contact with that"

_Write = tuple[str, str, dict[str, Any]]
"""Method, path and body."""
_Problem = tuple[str, str, str, Mapping[str, Any]]


class Connector(Deciding):
    """An account of CampaignLark, which is a workspace: what is decided is done.

    >>> Connector.per_second, Connector.default_base_url
    (100.0, 'https://api.campaignlark.com/v1')
    """

    async def deliver(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Delivered:
        """Reads again where the table says so or what was read is old, decides, and calls."""
        moved = remembered is not None and remembered.key not in ("", contact.key)
        decision = self.decide(contact, known, remembered, now)
        old = [seen for seen in (known, now) if seen is not None and time.time() - seen.seen > _FRESH_SECONDS]
        if FIND in decision.calls or old or decision.code == "gone":
            try:
                known = await self.find(written(known) or contact.key)
                if moved and remembered is not None:
                    now = await self.find(written(now) or remembered.key)
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
        tag_ids = self._ids(decision.tags)
        if writes[0] != TAGS_ADD:
            by_id = writes[0] == PUT
            done = await self._sent(
                contact, decision, lambda known: self._change(contact, known or there, decision, by_id=by_id), there
            )  # fmt: skip
            if done.outcome not in ("updated", "created"):
                return done
        if writes[-1] != TAGS_ADD:
            return done
        path, body = f"/contacts/{done.contact_id}/tags/add", {"tag_ids": tag_ids}
        try:
            answer = await self._wire.call("POST", path, json_body=body)
        except CredentialsError as error:
            if writes[0] == TAGS_ADD and not error.unclear:
                raise
            answer = Answer(Meaning.NOT_SENT, detail=error.what)
        return done if answer.done else await self._tags_missing(answer, contact, there, done)

    def _change(self, contact: Contact, there: Known, decision: Decision, *, by_id: bool) -> _Write:
        """The write for a contact that is there, as it is now: read again, it is written again."""
        fields = {tag: new for tag, (_, new) in decision.changes.items() if new is not None}
        status = self._stricter(there.status, "UNSUBSCRIBED") if decision.opts_out else there.status
        status = _SENT_AS.get(status, status)
        if by_id:
            current = {tag: value for tag, value in there.fields.items() if value is not None}
            whole = {"email_address": written(there), **current, **fields}
            return "PUT", f"/contacts/{there.contact_id}", {"fields": whole, "status": status}
        body: dict[str, Any] = {"email_address": written(there)}
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

    async def _sent(  # noqa: C901 - one loop over one table of cases
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
        answer = Answer(Meaning.NOT_SENT)
        try:
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
                spent = spent or self._wire.traffic.last_orders
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
        except CredentialsError as error:
            if not (unclear or error.unclear):
                raise
            answer = replace(answer, detail=error.what)
            return _failed(answer, decision, there, unsure=True)

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
        if found.status not in STRICTNESS:
            reason = ODD_STATUS.format(status=found.status)
            return Delivered("protected", "status_unknown", reason, found.contact_id, decision=decision)
        return None

    async def _read_again(self, contact: Contact, there: Known | None) -> Known | None:
        """The contact as it is now, also where its address was to be changed. Raises Unreachable."""
        moving = there is not None and there.key != contact.key.lower()
        found = await self.find(contact.key if moving else written(there) or contact.key)
        if moving and found is None:
            found = await self.find(written(there))
        return found

    def _holds(
        self, found: Known, contact: Contact, decision: Decision, there: Known | None, *, sure: bool
    ) -> bool:
        """Whether an unclear write was applied. `sure`: who was not there was just looked up, so that write created them."""
        if found.key != contact.key.lower():
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
        data = data_of(answer)
        if not isinstance(data, dict) or not data.get("id"):
            return f"the answer holds no contact: {answer.detail}"
        result = self._known(data, time.time())
        if result.key == contact.key.lower() or (there is not None and result.key == there.key):
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
        if result.key != contact.key.lower():
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
        if there is None or there.status not in MAY_BE_MAILED:
            return Delivered(
                "unchanged", "already_out", "nobody there to opt out", there.contact_id if there else "",
                opted_out=there is not None,
            )  # fmt: skip
        contact = Contact(row=0, line=0, key=key, person="", texts={}, opted_out=True)

        def write(known: Known | None) -> _Write:
            status = self._stricter(known.status, "UNSUBSCRIBED") if known else "UNSUBSCRIBED"
            status = _SENT_AS.get(status, status)
            body = {"email_address": written(known) or key, "status": status, "fields": {}}
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
    if isinstance(error, LookUpRefused):
        problem: _Problem = ("refused", "", "", {"detail": error.what})
        return Delivered("refused", "refused", problems=(problem,), decision=decision)
    return _failed(Answer(Meaning.UNCLEAR, detail=error.what), decision, None)
