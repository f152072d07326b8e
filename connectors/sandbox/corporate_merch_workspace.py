"""What the owner of a Corporate Merch account set up: lists and contact labels, read from a JSON file.

No page shows an endpoint that lists or makes them; all that is documented is that an id has to exist.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.errors import CannotStart

__all__ = ["MANY", "WORKSPACE", "Workspace"]

MANY = ("lists", "labels")
WORKSPACE = Path(__file__).with_name("corporate_merch_workspace.json")
INT32 = range(-(2**31), 2**31)


@dataclass(slots=True)
class Workspace:
    """The names by id. The ids of the two overlap nowhere by default, so that one taken for the other is refused."""

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


def _by_id(given: list[dict[str, Any]]) -> dict[int, str]:
    names = {int(one.get("id", number)): str(one["name"]) for number, one in enumerate(given, start=1)}
    if wrong := [number for number in names if number not in INT32]:
        raise ValueError(f"{wrong[0]} is no int32")
    return names
