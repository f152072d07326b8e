"""A whole mapping around a fragment of one, as documents show it."""

from __future__ import annotations

from collections.abc import Sequence

from mappings.engine.document import Mapping

__all__ = ["around"]

HEAD = "name: news\nsource: {kind: csv_file}\ndestination: {kind: campaignlark}\nkey: email_address\n"
CONSENT = "consent: {assumed: they asked for it}"


def around(lines: Sequence[str]) -> str:
    """The text of a mapping with these lines: keys of the mapping itself at its edge, all others under `fields:`."""
    edge = [line for line in lines if line.partition(":")[0] in Mapping.model_fields]
    fields = [line for line in lines if line not in edge]
    if not any(line.startswith("email_address:") for line in fields):
        fields.insert(0, "email_address: Email")
    if not any(line.startswith("consent:") for line in edge):
        edge.insert(0, CONSENT)
    return (
        HEAD + "fields:\n" + "".join(f"  {line}\n" for line in fields) + "".join(f"{line}\n" for line in edge)
    )
