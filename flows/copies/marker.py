"""What a run's folder says of its copies: where they are, and what of each lies there. There is none where nothing is copied.

It is written before the first copy is made and before each of them, so that a run that is killed leaves more said than there is,
and never less.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from connectors.places.kinds import Setting
from connectors.places.place import Place
from flows.report.writing import whole
from mappings.engine import document

__all__ = ["MARKER", "Copies", "hash_of", "link_of"]

MARKER = "copies.json"
_SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Copies:
    """The copies of a run: in `to`, a folder or an address, under MAPPING/RUN (`under`), to be opened at `link` ('': the place's own).

    `mapping` is the mapping's file, beside which settings are looked for; `files` are the names that are wanted. `lying` tells by name the SHA-256 of what lies
    there, '' where that is not certain. `address` is where the report was put, `done`: nothing is left to be copied.
    """

    to: str
    link: str
    under: str
    mapping: str
    files: tuple[str, ...]
    lying: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    done: bool = False

    @classmethod
    def meant(cls, mapping: document.Mapping, run_id: str) -> Self | None:
        """What a mapping says of a run's copies; None where it says nothing. Raises no error: a place that is not there is found later."""
        reports = mapping.reports
        if reports is None:
            return None
        file = str(Path(mapping.file).absolute())
        return cls(reports.to, reports.link or "", f"{mapping.name}/{run_id}", file, tuple(reports.files))

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What a run's folder says; None where it says nothing, or nothing that can be read."""
        try:
            found = json.loads((folder / MARKER).read_text("utf-8"))
            return cls(
                found["to"], found["link"], found["under"], found["mapping"], tuple(found["files"]),
                dict(found["lying"]), found["address"], bool(found["done"]),
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Raises OSError."""
        said = {
            "schema_version": _SCHEMA_VERSION, "to": self.to, "link": self.link, "under": self.under, "mapping": self.mapping,
            "files": list(self.files), "lying": dict(self.lying), "address": self.address, "done": self.done,
        }  # fmt: skip
        with whole(folder / MARKER) as file:
            file.write(json.dumps(said, ensure_ascii=False, indent=1).encode())

    def with_lying(self, name: str, sha256: str | None) -> Self:
        """With another word on one file; None: it lies there no more."""
        lying = {**self.lying, name: sha256}
        known = {one: said for one, said in lying.items() if said is not None}
        return replace(self, lying=known, done=False)

    def place(self, setting: Setting) -> Place:
        """Raises SourceError."""
        return Place.folder(self.to, beside=Path(self.mapping).parent, setting=setting)

    def at(self, place: Place) -> Self:
        """With the address at which people open the report. Nothing of a person is in it, and no user's name."""
        path = f"{self.under}/report.html"
        own = place.address(place.within(path))
        return replace(self, address=f"{self.link.rstrip('/')}/{path}" if self.link else own)

    @property
    def opens(self) -> str:
        """The address of the report, '' where it does not lie there for certain."""
        return self.address if self.lying.get("report.html") else ""

    def wanted(self, folder: Path) -> list[str]:
        """The files in the run's folder that are to be copied, in their order."""
        return [name for name in document.REPORT_FILES if name in self.files and (folder / name).is_file()]

    def stale(self, folder: Path) -> list[str]:
        """Those of them that do not lie there as they are. Raises OSError."""
        return [name for name in self.wanted(folder) if self.lying.get(name, "") != hash_of(folder / name)]

    def outlived(self, folder: Path) -> list[str]:
        """What lies there, or may, and is not in the run's folder any more, or not wanted."""
        return [name for name in self.lying if name not in self.files or not (folder / name).is_file()]


def link_of(folder: Path) -> str:
    """Where people without a shell open the report of a run's folder, '' where they cannot."""
    copies = Copies.read(folder)
    return copies.opens if copies is not None else ""


def hash_of(path: Path) -> str:
    """SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
