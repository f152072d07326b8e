"""A mapping applied to frames, column by column, never row by row.

An `Application` is a mapping made ready for one header and one schema: every complaint about columns, merge
tags and types is found before the first row. `apply` turns a frame into a `Mapped`: canonical columns, the
problems of each row, all at once.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from mappings.engine.cleaning import clean, clean_text, folded
from mappings.engine.complaints import Complaint, MappingInvalid, listed, nearest
from mappings.engine.contact import Contact
from mappings.engine.document import Mapping, Rule, pieces_of
from mappings.engine.frame import Frame
from mappings.engine.problems import CODES, Problem
from mappings.engine.schema import Field, Schema
from mappings.engine.transforms import Converted, Settings, Wrong, by_value, transform
from mappings.engine.transforms.choices import SEPARATOR

__all__ = ["Application", "ColumnUse", "Mapped", "fingerprint_seed"]

FINGERPRINT_VERSION = 1
Bools = npt.NDArray[np.bool_]

# What may stand in a field of the destination's type.
_FITS = {
    "number": {"number", "integer"},
    "integer": {"integer"},
    "boolean": {"boolean"},
    "date": {"date"},
    "datetime": {"date", "datetime"},
    "country": {"country"},
    "choice": {"choice"},
    "choices": {"choices"},
    "email": {"email"},
}


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """What becomes of a source column: `used` (into which merge tags or rules), `ignored` or `unmapped`."""

    name: str
    use: str
    into: tuple[str, ...] = ()


@dataclass(slots=True)
class Mapped:
    """A frame after the mapping; arrays in the order of its rows.

    `key` and `person` are '' where there is none. `values` are canonical texts by merge tag, null where blank. `tags`
    are joined names. `kept` is false where `where:` leaves the row out; `invalid` is true where an error was found.
    """

    rows: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    key: pa.Array
    person: pa.Array
    values: dict[str, pa.Array]
    tags: pa.Array
    opted_out: Bools
    kept: Bools
    invalid: Bools
    problems: list[Problem] = field(default_factory=list)
    content: npt.NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    age: npt.NDArray[np.int64] | None = None
    """Where the newest of several rows with one key is sent: the larger, the newer. Otherwise none."""

    def __len__(self) -> int:
        return len(self.rows)


class Application:
    """A mapping made ready for a header and a schema. Raises MappingInvalid with everything that does not fit."""

    def __init__(self, mapping: Mapping, schema: Schema, header: Sequence[str]) -> None:
        self.mapping = mapping
        self.schema = schema
        self.header = tuple(header)
        self._at: dict[str, int] = {}
        for index, name in enumerate(header):
            self._at.setdefault(clean_text(name), index)
        complaints = [*self._complaints_of_columns(), *self._complaints_of_fields()]
        if complaints:
            raise MappingInvalid(complaints)
        self.tag_names = tuple(mapping.fields)
        self._tags_known = {name.casefold(): name for name in schema.tags} if schema.live else None
        self._seed = fingerprint_seed(mapping, self.tag_names)

    # what does not fit

    def _complaints_of_columns(self) -> Iterator[Complaint]:
        for name, places in self.mapping.columns().items():
            if clean_text(name) in self._at:
                continue
            like = nearest(name, self.header)
            fix = f"Did you mean '{like}'?" if like else f"The file has: {listed(self.header)}."
            for place in places:
                yield Complaint(
                    self.mapping.file,
                    self.mapping.line_of(*place),
                    ".".join(map(str, place)),
                    f"the file has no column '{name}'.",
                    fix,
                )

    def _complaints_of_fields(self) -> Iterator[Complaint]:
        for tag, rule in self.mapping.fields.items():
            line = self.mapping.line_of("fields", tag)
            known = self.schema.field(tag)
            if known is None and self.schema.live:
                like = nearest(tag, self.schema.names())
                fix = f"Did you mean {like}?" if like else f"It has: {', '.join(self.schema.names())}."
                yield Complaint(
                    self.mapping.file,
                    line,
                    f"fields.{tag}",
                    f"the destination has no merge tag '{tag}'.",
                    fix,
                )
                continue
            if (
                known
                and rule.type
                and known.type != "text"
                and rule.type not in _FITS.get(known.type, {rule.type})
            ):
                yield Complaint(
                    self.mapping.file,
                    line,
                    f"fields.{tag}.type",
                    f"{tag} is of type {known.type} at the destination and cannot hold {rule.type}.",
                    f"Leave type: out, or use {' or '.join(sorted(_FITS[known.type]))}.",
                )
            if rule.blank == "clear":
                yield from self._complaints_of_clearing("fields", tag, "blank")
            yield from self._complaints_of_values(tag, rule, known)
        if self.mapping.blank == "clear":
            yield from self._complaints_of_clearing("blank")
        for name in self.mapping.tags.always if self.mapping.tags else ():
            tags = {known.casefold(): known for known in self.schema.tags}
            if self.schema.live and name.casefold() not in tags:
                like = nearest(name, tags.values())
                yield Complaint(
                    self.mapping.file,
                    self.mapping.line_of("tags", "always"),
                    "tags.always",
                    f"the destination has no tag '{name}'.",
                    f"Did you mean {like}?" if like else "Create it there first.",
                )

    def _complaints_of_clearing(self, *place: str) -> Iterator[Complaint]:
        if "blank_clear" in self.schema.refuses:
            yield Complaint(
                self.mapping.file,
                self.mapping.line_of(*place),
                ".".join(place),
                "how this destination empties a value is not documented, so clear is refused.",
                "Use blank: keep.",
            )

    def _complaints_of_values(self, tag: str, rule: Rule, known: Field | None) -> Iterator[Complaint]:
        """Constants, defaults and tables are known before any row: what they give has to be right."""
        given = [("value", rule.value), ("default", rule.default)]
        given += [(f"values.{name}", text) for name, text in (rule.values or {}).items()]
        for place, text in given:
            at = self.mapping.line_of("fields", tag, *place.split(".", 1))
            if text is None or text == "":
                continue
            found = self._typed(rule, known, pa.array([clean_text(text)]))
            for wrong in found.wrong:
                if CODES[wrong.code].severity == "error":
                    detail = {"value": text, **wrong.detail}
                    problem = Problem.of(wrong.code, row=0, line=0, column=tag, **detail)
                    yield Complaint(self.mapping.file, at, f"fields.{tag}.{place}", problem.message)

    # columns

    def uses(self) -> list[ColumnUse]:
        """What becomes of each source column, in the order of the file."""
        used: dict[int, list[str]] = {}
        for name, places in self.mapping.columns().items():
            into = [str(place[1]) if place[0] == "fields" else str(place[0]) for place in places]
            used.setdefault(self._at[clean_text(name)], []).extend(into)
        patterns = [clean_text(pattern) for pattern in self.mapping.ignore]
        found = []
        for index, name in enumerate(self.header):
            if index in used:
                found.append(ColumnUse(name, "used", tuple(dict.fromkeys(used[index]))))
            elif any(_is_named(clean_text(name), pattern) for pattern in patterns):
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
        work = _Work(self, frame)
        values = {tag: work.field(tag, rule) for tag, rule in self.mapping.fields.items()}
        tags = work.tags()
        kept = work.kept()
        mapped = Mapped(
            rows=frame.rows,
            lines=frame.lines,
            key=pc.fill_null(values[self.mapping.key], ""),
            person=work.column(self.mapping.person)
            if self.mapping.person
            else pa.array([""] * len(frame), pa.string()),
            values=values,
            tags=tags,
            opted_out=work.opted_out(),
            kept=kept,
            invalid=work.invalid,
            problems=work.finished(kept),
        )
        mapped.content = self._content(mapped)
        return mapped

    def contacts(self, mapped: Mapped, positions: Sequence[int]) -> Iterator[Contact]:
        """The rows at `positions` as objects."""
        where = pa.array(positions, pa.int64())
        columns = {tag: values.take(where).to_pylist() for tag, values in mapped.values.items()}
        keys = mapped.key.take(where).to_pylist()
        persons = mapped.person.take(where).to_pylist()
        tags = mapped.tags.take(where).to_pylist()
        for index, position in enumerate(positions):
            texts = {tag: cells[index] for tag, cells in columns.items() if cells[index] is not None}
            yield Contact(
                row=int(mapped.rows[position]),
                line=int(mapped.lines[position]),
                key=keys[index],
                person=persons[index],
                texts=texts,
                tags=tuple(tags[index].split(SEPARATOR)) if tags[index] else (),
                opted_out=bool(mapped.opted_out[position]),
                fingerprint=int(mapped.content[position]),
            )

    def _content(self, mapped: Mapped) -> npt.NDArray[np.uint64]:
        """The fingerprint of each row's content; consent is added when the rows of a key have met (`with_consent`)."""
        parts = [pc.fill_null(values, "\x00") for values in mapped.values.values()]
        joined = pc.binary_join_element_wise(*parts, mapped.tags, mapped.person, "\x1e").cast(pa.binary())
        seed, digest = self._seed, xxhash.xxh3_64_intdigest
        return np.fromiter((digest(text, seed) for text in joined.to_pylist()), np.uint64, len(mapped))

    def _typed(self, rule: Rule, known: Field | None, texts: pa.Array) -> Converted:
        type_ = rule.type or (known.type if known else "text")
        settings = Settings(
            formats=rule.format or (),
            timezone=rule.timezone or "UTC",
            region=rule.region,
            truthy=rule.truthy,
            falsy=rule.falsy,
            split=rule.split or ";",
            options=known.options if known else (),
            form=known.form if known else "",
        )
        found = transform(type_)(texts, settings)
        if known and known.type in ("choice", "choices") and type_ != known.type:
            found = transform(known.type)(pc.fill_null(found.values, ""), settings)
        limit = min((n for n in (rule.max_length, known.max_length if known else None) if n), default=None)
        if limit is not None:
            lengths = pc.utf8_length(found.values)
            for at in pc.indices_nonzero(pc.fill_null(pc.greater(lengths, limit), False)).to_pylist():
                found.wrong.append(Wrong(at, "too_long", {"length": lengths[at].as_py(), "limit": limit}))
        return found


