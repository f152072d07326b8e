"""Files that are no CSV files at all (workbooks, archives, pictures, web pages): refused, and told what they look like."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from connectors.errors import SourceError

__all__ = ["refuse_binary", "refuse_other_formats"]

SIGNS = (
    (b"\x89PNG", "a PNG picture"), (b"\xff\xd8\xff", "a JPEG picture"), (b"GIF8", "a GIF picture"), (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip archive"), (b"BZh", "a bzip2 archive"), (b"\xfd7zXZ", "an xz archive"), (b"(\xb5/\xfd", "a zstd archive"),
    (b"7z\xbc\xaf", "a 7z archive"), (b"Rar!", "a RAR archive"), (b"PAR1", "a Parquet file"), (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"), (b"PK\x05\x06", "an empty zip archive"), (b"\x7fELF", "a program"),
)  # fmt: skip


def refuse_other_formats(path: Path, head: bytes) -> None:
    """Raises SourceError where `head`, the first bytes, begins as another format does."""
    looks = next((name for sign, name in SIGNS if head.startswith(sign)), "")
    if head.startswith(b"PK\x03\x04"):
        inside = (
            ("xl/", "an Excel workbook (.xlsx)"),
            ("opendocument.spreadsheet", "an ODS spreadsheet"),
            ("word/", "a Word document"),
        )
        looks = next((name for part, name in inside if part.encode() in head), "a zip archive")
    start = head[:200].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        looks = "a web page, perhaps a login page that was saved instead of the export"
    elif start.startswith(b"<?xml"):
        looks = "an XML document"
    elif re.match(rb'(\[\s*)?\{\s*"[^"\n]*"\s*:', start):
        looks = "JSON"
    if looks:
        what = "Unpack it" if "archive" in looks else "Save or export it as CSV (UTF-8)"
        raise SourceError(f"{path} is no CSV file: it looks like {looks}.", f"{what} and name that file.")


def refuse_binary(path: Path, head: bytes) -> None:
    """Raises SourceError where control characters are too many for any one-byte text."""
    control = len(head) - len(head.translate(None, bytes([*range(1, 7), 8, 11, *range(14, 26), 127])))
    if control > 0.05 * len(head) or head.count(0) > 0.2 * len(head):
        raise SourceError(
            f"{path} is no CSV file: it looks like binary data.",
            "Export it as CSV (UTF-8) and name that file.",
        )
