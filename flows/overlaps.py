"""Overlaps: where two mappings meet in one account, or carry one name. Seen from the mappings alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

from connectors.kinds import destination_module
from mappings.engine.complaints import listed
from mappings.engine.document import Mapping, Names

__all__ = ["Overlap", "overlaps"]


@dataclass(frozen=True, slots=True)
class Overlap:
    """`code` is same_name, same_field, removes_tags, removes_lists or shares_rate; `about` the name or merge tags.

    `files` are the mappings that meet, as they are read. `what` says what happens, `fix` what to do.
    """

    code: str
    account: str
    about: tuple[str, ...]
    files: tuple[str, ...]
    what: str
    fix: str


def overlaps(mappings: Sequence[Mapping]) -> list[Overlap]:
    """All of them, account by account. Raises MappingError for a kind of destination that muster does not know."""
    found = list(_same_name(mappings))
    accounts: dict[tuple[str, str], list[Mapping]] = {}
    for mapping in mappings:
        accounts.setdefault((mapping.destination.kind, mapping.destination.account), []).append(mapping)
    for (kind, name), those in accounts.items():
        if len(those) > 1:
            account = f"{kind}, {name}"
            found += [*_same_field(account, those), *_removed(account, those), _rate(account, kind, those)]
    return found


def _files(mappings: Sequence[Mapping]) -> tuple[str, ...]:
    return tuple(mapping.file for mapping in mappings)


def _file(mapping: Mapping) -> str:
    return Path(mapping.file).name


def _same_name(mappings: Sequence[Mapping]) -> Iterator[Overlap]:
    by_name: dict[tuple[str, str, str], list[Mapping]] = {}
    for mapping in mappings:  # what was delivered is filed by account and name
        where = mapping.destination
        by_name.setdefault((where.kind, where.account, mapping.name), []).append(mapping)
    for (_, _, name), those in by_name.items():
        if len(those) > 1:
            yield Overlap(
                "same_name", "", (name,), _files(those),
                f"{len(those)} mappings have the name {name}: what one delivered counts as delivered by the other.",
                "Give each its own name:; the one that has delivered already keeps its own.",
            )  # fmt: skip


def _same_field(account: str, mappings: Sequence[Mapping]) -> Iterator[Overlap]:
    """Merge tags that several mappings write, together where it is the same mappings."""
    writers: dict[str, list[Mapping]] = {}
    for mapping in mappings:
        for tag in mapping.fields:
            if tag != mapping.key:
                writers.setdefault(tag, []).append(mapping)
    groups: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for tag, those in writers.items():
        loud = sum(one.fields[tag].write not in ("if_empty", "once") for one in those)
        if len(those) > 1:
            groups.setdefault((_files(those), loud > 1), []).append(tag)
    for (files, loud), tags in groups.items():
        what = f"{len(files)} mappings write {', '.join(tags)}"
        what += (
            ": of a contact that is in several of their sources, the value that was sent last stays."
            if loud
            else ", all or all but one of them only where it is empty or once."
        )
        fix = "Take it from one of them, or say write: if_empty where another one is right." if loud else ""
        yield Overlap("same_field", account, tuple(tags), files, what, fix)


def _removed(account: str, mappings: Sequence[Mapping]) -> Iterator[Overlap]:
    for kind in ("tags", "lists"):
        for one, other in permutations(mappings, 2):
            mine, theirs = getattr(one, kind), getattr(other, kind)
            if mine is None or theirs is None:
                continue
            what = _takes_away(kind, mine, theirs)
            if what:
                yield Overlap(
                    f"removes_{kind}", account, (), _files((one, other)), f"{_file(one)} {what} {_file(other)} adds.",
                    f"Say {kind}: {{write: own}} with names of its own, or leave write: out of {_file(one)}.",
                )  # fmt: skip


def _takes_away(kind: str, mine: Names, theirs: Names) -> str:
    """What one mapping may take away of what the other one adds; '' where nothing."""
    if mine.write == "replace":
        return f"takes away all {kind} but its own, also those that"
    added = {name.casefold(): name for name, place in theirs.given() if place[0] != "remove"}
    removed = {name.casefold() for column in mine.remove.values() for name in column.names}
    if mine.write == "own":
        removed |= {name.casefold() for name, _ in mine.given()}
    both = [name for folded, name in added.items() if folded in removed]
    if both:
        return f"may take away {listed(both)}, which"
    if mine.write == "own" and mine.from_ and theirs.from_:
        return f"takes away {kind} that it added and a row has no more; its file may name some that"
    return ""


def _rate(account: str, kind: str, mappings: Sequence[Mapping]) -> Overlap:
    connector: Any = destination_module(kind).Connector
    allowed = connector.per_second
    times, unit = (1, "second") if allowed >= 1 else (60, "minute")
    total = sum(one.destination.allowed(allowed) for one in mappings)
    declared = ", ".join(
        f"{_file(one)} {one.destination.allowed(allowed):g}"
        for one in mappings
        if one.destination.rate is not None or one.destination.share is not None
    )
    what = f"{len(mappings)} mappings share the account's {allowed * times:g} requests a {unit}"
    what += f" (rate: {declared})" if declared else ""
    if total > allowed:
        what += "; at the same time each is slower than alone."
        fix = "Run them one after the other, or give each a part with share: or rate: under destination:."
    else:
        what += f" and need {total * times:g} of them together."
        fix = "They can run at the same time."
    return Overlap("shares_rate", account, (), _files(mappings), what, fix)
