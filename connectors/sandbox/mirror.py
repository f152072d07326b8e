"""A sandbox that mirrors an account: the same fields, tags and lists, and if it is wanted the same contacts.

What of an account a sandbox can take over is said by its module: `workspace_of(schema)` gives the text of its workspace
file, as JSON, and `contact_of(known, schema)` a contact as its `seed` takes them. One without the first cannot mirror
an account, one without the second not its contacts.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from connectors.errors import CannotStart
from connectors.sandbox.serving import kinds

if TYPE_CHECKING:
    from connectors.base import Known
    from mappings.engine.schema import Schema

__all__ = ["contacts_like", "workspace_like"]


def workspace_like(kind: str, schema: Schema) -> str:
    """The workspace file of a sandbox with an account's fields, tags and lists. Raises CannotStart."""
    return json.dumps(_can(kind, "workspace_of")(schema), ensure_ascii=False, indent=2) + "\n"


def contacts_like(kind: str, there: Sequence[Known], schema: Schema) -> list[dict[str, Any]]:
    """Contacts of an account, as the sandbox takes them; those without an address are left out. Raises CannotStart."""
    contact_of = _can(kind, "contact_of")
    return [contact_of(known, schema) for known in there if known.key]


def _can(kind: str, name: str) -> Any:
    found = getattr(_module(kind), name, None)
    if found is None:
        what = "fields" if name == "workspace_of" else "contacts"
        raise CannotStart(
            f"The sandbox of {kind} cannot take over the {what} of an account.",
            "muster plan shows what a sync would do, and writes nothing.",
        )
    return found


def _module(kind: str) -> ModuleType:
    if kind not in kinds():
        raise CannotStart(
            f"There is no sandbox for {kind}, so that nothing can be rehearsed.",
            "muster plan shows what a sync would do, and writes nothing.",
        )
    return importlib.import_module(f"connectors.sandbox.{kind}")
