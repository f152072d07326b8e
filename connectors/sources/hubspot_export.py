"""HubSpot's export of contacts: a table whose opt-outs, record id and list separator are known.

Column names are the labels of HubSpot's default contact properties: `hs_email_optout` is labelled
"Unsubscribed from all email" ("Opted out of all email" in older accounts), and each subscription type adds a
column `hs_email_optout_<id>` labelled "Opted out of email: <its name>". Exports can carry either the labels or
the internal names. See knowledge.hubspot.com, "HubSpot's default contact properties" and "Export your
records". Multi-select values are joined by semicolons.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.base import Source, SourceFacts
from connectors.sources.opening import open_table

__all__ = ["OPT_OUT_COLUMNS", "OPT_OUT_PREFIXES", "open_source"]

OPT_OUT_COLUMNS = ("Unsubscribed from all email", "Opted out of all email", "hs_email_optout")
OPT_OUT_PREFIXES = ("Opted out of email: ", "hs_email_optout_")
"""Columns named after the account's own subscription types; those in the file at hand join its facts."""


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The export at `path`, as CSV or whatever it was saved as since. Raises SourceError."""
    source = open_table(path, settings)
    own = tuple(name for name in source.header if name.startswith(OPT_OUT_PREFIXES))
    source.facts = SourceFacts(
        opt_out_columns=(*OPT_OUT_COLUMNS, *own),
        person_column="Record ID",
        list_separator=";",
    )
    return source
