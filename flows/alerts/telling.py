"""Telling: who has to be told of an alert, given what they were told last; each change of state once.

What a receiver was told is the ledger's, for each receiver by itself: who was not reached is told by the next run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

from flows.alerts.alert import Alert
from flows.alerts.receivers import by_default, receiver
from flows.alerts.sending import send
from flows.ledger import LastTold, Ledger
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.settings import Settings
from mappings.engine.document import Notify

__all__ = ["Occasion", "due", "tell", "tell_apart"]

_WELL = ("completed", "recovered")


@dataclasses.dataclass(frozen=True, slots=True)
class Occasion:
    """Something that may have to be told: the alert, of which mapping's file, and in which home its ledger is.

    `notify` is the mapping's own word, None where it has none. `settles` are the states that it can end, where it was about a part
    of the rows only: a retry ends `needs_review`, and begins nothing. Empty: all.
    """

    alert: Alert
    path: Path
    home: Path
    notify: Notify | None = None
    settles: tuple[str, ...] = ()


def due(occasion: Occasion, notify: Notify, last: LastTold | None, now: dt.datetime) -> str:
    """The state that a receiver has to be told, '' for none, or 'well': nothing is told, and the trouble is over."""
    state, before = occasion.alert.state, last.state if last is not None else ""
    trouble = before not in ("", *_WELL)
    if occasion.settles and (before not in occasion.settles or state not in _WELL):
        return ""
    if state in _WELL:
        if trouble:
            return (
                "recovered"
                if "recovered" in notify.on
                else "completed"
                if "completed" in notify.on
                else "well"
            )
        return "completed" if "completed" in notify.on else ""
    if state not in notify.on:
        return ""
    if last is None or state != before:
        return state
    again = notify.remind is not None and now - dt.datetime.fromisoformat(last.told_at) >= notify.remind
    return state if again else ""


async def tell(occasion: Occasion, say: Callable[[str], None]) -> None:
    """Tells whoever has to be told; what did not reach somebody is said. Raises nothing but what ends a process."""
    try:
        await _tell(occasion, say)
    except Exception as error:  # noqa: BLE001 - an alert never changes how a run ends
        say(f"notify    nobody could be told: {type(error).__name__}. muster doctor --notify tries it.")


async def tell_apart(occasion: Occasion, say: Callable[[str], None]) -> None:
    """Tells something that is not how a mapping stands: each time, and nothing is kept of it. Raises nothing but what ends a process."""
    try:
        settings = Settings(occasion.path)
        notify = occasion.notify or _by_default(settings)
        if notify is None or occasion.alert.state not in notify.on:
            return
        names = list(dict.fromkeys(notify.to))
        failed = await send((receiver(settings, name), occasion.alert) for name in names)
        _say_who(failed, occasion.alert.state, "It is not told again", say)
    except Exception as error:  # noqa: BLE001 - as above
        say(f"notify    nobody could be told: {type(error).__name__}. muster doctor --notify tries it.")


async def _tell(occasion: Occasion, say: Callable[[str], None]) -> None:
    settings = Settings(occasion.path)
    notify = occasion.notify or _by_default(settings)
    if notify is None:
        return
    now, path = dt.datetime.now(dt.UTC), str(occasion.path.absolute())
    alert = occasion.alert
    with _ledger(occasion.home) as ledger:
        known = {} if ledger is None else ledger.told.of(alert.account, alert.mapping, path)
        states = {name: due(occasion, notify, known.get(name), now) for name in dict.fromkeys(notify.to)}
        messages = {
            name: _message(alert, state, known.get(name))
            for name, state in states.items()
            if state not in ("", "well")
        }
        failed = await send((receiver(settings, name), message) for name, message in messages.items())
        for name, state in states.items():
            if state and not failed.get(name) and ledger is not None:
                ledger.told.keep(_kept(alert, name, state, known.get(name)), path)
    state = next((messages[name].state for name in messages if not failed[name]), "")
    _say_who(failed, state, "The next run tries again", say)


def _say_who(failed: dict[str, str], state: str, then: str, say: Callable[[str], None]) -> None:
    """Who was told, and who was not, with what becomes of that."""
    if reached := [name for name, why in failed.items() if not why]:
        say(f"notify    {', '.join(reached)}: {state.replace('_', ' ')}")
    for name, why in failed.items():
        if why:
            say(f"notify    {name} was not told: {why} {then}; muster doctor --notify {name} tries it now.")


def _by_default(settings: Settings) -> Notify | None:
    names = by_default(settings)
    return Notify.model_validate({"to": list(names)}) if names else None


@contextlib.contextmanager
def _ledger(home: Path) -> Iterator[Ledger | None]:
    """None where there is none, or it cannot be read: then nobody knows what was told, and everybody is told."""
    found: Ledger | None = None
    with contextlib.suppress(Exception):
        found = open_ledger(home) if there_is_a_ledger(home) else None
    try:
        yield found
    finally:
        if found is not None:
            found.close()


def _message(alert: Alert, state: str, last: LastTold | None) -> Alert:
    before = last.state if last is not None else ""
    begun = last.since if last is not None and (state in _WELL or state == before) else alert.at
    return dataclasses.replace(alert, state=state, before=before, since=begun)


def _kept(alert: Alert, name: str, state: str, last: LastTold | None) -> LastTold:
    now_in = "completed" if state in ("well", *_WELL) else state
    same = last is not None and last.state == now_in
    since = last.since if last is not None and same else alert.at
    return LastTold(alert.account, alert.mapping, name, now_in, alert.run_id, since, alert.at)
