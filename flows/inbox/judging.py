"""What becomes of each file that lies in an inbox. Pure: no clock, no place, no ledger.

growing     still being written: left alone
synced      its content was synced, and it is that file
repeated    its content was synced under another name, or lies there twice
late        older than one that was synced, or of deltas begun to be; of deltas somebody has to look
superseded  a newer snapshot was synced in its place
sync        to be synced now: the newest snapshot, or all deltas in their order
waits       an older snapshot than that, or a delta behind one that is still being written
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["FINAL", "Found", "Judged", "judged"]

FINAL = ("synced", "repeated", "superseded", "late")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that lies there. `sha256` is '' as long as it is being written; `sorts` says which came first.

    `before` is its state at the last look, '' where this content was not seen under this name.
    """

    name: str
    sha256: str
    sorts: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of a file; `run` is the one that synced its content, '' for none."""

    found: Found
    state: str
    run: str = ""


def judged(
    found: Sequence[Found],
    *,
    deltas: bool,
    complete: Mapping[str, str],
    synced: Mapping[str, tuple[str, str]],
    begun: Collection[str] = (),
) -> list[Judged]:
    """All files in their order, each with what becomes of it.

    `complete`: the contents that were synced, with their runs. `synced`: of those that came through this inbox, the name under
    which they did, and by what it sorts. `begun`: the contents of which something was sent; what is older than a delta of these
    would come after it.

    >>> files = [Found("b.csv", "2", "2"), Found("a.csv", "1", "1")]
    >>> [(one.found.name, one.state) for one in judged(files, deltas=False, complete={}, synced={})]
    [('a.csv', 'waits'), ('b.csv', 'sync')]
    """
    files = sorted(found, key=lambda one: one.sorts)
    speaks = _who_speaks(files, deltas=deltas, complete=complete, synced=synced)
    newest = max(
        [
            *(sorts for _, sorts in synced.values()),
            *(one.sorts for one in files if one.sha256 in complete and speaks[one.sha256] == one.name),
            *(
                one.sorts
                for one in files
                if deltas and one.sha256 in begun and speaks[one.sha256] == one.name
            ),
        ],
        default="",
    )
    verdicts: list[Judged] = []
    for one in files:
        run = complete.get(one.sha256, "")
        if not one.sha256:
            state = "growing"
        elif speaks[one.sha256] != one.name:
            state = "repeated" if run else "waits"
        elif run:
            state = "synced"
        elif one.sorts < newest:
            state = "late" if deltas or one.before in ("", "late") else "superseded"
        elif one.before in ("superseded", "late") and not deltas:
            state = one.before
        else:
            state = "sync"
        verdicts.append(Judged(one, state, run))
    return _held_back(verdicts, deltas=deltas)


def _who_speaks(
    files: Sequence[Found],
    *,
    deltas: bool,
    complete: Mapping[str, str],
    synced: Mapping[str, tuple[str, str]],
) -> dict[str, str]:
    """Of files with one content the one that counts: that which was synced, else the first delta or the newest snapshot."""
    speaks: dict[str, str] = {}
    for one in files if deltas else reversed(files):
        speaks.setdefault(one.sha256, one.name)
    return speaks | {
        sha256: name for sha256, (name, _) in synced.items() if sha256 in speaks and sha256 in complete
    }


def _held_back(verdicts: list[Judged], *, deltas: bool) -> list[Judged]:
    """Deltas wait behind one that is still being written; snapshots for the newest of them."""
    turn = [place for place, one in enumerate(verdicts) if one.state == "sync"]
    growing = [place for place, one in enumerate(verdicts) if one.state == "growing"]
    held = [place for place in turn if growing and place > growing[0]] if deltas else turn[:-1]
    return [Judged(one.found, "waits") if place in set(held) else one for place, one in enumerate(verdicts)]
