"""muster sync: deliver, and account for every row."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from flows.beginning import begun
from flows.cli.answering import answer
from flows.cli.options import choosing
from flows.cli.watchers import Lines, Live, watcher
from flows.options import Options
from flows.pipeline import deliver_all
from flows.plan_file import read_plan, refuse_what_moved
from flows.prefect_server import PrefectServer
from flows.report.vanished import worst_code
from flows.reporting import Ending
from flows.resume import Resume
from flows.retry import Retry
from flows.stopping import interruptible, terminable
from flows.sync_run import SyncRun
from flows.undo import Undo
from flows.vanished.parting import parted
from flows.watching import Watcher

__all__ = ["command", "run_sync", "show_ending"]


@click.command("sync")
@choosing
@click.option(
    "--plan",
    "plan",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PLAN",
    help="Carry out this plan (of plan -o), and nothing if what it was about has moved.",
)
@click.option(
    "--rehearse",
    is_flag=True,
    help="Deliver everything into a sandbox that has the account's fields, tags and lists; the account is only read.",
)
@click.option(
    "--with-contacts",
    is_flag=True,
    help="With --rehearse: copy the account's contacts into the sandbox first.",
)
@click.option("--report-dir", type=click.Path(path_type=Path), help="Also write the report into this folder.")
def command(
    mapping: str, file: str | None, limit: int | None, only: str | None, resend: str | None, allow: tuple[str, ...],
    opt_outs_only: bool, no_corrections: bool, shards: int | None, as_json: bool, yes: bool, fail_on_warning: bool, plan: Path | None, rehearse: bool, with_contacts: bool,
    report_dir: Path | None,
) -> int:  # fmt: skip
    """Deliver the contacts of FILE as MAPPING says.

    MAPPING is a YAML file, or the name of one that comes with muster. Without FILE, the mapping's own source is read.
    """
    if rehearse and (plan is not None or resend is not None):
        given = "--plan" if plan is not None else "--resend"
        raise click.UsageError(
            f"--rehearse begins with a sandbox and a ledger of its own, for which {given} means nothing. Leave one of them out."
        )
    if with_contacts and not rehearse:
        raise click.UsageError("--with-contacts says what a rehearsal begins with. Add --rehearse.")
    options = Options(
        limit=limit,
        only=only,
        resend=resend,
        allow=frozenset(allow),
        opt_outs_only=opt_outs_only,
        corrections=not no_corrections,
        shards=shards,
        report_dir=report_dir,
        planned=read_plan(plan) if plan is not None else None,
    )
    from flows.cli.looking import lent, telling_not_begun  # noqa: PLC0415 - the inbox syncs from here

    if rehearse:
        with lent(mapping, file, as_json=as_json) as (arrived, look), watcher() as watching:
            if look is not None and arrived is None:
                return 1 if look.overdue else 0
            ending, folder = asyncio.run(
                _rehearse(mapping, arrived, options, watching, with_contacts=with_contacts)
            )
            watching.close()
            return show_ending(ending, folder, as_json=as_json, fail_on_warning=fail_on_warning)
    from flows.inbox.arrivals import Inbox  # noqa: PLC0415 - as above

    with telling_not_begun(mapping):
        inbox = Inbox.of(mapping) if file is None else None
    if inbox is not None:
        from flows.cli.arriving import sync_arrived  # noqa: PLC0415 - as above

        return sync_arrived(inbox, options, yes=yes, as_json=as_json, fail_on_warning=fail_on_warning)
    with watcher() as watching:
        ending, folder = asyncio.run(run_sync(mapping, file, options, watching, yes=yes))
    return show_ending(ending, folder, as_json=as_json, fail_on_warning=fail_on_warning)


def show_ending(ending: Ending, folder: Path, *, as_json: bool, fail_on_warning: bool) -> int:
    """Shows how a run ended; its exit code."""
    summary = ending.summary
    if as_json:
        click.echo(summary.to_json(), nl=False)
    else:
        from flows.cli.showing import show_summary  # noqa: PLC0415 - only for people
        from flows.cli.showing_retries import show_how_to_retry  # noqa: PLC0415 - as above

        details = ending.details
        link = ending.copies.link if ending.copies is not None else ""
        show_summary(summary, folder, details.comparison, details.unseen, details.reasons, link)
        show_how_to_retry(summary, folder)
    code = worst_code(summary.exit_code, summary.vanished_details)
    return 1 if code == 0 and fail_on_warning and summary.warnings else code


async def _rehearse(
    mapping: str, file: str | None, options: Options, watching: Lines | Live, *, with_contacts: bool
) -> tuple[Ending, Path]:
    """A whole sync into a sandbox. Prefect, which shows what happened to accounts, is not told of it; nothing is asked."""
    from flows.rehearsal import rehearsing  # noqa: PLC0415 - only where it is asked for

    terminable()
    async with (
        rehearsing(mapping, options, watching, with_contacts=with_contacts) as prepared,
        SyncRun(mapping, file, prepared, watching) as run,
    ):
        await run.open()
        await run.prepare()
        with interruptible(run):
            await deliver_all(run, run.delivery.deliver)
            await run.finish()
        assert run.ending is not None  # noqa: S101 - finished above
        if run.error is not None:
            watching.say(f"muster: {run.error}")
        return run.ending, options.report_dir or run.opened.folder


async def run_sync(
    mapping: str,
    file: str | None,
    options: Options,
    watching: Watcher,
    *,
    yes: bool = False,
    retry: Retry | None = None,
    resume: Resume | None = None,
    undo: Undo | None = None,
    ask: Callable[[SyncRun], Awaitable[None]] | None = None,
) -> tuple[Ending, Path]:
    """A whole sync, retry or resume through Prefect; how it ended and its folder. Prefect's start-up runs while the file is read.

    `ask` asks what a person has to be asked, where that is not the terminal.
    """
    terminable()
    async with contextlib.AsyncExitStack() as stack:
        if retry is None and resume is None and undo is None:
            run = await stack.enter_async_context(begun(mapping, file, options, watching))
        else:
            run = await stack.enter_async_context(
                SyncRun(mapping, file, options, watching, retry, resume, undo)
            )
            await run.open()
            run.register()
        server = stack.enter_context(PrefectServer(run.opened.home))
        await server.begin()
        await run.prepare()
        if options.planned is not None:
            refuse_what_moved(run, options.planned)
        if ask is not None:
            await ask(run)
        elif isinstance(watching, Lines | Live):
            answer(run, watching, yes=yes)
        else:
            raise TypeError("a run that nobody can be asked about is not begun")
        watching.stage("starting Prefect")
        flow = "undo_run" if run.undoes else "sync_contacts" if retry is None else "retry_failures"
        await asyncio.to_thread(__import__, f"flows.{flow}")
        await server.ready()
        await _through_prefect(run)
        assert run.ending is not None  # noqa: S101 - finished above
        if run.error is not None:
            watching.say(f"muster: {run.error}")
        folder = options.report_dir or run.opened.folder
    return await parted(run), folder


async def _through_prefect(run: SyncRun) -> None:
    """The flow. Prefect is a viewer: where it fails, the run goes on without it, and what went wrong in a step is told."""
    from flows.work import ended, hand_over  # noqa: PLC0415 - imported in a thread before

    run_id = hand_over(run)
    mapping, file = str(run.opened.mapping.file), str(run.opened.source.path)
    try:
        if run.undoes:
            from flows.undo_run import undo_run  # noqa: PLC0415 - imported in a thread before

            await undo_run(run.undoes, run_id=run_id, return_state=True)
        elif run.retry is None:
            from flows.sync_contacts import sync_contacts  # noqa: PLC0415 - imported in a thread before

            await sync_contacts(mapping, file, run_id=run_id, return_state=True)
        else:
            from flows.retry_failures import retry_failures  # noqa: PLC0415 - imported in a thread before

            await retry_failures(file, mapping, run_id=run_id, return_state=True)
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
