"""An existing mapping brought up to a file whose columns have changed: as few lines as possible are touched, and comments stay.

A column that is gone and one that is new are the same where the new one would go into the field that the old one went into, where both mean the
same, or where their names are alike, unless they speak of consent in other ways. Other new columns go into a field that the mapping does not have yet, or under
`ignore:`; one that says who wants no mail is heard beside the others, or left to a person where it says it in another way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Any

import yaml

from mappings.engine.cleaning import clean_text
from mappings.engine.complaints import nearest
from mappings.engine.document import Mapping
from mappings.engine.fitting import is_ignored
from mappings.engine.suggesting.consent import OUT, denies, way_of
from mappings.engine.suggesting.draft import Draft
from mappings.engine.suggesting.fields import Match
from mappings.engine.suggesting.names import meaning
from mappings.engine.suggesting.writing import flow, line_of, rule_of, scalar

__all__ = ["Renewal", "renewed"]

_ALIKE = 0.75
_PARTS = ("fields", "person", "tags", "lists", "consent", "where", "ignore", "duplicates", "examples")
_NO_COLUMNS = frozenset(
    {
        "value",
        "values",
        "otherwise",
        "always",
        "contact",
        "truthy",
        "falsy",
        "unless",
        "format",
        "type",
        "match",
        "split",
        "join",
        "region",
    }
)
_CONDITIONS = frozenset({"where", "when", "row", "flags", "remove", "any", "all", "not"})


@dataclass(slots=True)
class Renewal:
    """The mapping's new text, and what was done: `renamed` old to new, `added` by merge tag, `ignored`; `gone` are columns that nothing replaces.

    `heard` are new columns with opt-outs, `unheard` those that speak of consent and are a person's to decide.
    """

    text: str
    renamed: dict[str, str] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    unheard: list[str] = field(default_factory=list)


def renewed(text: str, mapping: Mapping, header: Sequence[str], draft: Draft) -> Renewal:
    """`mapping`, whose text is `text`, for a file with this header; `draft` is what a first mapping of that file would be."""
    named = list(dict.fromkeys(clean_text(name) for name in header if clean_text(name)))
    used = {clean_text(name): name for name in mapping.columns()}
    patterns = [clean_text(pattern) for pattern in mapping.ignore]
    gone = [name for name in used if name not in named]
    new = [name for name in named if name not in used and not is_ignored(name, patterns)]
    found = Renewal(text, _renamed(gone, new, mapping, draft))
    found.gone = [name for name in gone if name not in found.renamed]
    rest = [name for name in new if name not in found.renamed.values()]
    fits = {match.column: tag for tag, match in draft.fields.items() if tag not in mapping.fields}
    found.added = {fits[name]: name for name in rest if name in fits}
    speaking = [name for name in rest if name not in fits and _way(name, draft)]
    found.heard = [name for name in speaking if _as_the_others(name, mapping, draft)]
    found.unheard = [name for name in speaking if name not in found.heard]
    found.ignored = [name for name in rest if name not in fits and name not in speaking]
    edits = list(_renamings(text, {used[old]: new_name for old, new_name in found.renamed.items()}))
    edits += _additions(text, {tag: draft.fields[tag] for tag in found.added}, found)
    for begin, end, instead in sorted(edits, reverse=True):
        found.text = found.text[:begin] + instead + found.text[end:]
    return found


def _renamed(gone: Sequence[str], new: Sequence[str], mapping: Mapping, draft: Draft) -> dict[str, str]:
    found: dict[str, str] = {}
    free = list(new)

    def pair(old: str, name: str) -> None:
        other = denies(old) != denies(name) or (
            meaning(old) and meaning(name) and meaning(old) != meaning(name)
        )
        if old not in found and name in free and not other and way_of(old) == _way(name, draft):
            found[old] = name
            free.remove(name)

    for tag, rule in mapping.fields.items():
        match = draft.fields.get(tag)
        for old in rule.columns():
            if match is not None and clean_text(old) in gone and len(rule.columns()) == 1:
                pair(clean_text(old), match.column)
    for old in gone:
        same = [name for name in free if meaning(name) and meaning(name) == meaning(old)]
        if len(same) == 1:
            pair(old, same[0])
    for old in gone:
        if old not in found and (like := nearest(old, free, _ALIKE)):
            pair(old, like)
    return found


def _way(name: str, draft: Draft) -> str:
    """How a new column speaks of consent, by its name or by the kind of export; '' where it does not."""
    known = {clean_text(column): way for column, way in draft.origin.consents.items()}
    return way_of(name) or known.get(name, "")


def _as_the_others(name: str, mapping: Mapping, draft: Draft) -> bool:
    """Whether its yes is an opt-out, and the texts that the mapping hears say so as well."""
    heard = mapping.consent.opted_out if mapping.consent else None
    if heard is None or heard.everybody or name not in draft.consent.columns or _way(name, draft) != OUT:
        return False
    unless = {clean_text(text).casefold() for text in heard.unless}
    no = {clean_text(text).casefold() for text in draft.consent.unless}
    yes = {clean_text(text).casefold() for text in draft.consent.when}
    return no <= unless and not yes & unless


def _renamings(text: str, renamed: MappingOf[str, str]) -> Iterator[tuple[int, int, str]]:
    """Where a renamed column stands, from and to, and what stands there instead."""
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)  # a mapping: it was read before
    plain = {clean_text(old): new for old, new in renamed.items()}
    for node, place in _scalars(root, ()):
        if place[0] not in _PARTS or _NO_COLUMNS & set(place):
            continue
        told = clean_text(node.value)
        if "template" in place:
            instead = re.sub(
                r"\{([^{}]+)\}", lambda one: "{" + plain.get(clean_text(one[1]), one[1]) + "}", node.value
            )
            if instead != node.value:
                yield node.start_mark.index, node.end_mark.index, scalar(instead)
        elif told in plain and _is_column(place):
            yield node.start_mark.index, node.end_mark.index, scalar(plain[told])


def _is_column(place: tuple[str, ...]) -> bool:
    if place[-1] == "*key":
        return any(part in _CONDITIONS for part in place)
    return place[0] not in ("where", "examples") and not {"when", "flags", "remove"} & set(place[1:])


def _scalars(node: yaml.Node, place: tuple[str, ...]) -> Iterator[tuple[yaml.ScalarNode, tuple[str, ...]]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = str(key.value)
            if place and isinstance(key, yaml.ScalarNode):
                yield key, (*place, "*key")
            yield from _scalars(value, (*place, name))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item, place)
    elif isinstance(node, yaml.ScalarNode) and place:
        yield node, place


def _additions(text: str, fields: MappingOf[str, Match], found: Renewal) -> Iterator[tuple[int, int, str]]:
    """New lines at the ends of `fields:` and `ignore:`, and new columns with opt-outs beside the others."""
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)  # a mapping: it was read before
    parts = {str(key.value): value for key, value in root.value}
    there = parts["fields"]
    if fields and there.flow_style:
        at = there.value[-1][1].end_mark.index
        yield at, at, "".join(f", {scalar(tag)}: {rule_of(match)}" for tag, match in fields.items())
    elif fields:
        indent = " " * there.start_mark.column
        yield _after(text, there, [f"{indent}{line_of(tag, match)}" for tag, match in fields.items()])
    if found.heard:
        yield _more(text, _opt_outs(parts["consent"]), found.heard)
    if found.ignored and "ignore" in parts:
        yield _more(text, parts["ignore"], found.ignored)
    elif found.ignored:
        end = _end_of_line(text)
        lines = end.join(f"  - {scalar(name)}" for name in found.ignored)
        yield len(text), len(text), f"{end}ignore:{end}{lines}{end}"


def _opt_outs(node: Any) -> Any:
    """Where the columns with opt-outs stand under `consent:`."""
    for wanted in ("opted_out", "from"):
        inner = (
            {str(key.value): value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}
        )
        node = inner.get(wanted, node)
    return node


def _more(text: str, there: Any, names: Sequence[str]) -> tuple[int, int, str]:
    """More names where one stands, or a list of them."""
    if isinstance(there, yaml.ScalarNode) and there.value:
        return there.start_mark.index, there.end_mark.index, flow([there.value, *names])
    if not there.value:  # ignore: []
        return there.start_mark.index, there.end_mark.index, flow(list(names))
    if there.flow_style:
        at = there.value[-1].end_mark.index
        return at, at, "".join(f", {scalar(name)}" for name in names)
    indent = " " * there.start_mark.column
    return _after(text, there, [f"{indent}- {scalar(name)}" for name in names])


def _after(text: str, node: yaml.Node, lines: Sequence[str]) -> tuple[int, int, str]:
    """Lines behind the last one of a block; behind its bracket where it stands on one line."""
    last = node
    while isinstance(last, yaml.MappingNode | yaml.SequenceNode) and last.value and not last.flow_style:
        last = last.value[-1][1] if isinstance(last, yaml.MappingNode) else last.value[-1]
    before = last.end_mark.index
    while (
        before > last.start_mark.index and text[before - 1] in "\r\n"
    ):  # a text of several lines ends below them
        before -= 1
    end = text.find("\n", before)
    at = len(text) if end < 0 else end - 1 if text[end - 1] == "\r" else end
    return at, at, "".join(f"{_end_of_line(text)}{line}" for line in lines)


def _end_of_line(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
