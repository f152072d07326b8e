"""The kinds of sources and destinations: a file each, and what is installed beside muster."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from connectors.errors import MappingError
from mappings.engine.complaints import nearest

__all__ = ["destination_module", "formats", "installed", "kinds", "source_module"]

_SAYS_SO = {"sources": r"^def open_source\b", "destinations": r"^class Connector\b"}
_FORMAT = r"^FORMAT\b"


def kinds(package: str) -> list[str]:
    """The kinds of a package of sources or destinations: a file each, and what is installed beside muster."""
    return sorted({*_own(package), *installed(f"muster.{package}")})


@functools.cache
def formats() -> tuple[str, ...]:
    """The kinds of sources that are formats (see connectors.sources.opening); the others are exports in any of them."""
    outside = [kind for kind in installed("muster.sources") if hasattr(source_module(kind), "FORMAT")]
    own = [kind for kind in _own("sources") if kind not in installed("muster.sources")]
    return tuple(sorted([kind for kind in own if _says("sources", kind, _FORMAT)] + outside))


@functools.cache
def _own(package: str) -> tuple[str, ...]:
    names = (module.name for module in pkgutil.iter_modules([str(_folder(package))]))
    return tuple(name for name in names if _says(package, name, _SAYS_SO[package]))


def _says(package: str, name: str, pattern: str) -> bool:
    text = (_folder(package) / f"{name}.py").read_text("utf-8")
    return re.search(pattern, text, re.MULTILINE) is not None


def _folder(package: str) -> Path:
    return Path(importlib.import_module(f"connectors.{package}").__path__[0])


@functools.cache
def installed(group: str) -> Mapping[str, EntryPoint]:
    """What packages beside muster plug in, by kind. Looked for once: all that is installed has to be gone through."""
    return {entry.name: entry for entry in entry_points(group=group)}


def source_module(kind: str) -> ModuleType:
    """The module of a kind of source. Raises MappingError with the kinds that exist."""
    return _module("sources", kind)


def destination_module(kind: str) -> ModuleType:
    """The module of a kind of destination. Raises MappingError with the kinds that exist."""
    return _module("destinations", kind)


def _module(package: str, kind: str) -> ModuleType:
    known = kinds(package)
    if kind not in known:
        like = nearest(kind, known)
        raise MappingError(
            f"muster knows no {package[:-1]} of the kind '{kind}'.",
            f"Did you mean {like}?" if like else f"It knows: {', '.join(known)}.",
        )
    if kind in (plugged_in := installed(f"muster.{package}")):
        module: ModuleType = plugged_in[kind].load()
        return module
    return importlib.import_module(f"connectors.{package}.{kind}")
