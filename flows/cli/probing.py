"""muster doctor DESTINATION --probe ADDRESS: what the documentation leaves open is asked of the account itself."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click

from connectors.errors import CannotStart
from connectors.kinds import destination_module
from connectors.pace import Pace
from connectors.probing import Finding, Otherwise, Questions, Throwaway, findings, left_behind, probe_of
from flows.open_questions import answers_path, read_answers, write_answers
from flows.settings import Access, Settings
from flows.stopping import terminable
from flows.suppressions import Suppressions
from mappings.engine.complaints import visible

__all__ = ["probe"]


def probe(kind: str, account: str, address: str, *, yes: bool) -> int:
    """Asks, shows what held, and writes the answers. Raises CannotStart where nothing was asked."""
    module = probe_of(kind)
    if module is None:
        raise CannotStart(
            f"There are no open questions of {kind}.", "Its documentation is taken at its word."
        )
    address = address.strip()
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", address):
        raise CannotStart(
            f"{address} is no address.", "Give one of a mailbox of yours that nobody else reads."
        )
    connector: Any = destination_module(kind).Connector
    settings = Settings()
    access = settings.access(kind, account, connector.default_base_url)
    home = settings.home_here()
    if Suppressions.read(home).holds(address):
        raise CannotStart(f"{address} is on the suppression list.", "Give another address.")
    path = answers_path(home, kind, account)
    if path.exists():
        read_answers(path, module.QUESTIONS)  # what is wrong with it is said before anything is asked
    terminable()
    return asyncio.run(_probe(kind, account, access, address, path, yes=yes))


async def _probe(kind: str, account: str, access: Access, address: str, path: Path, *, yes: bool) -> int:
    module: Any = probe_of(kind)
    connector: Any = destination_module(kind).Connector
    questions: Questions = module.QUESTIONS
    title = f"{kind}, account {account}"
    pace = Pace(connector.per_second)
    async with connector(base_url=access.base_url, key=access.key, turns=pace) as destination:
        schema = await destination.read_schema()
        throwaway: Throwaway = module.Throwaway(destination, address)
        throwaway.use(schema)
        click.echo(f"{title}, at {access.base_url}\n")
        requests = questions.requests + throwaway.around + await throwaway.reading()
        _announce(throwaway, questions, requests, requests / connector.per_second, path)
        _ask(yes=yes)
        somebody = await _absent(throwaway)
        if somebody:
            raise CannotStart(
                f"{somebody} is there already, and nobody who is there is written to. Nothing was sent.",
                "Give an address that no contact has, such as a plus-address of your own mailbox.",
            )
        found: list[Finding] = []
        try:
            await _made(throwaway)
            width = max(len(name) for name in questions.names())
            async for finding in findings(throwaway, questions):
                found.append(finding)
                click.echo(_shown(finding, width))
        finally:  # also after Ctrl-C
            left, settled, aside = await left_behind(throwaway), any(one.position for one in found), None
            if settled:
                aside = write_answers(path, title, access.base_url, questions, found)
            for one in left or ["nothing"]:
                click.echo(f"left behind: {visible(one)}")
            if aside is not None:
                click.echo(f"The answers of another address were put aside: {aside}")
            if settled:
                click.echo(f"The answers are in {path}.")
    _sum_up(found, kind)
    return 0


def _announce(throwaway: Throwaway, questions: Questions, requests: int, seconds: float, path: Path) -> None:
    asked = sum(question.ask is not None for question in questions)
    takes = f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{max(seconds, 1):.0f} seconds"
    click.echo(
        f"{asked} questions that the documentation leaves open are asked, with up to {requests} requests "
        f"(about {takes} or longer).\n"
        f"Written to: {', '.join(throwaway.addresses)}, and nobody else.\n"
        f"{throwaway.starts}\n{throwaway.stays}\n"
        f"The answers go to {path}; check, plan and sync follow them.\n"
    )


def _ask(*, yes: bool) -> None:
    """Asks at a terminal; elsewhere the answer is --yes. Raises CannotStart when it is no."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CannotStart(
            "The probe writes to the account. Nothing was sent.", "If that is meant, add --yes."
        )
    # The loop's own handler would wait for the answer.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sure = click.confirm("Go on?")
    finally:
        signal.signal(signal.SIGINT, before)
    if not sure:
        raise CannotStart("Stopped by you; nothing was sent.", "")


async def _absent(throwaway: Throwaway) -> str:
    try:
        return await throwaway.absent()
    except Otherwise as how:
        raise CannotStart(f"Whether the address is there cannot be told: {how}. Nothing was sent.") from None


async def _made(throwaway: Throwaway) -> None:
    try:
        await throwaway.create()
    except Otherwise as how:
        raise CannotStart(
            f"The throwaway contact could not be made: {how}.", "Nothing was asked; try another address."
        ) from None


def _shown(finding: Finding, width: int) -> str:
    question = finding.question
    name = f"  {question.name:<{width}}  "
    if not finding.position and finding.tried:
        return name + visible(f"answered otherwise: {finding.said}. No answer is written.")
    if not finding.position:
        return name + visible(f"not tried, because {finding.said}")
    held = finding.position == question.inferred
    said = f"{finding.position:<14}  {'as inferred' if held else f'NOT as inferred ({question.inferred})'}"
    gain = question.gains.get(finding.position, "")
    return name + said + (f"; {gain}" if gain else "")


def _sum_up(found: list[Finding], kind: str) -> None:
    counts = Counter(
        ("as inferred" if one.position == one.question.inferred else "not as inferred")
        if one.position
        else ("answered otherwise" if one.tried else "not tried")
        for one in found
    )
    click.echo("\n" + ", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
    click.echo(f"To practise with the same answers: muster sandbox {kind} --as-probed")
