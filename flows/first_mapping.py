"""A first mapping for a file: what is read for it, what is asked of the destination, and where it is written."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import unicodedata
from collections.abc import Iterable
from collections.abc import Mapping as Map
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import mappings
from connectors.base import Source
from connectors.errors import CredentialsError, MappingError, SourceError, Unreachable
from connectors.pace import Pace
from connectors.sources.given import Given
from connectors.sources.headers import refuse_doubts
from flows.consent import complaint_of
from flows.field_list import keep, kept_for
from flows.settings import Settings
from mappings.engine.complaints import listed
from mappings.engine.schema import Schema
from mappings.engine.suggesting import NoAddresses, Origin, Suggestion, suggest

__all__ = ["Looked", "check_place", "fields_of", "first_mapping", "look_at", "name_of", "write"]

_ROWS = 2_000
_ADDRESS = re.compile(r"[^\s@]@[^\s@]+\.\w")


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen of what was named: its kind and why, its header and first rows, and what is odd about the header."""

    given: Given
    kind: str
    why: str
    source: Source
    cells: pa.Table
    odd: tuple[str, ...]


def name_of(file: str) -> str:
    """The mapping's name, after the file's: lower-case letters, digits and hyphens.

    >>> name_of("Gäste_2026 (neu).csv"), name_of("名簿.csv"), name_of("*.csv")
    ('gaste-2026-neu', 'contacts', 'contacts')
    """
    plain = unicodedata.normalize("NFKD", Path(file).stem.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-") or "contacts"


def check_place(target: Path, sources: Iterable[Path]) -> None:
    """Raises MappingError where no mapping can be written, or something is there."""
    if not target.parent.is_dir():
        raise MappingError(
            f"{target} cannot be written: {target.parent} is no folder.",
            "Make it first, or name another with -o.",
        )
    if target.is_dir():
        raise MappingError(f"{target} is a folder.", f"Name a file in it: -o {target / 'mapping.yml'}.")
    if target.exists() and any(target.samefile(source) for source in sources):
        raise MappingError(f"{target} is the file with the contacts itself.", "Name another file with -o.")
    if os.path.lexists(target):
        raise _there_already(target)


def _there_already(target: Path) -> MappingError:
    return MappingError(
        f"{target} is there already, and is never written over.",
        f"Name another file with -o, delete it, or see what it needs with --update {shlex.quote(str(target))}.",
    )


async def fields_of(kind: str, connector: Any, target: Path | None) -> tuple[Schema, str]:
    """The account's fields and tags, and ''; or the documented fields, and why the account's could not be read."""
    try:
        access = Settings(target).access(kind, "main", connector.default_base_url)
        turns = Pace(connector.per_second)
        async with connector(base_url=access.base_url, key=access.key, turns=turns) as destination:
            schema: Schema = await destination.read_schema()
            keep(schema, kind, "main", home=_home(target))
            return schema, ""
    except (CredentialsError, Unreachable) as error:
        return connector.documented_schema(), f"{error.what} {error.fix}".strip()


def fields_as_read(kind: str, connector: Any, target: Path | None) -> tuple[Schema, str]:
    """The fields as they were read last, or the documented ones, for who does not want the account to be asked; and which they are."""
    kept = kept_for(kind, "main", _home(target), near=target)
    if kept is None:
        return connector.documented_schema(), "--offline was asked for."
    return kept.schema, ""


def _home(target: Path | None) -> Path:
    return Settings(target).home(target) if target is not None else Settings().home_here()


def look_at(given: Given, reading: Map[str, Any]) -> Looked:
    """What was named, as the known export that it is, or in the format that it has. Raises SourceError."""
    found, source = given.recognises(reading)
    refuse_doubts(source.path, source.oddities)
    if any(_ADDRESS.search(name) for name in source.header):
        raise SourceError(
            f"{source.path} has an e-mail address among its column names, so it seems to have no header.",
            "Write a line with the names above the rows, or say which line it is: --header-line N.",
        )
    odd = [
        oddity.message for oddity in source.oddities if oddity.code.startswith(("header", "other_columns"))
    ]
    odd += [given.secret] if given.secret else []
    return Looked(given, found.kind, found.why, source, _first_cells(source), tuple(odd))


def first_mapping(
    looked: Looked,
    schema: Schema,
    *,
    destination: str,
    connector: Any,
    reading: Map[str, Any],
    target: Path | None,
) -> Suggestion:
    """The mapping, which passes what `muster check` asks. `target` is where it will be. Raises MappingError."""
    source = looked.source
    origin = Origin(
        name=source.path.name,
        source={"kind": looked.kind, **_located(looked.given, target), **looked.given.source, **reading},
        consents=source.facts.consents,
        person_column=source.facts.person_column,
        list_separator=source.facts.list_separator,
        meanings=source.facts.meanings,
        formats=source.facts.formats,
        product=source.facts.product,
    )
    try:
        suggestion = suggest(
            source.header, looked.cells, schema, origin=origin, name=name_of(looked.given.name),
            destination=destination, schema_address=_schema_address(target),
        )  # fmt: skip
    except NoAddresses as error:
        raise MappingError(
            f"{source.path} has no column with e-mail addresses, and {destination} knows people by {error}.",
            f"Its columns are: {listed(source.header)}. {_other_sheets(source)}Export the addresses, too; if the names of the columns stand in"
            " another line, say --header-line N; muster peek shows what is read.",
        ) from None
    complaint_of(
        suggestion.mapping,
        source.header,
        source.facts.opt_out_columns,
        mails_people=connector.mails_people,
    )
    return suggestion


def _other_sheets(source: Source) -> str:
    return "".join(f"{oddity.message} " for oddity in source.oddities if oddity.code == "other_sheets")


def write(target: Path, text: str) -> None:
    """The mapping appears only when it is complete, and never in place of another file. Raises MappingError."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, "utf-8")
        _appears(part, target)
    except FileExistsError:
        raise _there_already(target) from None
    except OSError as error:
        raise MappingError(
            f"{target} cannot be written: {error.strerror}.",
            "Name a file in a folder that is there and has room: -o FILE.",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _appears(part: Path, target: Path) -> None:
    """`target` is there, whole, from one moment to the next. Raises FileExistsError, also where two do this at once."""
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: the name is taken first, and then given to the whole file
        target.touch(exist_ok=False)
        part.replace(target)


def _first_cells(source: Source) -> pa.Table:
    """The first rows that could be laid out; a text column for each name."""
    tables = [pa.table([pa.array([], pa.string()) for _ in source.header], names=list(source.header))]
    rows = 0
    frames = source.frames()
    for frame in frames:
        kept = np.ones(len(frame), bool)
        kept[[bad.at for bad in frame.misread]] = False
        tables.append(frame.cells.filter(pa.array(kept)))
        rows += tables[-1].num_rows
        if rows >= _ROWS:
            break
    close = getattr(frames, "close", None)  # a generator holds its file open until it ends
    if close is not None:
        close()
    return pa.concat_tables(tables).slice(0, _ROWS).combine_chunks()


def _located(given: Given, target: Path | None) -> dict[str, str]:
    """`path:` of a file of this machine: seen from the mapping's folder where it is near, so that both may move together."""
    if given.place is None:
        return {}
    path = given.place.resolve()
    near = Path(os.path.relpath(path, _folder_of(target)))
    if near.parts.count("..") > 3 or str(near).startswith("~"):
        near = path
    try:
        str(near).encode()
    except UnicodeEncodeError:
        return {}  # a name that is no text cannot stand in a mapping; the command line names the file
    return {"path": near.as_posix()}


def _folder_of(target: Path | None) -> Path:
    return (target.absolute().parent if target is not None else Path.cwd()).resolve()


def _schema_address(target: Path | None) -> str:
    """Where editors find the JSON Schema.

    It is the one of the installed package, which reads the mapping; a copy beside each mapping would grow old. A relative
    path is used where the installation (a virtual environment, say) is inside the mapping's folder: colleagues have it in the
    same place. Otherwise it is a `file:` address: editors take it as well, and it holds no blank, at which they stop reading.
    """
    schema = Path(str(mappings.__file__)).resolve().with_name("mapping.schema.json")
    if target is not None and schema.is_relative_to(_folder_of(target)):
        near = schema.relative_to(_folder_of(target)).as_posix()
        if near.isascii() and " " not in near:
            return near
    return schema.as_uri()
