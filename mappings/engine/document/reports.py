"""Where reports are copied to for people without a shell, and where their corrections come from."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mappings.engine.document.places import PlaceUrl
from mappings.engine.document.source import Wait
from mappings.engine.document.words import Maybe, Part

__all__ = ["REPORT_FILES", "Fixes", "ReportFile", "Reports"]

ReportFile = Literal[
    "failures.xlsx", "failures.csv", "results.csv", "vanished.csv", "twice_there.csv", "summary.json", "report.html"
]  # fmt: skip
REPORT_FILES: tuple[ReportFile, ...] = (
    "failures.xlsx", "failures.csv", "results.csv", "vanished.csv", "twice_there.csv", "summary.json", "report.html",
)  # fmt: skip
"""The files of a run that people read, in the order in which they are copied: whoever finds the report finds the others."""
_LINK = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s]*(/[^\s]*)?", re.IGNORECASE)


def _link(link: str) -> str:
    """The address under which people open what is copied, as it was written.

    >>> _link("https://files.acme.example/muster")
    'https://files.acme.example/muster'
    """
    if not _LINK.fullmatch(link):
        raise ValueError(
            "the address at which people open the folder, such as https://files.example.com/muster."
        )
    parts = urlsplit(link)
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(
            "it stands in alerts, and the run's path is added at its end: leave out names, passwords and what follows a ? or #."
        )
    return link


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class Reports(Part):
    """Where each run's report is copied to: PLACE/MAPPING/RUN/."""

    to: PlaceUrl = Field(
        description="a folder seen from the mapping's, s3://bucket/path or sftp://user@host/path; credentials are settings"
    )
    link: Maybe[Annotated[str, AfterValidator(_link)]] = Field(
        None,
        description="the address at which people open that place, such as https://files.example.com/muster; the place's own if not said",
    )
    files: Annotated[
        tuple[ReportFile, ...],
        Field(min_length=1),
        BeforeValidator(_as_list, json_schema_input_type=ReportFile | tuple[ReportFile, ...]),
    ] = Field(REPORT_FILES, description="which files are copied; all of these by default")

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return {"to": value} if isinstance(value, str) else value

    def written(self) -> dict[str, Any]:
        """As a mapping's text has it."""
        return {"to": self.to, **({"link": self.link} if self.link else {}), "files": list(self.files)}


class Fixes(Part):
    """Where corrected files of failures are dropped, to be retried and answered."""

    at: PlaceUrl = Field(
        description="a folder seen from the mapping's, s3://bucket/path or sftp://user@host/path; credentials are settings"
    )
    settled: Wait = Field(
        60.0,
        description="a file that was changed within this time is still being written, and is left alone; 60 seconds if not said",
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        return {"at": value} if isinstance(value, str) else value
