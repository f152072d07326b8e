"""Brevo's (Sendinblue's) export of contacts: attributes in capitals, most often with semicolons between them.

An account's attributes are named in the language in which it was opened (FIRSTNAME, VORNAME, PRENOM, NOMBRE), and what it names itself follows; the columns that Brevo adds are the same everywhere
(CONTACT ID, ADDED_TIME, MODIFIED_TIME, OPT_IN, DOUBLE_OPT-IN, EXT_ID). `_SUBSCRIBED` and `_BLOCKLISTED` are lists of channels, such as `email_marketing`; in older exports the column is
`EMAIL_BLACKLISTED` or `BLACKLISTED`, with 1 and 0. Moments are written as days, DD-MM-YYYY.
Source: help.brevo.com, "Export your contacts" and "Default contact attributes"; developers.brevo.com, "Export contacts" (exportMetadata, and the channels of exportSubscriptionStatus); the header
stands in public importers of that export, and so does EMAIL_BLACKLISTED. No public file shows `_SUBSCRIBED` and `_BLOCKLISTED`: where consent stands in other columns, init asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.base import Source
from connectors.sources.export import Export
from connectors.sources.recognising import opened

__all__ = ["EXPORT", "open_source"]

EXPORT = Export(
    product="Brevo",
    signs=(
        ("EMAIL", "FIRSTNAME", "LASTNAME", "ADDED_TIME", "MODIFIED_TIME"),
        ("CONTACT ID", "EMAIL", "ADDED_TIME"),
        ("EMAIL", "_SUBSCRIBED", "_BLOCKLISTED"),
        ("EMAIL", "VORNAME", "NACHNAME", "ADDED_TIME"),
        ("EMAIL", "PRENOM", "NOM", "ADDED_TIME"),
        ("EMAIL", "LASTNAME", "FIRSTNAME", "SMS"),
    ),
    columns={
        "email_address": ("EMAIL",),
        "first_name": ("FIRSTNAME", "VORNAME", "PRENOM", "NOMBRE"),
        "last_name": ("LASTNAME", "NACHNAME", "NOM", "APELLIDOS"),
        "phone": ("SMS", "WHATSAPP", "LANDLINE_NUMBER"),
        "job_title": ("JOB_TITLE",),
        "joined_at": ("ADDED_TIME",),
    },
    person=("CONTACT ID",),
    out=("_BLOCKLISTED", "EMAIL_BLOCKLISTED", "EMAIL_BLACKLISTED", "BLACKLISTED", "BLOCKLISTED"),
    separator=",",
    formats={"ADDED_TIME": "DD-MM-YYYY", "MODIFIED_TIME": "DD-MM-YYYY"},
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
