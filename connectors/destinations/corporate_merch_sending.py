"""Corporate Merch's writes, and what their answers mean.

See the table in connectors.destinations.corporate_merch, which says what is written.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from connectors.answer import Answer, Meaning
from connectors.base import Decision, Delivered, Known
from connectors.destinations.corporate_merch_decisions import Deciding, Problem
from connectors.destinations.corporate_merch_fields import TYPES, empties
from connectors.destinations.corporate_merch_pages import data_of
from connectors.endings import failed
from connectors.errors import CredentialsError, Unreachable
from connectors.values import is_blank, same
from mappings.engine.contact import Contact

__all__ = ["GONE", "Sending", "looked_up", "not_read"]

GONE = "somebody removed it there"
_NAMES = {"tags": "labels", "lists": "lists"}
"""What muster calls them, and the API."""

Body = dict[str, Any]


class Sending(Deciding):
    """One write for one contact. An update without a clear answer is settled by reading its page again."""

    async def _create(self, contact: Contact, decision: Decision) -> Delivered:
        """A creation is never repeated when its answer is unclear: it would be there twice."""
        body = self._body(contact, None, decision)
        before = self._ids_with(contact.key.lower())  # once it is sent, others may read who came by it
        try:
            answer = await self._wire.call("POST", "/contacts", json_body=body, repeatable=False)
        except CredentialsError as error:
            if not error.unclear:
                raise
            answer = Answer(Meaning.UNCLEAR, detail=error.what)
        answer, result = self._result(answer, contact, None)
        if result is not None:
            return self._landed(contact, decision, result, None, body)
        if answer.meaning is Meaning.REFUSED:
            return self._refused(answer, contact, decision)
        if answer.meaning is not Meaning.UNCLEAR:
            return failed(answer, decision, None)
        self._before[contact.key.lower()] = before
        return replace(failed(answer, decision, None, unsure=True), settled_later=True)

    async def _update(self, contact: Contact, there: Known, decision: Decision) -> Delivered:
        """The whole contact under its id. Sent twice it is the same, so that what is unclear is tried again."""
        body = self._body(contact, there, decision)
        try:
            answer = await self._wire.call(
                self.inferred.update, f"/contacts/{there.contact_id}", json_body=body
            )
        except CredentialsError as error:
            if not error.unclear:
                raise
            answer = Answer(Meaning.UNCLEAR, detail=error.what)
        answer, result = self._result(answer, contact, there)
        if result is not None:
            return self._landed(contact, decision, result, there, body)
        missing = answer.meaning is Meaning.REFUSED and answer.status == 404
        if answer.meaning is Meaning.REFUSED and not missing:
            return self._refused(answer, contact, decision)
        if not missing and answer.meaning is not Meaning.UNCLEAR:
            return failed(answer, decision, there)
        try:
            found = await self._read_again(there.contact_id, time.time())
        except (Unreachable, CredentialsError):
            if missing:
                return self._refused(answer, contact, decision)
            return failed(answer, decision, there, unsure=True)
        if found is None:
            return Delivered("protected", "gone", GONE, decision=decision)
        if missing:  # it is there, so that what is missing is the path
            return self._refused(answer, contact, decision)
        if self._holds(found, decision):
            return looked_up(self._landed(contact, decision, found, there, body))
        return failed(answer, decision, there, unsure=not _untouched(found, there, decision))

    def _body(self, contact: Contact, there: Known | None, decision: Decision) -> Body:
        """As it is sent: all fields under the API's names, labels and lists with those that the contact has."""
        creating = there is None
        body: Body = {
            self.inferred.name(tag, creating=creating): value
            for tag, value in self._whole(contact, there, decision).items()
        }
        if there is not None and empties(self.answers) == "null":
            blank = (tag for tag, (_, new) in decision.changes.items() if new is None)
            body |= {self.inferred.name(tag, creating=False): None for tag in blank}
        for kind, name in _NAMES.items():
            off = getattr(decision, f"{kind}_off")
            wanted = _after(getattr(there, kind) if there is not None else (), getattr(decision, kind), off)
            if (wanted or off) and (there is None or there.lists is not None):
                body[name] = sorted(map(int, wanted))
        return body

    def _result(self, answer: Answer, contact: Contact, there: Known | None) -> tuple[Answer, Known | None]:
        """The contact in the answer; without one, what the answer means then: that nobody knows."""
        if not answer.done:
            return answer, None
        shown = data_of(answer)
        if not isinstance(shown, dict) or not shown.get("id"):
            said = f"the answer holds no contact: {answer.detail}"
            return replace(answer, meaning=Meaning.UNCLEAR, detail=said), None
        result = self._known(shown, time.time())
        asked = contact.key.lower() if there is None else there.contact_id
        if asked != (result.key if there is None else result.contact_id):
            said = "it answered with another contact"
            return replace(answer, meaning=Meaning.UNCLEAR, detail=said), None
        return answer, result

    def _holds(self, found: Known, decision: Decision) -> bool:
        """Whether a contact is as an unclear write would have left it."""
        names = all(
            getattr(found, kind) is None
            or (
                set(getattr(decision, kind)) <= set(getattr(found, kind))
                and set(getattr(decision, f"{kind}_off")).isdisjoint(getattr(found, kind))
            )
            for kind in _NAMES
            if found.lists is not None
        )
        return names and all(
            new is None or _same(tag, new, found.fields.get(tag))
            for tag, (_, new) in decision.changes.items()
        )

    def _landed(
        self, contact: Contact, decision: Decision, result: Known, there: Known | None, body: Body
    ) -> Delivered:
        """A write that was applied, compared with what was sent."""
        self._wrote(result)
        if result.key != contact.key.lower():
            problem: Problem = ("address_kept", "email", contact.key, {"detail": result.key})
            return Delivered("refused", "address_kept", "", result.contact_id, (problem,), decision=decision)
        kept = self._kept(decision, result, there, body)
        problems: list[Problem] = [
            ("kept_differently", tag, str(sent), {"field": tag, "kept": str(stays)})
            for tag, (sent, stays) in kept.items()
        ]
        dropped = {tag: result.fields.get(tag) for tag, (_, new) in decision.changes.items() if new is None}
        left = {**decision.left_over, **{tag: value for tag, value in dropped.items() if not is_blank(value)}}
        problems += [
            ("block_left_over", tag, "", {"field": tag, "kept": str(value)}) for tag, value in left.items()
        ]
        problems += self._unsure_of(contact, there, decision)
        outcome = "created" if decision.creates else "updated"
        return Delivered(outcome, "", "", result.contact_id, tuple(problems), kept, decision)

    def _unsure_of(self, contact: Contact, there: Known | None, decision: Decision) -> list[Problem]:
        """What a person should look at, although it landed."""
        found = list(decision.problems)
        for kind, name in _NAMES.items():
            wanted = getattr(contact, kind)
            if there is not None and there.lists is None and wanted:
                found.append(("names_unseen", kind, ", ".join(wanted), {"field": name}))
        return found

    def _kept(
        self, decision: Decision, result: Known, there: Known | None, body: Body
    ) -> dict[str, tuple[Any, Any]]:
        """What the destination kept differently, also of what was its own: merge tag → (sent, kept)."""
        sent = {self.inferred.tag(name): value for name, value in body.items() if name not in _NAMES.values()}
        kept = {
            tag: (value, result.fields.get(tag))
            for tag, value in sent.items()
            if value is not None
            and tag in result.fields
            and tag != "email"
            and not _same(tag, value, result.fields[tag])
        }
        for kind in _NAMES if result.lists is not None else ():
            if there is not None and there.lists is None:
                continue
            wanted = _after(
                getattr(there, kind) if there else (),
                getattr(decision, kind),
                getattr(decision, f"{kind}_off"),
            )
            if wanted != set(getattr(result, kind)):
                kept[kind] = (sorted(wanted), sorted(getattr(result, kind)))
        return kept

    def _refused(self, answer: Answer, contact: Contact, decision: Decision) -> Delivered:
        """No for good: the words of each field where the answer has them."""
        problems = tuple(self._words(answer, contact)) or (("refused", "", "", {"detail": answer.detail}),)
        return Delivered("refused", "refused", problems=problems, decision=decision)

    def _words(self, answer: Answer, contact: Contact) -> Iterable[Problem]:
        errors = answer.body.get("errors") if isinstance(answer.body, dict) else None
        if not isinstance(errors, dict):
            return
        kinds = {name: kind for kind, name in _NAMES.items()}
        for name, said in errors.items():
            first = str(name).split(".")[0]
            tag = kinds.get(first) or self.inferred.tag(first)
            words = [str(one) for one in said] if isinstance(said, list) else [str(said)]
            value = contact.texts.get(tag) or ", ".join(getattr(contact, tag) if tag in _NAMES else ())
            yield "refused", tag, value, {"detail": self._wire.redacted(" ".join(words))[:500]}


def _after(there: Iterable[str] | None, add: Iterable[str], off: Iterable[str]) -> set[str]:
    """The union of theirs and ours, without those to go."""
    return ({*(there or ()), *add}) - set(off)


def _same(tag: str, ours: Any, theirs: Any) -> bool:
    if tag == "email":
        return str(ours).lower() == str(theirs).lower()
    return same(ours, theirs, TYPES.get(tag, "text"))


def _untouched(found: Known, there: Known, decision: Decision) -> bool:
    """Whether a contact is as it was before an unclear write."""
    return (found.tags, found.lists) == (there.tags, there.lists) and all(
        _same(tag, found.fields.get(tag), there.fields.get(tag)) for tag in decision.changes
    )


def looked_up(landed: Delivered) -> Delivered:
    """A write of which no answer said that it landed."""
    return replace(landed, code=landed.code or "looked_up", reason=landed.reason or "the list shows it")


def not_read(error: Unreachable, decision: Decision) -> Delivered:
    """Nothing was sent, because the contact could not be read again before."""
    return failed(Answer(Meaning.NOT_SENT, detail=error.what), decision, None)
