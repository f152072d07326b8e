"""One frame's passage through a mapping, column by column: every rule of every field, and what is wrong on the way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping as MappingOf
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.cleaning import clean, clean_text
from mappings.engine.document import Mapping, Names, Origin, Rule, pieces_of
from mappings.engine.frame import Frame
from mappings.engine.mapped import Bools
from mappings.engine.memberships import Memberships
from mappings.engine.problems.problem import Problem
from mappings.engine.rules.cases import cases
from mappings.engine.rules.default import default
from mappings.engine.rules.first import first
from mappings.engine.rules.first_valid import first_valid
from mappings.engine.rules.follow_source import consented
from mappings.engine.rules.join import join
from mappings.engine.rules.match import match
from mappings.engine.rules.names import flagged, named, united
from mappings.engine.rules.newest import age
from mappings.engine.rules.opted_out import opted_out
from mappings.engine.rules.part import part
from mappings.engine.rules.split import BREAK, cleaned, mark_of, several, split
from mappings.engine.rules.template import template
from mappings.engine.rules.values import values
from mappings.engine.rules.where import Answer, all_hold
from mappings.engine.schema import Schema
from mappings.engine.transforms import Converted, Wrong
from mappings.engine.transforms.choices import SEPARATOR
from mappings.engine.typed import typed

__all__ = ["Passage"]


class Passage:
    """A frame on its way. `invalid` and `problems` grow while columns are asked for."""

    def __init__(
        self, mapping: Mapping, schema: Schema, at: MappingOf[str, int], frame: Frame, today: dt.date | None
    ) -> None:
        """`at` holds the columns' positions by their cleaned names; `today` is needed for spans of time only."""
        self.mapping = mapping
        self.frame = frame
        self.invalid = np.zeros(len(frame), bool)
        self.problems: list[tuple[int, Problem]] = []
        self._schema = schema
        self._at = at
        self._today = today
        self._cleaned: dict[tuple[int, str], pa.Array] = {}
        for bad in frame.misread:
            cells = SEPARATOR.join(bad.cells)[:200].replace(SEPARATOR, " | ")
            self._note(bad.at, bad.code, "", cells, detail=bad.detail)

    def _note(self, at: int, code: str, column: str, value: str, **detail: Any) -> None:
        row, line = int(self.frame.rows[at]), int(self.frame.lines[at])
        problem = Problem.of(code, row=row, line=line, column=column, value=value, **detail)
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

    def column(self, name: str, separator: str = "") -> pa.Array:
        """A source column, cleaned; cleaned once. A `separator` that cleaning would take away stays, as BREAK."""
        if clean_text(name) not in self._at:  # only where absent: allows it
            return pa.repeat("", len(self.frame))
        at = self._at[clean_text(name)]
        kept = separator if separator and mark_of(separator) == BREAK else ""
        if (at, kept) not in self._cleaned:
            self._cleaned[at, kept] = cleaned(self.frame.cells.column(at), kept)
        return self._cleaned[at, kept]

    # fields

    def field(self, tag: str, rule: Rule) -> pa.Array:
        """A merge tag's canonical texts, null where blank or wrong."""
        if rule.take == "first_valid":
            only = {"take": "first", "default": None}
            each = [rule.model_copy(update={"from_": (name,), **only}) for name in rule.from_ or ()]
        else:
            each = [rule]
        read = [self._read(tag, one) for one in each]
        if len(read) == 1:
            found, origin = read[0][1], np.zeros(len(self.frame), np.int64)
        else:
            found, origin = first_valid([found for _, found in read])
            if rule.default is not None:  # the last to be asked, where all columns are blank
                texts = default(
                    pa.repeat("", len(self.frame)), self._constant(tag, rule, rule.default), origin >= 0
                )
                each, read = [*each, rule], [*read, (texts, self._typed(tag, rule, texts))]
                found, origin = first_valid([found for _, found in read])
        columns = [self._named(one, tag) for one in each]
        for wrong in found.wrong:
            index = int(origin[wrong.at])
            value = read[index][0][wrong.at].as_py().replace(BREAK, " ")
            said = {"column": columns[index], "value": value, "field": tag, **wrong.detail}
            self._note(wrong.at, wrong.code, said.pop("column"), **said)
        if rule.required or tag == self.mapping.key:
            self._require(tag, found.values, self._named(rule, tag), {wrong.at for wrong in found.wrong})
        return found.values

    def _read(self, tag: str, rule: Rule) -> tuple[pa.Array, Converted]:
        """The texts as they are in the source, and what the rule makes of them."""
        choices = self._holds_several(tag, rule)
        divides = choices or (rule.split is not None and (rule.part is not None or rule.join is not None))
        separator = (rule.split or ";") if divides else ""
        origin = self._origin(rule, separator) if rule.cases is None else self._case(tag, rule, separator)
        raw = texts = pc.fill_null(origin.values, "")
        unknown = list(origin.wrong)
        if rule.match is not None:
            found = match(texts, rule.match, rule.otherwise or "reject")
            texts, unknown = pc.fill_null(found.values, ""), unknown + found.wrong
        if divides:
            texts = split(texts, mark_of(separator), rule.part)
        elif rule.part is not None:
            texts = part(texts, rule.part)
        if rule.values is not None:
            found = values(
                texts, rule.values, rule.otherwise or "reject", separator=separator if choices else None
            )
            texts, unknown = pc.fill_null(found.values, ""), unknown + found.wrong
        if rule.join is not None and rule.split is not None and not choices:
            texts = clean(pc.replace_substring(texts, SEPARATOR, rule.join))
        if rule.default is not None:
            rejected = np.zeros(len(self.frame), bool)
            rejected[[wrong.at for wrong in unknown]] = True
            texts = default(texts, self._constant(tag, rule, rule.default), rejected)
        found = self._typed(tag, rule, texts)
        return raw, Converted(found.values, [*unknown, *found.wrong])

    def _holds_several(self, tag: str, rule: Rule) -> bool:
        known = self._schema.field(tag)
        return (rule.type or (known.type if known else "")) == "choices"

    def _constant(self, tag: str, rule: Rule, text: str) -> str:
        """A text of the mapping that stands where the cells have been divided already."""
        return several(text, rule.split or ";") if self._holds_several(tag, rule) else clean_text(text)

    def _typed(self, tag: str, rule: Rule, texts: pa.Array) -> Converted:
        split = SEPARATOR if self._holds_several(tag, rule) else None
        return typed(rule, self._schema.field(tag), texts, split=split)

    def _origin(self, rule: Origin, separator: str) -> Converted:
        """The text that a rule or a case begins with; where it is divided later, with its `separator`."""
        size = len(self.frame)

        def column(name: str) -> pa.Array:
            return self.column(name, separator)

        if rule.value is not None:
            return Converted(pa.repeat(cleaned(pa.array([rule.value]), separator)[0].as_py(), size))
        if rule.template is not None:
            marked = rule.template
            if separator and mark_of(separator) == BREAK:
                marked = marked.replace(separator, BREAK)
            return Converted(template(pieces_of(marked), column, size))
        columns = [column(name) for name in rule.from_ or ()]
        if isinstance(rule, Rule) and rule.join is not None and len(columns) > 1:
            return Converted(join(columns, mark_of(separator) if separator else rule.join))
        return Converted(first(columns))

    def _case(self, tag: str, rule: Rule, separator: str) -> Converted:
        """The text of the first case that fits each row."""
        fitting, texts = [], []
        wrong: list[Wrong] = []
        size = len(self.frame)
        decided, unsure = np.zeros(size, bool), np.zeros(size, bool)
        for case in rule.cases or ():
            answer = all_hold(case.when, self.column, size, self._today)
            unclear = answer.unclear & ~decided & ~unsure
            wrong += self._unclear(answer, unclear, tag)
            unsure |= unclear
            decided |= answer.holds
            fitting.append(pa.array(answer.holds | unsure))
            texts.append(pc.if_else(pa.array(unsure), "", self._origin(case, separator).values))
        found = cases(fitting, texts, reject=rule.otherwise == "reject")
        return Converted(found.values, [*wrong, *found.wrong])

    def _unclear(self, answer: Answer, rows: Bools, field: str) -> list[Wrong]:
        return [
            Wrong(
                at,
                "condition_unclear",
                {"column": name, "value": self.column(name)[at].as_py(), "field": field},
            )
            for name, cells in answer.cells.items()
            for at in np.flatnonzero(cells & rows).tolist()
        ]

    def _note_unclear(self, answer: Answer, field: str) -> None:
        for wrong in self._unclear(answer, answer.unclear, field):
            self._note(wrong.at, wrong.code, **wrong.detail)

    def _require(self, tag: str, found: pa.Array, column: str, wrong: set[int]) -> None:
        code = "key_blank" if tag == self.mapping.key else "required_blank"
        misread = {bad.at for bad in self.frame.misread}
        for at in pc.indices_nonzero(pc.is_null(found)).to_pylist():
            if at not in wrong and at not in misread:
                self._note(at, code, column, "", field=tag)

    # tags, lists, consent, rows

    def names(self, rule: Names, members: Memberships) -> tuple[pa.Array, pa.Array]:
        """The names that each row gives, and those that it takes away."""
        size = len(self.frame)
        given = [pa.repeat(SEPARATOR.join(members.written(rule.always)), size)]
        for name in rule.from_:
            cells = self.column(name, rule.split)
            given.append(self._noted(name, cells, named(cells, mark_of(rule.split), members.spelled)))
        for name, flag in rule.flags.items():
            cells = self.column(name)
            given.append(
                self._noted(name, cells, flagged(cells, members.written(flag.names), flag.truthy, flag.falsy))
            )
        for case in rule.cases:
            answer = all_hold(case.when, self.column, size, self._today)
            self._note_unclear(answer, "cases:")
            given.append(pc.if_else(pa.array(answer.holds), SEPARATOR.join(members.written(case.names)), ""))
        taken = [pa.repeat("", size)]
        for name, flag in rule.remove.items():
            cells = self.column(name)
            taken.append(
                self._noted(name, cells, flagged(cells, members.there(flag.names), flag.truthy, flag.falsy))
            )
        return united(given), united(taken)

    def _noted(self, name: str, cells: pa.Array, found: Converted) -> pa.Array:
        for wrong in found.wrong:
            value = cells[wrong.at].as_py().replace(BREAK, " ")
            self._note(wrong.at, wrong.code, name, **{"value": value, **wrong.detail})
        return pc.fill_null(found.values, "")

    def opted_out(self) -> Bools:
        rule = self.mapping.consent.opted_out if self.mapping.consent else None
        out = np.full(len(self.frame), rule is not None and rule.everybody)
        for name in rule.from_ if rule else ():
            said, unclear = opted_out(self.column(name), rule.when, rule.unless) if rule else (None, None)
            out |= np.asarray(said)
            for at in pc.indices_nonzero(unclear).to_pylist():
                self._note(at, "consent_not_understood", name, self.column(name)[at].as_py())
        return out

    def consented(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | tuple[None, None]:
        """Since when each person has consented, where the mapping follows the source in this: the first and the last moment."""
        consent = self.mapping.consent
        if consent is None or consent.follow_source is None or consent.opted_out is None:
            return None, None
        rule = consent.follow_source
        answers = [self.column(name) for name in consent.opted_out.from_]
        dates = self.column(rule.date)
        first, last, wrong = consented(
            answers, consent.opted_out.unless, dates, rule.format or (), _end_of(self._today)
        )
        for at in wrong:
            self._note(at, "consent_date_unreadable", rule.date, dates[at].as_py())
        return first, last

    def note_lost_opt_outs(self, rows: Bools) -> None:
        """Rows that say that a known person wants no mail, and not under which address."""
        for at in np.flatnonzero(rows).tolist():
            key = self.mapping.key
            self._note(at, "opt_out_without_key", self._named(self.mapping.fields[key], key), "")

    def kept(self) -> Bools:
        """Whether `where:` keeps each row; a row of which that cannot be told is kept, and invalid."""
        answer = all_hold(self.mapping.where, self.column, len(self.frame), self._today)
        kept = answer.holds | answer.unclear
        for bad in self.frame.misread:
            kept[bad.at] = True  # which columns its cells belong to is not known
        self._note_unclear(answer, "where:")
        return kept

    def age(self) -> npt.NDArray[np.int64] | None:
        """How new each row is, where the newest of a key is sent."""
        rule = self.mapping.duplicates
        if rule.newest is None:
            return None
        found, wrong = age(self.column(rule.newest), rule.format or ())
        for at in wrong:
            self._note(at, "age_unreadable", rule.newest, self.column(rule.newest)[at].as_py())
        return found

    def _named(self, rule: Rule, tag: str) -> str:
        """The columns of the file that a field reads."""
        return " / ".join(name for name in rule.columns() if clean_text(name) in self._at) or tag


def _end_of(today: dt.date | None) -> int:
    """The last second that may be today somewhere on Earth; without a day, any."""
    if today is None:
        return int(np.iinfo(np.int64).max)
    midnight = dt.datetime.combine(today, dt.time(), dt.UTC)
    return int(midnight.timestamp()) + 36 * 3600  # twelve hours west of UTC it lasts longest
