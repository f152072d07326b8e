"""Probing: what an API's documentation leaves open is asked of the API itself, with one throwaway contact.

A destination's questions are in `connectors.destinations.KIND_probe`, found by itself; a destination that is installed
beside muster names such a module `probe` in its own. It has `QUESTIONS` and a class `Throwaway`. A question is a
function: its name and positions are those of the sandbox's switch, where there is one, its docstring is what it asks,
and what it returns is the position that held.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

from connectors.answer import Answer, Meaning
from connectors.errors import Unreachable
from connectors.http import Wire
from connectors.kinds import destination_module
from mappings.engine.schema import Schema

__all__ = [
    "Finding", "NotTried", "Otherwise", "Question", "Questions", "Throwaway", "findings", "left_behind", "probe_of", "questions_of", "shouted",
]  # fmt: skip

_MOST_SILENCE = 3
_SHAPES = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class NotTried(Exception):  # noqa: N818 - what happened, no error
    """The question cannot be asked of this account; the text says why, as the rest of "not tried, because …"."""


class Otherwise(Exception):  # noqa: N818 - as above
    """The API answered in none of the known ways; the text says how."""


Asking = Callable[[Any], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Question:
    """What is not documented. `positions` are the answers, `inferred` the one that is taken for true unless asked.

    `form` is a pattern that other answers may have. `gains` says what becomes possible with an answer. `requests` is
    how many asking takes at most; where nobody asks, `why_not` says why.
    """

    name: str
    positions: tuple[str, ...]
    asks: str
    inferred: str
    requests: int = 0
    form: str = ""
    gains: Mapping[str, str] = field(default_factory=dict)
    ask: Asking | None = None
    why_not: str = ""

    def takes(self, position: str) -> bool:
        """Whether this may be an answer."""
        return position in self.positions or bool(self.form and re.fullmatch(self.form, position))


class Questions:
    """A destination's questions, in the order in which they are asked."""

    def __init__(self) -> None:
        self._all: dict[str, Question] = {}

    def __iter__(self) -> Iterator[Question]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    def named(self, name: str) -> Question | None:
        return self._all.get(name)

    def names(self) -> list[str]:
        return list(self._all)

    @property
    def requests(self) -> int:
        """How many requests all of them take at most."""
        return sum(one.requests for one in self)

    def asked(
        self,
        *positions: str,
        requests: int,
        inferred: str = "",
        gains: Mapping[str, str] | None = None,
    ) -> Callable[[Asking], Asking]:
        """Marks the function that asks. Without `inferred`, the first position is."""

        def mark(asking: Asking) -> Asking:
            name = asking.__name__
            asks = (asking.__doc__ or "").strip()
            self.add(
                Question(
                    name, positions, asks, inferred or positions[0], requests, gains=gains or {}, ask=asking
                )
            )
            return asking

        return mark

    def not_asked(self, name: str, *positions: str, asks: str, why: str) -> None:
        """A question that a person may answer by hand, and that is not tried."""
        self.add(Question(name, positions, asks, positions[0], why_not=why))

    def add(self, question: Question) -> None:
        self._all[question.name] = question


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of a question: the position that held, or what was `said` instead; `tried` is whether it was asked."""

    question: Question
    position: str = ""
    said: str = ""
    tried: bool = True


class Throwaway(ABC):
    """The throwaway contact, and how it is written to. `address` is the person's own, `spare` a second one of the same mailbox.

    Used between `absent` and `remove`; nobody else's contact is written to. `answers` are the positions found so far.
    """

    around: ClassVar[int]
    """How many requests it takes at most to make and to remove it."""
    stays: ClassVar[str]
    """What is left behind, as a sentence for whoever is asked first."""
    starts: ClassVar[str]
    """What may start there for these addresses."""

    def __init__(self, destination: Any, address: str) -> None:
        self.destination = destination
        self.wire: Wire = destination._wire  # noqa: SLF001 - its own pace and key
        self.address = address
        self.spare = _spare(address)
        self.schema = Schema(())
        self.answers: dict[str, str] = {}

    @property
    def addresses(self) -> tuple[str, ...]:
        """All that may be written to."""
        return self.address, self.spare

    def use(self, schema: Schema) -> None:
        """Takes the account's fields, tags and lists as known."""
        self.schema = schema

    async def reading(self) -> int:
        """How many requests it takes to see that nobody has the addresses. Raises Unreachable."""
        return len(self.addresses)

    @abstractmethod
    async def absent(self) -> str:
        """The first of the addresses that somebody has there; '' where nobody has. Raises Unreachable."""

    @abstractmethod
    async def create(self) -> None:
        """The contact, so that it gets no mail. Raises Otherwise where it is not there afterwards."""

    @abstractmethod
    async def remove(self) -> list[str]:
        """Deletes what was made where that is possible, else leaves it so that it gets no mail; what stays, a sentence each."""

    async def send(self, method: str, path: str, body: Any) -> Answer:
        """A write, never repeated when it is unclear. Raises Otherwise where its answer is none of those that are known."""
        answer = _clear(await self.wire.call(method, path, json_body=body, repeatable=False))
        if answer.done and not self.shows(answer):
            raise Otherwise(f"an answer of another shape ({answer.detail})")
        return answer

    @abstractmethod
    def shows(self, answer: Answer) -> bool:
        """Whether the answer to a write that worked has the documented shape."""

    async def get(self, path: str, **params: str) -> Answer:
        """A read. Raises Otherwise where it has no clear answer."""
        return _clear(await self.wire.call("GET", path, params=params))


