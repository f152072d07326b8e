"""What `muster sync` does without FILE where a mapping has an inbox."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from flows.cli.looking import look_and_say, seen_in, tell_overdue, telling_not_begun
from flows.cli.sync import run_sync, show_ending
from flows.cli.watchers import watcher
from flows.inbox.arrivals import Arrived, Inbox, Look
from flows.inbox.turn import tell_no_file
from flows.options import Options
from flows.prefect_server import PrefectServer
from flows.reporting import Ending

__all__ = ["STOPS", "sync_arrived", "worse"]

STOPS = (2, 3, 4, 130)
"""After a run with one of these exit codes nothing more is begun."""
_WORST = (0, 1, 2, 3, 130, 4)


def worse(one: int, other: int) -> int:
    """Of two exit codes the one that tells more.

    >>> worse(0, 1), worse(130, 3)
    (1, 130)
    """
    return max(one, other, key=_WORST.index)


def sync_arrived(inbox: Inbox, options: Options, *, yes: bool, as_json: bool, fail_on_warning: bool) -> int:
    """Syncs what arrived, one file after the other; the worst exit code. Raises CannotStart."""
    with inbox.alone():
        with watcher() as watching, telling_not_begun(str(inbox.path)):
            look = look_and_say(inbox, watching, writes=True)
        ended = asyncio.run(
            _one_after_the_other(
                inbox, look, options, yes=yes, as_json=as_json, fail_on_warning=fail_on_warning
            )
        )
        code = 0
        for _, _, one in ended:
            code = worse(code, one)
        if not look.to_sync and not as_json:
            click.echo(f"Nothing new in {inbox.mapping.source.inbox}; nothing was sent.")
        for line in inbox.settle(look):
            click.echo(line, err=True)
    if look.needs_a_person(deltas=inbox.deltas):
        code = worse(code, 1)
    tell_overdue(look)
    asyncio.run(tell_no_file(inbox, look, lambda line: click.echo(line, err=True)))
    if as_json:
        click.echo(json.dumps(_facts(look, ended, code), ensure_ascii=False, indent=2))
    return code


async def _one_after_the_other(
    inbox: Inbox, look: Look, options: Options, *, yes: bool, as_json: bool, fail_on_warning: bool
) -> list[tuple[Arrived, Ending, int]]:
    """Each file's run, up to one that was stopped."""
    ended: list[tuple[Arrived, Ending, int]] = []
    turn = look.to_sync
    if len(turn) > 1:
        with PrefectServer(inbox.home) as server:  # one for all of them
            await server.begin()
            await server.ready()
            return await _runs(inbox, turn, options, ended, yes=yes, as_json=as_json, fail=fail_on_warning)
    return await _runs(inbox, turn, options, ended, yes=yes, as_json=as_json, fail=fail_on_warning)


async def _runs(
    inbox: Inbox,
    turn: list[Arrived],
    options: Options,
    ended: list[tuple[Arrived, Ending, int]],
    *,
    yes: bool,
    as_json: bool,
    fail: bool,
) -> list[tuple[Arrived, Ending, int]]:
    for place, one in enumerate(turn):
        with watcher() as watching:
            ending, folder = await run_sync(str(inbox.path), str(one.path), options, watching, yes=yes)
        code = _shown(ending, folder, as_json=as_json, fail=fail)
        ended.append((one, ending, code))
        if code in STOPS:
            for left in turn[place + 1 :]:
                click.echo(f"{left.lying.name} waits: the run before it did not come to its end.", err=True)
            break
    return ended


def _shown(ending: Ending, folder: Path, *, as_json: bool, fail: bool) -> int:
    if not as_json:
        return show_ending(ending, folder, as_json=False, fail_on_warning=fail)
    code = ending.summary.exit_code
    return 1 if code == 0 and fail and ending.summary.warnings else code


def _facts(look: Look, ended: list[tuple[Arrived, Ending, int]], code: int) -> dict[str, Any]:
    runs = {one.lying.name: ending.summary.run_id for one, ending, _ in ended}
    return {
        "schema_version": 1,
        "inbox": [{**one, "run_id": runs.get(one["name"], one["run_id"])} for one in seen_in(look)],
        "overdue": look.overdue is not None,
        "runs": [json.loads(ending.summary.to_json()) for _, ending, _ in ended],
        "exit_code": code,
    }
