"""The fixed part of a pattern of names: where it is certain to lie, whatever matches."""

from __future__ import annotations

import re

__all__ = ["folder_above"]

_MAGIC = re.compile(r"[*?\[]")


def folder_above(pattern: str) -> str:
    """The folder above the first part that is a pattern."""
    parts = pattern.split("/")
    free = [_glob_free(part) if re.search(r"\[[*?\[]\]", part) else part for part in parts]
    magic = [bool(_MAGIC.search(re.sub(r"\[[*?\[]\]", "", part))) for part in parts]
    first = magic.index(True) if True in magic else len(parts) - 1
    return "/".join(free[:first]) or "/"


def _glob_free(path: str) -> str:
    """A path that `glob.escape` made ready, as it was."""
    return re.sub(r"\[([*?\[])\]", r"\1", path)
