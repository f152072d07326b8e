"""What the conformance suite has to be told of a destination: a `Trial`, the `TRIAL` of its sandbox's module.

The suite (`flows.conformance`) runs the same behaviours on every destination. It takes what it can from the
destination itself (`mails_people`, the schema, what the schema refuses); a trial says the rest: what the fields are
called, how the sandbox shows tags and lists, and which errors the API documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Documented", "Names", "Trial", "pattern_of"]


@dataclass(frozen=True, slots=True)
class Names:
    """The tags or the lists of the sandbox's account, two of them.

    `kind` is the mapping's word, `tags` or `lists`. `names` are the two as a mapping says them by name, `numbers` by
    id; empty where it cannot say them so. The sandbox shows a contact's under `shown_as`, as `shown`.
    """

    kind: str
    shown: tuple[str, str]
    names: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    shown_as: str = "tags"


@dataclass(frozen=True, slots=True)
class Documented:
    """An error that the API documents, and how a run comes to it.

    A file of three rows is synced: p1@, p2@ and p3@example.com. The second has `cells` besides, the others `others`; the
    mapping is the trial's with the changes of `mapping`. `switches` and `faults` are set before the run; `there` are
    the contacts that are there by then: values besides the trial's, by address. `act` is what somebody does to the sandbox meanwhile: right
    after the first request was answered whose "METHOD path?query" holds `after` (a regular expression), or, without one, when
    everything was read and nothing is sent yet.

    The second row has to end as one of `outcomes`, with `words` of the API in what is said of it, and the others have to
    land. With `stops`, the run ends with these words and sends nothing.
    """

    name: str
    outcomes: tuple[str, ...] = ()
    words: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    mapping: Mapping[str, Any] = field(default_factory=dict)
    there: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    act: Callable[[Any], object] | None = None
    after: str = ""
    stops: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """How the suite speaks to one destination. Merge tags throughout.

    `key` is the address. `text` and `other` are texts that no contact needs, written from the columns First and City;
    `number` and `date` likewise, '' where there is none. `required` is a field that every contact needs, from the column
    Need; '' where only the key is needed. `fields` is the rest of the mapping's `fields:`, `there` the values that
    a contact needs to be put there in the app, `text` and `other` not among them.

    `mailed` is the status of whoever may be mailed, in the sandbox's words, `opted_out` those of whoever may not;
    empty where nobody is mailed. `moves` is what `fields:` needs so that a person (column Id) keeps their contact with another
    address; None where no contact can.
    """

    key: str
    text: str
    other: str
    number: str = ""
    date: str = ""
    required: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    there: Mapping[str, Any] = field(default_factory=dict)
    mailed: str = ""
    opted_out: tuple[str, ...] = ()
    moves: Mapping[str, Any] | None = None
    names: tuple[Names, ...] = ()
    errors: tuple[Documented, ...] = ()


def pattern_of(endpoint: str) -> str:
    """A regular expression for the requests of an endpoint.

    >>> bool(re.search(pattern_of("PUT /v1/contacts/{id}"), "PUT /v1/contacts/77"))
    True
    >>> bool(re.search(pattern_of("POST /v1/contacts"), "POST /v1/contacts/upsert"))
    False
    """
    return "^" + re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(endpoint).replace(r"\ ", " ")) + "$"
