"""What a person may say of how a file is read, with every verb that reads one without a mapping."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import click

__all__ = ["as_said", "database_options", "of_database", "reading_options"]

_OPTIONS = (
    click.option("--encoding", help="Instead of the one that is found out."),
    click.option("--delimiter", help="Instead of the one that is found out."),
    click.option(
        "--header-line",
        type=click.IntRange(min=0),
        help="The line of the column names; a workbook's row. 0: there are none.",
    ),
    click.option("--sheet", help="The sheet of a workbook, by name or number."),
    click.option("--at", help="Where the list of contacts is in a JSON file, such as data.contacts."),
    click.option("--member", help='The file in a zip archive, or several by a pattern such as "*.csv".'),
)
_NAMES = ("encoding", "delimiter", "header_line", "sheet", "at", "member")


_OF_A_DATABASE = (
    click.option(
        "--database",
        metavar="NAME",
        help="Instead of FILE: the setting that holds a database's SQLAlchemy URL, such as CRM_DATABASE_URL.",
    ),
    click.option("--table", help="The table or view of the database."),
    click.option("--query", help="Or the query whose rows are read."),
)


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command these options; it takes them together, as `**reading`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def database_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options that name a table of a database, together with those above."""
    for option in reversed(_OF_A_DATABASE):
        command = option(command)
    return command


def of_database(reading: Mapping[str, Any], file: str | None) -> dict[str, str]:
    """What is read of which database, as `source:` of a mapping has it; nothing where none was named. Raises UsageError."""
    said = {name: reading[name] for name in ("database", "table", "query") if reading[name] is not None}
    if said and "database" not in said:
        raise click.UsageError("--table and --query are for a database: say --database NAME, too.")
    if len(said) == 3:
        raise click.UsageError("Say either --table or --query.")
    if said and file is not None:
        raise click.UsageError("Say either FILE or --database.")
    if said and not re.fullmatch(r"[A-Z][A-Z0-9_]*", said["database"]):
        raise click.UsageError(
            "--database wants the name of the setting that holds the address, such as CRM_DATABASE_URL, so that no password stands in a command."
            " Put the address into .env."
        )
    return said


def as_said(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Those that were given, as `source:` of a mapping has them."""
    return {name: reading[name] for name in _NAMES if reading[name] is not None}
