"""Klaviyo's export of a list or segment.

"Email Marketing Consent" is SUBSCRIBED, UNSUBSCRIBED or NEVER_SUBSCRIBED; "Email Suppressions" holds the reason why somebody is not mailed, whatever it is. Custom
properties follow under their own names.
Source: help.klaviyo.com, "How to export all people in your account" and "Understanding consent in Klaviyo"; the names also stand in public importers of that export, in English only.
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
    product="Klaviyo",
    signs=(
        ("Email", "Klaviyo ID", "Email Marketing Consent"),
        ("Email", "Email Marketing Consent", "Email Marketing Consent Timestamp"),
        ("Email", "Klaviyo ID", "First Name"),
        ("Email", "Historic Customer Lifetime Value", "First Active"),
    ),
    columns={
        "email_address": ("Email",),
        "first_name": ("First Name",),
        "last_name": ("Last Name",),
        "phone": ("Phone Number",),
        "company": ("Organization",),
        "job_title": ("Title",),
        "street": ("Address",),
        "city": ("City",),
        "postal_code": ("Zip Code", "Zip / Postal Code"),
        "state": ("State / Region",),
        "country": ("Country",),
        "source": ("Source",),
        "language": ("Locale",),
        "joined_at": ("Profile Created On", "Date Added"),
    },
    person=("Klaviyo ID",),
    out=("Email Suppressions",),
    status=("Email Marketing Consent",),
    separator=",",
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
