"""What a source and a destination are, and what flows lends them.

A source is a module `connectors.sources.KIND` with a function `open_source(path, settings)`; a destination is
a module `connectors.destinations.KIND` with a class `Connector`. The file's name is the kind; nothing is
registered by hand. Outside packages plug in through the entry points `muster.sources` and
`muster.destinations` (and `muster.sandboxes`, see connectors.sandbox.serving).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from connectors.breaker import Breaker
from connectors.traffic import Traffic
from mappings.engine.contact import Contact
from mappings.engine.frame import Frame
from mappings.engine.schema import Schema

__all__ = [
    "Decision", "Deletes", "Delivered", "Destination", "Known", "Oddity", "Remembered", "Restores", "Rules", "SettlesLater", "Source", "SourceFacts", "Started",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something about the file that a person should know, such as blank header names. `line` from 1, 0: the file."""

    code: str
    message: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a kind of export is known to hold, of the columns that are in the file at hand.

    `consents` are the columns that say in some way who wants no mail, which a mapping has to hear, and how each does:
    `out` (its yes is an opt-out), `in` (its no is one) or `status`. `meanings` and `formats` say what columns stand for
    (see mappings.engine.suggesting.names) and how their dates are written.
    """

    person_column: str = ""
    list_separator: str = ";"
    product: str = ""
    consents: Mapping[str, str] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)

    @property
    def opt_out_columns(self) -> tuple[str, ...]:
        return tuple(self.consents)


class Source(Protocol):
    """A file being read. `frames()` is called once; `oddities` and `sha256` are complete after it."""

    path: Path
    header: tuple[str, ...]
    facts: SourceFacts
    oddities: list[Oddity]
    sha256: str
    size: int
    reading: Mapping[str, Any]
    """How it is read, as a person would say it: encoding, delimiter, quote, header line, line endings."""

    def frames(self) -> Iterator[Frame]:
        """Frames in the order of the file. Raises SourceError when the file can be read no further."""
        ...


@dataclass(slots=True)
class Known:
    """A contact as the destination has it.

    `fields` are its values by merge tag, as JSON; `tags` its tags' names. `seen` is when this was read, in epoch
    seconds. `opted_out` is true for every status that is not known to allow mail.
    """

    contact_id: str
    key: str
    status: str
    opted_out: bool
    fields: Mapping[str, Any]
    tags: frozenset[str]
    seen: float
    lists: frozenset[str] | None = None
    """Its lists' names, None where they are not known."""
    changed_at: float | None = None
    """When it was last changed there, in seconds since 1970; None where the destination does not tell."""
    final: bool = False
    """An opt-out that no consent of a source lifts: a complaint, a bounce, a status that is not known to us."""


@dataclass(slots=True)
class Remembered:
    """What the ledger remembers of a contact: what this mapping delivered, and what is known of its consent.

    `texts` is None where this mapping never delivered it. `key` is the address under which it was delivered, which
    differs from the contact's where the person has changed it. `tags` and `lists` are the names delivered last,
    `own_tags` and `own_lists` those that were not there before this mapping added them.
    """

    key: str
    contact_id: str = ""
    texts: Mapping[str, str] | None = None
    tags: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    own_tags: frozenset[str] = frozenset()
    own_lists: frozenset[str] = frozenset()
    opted_out: bool = False
    out_elsewhere: bool = False
    """Whether somebody said so who is neither this mapping's source nor the destination."""
    out_there_since: float = 0.0
    """When the destination first said so, in seconds since 1970; 0 where it did not."""
    out_here_until: float = 0.0
    """When this mapping's source last said so; 0 where it did not."""
    suppressed: bool = False
    conflict: str = ""
    """Why it is not clear whose address this is; '' where it is."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the mapping says about writing.

    `types` holds the destination's type of every field that the mapping writes; `writes` those with `always`,
    `if_empty` or `once`; `blanks` those with `clear` or `clear_ours`. `together` are the blocks. `tags` and `lists`
    say what may be taken away: `add` (nothing), `own`, `replace`.
    """

    write: str = "merge"
    gone: str = "protect"
    newcomers: str = "SUBSCRIBED"
    types: Mapping[str, str] = field(default_factory=dict)
    writes: Mapping[str, str] = field(default_factory=dict)
    blanks: Mapping[str, str] = field(default_factory=dict)
    together: tuple[tuple[str, ...], ...] = ()
    tags: str = "add"
    lists: str = "add"
    key: str = "email_address"
    """The merge tag by which the destination knows a contact."""
    unknown_opted_out: str = "create"
    """`create` or `leave_out`: what becomes of who opted out and is not there."""
    tracked: frozenset[str] | None = None
    """The merge tags that automations watch there; None where that is not known, and any may be."""
    lookup: bool = False
    """Whether each contact is looked up before it is sent, also where that is not needed to send it rightly."""
    follows_since: float | None = None
    """Since when the mapping may follow its source's consents, in seconds since 1970; None where it may not."""


