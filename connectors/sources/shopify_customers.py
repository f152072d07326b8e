"""Shopify's export of customers.

"Accepts Email Marketing" is yes or no. Tags are joined by ", ". A customer's id begins with an apostrophe, so that spreadsheets do not round it.
Source: help.shopify.com, "Exporting and importing customers" (the customer CSV file's columns, in English only).
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
    product="Shopify",
    signs=(
        ("Customer ID", "Email", "Accepts Email Marketing"),
        ("Email", "Accepts Email Marketing", "Total Spent", "Total Orders"),
        ("Email", "Accepts Marketing", "Total Spent", "Total Orders"),
        ("Email", "Accepts Email Marketing", "Default Address Address1"),
    ),
    columns={
        "email_address": ("Email",),
        "first_name": ("First Name",),
        "last_name": ("Last Name",),
        "phone": ("Phone", "Default Address Phone"),
        "company": ("Default Address Company", "Company"),
        "street": ("Default Address Address1", "Address1"),
        "city": ("Default Address City", "City"),
        "postal_code": ("Default Address Zip", "Zip"),
        "state": ("Default Address Province Code", "Province Code"),
        "country": ("Default Address Country Code", "Country Code"),
    },
    person=("Customer ID",),
    wanted=("Accepts Email Marketing", "Accepts Marketing"),
    separator=",",
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
