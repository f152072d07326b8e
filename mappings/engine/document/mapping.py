"""The model of a mapping's YAML document. Its JSON Schema is shipped as `mapping.schema.json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from mappings.engine.document.automations import Automations
from mappings.engine.document.consent import Consent
from mappings.engine.document.example import Example
from mappings.engine.document.guards import Guards
from mappings.engine.document.names import Names
from mappings.engine.document.notify import Notify
from mappings.engine.document.reports import Fixes, Reports
from mappings.engine.document.rule import Rule
from mappings.engine.document.source import Destination, SourceSettings
from mappings.engine.document.vanished import Vanished
from mappings.engine.document.where import Conditions, columns_of, counts_days
from mappings.engine.document.words import DateFormats, Maybe, Part, Texts

__all__ = ["Duplicates", "Mapping"]

Place = tuple[str | int, ...]


class Duplicates(Part):
    """Which of several rows with one key is sent."""

    keep: Literal["last", "first", "reject", "newest"] = Field(
        "last", description="last, first, reject; or newest:"
    )
    newest: Maybe[str] = Field(
        None, description="the column with the date that tells which row is the newest"
    )
    format: Maybe[DateFormats] = Field(
        None, description="how those dates are written, such as DD/MM/YYYY hh:mm"
    )

    @model_validator(mode="before")
    @classmethod
    def _widen(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"keep": value}
        if isinstance(value, dict) and "newest" in value:
            return {"keep": "newest", **value}
        if not isinstance(value, dict | Duplicates):
            # pydantic makes a complaint of a ValueError only
            raise ValueError("write last, first, reject, or {newest: COLUMN} with the column of the date.")  # noqa: TRY004
        return value

    @model_validator(mode="after")
    def _column_named(self) -> Duplicates:
        if (self.keep == "newest") != (self.newest is not None):
            raise ValueError("write last, first, reject, or {newest: COLUMN} with the column of the date.")
        if self.format is not None and self.newest is None:
            raise ValueError("format: is for the dates of newest:.")
        return self


_LAST = Duplicates.model_validate("last")


class Mapping(Part):
    """One sync: what is read, where it goes, and what becomes of each column."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
        description="stable: what was delivered is filed under it; lower-case letters, digits and hyphens",
    )
    title: str = Field("", description="for people")
    description: str = Field("", description="for people")
    source: SourceSettings
    destination: Destination
    write: Literal["merge", "create_only", "update_only", "replace"] = Field(
        "merge", description="merge changes only the fields sent; replace empties all others"
    )
    gone: Literal["protect", "recreate"] = Field(
        "protect",
        description="what becomes of a contact that we delivered and somebody deleted at the destination",
    )
    key: str = Field(description="the merge tag by which the destination knows a contact")
    person: str | None = Field(None, description="the column by which the source knows a person")
    fields: dict[str, Rule] = Field(min_length=1, description="merge tag: where its value comes from")
    together: tuple[Texts, ...] = Field(
        (),
        description="blocks of merge tags, such as the lines of an address: when one changes, all are sent",
    )
    tags: Maybe[Names] = Field(None, description="a column, or from:, split:, always:, flags: and more")
    lists: Maybe[Names] = Field(None, description="lists that the contact joins; written like tags")
    consent: Maybe[Consent] = Field(None, description="whether people want mail")
    suppress: Texts = Field(
        (),
        description="files with people who are never written to, seen from the mapping's folder: addresses, domains or hashes",
    )
    automations: Maybe[Automations] = Field(
        None, description="what may be started at the destination, and what is watched there"
    )
    vanished: Maybe[Vanished] = Field(
        None,
        description="what becomes of who was delivered and is no longer in a complete source: report, or what is done; report if not said",
    )
    guards: Maybe[Guards] = Field(
        None, description="when the sync stops before it sends anything, where the defaults are not right"
    )
    notify: Maybe[Notify] = Field(
        None,
        description="who is told when the sync stands otherwise than before; a name, several, or to:, on: and remind:",
    )
    reports: Maybe[Reports] = Field(
        None,
        description="where each run's report is copied to, for people without a shell: a folder or an address, or to:, link: and files:",
    )
    fixes: Maybe[Fixes] = Field(
        None,
        description="where a corrected failures.xlsx is dropped, to be retried and answered by muster fixes: a folder or an address, or at: and settled:",
    )
    where: Conditions = Field(
        default_factory=dict,
        description="column: what keeps a row; all must hold; any: holds groups of which one must",
    )
    blank: Literal["keep", "clear", "clear_ours"] = Field(
        "keep",
        description="what a blank does to the value at the destination; clear_ours: only to one that we delivered",
    )
    duplicates: Duplicates = Field(
        _LAST,
        description="which of several rows with one key is sent: last, first, reject or {newest: COLUMN}",
    )
    ignore: Texts = Field(
        (), description="columns that are left out on purpose; patterns such as hs_* work, rest is all others"
    )
    examples: tuple[Example, ...] = Field(
        (), description="rows and what becomes of them; muster check runs them"
    )

    _file: str = PrivateAttr("mapping.yml")
    _text: str = PrivateAttr("")
    _sha256: str = PrivateAttr("")
    _lines: dict[Place, int] = PrivateAttr(default_factory=dict)

    @field_validator("fields")
    @classmethod
    def _key_is_a_field(cls, fields: dict[str, Rule], info: ValidationInfo) -> dict[str, Rule]:
        key = info.data.get("key")
        if key is not None and key not in fields:
            raise ValueError(f"the key {key} is not among them; say here which column it comes from.")
        if key is not None and fields[key].write is not None:
            raise ValueError(f"write: cannot be said of the key {key}; it is how the contact is found.")
        return fields

    @field_validator("vanished")
    @classmethod
    def _fits_the_rest(cls, vanished: Vanished | None, info: ValidationInfo) -> Vanished | None:
        source = info.data.get("source")
        if vanished is None or source is None:
            return vanished
        if not source.complete:
            raise ValueError(
                "only a complete source can miss somebody: say source: {complete: yes} if each file holds everybody."
            )
        if info.data.get("key") in vanished.set_:
            raise ValueError(f"set: cannot change {info.data['key']}; it is how the contact is found.")
        if vanished.acts and info.data.get("write") == "create_only":
            raise ValueError("write: create_only changes nobody who is there; say vanished: report.")
        return vanished

    @field_validator("together")
    @classmethod
    def _blocks_of_fields(
        cls, together: tuple[tuple[str, ...], ...], info: ValidationInfo
    ) -> tuple[tuple[str, ...], ...]:
        fields: dict[str, Rule] = info.data.get("fields", {})
        times = Counter(tag for block in together for tag in block)
        for block in together:
            if len(block) < 2:
                raise ValueError("a block needs at least two merge tags, such as [[street, city, zip]].")
            for tag in block:
                if fields and tag not in fields:
                    raise ValueError(f"{tag} is not among fields:.")
                if times[tag] > 1:
                    raise ValueError(f"{tag} stands in two blocks, or twice in one.")
                if tag == info.data.get("key"):
                    raise ValueError(f"{tag} is the key and cannot be part of a block.")
                if fields and fields[tag].write in ("if_empty", "once"):
                    raise ValueError(f"{tag} has write: {fields[tag].write}, and a block is sent as a whole.")
        return together

    def _bind(self, file: str, text: str, sha256: str, lines: dict[Place, int]) -> None:
        self._file, self._text, self._sha256, self._lines = file, text, sha256, lines

    @property
    def file(self) -> str:
        return self._file

    @property
    def text(self) -> str:
        return self._text

    @property
    def sha256(self) -> str:
        return self._sha256

    def line_of(self, *place: str | int) -> int:
        """The physical line of a key, or of the nearest key above it."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def blank_rule(self, tag: str) -> str:
        return self.fields[tag].blank or self.blank

    def counts_days(self) -> bool:
        """Whether the same file can mean other contacts tomorrow."""
        names = [part for part in (self.tags, self.lists) if part is not None]
        cases = [case for rule in self.fields.values() for case in rule.cases or ()]
        whens = [case.when for case in cases] + [case.when for part in names for case in part.cases]
        return any(counts_days(conditions) for conditions in (self.where, *whens))

    def columns(self) -> dict[str, list[Place]]:
        """Each source column that is read, with the places in the document that read it."""
        used: dict[str, list[Place]] = {}

        def note(names: Sequence[str], *place: str | int) -> None:
            for name in names:
                used.setdefault(name, []).append(place)

        for tag, rule in self.fields.items():
            note(rule.columns(), "fields", tag)
        for kind, names in (("tags", self.tags), ("lists", self.lists)):
            for name, place in names.columns() if names else ():
                note((name,), kind, *place)
        if self.consent and self.consent.opted_out:
            note(self.consent.opted_out.from_, "consent", "opted_out")
        if self.consent and self.consent.follow_source:
            note((self.consent.follow_source.date,), "consent", "follow_source")
        note(tuple(columns_of(self.where)), "where")
        if self.person is not None:
            note((self.person,), "person")
        if self.duplicates.newest is not None:
            note((self.duplicates.newest,), "duplicates")
        return used
