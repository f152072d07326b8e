"""Pipedrive's export of people, as CSV or as a workbook: each column begins with "Person - ", or what a person is called in the language of whoever exports.

"Person - Marketing status" is Subscribed, No consent, Unsubscribed, Bounced or Archived; only the first may be mailed. Its name is known in English alone: no export in another language that has
it was found, so such a one is asked about. Labels and fields with several options are joined by commas.
Source: support.pipedrive.com, "How can I export data from Pipedrive?" and "Marketing status"; the names in English, German, French, Spanish and Portuguese, in this order, stand in public
importers of that export. Dutch and Italian ones were not found.
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
    product="Pipedrive",
    signs=(
        ("Person - Name", "Person - Email - Work"),
        ("Person - Name", "Person - Email"),
        ("Person - First name", "Person - Email - Work"),
        ("Person - ID", "Person - Marketing status"),
        ("Person - Name", "Person - E-Mail-Adresse - Büro"),
        ("Person - Vorname", "Person - E-Mail-Adresse - Büro"),
        ("Personne - Nom", "Personne - E-mail - Travail"),
        ("Personne - Prénom", "Personne - E-mail - Travail"),
        ("Persona - Nombre", "Persona - Correo electrónico - Trabajo"),
        ("Pessoa - Nome", "Pessoa - E-mail - Trabalho"),
    ),
    columns={
        "email_address": (
            "Person - Email - Work",
            "Person - Email",
            "Person - Email - Home",
            "Person - Email - Other",
            "Person - E-Mail-Adresse - Büro",
            "Person - E-Mail-Adresse - Privat",
            "Person - E-Mail-Adresse - Sonstiger",
            "Personne - E-mail - Travail",
            "Personne - E-mail - Domicile",
            "Personne - E-mail - Autre",
            "Persona - Correo electrónico - Trabajo",
            "Pessoa - E-mail - Trabalho",
            "Pessoa - E-mail - Residencial",
            "Pessoa - E-mail - Outros",
        ),
        "full_name": ("Person - Name", "Personne - Nom", "Persona - Nombre", "Pessoa - Nome"),
        "first_name": ("Person - First name", "Person - Vorname", "Personne - Prénom"),
        "last_name": ("Person - Last name", "Person - Nachname", "Personne - Nom de famille"),
        "phone": (
            "Person - Phone - Mobile",
            "Person - Phone - Work",
            "Person - Phone",
            "Person - Phone - Home",
            "Person - Telefon - Mobil",
            "Person - Telefon - Büro",
            "Person - Telefon - Privat",
            "Person - Telefon - Sonstiger",
            "Personne - Téléphone - Mobile",
            "Personne - Téléphone - Travail",
            "Personne - Téléphone - Domicile",
            "Personne - Téléphone - Autre",
            "Persona - Teléfono - Otro",
            "Pessoa - Telefone - Celular",
            "Pessoa - Telefone - Trabalho",
            "Pessoa - Telefone - Residencial",
            "Pessoa - Telefone - Outros",
        ),
        "company": (
            "Person - Organization",
            "Person - Organisation",
            "Personne - Organisation",
            "Pessoa - Organização",
        ),
        "job_title": ("Person - Job title", "Person - Title", "Person - Position"),
        "street": ("Person - Postal address",),
        "birthday": ("Person - Birthday",),
        "joined_at": ("Person - Person created", "Pessoa - Pessoa criada"),
    },
    person=("Person - ID", "Personne - ID"),
    status=("Person - Marketing status",),
    separator=",",
    formats={"Person - Person created": "YYYY-MM-DD hh:mm:ss", "Person - Birthday": "YYYY-MM-DD"},
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
