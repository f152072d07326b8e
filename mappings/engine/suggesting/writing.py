"""A draft as YAML, with its doubts as comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from mappings.engine.complaints import visible
from mappings.engine.suggesting.draft import Draft
from mappings.engine.suggesting.fields import Match

__all__ = ["flow", "line_of", "rule_of", "scalar", "written"]

_PLAIN = re.compile(r"[^\W\d_](?:[\w ./+()&@'-]*[\w.+)'])?")


def scalar(value: object) -> str:
    r"""A text so that muster and every editor read the same text back; numbers and truth values as they are.

    >>> print(scalar("First Name"), scalar("no"), scalar("01234"), scalar("a: b"), scalar(42), scalar(True))
    First Name "no" "01234" "a: b" 42 true
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if text.isprintable() and _PLAIN.fullmatch(text) and _is_text(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escaped(c) for c in quoted)


def _is_text(text: str) -> bool:
    """Whether YAML's own rules take it for a text: `no`, `null` and `true` are none."""
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers.get(text[0], [])
    return not any(pattern.match(text) for _, pattern in resolvers)


def _escaped(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def flow(value: object) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def written(draft: Draft, schema_address: str) -> str:
    """The mapping's text. `schema_address` is where editors find the JSON Schema."""
    return "\n".join(_lines(draft, schema_address)) + "\n"


def _lines(draft: Draft, schema_address: str) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={schema_address}"
    yield "#"
    yield _remark(
        f"Written by muster init for {draft.origin.name}{_whose(draft)}. Look at the lines with a doubt, and change what is wrong."
    )
    yield ""
    yield f"name: {scalar(draft.name)}" + _note("keep it: what was delivered is filed under it")
    yield f"source: {flow(dict(draft.origin.source))}"
    yield f"destination: {flow({'kind': draft.destination})}"
    yield f"key: {scalar(draft.key)}"
    if draft.person:
        yield f"person: {scalar(draft.person)}" + _note(
            "; ".join(["a changed address is still the same person", *_doubt_of(draft.person_doubt)])
        )
    yield ""
    yield "fields:"
    for tag, match in draft.fields.items():
        yield f"  {line_of(tag, match)}"
    for name in draft.missing:
        yield "  " + _remark(f"doubt: {name} is required there, and no column fits")
    if draft.guessed:
        yield "  " + _remark(
            "Not sent yet: the account's fields could not be read. Take the # away where it has such a merge tag."
        )
    for tag, match in draft.guessed.items():
        yield "  " + _remark(line_of(tag, match))
    if draft.tags:
        yield ""
        yield f"tags: {flow({'from': draft.tags.column, **draft.tags.keys})}" + _doubted(draft.tags.doubts)
    yield ""
    yield from _consent(draft)
    if draft.ignored:
        yield ""
        yield _remark("Every column is used, or left out on purpose here.")
        yield "ignore:"
        for name, why in draft.ignored.items():
            yield f"  - {scalar(_as_pattern(name))}" + (_note(why) if why else "")
    if draft.examples:
        yield ""
        yield _remark("Invented rows, and what this mapping makes of them; muster check runs them.")
        yield "examples:"
        for example in draft.examples:
            yield from _example(example)


def _whose(draft: Draft) -> str:
    return f", an export from {draft.origin.product}" if draft.origin.product else ""


def line_of(tag: str, match: Match) -> str:
    """A field's line, without the blanks before it."""
    return f"{scalar(tag)}: {rule_of(match)}" + _note(
        "; ".join([match.confidence, *(f"doubt: {doubt}" for doubt in match.doubts)])
    )


def rule_of(match: Match) -> str:
    """What stands behind a field's name."""
    columns = [match.column, *match.also] if match.also else match.column
    return flow({"from": columns, **match.keys}) if match.keys or match.also else scalar(match.column)


def _consent(draft: Draft) -> Iterator[str]:
    consent = draft.consent
    yield "consent:"
    for doubt in consent.doubts:
        yield "  " + _remark(f"doubt: {doubt}")
    for name, why in consent.unheard.items():
        yield "  " + _remark(f"doubt: {name} is not used: {why}")
    if consent.columns:
        yield "  opted_out:"
        yield f"    from: {flow(consent.columns)}"
        yield f"    when: {flow(consent.when)}"
        yield f"    unless: {flow(consent.unless)}" + _note("any other text counts as opted out")
    else:
        yield "  " + _remark(
            "doubt: no column says for sure who opted out. If one does: opted_out: {from: COLUMN, when: [yes]}"
        )
        yield '  assumed: "nobody has decided yet: muster init found no opt-out column"'
    if consent.undecided:
        yield "  " + _remark(
            "So that nobody is mailed on a guess, new contacts arrive as unsubscribed. Write SUBSCRIBED when you"
        )
        yield "  " + _remark(
            "know that they want mail" + ("." if consent.columns else ", and say under assumed: why.")
        )
        yield "  newcomers: UNSUBSCRIBED"
    else:
        asked = "; UNCONFIRMED sends each of them a confirmation mail" if draft.asks_newcomers else ""
        yield "  newcomers: SUBSCRIBED" + _note(f"who did not opt out{asked}")


def _example(example: dict[str, Any]) -> Iterator[str]:
    lead = "- "
    for key, value in example.items():
        yield f"  {lead}{key}: {flow(value)}"
        lead = "  "


def _as_pattern(name: str) -> str:
    """A column's name under `ignore:`, where * and ? stand for other texts."""
    return re.sub(r"([*?[])", r"[\1]", name) if re.search(r"[*?]", name) else name


def _doubt_of(doubt: str) -> list[str]:
    return [f"doubt: {doubt}"] if doubt else []


def _doubted(doubts: Sequence[str]) -> str:
    return _note("doubt: " + "; ".join(doubts)) if doubts else ""


def _note(text: str) -> str:
    return "   " + _remark(text)


def _remark(text: str) -> str:
    """A comment: one line, whatever stands in a column's name."""
    return "# " + visible(text).replace("\n", "\\n")
