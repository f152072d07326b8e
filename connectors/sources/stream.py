"""The bytes of a CSV file: read in blocks, hashed, and made UTF-8."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import xxhash

from connectors.errors import SourceError
from connectors.sources.bookmarks import Bookmark
from connectors.sources.dialect import Dialect
from connectors.sources.encodings import UNKNOWN, encoded, is_utf8

__all__ = ["Recoder", "Stream"]


class Stream:
    """The file as blocks of UTF-8 after its byte order mark, each with whether it is the last; iterated once.

    `sha256` and `size` (bytes) are those of the raw file, and complete after the last block. With a `begin` it goes on where
    that was made, and ends at the byte `until`; there is no `sha256` then. Raises SourceError where the file holds the
    delimiter's stand-in.
    """

    def __init__(
        self,
        path: Path,
        dialect: Dialect,
        block: int,
        begin: Bookmark | None = None,
        until: int | None = None,
    ) -> None:
        self.sha256 = ""
        self.size = begin.at if begin is not None else 0
        """Bytes of the file that were given out, or stand before the beginning."""
        self._file = path.open("rb", buffering=0)
        self._dialect = dialect
        self._block = max(block, dialect.mark + 1)
        self._until = until
        self._recode = Recoder(dialect, begin)
        self._whole = hashlib.sha256() if begin is None else None
        self._range = xxhash.xxh3_128()
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="muster-sha256")
        self._hashing: Future[None] | None = None
        self._read_to = self._file.seek(self.size) if self.size else 0

    def __iter__(self) -> Iterator[tuple[bytes, bool]]:
        raw = self._read()
        while True:
            following = self._read() if raw else b""
            final = not following and self._until is None
            self._settle()
            self._hashing = self._hasher.submit(self._hash, raw)
            first = not self.size
            self.size += len(raw)
            yield self._recode(raw[self._dialect.mark :] if first else raw, final), final
            if not following:
                break
            raw = following
        self._settle()
        if self._whole is not None:
            self.sha256 = self._whole.hexdigest()

    def decoding(self) -> tuple[bytes, int, bytes]:
        """What the recoder holds of the bytes that were given out; see `Bookmark`."""
        return self._recode.state()

    def cut(self) -> str:
        """A quick hash of the raw bytes since the last cut."""
        self._settle()
        found, self._range = self._range.hexdigest(), xxhash.xxh3_128()
        return found

    def close(self) -> None:
        self._hasher.shutdown(wait=True, cancel_futures=True)
        self._file.close()

    def _hash(self, raw: bytes) -> None:
        self._range.update(raw)
        if self._whole is not None:
            self._whole.update(raw)

    def _settle(self) -> None:
        if self._hashing is not None:
            hashing, self._hashing = self._hashing, None
            hashing.result()

    def _read(self) -> bytes:
        wanted = self._block if self._until is None else min(self._block, self._until - self._read_to)
        parts: list[bytes] = []
        while wanted > 0 and (part := self._file.read(wanted)):
            parts.append(part)
            wanted -= len(part)
        found = b"".join(parts)
        self._read_to += len(found)
        return found


class Recoder:
    """What makes UTF-8 of raw bytes, and one byte of a delimiter that has several."""

    def __init__(self, dialect: Dialect, begin: Bookmark | None = None) -> None:
        self._dialect = dialect
        self._sign = dialect.delimiter.encode()
        self._decoder = (
            None if is_utf8(dialect.encoding) else codecs.getincrementaldecoder(dialect.encoding)(UNKNOWN)
        )
        self._held = begin.joining if begin is not None else b""
        if self._decoder is not None and begin is not None:
            self._decoder.setstate((begin.undecoded, begin.decoder))

    def state(self) -> tuple[bytes, int, bytes]:
        """The bytes that are no text yet, the decoder's number, and what may be the beginning of a delimiter."""
        undecoded, decoder = self._decoder.getstate() if self._decoder is not None else (b"", 0)
        return undecoded, decoder, self._held

    def __call__(self, raw: bytes, final: bool) -> bytes:
        dialect, sign = self._dialect, self._sign
        text = raw if self._decoder is None else encoded(self._decoder.decode(raw, final))
        if not dialect.stand_in:
            return text
        if dialect.stand_in in text:
            raise SourceError(
                f"{dialect.delimiter!r} cannot be the delimiter of this file: it also holds the control sign"
                f" {dialect.stand_in.decode()!r}.",
                "Export it with commas or tabs.",
            )
        text = (self._held + text).replace(sign, dialect.stand_in)
        keep = 0 if final else next((n for n in range(len(sign) - 1, 0, -1) if text.endswith(sign[:n])), 0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]
