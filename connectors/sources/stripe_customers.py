"""Stripe's export of customers, with the default or with all columns.

Moments are in UTC, YYYY-MM-DD hh:mm. Metadata of one's own have a column each that ends in "(metadata)". Nothing says whether somebody wants mail.
Source: docs.stripe.com, "Export customers"; the header stands in public importers of that export, in English only.
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
    product="Stripe",
    signs=(
        ("id", "Email", "Name", "Created (UTC)", "Delinquent"),
        ("id", "Description", "Email", "Created (UTC)"),
        ("id", "Email", "Card ID", "Total Spend"),
    ),
    columns={
        "email_address": ("Email", "Customer Email"),
        "full_name": ("Name",),
        "street": ("Address Line1", "Card Address Line1"),
        "city": ("Address City", "Card Address City"),
        "postal_code": ("Address Postal Code", "Card Address Zip"),
        "state": ("Address State", "Card Address State"),
        "country": ("Address Country", "Card Address Country"),
        "phone": ("Phone",),
        "joined_at": ("Created (UTC)",),
    },
    person=("id",),
    separator=",",
    formats={"Created (UTC)": "YYYY-MM-DD hh:mm"},
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
