"""The list of an account's fields, tags and lists as it was last read, for whoever cannot ask: without a network, or in CI.

It lies in the home folder's `fields/`, and where a person asked for it (`muster check --keep-fields`) beside the mapping, to be committed with it.
It holds what fields, tags and lists are called, and nothing of any contact.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.errors import MappingError
from mappings.engine.document import Mapping
from mappings.engine.schema import Field, Schema

__all__ = ["FieldList", "beside", "keep", "kept_for", "kept_of"]

_VERSION = 1


@dataclass(frozen=True, slots=True)
class FieldList:
    """What was read, when, and the file that says it."""

    schema: Schema
    read_at: str
    path: Path


def beside(mapping: Path, kind: str, account: str) -> Path:
    """Where the list lies that is committed with a mapping."""
    return mapping.resolve().parent / f"{kind}-{account}.fields.json"


def kept_of(document: Mapping, path: Path, home: Path) -> FieldList | None:
    """The list for a mapping's account: the one beside the mapping, else the home's. None where there is none.

    Raises MappingError for one beside the mapping that cannot be read; the home's own is read anew some day.
    """
    return kept_for(document.destination.kind, document.destination.account, home, near=path)


def kept_for(kind: str, account: str, home: Path, *, near: Path | None) -> FieldList | None:
    """The same for an account and a mapping's place, which may not be written yet."""
    committed = beside(near, kind, account) if near is not None else None
    if committed is not None and committed.is_file():
        try:
            return _read(committed)
        except (OSError, ValueError, KeyError, TypeError):
            raise MappingError(
                f"{committed} is no list of fields that this version of muster can read.",
                "Write it anew with muster check MAPPING --keep-fields, or remove it.",
            ) from None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return _read(_in(home, kind, account))
    return None


def keep(
    schema: Schema, kind: str, account: str, *, home: Path | None = None, near: Path | None = None
) -> Path | None:
    """Keeps what was read: in the home folder if that is there already, or in the file `near`. None where it is not kept."""
    if near is None:
        if home is None or not home.is_dir():
            return None
        with contextlib.suppress(OSError):  # what cannot be kept is read again
            target = _in(home, kind, account)
            target.parent.mkdir(mode=0o700, exist_ok=True)
            _write(target, schema, kind, account, mode=0o600)
            return target
        return None
    try:
        _write(near, schema, kind, account)
    except OSError as error:
        raise MappingError(
            f"{near} cannot be written: {error.strerror}.", "Look at the rights of the mapping's folder."
        ) from None
    return near


def _in(home: Path, kind: str, account: str) -> Path:
    return home / "fields" / f"{kind}-{account}.json"


def _write(target: Path, schema: Schema, kind: str, account: str, *, mode: int = 0o666) -> None:
    facts = {
        "schema_version": _VERSION,
        "kind": kind,
        "account": account,
        "read_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        **{name: _plain(value) for name, value in _parts(schema).items()},
    }
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with os.fdopen(
            os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "w", encoding="utf-8"
        ) as file:
            file.write(json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
        part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _parts(schema: Schema) -> dict[str, Any]:
    return {one.name: getattr(schema, one.name) for one in dataclasses.fields(schema)}


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [
            {one.name: _plain(getattr(item, one.name)) for one in dataclasses.fields(item)}
            if isinstance(item, Field)
            else item
            for item in value
        ]
    return dict(value) if hasattr(value, "items") else value


def _read(path: Path) -> FieldList:
    facts = json.loads(path.read_text("utf-8"))
    if facts["schema_version"] != _VERSION:
        raise ValueError(path)
    fields = tuple(Field(**{**one, "options": tuple(one["options"])}) for one in facts["fields"])
    schema = Schema(
        fields=fields,
        tags=dict(facts["tags"]),
        lists=dict(facts["lists"]),
        live=facts["live"],
        fixed=facts["fixed"],
        numbered=frozenset(facts["numbered"]),
        refuses=frozenset(facts["refuses"]),
        reserved=dict(facts["reserved"]),
        identities=tuple(facts["identities"]),
        watched=frozenset(facts["watched"]),
    )
    return FieldList(schema, str(facts["read_at"]), path)
