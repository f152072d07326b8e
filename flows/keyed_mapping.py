"""The mapping of a run whose rows are no source's: contacts that the ledger knows, by the key under which they were delivered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from connectors.kinds import destination_module
from mappings.engine import document

__all__ = ["COLUMN", "keyed_text"]

COLUMN = "key"
"""The one column of such rows."""


def keyed_text(mapping: document.Mapping, title: str, assumed: str, more: Mapping[str, Any]) -> str:
    """The text of a mapping that knows contacts by this one's key, goes where it goes, creates nobody, and says nothing but `more`.

    `assumed` is why it may go to a destination that mails people.
    """
    there = mapping.destination
    kept: dict[str, Any] = {
        "kind": there.kind,
        "account": there.account,
        "list_hours": f"{there.list_hours:g}",
    }
    if there.rate is not None:
        kept["rate"] = f"{there.rate:g}"
    if there.share is not None:
        kept["share"] = f"{there.share * 100:g}%"
    if there.patience is not None:
        kept["patience"] = f"{there.patience / 60:g} min"
    written: dict[str, Any] = {
        "name": mapping.name,
        "title": title,
        "source": {"kind": "csv_file"},
        "destination": kept,
        "write": "update_only",
        "key": mapping.key,
        "fields": {mapping.key: {"from": COLUMN}},
        "duplicates": "first",
        **more,
    }
    if destination_module(there.kind).Connector.mails_people:
        written["consent"] = {"assumed": assumed}
    if mapping.reports is not None:
        written["reports"] = mapping.reports.written()
    if mapping.suppress:
        written["suppress"] = list(mapping.suppress)
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True)
