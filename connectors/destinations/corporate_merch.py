"""Corporate Merch: contacts by e-mail address, labels (muster's tags) and lists by their numbers.

Which call is made (specification: the API's own page on updating a contact; where it is silent, as said below):

| write         | there?                     | calls |
|---|---|---|
| merge         | no, never delivered        | POST: all fields, labels and lists inside |
| merge         | no, delivered before       | none: gone (with `gone: recreate` as if new) |
| merge         | yes                        | PUT by id: the whole contact as it is there, with the changes; labels and lists of both |
| merge         | yes, under an old address  | the same, with the new address |
| merge         | under old and new address  | none: identity conflict; so where the old address is another's by now |
| all but create_only | twice, with one address | none: identity conflict |
| create_only   | no                         | POST as above |
| create_only   | yes                        | none: exists |
| update_only   | yes                        | PUT as above |
| update_only   | no                         | none: not there |
| replace       | no                         | POST as above |
| replace       | yes                        | PUT by id: the row's fields only; labels and lists as `tags:` and `lists:` say |

An update requires eight fields again, so it is taken for one of the whole contact: nothing of theirs is left out. What
is sent is what the list showed last; when that is older than an hour, the contact's page is read once more. There is
no look-up and no search: pages are read before a run, at 50 contacts a request, all of them or, where the ledger has a list of
who stands where, those of the run's contacts.

The address is one block. When a line changes, all that the row has are sent; a line of the street that the row does not have is
left out, which should empty it, and where the answer shows that it did not, that is said. Where the account was asked
(`answers`, see connectors.probing) and empties what is null or left out, other fields are emptied, too; a required one never. What was found out about
the old address (validated, forced, verified) is set to false, unless the mapping says it.

What would be refused is found before: required fields (a new contact's, and those of one that is there), an address without a
street, states of the US and Canada that have no code. Everything that is wrong with a contact is told at once.

A creation without a clear answer is never tried again within the run: all of them are settled together when everything
else was sent, by reading the list once. Nobody is mailed there, so that there is nobody to opt out.

Here is what is written. How it is sent is in corporate_merch_sending, how creations without a clear answer are settled in
corporate_merch_settling, what is to be done is decided in
corporate_merch_decisions, read in corporate_merch_account and _pages, who stands where in _list; the fields are in corporate_merch_fields, the codes of
states in corporate_merch_places, and what no page says in corporate_merch_inferred, in one place.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from connectors.base import Decision, Delivered, Known, Remembered
from connectors.destinations.corporate_merch_sending import GONE, not_read
from connectors.destinations.corporate_merch_settling import Settling
from connectors.errors import Unreachable
from mappings.engine.contact import Contact

__all__ = ["Connector"]


class Connector(Settling):
    """An account of Corporate Merch: what is decided is done.

    >>> round(Connector.per_second * 60), Connector.default_base_url
    (40, 'https://api.corporatemerch.com/v2')
    """

    async def deliver(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Delivered:
        """Reads again what is old, decides, and calls."""
        moved = remembered is not None and remembered.key not in ("", contact.key)
        there = now if moved and known is None else known
        decision = self.decide(contact, known, remembered, now)
        if not decision.outcome:
            try:
                again = await self._as_it_is(contact, there)
            except Unreachable as error:
                return not_read(error, decision)
            if again is None and there is not None:
                return Delivered("protected", "gone", GONE, decision=decision)
            if again is not None and there is not None and again.key != there.key:
                reason = "somebody changed its address there"
                return Delivered(
                    "protected", "identity_conflict", reason, again.contact_id, decision=decision
                )
            if again is not there:
                known, now = (known, again) if there is not None and there is now else (again, now)
                there = again
                decision = self.decide(contact, known, remembered, now)
        if decision.outcome == "invalid":
            return Delivered("invalid", decision.code, "", problems=decision.problems, decision=decision)
        if decision.outcome:
            contact_id = there.contact_id if there else ""
            return Delivered(decision.outcome, decision.code, decision.reason, contact_id, decision=decision)
        if decision.creates or there is None:
            return await self._create(contact, decision)
        return await self._update(contact, there, decision)

    async def read_again(self, there: Known) -> Known | None:
        """See connectors.base.Restores. Its page is read."""
        return await self._read_again(there.contact_id, time.time())

    async def restore(self, key: str, there: Known, decision: Decision) -> Delivered:
        """See connectors.base.Restores. The whole contact is sent, as for an update."""
        return await self._update(Contact(row=0, line=0, key=key, person="", texts={}), there, decision)

    async def _as_it_is(self, contact: Contact, there: Known | None) -> Known | None:
        """The contact, read again where what is known of it is old. Raises Unreachable."""
        if there is None:
            return await self._newly_there(contact.key.lower())
        fresh_since = time.time() - self.fresh_seconds
        return there if there.seen >= fresh_since else await self._read_again(there.contact_id, fresh_since)

    def missing_tags(self, names: Sequence[str]) -> list[str]:  # noqa: ARG002 - whichever they are
        """None: which labels exist cannot be asked."""
        return []

    async def create_tags(self, names: Sequence[str]) -> dict[str, str]:
        """None is created: labels are made in the app."""
        return dict.fromkeys(names, "labels are made in the destination's own app")

    def other_id_of(self, contact: Contact) -> str:  # noqa: ARG002 - whoever it is
        """None: contacts are known by their address alone."""
        return ""

    async def opt_out_other(self, contact: Contact) -> Delivered:
        """As by the address, which is all that a row has."""
        return await self.opt_out(contact.key)

    async def opt_out(self, key: str) -> Delivered:  # noqa: ARG002 - whoever it is
        """Nobody is mailed there."""
        return Delivered("unchanged", "already_out", "nobody is mailed there")
