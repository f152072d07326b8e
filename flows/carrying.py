"""Carrying: an opt-out reaches the destination by itself, for whoever is not written to otherwise."""

from __future__ import annotations

import functools
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


class Carrying:
    """Carries the opt-outs of one run, and keeps what it has counted of a row until the row has its outcome."""

    def __init__(self, destination: Destination, knowledge: Knowledge) -> None:
        self._destination = destination
        self._knowledge = knowledge
        self._counted: dict[int, Tally] = {}

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
            if done.outcome in NEED_A_PERSON or worst.outcome == "unchanged":
                worst = done
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
        if carried.outcome in NEED_A_PERSON:
            return delivered if refused else carried
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
