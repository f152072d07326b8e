"""muster check --all: the mappings of a folder beside each other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from connectors.errors import MappingError
from flows.opening import load_mapping
from flows.overlaps import Overlap, overlaps
from mappings.engine.complaints import visible
from mappings.engine.document import Mapping

__all__ = ["check_all"]

_LOOKED_AT = 1_000_000


def check_all(folders: Sequence[str], *, as_json: bool, fail_on_warning: bool) -> int:
    """The exit code: 0, 1 for warnings where that is asked, 2 when a mapping cannot be read. Raises MappingError."""
    places = [Path(folder).expanduser() for folder in folders or (".",)]
    mappings, unreadable = _read(_files(places))
    if not mappings and not unreadable:
        where = ", ".join(f"'{place}'" for place in places)
        raise MappingError(f"There is no mapping in {where}.", "Name the folder: muster check --all FOLDER.")
    found = overlaps(mappings)
    if as_json:
        click.echo(json.dumps(_facts(mappings, unreadable, found), ensure_ascii=False, indent=2))
    else:
        _show(mappings, unreadable, found)
    return 2 if unreadable else 1 if found and fail_on_warning else 0


def _files(places: Iterable[Path]) -> list[Path]:
    """The YAML files that look like mappings, each once. A file that is named counts as one."""
    found: dict[Path, None] = {}
    for place in places:
        if place.is_file():
            found[place] = None
            continue
        if not place.is_dir():
            raise MappingError(f"There is no folder {place}.", "Name one that holds mappings.")
        paths = [
            path for path in sorted(place.iterdir()) if path.suffix in (".yml", ".yaml") and path.is_file()
        ]
        found |= {path: None for path in paths if _looks_like_one(path)}
    return list({path.resolve(): path for path in found}.values())


def _looks_like_one(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            text = file.read(_LOOKED_AT)
    except OSError:
        return True  # then it is said why it cannot be read
    return all(re.search(rb"^%s\s*:" % name, text, re.MULTILINE) for name in (b"destination", b"fields"))


def _read(paths: Iterable[Path]) -> tuple[list[Mapping], dict[str, str]]:
    mappings, unreadable = [], {}
    for path in paths:
        try:
            mappings.append(load_mapping(path))
        except MappingError as error:
            unreadable[str(path)] = error.what
    return mappings, unreadable


def _facts(mappings: list[Mapping], unreadable: dict[str, str], found: list[Overlap]) -> dict[str, Any]:
    return {
        "mappings": [
            {
                "path": one.file, "name": one.name, "kind": one.destination.kind, "account": one.destination.account,
                "rate": one.destination.rate,
            }
            for one in mappings
        ],
        "unreadable": [{"path": path, "complaints": said.splitlines()} for path, said in unreadable.items()],
        "warnings": [
            {"code": o.code, "account": o.account, "about": list(o.about), "mappings": list(o.files), "what": o.what, "fix": o.fix}
            for o in found
        ],
    }  # fmt: skip


def _show(mappings: list[Mapping], unreadable: dict[str, str], found: list[Overlap]) -> None:
    count = len(mappings)
    click.echo(f"{count} mapping{'' if count == 1 else 's'} read:")
    for one in mappings:
        destination = one.destination
        rate = f", {destination.rate:g} a second" if destination.rate is not None else ""
        click.echo(visible(f"  {one.file}  {one.name} to {destination.kind}, {destination.account}{rate}"))
    for overlap in found:
        where = f" ({overlap.account})" if overlap.account else ""
        click.echo(visible(f"\nwarning: {overlap.what}{where}"))
        click.echo(visible(f"  in {', '.join(overlap.files)}"))
        if overlap.fix:
            click.echo(f"  {overlap.fix}")
    for said in unreadable.values():
        click.echo(visible(f"\nmuster: {said}"), err=True)
    if not found and not unreadable:
        click.echo("They do not get into each other's way.")
