"""Microsoft Dynamics 365's export of contacts or leads ("Export to Excel"): a workbook, or what was saved of it as CSV.

Three columns come first that are hidden in Excel: "(Do Not Modify) Contact", which is the contact's id, a checksum, and when it was changed. "Do not allow Emails"
and "Do not allow Bulk Emails" say "Do Not Allow" or "Allow".
Source: learn.microsoft.com, "Export data to Excel" and the Contact table of Dataverse (donotemail, donotbulkemail).
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
    product="Microsoft Dynamics 365",
    signs=(
        ("(Do Not Modify) Contact", "(Do Not Modify) Row Checksum"),
        ("(Do Not Modify) Lead", "(Do Not Modify) Row Checksum"),
        ("(Do Not Modify) Contact", "Email"),
        ("(Nicht ändern) Kontakt", "(Nicht ändern) Zeilenprüfsumme"),
    ),
    columns={
        "email_address": ("Email", "Email Address 1", "E-Mail"),
        "full_name": ("Full Name", "Vollständiger Name"),
        "first_name": ("First Name", "Vorname"),
        "last_name": ("Last Name", "Nachname"),
        "salutation": ("Salutation", "Anrede"),
        "phone": ("Mobile Phone", "Business Phone", "Mobiltelefon", "Telefon (geschäftlich)"),
        "company": ("Company Name", "Company", "Account Name", "Firmenname"),
        "job_title": ("Job Title", "Position"),
        "street": ("Address 1: Street 1", "Street 1", "Adresse 1: Straße 1"),
        "city": ("Address 1: City", "City", "Adresse 1: Ort"),
        "postal_code": ("Address 1: ZIP/Postal Code", "ZIP/Postal Code", "Adresse 1: Postleitzahl"),
        "state": ("Address 1: State/Province", "State or Province"),
        "country": ("Address 1: Country/Region", "Country/Region", "Country", "Adresse 1: Land/Region"),
        "birthday": ("Birthday", "Geburtstag"),
        "joined_at": ("Created On", "Erstellt am"),
    },
    person=("(Do Not Modify) Contact", "(Do Not Modify) Lead", "(Nicht ändern) Kontakt"),
    status=(
        "Do not allow Emails",
        "Do not allow Bulk Emails",
        "E-Mails nicht zulassen",
        "Massen-E-Mails nicht zulassen",
    ),
    separator=";",
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
