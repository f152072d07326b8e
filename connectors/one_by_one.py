"""What a destination need not say itself whose contacts are looked up one by one and that has neither tags nor lists.

A destination of its own begins here (CONTRIBUTING, "A destination of your own"): it says how its API is called, and
who is left alone, what is sent, and how an unclear answer is settled is the same as everywhere.

| write         | there?                         | what is done |
|---|---|---|
| merge         | no, never delivered            | created with all fields |
| merge         | no, delivered before           | none: gone (with `gone: recreate` as if new) |
| merge         | yes                            | updated with the changed fields |
| create_only   | yes                            | none: exists |
| update_only   | no                             | none: not there |
| any           | under the person's old address | none: identity conflict, since no address can be changed |

Nobody is subscribed again but as `connectors.consents` says. Only the API's own word means that nobody is there. A write
without a clear answer is repeated where that is harmless, and then looked up: it has landed, or it has not, or nobody knows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from connectors.answer import Answer, Meaning
from connectors.base import Decision, Delivered, Destination, Known, Remembered, Rules
from connectors.breaker import Breaker
from connectors.changes import field_changes
from connectors.consents import will_of
from connectors.endings import LEFT_OUT, Problem, failed, not_looked_up, refused
from connectors.errors import CredentialsError, LookUpRefused, Unreachable
from connectors.http import Turns, Wire
from connectors.patience import Patience
from connectors.traffic import Traffic
from connectors.values import same
from mappings.engine.contact import Contact, rendered
from mappings.engine.schema import Schema

__all__ = ["OneByOne"]


class OneByOne(ABC):
    """An account. The class says its own `default_base_url`, `per_second`, `mails_people`, `keys` and the names of its calls."""

    default_base_url: str
    per_second: float
    mails_people: bool
    keys: tuple[str, ...]
    find_calls: tuple[str, ...]
    create_calls: tuple[str, ...]
    update_calls: tuple[str, ...]
    window: ClassVar[float | None] = None
    """As `Wire` means it: the seconds that the API's headers on its rate speak of."""
    health: ClassVar[str] = ""
    """As `Wire` means it: the path of a cheap GET; without one, a call that waits is tried when the API seems to be down."""
    surveys = False
    finds = True
    deletes = False
    tells_changes = False
    create_tag_calls: tuple[str, ...] = ()
    opt_out_automations: Mapping[tuple[str, str], int] = {}
    creation_starts = ""
    answers: Mapping[str, str] = {}
    fresh_seconds = 300.0
    field_types: Mapping[str, str] = {}

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        turns: Turns,
        rules: Rules | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.rules = rules or Rules(key=self.keys[0])
        self._wire = Wire(base_url, key, turns, patience=patience, window=self.window, health=self.health)
        self.traffic: Traffic = self._wire.traffic
        self.breaker: Breaker = self._wire.breaker
        self.opt_out_calls: tuple[str, ...] = (*self.find_calls, *self.update_calls)

    # what a destination says itself

    @staticmethod
    @abstractmethod
    def documented_schema() -> Schema:
        """The fields that every account has. `refuses` holds at least `tags` and `lists`."""

    @abstractmethod
    async def read_schema(self) -> Schema:
        """The account's fields. Raises CredentialsError, Unreachable."""

    @abstractmethod
    async def ask(self, key: str) -> Answer:
        """The answer to a look-up of one contact."""

    @abstractmethod
    def known_of(self, answer: Answer) -> Known | None:
        """The contact in a good answer, its key in lower case; None where it holds none."""

    @abstractmethod
    def nobody(self, answer: Answer) -> bool:
        """Whether an answer says, in the API's own word, that nobody is there."""

    @abstractmethod
    async def send(self, key: str, decision: Decision, there: Known | None) -> Answer:
        """The write of a decision: its `changes` (None empties a field), and its `status` where it has one."""

    # what is the same for all of them

    @staticmethod
    def name_problem(merge_tag: str) -> str:  # noqa: ARG004 - whichever it is
        return ""

    async def __aenter__(self) -> Self:
        await self._wire.__aenter__()
        return self

    async def __aexit__(self, *args: object) -> None:
        await self._wire.__aexit__(None, None, None)

    async def count(self) -> tuple[int, int]:
        """Raises Unreachable: contacts are not listed."""
        raise Unreachable("This destination does not list its contacts.", "They are looked up one by one.")

    async def survey(self) -> AsyncIterator[list[Known]]:
        """Raises Unreachable: contacts are not listed."""
        await self.count()
        yield []

    async def survey_opted_out(self) -> AsyncIterator[list[Known]]:
        """Raises Unreachable: contacts are not listed."""
        await self.count()
        yield []

    async def find(self, key: str) -> Known | None:
        """One contact by its key. Raises Unreachable, LookUpRefused."""
        answer = await self.ask(key)
        if self.nobody(answer):
            return None
        if answer.meaning not in (Meaning.DONE, Meaning.REFUSED):
            raise Unreachable(f"A contact could not be looked up: {answer.detail}", "Start again later.")
        known = self.known_of(answer) if answer.done else None
        if known is None or known.key != key.lower():
            said = "the answer holds another contact, or none" if answer.done else answer.detail
            raise LookUpRefused(
                f"A contact could not be looked up: {said}", "Look for it in the destination's own app."
            )
        return known

    async def look_up(
        self,
        contact: Contact,
        remembered: Remembered | None,
        *,
        always: bool = False,  # noqa: ARG002 - it always is
    ) -> tuple[Known | None, Known | None]:
        """The contact under its key, and under the one that the person had before."""
        known = await self.find(contact.key)
        return known, await self.find(remembered.key) if remembered and _moved(contact, remembered) else None

    def look_up_calls(self, contact: Contact, remembered: Remembered | None) -> tuple[str, ...]:
        return self.find_calls * (1 + _moved(contact, remembered))

    def missing_tags(self, names: Sequence[str]) -> list[str]:  # noqa: ARG002 - there are no tags
        return []

    async def create_tags(self, names: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(names, "there are no tags")

    def decide(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Decision:
        """The table above, for one contact. Pure: nothing is asked or sent."""
        memory = remembered or Remembered("")
        if memory.suppressed:
            return Decision("protected", "suppressed", "the address is on the suppression list")
        if memory.conflict:
            return Decision("protected", "identity_conflict", memory.conflict)
        if now is not None and _moved(contact, remembered):
            two = known is not None and known.contact_id != now.contact_id
            reason = (
                "the person's old and new address are two contacts" if two else "no address can be changed"
            )
            return Decision("protected", "identity_conflict", f"{reason} there")
        if known is None:
            return self._decide_absent(contact, memory)
        if self.rules.write == "create_only":
            return Decision("filtered", "exists", "it exists there, and the mapping only creates")
        if memory.contact_id not in ("", known.contact_id):  # what was delivered was another contact's
            memory = replace(memory, texts=None)
        fields = field_changes(contact.texts, known.fields, memory.texts, self.rules, key=self.rules.key)
        will = will_of(contact, memory, known, self.rules)
        opts_out = will.out and not known.opted_out
        if not fields.changes and not opts_out and not will.again:
            reason = "the destination already has exactly this"
            return Decision("unchanged", "already_there", reason, stays=fields.stays)
        return Decision(
            changes=fields.changes,
            stays=fields.stays,
            status="UNSUBSCRIBED" if opts_out else "SUBSCRIBED" if will.again else None,
            opts_out=opts_out,
            opts_in=will.again,
            calls=self.update_calls,
        )

    def _decide_absent(self, contact: Contact, memory: Remembered) -> Decision:
        if self.rules.write == "update_only":
            return Decision("filtered", "not_there", "it is not there, and the mapping only updates")
        if memory.texts is not None and self.rules.gone == "protect":
            return Decision("protected", "gone", "it was delivered before and somebody removed it there")
        texts = {tag: text for tag, text in contact.texts.items() if tag != self.rules.key}
        changes = {
            tag: (None, rendered(text, self.rules.types.get(tag, "text"))) for tag, text in texts.items()
        }
        out = will_of(contact, memory, None, self.rules).out
        if out and self.rules.unknown_opted_out == "leave_out":
            return LEFT_OUT
        status = "UNSUBSCRIBED" if out or self.rules.newcomers == "UNSUBSCRIBED" else None
        return Decision(creates=True, changes=changes, status=status, calls=self.create_calls)

    async def deliver(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Delivered:
        """Decides and sends; who was looked up is no older than a moment."""
        decision = self.decide(contact, known, remembered, now)
        if decision.outcome:
            contact_id, out = (known.contact_id, known.opted_out) if known is not None else ("", False)
            return Delivered(
                decision.outcome, decision.code, decision.reason, contact_id, decision=decision, opted_out=out
            )
        return await self._sent(contact.key, decision, known)

    def empties(self, tag: str) -> bool:  # noqa: ARG002 - whichever it is
        """As the schema says."""
        return "blank_clear" not in self.documented_schema().refuses

    def restoration(self, there: Known, asked: Decision) -> Decision:  # noqa: ARG002 - as they all are
        """See connectors.base.Restores. No address can be changed."""
        changes, left = dict(asked.changes), dict(asked.left_over)
        if self.rules.key in changes:
            left[self.rules.key] = changes.pop(self.rules.key)[0]
        status = "SUBSCRIBED" if asked.opts_in else "UNSUBSCRIBED" if asked.opts_out else None
        calls = self.update_calls if changes or status is not None else ()
        return replace(asked, changes=changes, left_over=left, status=status, calls=calls)

    async def read_again(self, there: Known) -> Known | None:
        """See connectors.base.Restores."""
        found = await self.find(there.key)
        return found if found is not None and found.contact_id == there.contact_id else None

    async def restore(self, key: str, there: Known, decision: Decision) -> Delivered:
        """See connectors.base.Restores."""
        return await self._sent(key, decision, there)

    def other_id_of(self, contact: Contact) -> str:  # noqa: ARG002 - whoever it is
        """None: contacts are known by their key alone."""
        return ""

    async def opt_out_other(self, contact: Contact) -> Delivered:
        return await self.opt_out(contact.key)

    async def opt_out(self, key: str) -> Delivered:
        """Unsubscribes a contact that is there and may be mailed; nothing otherwise."""
        decision = Decision(opts_out=True, status="UNSUBSCRIBED", calls=self.opt_out_calls)
        try:
            there = await self.find(key)
        except Unreachable as error:
            return not_looked_up(error, decision)
        if there is None or there.opted_out:
            contact_id = there.contact_id if there is not None else ""
            reason = "nobody there to opt out"
            return Delivered("unchanged", "already_out", reason, contact_id, opted_out=there is not None)
        return await self._sent(key, decision, there)

    async def _sent(self, key: str, decision: Decision, there: Known | None) -> Delivered:
        try:
            answer = await self.send(key, decision, there)
        except CredentialsError as error:
            if not error.unclear:
                raise
            return failed(Answer(Meaning.UNCLEAR, detail=error.what), decision, there, unsure=True)
        result = self.known_of(answer) if answer.done else None
        if result is not None and result.key == key.lower():
            return self._landed(decision, result)
        no = answer.meaning is Meaning.REFUSED
        if no and not answer.unclear:
            if there is not None and self.nobody(answer):
                return Delivered("protected", "gone", "somebody removed it there", decision=decision)
            return refused(answer.detail, decision, there.contact_id if there is not None else "")
        if not (answer.done or answer.unclear or answer.meaning is Meaning.UNCLEAR):
            return failed(answer, decision, there)
        try:
            found = await self.find(key)
        except (Unreachable, CredentialsError):
            return failed(answer, decision, there, unsure=True)
        if found is not None and self._holds(found, decision):
            landed = self._landed(decision, found)
            return replace(
                landed, code=landed.code or "looked_up", reason=landed.reason or "a look-up shows it"
            )
        before = (there.fields, there.opted_out) if there is not None else None
        after = (found.fields, found.opted_out) if found is not None else None
        if no and before == after:
            return refused(answer.detail, decision, there.contact_id if there is not None else "")
        return failed(answer, decision, there, unsure=before != after)

    def _holds(self, found: Known, decision: Decision) -> bool:
        if decision.status is not None and found.opted_out != (decision.status == "UNSUBSCRIBED"):
            return False
        return not self._kept(decision, found)

    def _kept(self, decision: Decision, result: Known) -> dict[str, tuple[Any, Any]]:
        """What the destination kept differently: merge tag → (sent, kept)."""
        types = self.rules.types
        return {
            tag: (new, result.fields.get(tag))
            for tag, (_, new) in decision.changes.items()
            if not same(new, result.fields.get(tag), types.get(tag, "text"))
        }

    def _landed(self, decision: Decision, result: Known) -> Delivered:
        if decision.status == "UNSUBSCRIBED" and not result.opted_out:
            return refused(f"it kept the status {result.status}", decision, result.contact_id)
        kept = self._kept(decision, result)
        problems: tuple[Problem, ...] = tuple(
            ("kept_differently", tag, str(sent), {"field": tag, "kept": str(stays)})
            for tag, (sent, stays) in kept.items()
        )
        outcome = "created" if decision.creates else "updated"
        return Delivered(outcome, "", "", result.contact_id, problems, kept, decision, result.opted_out)


def _moved(contact: Contact, remembered: Remembered | None) -> bool:
    """Whether the person had another address when they were delivered last."""
    return remembered is not None and remembered.key not in ("", contact.key)


if TYPE_CHECKING:

    def _as_destination(one: OneByOne) -> Destination:
        """When the protocol grows, the type checker tells it here."""
        return one
