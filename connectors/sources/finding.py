"""Which file a source reads: a path or a pattern becomes one readable file, or a clear complaint."""

from __future__ import annotations

import contextlib
import difflib
import os
import stat
from pathlib import Path

from connectors.errors import SourceError

__all__ = ["find", "find_all", "readable"]

TAKES = ("only", "newest", "all")


def find(path_or_pattern: str, *, take: str = "only", beside: Path) -> Path:
    """The file that `path_or_pattern` names; relative ones start from the folder `beside`.

    `take: newest` chooses by time of modification, the later name where two are equal. A file whose own
    name holds `*`, `?` or `[` is found as it is. Raises SourceError.
    """
    if take not in TAKES:
        raise SourceError(f"take: '{take}' is not known.", f"Use one of: {', '.join(TAKES)}.")
    matches = find_all(path_or_pattern, beside=beside)
    if len(matches) > 1 and take == "only":
        raise SourceError(
            f"{len(matches)} files match {beside / path_or_pattern}: {_few([match.name for match in matches])}.",
            "Name one of them, or write take: newest beside path: in the mapping; take: all reads them as one. muster init takes --take.",
        )
    return readable(max(matches, key=lambda match: (match.stat().st_mtime_ns, match.name)))


def find_all(path_or_pattern: str, *, beside: Path) -> list[Path]:
    """All files that it names, one at least, in the order of their paths. Raises SourceError."""
    if not path_or_pattern.strip():
        raise SourceError("No file was named.", "Name a file or a pattern, such as exports/*.csv.")
    path = Path(path_or_pattern)
    with contextlib.suppress(RuntimeError):  # a name that begins with ~ and is nobody's home
        path = path.expanduser()
    path = path if path.is_absolute() else beside / path
    if not _has_magic(path_or_pattern) or _exists(path):
        return [readable(path)]
    matches = _matches(path)
    if not matches:
        folder = _fixed_part(path)
        known = _names(folder)
        raise SourceError(
            f"No file matches {path}.",
            f"In {folder} there are: {_few(known)}." if known else f"{folder} holds no files.",
        )
    return matches


def readable(path: Path) -> Path:
    """`path`, when it is a file with something in it that we may read. Raises SourceError."""
    try:
        status = path.stat()
    except PermissionError:
        raise SourceError(f"{path} may not be read.", "Give this user access to its folder.") from None
    except (OSError, ValueError):
        raise SourceError(f"There is no file {path}.", _nearest(path)) from None
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(
            f"{path} is a folder.", f"Name a file in it, or a pattern such as {path.name}/*.csv."
        )
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(
            f"{path} is not an ordinary file.", "Save what it delivers as a file and name that."
        )
    if not os.access(path, os.R_OK):
        raise SourceError(
            f"{path} may not be read.", f"Give this user the right to read it: chmod u+r {path.name}"
        )
    if status.st_size == 0:
        raise SourceError(
            f"{path} is empty: it holds no bytes at all.", "Export it again; not even a header arrived."
        )
    return path


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _has_magic(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _fixed_part(path: Path) -> Path:
    """The folder above the first part that is a pattern."""
    fixed = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        if _has_magic(part):
            break
        fixed /= part
    return fixed


def _matches(path: Path) -> list[Path]:
    folder = _fixed_part(path)
    pattern = str(path.relative_to(folder))
    try:
        found = [match for match in folder.glob(pattern) if match.is_file()]
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} is not a pattern: {error}.", "Write it like exports/*.csv.") from None
    return sorted(match for match in found if not match.name.startswith(".") or path.name.startswith("."))


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return []


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _nearest(path: Path) -> str:
    folder = path.parent
    known = _names(folder)
    if not known:
        return (
            f"The folder {folder} is empty."
            if folder.is_dir()
            else f"The folder {folder} does not exist either."
        )
    folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(path.name.casefold(), list(folded), n=5, cutoff=0.5)
    if close:
        return f"Nearest there: {', '.join(folded[name] for name in close)}."
    return f"In {folder} there are: {_few(known)}."
