"""Mailchimp's export of an audience: the ZIP as it comes, or one of the files in it.

The files are named after what the people in them are: `subscribed_…`, `unsubscribed_…`, `cleaned_…` and `nonsubscribed_…`. Nothing in the rows
says it, so a column `_status` does here. A file of unsubscribed people has columns about why and when (UNSUB_TIME, …), one of cleaned ones when and in which
campaign (CLEAN_TIME, …); all have the audience's own merge tags under their labels, and in capitals what Mailchimp knows (OPTIN_TIME, LAST_CHANGED, LEID,
EUID, TAGS). Tags are quoted texts with commas between them.
Source: mailchimp.com/help, "View or Export Contacts" and "About the exported file's columns"; both forms stand in public importers of that export.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from connectors.base import Oddity, Source
from connectors.errors import SourceError
from connectors.sources.export import Export
from connectors.sources.opening import open_table
from connectors.sources.recognising import checked
from connectors.sources.several import One, Several
from connectors.sources.wrapped import Wrapped
from connectors.sources.wrapping import unpack, wrapping_of

__all__ = ["EXPORT", "STATUS", "archived", "open_source"]

STATUS = "_status"
_NAME = re.compile(r"(subscribed|unsubscribed|cleaned|non-?subscribed)_.*\.csv", re.IGNORECASE)

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
    if not path.is_file() or wrapping_of(path) != "zip":
        return ""
    try:
        with ZipFile(path) as archive:
            found = [name for name in archive.namelist() if _status_of(name)]
    except (BadZipFile, OSError, ValueError):
        return ""
    return (
        f"it holds {', '.join(sorted(found)[:4])}, as Mailchimp's export of an audience does" if found else ""
    )


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`, whole or one of its files. Raises SourceError where it is another file."""
    if archived(path):
        return _whole(path, settings)
    table = open_table(path, settings)
    checked(path, table.header, EXPORT)
    status = _status_of(path.name)
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
    inside = {name: value for name, value in settings.items() if name != "member"}
    unpacked = unpack(path, str(settings.get("member", "*.csv")))
    ones = []
    with unpacked.folder.kept():
        for member in unpacked.members:
            status = _status_of(member.name)
            if status and member.file.stat().st_size:
                ones.append(One(member.name, open_table(member.file, inside), {STATUS: status}))
        if not ones:
            raise SourceError(f"{path} holds no file with people.", "Export the audience again.")
        checked(path, ones[0].source.header, EXPORT)
        found = Several(path, ones, sha256=unpacked.sha256, size=unpacked.size)
    found.facts = EXPORT.facts(found.header)
    return Wrapped(
        found, path, unpacked.sha256, unpacked.size, shown=str(path), kept=unpacked, told={"unpacked from": "zip"}
    )  # fmt: skip


def _status_of(name: str) -> str:
    """What the people in a file are, by its name.

    >>> _status_of("a/unsubscribed_members_export_1.csv"), _status_of("NonSubscribed_segment.csv"), _status_of("people.csv")
    ('unsubscribed', 'nonsubscribed', '')
    """
    found = _NAME.fullmatch(name.rpartition("/")[2])
    return found[1].lower().replace("-", "") if found else ""
