"""Loops' writes: sent one after the other, and settled by a look-up where no clear answer came.

See the table in connectors.destinations.loops, which says what is written. An answer holds only the contact's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.answer import Answer, Meaning
from connectors.automations import both, starts
from connectors.base import Decision, Delivered, Known
from connectors.changes import folded
from connectors.destinations.loops_decisions import Deciding
from connectors.destinations.loops_team import (
    ADDED,
    CREATE,
    DELETE,
    EMAIL,
    FIND,
    UPDATE,
    USER_ID,
    id_of,
    user_id_of,
    written,
)
from connectors.endings import AGAIN_AND_IN, Problem, failed, half_done, not_looked_up, refused
from connectors.errors import CredentialsError, Unreachable
from mappings.engine.contact import Contact

__all__ = ["GONE", "Sending", "Write"]

GONE = "somebody removed it there"
_TAKEN = 409


@dataclass(frozen=True, slots=True)
class Write:
    """One request: its name, its body, and what of the decision it carries. `first`: nothing was sent before it."""

    call: str
    body: Mapping[str, Any]
    changes: Mapping[str, tuple[Any, Any]]
    first: bool = True

    @property
    def repeatable(self) -> bool:
        """Whether the same request may be sent again unseen. A list that was left meanwhile would be joined again,
        and somebody who opted out meanwhile be mailed again.
        """
        rejoins = True in dict(self.body.get("mailingLists", {})).values()
        return self.call == UPDATE and not rejoins and self.body.get("subscribed") is not True

    @property
    def ids(self) -> list[tuple[str, str]]:
        return [(name, str(self.body[name])) for name in (EMAIL, USER_ID) if name in self.body]


class Sending(Deciding):
    """One write at a time, for one contact."""

    async def _sent(self, write: Write, decision: Decision, there: Known | None) -> Delivered:
        """One write; what is unclear is settled by a look-up, before it is tried again where that is not harmless."""
        patience, began = self._wire.patience, self._wire.clock()
        method, path = write.call.split(" ")
        tries, unclear = 0, False
        answer = Answer(Meaning.NOT_SENT)
        while True:
            try:
                answer = await self._wire.call(
                    method, path, json_body=write.body, repeatable=write.repeatable
                )
            except CredentialsError as error:
                if write.first and not unclear and not error.unclear:
                    raise
                answer = Answer(Meaning.NOT_SENT, detail=error.what)
                return failed(answer, decision, there, unsure=unclear or error.unclear)
            tries += answer.attempts
            answer = replace(answer, attempts=tries)
            contact_id = _id(answer)
            if contact_id:
                return await self._landed(write, decision, contact_id, there)
            if answer.done:
                detail = f"the answer holds no contact: {answer.detail}"
                answer = replace(answer, meaning=Meaning.UNCLEAR, detail=detail)
            unclear = unclear or answer.unclear or answer.meaning is Meaning.UNCLEAR
            if not unclear:
                return await self._ended(write, answer, decision, there)
            try:
                found = await self._read_again(write)
            except (Unreachable, CredentialsError):
                return failed(answer, decision, there, unsure=True)
            if found is not None and self._holds(found, write, decision):
                settled = await self._landed(write, decision, found.contact_id, there)
                return replace(
                    settled, code=settled.code or "looked_up", reason=settled.reason or "a look-up shows it"
                )
            untouched = self._untouched(found, write, there)
            spent = self._wire.clock() - began > patience.seconds or self._wire.traffic.last_orders
            over = write.repeatable or tries >= patience.attempts or spent or bool(answer.left_out)
            if answer.meaning is Meaning.REFUSED:
                return await self._ended(write, answer, decision, there)
            if over or not untouched:
                return failed(answer, decision, there, unsure=not untouched)
            self._wire.traffic.retried += 1
            await self._wire.pause(patience.wait(tries))

    async def _ended(
        self, write: Write, answer: Answer, decision: Decision, there: Known | None
    ) -> Delivered:
        """Not applied, and not tried again."""
        if answer.meaning is not Meaning.REFUSED:
            return failed(answer, decision, there)
        if there is None and write.call == CREATE and answer.status == _TAKEN:
            reason = "it came there after the look-up"
            return Delivered("filtered", "exists", reason, decision=decision, untouched=True)
        if there is not None and EMAIL not in write.body:  # only an address creates: who is gone is refused
            try:
                if await self._read_again(write) is None:
                    return Delivered("protected", "gone", GONE, decision=decision, untouched=True)
            except (Unreachable, CredentialsError):
                pass
        return refused(answer.detail, decision, there.contact_id if there is not None else "")

    async def _read_again(self, write: Write) -> Known | None:
        """The contact that a write was about, under whichever of its ids. Raises Unreachable."""
        for name, value in write.ids:
            found = await self.find_by(name, value)
            if found is not None:
                return found
        return None

    def _holds(self, found: Known, write: Write, decision: Decision) -> bool:
        """Whether an unclear write was applied: the contact has all that it carried."""
        if "subscribed" in write.body and write.body["subscribed"] is found.opted_out:
            return False
        if not all(self._same(name, value, found.fields.get(name)) for name, value in write.ids):
            return False
        inside = folded(found.lists or ())
        if "mailingLists" in write.body and not (
            folded(decision.lists) <= inside and inside.isdisjoint(folded(decision.lists_off))
        ):
            return False
        return all(self._same(tag, new, found.fields.get(tag)) for tag, (_, new) in write.changes.items())

    def _untouched(self, found: Known | None, write: Write, there: Known | None) -> bool:
        """Whether a look-up shows that nothing was applied."""
        if there is None or found is None:
            return there is None and found is None
        return (
            found.contact_id == there.contact_id
            and found.status == there.status
            and found.lists == there.lists
            and all(
                self._same(tag, found.fields.get(tag), there.fields.get(tag))
                for tag in {*write.changes, *(name for name, _ in write.ids)}
            )
        )

    async def _landed(
        self, write: Write, decision: Decision, contact_id: str, there: Known | None
    ) -> Delivered:
        """A write that was applied; whether it was the contact that was looked up."""
        outcome = "upserted" if decision.upserts else "created" if decision.creates else "updated"
        out = decision.status == "UNSUBSCRIBED" or (
            there is not None and there.opted_out and not decision.opts_in
        )
        done = Delivered(outcome, "", "", contact_id, decision=decision, opted_out=out)
        if there is None or there.contact_id == contact_id:
            return done
        reason = "it answered with another contact: somebody removed or merged the one that was looked up"
        address = str(write.body.get(EMAIL) or written(there))
        again = both(decision.automations, starts(ADDED, ["created again"]))
        problem: Problem = ("id_changed", EMAIL, address, {"was": there.contact_id, "now": contact_id})
        if out and write.body.get("subscribed") is not False:
            try:
                carried = await self._opted_out(address)
            except CredentialsError as error:
                carried = failed(Answer(Meaning.NOT_SENT, detail=error.what), decision, there)
                carried = replace(carried, decision=Decision())
            again = both(again, carried.decision.automations)
            if carried.outcome not in ("updated", "unchanged"):
                carried = half_done(carried, AGAIN_AND_IN)
                decision = replace(decision, automations=again)
                return replace(carried, contact_id=contact_id, decision=decision, opted_out=True)
        decision = replace(decision, automations=again)
        return replace(
            done, outcome="upserted", code="id_changed", reason=reason, problems=(problem,), decision=decision
        )

    def other_id_of(self, contact: Contact) -> str:
        """The userId of a row whose key is the address, and the other way round."""
        return id_of(contact, self.other_key)

    async def opt_out_other(self, contact: Contact) -> Delivered:
        """Unsubscribes whoever has the row's other id."""
        return await self._opted_out(self.other_id_of(contact), self.other_key)

    async def opt_out(self, key: str) -> Delivered:
        """Unsubscribes a contact that is there and may be mailed; nothing otherwise."""
        return await self._opted_out(key, USER_ID if self.rules.key == USER_ID else EMAIL)

    async def _opted_out(self, value: str, name: str = EMAIL) -> Delivered:
        decision = Decision(
            opts_out=True, status="UNSUBSCRIBED", calls=(FIND, UPDATE), automations=self.opt_out_automations
        )
        try:
            there = await self.find_by(name, value)
        except Unreachable as error:
            return not_looked_up(error, decision)
        if there is None or there.opted_out:
            return Delivered(
                "unchanged", "already_out", "nobody there to opt out", there.contact_id if there else "",
                opted_out=there is not None,
            )  # fmt: skip
        whom = {USER_ID: user_id_of(there)} if user_id_of(there) else {EMAIL: written(there)}
        return await self._sent(Write(UPDATE, {**whom, "subscribed": False}, {}), decision, there)

    async def delete(self, key: str, contact_id: str) -> Delivered:
        """Deletes the contact with this key, if it still has this id. Who is not there any more counts as deleted.

        Never sent twice unseen: somebody who came back with the same address is another contact, with another id.
        """
        name, patience, tries = self._key_name, self._wire.patience, 0
        decision = Decision(calls=(FIND, DELETE))
        answer = Answer(Meaning.NOT_SENT)
        while True:
            try:
                there = await self.find_by(name, key)
            except Unreachable as error:
                return (
                    not_looked_up(error, decision)
                    if not tries
                    else failed(answer, decision, None, unsure=True)
                )
            except CredentialsError:
                if not tries:
                    raise
                return failed(answer, decision, None, unsure=True)
            if there is None or (tries and there.contact_id != contact_id):
                gone = ("updated", "deleted") if tries else ("unchanged", "already_gone")
                return Delivered(*gone, "it is not there any more", contact_id, decision=decision)
            if there.contact_id != contact_id:
                reason = f"the contact there has another id ({there.contact_id}) than the one to be deleted"
                return Delivered(
                    "protected", "identity_conflict", reason, there.contact_id, decision=decision
                )
            whom = written(there) if name == EMAIL else user_id_of(there)
            if tries >= patience.attempts or answer.left_out or answer.meaning is Meaning.REFUSED:
                return (
                    refused(answer.detail, decision, contact_id)
                    if answer.meaning is Meaning.REFUSED
                    else failed(answer, decision, there)
                )
            try:
                answer = await self._wire.call(
                    "POST", "/contacts/delete", json_body={name: whom}, repeatable=False
                )
            except CredentialsError as error:
                if not tries:
                    raise
                return failed(replace(answer, detail=error.what), decision, None, unsure=True)
            tries += answer.attempts
            if answer.done and isinstance(answer.body, dict) and answer.body.get("success") is True:
                return Delivered("updated", "deleted", "", contact_id, decision=decision)


def _id(answer: Answer) -> str:
    """The id of the contact that was written; '' where the answer does not say that it was."""
    body = answer.body
    if not answer.done or not isinstance(body, dict) or body.get("success") is not True:
        return ""
    return str(body.get("id") or "")
