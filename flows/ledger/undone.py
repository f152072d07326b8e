"""Undone: what a run delivered and an undo put back counts as delivered no more.

In its place comes what the same mapping had delivered to the contact before. So the next sync sees what differs, and
delivers it again where the source still says so.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flows.ledger.database import Connection, Database, anew
from flows.ledger.images import Image, Images
from flows.ledger.memory import Memory
from flows.ledger.pages import Pages, key_hash

__all__ = ["GONE", "STAYS", "Undone"]

GONE = frozenset({"deleted", "already_gone", "tagged", "already_tagged"})
"""The codes of contacts that the undone run created, and that are none of this mapping's any more."""
STAYS = frozenset({"changed_since", "not_emptied", "name_gone"})
"""The codes of what was not put back, field by field."""
_AT_ONCE = 5000
_NEVER = 0
"""A fingerprint that no contact has: it differs from whatever the source says next."""


class Undone:
    """Files undos in the ledger's memory."""

    def __init__(self, database: Database, images: Images, memory: Memory, pages: Pages) -> None:
        self._database = database
        self._images = images
        self._memory = memory
        self._pages = pages

    def file(self, undo: str, run_id: str, account: int, mapping: str, tags: Sequence[str]) -> int:
        """What the run `undo` put back of the run `run_id`. Can be repeated; returns how many contacts.

        What was delivered since the undo stays. `tags` are the merge tags by which contacts are known there.
        """
        self._file_given_back(undo, run_id, account, mapping, tags)
        return anew(self._database, lambda: self._filed(undo, run_id, account, mapping))

    def _filed(self, undo: str, run_id: str, account: int, mapping: str) -> int:
        sql = """
            select i.row_number, i.key, a.code, a.problems, a.opted_in, a.answered_at, d.person, d.contact_id, d.wanted, d.own
            from intent i join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            join delivered d on d.account = ? and d.mapping = ? and d.key = i.key
            where i.run = ? and a.outcome in ('updated', 'unchanged') and d.run <> i.run and d.delivered_at <= a.answered_at
            order by i.row_number
        """
        filed = 0
        rows = self._database.stream(sql, (account, mapping, undo))
        while some := list(itertools.islice(rows, _AT_ONCE)):
            turns = [
                _Turn(image, *row[1:])
                for row in some
                if (image := self._images.one(run_id, row[0])) is not None and not image.carried
            ]
            before = self._before(account, mapping, turns)
            entries: list[tuple[int, int, str]] = []
            new: list[tuple[Any, ...]] = []
            for turn in turns:
                print_, had = before.get((turn.image.old_key or turn.key, turn.image.row), (_NEVER, None))
                left, own, to = _left_of(turn, had)
                if _some(left, to):
                    same = had is not None and _plain(had) == _plain(left)
                    entries.append((key_hash(to), print_ if same else _NEVER, to))
                    new.append((account, mapping, to, turn.person, turn.contact_id, _json(left), undo, turn.answered_at, _json(own)))  # fmt: skip
            # the pages first: whoever is cut off in between finds the same contacts again
            self._pages.put(account, mapping, entries, [(key_hash(turn.key), turn.key) for turn in turns])
            gone = [(account, mapping, turn.key) for turn in turns]
            self._database.done(functools.partial(_replace, gone=gone, new=new))
            filed += len(turns)
        return filed

    def _file_given_back(
        self, undo: str, run_id: str, account: int, mapping: str, tags: Sequence[str]
    ) -> None:
        sql = """
            select a.row_number, a.answered_at from answer a where a.run = ? and a.opted_in = 1 and a.outcome = 'updated'
        """
        for row, until in self._database.ask(sql, (undo,)):
            if (image := self._images.one(run_id, row)) is not None:
                texts = image.wanted["texts"]
                keys = {image.key, image.old_key, *(texts.get(tag, "") for tag in tags)} - {""}
                keys = {key.lower() if "@" in key else key for key in keys}
                self._memory.given_back(account, mapping, keys, {image.person} - {""}, until)

    def _before(
        self, account: int, mapping: str, turns: Sequence[_Turn]
    ) -> dict[tuple[str, int], tuple[int, dict[str, Any] | None]]:
        """Fingerprint and content of what the mapping delivered to each contact before the run, by key and row."""
        sql = """
            select i.key, a.answered_at, i.fingerprint, i.wanted from run r join intent i on i.run = r.id and i.carried = 0
            join answer a on a.run = i.run and a.row_number = i.row_number and a.attempt = i.attempt
            where r.account = ? and r.mapping = ? and r.undoes = '' and i.key in (select value from json_each(?))
            and a.outcome in ('created', 'updated', 'upserted', 'unchanged') order by a.answered_at
        """
        keys = [turn.image.old_key or turn.key for turn in turns]
        history: dict[str, list[tuple[str, int, str]]] = {}
        asked = (account, mapping, json.dumps(keys, ensure_ascii=False))
        for key, answered_at, made, wanted in self._database.ask(sql, asked):
            history.setdefault(key, []).append((answered_at, made, wanted))
        found: dict[tuple[str, int], tuple[int, dict[str, Any] | None]] = {}
        for key, turn in zip(keys, turns, strict=True):
            for answered_at, made, wanted in history.get(key, ()):
                if answered_at < turn.image.made_at:
                    found[key, turn.image.row] = made % 2**64, json.loads(wanted)
        return found