def _is_named(name: str, pattern: str) -> bool:
    """Whether a pattern means a column; `Amount [EUR]` means also itself."""
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def fingerprint_seed(mapping: Mapping, tags: Sequence[str]) -> int:
    """What a fingerprint covers besides the values: version, write mode, blank rules, merge tags in order."""
    blanks = [mapping.blank_rule(tag) for tag in tags]
    text = "\x1e".join([str(FINGERPRINT_VERSION), mapping.write, *blanks, *tags])
    return int(xxhash.xxh3_64_intdigest(text.encode()))


class _Work:
    """One frame on its way through the mapping."""

    def __init__(self, application: Application, frame: Frame) -> None:
        self.application = application
        self.mapping = application.mapping
        self.frame = frame
        self.invalid = np.zeros(len(frame), bool)
        self.problems: list[tuple[int, Problem]] = []
        self._cleaned: dict[int, pa.Array] = {}
        for bad in frame.misread:
            self.note(
                bad.at,
                bad.code,
                "",
                SEPARATOR.join(bad.cells)[:200].replace(SEPARATOR, " | "),
                detail=bad.detail,
            )

    def note(self, at: int, code: str, column: str, value: str, **detail: object) -> None:
        problem = Problem.of(
            code,
            row=int(self.frame.rows[at]),
            line=int(self.frame.lines[at]),
            column=column,
            value=value,
            **detail,
        )
        self.problems.append((at, problem))
        if problem.severity == "error":
            self.invalid[at] = True

    def finished(self, kept: Bools) -> list[Problem]:
        """The problems by row; of a row that could not be laid out only that, of one that is left out none."""
        misread = {bad.at for bad in self.frame.misread}
        codes = {bad.code for bad in self.frame.misread}
        self.problems.sort(key=lambda found: found[0])
        return [
            problem
            for at, problem in self.problems
            if kept[at] and (at not in misread or problem.code in codes)
        ]

    def column(self, name: str) -> pa.Array:
        """A source column, cleaned; cleaned once."""
        at = self.application._at[clean_text(name)]  # noqa: SLF001 - one module
        if at not in self._cleaned:
            self._cleaned[at] = clean(self.frame.cells.column(at))
        return self._cleaned[at]

    def field(self, tag: str, rule: Rule) -> pa.Array:
        texts = self._origin(rule)
        raw = texts
        known = self.application.schema.field(tag)
        type_ = rule.type or (known.type if known else "text")
        unknown: list[Wrong] = []
        if rule.values is not None:
            table = self._table(tag, rule, texts, split=(rule.split or ";") if type_ == "choices" else None)
            texts, unknown = pc.fill_null(table.values, ""), table.wrong
        if rule.default is not None:
            missing = pc.equal(texts, "")
            if unknown:
                rejected = np.zeros(len(texts), bool)
                rejected[[wrong.at for wrong in unknown]] = True
                missing = pc.and_not(missing, pa.array(rejected))
            texts = pc.if_else(missing, clean_text(rule.default), texts)
        found = self.application._typed(rule, known, texts)  # noqa: SLF001 - one module
        column = " / ".join(rule.columns()) or tag
        for wrong in (*unknown, *found.wrong):
            detail = {"value": raw[wrong.at].as_py(), "field": tag, **wrong.detail}
            self.note(wrong.at, wrong.code, column, **detail)
        if rule.required or tag == self.mapping.key:
            self._require(tag, found.values, column, {wrong.at for wrong in (*unknown, *found.wrong)})
        return found.values

    def _require(self, tag: str, values: pa.Array, column: str, wrong: set[int]) -> None:
        code = "key_blank" if tag == self.mapping.key else "required_blank"
        misread = {bad.at for bad in self.frame.misread}
        for at in pc.indices_nonzero(pc.is_null(values)).to_pylist():
            if at not in wrong and at not in misread:
                self.note(at, code, column, "", field=tag)

    def _origin(self, rule: Rule) -> pa.Array:
        size = len(self.frame)
        if rule.value is not None:
            return pa.repeat(clean_text(rule.value), size)
        if rule.template is not None:
            return self._template(rule)
        columns = [self.column(name) for name in rule.from_ or ()]
        texts = columns[-1]
        for earlier in reversed(columns[:-1]):
            texts = pc.if_else(pc.equal(earlier, ""), texts, earlier)
        return texts

    def _template(self, rule: Rule) -> pa.Array:
        """The template's text; blank where all of its columns are blank, without the gaps that blank ones leave."""
        parts: list[pa.Array | str] = [pa.repeat("", len(self.frame))]
        blank: pa.Array | None = None
        for before, name in pieces_of(rule.template or ""):
            parts.append(before)
            if name:
                parts.append(self.column(name))
                empty = pc.equal(parts[-1], "")
                blank = empty if blank is None else pc.and_(blank, empty)
        texts = clean(pc.binary_join_element_wise(*parts, ""))
        return texts if blank is None else pc.if_else(blank, "", texts)

    def _table(self, tag: str, rule: Rule, texts: pa.Array, split: str | None) -> Converted:
        table = {clean_text(name).casefold(): text for name, text in (rule.values or {}).items()}
        options = ", ".join(list(rule.values or {})[:12])

        def one(text: str) -> str | None:
            if text.casefold() in table:
                return clean_text(table[text.casefold()] or "")
            return text if rule.otherwise == "as_is" else "" if rule.otherwise == "blank" else None

        def looked_up(text: str) -> str | tuple[str, dict[str, object]]:
            parts = [text] if split is None else [part.strip() for part in text.split(split) if part.strip()]
            found = [one(part) for part in parts]
            if None in found:
                return "value_unknown", {"value": parts[found.index(None)], "options": options, "field": tag}
            return (split or "").join(part for part in found if part)

        return by_value(texts, looked_up)

    def tags(self) -> pa.Array:
        rule = self.mapping.tags
        if rule is None:
            return pa.repeat("", len(self.frame))
        known = self.application._tags_known  # noqa: SLF001 - one module
        always = [known.get(name.casefold(), name) if known else name for name in rule.always]

        def named(text: str) -> str | tuple[str, dict[str, object]]:
            names = [part.strip() for part in text.split(rule.split) if part.strip()]
            if known is None:
                return SEPARATOR.join(names)
            unknown = next((name for name in names if name.casefold() not in known), None)
            if unknown is not None:
                return "tag_unknown", {
                    "value": unknown,
                    "suggestion": nearest(unknown, known.values()) or "not known",
                }
            return SEPARATOR.join(known[name.casefold()] for name in names)

        joined = pa.repeat(SEPARATOR.join(always), len(self.frame))
        for name in rule.from_:
            found = by_value(self.column(name), named)
            for wrong in found.wrong:
                detail = {"value": self.column(name)[wrong.at].as_py(), **wrong.detail}
                self.note(wrong.at, wrong.code, name, **detail)
            joined = pc.binary_join_element_wise(joined, pc.fill_null(found.values, ""), SEPARATOR)
        unique = by_value(
            joined, lambda text: SEPARATOR.join(sorted({part for part in text.split(SEPARATOR) if part}))
        )
        return pc.fill_null(unique.values, "")

    def opted_out(self) -> Bools:
        out = np.zeros(len(self.frame), bool)
        rule = self.mapping.consent.opted_out if self.mapping.consent else None
        if rule is None:
            return out
        yes = pa.array([clean_text(text).casefold() for text in rule.when], pa.string())
        no = pa.array([*(clean_text(text).casefold() for text in rule.unless), ""])
        for name in rule.from_:
            cells = folded(self.column(name))
            said, denied = pc.is_in(cells, value_set=yes), pc.is_in(cells, value_set=no)
            unclear = pc.invert(pc.or_(said, denied))
            out |= np.asarray(said) | np.asarray(unclear)
            for at in pc.indices_nonzero(unclear).to_pylist():
                self.note(at, "consent_not_understood", name, self.column(name)[at].as_py())
        return out

    def kept(self) -> Bools:
        kept = np.ones(len(self.frame), bool)
        for name, rule in self.mapping.where.items():
            wanted = pa.array([clean_text(text).casefold() for text in rule.in_ or ()])
            kept &= np.asarray(pc.is_in(folded(self.column(name)), value_set=wanted))
        for bad in self.frame.misread:
            kept[bad.at] = True  # which columns its cells belong to is not known
        return kept