Started = Mapping[tuple[str, str], int]
"""How often automations start, by (automation, reason). See connectors.automations."""


@dataclass(slots=True)
class Decision:
    """What is to be done for one contact. Nothing is sent where `outcome` is given.

    `creates` is whether the contact is new there, `upserts` that nobody knows: it is sent without having been looked up, and
    the answer does not tell. `changes` are the fields to be sent, with the value there now (None
    where blank or unknown) and the new one (None where it is emptied). `tags` are the names to add, `tags_off` those to take
    away; likewise lists. `stays` are fields that somebody changed there and that are left as they are: the value there,
    and what the source has. `left_over` are the values of a block that should be emptied with it and cannot be. `calls` are the requests in order, `automations` what they may start there: never fewer than do.
    """

    outcome: str = ""
    code: str = ""
    reason: str = ""
    creates: bool = False
    upserts: bool = False
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    stays: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    left_over: Mapping[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    tags_off: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    lists_off: tuple[str, ...] = ()
    status: str | None = None
    opts_out: bool = False
    opts_in: bool = False
    """Whether somebody who opted out is subscribed again, because the source has a newer consent."""
    calls: tuple[str, ...] = ()
    problems: tuple[tuple[str, str, str, Mapping[str, Any]], ...] = ()
    """All that is wrong with it, or may be, before it is sent, as Delivered has them."""
    automations: Started = field(default_factory=dict)


@dataclass(slots=True)
class Delivered:
    """What became of one contact. `problems` are (code, merge tag, value, detail); `kept` what was kept differently."""

    outcome: str
    code: str = ""
    reason: str = ""
    contact_id: str = ""
    problems: tuple[tuple[str, str, str, Mapping[str, Any]], ...] = ()
    kept: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    decision: Decision = field(default_factory=Decision)
    opted_out: bool = False
    troubled: bool = False
    """True where the destination gave no usable answer at all: what the breaker counts."""
    untouched: bool = False
    """True where it is known that nothing of it was applied there, so that no automation was started."""
    in_part: bool = False
    """True where it counts as not sent, and a part of it landed before the run was interrupted."""
    settled_later: bool = False
    """True where only the destination's whole list tells what became of it (see `SettlesLater`)."""


class Destination(Protocol):
    """A marketing tool's account. Constructed as `Connector(base_url=…, key=…, turns=…, rules=…)`."""

    default_base_url: str
    per_second: float
    mails_people: bool
    keys: tuple[str, ...]
    """The merge tags that may be a mapping's `key`."""
    surveys: bool
    """Whether all contacts can be listed; where not, they are looked up one by one."""
    tells_changes: bool
    """Whether it tells when a contact was last changed."""
    finds: bool
    """Whether one contact can be looked up; where not, all are listed, however few are to be sent."""
    deletes: bool
    """Whether contacts can be deleted there over the API, so that a creation can be undone; it is one of `Deletes` then."""
    find_calls: tuple[str, ...]
    """The requests of one look-up, as decisions name them; `opt_out_calls` those that opt somebody out, `create_tag_calls` those that create a tag."""
    opt_out_calls: tuple[str, ...]
    create_tag_calls: tuple[str, ...]
    creation_starts: str
    """The automation that every contact starts there that is created over the API; '' where none is known. It has to be
    allowed by name, as `contact_added`.
    """
    fresh_seconds: float
    """So long what was read is good enough; whoever was read before that is looked up again before the write."""
    field_types: Mapping[str, str]
    """What the destination's own app calls the types of fields, by the mapping's name of the type."""
    traffic: Traffic
    breaker: Breaker
    """The gate at which calls wait while the destination seems to be down."""
    rules: Rules
    answers: Mapping[str, str]
    """What is known beyond the documentation: positions by question (see connectors.probing). Set before anything is read."""

    @property
    def opt_out_automations(self) -> Started:
        """What opting somebody out may start there."""
        ...

    async def __aenter__(self) -> Any: ...
    async def __aexit__(self, *args: object) -> None: ...

    @staticmethod
    def name_problem(merge_tag: str) -> str:
        """Why a field cannot have this merge tag there; '' where it can."""
        ...

    @staticmethod
    def documented_schema() -> Schema:
        """The fields that every account has, and what is refused. Used where nobody can be asked."""
        ...

    async def read_schema(self) -> Schema:
        """The account's fields and tags. Raises CredentialsError, Unreachable."""
        ...

    async def count(self) -> tuple[int, int]:
        """How many contacts the account holds, and how many requests it takes to read them all."""
        ...

    def survey(self) -> AsyncIterator[list[Known]]:
        """All contacts of the account, a page at a time. Raises Unreachable."""
        ...

    def survey_opted_out(self) -> AsyncIterator[list[Known]]:
        """Those contacts that want no mail, a page at a time, in as few requests as that takes. Raises Unreachable."""
        ...

    async def find(self, key: str) -> Known | None:
        """One contact by its key. Raises Unreachable."""
        ...

    async def look_up(
        self, contact: Contact, remembered: Remembered | None, *, always: bool = False
    ) -> tuple[Known | None, Known | None]:
        """What has to be known before a contact that was not surveyed is decided: under its key, and as the person was
        known before. Nothing is asked where it can be sent rightly without, unless `always`. Raises Unreachable.
        """
        ...

    def look_up_calls(self, contact: Contact, remembered: Remembered | None) -> tuple[str, ...]:
        """The requests that `look_up` makes."""
        ...

    def decide(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Decision:
        """What to do. `known` is the contact under its key, `now` the one under the address it had before."""
        ...

    async def deliver(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Delivered:
        """Does it: the calls, one after the other, their answers compared with what was sent."""
        ...

    def missing_tags(self, names: Sequence[str]) -> list[str]:
        """Those of the names that are no tag there as far as is known, each once. Nothing is asked."""
        ...

    async def create_tags(self, names: Sequence[str]) -> dict[str, str]:
        """Creates tags that do not exist there; the names that were refused, each with the reason. Raises Unreachable."""
        ...

    def other_id_of(self, contact: Contact) -> str:
        """What the row has of another merge tag by which contacts are known there; '' where it has none."""
        ...

    async def opt_out_other(self, contact: Contact) -> Delivered:
        """Carries an opt-out to whoever has that other id, likewise."""
        ...

    async def opt_out(self, key: str) -> Delivered:
        """Carries an opt-out for a contact that is otherwise left alone; creates nobody."""
        ...


@runtime_checkable
class Deletes(Protocol):
    """A destination whose `deletes` is true.

    `delete_calls` are the requests of one deletion, `newcomers_have` the fields that it fills in by itself for whoever is created.
    """

    delete_calls: tuple[str, ...]
    newcomers_have: tuple[str, ...]

    async def delete(self, key: str, contact_id: str) -> Delivered:
        """Deletes the contact with this key, if it still has this id.

        `updated` (code `deleted`): it is gone now; `unchanged` (`already_gone`): it was before; `protected`
        (`identity_conflict`): the key is another contact's by now, and nothing was sent; else `refused`, `failed`, `unknown`.
        """
        ...


@runtime_checkable
class Restores(Protocol):
    """A destination that puts contacts back as they were: values, names, an address, a status."""

    def empties(self, tag: str) -> bool:
        """Whether a value of this field can be taken away there."""
        ...

    def restoration(self, there: Known, asked: Decision) -> Decision:
        """What is `asked` (changes, names, `opts_in` or `opts_out`), with its calls and what they may start.

        A change that cannot be made there is in `left_over` instead, with the value that stays. Nothing is left to be done where
        there are no calls. Pure.
        """
        ...

    async def read_again(self, there: Known) -> Known | None:
        """The contact as it is now; None where it is not there any more. Raises Unreachable."""
        ...

    async def restore(self, key: str, there: Known, decision: Decision) -> Delivered:
        """Does it. `key` is the contact's key afterwards: another one than now where its address is put back."""
        ...


@runtime_checkable
class SettlesLater(Protocol):
    """A destination without a look-up, which settles what is unclear in one reading of its list at the end of a run."""

    async def settle_later(self, unclear: Sequence[tuple[Contact, Delivered]]) -> list[Delivered]:
        """What became of contacts whose delivery was to be settled later, in their order. Raises Unreachable, CredentialsError."""
        ...