def _clear(answer: Answer) -> Answer:
    if answer.meaning not in (Meaning.DONE, Meaning.REFUSED):
        raise Otherwise(answer.detail)
    return answer


async def findings(throwaway: Throwaway, questions: Iterable[Question]) -> AsyncIterator[Finding]:
    """Asks one question after the other. Raises CredentialsError; whatever else is answered is a finding."""
    silence = 0
    for question in questions:
        if question.ask is None:
            yield Finding(question, said=question.why_not, tried=False)
            continue
        if silence >= _MOST_SILENCE:
            yield Finding(question, said="it gave no usable answers any more", tried=False)
            continue
        traffic = throwaway.wire.traffic
        sent, before = traffic.sent, traffic.broken_in_a_row
        try:
            position = await question.ask(throwaway)
            throwaway.answers[question.name] = position
            finding = Finding(question, position)
        except NotTried as why:
            finding = Finding(question, said=str(why), tried=False)
        except Otherwise as how:
            finding = Finding(question, said=str(how))
        except Unreachable as error:
            finding = Finding(question, said=error.what)
        except _SHAPES as error:
            # The API may answer in any shape, and a shape is no reason to stop and leave the contact behind.
            finding = Finding(question, said=f"an answer that cannot be read ({type(error).__name__})")
        if traffic.sent > sent:
            silence = silence + 1 if traffic.broken_in_a_row > before else 0
        yield finding


async def left_behind(throwaway: Throwaway) -> list[str]:
    """Removes what was made, however the API answers; what stays there or may, a sentence each."""
    try:
        return await throwaway.remove()
    except _SHAPES as error:
        whom = " and ".join(throwaway.addresses)
        return [
            f"{whom} may be there: an answer cannot be read ({type(error).__name__}). Look for them in its app."
        ]


def probe_of(kind: str) -> ModuleType | None:
    """The module with a destination's questions; None where it has none. Raises MappingError for an unknown kind."""
    module = destination_module(kind)
    given = getattr(module, "probe", None)
    if isinstance(given, ModuleType):
        return given
    name = f"connectors.destinations.{kind}_probe"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def questions_of(kind: str) -> Questions:
    """A destination's questions; none where it has none. Raises MappingError for an unknown kind."""
    module = probe_of(kind)
    found: Questions = module.QUESTIONS if module is not None else Questions()
    return found


def _spare(address: str) -> str:
    """Another address of the same mailbox.

    >>> _spare("ann@example.com"), _spare("ann+test@example.com")
    ('ann+muster@example.com', 'ann+test-muster@example.com')
    """
    name, _, domain = address.rpartition("@")
    return f"{name}{'-' if '+' in name else '+'}muster@{domain}"


def shouted(address: str) -> str:
    """The same address in another case.

    >>> shouted("ann@example.com"), shouted("ANN@example.com"), shouted("12@example.com")
    ('ANN@example.com', 'ann@example.com', '12@EXAMPLE.COM')
    """
    name, _, domain = address.rpartition("@")
    if name.upper() != name:
        return f"{name.upper()}@{domain}"
    return f"{name.lower()}@{domain}" if name.lower() != name else f"{name}@{domain.swapcase()}"
