"""Carrying: an opt-out reaches the destination by itself, for whoever is not written to otherwise."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace

from connectors.base import Delivered, Destination, Known, Remembered
from connectors.consents import will_of
from flows.figures import LEFT_ALONE
from flows.knowledge import Knowledge
from flows.remembering import LANDED
from flows.report.outcomes import NEED_A_PERSON
from flows.tally import Tally, started_by
from mappings.engine.contact import Contact

__all__ = ["Carrying"]

_WORSE = {"unchanged": -1, "refused": 1, "failed": 2, "unsent": 3, "unknown": 4}
"""Of several opt-outs of one row the worst counts: as long as one has to come again, the row does. Others are 0."""


class Carrying:
    """Carries the opt-outs of one run, and keeps what it has counted of a row until the row has its outcome.

    `counted` is what earlier stretches of the run have counted of rows whose turn comes again.
    """

    def __init__(
        self, destination: Destination, knowledge: Knowledge, counted: Mapping[int, Tally] | None = None
    ) -> None:
        self._destination = destination
        self._knowledge = knowledge
        self._counted = dict(counted or {})

    def has_counted(self, row: int) -> bool:
        """Whether somebody was opted out for a row, or an automation started, before the row has its outcome."""
        mine = self._counted.get(row)
        return mine is not None and bool(mine.opted_out or mine.automations)

    def tally_of(self, row: int) -> Tally:
        """What was counted of a row so far. Asked again, it is a new one."""
        return self._counted.pop(row, None) or Tally()

    async def opted_out(
        self,
        contact: Contact,
        known: Known | None,
        remembered: Remembered | None,
        now: Known | None,
        *,
        sure: bool = True,
    ) -> Delivered:
        """Opts somebody out under their address, the one they had before and the row's other id; the worst outcome of these.

        `sure`: `known` and `now` are what the survey said, so that who is not there or is out already costs nothing.
        """
        addresses = {contact.key: known}
        if remembered is not None and remembered.key:
            addresses.setdefault(remembered.key, now)
        worst = Delivered("unchanged", "already_out", "nobody there to opt out")
        carried = [
            functools.partial(self._destination.opt_out, address)
            for address, there in addresses.items()
            if not (sure and self._knowledge.surveyed and (there is None or there.opted_out))
        ]
        if self._destination.other_id_of(contact):
            carried.append(functools.partial(self._destination.opt_out_other, contact))
        mine = self._counted.setdefault(contact.row, Tally())
        for carry in carried:
            done = await carry()
            mine.opted_out += done.outcome == "updated"
            mine.automations.update(started_by(done))
            worst = max(worst, done, key=lambda one: (_WORSE.get(one.outcome, 0), one.opted_out))
        return replace(worst, decision=replace(worst.decision, automations={}))  # those are counted

    async def with_opt_out(
        self, contact: Contact, remembered: Remembered | None, delivered: Delivered
    ) -> Delivered:
        """Carries the opt-out of somebody who is there and is left out: by the write mode, as two contacts, for a tag.

        Also of whose write was refused for something else: an opt-out by itself carries nothing that can be wrong.
        """
        decision = delivered.decision
        out = contact.opted_out or (remembered is not None and remembered.opted_out)
        nothing_sent = delivered.code == "tags_refused" and not decision.calls
        refused = delivered.outcome == "refused" and decision.opts_out
        if not out or not (nothing_sent or refused or delivered.code in LEFT_ALONE):
            return delivered
        carried = await self.opted_out(contact, None, remembered, None, sure=False)
        if carried.outcome == "refused" and refused:
            return delivered
        if carried.outcome in (*NEED_A_PERSON, "unsent"):  # its turn comes again, and with it the row's
            if refused:
                self._counted[contact.row].automations.update(started_by(delivered))
            return replace(carried, problems=(*delivered.problems, *carried.problems))
        if refused and carried.outcome == "unchanged" and carried.opted_out and not delivered.untouched:
            self._counted[contact.row].opted_out += 1  # by the write of which something else was refused
        if refused and not (
            decision.changes or decision.tags or decision.tags_off
        ):  # nothing else was wanted
            counted = replace(carried.decision, opts_out=False, status=None)
            return replace(carried, decision=counted, opted_out=True)
        return replace(delivered, opted_out=True, troubled=carried.troubled)

    def with_reason(
        self, contact: Contact, remembered: Remembered | None, there: Known | None, delivered: Delivered
    ) -> Delivered:
        """Says why somebody stays out of whom the source says that they want mail."""
        if contact.consented_at is None or delivered.decision.opts_in or delivered.outcome not in LANDED:
            return delivered
        why_not = will_of(contact, remembered, there, self._destination.rules).why_not
        if not why_not:
            return delivered
        said = ("consent_not_followed", self._destination.rules.key, contact.key, {"detail": why_not})
        return replace(delivered, problems=(*delivered.problems, said))
