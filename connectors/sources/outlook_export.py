"""Outlook's export of contacts as CSV, of the program or of Outlook on the web.

Some sixty columns whose names follow the program's language; categories are joined by semicolons. Dates follow the locale of the computer, so none is assumed. Nothing
says whether somebody wants mail.
Source: support.microsoft.com, "Export contacts from Outlook"; the header stands in public importers of that export.
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
    product="Outlook",
    signs=(
        ("First Name", "Last Name", "E-mail Address", "E-mail 2 Address"),
        ("First Name", "Last Name", "E-mail Address", "Business Phone"),
        ("First Name", "Last Name", "E-mail Address", "Company", "Job Title"),
        ("Vorname", "Nachname", "E-Mail-Adresse", "E-Mail 2: Adresse"),
    ),
    columns={
        "email_address": ("E-mail Address", "E-mail 2 Address", "E-mail 3 Address", "E-Mail-Adresse"),
        "first_name": ("First Name", "Vorname"),
        "last_name": ("Last Name", "Nachname"),
        "phone": ("Mobile Phone", "Business Phone", "Home Phone", "Primary Phone", "Mobiltelefon"),
        "company": ("Company", "Firma"),
        "job_title": ("Job Title", "Position"),
        "street": ("Business Street", "Home Street", "Straße geschäftlich"),
        "city": ("Business City", "Home City", "Ort geschäftlich"),
        "postal_code": ("Business Postal Code", "Home Postal Code", "Postleitzahl geschäftlich"),
        "state": ("Business State", "Home State"),
        "country": (
            "Business Country/Region",
            "Business Country",
            "Home Country/Region",
            "Land/Region geschäftlich",
        ),
        "birthday": ("Birthday", "Geburtstag"),
        "website": ("Web Page", "Webseite"),
        "salutation": ("Title", "Anrede"),
        "language": ("Language", "Sprache"),
    },
    separator=";",
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
