"""muster demo: a real sync of the sample data into a sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from flows.report.summary import Summary

__all__ = ["command"]


@dataclass(frozen=True)
class _Demo:
    """A destination's samples, the first of them shown by default: name → (mapping, file).

    `quick`: its own pace is slow, and the demo runs at another one. `allow` is what a person has to allow by name in a
    real sync, which `note` says.
    """

    title: str
    samples: dict[str, tuple[str, str]]
    quick: bool = False
    allow: frozenset[str] = frozenset()
    note: str = ""


_DEMOS = {
    "campaignlark": _Demo(
        "CampaignLark",
        {
            "hubspot": ("hubspot_to_campaignlark", "hubspot_contacts.csv"),
            "signups": ("signups_to_campaignlark", "newsletter_signups.csv"),
            "hostile": ("hostile_to_campaignlark", "hostile.csv"),
        },
    ),
    "loops": _Demo(
        "Loops",
        {"users": ("app_users_to_loops", "app_users.csv")},
        quick=True,
        allow=frozenset({"contact_added"}),
        note="New contacts start the workflows for added contacts there; the demo allows it, a real sync has to be told by name: --allow contact_added.",
    ),
    "corporate_merch": _Demo(
        "Corporate Merch",
        {"employees": ("employees_to_corporate_merch", "employees.csv")},
        quick=True,
    ),
}
_QUICK_PER_SECOND = 100.0


@click.command("demo")
@click.option(
    "--to",
    "kind",
    type=click.Choice(list(_DEMOS)),
    default="campaignlark",
    show_default=True,
    help="Which destination the sandbox answers as.",
)
@click.option(
    "--sample",
    type=click.Choice([name for demo in _DEMOS.values() for name in demo.samples]),
    help="Which file is synced; hubspot, users and employees where none is named.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the run's summary as JSON.")
def command(kind: str, sample: str | None, as_json: bool) -> int:
    """Start a sandbox, sync the sample data into it through Prefect, and print the balance and where the report is.

    Everything happens on this machine; no account is needed. Exits with 0 when every row is accounted for as expected.
    """
    from connectors.kinds import destination_module  # noqa: PLC0415 - only this verb
    from connectors.sandbox.serving import running  # noqa: PLC0415 - as above
    from flows.cli.sync import run_sync  # noqa: PLC0415 - as above
    from flows.cli.watchers import watcher  # noqa: PLC0415 - as above
    from flows.options import Options  # noqa: PLC0415 - as above

    demo = _DEMOS[kind]
    if sample is not None and sample not in demo.samples:
        raise click.UsageError(f"--to {kind} has these samples: {', '.join(demo.samples)}.")
    mapping, file = demo.samples[sample or next(iter(demo.samples))]
    expected = json.loads((_data() / "expected.json").read_text("utf-8"))[file]
    rate = float(destination_module(kind).Connector.per_second)
    home = Path(os.environ.get("MUSTER_HOME") or Path.cwd() / ".muster") / "demo"
    for path in (*home.glob("ledger.sqlite*"), home / "runs", home / "plans"):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    settings: dict[str, Any] = {"rate": 0} if demo.quick else {}
    options = Options(allow=demo.allow, per_second=_QUICK_PER_SECOND if demo.quick else None, alerts=False)
    before = expected.get("there", [])
    with running(kind, **settings) as server, watcher() as watching:
        watching.say(_greeting(demo, rate))
        server.seed(before)
        os.environ |= {
            "MUSTER_HOME": str(home),
            "MUSTER_LEDGER_URL": "file",  # a demo's runs are no business of other machines
            f"{kind.upper()}_BASE_URL": server.url,
            f"{kind.upper()}_API_KEY": "sandbox-key",
        }
        ending, folder = asyncio.run(run_sync(mapping, None, options, watching))
        there = len(server.contacts())
    summary = ending.summary
    as_expected = (
        summary.balanced
        and summary.outcomes.model_dump() == expected["outcomes"]
        and there == len(before) + summary.outcomes.created
    )
    if as_json:
        click.echo(summary.to_json(), nl=False)
    else:
        _show(demo, kind, summary, folder, rate, before=len(before), there=there, as_expected=as_expected)
    return 0 if as_expected else max(summary.exit_code, 1)


def _greeting(demo: _Demo, rate: float) -> str:
    from flows.report.wording import pace  # noqa: PLC0415 - only this verb

    says = f"A sandbox answers as {demo.title} does: same calls, same errors"
    if demo.quick:
        return f"{says}. {demo.title} takes {pace(rate)}, the sandbox any number: so that you need not wait."
    return f"{says}, {rate:g} requests a second."


def _show(
    demo: _Demo, kind: str, summary: Summary, folder: Path, rate: float, *, before: int, there: int, as_expected: bool
) -> None:  # fmt: skip
    from flows.cli.showing import show_summary  # noqa: PLC0415 - only for people
    from flows.report.wording import duration, pace  # noqa: PLC0415 - as above

    show_summary(summary, folder)
    landed = summary.outcomes.of("created", "updated", "upserted", "unchanged")
    had = f", {before:,} of them from before" if before else ""
    click.echo(
        f"\nThe sandbox holds {there:,} contacts{had}; {landed:,} rows landed; {_verdict(summary, as_expected)}"
    )
    if demo.quick:
        sent = summary.requests.sent
        click.echo(
            f"\n{demo.title} itself takes {pace(rate)}: these {sent:,} requests would take {duration(sent / rate / 60)} there."
        )
    if demo.note:
        click.echo(demo.note)
    sandbox = "muster sandbox" + (f" {kind}" if demo.quick else "")
    click.echo(f"\nNext, with a file of your own:\n  muster peek FILE\n  {sandbox:<28} (in another terminal; then set what it prints)\n"
               "  muster check MAPPING FILE, muster plan MAPPING FILE, muster sync MAPPING FILE")  # fmt: skip


def _verdict(summary: Summary, as_expected: bool) -> str:
    if summary.status != "finished":
        return "the demo was not run to its end. muster demo starts anew."
    if as_expected:
        return "every row is accounted for as sample_data/README.md says."
    return "that is NOT what sample_data/README.md says. Please report it."


def _data() -> Path:
    import sample_data  # noqa: PLC0415 - only this verb

    return Path(sample_data.__path__[0])
