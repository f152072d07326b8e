"""Consent: what is known of a person is the strictest of the source, the destination, the ledger and a suppression file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from connectors.base import Remembered
from connectors.errors import MappingError, SourceError
from mappings.engine.cleaning import clean_text
from mappings.engine.contact import Contact
from mappings.engine.document import Mapping

__all__ = ["Suppressions", "complaint_of", "strictest"]

SUPPRESSION_FILE = "suppress.txt"


class Suppressions:
    """Addresses and whole domains (`@example.com` or `example.com`) that are never written to: one in a line.

    `#` begins a remark at the beginning of a line or after a blank.

    >>> Suppressions.of(["ann@example.com  # asked in May", "@blocked.example"]).holds("Bob@blocked.example")
    True
    """

    def __init__(self, addresses: frozenset[str], domains: frozenset[str]) -> None:
        self._addresses = addresses
        self._domains = domains

    @classmethod
    def of(cls, lines: list[str]) -> Suppressions:
        entries = [re.sub(r"(^|\s)#.*", "", line).strip().casefold() for line in lines]
        named = [entry for entry in entries if entry]
        domains = {entry.lstrip("@") for entry in named if entry.startswith("@") or "@" not in entry}
        return cls(frozenset(e for e in named if "@" in e and not e.startswith("@")), frozenset(domains))

    @classmethod
    def read(cls, home: Path) -> Suppressions:
        """The file `suppress.txt` in the home folder, if there is one. Raises SourceError when it cannot be read."""
        path = home / SUPPRESSION_FILE
        if not path.exists():
            return cls(frozenset(), frozenset())
        try:
            return cls.of(path.read_text("utf-8-sig").splitlines())
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(
                f"The suppression file {path} cannot be read: {error}.", "Save it as UTF-8 text."
            ) from None

    def holds(self, key: str) -> bool:
        address = key.casefold()
        return address in self._addresses or address.rpartition("@")[2] in self._domains


def strictest(
    contact: Contact, remembered: Remembered | None, suppressions: Suppressions, keys: Sequence[str] = ()
) -> Remembered | None:
    """What is remembered of a contact, with the suppression file taken into account.

    `keys` are the merge tags that may be a key: the address counts also where a contact is known by another one.
    """
    before = remembered.key if remembered is not None else ""
    named = {contact.key, before, *(contact.texts.get(tag, "") for tag in keys)} - {""}
    if not any(suppressions.holds(address) for address in named):
        return remembered
    return replace(remembered or Remembered(""), suppressed=True)


def complaint_of(
    mapping: Mapping, header: tuple[str, ...], opt_out_columns: tuple[str, ...], *, mails_people: bool
) -> None:
    """Refuses a mapping that says nothing about consent. Raises MappingError."""
    if not mails_people:
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
