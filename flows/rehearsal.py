"""A rehearsal: the whole file goes into a sandbox that has the fields, tags and lists of the account, and nothing into the account.

The account is only read: its fields, tags and lists, and its contacts where that was asked for. The sandbox is a process
of its own, which never gets the account's key. The ledger is the rehearsal's own, in its folder
`$MUSTER_HOME/rehearsals/RUN`, so that what was delivered to the account is neither read nor written; the last five are kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import secrets
import shutil
from collections.abc import AsyncIterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.base import Destination
from connectors.errors import CannotStart, CredentialsError
from connectors.kinds import destination_module
from connectors.pace import Pace
from connectors.sandbox.mirror import contacts_like, workspace_like
from connectors.sandbox.serving import Running, running
from flows.ledger import Runs
from flows.ledger.database import home_folder, private_folder
from flows.open_questions import known_answers
from flows.opening import check_key, load_mapping
from flows.options import Options
from flows.plan_file import write_private
from flows.report.wording import duration
from flows.settings import Access, Settings, find_mapping
from flows.watching import Watcher
from mappings.engine.document import Mapping
from mappings.engine.schema import Schema

__all__ = ["Rehearsal", "rehearsing"]

PER_SECOND = 500.0
"""What a sandbox takes, whatever the account would."""
_KEPT = 5
_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rehearsal stands on. `base_url` and `per_second` are the account's, `access` leads into the sandbox.

    `folder` is the home of its ledger and the place of its report; `home` is the one that a sync would use. `copied` is how
    many contacts of the account were put into the sandbox, None where nobody was.
    """

    run_id: str
    base_url: str
    per_second: float
    home: Path
    folder: Path
    access: Access
    requests: int
    copied: int | None = None
    answers: MappingOf[str, str] = field(default_factory=dict)
    """What is known of the account beyond its documentation: its sandbox answers so, too."""

    def minutes(self, requests: int) -> float:
        """How long so many requests take at the account's own pace."""
        return requests / self.per_second / 60


@contextlib.asynccontextmanager
async def rehearsing(
    mapping_given: str, options: Options, watcher: Watcher, *, with_contacts: bool = False
) -> AsyncIterator[Options]:
    """The options of a sync into a sandbox like the account, which runs until the block ends. Raises CannotStart."""
    path = find_mapping(mapping_given)
    mapping = load_mapping(path)
    kind = mapping.destination.kind
    connector: Any = destination_module(kind).Connector
    check_key(mapping, connector)
    if with_contacts and not connector.surveys:
        raise CannotStart(
            f"{kind} cannot list its contacts, so they cannot be copied.",
            "Leave out --with-contacts: then nobody is there, and every row is a newcomer.",
        )
    settings = Settings(path)
    access = _access(settings, mapping, connector.default_base_url)
    home = settings.home(path)
    folder = _new_folder(home)
    per_second = mapping.destination.allowed(connector.per_second)
    key = f"rehearsal-{secrets.token_hex(8)}"
    try:
        with contextlib.ExitStack() as stack:
            async with connector(base_url=access.base_url, key=access.key, turns=Pace(per_second)) as account:
                watcher.say(
                    f"rehearsal of {kind}, {mapping.destination.account} at {access.base_url}: it is only read, and nothing is changed there"
                )
                watcher.stage("reading the account's fields, tags and lists")
                answers = known_answers(
                    settings, home, kind, mapping.destination.account, access.base_url, watcher.say
                )
                account.answers = answers
                schema = await account.read_schema()
                workspace = folder / "workspace.json"
                write_private(workspace, workspace_like(kind, schema))
                sandbox = stack.enter_context(running(kind, workspace=workspace, keys=key, rate=0, **answers))
                copied = await _copy(account, schema, sandbox, per_second, watcher) if with_contacts else None
                asked = account.traffic.sent
            _say_what_is_there(schema, copied, asked, watcher)
            rehearsal = Rehearsal(
                folder.name,
                access.base_url,
                per_second,
                home,
                folder,
                Access(sandbox.url, key),
                asked,
                copied,
                answers,
            )
            yield dataclasses.replace(options, rehearsal=rehearsal, per_second=PER_SECOND)
    finally:
        if not (folder / "report.html").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _access(settings: Settings, mapping: Mapping, default_base_url: str) -> Access:
    destination = mapping.destination
    try:
        return settings.access(destination.kind, destination.account, default_base_url)
    except CredentialsError as error:
        raise CredentialsError(
            f"{error.what} A rehearsal reads the account's fields, tags and lists.",
            f"{error.fix} muster demo --to {destination.kind} shows a whole sync without one.",
        ) from None


def _new_folder(home: Path) -> Path:
    """A private folder for this rehearsal; the oldest go."""
    home_folder(home)
    rehearsals = private_folder(home / "rehearsals")
    for old in sorted(one for one in rehearsals.iterdir() if one.is_dir())[: 1 - _KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return private_folder(rehearsals / Runs.new_id())


async def _copy(
    account: Destination, schema: Schema, sandbox: Running, per_second: float, watcher: Watcher
) -> int:
    """Puts the account's contacts into the sandbox, page by page, and nowhere else; how many. Raises Unreachable."""
    total, pages = await account.count()
    watcher.say(
        f"contacts  {total:,} are copied into the sandbox, which takes {duration(pages / per_second / 60)} ({pages:,} requests, which only read)"
    )
    watcher.stage("copying the account's contacts", total)
    copied = 0
    async for page in account.survey():
        contacts = contacts_like(sandbox.kind, page, schema)
        for start in range(0, len(contacts), _AT_ONCE):
            copied += await asyncio.to_thread(sandbox.seed, contacts[start : start + _AT_ONCE])
        watcher.advance(len(page))
    return copied


def _say_what_is_there(schema: Schema, copied: int | None, requests: int, watcher: Watcher) -> None:
    have = [f"{len(schema.fields):,} fields"]
    have += [
        f"{many} of any number"
        if many in schema.numbered
        else f"{len(set(getattr(schema, many).values())):,} {many}"
        for many in ("tags", "lists")
        if many in schema.numbered or getattr(schema, many)
    ]
    people = (
        "Nobody is there: every row is a newcomer."
        if copied is None
        else f"{copied:,} contacts of the account are there."
    )
    watcher.say(
        f"sandbox   has {', '.join(have[:-1]) + ' and ' if have[1:] else ''}{have[-1]} ({requests:,} requests read the account). {people}"
    )
