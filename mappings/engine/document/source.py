"""What is read, and where contacts go."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import WithJsonSchema

from mappings.engine.document.guards import Share
from mappings.engine.document.places import PlaceUrl
from mappings.engine.document.words import Maybe, Part

__all__ = ["Destination", "SourceSettings"]


_WAIT = re.compile(r"(\d{1,4}(?:\.\d+)?)\s*(s|second|min|minute|h|hour)s?", re.IGNORECASE)
_SECONDS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_LONGEST_WAIT = 86_400


def _as_seconds(value: Any) -> Any:
    """A time as a mapping writes it, in seconds.

    >>> _as_seconds("10 minutes"), _as_seconds("30 s"), _as_seconds("1.5 hours")
    (600.0, 30.0, 5400.0)
    """
    if not isinstance(value, str):
        return value
    found = _WAIT.fullmatch(value.strip())
    seconds = float(found[1]) * _SECONDS[found[2].lower()] if found else None
    if seconds is None or seconds > _LONGEST_WAIT:
        raise ValueError(
            f"'{value}' is no time to wait; write one such as 30 seconds, 10 minutes or 2 hours (24 at most)."
        )
    return seconds


Wait = Annotated[
    float, BeforeValidator(_as_seconds), WithJsonSchema({"type": "string", "pattern": f"^{_WAIT.pattern}$"})
]
"""A time to wait, in seconds; written as 10 minutes."""


_EVERY = re.compile(r"(\d{1,4}(?:\.\d+)?)\s*(min|minute|h|hour|d|day)s?", re.IGNORECASE)
_LONG = {"min": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}


def _as_span(value: Any) -> Any:
    """How often something comes, in seconds.

    >>> _as_span("26 hours"), _as_span("1 day")
    (93600.0, 86400.0)
    """
    if not isinstance(value, str):
        return value
    found = _EVERY.fullmatch(value.strip())
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"'{value}' does not say how often; write one such as 26 hours or 2 days.")
    return float(found[1]) * _LONG[found[2].lower()]


Every = Annotated[
    float, BeforeValidator(_as_span), WithJsonSchema({"type": "string", "pattern": f"^{_EVERY.pattern}$"})
]
"""How often something comes, in seconds; written as 26 hours."""
_OF_A_DATABASE = ("database", "table", "query")
_OF_AN_INBOX = ("files", "done", "settled", "every")


class SourceSettings(Part):
    """What is read. Everything but `kind` is found out when it is not said here."""

    kind: str = Field(
        description="csv_file, excel_file or another format, sql_query for a database, or a known export such as hubspot_export in any of them"
    )
    path: str | None = Field(
        None, description="a file or a pattern such as exports/*.csv, seen from the mapping's folder"
    )
    inbox: Maybe[PlaceUrl] = Field(
        None,
        description="where files arrive, each to be synced once: a pattern such as exports/*.csv, s3://bucket/out/*.csv or sftp://user@host/out/*.csv; {YYYY-MM-DD} in the name says which is newer",
    )
    files: Literal["snapshots", "deltas"] = Field(
        "snapshots",
        description="of an inbox: whether each file is the whole, so that only the newest is synced, or holds what changed, so that all are, in order",
    )
    done: Literal["mark", "move"] = Field(
        "mark",
        description="of an inbox: mark leaves a synced file where it is, and only the ledger knows; move puts it into done/ beside it",
    )
    settled: Wait = Field(
        60.0,
        description="of an inbox: a file that was changed within this time is still being written, and is left alone; 60 seconds if not said",
    )
    every: Maybe[Every] = Field(
        None, description="of an inbox: a new file is expected at least so often, such as 26 hours"
    )
    take: Literal["only", "newest", "all"] = Field(
        "only",
        description="which of several files the pattern finds; all: they are one source, with their names in the column _file, and with {region} or {YYYY-MM-DD} in the pattern also _region and _day",
    )
    complete: bool = Field(
        False,
        description="yes: each file holds everybody, so that whoever was delivered and is not in it has vanished; see vanished:",
    )
    encoding: str | None = Field(None, description="such as utf-8 or windows-1252")
    delimiter: str | None = Field(None, description='such as "," or ";" or "\\t"')
    quote: str | None = Field(None, description="the character around cells")
    header_line: int | None = Field(
        None,
        ge=0,
        description="the physical line the column names are in; the row of a workbook's sheet; 0: there are none, and the columns are called column 1, column 2, …",
    )
    sheet: str | None = Field(None, description="which sheet of a workbook, by name or number")
    database: str | None = Field(
        None,
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="of sql_query: the name of the setting that holds the database's SQLAlchemy URL, such as CRM_DATABASE_URL; never the URL itself",
    )
    table: str | None = Field(
        None, description="of sql_query: the table or view that is read, such as crm.contacts"
    )
    query: str | None = Field(
        None, description="of sql_query: the statement whose rows are read; say order by in it"
    )
    at: str | None = Field(
        None, description="where the list of contacts is in a JSON file, such as data.contacts"
    )
    member: str | None = Field(
        None,
        description="which file of a zip archive; a pattern such as *.csv takes all that match as one source, with their names in the column _file",
    )

    @model_validator(mode="after")
    def _inbox_alone(self) -> SourceSettings:
        if self.inbox is not None and self.path is not None:
            raise ValueError("say either path: or inbox:; an inbox is where files arrive.")
        if self.inbox is None and (said := [name for name in _OF_AN_INBOX if name in self.model_fields_set]):
            raise ValueError(f"{said[0]}: is for the files of an inbox:.")
        if self.files == "deltas" and self.complete:
            raise ValueError(
                "a file of deltas holds what changed, and so is not complete: take one of both away."
            )
        self._check_database()
        if self.inbox is not None and self.take == "all":
            raise ValueError("take: all is for path:; the files of an inbox: are synced one by one.")
        return self

    def _check_database(self) -> None:
        said = [name for name in _OF_A_DATABASE if getattr(self, name) is not None]
        if self.kind != "sql_query":
            if said:
                raise ValueError(f"{said[0]}: is for kind: sql_query.")
            return
        if self.database is None or (self.table is None) == (self.query is None):
            raise ValueError("sql_query wants database: and either table: or query:.")
        if self.path is not None or self.inbox is not None or self.take != "only":
            raise ValueError("sql_query reads a database: leave path:, inbox: and take: out.")

    def of_database(self) -> dict[str, str]:
        """What is read of which database; blank for other kinds."""
        given = {name: getattr(self, name) for name in _OF_A_DATABASE}
        return {name: value for name, value in given.items() if value is not None}

    def reading(self) -> dict[str, Any]:
        """The settings that fix how the file is read."""
        given = {
            "encoding": self.encoding,
            "delimiter": self.delimiter,
            "quote": self.quote,
            "header_line": self.header_line,
            "sheet": self.sheet,
            "member": self.member,
            "at": self.at,
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
    share: Maybe[Share] = Field(
        None,
        gt=0,
        description="the part of the rate that this mapping may use, such as 50%; the rest is for others on the same account",
    )
    patience: Maybe[Wait] = Field(
        None,
        description="how long a destination that is down is waited for before the run stops, such as 30 seconds or 2 hours; 5 minutes if not said",
    )
    lookup: bool = Field(
        False, description="look each contact up before it is sent, so that it is known whether it was there"
    )
    undo: Maybe[Literal["full"]] = Field(
        None,
        description="full: each contact is looked up before it is sent, also where that is not needed to send it rightly, so that muster undo knows how it was; costs a request each",
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

    senders: Literal["one", "shared"] = Field(
        "one",
        description="one: of all mappings of the account, one sends at a time, the others wait for their turn; shared: this one sends side by side with others and shares the rate with them, where no person is in two of them",
    )

    def allowed(self, per_second: float) -> float:
        """Calls per second for this mapping where the destination allows so many.

        >>> Destination(kind="loops", share=0.5).allowed(10), Destination(kind="loops", share=0.5, rate=2).allowed(10)
        (5.0, 2.0)
        """
        part = per_second * (self.share or 1.0)
        return min(part, self.rate or part)
