"""muster peek: how a file is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from flows.cli.reading import as_said, database_options, of_database, reading_options
from mappings.engine.complaints import listed, visible

__all__ = ["command"]


@click.command("peek")
@click.argument("file", required=False)
@click.option(
    "--kind", help="How it is read: csv_file, another format or a known export; found out by default."
)
@reading_options
@database_options
@click.option(
    "--mapping", metavar="MAPPING", help="Read it as this mapping says; without FILE, its own source."
)
@click.option(
    "--to-csv",
    "out",
    type=click.Path(path_type=Path),
    help="Write the rows as clean UTF-8 CSV, each with the cells it has.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(
    file: str | None,
    kind: str | None,
    mapping: str | None,
    out: Path | None,
    as_json: bool,
    **reading: Any,
) -> int:
    """Show how FILE is read: encoding, delimiter, header, rows; what its columns hold; every oddity. Nothing is sent.

    FILE is a file, an address, - for standard input, or a pattern such as 'exports/*.csv': then the files are compared, too.
    """
    from connectors.kinds import formats  # noqa: PLC0415 - only this verb
    from connectors.sources.given import given_database, given_file  # noqa: PLC0415 - as above
    from connectors.sources.peeking import write_nothing  # noqa: PLC0415 - as above
    from connectors.sources.recognising import Recognised  # noqa: PLC0415 - as above
    from flows.settings import Settings  # noqa: PLC0415 - as above

    settings, database = as_said(reading), of_database(reading, file)
    if mapping is not None:
        if settings or database or kind:
            raise click.UsageError("--mapping says how it is read; leave the other options out.")
        return _peek(*_by_mapping(mapping, file), out, as_json=as_json)
    if file is None and not database:
        raise click.UsageError("Say what is read: FILE, --database NAME or --mapping MAPPING.")
    if out is not None and not as_json and file and Path(file).is_file() and not Path(file).stat().st_size:
        write_nothing(out)
        click.echo(visible(f"{file} is empty: it holds no bytes at all. 0 rows written to {out}"), err=True)
        return 0
    setting = Settings().get
    given = (
        given_file(file, take=None, beside=Path.cwd(), setting=setting)
        if file is not None
        else given_database(database, setting)
    )
    return _peek(
        lambda: given.opens(settings, kind or "")[1],
        lambda: given.recognises(settings)[0] if not kind or kind in formats() else Recognised(kind),
        given.files,
        out,
        as_json=as_json,
    )


def _by_mapping(
    mapping: str, file: str | None
) -> tuple[Callable[[], Any], Callable[[], Any], tuple[Path, ...]]:
    from connectors.sources.recognising import Recognised  # noqa: PLC0415 - as above
    from flows.opening import load_mapping, named_source  # noqa: PLC0415 - as above
    from flows.settings import find_mapping  # noqa: PLC0415 - as above

    path = find_mapping(mapping)
    document = load_mapping(path)
    kind = document.source.kind
    return lambda: named_source(document, path, file), lambda: Recognised(kind), ()


def _peek(
    opens: Callable[[], Any],
    recognises: Callable[[], Any],
    files: tuple[Path, ...],
    out: Path | None,
    *,
    as_json: bool,
) -> int:
    from connectors.sources.peeking import peek, write_clean  # noqa: PLC0415 - only this verb

    source = opens()
    if out is not None:
        rows = write_clean(source, out, files)
        click.echo(f"{rows:,} rows written to {out}", err=as_json)
        if not as_json:
            return 0
        source = opens()
    found = peek(source)
    likely = recognises()
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
        "files": [{"name": one.name, "rows": one.rows, "lacks": list(one.lacks), "more": list(one.more)} for one in found.files],
    }  # fmt: skip


def _show(found: Any, likely: Any) -> None:
    from rich.table import Table  # noqa: PLC0415 - only for people
    from rich.text import Text  # noqa: PLC0415 - as above

    from flows.cli.showing import console_for_people  # noqa: PLC0415 - as above

    console = console_for_people()
    console.print(visible(str(found.path)), style="bold", markup=False)
    what = "characters" if "database" in found.reading else "bytes"
    console.print(f"{found.rows:,} rows, {len(found.columns)} columns, {found.size:,} {what}", markup=False)
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
    for line in _compared(found):
        console.print(visible(line), markup=False)
    odd_about_it = [odd for odd in found.oddities if odd.code != "other_columns" or not found.files]
    if odd_about_it:
        console.print("\nodd about it", style="bold")
        for odd in odd_about_it:
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


def _compared(found: Any) -> Iterator[str]:
    """The files that are one source, and where they differ."""
    if not found.files:
        return
    yield ""
    width = max(len(one.name) for one in found.files)
    for one in found.files:
        said = [f"lacks {listed(one.lacks)}"] if one.lacks else []
        said += [f"also has {listed(one.more)}"] if one.more else []
        yield f"{one.name:<{width}}  {one.rows:>9,} rows  {'; '.join(said)}".rstrip()
    differ = {name for one in found.files for name in (*one.lacks, *one.more)}
    same = [c.name for c in found.columns if c.name not in differ and not c.name.startswith("_")]
    yield f"in all of them: {listed(same, most=20)}" if differ else "All have the same columns."


def _shown(text: str) -> str:
    """A cell as a terminal may show it: control characters visible, cut at 32 characters."""
    visible = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return visible if len(visible) <= 32 else visible[:31] + "…"
