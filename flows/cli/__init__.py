"""The `muster` command. A verb's module is imported when that verb runs, so that `muster --help` answers at once."""

from __future__ import annotations

import importlib
import io
import sys
from typing import Any

import click

__all__ = ["main", "muster"]

# The verb, its place in the help, and its one line.
_VERBS = {
    "demo": "Sync the sample data into a local sandbox: no account, no network.",
    "peek": "Show how a file is read, what its columns hold, and what is odd about it.",
    "init": "Write a mapping for a file: columns matched to fields, doubts said.",
    "check": "Check a mapping: its grammar, merge tags, examples and columns.",
    "plan": "Show what a sync would do, and write nothing there.",
    "sync": "Deliver a file's contacts, and account for every row.",
    "resume": "Finish an interrupted run.",
    "takeover": "Have runs whose worker died finished by another worker, now or again and again.",
    "retry": "Send rows of a run again: as corrected in its failures.csv, or as they were.",
    "fixes": "Retry and answer corrected files that were dropped into a mapping's folder of fixes.",
    "review": "Correct the rows of a run that need a person on a local page, and send them again.",
    "verify": "Read contacts back and compare them with what was delivered.",
    "undo": "Put back what a run changed.",
    "accept": "Accept known problems of a run's rows, so that they ask nobody again.",
    "corrections": "List, export or revoke what retries have corrected for later syncs.",
    "runs": "List past runs.",
    "report": "Show a run's balance and where its report is.",
    "schedule": "Let Prefect run a sync by itself; list, pause, resume or remove such syncs.",
    "serve": "Run the scheduled syncs of a folder on this machine, until Ctrl-C.",
    "metrics": "Print how each mapping stands, for Prometheus.",
    "sandbox": "Start a local server that answers as the real API does.",
    "doctor": "Check the installation, the ledger, credentials and reachability; --probe settles open questions.",
    "optouts": "Export who wants no mail, for the CRM: address, since when, who said it.",
    "find": "Show everything that ever happened to one person.",
    "forget": "Remove a person from ledger, reports and kept rows, and keep them out.",
    "ledger": "Export the ledger for whoever takes over, or import such an export.",
    "completion": "Print the line that completes muster's words in your shell.",
}


class _Verbs(click.Group):
    """Finds a verb's command in `flows.cli.VERB`, and only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in _VERBS:
            return None
        command: click.Command = importlib.import_module(f"flows.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from mappings.engine.complaints import nearest  # noqa: PLC0415 - only after a slip

            like = nearest(args[0], _VERBS) if args else ""
            raise click.UsageError(
                f"muster has no command '{args[0]}'." + (f" Did you mean {like}?" if like else ""), ctx
            ) from error


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version  # noqa: PLC0415 - only when asked

        click.echo(f"muster {version('muster-sync')}")
        ctx.exit()


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
)
def muster() -> None:
    """Syncs contacts from CSV files and CRM exports into marketing tools, and accounts for every row.

    \b
    First steps:  muster demo
                  muster peek FILE
                  muster init FILE --to campaignlark
                  muster check MAPPING FILE
                  muster plan MAPPING FILE
                  muster sync MAPPING FILE

    Exit codes: 0 every row is where it should be; 1 some rows need a person; 2 could not start, nothing was sent;
    3 stopped by a guard, by too many failures, or because the destination is down; 4 does not balance (a bug in muster);
    130 interrupted. What was stopped or interrupted is finished by muster resume.
    """  # noqa: D301 - a backspace keeps the lines as they are


def main(arguments: list[str] | None = None) -> Any:
    """The console command. Errors become a sentence, a fix and an exit code; nothing else reaches the terminal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a name shows ? instead
    from flows.cli.erring import explained  # noqa: PLC0415 - light, but only after click

    as_json = "--json" in (sys.argv[1:] if arguments is None else arguments)
    sys.exit(
        explained(
            lambda: muster.main(args=arguments, prog_name="muster", standalone_mode=False), as_json=as_json
        )
    )
