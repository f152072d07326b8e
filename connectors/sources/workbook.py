"""A workbook and its sheets, read by a process of its own (`workbook_reader`) into a private file."""

from __future__ import annotations

import json
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import SourceError
from connectors.sources import workbook_reader
from connectors.sources.private_folder import PrivateFolder
from connectors.sources.sheet_facts import SheetFacts, check_parts, damaged, of_ods, of_xlsx

__all__ = ["Sheet", "Workbook"]

_PATIENCE_SECONDS = 900
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONHOME", "LD_LIBRARY_PATH")
"""Of the environment; nothing else of it, and so no key, goes to the process that reads strangers' files."""
_CODE = str(Path(__file__).resolve().parents[2])
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""The stream of an .xlsx with a password, which is kept in the form of old workbooks."""


@dataclass(eq=False)
class Sheet:
    """A sheet as text. `left` is its first column that is not blank, from 1."""

    name: str
    facts: SheetFacts
    folder: PrivateFolder
    left: int = 1

    @property
    def text(self) -> Path:
        return self.folder.path / "sheet"

    def rows(self) -> Iterator[tuple[int, list[str], int]]:
        """(row, from 1; cells from `left` on, errors as they show; how many of its numbers are too long for a workbook)."""
        errors: dict[int, list[tuple[int, str]]] = {}
        for (row, column), text in self.facts.errors.items():
            errors.setdefault(row, []).append((column - self.left, text))
        with self.text.open(encoding="utf-8") as file:
            next(file)
            for line in file:
                number, cells, long = json.loads(line)
                for at, text in errors.get(number, ()):
                    if 0 <= at < len(cells):
                        cells[at] = text
                yield number, cells, long


class Workbook:
    """The workbook at `path`, whose form is xlsx, xls or ods. `sheets` says by name whether it is hidden."""

    def __init__(self, path: Path, form: str) -> None:
        """Raises SourceError where it cannot be read, is too large, or has a password."""
        self.path = path
        self._form = form
        self._ods: dict[str, SheetFacts] = {}
        if form == "xls" and _has(path, _ENCRYPTED):
            raise self._locked()
        if form == "ods":  # all of it is read at once
            self._ods = of_ods(path)
            for name, facts in self._ods.items():
                facts.check_size(path, name)
        if form == "xlsx":
            check_parts(path)
        told = self._read()
        self.sheets: dict[str, bool] = {one["name"]: one["hidden"] for one in json.loads(told)}

    def sheet(self, name: str) -> Sheet:
        """One of them. Raises SourceError."""
        facts = of_xlsx(self.path, name) if self._form == "xlsx" else self._ods.get(name, SheetFacts())
        facts.check_size(self.path, name)
        found = Sheet(name, facts, PrivateFolder())
        with found.folder.kept():
            self._read(name, str(found.text))
            with found.text.open(encoding="utf-8") as file:
                start = json.loads(next(file))
        found.left = start[1] + 1 if start else 1
        return found

    def _locked(self) -> SourceError:
        return SourceError(
            f"{self.path} is protected by a password.", "Save it without one, or export it as CSV."
        )

    def _read(self, *asked: str) -> bytes:
        command = [sys.executable, "-P", "-m", workbook_reader.__name__, str(self.path), *asked]
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (_CODE, os.environ.get("PYTHONPATH"))))
        try:
            done = subprocess.run(  # noqa: S603 - our own module
                command, stdin=subprocess.DEVNULL, capture_output=True, env=environment, umask=0o077, check=False,
                timeout=_PATIENCE_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise SourceError(
                f"{self.path} was not read within {_PATIENCE_SECONDS // 60} minutes.", "Export it as CSV."
            ) from None
        except ValueError:  # a name with a NUL
            raise damaged(self.path) from None
        if done.returncode == workbook_reader.LOCKED:
            raise self._locked()
        if done.returncode in (workbook_reader.TOO_LARGE, -signal.SIGABRT):
            raise SourceError(
                f"{self.path} needs more than {workbook_reader.MEMORY >> 30} GB of memory or disk to be read; it may be damaged.",
                "Export it as CSV, which may have any size.",
            )
        if done.returncode:
            raise damaged(self.path)
        return done.stdout


def _has(path: Path, sign: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return whole.find(sign) >= 0
