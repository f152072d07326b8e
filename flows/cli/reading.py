"""What a person may say of how a file is read, with every verb that reads one without a mapping."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

__all__ = ["as_said", "reading_options"]

_OPTIONS = (
    click.option("--encoding", help="Instead of the one that is found out."),
    click.option("--delimiter", help="Instead of the one that is found out."),
    click.option(
        "--header-line",
        type=click.IntRange(min=0),
        help="The line of the column names; a workbook's row. 0: a CSV file has none.",
    ),
    click.option("--sheet", help="The sheet of a workbook, by name or number."),
    click.option("--at", help="Where the list of contacts is in a JSON file, such as data.contacts."),
    click.option("--member", help='The file in a zip archive, or several by a pattern such as "*.csv".'),
)
_NAMES = ("encoding", "delimiter", "header_line", "sheet", "at", "member")


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command these options; it takes them together, as `**reading`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def as_said(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given, as `source:` of a mapping has them."""
    return {name: reading[name] for name in _NAMES if reading[name] is not None}
