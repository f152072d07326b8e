"""Microsoft Dynamics 365's export of contacts or leads ("Export to Excel"): a workbook, or what was saved of it as CSV.

Three columns come first that are hidden in Excel: "(Do Not Modify) Contact", which is the contact's id, a checksum, and when it was changed. "Do not allow Emails"
and "Do not allow Bulk Emails" say "Do Not Allow" or "Allow", where an account has other labels yes or no, so that a yes is an opt-out. All names follow the language of whoever exports.
Source: learn.microsoft.com, "Export data to Excel" and the Contact table of Dataverse (donotemail, donotbulkemail). The German and Spanish names of the hidden columns, and the Spanish ones of
the others, stand in public programs that read or fill such exports; the German "E-Mails nicht zulassen" in Adobe's documentation of its connector; other German ones are from the product's
localisation of the field label. French, Portuguese, Dutch and Italian ones were not found.
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
        ("(Nicht ändern) Lead", "(Nicht ändern) Zeilenprüfsumme"),
        ("(No modificar) Contacto", "(No modificar) Suma de comprobación de fila"),
    ),
    columns={
        "email_address": ("Email", "Email Address 1", "E-Mail"),
        "full_name": ("Full Name", "Vollständiger Name"),
        "first_name": ("First Name", "Vorname", "Nombre de pila"),
        "last_name": ("Last Name", "Nachname", "Apellidos"),
        "salutation": ("Salutation", "Anrede"),
        "phone": (
            "Mobile Phone",
            "Business Phone",
            "Mobiltelefon",
            "Telefon (geschäftlich)",
            "Telefon 1",
            "Teléfono móvil",
            "Teléfono",
        ),
        "company": ("Company Name", "Company", "Account Name", "Firmenname", "Nombre de la compañía"),
        "job_title": ("Job Title", "Position", "Puesto"),
        "street": ("Address 1: Street 1", "Street 1", "Adresse 1: Straße 1", "Straße", "Calle"),
        "city": ("Address 1: City", "City", "Adresse 1: Ort", "Ort", "Ciudad"),
        "postal_code": (
            "Address 1: ZIP/Postal Code",
            "ZIP/Postal Code",
            "Adresse 1: Postleitzahl",
            "Código Postal",
        ),
        "state": ("Address 1: State/Province", "State or Province", "Provincia"),
        "country": (
            "Address 1: Country/Region",
            "Country/Region",
            "Country",
            "Adresse 1: Land/Region",
            "Land",
            "País",
        ),
        "birthday": ("Birthday", "Geburtstag"),
        "joined_at": ("Created On", "Erstellt am", "Fecha de creación"),
    },
    person=(
        "(Do Not Modify) Contact",
        "(Do Not Modify) Lead",
        "(Nicht ändern) Kontakt",
        "(Nicht ändern) Lead",
        "(No modificar) Contacto",
    ),
    out=(
        "Do not allow Emails",
        "Do not allow Bulk Emails",
        "E-Mails nicht zulassen",
        "Massen-E-Mails nicht zulassen",
        "No permitir correo electrónico",
        "No permitir correo elec. en masa",
    ),
    separator=";",
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
