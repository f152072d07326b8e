"""A key that is another one than before: whether it was rotated, or belongs to another workspace."""

from __future__ import annotations

import dataclasses

from connectors.base import Destination
from flows.ledger import Account, Ledger
from flows.options import Options
from flows.watching import Watcher

__all__ = ["settled"]

_NOBODY = -1


async def settled(
    account: Account, key: str, ledger: Ledger, destination: Destination, options: Options, watcher: Watcher
) -> Account:
    """Whose a changed key is: a few known contacts are looked up. The same ids: rotated. None of them: another workspace."""
    if not account.key_changed:
        return account
    delivered = ledger.accounts.some_delivered(account)
    same = not delivered
    for address, contact_id in delivered:
        there = await destination.find(address)
        same = same or (there is not None and there.contact_id == contact_id)
    if same:
        return ledger.accounts.rotated(account, key) if options.verb == "sync" else account
    watcher.say(
        f"The key belongs to another workspace than before: none of the {len(delivered)} contacts that were looked up is there. "
        "It counts as a new account, and nothing as delivered."
    )
    if options.verb != "sync":
        return dataclasses.replace(account, id=_NOBODY)
    return ledger.accounts.another(account, key)
