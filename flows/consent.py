"""Consent: what is known of a person is the strictest of the source, the destination, the ledger and a suppression file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from connectors.base import Known, Remembered
from connectors.errors import MappingError
from flows.suppressions import Suppressions
from mappings.engine.cleaning import clean_text
from mappings.engine.contact import Contact
from mappings.engine.document import Mapping

__all__ = ["complaint_of", "names_of", "strictest"]


def strictest(
    contact: Contact,
    remembered: Remembered | None,
    suppressions: Suppressions,
    keys: Sequence[str] = (),
    there: Sequence[Known | None] = (),
    heard: Callable[[Remembered | None, set[str]], Remembered | None] = lambda known, _: known,
) -> Remembered | None:
    """What is remembered of a contact, with what is known under each of the person's addresses and ids taken into account.

    `keys` are the merge tags that may be a key: an address counts also where a contact is known by another one. `there`
    are the contacts that the destination has of the person, `heard` adds the opt-outs that the ledger knows under these.
    """
    names = names_of(contact, remembered, keys, there)
    remembered = heard(remembered, names)
    if not any(suppressions.holds(name) for name in names):
        return remembered
    return replace(remembered or Remembered(""), suppressed=True)


def names_of(
    contact: Contact, remembered: Remembered | None, keys: Sequence[str], there: Sequence[Known | None] = ()
) -> set[str]:
    """Every address and id that is known of the person: the row's, those delivered before, those of the contacts there."""
    names = {contact.key, *(contact.texts.get(tag, "") for tag in keys)}
    if remembered is not None:
        names.add(remembered.key)
        names.update((remembered.texts or {}).get(tag, "") for tag in keys)
    for known in there:
        if known is not None:
            names.add(known.key)
            names.update(str(known.fields.get(tag) or "") for tag in keys)
    return {name.lower() if "@" in name else name for name in names} - {""}


def complaint_of(
    mapping: Mapping, header: tuple[str, ...], opt_out_columns: tuple[str, ...], *, mails_people: bool
) -> None:
    """Refuses a mapping that says nothing about consent. Raises MappingError."""
    if not mails_people:
        if mapping.vanished is not None and mapping.vanished.unsubscribe:
            raise MappingError(
                f"{mapping.file}:{mapping.line_of('vanished', 'unsubscribe')}: this destination mails nobody, so nobody can be unsubscribed.",
                "Leave unsubscribe: out of vanished:.",
            )
        return
    if mapping.consent is None:
        raise MappingError(
            f"{mapping.file}:1: consent: is missing, and this destination mails people.",
            'Add consent: {opted_out: COLUMN}, or consent: {assumed: "why everybody in this file may be mailed"}.',
        )
    heard = mapping.consent.opted_out.from_ if mapping.consent.opted_out else ()
    known = {clean_text(name) for name in heard}
    named = {clean_text(name) for name in header}
    for column in opt_out_columns:
        if clean_text(column) in named - known:
            raise MappingError(
                f"{mapping.file}:{mapping.line_of('consent')}: the export's opt-out column '{column}' is not mapped.",
                f"Add it: consent: {{opted_out: {{from: [{column}]}}}}.",
            )
