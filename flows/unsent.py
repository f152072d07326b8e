"""Unsent: what becomes of contacts whose turn comes after their run has stopped."""

from __future__ import annotations

from connectors.base import Delivered

__all__ = ["WHY_STOPPED", "unsent"]

WHY_STOPPED = {
    "guarded": "a guard stopped the run before anything was sent",
    "interrupted": "the run was interrupted before its turn",
    "breaker": "the destination gave no usable answer any more",
    "failures": "too many rows were refused or failed",
    "credentials": "the key was not accepted any more",
    "ledger": "the ledger could not be written any more",
    "suppressions": "a suppression file could not be read any more",
}
"""Why a row was not tried, by the code that says it."""


def unsent(why: str) -> Delivered:
    """The outcome of a contact that was not tried."""
    return Delivered("unsent", why, WHY_STOPPED.get(why, ""))
