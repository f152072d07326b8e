"""What Salesforce's Data Loader extracts of contacts or leads: the fields' API names, often in capitals.

Check boxes are true and false, moments ISO 8601 in UTC. Multi-select picklists are joined by semicolons. Fields of one's own end in `__c`. API names are the same in every language. An id, names and an
address are no sign of it: many programs call them so.
Source: developer.salesforce.com, "Data Loader Guide" and Object Reference, Contact and Lead.
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
    product="Salesforce's Data Loader",
    signs=(
        ("Id", "Email", "HasOptedOutOfEmail"),
        ("Id", "LastName", "Email", "AccountId"),
        ("Id", "LastName", "Email", "Account.Name"),
        ("Id", "LastName", "Email", "OwnerId"),
        ("Id", "LastName", "Email", "LeadSource"),
        ("Id", "LastName", "Email", "MailingCity"),
        ("Id", "LastName", "Email", "MailingCountry"),
        ("Id", "LastName", "Email", "IsConverted"),
        ("Id", "LastName", "Email", "SystemModstamp"),
    ),
    columns={
        "email_address": ("Email",),
        "first_name": ("FirstName",),
        "last_name": ("LastName",),
        "salutation": ("Salutation",),
        "phone": ("MobilePhone", "Phone"),
        "company": ("Company", "Account.Name"),
        "job_title": ("Title",),
        "street": ("MailingStreet", "Street"),
        "city": ("MailingCity", "City"),
        "postal_code": ("MailingPostalCode", "PostalCode"),
        "state": ("MailingState", "State"),
        "country": ("MailingCountryCode", "MailingCountry", "CountryCode", "Country"),
        "birthday": ("Birthdate",),
        "source": ("LeadSource",),
        "joined_at": ("CreatedDate",),
        "website": ("Website",),
    },
    person=("Id",),
    out=("HasOptedOutOfEmail",),
    separator=";",
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
