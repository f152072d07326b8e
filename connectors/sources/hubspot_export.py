"""HubSpot's export of contacts, as CSV or as a workbook.

Columns carry either the labels of HubSpot's default contact properties, in the language of whoever exports, or their internal names.
`hs_email_optout` is labelled "Unsubscribed from all email" ("Opted out of all email" in older accounts), and each subscription type
adds a column "Opted out of email: <its name>" (`hs_email_optout_<id>`). Values of several choices are joined by semicolons.
Source: knowledge.hubspot.com, "HubSpot's default contact properties" and "Export your records".
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
    product="HubSpot",
    signs=(
        ("Record ID", "Email", "First Name"),
        ("Record ID", "Email", "Lifecycle Stage"),
        ("Record ID", "Email", "Unsubscribed from all email"),
        ("Record ID", "Email", "Opted out of all email"),
        ("hs_object_id", "email"),
        ("Datensatz-ID", "E-Mail"),
    ),
    columns={
        "email_address": ("Email", "E-Mail", "E-Mail-Adresse", "Correo", "E-mail"),
        "first_name": ("First Name", "firstname", "Vorname", "Prénom", "Nombre"),
        "last_name": ("Last Name", "lastname", "Nachname", "Nom de famille", "Apellidos"),
        "phone": ("Phone Number", "phone", "Telefonnummer", "Mobile Phone Number", "mobilephone"),
        "company": ("Company Name", "company", "Name des Unternehmens"),
        "job_title": ("Job Title", "jobtitle", "Jobbezeichnung"),
        "street": ("Street Address", "address"),
        "city": ("City", "city", "Stadt", "Ort"),
        "postal_code": ("Postal Code", "zip", "Postleitzahl"),
        "state": ("State/Region", "state"),
        "country": ("Country/Region", "country", "Land/Region"),
        "website": ("Website URL", "website"),
        "birthday": ("Date of birth", "date_of_birth"),
        "language": ("Preferred language", "hs_language"),
        "joined_at": ("Create Date", "createdate"),
        "score": ("HubSpot Score", "hubspotscore"),
    },
    person=("Record ID", "hs_object_id", "Datensatz-ID"),
    out=("Unsubscribed from all email", "Opted out of all email", "hs_email_optout"),
    out_prefixes=("Opted out of email: ", "hs_email_optout_"),
    separator=";",
    formats={"Create Date": "YYYY-MM-DD hh:mm"},
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
