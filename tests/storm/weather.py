"""The weather: a mix of every fault, for a share of all requests."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tests.storm.runner import TIMEOUT_SECONDS

__all__ = ["weather"]

_UNHEARD = 2.5 * TIMEOUT_SECONDS
_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "429", "retry_after": "0.02"},
    *({"kind": kind, "applied": applied} for kind in ("500", "502", "503", "non_json_502") for applied in (False, True)),
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "non_json"},
    {"kind": "truncated"},
    {"kind": "slow_body", "seconds": 0.05},
    {"kind": "late", "seconds": 0.05},
    {"kind": "late", "seconds": _UNHEARD},
    {"kind": "validation_error"},
)  # fmt: skip


def weather(share: float, without: Collection[str] = ()) -> list[dict[str, Any]]:
    """The rules of a sandbox: each fault for the same part of all requests, together for `share` of them."""
    faults = [fault for fault in _FAULTS if fault["kind"] not in without]
    each = share / len(faults)
    # The first rule that strikes wins: a later one sees only what the ones before it let through.
    return [{**fault, "share": each / (1 - number * each)} for number, fault in enumerate(faults)]