@dataclass(frozen=True, slots=True)
class _Turn:
    """A contact that was put back, and what counts as delivered to it as yet."""

    image: Image
    key: str
    code: str
    problems: str
    again: int
    answered_at: str
    person: str
    contact_id: str
    wanted: str
    own: str

    @property
    def stays(self) -> set[str]:
        return {tag for code, tag, *_ in json.loads(self.problems) if code in STAYS}


def _replace(database: Connection, gone: Sequence[tuple[Any, ...]], new: Sequence[tuple[Any, ...]]) -> None:
    database.executemany("delete from delivered where account = ? and mapping = ? and key = ?", gone)
    database.executemany(
        "insert into delivered (account, mapping, key, person, contact_id, wanted, run, delivered_at, own)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (account, mapping, key) do update set person = excluded.person,"
        " contact_id = excluded.contact_id, wanted = excluded.wanted, run = excluded.run,"
        " delivered_at = excluded.delivered_at, own = excluded.own",
        new,
    )


def _left_of(turn: _Turn, had: dict[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any], str]:
    """What still counts as delivered, what of it is the mapping's own, and the key that the contact has now."""
    if turn.code in GONE:
        return {}, {}, turn.key
    image, wanted, own = turn.image, json.loads(turn.wanted), json.loads(turn.own or "{}")
    left = _left(wanted, had, image.pairs or {}, image.names, turn.stays)
    left["opted_out"] = wanted.get("opted_out", False) and not turn.again
    _without(own, image.names)
    moved = image.old_key and not turn.stays & (image.pairs or {}).keys()
    return left, own, image.old_key if moved else turn.key


def _left(
    wanted: dict[str, Any], before: dict[str, Any] | None, pairs: Iterable[str], names: dict[str, list[str]], stay: set[str]
) -> dict[str, Any]:  # fmt: skip
    """What still counts as delivered: without the fields and names that were put back, or with those of the time before."""
    had = (before or {}).get("texts", {})
    texts = {tag: text for tag, text in wanted["texts"].items() if tag not in pairs or tag in stay}
    texts |= {tag: had[tag] for tag in pairs if tag in had and tag not in stay}
    left = {**wanted, "texts": texts}
    for kind in ("tags", "lists"):
        added = {name.casefold() for name in names.get(kind, ())}
        left[kind] = [name for name in wanted.get(kind, ()) if name.casefold() not in added]
        left[f"{kind}_off"] = list((before or {}).get(f"{kind}_off", ()))
    return left


def _without(own: dict[str, Any], names: dict[str, list[str]]) -> None:
    """Takes the names that were put back out of what is the mapping's own."""
    for kind in ("tags", "lists"):
        added = {name.casefold() for name in names.get(kind, ())}
        for part in (kind, f"had_{kind}"):
            if part in own:
                own[part] = [name for name in own[part] if name.casefold() not in added]


def _some(left: dict[str, Any], key: str) -> bool:
    """Whether anything beside the key still counts as delivered."""
    texts = [text for text in left.get("texts", {}).values() if text != key]
    return bool(texts or left.get("tags") or left.get("lists"))


def _plain(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in wanted.items() if part}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
