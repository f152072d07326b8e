"""muster plan: what a sync would do, writing nothing there."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from flows.cli.looking import lent
from flows.cli.options import choosing
from flows.cli.watchers import Lines, Live, watcher
from flows.options import Options
from flows.plan_file import write_private
from flows.plan_reporting import summed_up
from flows.preview import SAMPLE, preview
from flows.report.plan_summary import PlanSummary
from flows.retry import Retry
from flows.stopping import terminable
from flows.sync_run import SyncRun
from flows.undo import Undo

__all__ = ["command", "run_plan"]


@click.command("plan")
@choosing
@click.option(
    "--lookup", type=click.Choice(["sample", "all"]), default="sample", show_default=True,
    help=f"Where contacts have to be looked up one by one: an even sample of {SAMPLE}, or all of them.",
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PLAN",
    help="Write the plan for sync --plan.",
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="HTML",
    help="Write the plan as a page.",
)
def command(
    mapping: str, file: str | None, limit: int | None, only: str | None, resend: str | None, allow: tuple[str, ...],
    opt_outs_only: bool, no_corrections: bool, shards: int | None, as_json: bool, yes: bool, fail_on_warning: bool, lookup: str, output: Path | None, page: Path | None,
) -> int:  # fmt: skip
    """Show what a sync of FILE as MAPPING says would do. Nothing is written there; exits as the sync would.

    The page and the written plan hold examples of people's values, and are for their owner alone.
    """
    options = Options(
        limit=limit, only=only, resend=resend, allow=frozenset(allow), opt_outs_only=opt_outs_only,
        corrections=not no_corrections, shards=shards, verb="plan",
    )  # fmt: skip
    with lent(mapping, file, as_json=as_json) as (arrived, look), watcher() as watching:
        if look is not None and arrived is None:
            return 1 if look.overdue else 0
        found = asyncio.run(run_plan(mapping, arrived, options, watching, everybody=lookup == "all", yes=yes))
    if output is not None:
        write_private(output, found.to_json())
    if page is not None:
        from flows.report.plan_page import render  # noqa: PLC0415 - only where it is asked for

        write_private(page, render(found))
    if as_json:
        click.echo(found.to_json(), nl=False)
    else:
        from flows.cli.showing_plan import show_plan  # noqa: PLC0415 - only for people

        show_plan(found, [path for path in (output, page) if path is not None])
    return 1 if found.exit_code == 0 and fail_on_warning and found.warnings else found.exit_code


async def run_plan(
    mapping: str,
    file: str | None,
    options: Options,
    watching: Lines | Live,
    *,
    everybody: bool,
    yes: bool,
    retry: Retry | None = None,
    undo: Undo | None = None,
) -> PlanSummary:
    """The plan of a sync, a retry or an undo, in numbers and examples."""
    terminable()
    async with SyncRun(mapping, file, options, watching, retry, undo=undo) as run:
        await run.open()
        await run.prepare()
        found = await preview(run, everybody=everybody)
        asked = bool(run.not_allowed) or (bool(run.question()) and not yes)
        unanswered = asked and not sys.stdin.isatty()
        watching.close()
        return summed_up(run, found, exit_code=2 if unanswered else found.exit_code)
