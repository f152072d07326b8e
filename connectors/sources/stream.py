"""The bytes of a CSV file: read in blocks, hashed, and made UTF-8."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from connectors.errors import SourceError
from connectors.sources.dialect import Dialect
from connectors.sources.encodings import UNKNOWN, encoded, is_utf8

__all__ = ["Stream"]


class Stream:
    """The file as blocks of UTF-8 after its byte order mark, each with whether it is the last; iterated once.

    `sha256` and `size` (bytes) are those of the raw file, and complete after the last block. Raises SourceError
    where the file holds the delimiter's stand-in.
    """

    def __init__(self, path: Path, dialect: Dialect, block: int) -> None:
        self.sha256 = ""
        self.size = 0
        self._file = path.open("rb", buffering=0)
        self._dialect = dialect
        self._block = max(block, dialect.mark + 1)
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="muster-sha256")

    def __iter__(self) -> Iterator[tuple[bytes, bool]]:
        digest = hashlib.sha256()
        hashing: Future[None] | None = None
        recode = self._recoder()
        raw = self._read()
        first = True
        while True:
            following = self._read() if raw else b""
            final = not following
            if hashing is not None:
                hashing.result()
            hashing = self._hasher.submit(digest.update, raw)
            self.size += len(raw)
            yield recode(raw[self._dialect.mark :] if first else raw, final), final
            first = False
            if final:
                break
            raw = following
        hashing.result()
        self.sha256 = digest.hexdigest()

    def close(self) -> None:
        self._hasher.shutdown(wait=True, cancel_futures=True)
        self._file.close()

    def _read(self) -> bytes:
        parts = [self._file.read(self._block) or b""]
        while parts[-1] and sum(map(len, parts)) < self._block:
            parts.append(self._file.read(self._block - sum(map(len, parts))) or b"")
        return b"".join(parts)

    def _recoder(self) -> Callable[[bytes, bool], bytes]:
        """What makes UTF-8 of raw bytes, and one byte of a delimiter that has several."""
        dialect = self._dialect
        decoder = (
            None if is_utf8(dialect.encoding) else codecs.getincrementaldecoder(dialect.encoding)(UNKNOWN)
        )
        sign, stand_in = dialect.delimiter.encode(), dialect.stand_in
        held = b""

        def recode(raw: bytes, final: bool) -> bytes:
            nonlocal held
            text = raw if decoder is None else encoded(decoder.decode(raw, final))
            if not stand_in:
                return text
            if stand_in in text:
                raise SourceError(
                    f"{dialect.delimiter!r} cannot be the delimiter of this file: it also holds the control sign"
                    f" {stand_in.decode()!r}.",
                    "Export it with commas or tabs.",
                )
            text = held + text
            keep = (
                0 if final else next((n for n in range(len(sign) - 1, 0, -1) if text.endswith(sign[:n])), 0)
            )
            held = text[len(text) - keep :]
            return text[: len(text) - keep].replace(sign, stand_in)

        return recode
