"""A file that lies in a place, as it was seen there."""

from __future__ import annotations

import datetime as dt
import posixpath
from dataclasses import dataclass

__all__ = ["Lying"]


@dataclass(frozen=True, slots=True)
class Lying:
    """A file that lies there. `path` is as its place names it; `version` its etag, '' where there is none."""

    path: str
    size: int
    modified: dt.datetime
    version: str = ""

    @property
    def name(self) -> str:
        return posixpath.basename(self.path)

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path)
