"""muster retry: rows of a run again, as a person corrected them in its failures.csv, or as they were."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from flows.cli.options import Allowed
from flows.cli.plan import run_plan
from flows.cli.sync import run_sync, show_ending
from flows.cli.watchers import watcher
from flows.options import Options
from flows.preview import SAMPLE
from flows.retry import Retry, open_retry

__all__ = ["command"]


@click.command("retry")
@click.argument("what", type=click.Path(path_type=Path), metavar="FILE|RUN")
@click.option(
    "--mapping", metavar="MAPPING", help="The mapping's file, where it is not where the run had it."
)
@click.option("--plan", is_flag=True, help="Show what would be done, and write nothing there.")
@click.option(
    "--lookup", type=click.Choice(["sample", "all"]), default="sample", show_default=True,
    help=f"With --plan, where contacts have to be looked up one by one: an even sample of {SAMPLE}, or all of them.",
)  # fmt: skip
@click.option(
    "--as-typed",
    is_flag=True,
    help="Take every changed cell as it stands in FILE, also where spreadsheet programs change cells by themselves.",
)
@click.option(
    "--allow",
    multiple=True,
    type=Allowed(),
    metavar="NAME[=N]",
    help="Let a run pass this guard, or start what has to be allowed by name; with a number, that many at most. It is recorded.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
@click.option("--yes", is_flag=True, help="Answer what a terminal would be asked; never opens a guard.")
@click.option("--fail-on-warning", is_flag=True, help="Exit with 1 also when there are only warnings.")
@click.option("--report-dir", type=click.Path(path_type=Path), help="Also write the report into this folder.")
def command(
    what: Path, mapping: str | None, plan: bool, lookup: str, as_typed: bool, allow: tuple[str, ...], as_json: bool,
    yes: bool, fail_on_warning: bool, report_dir: Path | None,
) -> int:  # fmt: skip
    """Send rows of a run again: those in FILE, or all of RUN that need a person.

    FILE is a run's failures.csv or failures.xlsx, with cells corrected and lines deleted. What has to stay are the columns _run and
    _row; lines that nobody changed are sent again as well. RUN is a run's id or the beginning of it: its rows are sent as they
    were. They go through the mapping as it is now and are the same rows' next attempt.
    """
    retry = open_retry(what, mapping, as_typed=as_typed)
    options = Options(allow=frozenset(allow), report_dir=report_dir, verb="plan" if plan else "sync")
    if plan:
        return _plan(
            retry,
            options,
            everybody=lookup == "all",
            as_json=as_json,
            yes=yes,
            fail_on_warning=fail_on_warning,
        )
    with watcher() as watching:
        ending, folder = asyncio.run(
            run_sync(str(retry.mapping), None, options, watching, yes=yes, retry=retry)
        )
    return show_ending(ending, folder, as_json=as_json, fail_on_warning=fail_on_warning)


def _plan(
    retry: Retry, options: Options, *, everybody: bool, as_json: bool, yes: bool, fail_on_warning: bool
) -> int:
    with watcher() as watching:
        planning = run_plan(
            str(retry.mapping), None, options, watching, everybody=everybody, yes=yes, retry=retry
        )
        found = asyncio.run(planning)
    if as_json:
        click.echo(found.to_json(), nl=False)
    else:
        from flows.cli.showing_plan import show_plan  # noqa: PLC0415 - only for people

        asked = [guard for guard in found.guards if guard.asked]
        show_plan(
            found.model_copy(update={"guards": asked}), [], "To do it: the same command without --plan."
        )
    return 1 if found.exit_code == 0 and fail_on_warning and found.warnings else found.exit_code
