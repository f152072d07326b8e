"""What the owner of a Corporate Merch account set up: lists and contact labels, read from a JSON file.

No page shows an endpoint that lists or makes them; all that is documented is that an id has to exist.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.errors import CannotStart

if TYPE_CHECKING:
    from connectors.base import Known
    from mappings.engine.schema import Schema

__all__ = ["MANY", "WORKSPACE", "Workspace", "contact_of", "workspace_of"]

MANY = ("lists", "labels")
ANY = "any"
WORKSPACE = Path(__file__).with_name("corporate_merch_workspace.json")
INT32 = range(-(2**31), 2**31)


@dataclass(slots=True)
class Workspace:
    """The names by id. The ids of the two overlap nowhere by default, so that one taken for the other is refused.

    A file that says "any" for one of them takes every number: of an account of which nobody knows what it has.
    """

    lists: dict[int, str]
    labels: dict[int, str]

    @classmethod
    def read(cls, path: Path) -> Workspace:
        """From a JSON file. Raises CannotStart."""
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            return cls(*(_by_id(given.get(many, [])) for many in MANY))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CannotStart(
                f"The workspace {path} cannot be read: {error!r}.", f"It has the shape of {WORKSPACE}."
            ) from None

    def names(self, many: str) -> dict[int, str]:
        """Those of `lists` or of `labels`."""
        return self.lists if many == "lists" else self.labels


class _Any(dict[int, str]):
    """Every number is there, and called by itself."""

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and number in INT32

    def __missing__(self, number: int) -> str:
        return str(number)


def _by_id(given: list[dict[str, Any]] | str) -> dict[int, str]:
    if given == ANY:
        return _Any()
    if isinstance(given, str):
        raise TypeError(f"neither a list nor {ANY}: {given}")
    names = {int(one.get("id", number)): str(one["name"]) for number, one in enumerate(given, start=1)}
    if wrong := [number for number in names if number not in INT32]:
        raise ValueError(f"{wrong[0]} is no int32")
    return names


def workspace_of(schema: Schema) -> dict[str, Any]:  # noqa: ARG001 - every account has the same fields
    """The file of an account of which nobody can ask which lists and labels it has: it takes every number."""
    return dict.fromkeys(MANY, ANY)


def contact_of(known: Known, schema: Schema) -> dict[str, Any]:
    """Somebody who is there, as `seed` takes them; also the second one with the same address."""
    fields = {name: value for name, value in known.fields.items() if schema.field(name) is not None}
    address = fields.pop("email", None) or known.key
    labels, lists = (sorted(map(int, many or ())) for many in (known.tags, known.lists))
    return {"email_address": address, "fields": fields, "labels": labels, "lists": lists, "another": True}
