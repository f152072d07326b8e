"""What is read, and where contacts go."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from mappings.engine.document.words import Maybe, Part

__all__ = ["Destination", "SourceSettings"]


class SourceSettings(Part):
    """What is read. Everything but `kind` is found out when it is not said here."""

    kind: str = Field(description="csv_file, or a known export such as hubspot_export")
    path: str | None = Field(
        None, description="a file or a pattern such as exports/*.csv, seen from the mapping's folder"
    )
    take: Literal["only", "newest"] = Field("only", description="which of several files the pattern finds")
    encoding: str | None = Field(None, description="such as utf-8 or windows-1252")
    delimiter: str | None = Field(None, description='such as "," or ";" or "\\t"')
    quote: str | None = Field(None, description="the character around cells")
    header_line: int | None = Field(None, ge=1, description="the physical line the column names are in")

    def reading(self) -> dict[str, Any]:
        """The settings that fix how the file is read."""
        given = {
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "quote": self.quote,
            "header_line": self.header_line,
        }
        return {name: value for name, value in given.items() if value is not None}


class Destination(Part):
    """Where contacts go."""

    kind: str = Field(description="campaignlark")
    account: str = Field(
        "main", pattern=r"^[a-z][a-z0-9_]*$", description="which account of this kind, main by default"
    )
    rate: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="calls per second, lower than the destination allows"
    )
    lookup: bool = Field(
        False, description="look each contact up before it is sent, so that it is known whether it was there"
    )
    list_hours: float = Field(
        24,
        ge=0,
        allow_inf_nan=False,
        description="where contacts can only be listed page by page: how old the list that the ledger keeps may be; 0: all are read each time",
    )
    create_missing: Maybe[Literal["tags"]] = Field(
        None,
        description="tags: those that this mapping names and that do not exist there are created by the sync",
    )
