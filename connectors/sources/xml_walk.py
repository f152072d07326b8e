"""XML from strangers, read as it streams: no document type, so no entities of its own, and no more of it than is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import IO
from xml.parsers import expat

from connectors.errors import SourceError

__all__ = ["walk"]

_AT_ONCE = 1 << 18


def walk(
    file: IO[bytes],
    where: str,
    most: int,
    start: Callable[[str, Mapping[str, str]], None],
    end: Callable[[str], None] | None = None,
    text: Callable[[str], None] | None = None,
) -> int:
    """Calls `start` and `end` with each element's name without its prefix, `text` with what stands between; the bytes read.

    Raises SourceError where it is no XML, declares entities, or has more than `most` bytes.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def declared(*_: object) -> None:
        raise SourceError(
            f"{where} declares XML entities, which no such file needs and which can grow without end.",
            "Open it in the program that it comes from and save it again.",
        )

    def name_of(name: str) -> str:
        return name.rpartition(":")[2]

    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler = lambda name, attributes: start(name_of(name), attributes)
    if end is not None:
        parser.EndElementHandler = lambda name: end(name_of(name))
    if text is not None:
        parser.CharacterDataHandler = text
    size = 0
    try:
        while part := file.read(_AT_ONCE):
            size += len(part)
            if size > most:
                raise SourceError(
                    f"{where} holds more than {most >> 20:,} MB of XML; so much is not read from a workbook.",
                    "Export it as CSV, which is read piece by piece whatever its size.",
                )
            parser.Parse(part, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise SourceError(
            f"{where} is damaged: {expat.ErrorString(error.code)} on line {error.lineno} of its XML.",
            "Open it in the program that it comes from and save it again.",
        ) from None
    return size
