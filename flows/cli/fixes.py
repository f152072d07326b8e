"""muster fixes: corrected files that were dropped into a mapping's folder are retried and answered."""

from __future__ import annotations

import asyncio
import dataclasses
import json

import click

from connectors.errors import Busy
from flows.cli.arriving import worse
from flows.cli.sync import run_sync
from flows.cli.watchers import watcher
from flows.fixes.folder import FixesFolder
from flows.fixes.turn import Piece, Told, ask_nobody, one_after_the_other
from flows.options import Options
from flows.prefect_server import PrefectServer

__all__ = ["command"]


@click.command("fixes")
@click.argument("mapping")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
def command(mapping: str, as_json: bool) -> int:
    """Look once into the folder of MAPPING's fixes:, retry what was dropped there, and answer it.

    A failures.xlsx or failures.csv is taken once, by its content, when it is no longer being written, and retried as muster retry does it,
    with nothing allowed and nobody asked. The file moves to done/, with an answer and the report beside it; what cannot be used moves to
    refused/, with the reason. Made for cron; muster schedule MAPPING --fixes has a worker do it.
    """
    fixes = FixesFolder.of(mapping)
    try:
        with fixes.alone():
            told = asyncio.run(_all(fixes))
    except Busy:
        click.echo(f"Another muster is at work at {fixes.shown}; it answers what lies there.", err=True)
        told = []
    code = 0
    for one in told:
        code = worse(code, one.exit_code)
    if as_json:
        files = [dataclasses.asdict(one) for one in told]
        click.echo(
            json.dumps({"schema_version": 1, "fixes": files, "exit_code": code}, ensure_ascii=False, indent=2)
        )
        return code
    for one in told:
        click.echo(f"{one.state:<10}{one.name}: {one.sentence}")
        if one.answer:
            click.echo(f"answer    {one.answer}")
    if not told:
        click.echo(f"Nothing new in {fixes.shown}; nothing was sent.")
    return code


async def _all(fixes: FixesFolder) -> list[Told]:
    with watcher() as watching:
        watching.say(f"fixes     {fixes.shown}")
    with PrefectServer(fixes.home) as server:  # one for all runs, begun with the first

        async def send(piece: Piece) -> None:
            await server.begin()
            await server.ready()
            with watcher() as watching:
                watching.say(f"taken     {piece.name}")
                options = piece.resume.options() if piece.resume is not None else Options()
                await run_sync(
                    str(fixes.path), None, options, watching, retry=piece.retry, resume=piece.resume, ask=ask_nobody
                )  # fmt: skip

        return await one_after_the_other(fixes, send, lambda line: click.echo(line, err=True))
