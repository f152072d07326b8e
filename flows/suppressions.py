"""Suppressions: who is never written to, from the files that the mapping names and the one in the home folder."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from connectors.errors import SourceError
from flows.suppression_file import Listed, in_unicode, listed_in, listed_of, mailbox

__all__ = ["SUPPRESSION_FILE", "Suppressions"]

SUPPRESSION_FILE = "suppress.txt"
_LOOK_AGAIN_SECONDS = 1.0
_ONE = {"addresses": "address", "domains": "domain", "hashes": "hash"}
_DIGESTS = {64: "sha256", 40: "sha1", 32: "md5"}

_Stamp = tuple[int, int, int] | None


class Suppressions:
    """Addresses, whole domains and hashes of addresses. Whoever is on the list stays on it as long as this is in use.

    >>> Suppressions.of(["ann@example.com  # asked in May", "@blocked.example"]).holds("Bob@Mail.blocked.example")
    True
    """

    def __init__(self, files: Sequence[Path] = (), own: Path | None = None) -> None:
        """`files` have to be there, `own` may be missing. Raises SourceError where one cannot be read to its end."""
        self._listed = Listed()
        self._digests: tuple[str, ...] = ()
        self._empty = True
        self._own = own
        self._stamps: dict[Path, _Stamp] = dict.fromkeys((*files, *([own] if own is not None else [])))
        self._look_again = 0.0
        self._homes = 0
        self.files = [path for path in self._stamps if path != own or path.exists()]
        for path in self._stamps:
            self._take(path)

    @classmethod
    def of(cls, lines: Sequence[str]) -> Suppressions:
        """Of the lines of a file. Raises SourceError where one cannot be understood."""
        made = cls()
        made._listed = listed_of("\n".join(lines), SUPPRESSION_FILE)
        made._index()
        return made

    @classmethod
    def read(cls, home: Path, files: Sequence[Path] = ()) -> Suppressions:
        """The `files`, and `suppress.txt` in the home folder if there is one. Raises SourceError."""
        own = home / SUPPRESSION_FILE
        return cls(files, None if own in files else own)

    def heed(self, homes: Mapping[str, Iterable[str]]) -> None:
        """Whoever stands on the lists of these homes, by their names, is on this one as well."""
        for entries in homes.values():
            for entry in entries:
                self._listed.add(entry)
        self._homes = len(homes)
        self._index()

    @property
    def counts(self) -> dict[str, int]:
        listed = self._listed
        return {
            "addresses": len(listed.addresses),
            "domains": len(listed.domains),
            "hashes": len(listed.hashes),
        }

    @property
    def addresses(self) -> frozenset[str]:
        """Those that are listed in full."""
        return frozenset(self._listed.addresses)

    @property
    def said(self) -> str:
        """How much there is, in words; '' where there is no list."""
        if not self.files and not self._homes:
            return ""
        parts = [
            f"{count:,} {name if count > 1 else _ONE[name]}" for name, count in self.counts.items() if count
        ]
        where = [
            f"{count} {what}" + "s" * (count > 1)
            for count, what in ((len(self.files), "file"), (self._homes, "other machine"))
            if count
        ]
        return f"{', '.join(parts) or 'nobody'} in {' and on '.join(where) if self.files else f'the list of {where[0]}'}"

    def holds(self, key: str) -> bool:
        """Whether this address is listed, itself, by its domain or by a hash. What is no address is not."""
        if self._empty:
            return False
        address = mailbox(key)
        local, at, domain = address.rpartition("@")
        if not at:
            return False
        if address in self._listed.addresses:
            return True
        if self._listed.domains:
            inside = domain
            while inside:
                if inside in self._listed.domains:
                    return True
                inside = inside.partition(".")[2]
        return bool(self._digests) and self._hashed(local, domain)

    def _hashed(self, local: str, domain: str) -> bool:
        spellings = {domain, in_unicode(domain)} if "xn--" in domain else {domain}
        for spelling in spellings:
            text = f"{local}@{spelling}".encode()
            for name in self._digests:
                if hashlib.new(name, text, usedforsecurity=False).hexdigest() in self._listed.hashes:
                    return True
        return False

    def refresh(self) -> None:
        """Reads again the files that have changed, asked for at most once a second. Raises SourceError where that fails.

        It is then asked for again at once. A file that grew holds whom it held: nobody gets off the list meanwhile.
        """
        moment = time.monotonic()
        if moment < self._look_again:
            return
        for path, stamp in self._stamps.items():
            if _stamp(path) != stamp:
                self._take(path)
        self._look_again = moment + _LOOK_AGAIN_SECONDS

    def _take(self, path: Path) -> None:
        stamp = _stamp(path)  # before it is read: what is written meanwhile is seen the next time
        if stamp is not None or path != self._own:
            self._listed.take(listed_in(path))
            self._index()
        self._stamps[path] = stamp

    def _index(self) -> None:
        self._empty = not any(self.counts.values())
        lengths = {len(one) for one in self._listed.hashes}
        self._digests = tuple(name for length, name in _DIGESTS.items() if length in lengths)


def _stamp(path: Path) -> _Stamp:
    """What changes when a file does; None where there is none. Raises SourceError where that cannot be told."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SourceError(
            f"The suppression file {path} cannot be read: {error.strerror}.", "Mend its rights."
        ) from None
    return found.st_mtime_ns, found.st_size, found.st_ino
