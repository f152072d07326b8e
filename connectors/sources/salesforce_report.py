"""Salesforce's report of contacts or leads, exported as "Details Only".

Columns carry the labels of the fields, in the language of whoever exports; check boxes are 1 and 0, or true and false in Excel's form.
"Email Opt Out" is the standard field HasOptedOutOfEmail. Dates follow the locale of the user, so none is assumed.
Source: help.salesforce.com, "Export a Report" and "Contact Fields"; developer.salesforce.com, Object Reference, Contact. "E-Mail-Abmeldung" is what Adobe's German documentation of its connector
calls that field; French, Spanish and Portuguese names are from the product's localisation of the field label, as public programs for Salesforce show it. No whole header in these three was found,
so such a report is known where the mapping names the kind, and not recognised by itself.
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
    product="Salesforce",
    signs=(
        ("First Name", "Last Name", "Email", "Account Name", "Mailing City"),
        ("First Name", "Last Name", "Email", "Account Name", "Contact ID"),
        ("First Name", "Last Name", "Email", "Account Name", "Account Owner"),
        ("First Name", "Last Name", "Email", "Email Opt Out", "Contact ID"),
        ("First Name", "Last Name", "Email", "Company / Account", "Lead Source"),
        ("First Name", "Last Name", "Email", "Lead ID"),
        ("Vorname", "Nachname", "E-Mail", "Accountname"),
    ),
    columns={
        "email_address": ("Email", "E-Mail", "E-mail"),
        "first_name": ("First Name", "Vorname", "Prénom", "Primeiro Nome"),
        "last_name": ("Last Name", "Nachname", "Nom", "Sobrenome"),
        "salutation": ("Salutation", "Anrede", "Tratamento"),
        "phone": ("Mobile", "Mobile Phone", "Phone", "Telefon", "Mobil", "Celular", "Telefone"),
        "company": (
            "Account Name",
            "Company / Account",
            "Company",
            "Accountname",
            "Nom du compte",
            "Nombre de la cuenta",
            "Nome da conta",
        ),
        "job_title": ("Title", "Titel"),
        "street": ("Mailing Street", "Mailing Address Line 1", "Street", "Postanschrift: Straße"),
        "city": ("Mailing City", "City", "Postanschrift: Ort"),
        "postal_code": ("Mailing Zip/Postal Code", "Zip/Postal Code", "Postanschrift: PLZ"),
        "state": ("Mailing State/Province", "State/Province"),
        "country": ("Mailing Country", "Country", "Postanschrift: Land"),
        "birthday": ("Birthdate", "Geburtsdatum", "Data de nascimento"),
        "source": ("Lead Source", "Leadquelle"),
        "joined_at": ("Created Date",),
    },
    person=("Contact ID", "Lead ID", "Contact ID 18", "Kontakt-ID"),
    out=("Email Opt Out", "E-Mail-Abmeldung"),
    separator=";",
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
