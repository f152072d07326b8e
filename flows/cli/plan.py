"""muster plan: what a sync would do, writing nothing there."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import click

from flows.cli.options import choosing
from flows.cli.watchers import Lines, Live, watcher
from flows.preview import Preview, preview
from flows.roll import OUTCOMES
from flows.sync_run import Options, SyncRun

__all__ = ["command"]


@click.command("plan")
@choosing
def command(
    mapping: str, file: str | None, limit: int | None, only: str | None, resend: str | None, allow: tuple[str, ...],
    opt_outs_only: bool, as_json: bool, yes: bool, fail_on_warning: bool,
) -> int:  # fmt: skip
    """Show what a sync of FILE as MAPPING says would do. Nothing is written there; exits as the sync would."""
    options = Options(
        limit=limit,
        only=only,
        resend=resend,
        allow=frozenset(allow),
        opt_outs_only=opt_outs_only,
        verb="plan",
    )
    with watcher() as watching:
        found, warnings = asyncio.run(_plan(mapping, file, options, watching, as_json=as_json, yes=yes))
    return 1 if found.exit_code == 0 and fail_on_warning and warnings else found.exit_code


async def _plan(
    mapping: str, file: str | None, options: Options, watching: Lines | Live, *, as_json: bool, yes: bool
) -> tuple[Preview, int]:
    async with SyncRun(mapping, file, options, watching) as run:
        await run.open()
        await run.prepare()
        found = await preview(run)
        question = run.question()
        if question and not yes and not sys.stdin.isatty():
            found.exit_code = 2
        watching.close()
        if as_json:
            click.echo(json.dumps(_facts(run, found), ensure_ascii=False, indent=2))
        else:
            from flows.cli.showing import show_plan  # noqa: PLC0415 - only for people

            show_plan(run, found)
        return found, run.plan.warnings


def _facts(run: SyncRun, found: Preview) -> dict[str, Any]:
    """The plan for scripts. No person's data is in it."""
    opened = run.opened
    return {
        "mapping": {"name": opened.mapping.name, "sha256": opened.mapping.sha256},
        "source": {"path": str(opened.source.path), "sha256": opened.source.sha256, "rows_read": run.plan.rows},
        "destination": {"kind": opened.account.kind, "account": opened.account.name, "base_url": opened.base_url},
        "ledger": str(opened.ledger.database.path),
        "outcomes": {name: found.outcomes.get(name, 0) for name in OUTCOMES},
        "changes": {tag: count for tag, count in found.changed.items() if count},
        "requests": {"planned": found.requests, "by_call": dict(found.calls)},
        "minutes": round(found.seconds / 60, 2),
        "automations": dict(found.automations),
        "consent": {"opt_outs": found.opt_outs, "newcomers": opened.destination.rules.newcomers},
        "guards": [
            {"name": v.name, "count": v.count, "share": v.share, "limit_share": v.limit_share, "floor": v.floor,
             "tripped": v.tripped, "allowed": v.allowed}
            for v in run.plan.guards
        ],
        "question": run.question(),
        "warnings": run.plan.warnings,
        "exit_code": found.exit_code,
    }  # fmt: skip
