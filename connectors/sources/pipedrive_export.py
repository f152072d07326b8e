"""Pipedrive's export of people, as CSV or as a workbook: each column begins with "Person - ".

"Person - Marketing status" is Subscribed, No consent, Unsubscribed, Bounced or Archived; only the first may be mailed. Labels and fields with
several options are joined by commas.
Source: support.pipedrive.com, "How can I export data from Pipedrive?" and "Marketing status"; the names also stand in public importers of that export.
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
    ),
    columns={
        "email_address": (
            "Person - Email - Work",
            "Person - Email",
            "Person - Email - Home",
            "Person - Email - Other",
        ),
        "full_name": ("Person - Name",),
        "first_name": ("Person - First name",),
        "last_name": ("Person - Last name",),
        "phone": (
            "Person - Phone - Mobile",
            "Person - Phone - Work",
            "Person - Phone",
            "Person - Phone - Home",
        ),
        "company": ("Person - Organization",),
        "job_title": ("Person - Job title", "Person - Title"),
        "street": ("Person - Postal address",),
        "birthday": ("Person - Birthday",),
        "joined_at": ("Person - Person created",),
    },
    person=("Person - ID",),
    status=("Person - Marketing status",),
    separator=",",
    formats={"Person - Person created": "YYYY-MM-DD hh:mm:ss", "Person - Birthday": "YYYY-MM-DD"},
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
