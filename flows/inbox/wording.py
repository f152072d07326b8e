"""What is said of the files in an inbox."""

from __future__ import annotations

from flows.inbox.arrivals import Arrived, Look

__all__ = ["said_of"]

_NEW = {
    "repeated": "its content was synced already{run}; not synced again",
    "superseded": "a newer file was synced in its place",
    "growing": "still being written; left alone until it rests",
}


def said_of(look: Look, *, deltas: bool) -> list[str]:
    """A sentence for each file that somebody may wonder about; what was said at an earlier look is not said again."""
    lines = []
    for one in look.files:
        line = _line(one, deltas=deltas)
        if line:
            lines.append(f"{one.lying.name}: {line}")
    return lines


def _line(one: Arrived, *, deltas: bool) -> str:
    before = one.judged.found.before
    if one.state == "late" and deltas:
        return (
            "late: it is older than one that was synced or begun, and might put older values over newer ones; not synced. "
            "Look at it, then sync it by name (muster sync MAPPING FILE) or take it away"
        )
    if one.state == "late" and before != "late":
        return "late: a newer file was synced before it came; not synced"
    if one.state == "waits":
        return (
            "waits for the one before it"
            if deltas
            else "older than the newest; it is passed over once that one is synced"
        )
    if one.state in _NEW and before != one.state:
        return _NEW[one.state].format(run=f" by {one.judged.run}" if one.judged.run else "")
    return ""
