"""Types: one file each; the file's name is the type's name in a mapping.

Each has a function `convert(texts, settings) -> Converted`. `texts` are cleaned cells without nulls, where blank is
''. The values that come back are the canonical texts in the destination's own form, null where the cell is
blank or wrong; two cells that mean the same have the same canonical text.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Converted", "Settings", "Wrong", "by_value", "transform", "types"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the mapping and the destination say about one field."""

    formats: tuple[str, ...] = ()
    timezone: str = "UTC"
    region: str | None = None
    truthy: tuple[str, ...] = ("true", "yes", "1", "y", "t", "on")
    falsy: tuple[str, ...] = ("false", "no", "0", "n", "f", "off")
    split: str = ";"
    decimal: str | None = None
    thousands: str | None = None
    options: tuple[str, ...] = ()
    form: str = ""
    spellings: Mapping[str, str] = field(default_factory=dict)
    others: str = "wrong"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cell with a problem: its position, the problem's code, and what fills the code's message."""

    at: int
    code: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Converted:
    """Canonical texts (null where blank or wrong), and what is wrong with which cell."""

    values: pa.Array
    wrong: list[Wrong] = field(default_factory=list)


def transform(name: str) -> Callable[[pa.Array, Settings], Converted]:
    """The function of a type. Raises ModuleNotFoundError for a name that is no type."""
    found: Callable[[pa.Array, Settings], Converted] = importlib.import_module(f"{__name__}.{name}").convert
    return found


def types() -> list[str]:
    """The names of all types."""
    import pkgutil  # noqa: PLC0415 - only the documentation asks

    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def by_value(texts: pa.Array, convert: Callable[[str], str | tuple[str, dict[str, Any]] | None]) -> Converted:
    """Converts each distinct text once. `convert` gives the canonical text, None for none, or (code, detail)."""
    distinct = texts.dictionary_encode()
    results = [None if text == "" else convert(text) for text in distinct.dictionary.to_pylist()]
    values = pa.array([r if isinstance(r, str) else None for r in results], pa.string()).take(
        distinct.indices
    )
    wrong: list[Wrong] = []
    bad = {index: r for index, r in enumerate(results) if isinstance(r, tuple)}
    if bad:
        hit = pc.is_in(distinct.indices, value_set=pa.array(list(bad), pa.int32()))
        for position in pc.indices_nonzero(hit).to_pylist():
            code, detail = bad[distinct.indices[position].as_py()]
            wrong.append(Wrong(position, code, detail))
    return Converted(values, wrong)


def blank_as_null(texts: pa.Array) -> pa.Array:
    """'' becomes null."""
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
