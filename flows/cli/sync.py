"""muster sync: deliver, and account for every row."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import click

from connectors.errors import CannotStart
from flows.cli.options import choosing
from flows.cli.watchers import Lines, Live, watcher
from flows.options import Options
from flows.pipeline import deliver_all
from flows.plan_file import read_plan, refuse_what_moved
from flows.prefect_server import PrefectServer
from flows.reporting import Ending
from flows.stopping import interruptible, terminable
from flows.sync_run import SyncRun

__all__ = ["command", "run_sync"]


@click.command("sync")
@choosing
@click.option(
    "--plan",
    "plan",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PLAN",
    help="Carry out this plan (of plan -o), and nothing if what it was about has moved.",
)
@click.option("--report-dir", type=click.Path(path_type=Path), help="Also write the report into this folder.")
def command(
    mapping: str, file: str | None, limit: int | None, only: str | None, resend: str | None, allow: tuple[str, ...],
    opt_outs_only: bool, as_json: bool, yes: bool, fail_on_warning: bool, plan: Path | None, report_dir: Path | None,
) -> int:  # fmt: skip
    """Deliver the contacts of FILE as MAPPING says.

    MAPPING is a YAML file, or the name of one that comes with muster. Without FILE, the mapping's own source is read.
    """
    options = Options(
        limit=limit,
        only=only,
        resend=resend,
        allow=frozenset(allow),
        opt_outs_only=opt_outs_only,
        report_dir=report_dir,
        planned=read_plan(plan) if plan is not None else None,
    )
    with watcher() as watching:
        ending, folder = asyncio.run(run_sync(mapping, file, options, watching, yes=yes))
    summary = ending.summary
    if as_json:
        click.echo(summary.to_json(), nl=False)
    else:
        from flows.cli.showing import show_summary  # noqa: PLC0415 - only for people

        details = ending.details
        show_summary(summary, folder, details.comparison, details.unseen, details.reasons)
    code = summary.exit_code
    return 1 if code == 0 and fail_on_warning and summary.warnings else code


async def run_sync(
    mapping: str, file: str | None, options: Options, watching: Lines | Live, *, yes: bool = False
) -> tuple[Ending, Path]:
    """A whole sync through Prefect; how it ended and its folder. Prefect's start-up runs while the file is read."""
    terminable()
    async with contextlib.AsyncExitStack() as stack:
        run = await stack.enter_async_context(SyncRun(mapping, file, options, watching))
        await run.open()
        server = stack.enter_context(PrefectServer(run.opened.home))
        await server.begin()
        await run.prepare()
        if options.planned is not None:
            refuse_what_moved(run, options.planned)
        _ask(run.question(), watching, yes=yes)
        watching.stage("starting Prefect")
        await asyncio.to_thread(__import__, "flows.sync_contacts")
        await server.ready()
        await _through_prefect(run)
        assert run.ending is not None  # noqa: S101 - finished above
        if run.error is not None:
            watching.say(f"muster: {run.error}")
        return run.ending, options.report_dir or run.opened.folder


def _ask(question: str, watching: Lines | Live, *, yes: bool) -> None:
    """Asks at a terminal; elsewhere the answer is --yes. Raises CannotStart when it is no."""
    if not question or yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise CannotStart(question, "If that is meant, add --yes.")
    watching.close()
    if not click.confirm(f"{question} Go on?", err=True):
        raise CannotStart("Stopped by you; nothing was sent.", "")


async def _through_prefect(run: SyncRun) -> None:
    """The flow. Prefect is a viewer: where it fails, the run goes on without it, and what went wrong in a step is told."""
    from flows import sync_contacts as module  # noqa: PLC0415 - imported in a thread before
    from flows.work import ended, hand_over  # noqa: PLC0415 - as above

    run_id = hand_over(run)
    try:
        await module.sync_contacts(
            str(run.opened.mapping.file), str(run.opened.source.path), run_id=run_id, return_state=True
        )
    except Exception as error:  # noqa: BLE001 - a step's own error is kept with the run
        run.watcher.say(f"Prefect: {type(error).__name__}")
    finally:
        ended(run_id)
    if run.crashed is not None:
        raise run.crashed
    if run.ending is None:
        run.watcher.say("Prefect does not answer any more; the run goes on without it.")
        with interruptible(run):
            await deliver_all(run, run.delivery.deliver)
            await run.finish()
