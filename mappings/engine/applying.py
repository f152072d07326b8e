"""A mapping applied to frames, column by column, never row by row.

An `Application` is a mapping made ready for one header and one schema: every complaint about columns, merge
tags and types is found before the first row (`fitting`). `apply` turns a frame into a `Mapped`: canonical columns,
the problems of each row, all at once (`passage`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from mappings.engine.cleaning import clean_text
from mappings.engine.complaints import MappingInvalid
from mappings.engine.contact import Contact
from mappings.engine.document import Mapping, Names
from mappings.engine.fitting import complaints, is_ignored
from mappings.engine.frame import Frame
from mappings.engine.mapped import Mapped
from mappings.engine.memberships import Memberships
from mappings.engine.passage import Passage
from mappings.engine.rules.follow_source import NEVER
from mappings.engine.schema import Schema
from mappings.engine.transforms.choices import SEPARATOR

__all__ = ["Application", "ColumnUse", "fingerprint_seed"]

FINGERPRINT_VERSION = 1


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """What becomes of a source column: `used` (into which merge tags or rules), `ignored` or `unmapped`."""

    name: str
    use: str
    into: tuple[str, ...] = ()


class Application:
    """A mapping made ready for a header and a schema. Raises MappingInvalid with everything that does not fit."""

    def __init__(
        self, mapping: Mapping, schema: Schema, header: Sequence[str], today: dt.date | None = None
    ) -> None:
        """`today` is the day that spans such as 90 days are counted from; needed where the mapping has any."""
        self.mapping = mapping
        self.schema = schema
        self.header = tuple(header)
        self.today = today
        self._at: dict[str, int] = {}
        for index, name in enumerate(header):
            self._at.setdefault(clean_text(name), index)
        found = list(complaints(mapping, schema, self._at, self.header))
        if found:
            raise MappingInvalid(found)
        self.tag_names = tuple(mapping.fields)
        self.tags = self._members("tags", mapping.tags, "tag_unknown", schema.tags)
        self.lists = self._members("lists", mapping.lists, "list_unknown", schema.lists)
        self._seed = fingerprint_seed(mapping, self.tag_names)

    def _members(self, kind: str, rule: Names | None, code: str, there: dict[str, int | str]) -> Memberships:
        if kind in self.schema.numbered:
            return Memberships(code, None, numbered=kind)
        create = rule is not None and rule.unknown == "create"
        members = Memberships(code, there if self.schema.live else None, create=create)
        brings = create or (rule is self.mapping.tags and self.mapping.destination.create_missing == "tags")
        for name in rule.brings() if rule is not None and brings else ():
            members.add(clean_text(name))
        for flag in rule.remove.values() if rule is not None else ():
            for name in flag.names:
                members.prefer(clean_text(name))
        return members

    @property
    def learns(self) -> bool:
        """Whether what is made of a row may depend on the rows before it: on how they spell a new tag or list."""
        kinds = ((self.mapping.tags, self.tags), (self.mapping.lists, self.lists))
        return any(rule is not None and members.learns for rule, members in kinds)

    @property
    def tells_persons(self) -> bool:
        """Whether rows say who they are beside their key: by `person:`, or by another identity at the destination."""
        return self.mapping.person is not None or self._other_identity is not None

    @property
    def _other_identity(self) -> str | None:
        key, fields = self.mapping.key, self.mapping.fields
        return next((tag for tag in self.schema.identities if tag != key and tag in fields), None)

    def _persons(self, passage: Passage, values: dict[str, pa.Array], size: int) -> pa.Array:
        if self.mapping.person is not None:
            return passage.column(self.mapping.person)
        if self._other_identity is not None:
            return pc.fill_null(values[self._other_identity], "")
        return pa.repeat("", size)

    # columns

    def uses(self) -> list[ColumnUse]:
        """What becomes of each source column, in the order of the file."""
        used: dict[int, list[str]] = {}
        for name, places in self.mapping.columns().items():
            into = [str(place[1]) if place[0] == "fields" else str(place[0]) for place in places]
            if clean_text(name) in self._at:
                used.setdefault(self._at[clean_text(name)], []).extend(into)
        patterns = [clean_text(pattern) for pattern in self.mapping.ignore]
        found = []
        for index, name in enumerate(self.header):
            if index in used:
                found.append(ColumnUse(name, "used", tuple(dict.fromkeys(used[index]))))
            elif is_ignored(clean_text(name), patterns):
                found.append(ColumnUse(name, "ignored"))
            else:
                found.append(ColumnUse(name, "unmapped"))
        return found

    def type_of(self, tag: str) -> str:
        """The destination's type of a merge tag: how its value is written as JSON."""
        known = self.schema.field(tag)
        return known.type if known else (self.mapping.fields[tag].type or "text")

    # rows

    def apply(self, frame: Frame) -> Mapped:
        """The frame's contacts as columns. All problems of a row are found, in the order of the mapping's fields."""
        mapping = self.mapping
        passage = Passage(mapping, self.schema, self._at, frame, self.today)
        values = {tag: passage.field(tag, rule) for tag, rule in mapping.fields.items()}
        names: dict[str, pa.Array] = {}
        for kind, rule, members in (("tags", mapping.tags, self.tags), ("lists", mapping.lists, self.lists)):
            if rule is not None:
                names[kind], taken = passage.names(rule, members)
                if rule.remove:
                    names[f"{kind}_off"] = taken
        kept = passage.kept()
        age = passage.age()
        opted_out = passage.opted_out()
        key = pc.fill_null(values[mapping.key], "")
        person = self._persons(passage, values, len(frame))
        passage.note_lost_opt_outs(
            opted_out & np.asarray(pc.and_(pc.equal(key, ""), pc.not_equal(person, "")))
        )
        consented, consented_by = passage.consented()
        mapped = Mapped(
            rows=frame.rows,
            lines=frame.lines,
            key=key,
            person=person,
            values=values,
            names=names,
            age=age,
            consented=consented,
            consented_by=consented_by,
            opted_out=opted_out,
            kept=kept,
            invalid=passage.invalid,
            problems=passage.finished(kept),
        )
        mapped.content = self._content(mapped)
        return mapped

    def contacts(self, mapped: Mapped, positions: Sequence[int]) -> Iterator[Contact]:
        """The rows at `positions` as objects."""
        where = pa.array(positions, pa.int64())
        columns = {tag: values.take(where).to_pylist() for tag, values in mapped.values.items()}
        names = {kind: joined.take(where).to_pylist() for kind, joined in mapped.names.items()}
        keys = mapped.key.take(where).to_pylist()
        persons = mapped.person.take(where).to_pylist()
        for index, position in enumerate(positions):
            yield Contact(
                row=int(mapped.rows[position]),
                line=int(mapped.lines[position]),
                key=keys[index],
                person=persons[index],
                texts={tag: cells[index] for tag, cells in columns.items() if cells[index] is not None},
                opted_out=bool(mapped.opted_out[position]),
                consented_at=_moment(mapped.consented, mapped, position),
                consented_by=_moment(mapped.consented_by, mapped, position),
                fingerprint=int(mapped.content[position]),
                **{
                    kind: tuple(cells[index].split(SEPARATOR))
                    for kind, cells in names.items()
                    if cells[index]
                },
            )

    def _content(self, mapped: Mapped) -> npt.NDArray[np.uint64]:
        """The fingerprint of each row's content; consent is added when the rows of a key have met (`with_consent`)."""
        parts = [pc.fill_null(values, "\x00") for values in mapped.values.values()]
        parts += [mapped.names.get("tags", ""), mapped.person]
        parts += [joined for kind, joined in mapped.names.items() if kind != "tags"]
        if mapped.consented is not None:  # a newer consent may lift what an older one did not
            parts.append(pc.cast(pa.array(mapped.consented), pa.string()))
        joined = pc.binary_join_element_wise(*parts, "\x1e").cast(pa.binary())
        seed, digest = self._seed, xxhash.xxh3_64_intdigest
        return np.fromiter((digest(text, seed) for text in joined.to_pylist()), np.uint64, len(mapped))


def _moment(moments: npt.NDArray[np.int64] | None, mapped: Mapped, position: int) -> int | None:
    if moments is None or mapped.opted_out[position] or moments[position] == NEVER:
        return None
    return int(moments[position])


def fingerprint_seed(mapping: Mapping, tags: Sequence[str]) -> int:
    """What a fingerprint covers besides the values: version, write mode, blank rules, merge tags in order.

    What else says how something is written is covered where the mapping says it.
    """
    blanks = [mapping.blank_rule(tag) for tag in tags]
    more = [f"{tag}:{rule.write}" for tag, rule in mapping.fields.items() if rule.write is not None]
    more += ["+".join(block) for block in mapping.together]
    for kind, names in (("tags", mapping.tags), ("lists", mapping.lists)):
        if names is not None and (names.write != "add" or names.remove or kind == "lists"):
            more.append(f"{kind}:{names.write}")
    if mapping.consent is not None and mapping.consent.follow_source is not None:
        more.append("follow_source")
    text = "\x1e".join([str(FINGERPRINT_VERSION), mapping.write, *blanks, *tags, *more])
    return int(xxhash.xxh3_64_intdigest(text.encode()))
