"""JSON and JSON Lines: a list of objects is a table, and so is a file with an object on each line.

An object inside becomes columns with a dot (`address.city`), a list of plain values one text with semicolons, and of a list of objects the
first three are columns with their position (`emails.1.value`). Numbers are as they are written, `true` and `false` are words,
`null` is blank. `line` is the physical line on which the object begins.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connectors.base import Oddity
from connectors.errors import SourceError
from connectors.sources.json_walk import Number, Pairs, Walk, decoder
from connectors.sources.row_source import Row, RowSource, check_columns
from connectors.sources.settling import LONGEST_ROW
from mappings.engine.complaints import listed, nearest

__all__ = ["FORMAT", "POSITIONS", "SETTINGS", "open_source", "recognises"]

FORMAT = "a JSON file"
SETTINGS = ("at",)
POSITIONS = 3
"""Objects of a list that become columns."""
_SIGN = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:\[\s*)?(?:\{\s*(?:"(?:[^"\\]|\\.)*"\s*:|\})|\]\s*$)', re.DOTALL)
_HALF = re.compile(r"[\ud800-\udfff]")


def recognises(path: Path, head: bytes) -> bool:  # noqa: ARG001 - others look further
    """Whether it begins with an object, or with a list of objects."""
    return _SIGN.match(head) is not None


def open_source(path: Path, settings: Mapping[str, Any]) -> RowSource:
    """The list of objects in the file at `path`; `at` is its dotted path where there are several. Raises SourceError."""
    wanted = settings.get("at")
    lines = wanted is None and _has_lines(path)
    at = "" if lines else _found(path, wanted)
    table = _Table(path, at, lines=lines)
    names = table.names()
    if not names:
        raise SourceError(f"{path} holds no objects, and so no contacts.", "Export it again.")
    reading: dict[str, Any] = {"format": "JSON Lines" if lines else "JSON", "encoding": "UTF-8"}
    if not lines:
        reading["at"] = at if at is not None else "(the whole, as one row)"
        reading["at"] = reading["at"] or "(the list that the file is)"
    return RowSource(path, names, table.rows, reading=reading, oddities=table.oddities)


def _has_lines(path: Path) -> bool:
    """Whether the first line, or the second where that is broken, is an object of its own, and there is more than one."""
    with path.open("rb") as file:
        first, second = _first_line(file), _first_line(file)
    begins = first.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{")
    return begins and bool(second) and (_is_object(first) or _is_object(second))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(decoder.decode(line.decode("utf-8-sig").strip()), Pairs)
    except (ValueError, RecursionError):
        return False


def _first_line(file: Any) -> bytes:
    while line := file.readline(LONGEST_ROW):
        if line.strip():
            return bytes(line)
    return b""


def _walk(path: Path) -> tuple[Any, Walk]:
    file = path.open(encoding="utf-8-sig", newline="")
    return file, Walk(file, str(path))


def _found(path: Path, wanted: Any) -> str | None:
    """The path of the list of objects; None where the document is one object without any. Raises SourceError."""
    lists: dict[str, bool] = {}
    file, walk = _walk(path)
    with file:
        for where, _, element in walk.elements():
            lists[where] = lists.get(where, False) or isinstance(element, Pairs)
    tables = [where for where, has_objects in lists.items() if has_objects]
    if wanted is not None:
        if str(wanted) in lists:
            return str(wanted)
        like = nearest(str(wanted), tables)
        known = (
            f"Did you mean {like}?"
            if like
            else f"There are: {listed(tables)}."
            if tables
            else "There is none."
        )
        raise SourceError(f"{path} has no list at {wanted}.", known)
    if len(tables) > 1:
        raise SourceError(
            f"{path} holds several lists: {listed(tables)}.",
            f"Say which one has the contacts: at: {tables[0]} under source: (or --at).",
        )
    return tables[0] if tables else None


class _Table:
    """Objects as rows. It is gone through twice: once for the columns, once for the rows."""

    def __init__(self, path: Path, at: str | None, *, lines: bool) -> None:
        self.oddities: list[Oddity] = []
        self._path = path
        self._at = at
        self._lines = lines
        self._columns: dict[str, int] = {}
        self._notes: dict[str, tuple[int, int]] = {}

    def names(self) -> list[str]:
        """All columns, in the order in which they appear. Raises SourceError."""
        for _, found in self._objects():
            if isinstance(found, Pairs):
                for name, _ in _flat(found, "", {}):
                    if name not in self._columns:
                        self._columns[name] = len(self._columns)
                        check_columns(self._path, len(self._columns))
        return list(self._columns)

    def rows(self) -> Iterator[Row]:
        """Raises SourceError where the document can be read no further."""
        self._notes = {}
        for line, found in self._objects():
            yield self._row(line, found)
        texts = {
            "repeated_keys": "object has a key twice; the last value counts|objects have a key twice; the last value counts",
            "long_lists": f"list of objects has more than {POSITIONS}; the further ones are left out|lists of objects have more than {POSITIONS}; the further ones are left out",
            "semicolons": "list has a value with a semicolon, by which its values are joined|lists have a value with a semicolon, by which their values are joined",
        }  # fmt: skip
        for code, (count, line) in self._notes.items():
            one, many = texts[code].split("|")
            first = "the first on" if count > 1 else "on"
            self.oddities.append(
                Oddity(code, f"{count:,} {many if count > 1 else one}; {first} line {line}.", line)
            )

    def _row(self, line: int, found: Any) -> Row:
        if isinstance(found, Row):
            return found
        if not isinstance(found, Pairs):
            return Row(line, [_text(found)[:1000]], "row_unreadable", "it is no object")
        cells = [""] * len(self._columns)
        notes: dict[str, int] = {}
        for name, text in _flat(found, "", notes):
            at = self._columns.get(name)
            if at is None:  # the file was changed meanwhile, which is found at its end
                continue
            if _HALF.search(text):
                return Row(line, [_HALF.sub("�", text)], "row_undecodable", f"half a character in {name}")
            cells[at] = text
        for code in notes:
            count, first = self._notes.get(code, (0, line))
            self._notes[code] = (count + 1, first)
        return Row(line, cells)

    def _objects(self) -> Iterator[tuple[int, Any]]:
        if self._lines:
            yield from self._of_lines()
            return
        file, walk = _walk(self._path)
        with file:
            if self._at is None:
                yield walk.whole()
                return
            for where, line, element in walk.elements():
                if where == self._at:
                    yield line, element

    def _of_lines(self) -> Iterator[tuple[int, Any]]:
        with self._path.open("rb") as file:
            line = 0
            while raw := file.readline(LONGEST_ROW):
                line += 1
                if len(raw) == LONGEST_ROW:
                    raise SourceError(
                        f"{self._path}: line {line} is longer than {LONGEST_ROW >> 20} MB.",
                        "Look at that line.",
                    )
                if raw.strip():
                    yield line, _object_of(raw, line)


def _object_of(raw: bytes, line: int) -> Any:
    """What stands on a line; a row that says so where it is no JSON."""
    try:
        text = raw.decode("utf-8-sig" if line == 1 else "utf-8")
    except UnicodeDecodeError as error:
        shown = raw[:1000].decode("utf-8", "replace")
        return Row(line, [shown], "row_undecodable", f"byte {raw[error.start]:#04x}")
    try:
        return decoder.decode(text.strip())
    except json.JSONDecodeError as error:
        return Row(
            line,
            [text.strip()[:1000]],
            "row_unreadable",
            f"it is no JSON: {error.msg}, at character {error.colno}",
        )
    except RecursionError:
        return Row(line, [text.strip()[:1000]], "row_unreadable", "it is nested too deep")


def _flat(found: Pairs, prefix: str, notes: dict[str, int]) -> Iterator[tuple[str, str]]:
    """(column, text) of each value."""
    if len(found) != len({name for name, _ in found}):
        notes["repeated_keys"] = 1
        found = Pairs(dict(found).items())
    for key, value in found:
        name = f"{prefix}{key}"
        if isinstance(value, Pairs):
            yield from _flat(value, f"{name}.", notes)
        elif isinstance(value, list) and any(isinstance(one, Pairs) for one in value):
            if len(value) > POSITIONS:
                notes["long_lists"] = 1
            for number, one in enumerate(value[:POSITIONS], start=1):
                yield from _flat(Pairs([(str(number), one)]), f"{name}.", notes)
        else:
            if isinstance(value, list) and any(isinstance(one, str) and ";" in one for one in value):
                notes["semicolons"] = 1
            yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if value is None:
        return ""
    if (
        isinstance(value, list)
        and not isinstance(value, Pairs)
        and not any(isinstance(one, list) for one in value)
    ):
        return ";".join(_text(one) for one in value)
    return _written(value)


def _written(value: Any) -> str:
    """As JSON, with its numbers as they were."""
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{_written(key)}: {_written(one)}" for key, one in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)
