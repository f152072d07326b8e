"""Google Contacts' export as "Google CSV", in its present form and in the one before.

Several addresses and numbers have numbered columns ("E-mail 1 - Value"); several of one label stand in one cell with ` ::: ` between them, as labels do. Nothing says whether
somebody wants mail.
Source: support.google.com/contacts, "Export, back up, or restore contacts"; both headers stand in public importers of that export. It is the English
one in those of Spanish and Russian authors as well, and no file with a translated one was found.
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
    product="Google Contacts",
    signs=(
        ("E-mail 1 - Value", "Given Name", "Family Name"),
        ("E-mail 1 - Value", "First Name", "Last Name"),
        ("E-mail 1 - Value", "Labels"),
        ("E-mail 1 - Value", "Group Membership"),
    ),
    columns={
        "email_address": ("E-mail 1 - Value", "E-mail 2 - Value", "E-mail 3 - Value"),
        "first_name": ("First Name", "Given Name"),
        "last_name": ("Last Name", "Family Name"),
        "full_name": ("Name",),
        "phone": ("Phone 1 - Value", "Phone 2 - Value", "Phone 3 - Value"),
        "company": ("Organization Name", "Organization 1 - Name"),
        "job_title": ("Organization Title", "Organization 1 - Title"),
        "street": ("Address 1 - Street",),
        "city": ("Address 1 - City",),
        "postal_code": ("Address 1 - Postal Code",),
        "state": ("Address 1 - Region",),
        "country": ("Address 1 - Country",),
        "birthday": ("Birthday",),
        "website": ("Website 1 - Value",),
        "salutation": ("Name Prefix",),
    },
    separator=" ::: ",
    formats={"Birthday": "YYYY-MM-DD"},
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
