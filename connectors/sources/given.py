"""What a person names where no mapping says it: a file, a pattern, an address, standard input, or a table of a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from connectors.base import Source
from connectors.errors import SourceError
from connectors.sources.fetching import (
    STANDARD_INPUT,
    Address,
    Fetched,
    Setting,
    fetch,
    is_address,
    shown_address,
)
from connectors.sources.finding import find, find_all
from connectors.sources.name_parts import NameParts
from connectors.sources.opening import from_fetched, open_all, open_any, open_kind
from connectors.sources.recognising import Recognised, archived_as, open_recognised
from connectors.sources.sql_query import open_database

__all__ = ["DATABASE", "Given", "given_database", "given_file"]

DATABASE = "sql_query"
_WEB = ("http://", "https://")
_Known = TypeVar("_Known")


@dataclass(frozen=True, slots=True)
class Given:
    """`source` is where it lies, as `source:` of a mapping says it, but for `path`, which is `place` where it is of this machine.

    `name` is what it may be called after; `secret` says what of its address no mapping holds, '' where nothing is left out.
    `opens` opens it in its format, or as a kind; `recognises` as the export that it is. Both may be called again, and raise SourceError.
    """

    name: str
    source: Mapping[str, str]
    place: Path | None
    secret: str
    files: tuple[Path, ...]
    """Those of this machine."""
    opens: Callable[[Mapping[str, Any], str], tuple[str, Source]]
    recognises: Callable[[Mapping[str, Any]], tuple[Recognised, Source]]

    @property
    def said(self) -> bool:
        """Whether a mapping can say where it lies, so that a sync by it finds it."""
        return self.place is not None or "path" in self.source or "database" in self.source


def given_file(named: str, *, take: str | None, beside: Path, setting: Setting) -> Given:
    """`take` is that of mappings; None: whatever is found, several as one source. Raises SourceError."""
    there = is_address(named)
    whole = take in {None, "all"}
    pattern = bool(set(named) & set("*?[{")) and not named.lower().startswith(_WEB)
    pattern = pattern and (there or not (beside / named).exists())
    parts = NameParts.of(named) if pattern and whole else NameParts(named)
    files: list[Path | Fetched] = []
    if there:
        found_by = "all" if take is None else take
        files += fetch(parts.glob, take=found_by, beside=beside, setting=setting)
    elif whole:
        files += find_all(parts.glob, beside=beside)
    else:
        files.append(find(named, take=take or "only", beside=beside))
    several = len(files) > 1 or bool(parts.names) or (pattern and take == "all")
    first = files[0]
    shown = Address(shown_address(named)) if there else beside / named

    def opens(settings: Mapping[str, Any], kind: str) -> tuple[str, Source]:
        def one(file: Path) -> tuple[str, Source]:
            if not kind and "member" not in settings and (archive := archived_as(file)) is not None:
                return archive.kind, open_kind(archive.kind, file, settings)
            return (kind, open_kind(kind, file, settings)) if kind else open_any(file, settings)

        read_as, source = _of(first, one)
        return (read_as, open_all(read_as, files, shown, parts, settings)) if several else (read_as, source)

    def recognises(settings: Mapping[str, Any]) -> tuple[Recognised, Source]:
        found, source = _of(first, lambda file: open_recognised(file, settings))
        return found, open_all(found.kind, files, shown, parts, settings) if several else source

    address, secret = _public(named) if there else ("", "")
    taken = take if pattern and take in {"newest", "all"} else None
    return Given(
        name=_name(named, first, pattern=several or taken is not None),
        source={**({"path": address} if address else {}), **({"take": taken} if taken else {})},
        place=None if there else Path(str(first)) if taken is None else beside / named,
        secret=secret,
        files=tuple(file for file in files if isinstance(file, Path)),
        opens=opens,
        recognises=recognises,
    )


def given_database(said: Mapping[str, str], setting: Setting) -> Given:
    """What `database` with `table` or `query` names, as in a mapping; where neither is said, opening it says which tables there are."""

    def opens(settings: Mapping[str, Any], kind: str) -> tuple[str, Source]:
        if settings or kind:
            raise SourceError(
                f"{next(iter(settings), 'kind')}: says nothing about a database.", "Leave it out."
            )
        return DATABASE, open_database({"table": "", **said} if len(said) == 1 else said, setting)

    return Given(
        name=said.get("table", "").rpartition(".")[2],
        source=said,
        place=None,
        secret="",
        files=(),
        opens=opens,
        recognises=lambda settings: (Recognised(DATABASE), opens(settings, "")[1]),
    )


def _of(file: Path | Fetched, opens: Callable[[Path], tuple[_Known, Source]]) -> tuple[_Known, Source]:
    return opens(file) if isinstance(file, Path) else from_fetched(file, opens)


def _name(named: str, first: Path | Fetched, *, pattern: bool) -> str:
    if named == STANDARD_INPUT:
        return ""
    return named.rpartition("/")[2] if pattern else first.name


def _public(named: str) -> tuple[str, str]:
    """The address as a mapping may hold it, '' where it may not, and what has to be said of the rest.

    >>> _public("https://ann:secret@host.example/a.csv")[0], _public("https://host.example/a.csv?sig=1")[0]
    ('https://host.example/a.csv', '')
    """
    if named == STANDARD_INPUT or not named.lower().startswith(_WEB):
        return named, ""  # a password in other addresses is refused, and their users are no secret
    parts = urlsplit(named)
    if parts.query:
        return (
            "",
            "What stands behind the ? of the address may be a secret, so the mapping has no path: name the address with each sync.",
        )
    address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    if "@" in parts.netloc:
        return address, (
            "Name and password are not in the mapping: set MUSTER_HTTPS_HOST, MUSTER_HTTPS_USER and MUSTER_HTTPS_PASSWORD."
        )
    return address, ""
