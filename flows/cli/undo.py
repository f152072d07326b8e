"""muster undo: what a run changed is put back."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import click

from connectors.errors import LedgerError
from flows.cli.options import Allowed
from flows.cli.plan import run_plan
from flows.cli.sync import run_sync, show_ending
from flows.cli.watchers import Lines, Live, watcher
from flows.ledger.opening import there_is_a_ledger
from flows.options import Options
from flows.preview import SAMPLE
from flows.reporting import Ending
from flows.settings import Settings
from flows.undo import Undo, tag_of
from flows.undo_begun import find_undo

__all__ = ["command"]


@click.command("undo")
@click.argument("run")
@click.option("--plan", is_flag=True, help="Show what would be put back, and write nothing there.")
@click.option(
    "--lookup", type=click.Choice(["sample", "all"]), default="sample", show_default=True,
    help=f"With --plan, where contacts have to be looked up one by one: an even sample of {SAMPLE}, or all of them.",
)  # fmt: skip
@click.option(
    "--tag",
    metavar="NAME",
    help="The tag of contacts that the run created and that cannot be deleted there; muster-undo-RUN if not said. Where labels have "
    "numbers, the number of one that you made for it.",
)
@click.option(
    "--unsubscribe-created",
    is_flag=True,
    help="Also unsubscribe contacts that the run created and that cannot be deleted there.",
)
@click.option(
    "--allow",
    multiple=True,
    type=Allowed(),
    metavar="NAME[=N]",
    help="resubscribes=N gives so many subscriptions back that the run took; N has to be their number. It is recorded.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.option("--yes", is_flag=True, help="Answer what a terminal would be asked; never opens a guard.")
@click.option("--fail-on-warning", is_flag=True, help="Exit with 1 also when there are only warnings.")
@click.option("--report-dir", type=click.Path(path_type=Path), help="Also write the report into this folder.")
def command(
    run: str, plan: bool, lookup: str, tag: str | None, unsubscribe_created: bool, allow: tuple[str, ...], as_json: bool,
    yes: bool, fail_on_warning: bool, report_dir: Path | None,
) -> int:  # fmt: skip
    """Put back what RUN (its id, or the beginning of it) changed there: fields, tags, lists, and a status as far as that is allowed.

    What somebody changed since stays. Contacts that it created are deleted where the API can, else tagged. Mails that were sent and
    automations that were started cannot be taken back. It is a run of its own, with a report; interrupted, muster resume goes on.
    """
    home = Settings().home_here()
    if not there_is_a_ledger(home):
        raise LedgerError(
            f"There is no ledger in {home}.", "Go to the folder of the run's mapping, or set MUSTER_HOME."
        )
    options = Options(
        allow=frozenset(allow), report_dir=report_dir, verb="plan" if plan else "sync", unsubscribe_created=unsubscribe_created
    )  # fmt: skip
    with watcher() as watching:
        if plan:
            return asyncio.run(
                _plan(home, run, tag, options, watching, everybody=lookup == "all", as_json=as_json, yes=yes)
            )
        ending, folder = asyncio.run(_undo(home, run, tag, options, watching, yes=yes))
    code = show_ending(ending, folder, as_json=as_json, fail_on_warning=fail_on_warning)
    if not as_json:
        from flows.cli.showing import console_for_people  # noqa: PLC0415 - only for people
        from flows.report.wording import undone  # noqa: PLC0415 - as above

        for line in undone(ending.summary):
            console_for_people().print(line, markup=False, soft_wrap=True)
    return code


async def _undo(
    home: Path, run: str, tag: str | None, options: Options, watching: Lines | Live, *, yes: bool
) -> tuple[Ending, Path]:
    undo = await find_undo(home, run, watching)
    return await run_sync(
        str(undo.mapping_path), None, _tagged(options, undo, tag), watching, yes=yes, undo=undo
    )


async def _plan(
    home: Path, run: str, tag: str | None, options: Options, watching: Lines | Live, *, everybody: bool, as_json: bool, yes: bool
) -> int:  # fmt: skip
    undo = await find_undo(home, run, watching, plan=True)
    found = await run_plan(
        str(undo.mapping_path), None, _tagged(options, undo, tag), watching, everybody=everybody, yes=yes, undo=undo
    )  # fmt: skip
    if as_json:
        click.echo(found.to_json(), nl=False)
        return found.exit_code
    from flows.cli.showing_plan import show_plan  # noqa: PLC0415 - only for people

    asked = [guard for guard in found.guards if guard.asked]
    show_plan(found.model_copy(update={"guards": asked}), [], "To do it: the same command without --plan.")
    return found.exit_code


def _tagged(options: Options, undo: Undo, tag: str | None) -> Options:
    return dataclasses.replace(options, undo_tag=tag_of(undo.run.id) if tag is None else tag)
