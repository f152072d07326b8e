"""Matching: the rows of a key meet, one of them wins, and the winner is compared with what was delivered.

Works on a partition at a time, as columns. Equal hashes count only after the texts of the keys were compared.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flows.keys import Partition, with_consent
from flows.ledger.pages import Page
from flows.persons import Persons
from flows.roll import Roll, State
from flows.spill import together

__all__ = ["match"]

Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]
_OLDEST = np.iinfo(np.int64).min


def match(
    part: Partition,
    page: Page,
    roll: Roll,
    *,
    duplicates: str,
    resend: Callable[[str], bool] | None = None,
    persons: Persons | None = None,
) -> None:
    """Enters each eligible row of the partition in the roll: to be sent, unchanged, or left out because of another.

    `duplicates` is last, first, newest or reject. `resend` says for which keys what was delivered before does not
    count. Where `persons` are told apart, no row of an address that has several of them wins, whatever `duplicates` says.
    """
    if not len(part):
        return
    order, first = together(part.hashes, part.keys, part.rows)
    if order is not None:
        part = part.take(order)
    group = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    out = np.logical_or.reduceat(part.opted_out, starts)
    position = np.arange(len(part))
    winners = _winners(part, group, starts, position, duplicates)
    won = winners >= 0
    losers = part.eligible & (position != winners[group])
    named = None if part.persons is None else _named(part, starts, position)
    if duplicates == "reject":
        crowded = np.bincount(group[losers], minlength=len(starts)) > 0
        rejected = part.eligible & crowded[group]
        roll.reject(part.rows[rejected], _others(part, group, position, rejected))
        won &= ~crowded
    else:
        if named is not None:
            contested = _contest(part, group, starts, position, named, roll)
            won &= ~contested
            losers &= ~contested[group]
        roll.lose(part.rows[losers], part.rows[winners[group[losers]]])
    carried = out & ~won
    roll.carry(_last_opted_out(part, group, len(starts))[carried])
    if named is not None and persons is not None:
        _introduce(part, group, starts, winners, won, out, named, persons)
    at = winners[won]
    hashes, keys, opted_out = part.hashes[at], part.keys.take(pa.array(at)), out[won]
    prints = with_consent(part.prints[at], opted_out)
    known, same = compare(hashes, prints, keys, page)
    if resend is not None:
        again = np.fromiter((resend(key) for key in keys.to_pylist()), bool, len(keys))
        same &= ~again
    if persons is not None and resend is None:  # of whom may be known only later that they opted out
        changed = np.flatnonzero(known & ~same & ~opted_out)
        _, as_out = compare(
            hashes[changed],
            with_consent(prints[changed], ~opted_out[changed]),
            keys.take(pa.array(changed)),
            page,
        )
        roll.were_out.update(part.rows[at[changed[as_out]]].tolist())
    states = np.where(same, State.UNCHANGED, np.where(known, State.CHANGED, State.NEW))
    roll.win(part.rows[at], states, opted_out)


def _winners(part: Partition, group: Places, starts: Places, position: Places, duplicates: str) -> Places:
    """The position of each key's winner; -1 where no row is eligible."""
    if duplicates == "first":
        chosen = np.where(part.eligible, position, len(part))
        winners = np.minimum.reduceat(chosen, starts)
        return np.where(winners < len(part), winners, -1)
    able = part.eligible
    if duplicates == "newest":
        assert part.ages is not None  # noqa: S101 - the mapping says newest:
        newest = np.maximum.reduceat(np.where(able, part.ages, _OLDEST), starts)
        able = able & (part.ages == newest[group])
    return np.maximum.reduceat(np.where(able, position, -1), starts)


def _named(part: Partition, starts: Places, position: Places) -> Places:
    """The position of each key's first eligible row with a person id; -1 where there is none."""
    able = part.eligible & np.asarray(pc.not_equal(part.persons, ""))
    first = np.minimum.reduceat(np.where(able, position, len(part)), starts)
    return np.where(first < len(part), first, -1)


def _is_another(part: Partition, group: Places, named: Places) -> Bools:
    """Which rows have another person than their key's first one; a blank id is another one, too."""
    assert part.persons is not None  # noqa: S101 - asked for only where they are told apart
    theirs = part.persons.take(pa.array(np.maximum(named, 0)[group]))
    return np.asarray(pc.not_equal(part.persons, theirs)) & (named >= 0)[group]


def _contest(
    part: Partition, group: Places, starts: Places, position: Places, named: Places, roll: Roll
) -> Bools:
    """The keys whose eligible rows have several person ids: all those rows are in conflict.

    So are rows without an id: they are not known to be somebody else, and what is sent to an address concerns them.
    """
    another = _is_another(part, group, named) & part.eligible
    rival = another & np.asarray(pc.not_equal(part.persons, ""))
    second = np.minimum.reduceat(np.where(rival, position, len(part)), starts)
    contested = second < len(part)
    rows = np.flatnonzero(part.eligible & contested[group])
    groups = group[rows]
    roll.conflict(part.rows[rows], part.rows[np.where(another[rows], named[groups], second[groups])])
    return contested


def _introduce(
    part: Partition,
    group: Places,
    starts: Places,
    winners: Places,
    won: Bools,
    out: Bools,
    named: Places,
    persons: Persons,
) -> None:
    """Tells whose rows stand under which key: where a key's winner has no id, it is that of the rows it stands for."""
    wins = (won & (named >= 0))[group] & ~_is_another(part, group, named)
    through = np.where(wins, part.rows[winners[group]], np.where(won | out, 0, part.rows[starts])[group])
    persons.add(part, through, wins, np.where(wins, out[group], part.opted_out))


def compare(
    hashes: npt.NDArray[np.uint64], prints: npt.NDArray[np.uint64], keys: pa.Array, page: Page
) -> tuple[Bools, Bools]:
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


def _others(part: Partition, group: Places, position: Places, rejected: Bools) -> Places:
    """For each rejected row another row with its key: the first, or for the first the second."""
    at = position[rejected]
    groups = group[at]
    first = np.ones(len(at), bool)
    first[1:] = groups[1:] != groups[:-1]
    index = np.arange(len(at))
    start = np.maximum.accumulate(np.where(first, index, 0))
    other = np.where(first, index + 1, start)
    return part.rows[at[other]]


def _last_opted_out(part: Partition, group: Places, groups: int) -> Places:
    rows = np.zeros(groups, np.int64)
    rows[group[part.opted_out]] = part.rows[part.opted_out]
    return rows
