"""HubSpot's export of contacts, as CSV or as a workbook.

Columns carry either the labels of HubSpot's default contact properties, in the language of whoever exports, or their internal names; exports of a list say "ID de registro - Contact" and the
like. `hs_email_optout` is labelled "Unsubscribed from all email" ("Opted out of all email" in older accounts), and each subscription type adds a column "Opted out of email: <its name>"
(`hs_email_optout_<id>`). Values of several choices are joined by semicolons.
Source: knowledge.hubspot.com, "HubSpot's default contact properties" and "Export your records"; the German, French and Spanish labels stand in public importers of such exports. Of the opt-out
columns the German and Spanish labels of the one for all email were found, no French one, and none of those of single types. Dutch, Italian and Portuguese labels were not found.
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
        ("ID de fiche d'informations", "E-mail"),
        ("ID de registro", "Correo"),
        ("ID de registro - Contact", "Correo"),
    ),
    columns={
        "email_address": ("Email", "E-Mail", "E-Mail-Adresse", "E-mail", "Correo"),
        "first_name": ("First Name", "firstname", "Vorname", "Prénom", "Nombre"),
        "last_name": ("Last Name", "lastname", "Nachname", "Nom", "Nom de famille", "Apellidos"),
        "phone": (
            "Phone Number",
            "phone",
            "Mobile Phone Number",
            "mobilephone",
            "Telefonnummer",
            "Mobiltelefonnummer",
            "Numéro de téléphone",
            "Numéro de téléphone portable",
            "Número de teléfono",
            "Número de teléfono móvil",
        ),
        "company": (
            "Company Name",
            "company",
            "Name des Unternehmens",
            "Unternehmensname",
            "Firmenname",
            "Nom de l'entreprise",
            "Nombre de la empresa",
        ),
        "job_title": ("Job Title", "jobtitle", "Jobbezeichnung", "Intitulé du poste"),
        "street": ("Street Address", "address", "Adresse postale"),
        "city": ("City", "city", "Stadt", "Ort", "Ville", "Ciudad"),
        "postal_code": ("Postal Code", "zip", "Postleitzahl", "Code postal", "Código postal"),
        "state": ("State/Region", "state"),
        "country": ("Country/Region", "country", "Land/Region", "Pays/Région"),
        "website": ("Website URL", "website", "URL du site web"),
        "birthday": ("Date of birth", "date_of_birth"),
        "language": ("Preferred language", "hs_language"),
        "joined_at": (
            "Create Date",
            "createdate",
            "Erstellungsdatum",
            "Date de création",
            "Fecha de creación",
        ),
        "score": ("HubSpot Score", "hubspotscore"),
    },
    person=(
        "Record ID",
        "hs_object_id",
        "Datensatz-ID",
        "ID de fiche d'informations",
        "ID de registro",
        "ID de registro - Contact",
    ),
    out=(
        "Unsubscribed from all email",
        "Opted out of all email",
        "hs_email_optout",
        "Von allen E-Mails abgemeldet",
        "Cancelación de suscripción a todos los correos",
    ),
    out_prefixes=("Opted out of email: ", "hs_email_optout_"),
    separator=";",
    formats={"Create Date": "YYYY-MM-DD hh:mm"},
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
