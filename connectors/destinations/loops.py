"""Loops: contacts by address or by userId.

Which calls are made (specification: the vendor's page on updating a contact, then its documentation). There is no
request that lists contacts, so each is looked up by itself, and only where the table needs it; `upserted` is who was not.

| there?                                            | key: email                                                  | key: userId |
|---|---|---|
| not asked (merge, never delivered, nothing below) | update by address: all fields                               | always asked |
| no                                                | update by address, with the userId of the row               | update by address, with the userId; no address: invalid |
| no, delivered before                              | none: gone (with `gone: recreate` as above)                 | the same |
| no, and newcomers are UNSUBSCRIBED; create_only   | create, which refuses who came meanwhile                    | the same |
| no, update_only                                   | none: not there                                             | the same |
| no, opted out, `unknown_opted_out: leave_out`     | none: left out                                              | the same |
| yes                                               | update with what changed                                    | the same |
| yes, create_only                                  | none: exists                                                | the same |
| under the row's userId, with another address      | update by userId, with the new address                      | this is the key: update by userId, with the new address |
| under the person's old address, with a userId     | update by that userId, with the new address                 | - |
| under the person's old address, without           | update by the old address, with the row's userId; then by userId, with the new address | - |
| under the row's address, without a userId         | update by address, with the userId                          | the same |
| under the row's address, with another userId      | none: identity conflict (`write: always` of userId overwrites) | none: identity conflict |
| under two of these, and they are two contacts     | none: identity conflict                                     | the same |

A contact is looked up first where it was delivered before, has both ids, opted out, is to join or leave a list, where
`write` is not merge, where newcomers are not SUBSCRIBED, where a field of it has `if_empty`, `clear_ours` or is part of a
block, and where the mapping says `lookup`. Both ids are asked for, unless they were delivered together before.

Who has a userId there is called by it alone: then a contact that somebody removed meanwhile is refused (400) and not
created again. Where a call by address created somebody again all the same, its answer has another id: that is said, and
an opt-out that was known is carried at once.

`subscribed` is sent as true only to who is subscribed again (`connectors.consents` says when), and never to who is on Loops' own
suppression list, which is asked first. It is sent as false to who opted out and may be mailed, and to newcomers who opted out
or are to come in unsubscribed. Lists are joined only by people who are subscribed, and nobody is put back on a list that we
delivered and they left. Only what changes of lists is sent. `null` empties a property; an id is never emptied.

Here is what is written. How it is sent and settled is in loops_sending, what is to be done is decided in
loops_decisions, and read in loops_team.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.base import Decision, Delivered, Known, Remembered
from connectors.destinations.loops_sending import Sending, Write
from connectors.destinations.loops_team import (
    CREATE,
    EMAIL,
    FIND,
    UPDATE,
    USER_ID,
    id_of,
    user_id_of,
    written,
)
from connectors.endings import Problem, half_done, not_looked_up
from connectors.errors import Unreachable
from mappings.engine.contact import Contact

__all__ = ["Connector"]

_HALF = "its userId is set, its new address is not"


class Connector(Sending):
    """An account of Loops, which is a team: what is decided is done.

    >>> Connector.per_second, Connector.keys, Connector.surveys
    (10.0, ('email', 'userId'), False)
    """

    async def deliver(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Delivered:
        """Reads again who seems to be gone, and what was not asked yet; decides, and calls."""
        decision = self.decide(contact, known, remembered, now)
        try:
            if decision.code == "gone":
                known = await self.find(contact.key)
                if remembered is not None and remembered.key not in ("", contact.key):
                    now = await self.find(remembered.key)
                decision = self.decide(contact, known, remembered, now)
            if FIND in decision.calls:
                now = await self.find_other(contact)
                decision = self._decide(contact, known, remembered, now)
            there = known or now
            if decision.opts_in and there is not None and await self.bounced_or_complained(there):
                known, now = replace(there, final=True, status="suppressed"), None
                decision = self._decide(contact, known, remembered, now)
        except Unreachable as error:
            return not_looked_up(error, decision)
        there = known or now
        delivered = await self._done(contact, decision, there)
        came = delivered.code == "exists" and decision.creates and self.rules.write != "create_only"
        if not came:
            return delivered
        try:  # somebody came between the look-up and create: now they are there
            known, now = await self.look_up(contact, remembered)
        except Unreachable as error:
            return not_looked_up(error, decision)
        return await self._done(contact, self.decide(contact, known, remembered, now), known or now)

    async def read_again(self, there: Known) -> Known | None:
        """See connectors.base.Restores."""
        name = USER_ID if user_id_of(there) else EMAIL
        found = await self.find_by(name, user_id_of(there) or written(there))
        return found if found is not None and found.contact_id == there.contact_id else None

    async def restore(self, key: str, there: Known, decision: Decision) -> Delivered:
        """See connectors.base.Restores. Whom Loops itself mails no more is not subscribed again."""
        if decision.status == "SUBSCRIBED":
            try:
                stays_out = await self.bounced_or_complained(there)
            except Unreachable as error:
                return not_looked_up(error, decision)
            if stays_out:
                reason = "Loops itself mails this contact no more, so that it is not subscribed again"
                rest = self.restoration(there, replace(decision, opts_in=False, opts_out=False, lists=()))
                decision = replace(rest, reason=reason)
                if not rest.calls:
                    return Delivered("protected", "suppressed", reason, there.contact_id, decision=decision)
        return await self._done(Contact(row=0, line=0, key=key, person="", texts={}), decision, there)

    async def _done(self, contact: Contact, decision: Decision, there: Known | None) -> Delivered:
        if decision.outcome == "invalid":
            problem = ("required_blank", decision.reason, "", {"field": "Email"})
            return Delivered("invalid", "required_blank", "", problems=(problem,), decision=decision)
        if decision.outcome:
            return Delivered(
                decision.outcome, decision.code, decision.reason, there.contact_id if there else "",
                decision=decision, opted_out=there.opted_out if there else False,
            )  # fmt: skip
        delivered = Delivered("failed")
        again: Delivered | None = None
        """The first of two writes, where it created somebody again who was removed there."""
        for write in self._writes(contact, decision, there):
            delivered = await self._sent(write, decision, there)
            if not write.first:
                delivered = half_done(delivered, _HALF)
            if again is not None:
                delivered = _after(again, delivered)
            if delivered.outcome not in ("created", "updated", "upserted"):
                break
            if delivered.code == "id_changed":
                again, decision = delivered, delivered.decision
            if there is not None:
                fields = {**there.fields, **dict(write.ids)}
                there = replace(there, contact_id=delivered.contact_id, fields=fields)
        return delivered

    def _writes(self, contact: Contact, decision: Decision, there: Known | None) -> list[Write]:
        """The requests of a decision, in order."""
        rest = {tag: pair for tag, pair in decision.changes.items() if tag not in (EMAIL, USER_ID)}
        body = self._carried(decision, rest)
        if there is None:
            ids = {EMAIL: id_of(contact, EMAIL) or contact.key}
            if id_of(contact, USER_ID):
                ids[USER_ID] = id_of(contact, USER_ID)
            return [Write(CREATE if CREATE in decision.calls else UPDATE, {**ids, **body}, rest)]
        address, user_id = (decision.changes.get(name, (None, None))[1] for name in (EMAIL, USER_ID))
        if address is None:
            ids = {USER_ID: user_id} if user_id else {}
            if user_id or not user_id_of(there):
                ids = {EMAIL: written(there), **ids}
            return [Write(UPDATE, {**(ids or {USER_ID: user_id_of(there)}), **body}, rest)]
        moved = Write(
            UPDATE, {USER_ID: user_id or user_id_of(there), EMAIL: address, **body}, rest, first=not user_id
        )
        if not user_id:
            return [moved]
        return [Write(UPDATE, {EMAIL: written(there), USER_ID: user_id}, {}), moved]

    def _carried(self, decision: Decision, changes: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
        """What a request carries besides the ids."""
        body: dict[str, Any] = {tag: new for tag, (_, new) in changes.items()}
        if decision.status == "UNSUBSCRIBED":
            body["subscribed"] = False
        elif decision.status == "SUBSCRIBED":
            body["subscribed"] = True
        wanted = dict.fromkeys(decision.lists, True) | dict.fromkeys(decision.lists_off, False)
        lists = {self._list_ids.get(name, name): member for name, member in wanted.items()}
        return body | ({"mailingLists": lists} if lists else {})


def _after(again: Delivered, second: Delivered) -> Delivered:
    """What became of a contact that the first of two writes created again: the second one's outcome, saying that."""
    said: tuple[Problem, ...] = (*again.problems, *second.problems)
    if second.outcome not in ("created", "updated", "upserted"):
        return replace(second, problems=(*second.problems, *again.problems))
    return replace(second, outcome="upserted", code=again.code, reason=again.reason, problems=said)
