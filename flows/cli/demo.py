"""muster demo: a real sync of the sample data into a sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path

import click

from flows.report.summary import Summary

__all__ = ["command"]

_SAMPLES = {
    "hubspot": ("hubspot_to_campaignlark", "hubspot_contacts.csv"),
    "signups": ("signups_to_campaignlark", "newsletter_signups.csv"),
    "hostile": ("hostile_to_campaignlark", "hostile.csv"),
}


@click.command("demo")
@click.option(
    "--sample",
    type=click.Choice(list(_SAMPLES)),
    default="hubspot",
    show_default=True,
    help="Which file is synced.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the run's summary as JSON.")
def command(sample: str, as_json: bool) -> int:
    """Start a sandbox, sync the sample data into it through Prefect, and print the balance and where the report is.

    Everything happens on this machine; no account is needed. Exits with 0 when every row is accounted for as expected.
    """
    from connectors.sandbox.serving import running  # noqa: PLC0415 - only this verb
    from flows.cli.showing import show_summary  # noqa: PLC0415 - as above
    from flows.cli.sync import run_sync  # noqa: PLC0415 - as above
    from flows.cli.watchers import watcher  # noqa: PLC0415 - as above
    from flows.options import Options  # noqa: PLC0415 - as above

    mapping, file = _SAMPLES[sample]
    home = Path(os.environ.get("MUSTER_HOME") or Path.cwd() / ".muster") / "demo"
    for path in (*home.glob("ledger.sqlite*"), home / "runs", home / "plans"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    with running("campaignlark") as server, watcher() as watching:
        watching.say(
            "A sandbox answers as CampaignLark does: same calls, same errors, 100 requests a second."
        )
        os.environ |= {
            "MUSTER_HOME": str(home),
            "CAMPAIGNLARK_BASE_URL": server.url,
            "CAMPAIGNLARK_API_KEY": "sandbox-key",
        }
        ending, folder = asyncio.run(run_sync(mapping, None, Options(), watching))
        there = len(server.contacts())
    summary = ending.summary
    expected = json.loads((_data() / "expected.json").read_text("utf-8"))[file]["outcomes"]
    as_expected = summary.balanced and summary.outcomes.model_dump() == expected
    if as_json:
        click.echo(summary.to_json(), nl=False)
    else:
        show_summary(summary, folder)
        landed = summary.outcomes.of("created", "updated", "unchanged")
        click.echo(
            f"\nThe sandbox holds {there:,} contacts; {landed:,} rows landed; {_verdict(summary, as_expected)}"
        )
        click.echo("\nNext, with a file of your own:\n  muster peek FILE\n  muster sandbox            (in another terminal; then set what it prints)\n"
                   "  muster check MAPPING FILE, muster plan MAPPING FILE, muster sync MAPPING FILE")  # fmt: skip
    return 0 if as_expected else max(summary.exit_code, 1)


def _verdict(summary: Summary, as_expected: bool) -> str:
    if summary.status != "finished":
        return "the demo was not run to its end. muster demo starts anew."
    if as_expected:
        return "every row is accounted for as sample_data/README.md says."
    return "that is NOT what sample_data/README.md says. Please report it."


def _data() -> Path:
    import sample_data  # noqa: PLC0415 - only this verb

    return Path(sample_data.__path__[0])
