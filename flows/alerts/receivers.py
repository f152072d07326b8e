"""Receivers: names in mappings, and the addresses to which settings lead them."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.errors import CredentialsError
from flows.settings import Settings
from mappings.engine.document.notify import RECEIVER

__all__ = ["PREFIX", "Receiver", "by_default", "known", "receiver", "setting"]

PREFIX = "MUSTER_NOTIFY"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where somebody is told. The address may hold a secret, and is never shown; `wrong` says why there is none."""

    name: str
    address: str = field(repr=False, default="")
    wrong: str = ""


def setting(name: str) -> str:
    """The setting that says where a name leads.

    >>> setting("ops")
    'MUSTER_NOTIFY_OPS'
    """
    return f"{PREFIX}_{name.upper()}"


def receiver(settings: Settings, name: str) -> Receiver:
    """Where a name leads; what is wrong is said in the receiver, because an alert never stops anything."""
    try:
        address = settings.get(setting(name)).strip()
    except CredentialsError as error:
        return Receiver(name, wrong=error.what)
    if not address:
        return Receiver(
            name, wrong=f"{setting(name)} is not set. Set it to the address, in the environment or in .env."
        )
    return Receiver(name, address)


def by_default(settings: Settings) -> tuple[str, ...]:
    """Whom MUSTER_NOTIFY names, for mappings that say nothing."""
    try:
        given = settings.get(PREFIX)
    except CredentialsError:
        return ()
    return tuple(name for name in given.replace(",", " ").split() if RECEIVER.fullmatch(name))


def known(settings: Settings) -> list[str]:
    """The names of all receivers that are set."""
    found = {name.removesuffix("_FILE") for name in settings.names(f"{PREFIX}_")} - {PREFIX}
    return sorted(name.removeprefix(f"{PREFIX}_").lower() for name in found)
