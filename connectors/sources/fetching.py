"""Sources that are no files here: standard input (`-`), https:// and what `connectors.places` reaches, fetched into private files.

A download is complete or it is not used: as long as its server says, and unchanged meanwhile. What an address holds of
names, passwords and signatures is never shown.
"""

from __future__ import annotations

import functools
import hashlib
import http.client
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import SplitResult, unquote, urlsplit

from connectors.errors import SourceError
from connectors.places.lying import Lying
from connectors.places.place import Place
from connectors.sources.private_folder import PrivateFolder

__all__ = ["STANDARD_INPUT", "Address", "Fetched", "fetch", "is_address", "shown_address", "standard_input"]

STANDARD_INPUT = "-"
MOST_BYTES = 16 << 30
_AT_ONCE = 1 << 20
_PATIENCE_SECONDS = 60
_LONGEST_NAME = 200
"""Bytes of a file's name; most systems allow 255."""
_DATABASES = ("postgresql", "postgres", "sqlite", "mysql", "mariadb", "mssql", "oracle")
_HERE = ("127.0.0.1", "::1", "localhost")
_WORDS = {
    401: ("wants a name and a password, or a token", "Set MUSTER_HTTPS_HOST and MUSTER_HTTPS_TOKEN, or MUSTER_HTTPS_USER and MUSTER_HTTPS_PASSWORD."),
    403: ("is not for whoever asks", "Check the token or the password and what it may do; a signed address may have expired."),
    404: ("is not there", "Check the address; an export may have been removed."),
    410: ("is there no more", "Export it again."),
}  # fmt: skip

Setting = Callable[[str], str]


class Address(type(Path())):  # type: ignore[misc]
    """What stands in place of a path for a source that is no file here; shown as it is."""

    def __new__(cls, shown: str) -> Address:
        """Shown like this, without the double slash being lost."""
        made: Address = super().__new__(cls, shown)
        made._address = shown
        return made

    def __str__(self) -> str:
        return getattr(self, "_address", None) or str(super().__str__())


@dataclass(eq=False)
class Fetched:
    """A file that was fetched; it is removed when nobody has this any more. `name` is its own, `path` is for people."""

    file: Path
    path: Path
    name: str
    sha256: str
    size: int
    folder: PrivateFolder


def is_address(named: str) -> bool:
    """Whether this names no file of this machine's folders."""
    return named == STANDARD_INPUT or ("://" in named and not named.lower().startswith("file://"))


def shown_address(address: str) -> str:
    """Without name, password, query and fragment, any of which may be a secret.

    >>> shown_address("https://ann:secret@host.example/a.csv?sig=1")
    'https://host.example/a.csv'
    """
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def fetch(named: str, *, take: str, beside: Path, setting: Setting) -> list[Fetched]:
    """What `named` is, in the order of the names; one file unless `take` is all. Raises SourceError."""
    if named == STANDARD_INPUT:
        return [standard_input()]
    try:
        scheme = urlsplit(named).scheme.partition("+")[0]
    except ValueError:
        raise SourceError("The address that was named is none.", "Check how it is written.") from None
    if scheme in _DATABASES:
        raise SourceError(
            "A database is not named by its address, which may hold a password.",
            "Put it into .env, as CRM_DATABASE_URL=…; then muster peek and init take --database CRM_DATABASE_URL with --table or --query,"
            " and a mapping source: {kind: sql_query, database: CRM_DATABASE_URL, table: …}.",
        )
    if named.lower().startswith(("http://", "https://")):
        return [_download(named, setting)]
    place = Place.at(named, beside=beside, setting=setting)
    lying = _chosen(place, named, take)
    return [_fetched_from(place, one, named) for one in lying]


@functools.cache
def standard_input() -> Fetched:
    """All of standard input, once for the process: a run may open its source twice. Raises SourceError."""
    if sys.stdin is None or sys.stdin.isatty():
        raise SourceError(
            "Nothing is piped into standard input, which - stands for.",
            "Pipe a file into it, such as: gunzip -c contacts.csv.gz | muster peek -",
        )
    return _kept(sys.stdin.buffer, Address("standard input"), "standard input", None)


def _kept(source: IO[bytes], path: Path, name: str, length: int | None) -> Fetched:
    """Copies what is read to a private file; `length` is how many bytes it has to be."""
    folder = PrivateFolder()
    digest = hashlib.sha256()
    size = 0
    with folder.kept():
        file = folder.path / _file_name(name)
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            while part := source.read(_AT_ONCE):
                size += len(part)
                if size > MOST_BYTES:
                    raise SourceError(
                        f"{path} is larger than {MOST_BYTES >> 30} GB, which is not fetched.",
                        "Save it as a file and name that.",
                    )
                digest.update(part)
                out.write(part)
        if length is not None and size != length:
            raise SourceError(
                f"{path} broke off after {size:,} of {length:,} bytes; nothing of it is used.", "Try again."
            )
        if not size:
            raise SourceError(f"{path} is empty: it holds no bytes at all.", "Export it again.")
    return Fetched(file, path, name, digest.hexdigest(), size, folder)


def _file_name(name: str) -> str:
    """Its own name, which may say what is in it, where a file of this machine can have it.

    >>> _file_name("unsubscribed_members.csv"), _file_name("../.lock"), _file_name("standard input")
    ('unsubscribed_members.csv', 'fetched', 'standard input')
    """
    plain = name.rpartition("/")[2]
    usable = plain.isprintable() and not plain.startswith(".") and 0 < len(plain.encode()) <= _LONGEST_NAME
    return plain if usable else "fetched"


