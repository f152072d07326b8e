"""Matching: the rows of a key meet, one of them wins, and the winner is compared with what was delivered.

Works on a partition at a time, as columns. Equal hashes count only after the texts of the keys were compared.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flows.keys import Partition, with_consent
from flows.ledger.pages import Page
from flows.roll import Roll, State

__all__ = ["match"]


def match(
    part: Partition, page: Page, roll: Roll, *, duplicates: str, resend: Callable[[str], bool] | None = None
) -> None:
    """Enters each eligible row of the partition in the roll: to be sent, unchanged, or a duplicate of another.

    `duplicates` is last, first or reject. `resend` says for which keys what was delivered before does not count.
    """
    if not len(part):
        return
    part, first = _by_key(part)
    group = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    out = np.logical_or.reduceat(part.opted_out, starts)
    position = np.arange(len(part))
    if duplicates == "first":
        chosen = np.where(part.eligible, position, len(part))
        winners = np.minimum.reduceat(chosen, starts)
        won = winners < len(part)
    else:
        chosen = np.where(part.eligible, position, -1)
        winners = np.maximum.reduceat(chosen, starts)
        won = winners >= 0
    losers = part.eligible & (position != winners[group])
    if duplicates == "reject":
        crowded = np.bincount(group[losers], minlength=len(starts)) > 0
        rejected = part.eligible & crowded[group]
        roll.reject(part.rows[rejected], _others(part, group, position, rejected))
        won &= ~crowded
    else:
        roll.lose(part.rows[losers], part.rows[winners[group[losers]]])
    carried = out & ~won
    roll.carry(_last_opted_out(part, group, len(starts))[carried])
    at = winners[won]
    hashes, keys, opted_out = part.hashes[at], part.keys.take(pa.array(at)), out[won]
    prints = with_consent(part.prints[at], opted_out)
    known, same = compare(hashes, prints, keys, page)
    if resend is not None:
        again = np.fromiter((resend(key) for key in keys.to_pylist()), bool, len(keys))
        same &= ~again
    states = np.where(same, State.UNCHANGED, np.where(known, State.CHANGED, State.NEW))
    roll.win(part.rows[at], states, opted_out)


def compare(
    hashes: npt.NDArray[np.uint64], prints: npt.NDArray[np.uint64], keys: pa.Array, page: Page
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which keys the page knows, and which of them with the same fingerprint."""
    known = np.zeros(len(hashes), bool)
    same = np.zeros(len(hashes), bool)
    if not len(page) or not len(hashes):
        return known, same
    at = np.searchsorted(page.hashes, hashes)
    inside = at < len(page)
    at = np.where(inside, at, 0)
    hit = inside & (page.hashes[at] == hashes)
    found = np.flatnonzero(hit)
    equal = np.asarray(pc.equal(keys.take(pa.array(found)), page.keys.take(pa.array(at[found]))))
    known[found] = equal
    same[found] = equal & (page.fingerprints[at[found]] == prints[found])
    for index in found[~equal]:  # two keys with one hash: look at its neighbours
        key, next_at = keys[int(index)].as_py(), int(at[index]) + 1
        while next_at < len(page) and page.hashes[next_at] == hashes[index]:
            if page.keys[next_at].as_py() == key:
                known[index] = True
                same[index] = page.fingerprints[next_at] == prints[index]
            next_at += 1
    return known, same


def _by_key(part: Partition) -> tuple[Partition, npt.NDArray[np.bool_]]:
    """The rows so that those of one key stand together, and where each key begins."""
    first = np.ones(len(part), bool)
    first[1:] = part.hashes[1:] != part.hashes[:-1]
    same = np.flatnonzero(~first)
    equal = np.asarray(pc.equal(part.keys.take(pa.array(same)), part.keys.take(pa.array(same - 1))))
    if equal.all():
        return part, first
    keys = part.keys.to_pylist()  # two keys share a hash: rare, so that it may take its time
    order = np.array(
        sorted(range(len(part)), key=lambda i: (int(part.hashes[i]), keys[i], int(part.rows[i])))
    )
    part = Partition(
        part.hashes[order], part.prints[order], part.rows[order], part.eligible[order], part.opted_out[order],
        part.keys.take(pa.array(order)),
    )  # fmt: skip
    first[1:] = (part.hashes[1:] != part.hashes[:-1]) | [
        keys[i] != keys[before] for before, i in pairwise(order)
    ]
    return part, first


def _others(
    part: Partition,
    group: npt.NDArray[np.int64],
    position: npt.NDArray[np.int64],
    rejected: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int64]:
    """For each rejected row another row with its key: the first, or for the first the second."""
    at = position[rejected]
    groups = group[at]
    first = np.ones(len(at), bool)
    first[1:] = groups[1:] != groups[:-1]
    index = np.arange(len(at))
    start = np.maximum.accumulate(np.where(first, index, 0))
    other = np.where(first, index + 1, start)
    return part.rows[at[other]]


def _last_opted_out(part: Partition, group: npt.NDArray[np.int64], groups: int) -> npt.NDArray[np.int64]:
    rows = np.zeros(groups, np.int64)
    rows[group[part.opted_out]] = part.rows[part.opted_out]
    return rows
