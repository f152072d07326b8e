"""muster peek: how a file is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from flows.cli.reading import as_said, reading_options
from mappings.engine.complaints import visible

__all__ = ["command"]


@click.command("peek")
@click.argument("file")
@click.option(
    "--kind", help="How it is read: csv_file, another format or a known export; found out by default."
)
@reading_options
@click.option(
    "--to-csv",
    "out",
    type=click.Path(path_type=Path),
    help="Write the rows as clean UTF-8 CSV, each with the cells it has.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(
    file: str,
    kind: str | None,
    out: Path | None,
    as_json: bool,
    **reading: Any,
) -> int:
    """Show how FILE is read: encoding, delimiter, header, rows; what its columns hold; every oddity. Nothing is sent."""
    from connectors.sources.fetching import fetch, is_address  # noqa: PLC0415 - only this verb
    from connectors.sources.finding import find  # noqa: PLC0415 - as above
    from connectors.sources.peeking import write_nothing  # noqa: PLC0415 - as above
    from connectors.sources.wrapped import named_as  # noqa: PLC0415 - as above
    from flows.settings import Settings  # noqa: PLC0415 - as above

    settings = as_said(reading)
    if out is not None and not as_json and Path(file).is_file() and not Path(file).stat().st_size:
        write_nothing(out)
        click.echo(visible(f"{file} is empty: it holds no bytes at all. 0 rows written to {out}"), err=True)
        return 0
    here = Path.cwd()
    fetched = fetch(file, take="only", beside=here, setting=Settings().get)[0] if is_address(file) else None
    path = find(file, beside=here) if fetched is None else fetched.file
    with named_as(path, str(path if fetched is None else fetched.path)):
        return _peek(path, fetched, kind, settings, out, as_json=as_json)


def _peek(
    path: Path, fetched: Any, kind: str | None, settings: dict[str, Any], out: Path | None, *, as_json: bool
) -> int:
    from connectors.kinds import formats  # noqa: PLC0415 - only this verb
    from connectors.sources.opening import open_any, open_kind  # noqa: PLC0415 - as above
    from connectors.sources.peeking import peek, write_clean  # noqa: PLC0415 - as above
    from connectors.sources.recognising import Recognised, archived_as, open_recognised  # noqa: PLC0415 - as above

    archived = archived_as(path) if kind is None and "member" not in settings else None
    read_as = kind or (archived.kind if archived is not None else open_any(path, settings)[0])
    if out is not None:
        rows = write_clean(open_kind(read_as, path, settings), out)
        click.echo(f"{rows:,} rows written to {out}", err=as_json)
        if not as_json:
            return 0
    found = peek(open_kind(read_as, path, settings))
    if fetched is not None:
        found = replace(found, path=fetched.path)
    if archived is not None:
        likely = archived
    else:
        likely = open_recognised(path, settings)[0] if read_as in formats() else Recognised(read_as)
    if as_json:
        click.echo(
            json.dumps(
                {**_facts(found), "looks_like": likely.kind, "why": likely.why}, ensure_ascii=False, indent=2
            )
        )
    else:
        _show(found, likely)
    return 0


def _facts(found: Any) -> dict[str, Any]:
    return {
        "path": str(found.path),
        "size": found.size,
        "sha256": found.sha256,
        "reading": dict(found.reading),
        "rows": found.rows,
        "columns": [
            {"name": c.name, "filled": c.filled, "share": c.share, "distinct": c.distinct, "more_distinct": c.more_distinct,
             "samples": list(c.samples)}
            for c in found.columns
        ],
        "oddities": [{"line": odd.line, "code": odd.code, "message": odd.message} for odd in found.oddities],
        "misread": dict(found.misread),
    }  # fmt: skip


def _show(found: Any, likely: Any) -> None:
    from rich.table import Table  # noqa: PLC0415 - only for people
    from rich.text import Text  # noqa: PLC0415 - as above

    from flows.cli.showing import console_for_people  # noqa: PLC0415 - as above

    console = console_for_people()
    console.print(visible(str(found.path)), style="bold", markup=False)
    console.print(f"{found.rows:,} rows, {len(found.columns)} columns, {found.size:,} bytes", markup=False)
    for name, value in found.reading.items():
        console.print(f"{name:<14}{value}", markup=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, justify in (
        ("column", "left"),
        ("filled", "right"),
        ("distinct", "right"),
        ("for example", "left"),
    ):
        table.add_column(name, justify=justify, overflow="ellipsis", no_wrap=name != "for example")  # type: ignore[arg-type]
    for column in found.columns:
        distinct = f"> {column.distinct:,}" if column.more_distinct else f"{column.distinct:,}"
        samples = " · ".join(_shown(sample) for sample in column.samples)
        table.add_row(
            Text(_shown(column.name) or "(no name)"), f"{column.share:.0%}", distinct, Text(samples)
        )
    console.print()
    console.print(table)
    if found.oddities:
        console.print("\nodd about it", style="bold")
        for odd in found.oddities:
            console.print(
                visible((f"  line {odd.line:,}: " if odd.line else "  ") + odd.message), markup=False
            )
    if likely.why:
        console.print(
            visible(
                f"\nIt looks like a {likely.kind}: {likely.why}. In the mapping: source: {{kind: {likely.kind}}}"
            ),
            markup=False,
        )


def _shown(text: str) -> str:
    """A cell as a terminal may show it: control characters visible, cut at 32 characters."""
    visible = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return visible if len(visible) <= 32 else visible[:31] + "…"
