"""Mailchimp's export of an audience: the ZIP as it comes, or one of the files in it.

The files are named after what the people in them are: `subscribed_…`, `unsubscribed_…`, `cleaned_…` and `nonsubscribed_…`. Nothing in the rows
says it, so a column `_status` does here; a file that was renamed is told by its columns, where it has those of unsubscribed or cleaned people. A file of unsubscribed people has columns about why and when (UNSUB_TIME, …), one of cleaned ones when and in which
campaign (CLEAN_TIME, …); all have the audience's own merge tags under their labels, and in capitals what Mailchimp knows (OPTIN_TIME, LAST_CHANGED, LEID,
EUID, TAGS), which is the same in every language, while the labels are in the audience's own. Tags are quoted texts with commas between them.
Source: mailchimp.com/help, "View or Export Contacts" and "About the exported file's columns"; both forms stand in public importers of that export.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors.base import Oddity, Source
from connectors.errors import SourceError
from connectors.sources.archive import names_in, plain_name, together
from connectors.sources.export import Export, folded
from connectors.sources.opening import open_table
from connectors.sources.recognising import checked
from connectors.sources.several import One, Several
from mappings.engine.complaints import listed

__all__ = ["EXPORT", "STATUS", "archived", "open_source"]

STATUS = "_status"
_NAME = re.compile(r"(?!\.)[^a-z]*(subscribed|unsubscribed|cleaned|non-?subscribed)_.*\.csv", re.IGNORECASE)
_STRICT = re.compile(r"(?<![a-z])(unsubscribed|cleaned|non-?subscribed)(?![a-z])", re.IGNORECASE)
_TOLD_BY = {"unsubscribed": "unsub_time", "cleaned": "clean_time"}

EXPORT = Export(
    product="Mailchimp",
    signs=(
        ("Email Address", "MEMBER_RATING", "LEID", "EUID"),
        ("Email Address", "OPTIN_TIME", "LEID", "EUID"),
        ("Email Address", "LEID", "EUID", "NOTES"),
    ),
    columns={
        "email_address": ("Email Address", "E-Mail-Adresse"),
        "first_name": ("First Name", "Vorname"),
        "last_name": ("Last Name", "Nachname"),
        "phone": ("Phone Number",),
        "company": ("Company",),
        "birthday": ("Birthday",),
        "street": ("Address",),
        "joined_at": ("OPTIN_TIME", "CONFIRM_TIME"),
        "country": ("CC",),
        "state": ("REGION",),
    },
    person=("EUID", "LEID"),
    status=(STATUS,),
    separator=",",
    formats={"OPTIN_TIME": "YYYY-MM-DD hh:mm:ss", "CONFIRM_TIME": "YYYY-MM-DD hh:mm:ss"},
)


def archived(path: Path) -> str:
    """Why the archive at `path` is such an export; '' where it is none."""
    found = [name for name in names_in(path) if _status_of(name)]
    return f"it holds {', '.join(found[:4])}, as Mailchimp's export of an audience does" if found else ""


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`, whole or one of its files. Raises SourceError where it is another file."""
    if archived(path):
        return _whole(path, settings)
    table = open_table(path, settings)
    checked(path, table.header, EXPORT)
    status = _status_in(path.name, table.header)
    found = Several(path, [One(path.name, table, {STATUS: status})])
    found.facts = EXPORT.facts(found.header)
    if not status:
        found.oddities.append(
            Oddity(
                "status_unsaid",
                f"Whether these people are subscribed stands in the file's name alone, and {path.name} does not say it, so _status is blank."
                " Name it as it was in the ZIP (subscribed_…, unsubscribed_…, cleaned_… or nonsubscribed_…), or name the ZIP.",
            )
        )
    return found


def _whole(path: Path, settings: Mapping[str, Any]) -> Source:
    others: list[str] = []

    def chosen(tables: Mapping[str, Source]) -> list[One]:
        told = {name: _status_in(name, table.header) for name, table in tables.items()}
        others.extend(name for name in tables if not told[name])
        ones = [One(name, table, {STATUS: told[name]}) for name, table in tables.items() if told[name]]
        if not ones:
            raise SourceError(f"{path} holds no file with people.", "Export the audience again.")
        checked(path, ones[0].source.header, EXPORT)
        return ones

    found = together(path, settings, str(settings.get("member", "*.csv")), EXPORT, chosen)
    if others:
        text = f"Left out, as its name does not say what its people are: {listed(others)}."
        found.oddities.append(Oddity("member_left_out", text))
    return found


def _status_in(name: str, header: Sequence[str]) -> str:
    """The same, where it was renamed by what only files of unsubscribed or cleaned people have, or by a word that is stricter than a wrong guess.

    >>> _status_in("Kunden - unsubscribed (2).xlsx", ()), _status_in("people.csv", ("Email Address", "CLEAN_TIME"))
    ('unsubscribed', 'cleaned')
    >>> _status_in("not subscribed.csv", ())
    ''
    """
    names = {folded(column) for column in header}
    by_columns = next((status for status, column in _TOLD_BY.items() if column in names), "")
    word = _STRICT.search(plain_name(name))
    return _status_of(name) or by_columns or (word[1].lower().replace("-", "") if word else "")


def _status_of(name: str) -> str:
    """What the people in a file are, by its name.

    >>> _status_of("a/unsubscribed_members_export_1.csv"), _status_of("NonSubscribed_segment.csv"), _status_of("people.csv")
    ('unsubscribed', 'nonsubscribed', '')
    """
    found = _NAME.fullmatch(plain_name(name))
    return found[1].lower().replace("-", "") if found else ""