# ── https ────────────────────────────────────────────────────────────────────────────────────────────────────


class _Safely(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from https to something that anybody on the way can read."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if urlsplit(newurl).scheme != "https" and urlsplit(req.full_url).scheme == "https":
            raise SourceError(
                f"{shown_address(req.full_url)} leads to {shown_address(newurl)}, which is not encrypted.",
                "Ask whoever runs it for an address with https.",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(address: str, setting: Setting) -> Fetched:
    parts = urlsplit(address)
    shown = Address(shown_address(address))
    if parts.scheme.lower() == "http" and parts.hostname not in _HERE:
        raise SourceError(f"{shown} is not encrypted.", "Write https:// instead.")
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    request = urllib.request.Request(plain, headers={"User-Agent": "muster", "Accept-Encoding": "identity"})  # noqa: S310 - looked at above
    if authorization := _authorization(parts, setting):
        request.add_unredirected_header("Authorization", authorization)
    opener = urllib.request.build_opener(_Safely(), urllib.request.HTTPSHandler(context=_trusted()))
    try:
        with opener.open(request, timeout=_PATIENCE_SECONDS) as answer:
            length = answer.headers.get("Content-Length")
            if length is None and answer.headers.get("Transfer-Encoding", "").lower() != "chunked":
                raise SourceError(
                    f"{shown} does not say how large it is, so that nobody can tell whether it came whole.",
                    "Download it, look at its end, and name the file.",
                )
            name = unquote(parts.path.rpartition("/")[2]) or parts.hostname or "download"
            return _kept(answer, shown, name, int(length) if length is not None else None)
    except urllib.error.HTTPError as error:
        error.close()
        what, fix = _WORDS.get(
            error.code, (f"was answered with {error.code} ({error.reason})", "Try again later, or look at the address in a browser.")
        )  # fmt: skip
        raise SourceError(f"{shown} {what}.", fix) from None
    except urllib.error.URLError as error:
        raise SourceError(
            f"{shown} cannot be reached: {_why(error.reason)}.", "Check address and network."
        ) from None
    except (http.client.HTTPException, OSError) as error:
        raise SourceError(f"{shown} broke off: {_why(error)}; nothing of it is used.", "Try again.") from None
    except ValueError:  # a length that is no number, an address that is none
        raise SourceError(f"{shown} is no address that can be fetched.", "Check the address.") from None


def _why(error: Any) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted (SSL_CERT_FILE names a file with your own)"
    if isinstance(error, TimeoutError):
        return f"no answer within {_PATIENCE_SECONDS} seconds"
    return getattr(error, "strerror", None) or type(error).__name__


def _authorization(parts: SplitResult, setting: Setting) -> str:
    """What is sent to the one host that the settings name; a name and password in the address count for its own."""
    import base64  # noqa: PLC0415 - only where somebody wants to know who asks

    user, password = parts.username, parts.password
    if user is None and (setting("MUSTER_HTTPS_HOST").strip().lower() or None) == parts.hostname:
        if token := setting("MUSTER_HTTPS_TOKEN").strip():
            return f"Bearer {token}"
        user, password = setting("MUSTER_HTTPS_USER") or None, setting("MUSTER_HTTPS_PASSWORD")
    if user is None:
        return ""
    return "Basic " + base64.b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()


def _trusted() -> ssl.SSLContext:
    """The system's certificates, or SSL_CERT_FILE's, and those that every machine has."""
    import certifi  # noqa: PLC0415 - only where something is fetched

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


# ── other places ─────────────────────────────────────────────────────────────────────────────────────────────


def _chosen(place: Place, named: str, take: str) -> list[Lying]:
    found = sorted(place.files(place.path), key=lambda one: one.path)
    if not found:
        raise SourceError(
            f"Nothing lies at {shown_address(named)}.", "Check the address, or wait for the export."
        )
    if take == "all":
        return found
    if len(found) > 1 and take == "only":
        names = ", ".join(one.name for one in found[:5])
        raise SourceError(
            f"{len(found)} files lie at {shown_address(named)}: {names}{' …' if len(found) > 5 else ''}.",
            "Name one of them, or write take: newest beside path: in the mapping; take: all reads them as one. muster init takes --take.",
        )
    return [max(found, key=lambda one: (one.modified, one.name))]


def _fetched_from(place: Place, lying: Lying, named: str) -> Fetched:
    parts = urlsplit(shown_address(named))
    above = "" if place.kind == "sftp" else f"{parts.netloc}/"
    shown = Address(f"{parts.scheme}://{parts.netloc}/{lying.path.removeprefix(above).lstrip('/')}")
    if lying.size > MOST_BYTES:
        raise SourceError(
            f"{shown} is larger than {MOST_BYTES >> 30} GB, which is not fetched.",
            "Fetch it yourself and name the file.",
        )
    if not lying.size:
        raise SourceError(f"{shown} is empty: it holds no bytes at all.", "Export it again.")
    folder = PrivateFolder()
    with folder.kept():
        file = folder.path / _file_name(lying.name)
        sha256 = place.fetch(lying, file)
        if not sha256:
            raise SourceError(
                f"{shown} was changed while it was fetched; nothing of it is used.", "Try again."
            )
    return Fetched(file, shown, lying.name, sha256, lying.size, folder)
