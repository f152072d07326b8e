"""A suppression file: who is never written to, one in a line, an address, a domain or a hash of an address.

| a line holds | as in | who is meant |
|---|---|---|
| an address | `ann@example.com` | that mailbox, in any case and with the domain in either spelling (`bücher.example`, `xn--bcher-kva.example`) |
| a domain | `@example.com`, `example.com` | everybody there and at its sub-domains |
| a hash | 64, 40 or 32 hexadecimal digits | the address whose trimmed lower-case text has this SHA-256, SHA-1 or MD5 |

`#` begins a remark at the beginning of a line or after a blank. A CSV is read by its first column: where the first line is
a header (such as `Email` or `SHA256;Reason`), as a whole; otherwise line by line. A line that is none of these is
never skipped: a list that is half read is none.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from connectors.errors import SourceError
from mappings.engine.cleaning import clean_text

__all__ = ["Listed", "in_unicode", "listed_in", "listed_of", "mailbox"]

_REMARK = re.compile(r"(^|\s)#.*")
_LOCAL = re.compile(r'[^\s@"(),:;<>\[\\\]\x00-\x1f\x7f]+')
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9][a-z0-9-]*[a-z0-9]")
_HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32}")
_HEADER = re.compile(
    r"mail|addres|adres|correo|courriel|domain|hash|sha-?\d|md-?5|recipient|suppress|contact", re.IGNORECASE
)
_BETWEEN_CELLS = re.compile(r"[,;\t]")
_SHOWN = 5


@dataclass(slots=True)
class Listed:
    """What suppression files hold: addresses as `mailbox` gives them, domains in ASCII, hashes in lower-case hex."""

    addresses: set[str] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)
    hashes: set[str] = field(default_factory=set)

    def add(self, cell: str) -> bool:
        """Takes one entry; False where it is none."""
        text = mailbox(cell)
        if text.startswith(("*@", "*.")):
            text = text[1:].removeprefix(".")
        local, at, domain = text.rpartition("@")
        if not at and _HASH.fullmatch(text):
            self.hashes.add(text)
        elif not _DOMAIN.fullmatch(domain):
            return False
        elif not local:
            self.domains.add(domain)
        elif _LOCAL.fullmatch(local):
            self.addresses.add(text)
        else:
            return False
        return True

    def entries(self) -> list[str]:
        """As lines of such a file from which no address can be read: instead of it there is its SHA-256."""
        hashed = (hashlib.sha256(address.encode()).hexdigest() for address in self.addresses)
        return sorted({*hashed, *self.hashes, *(f"@{domain}" for domain in self.domains)})

    def take(self, other: Listed) -> None:
        self.addresses |= other.addresses
        self.domains |= other.domains
        self.hashes |= other.hashes


def mailbox(text: str) -> str:
    """An address or a domain as it is compared: trimmed, in lower case, its domain in ASCII and without the last dot.

    >>> mailbox(" Ann+News@Bücher.EXAMPLE. ")
    'ann+news@xn--bcher-kva.example'
    """
    text = text.strip().lower()
    if text.isascii():
        return text.removesuffix(".")
    import unicodedata  # noqa: PLC0415 - few addresses need it

    local, at, domain = unicodedata.normalize("NFC", text).rpartition("@")
    return f"{local}{at}{_in_ascii(domain)}".removesuffix(".")


def _in_ascii(domain: str) -> str:
    import idna  # noqa: PLC0415 - as above

    try:
        return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain  # no domain, but it may have been written alike on both sides


def in_unicode(domain: str) -> str:
    """The spelling that people read; the domain itself where it has no other."""
    import idna  # noqa: PLC0415 - as above

    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def listed_in(path: Path) -> Listed:
    """All that a file holds. Raises SourceError where it cannot be read, or a line of it cannot be understood."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise SourceError(
            f"There is no suppression file {path}.", "Mend the path under suppress:, or put the file there."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"The suppression file {path} cannot be read: {error}.", "Save it as UTF-8 text."
        ) from None
    return listed_of(text, str(path))


def listed_of(text: str, name: str) -> Listed:
    """All that the text of a file holds; `name` is the file's. Raises SourceError where a line cannot be understood."""
    found, wrong = Listed(), []
    for line, cell in _cells(text):
        if cell is None or not found.add(cell):
            wrong.append(line)
    if wrong:
        more = f" and {len(wrong) - _SHOWN:,} more" if wrong[_SHOWN:] else ""
        which = f"line{'s' * (len(wrong) > 1)} {', '.join(map(str, wrong[:_SHOWN]))}{more}"
        raise SourceError(
            f"{name}:{wrong[0]}: this is no address, no domain and no hash ({which}).",
            "Write one in each line, such as ann@example.com, @example.com, or the SHA-256, SHA-1 or MD5 of an address in hex; "
            "of a CSV the first column counts. A list that is only half read protects nobody.",
        )
    return found


def _cells(text: str) -> Iterator[tuple[int, str | None]]:
    """Each entry with its line, from 1; None where the rest cannot be divided into cells."""
    lines = text.split("\n")
    first = next((at for at, line in enumerate(lines) if _REMARK.sub("", line).strip()), None)
    if first is None:
        return
    if _is_header(_first_cell(lines[first])):
        between = _BETWEEN_CELLS.search(lines[first])
        yield from _of_table(lines[first + 1 :], first + 1, between[0] if between else ",")
        return
    for at, line in enumerate(lines, 1):
        entry = _REMARK.sub("", line) if "#" in line else line
        if entry.strip():
            yield at, _first_cell(entry)


def _of_table(lines: list[str], before: int, delimiter: str) -> Iterator[tuple[int, str | None]]:
    rows = csv.reader(
        lines, delimiter=delimiter, strict=True
    )  # so that an open quote does not swallow the rest
    began = 0
    try:
        for row in rows:
            if any(cell.strip() for cell in row) and not row[0].lstrip().startswith("#"):
                yield before + began + 1, _plain(row[0])
            began = rows.line_num
    except csv.Error:
        yield before + began + 1, None


def _is_header(cell: str) -> bool:
    return "@" not in cell and bool(_HEADER.search(cell)) and not Listed().add(cell)


def _first_cell(line: str) -> str:
    if between := _BETWEEN_CELLS.search(line):
        line = next(csv.reader([line], delimiter=between[0]))[0]
    return _plain(line.strip().strip('"'))


def _plain(cell: str) -> str:
    """Without the invisible characters that come along from web pages."""
    return cell if cell.isascii() else clean_text(cell)
