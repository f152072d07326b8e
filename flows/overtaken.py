"""What keeps rows of a retry from being sent: a later run, or another row of the same source, has the contact now.

An old repair never takes the place of what is newer, and the rule for duplicates holds across the attempts of a source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flows.batches import batches
from mappings.engine.contact import Contact

if TYPE_CHECKING:
    from flows.ledger import Ledger
    from flows.ledger.memory import Standing
    from flows.plan import Plan
    from flows.roll import Roll

__all__ = ["set_aside"]

_AT_ONCE = 5000


def set_aside(plan: Plan, ledger: Ledger, account: int, follows: str) -> None:
    """Enters in the roll which rows of a retry of the run `follows` are not sent. Their opt-outs are carried."""
    mapping = plan.application.mapping
    family = ledger.runs.family(follows)
    for batch in batches(plan.spool, plan.application, plan.roll, _AT_ONCE):
        contacts = {entry.contact.row: entry.contact for entry in batch.entries if not entry.carried}
        pairs = [(contact.key, contact.person) for contact in contacts.values()]
        standing = ledger.memory.standing(account, mapping.name, pairs, follows)
        by_key = {one.key: one for one in standing}
        by_person = {one.person: one for one in standing if one.person}
        rivals: list[tuple[Contact, Standing]] = []
        for contact in contacts.values():
            found = [by_key.get(contact.key), by_person.get(contact.person)]
            for one in [one for one in found if one is not None]:
                if one.later:
                    _aside(plan.roll, contact.row)
                    plan.roll.overtake(contact.row, one.run)
                    break
                if one.run in family:
                    rivals.append((contact, one))
        rows = ledger.answers.rows_of(sorted({(one.run, one.key) for _, one in rivals}))
        for contact, one in rivals:
            other = rows.get((one.run, one.key))
            if other is not None and other != contact.row and contact.row not in plan.roll.overtaken:
                _beside(plan.roll, contact, one, other, mapping.duplicates.keep)


def _beside(roll: Roll, contact: Contact, one: Standing, other: int, duplicates: str) -> None:
    """A row of which another row of the same source was delivered: as if both were read together."""
    rows, others = np.array([contact.row]), np.array([other])
    wins = {"last": contact.row > other, "first": contact.row < other}
    if one.key != contact.key:
        _aside(roll, contact.row)
        roll.split(rows, others)
    elif one.person and contact.person and one.person != contact.person:
        _aside(roll, contact.row)
        roll.conflict(rows, others)
    elif duplicates == "reject":
        _aside(roll, contact.row)
        roll.reject(rows, others)
    elif not wins.get(
        duplicates, False
    ):  # which of two is the newest is not known any more: what is there stands
        _aside(roll, contact.row)
        roll.lose(rows, others)


def _aside(roll: Roll, row: int) -> None:
    if roll.opted_out[row - 1]:
        roll.carry(np.array([row]))
