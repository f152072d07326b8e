"""Zoho CRM's export of contacts or leads, also as a member of its backup.

Each look-up has a column with its id and one with its name ("Contact Owner.id", "Contact Owner"). "Email Opt Out" is true or false; beside it stand "Unsubscribed Mode" and "Unsubscribed Time".
The record's own id is "Record Id", in some accounts "Contact Id". Values of several choices are joined by semicolons.
Source: help.zoho.com, "Exporting Data" and "Standard fields: Contacts"; the names also stand in public importers of that export; the order of columns differs from account to account. Labels may
follow the language of the account; no such export was found, so English ones are known.
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
    product="Zoho CRM",
    signs=(
        ("Record Id", "Contact Owner.id", "Email"),
        ("Record Id", "Contact Owner", "Email Opt Out"),
        ("Record Id", "Lead Owner.id", "Email"),
        ("Record Id", "Lead Owner", "Email Opt Out"),
        ("Contact Id", "Contact Owner.id", "Email"),
        ("Contact Id", "Contact Owner", "Email Opt Out", "Unsubscribed Mode"),
    ),
    columns={
        "email_address": ("Email",),
        "first_name": ("First Name",),
        "last_name": ("Last Name",),
        "salutation": ("Salutation",),
        "phone": ("Mobile", "Phone", "Home Phone", "Other Phone"),
        "company": ("Account Name", "Company"),
        "job_title": ("Title", "Designation"),
        "street": ("Mailing Street", "Street"),
        "city": ("Mailing City", "City"),
        "postal_code": ("Mailing Zip", "Zip Code"),
        "state": ("Mailing State", "State"),
        "country": ("Mailing Country", "Country"),
        "birthday": ("Date of Birth",),
        "source": ("Lead Source",),
        "website": ("Website",),
        "joined_at": ("Created Time",),
    },
    person=("Record Id", "Contact Id"),
    out=("Email Opt Out",),
    separator=";",
    formats={"Created Time": "YYYY-MM-DD hh:mm:ss"},
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
