"""Brevo's (Sendinblue's) export of contacts: attributes in capitals, most often with semicolons between them.

What the account names itself follows under its own attribute. `_SUBSCRIBED` and `_BLOCKLISTED` are lists of channels, such as `email_marketing`; in older exports the
column is `EMAIL_BLACKLISTED` or `BLACKLISTED`, with 1 and 0. Moments are written as days, DD-MM-YYYY.
Source: help.brevo.com, "Export your contacts" and "Default contact attributes"; the column names of consent stand in public importers of that export.
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
