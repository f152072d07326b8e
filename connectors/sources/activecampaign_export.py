"""ActiveCampaign's export of contacts.

Each list may add a column with the contact's status on it; what is known of all accounts is the address, names, the phone, the account, the tags, joined by commas, and
when and from where the contact was added.
Source: help.activecampaign.com, "Export contacts from ActiveCampaign" and "Contact statuses" (Active, Unsubscribed, Unconfirmed, Bounced). Columns carry the labels of the contact's fields; no public
file shows a whole header, nor one in another language than English.
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
    product="ActiveCampaign",
    signs=(
        ("Email", "First Name", "Last Name", "Date Created", "Tags", "IP Address"),
        ("Email", "First Name", "Last Name", "Date Created", "Tags", "IP4"),
        ("Contact ID", "Email", "Date Created", "Tags"),
        ("ID", "Email", "Date Created", "Tags", "Organization"),
        ("Email", "First Name", "Last Name", "Phone", "Date Created", "Tags"),
    ),
    columns={
        "email_address": ("Email",),
        "first_name": ("First Name",),
        "last_name": ("Last Name",),
        "phone": ("Phone",),
        "company": ("Account", "Account Name", "Organization", "Customer Account"),
        "job_title": ("Job Title",),
        "joined_at": ("Date Created",),
    },
    person=("Contact ID", "ID"),
    status=("Status", "Contact Status", "Email Status"),
    separator=",",
)


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`. Raises SourceError where it is another file."""
    return opened(path, settings, EXPORT)
