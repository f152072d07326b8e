"""What was edited in a mapping since the last complete run: which keys, and which of them a person should look at."""

from __future__ import annotations

from typing import Any

from flows.ledger import Ledger, Run
from flows.report.mapping_edited import MappingEdited
from mappings.engine.complaints import MappingInvalid, listed
from mappings.engine.document import Mapping
from mappings.engine.reading import plain_text

__all__ = ["edited", "told"]

LOOK_AT = {
    "key": "contacts are found another way",
    "where": "other rows are left out",
    "write": "what is there is overwritten another way",
    "consent": "other people may count as opted out",
    "guards": "the sync stops at other numbers",
}
"""What is said of a key that decides about people, when it was edited."""


def edited(before: Run | None, mapping: Mapping, ledger: Ledger) -> MappingEdited | None:
    """How the mapping differs from the one of an earlier run; None where there was none, or nothing differs."""
    if before is None or before.mapping_sha256 == mapping.sha256:
        return None
    text = ledger.runs.mapping_text(before.mapping_sha256)
    try:
        old = _flat(plain_text(text))
    except MappingInvalid:  # a version of muster that read it otherwise
        return None
    new = _flat(plain_text(mapping.text))
    added = [key for key in new if key not in old]
    removed = [key for key in old if key not in new]
    changed = [key for key in new if key in old and new[key] != old[key]]
    tops = {key.split(".")[0] for key in (*added, *removed, *changed)}
    return MappingEdited(
        since_run=before.id,
        added=added,
        removed=removed,
        changed=changed,
        look_at={key: said for key, said in LOOK_AT.items() if key in tops},
    )


def _flat(document: dict[str, Any]) -> dict[str, Any]:
    """Top-level keys, and under `fields.` the merge tags."""
    fields = document.get("fields")
    tags = {f"fields.{tag}": rule for tag, rule in fields.items()} if isinstance(fields, dict) else {}
    return {key: value for key, value in document.items() if key != "fields"} | tags


def told(edit: MappingEdited) -> str:
    """In a line, keys only.

    >>> told(MappingEdited(since_run="r1", added=["fields.city"], changed=["where"], look_at={"where": LOOK_AT["where"]}))
    'edited since the run r1: added fields.city; changed where. Look at where: other rows are left out.'
    """
    parts = [
        f"{verb} {listed(keys)}"
        for verb, keys in (("added", edit.added), ("removed", edit.removed), ("changed", edit.changed))
        if keys
    ]
    look = "".join(f" Look at {key}: {said}." for key, said in edit.look_at.items())
    return f"edited since the run {edit.since_run}: {'; '.join(parts) or 'only comments or layout'}.{look}"
