"""From YAML text to a Mapping, with file, line and key in every complaint.

YAML text is read as text: `01234`, `NO` and `1e3` stay what they are, and only an unquoted `null` or `~` is
none. Duplicate keys are refused. What a key may hold is the model's business (`document`); this module only
knows where each key stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mappings.engine.complaints import Complaint, MappingInvalid, nearest
from mappings.engine.document import Mapping, keys_of

__all__ = ["plain_text", "read_mapping", "read_mapping_text"]

_MOST_NODES = 50_000
_MOST_CHARACTERS = 1_000_000
_DEEPEST = 50
_TABLES = (".csv", ".tsv", ".xls", ".xlsx")
Place = tuple[str | int, ...]


def read_mapping(path: Path) -> Mapping:
    """The mapping in the file at `path`. Raises MappingInvalid with all complaints, OSError as the system does."""
    if path.suffix.lower() in _TABLES:
        what = "this is a file with rows, and no mapping."
        fix = "Name the mapping first, then the file with the rows."
        raise MappingInvalid([Complaint(str(path), 1, "", what, fix)])
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise MappingInvalid(
            [Complaint(str(path), line, "", "these bytes are not UTF-8.", "Save the mapping as UTF-8.")]
        ) from None
    return read_mapping_text(text, str(path))


def read_mapping_text(text: str, file: str = "mapping.yml") -> Mapping:
    """The mapping in `text`; `file` is the name used in complaints."""
    if len(text) > _MOST_CHARACTERS:
        what = f"this is no mapping: it has {len(text):,} characters."
        raise MappingInvalid(
            [Complaint(file, 1, "", what, "Name the mapping first, then the file with the rows.")]
        )
    plain, lines = _Tree(file).read(text)
    try:
        mapping = Mapping.model_validate(plain)
    except ValidationError as error:
        raise MappingInvalid(_complaints(error, lines, file)) from None
    mapping._bind(file, text, hashlib.sha256(text.encode()).hexdigest(), lines)  # noqa: SLF001 - its own reader
    return mapping


def plain_text(text: str) -> dict[str, Any]:
    """The keys and values in `text`, as they are written and unchecked. Raises MappingInvalid where it is no YAML."""
    return _Tree("mapping.yml").read(text)[0]


class _Tree:
    """Turns composed YAML nodes into plain values and notes the line of each key."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Place, int] = {}
        self.complaints: list[Complaint] = []
        self.nodes = 0

    def read(self, text: str) -> tuple[dict[str, Any], dict[Place, int]]:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise MappingInvalid([self._complaint_of(error, mark, text)]) from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            what = f"this is not YAML: the character U+{int(error.character):04X} is not allowed."
            raise MappingInvalid(
                [Complaint(self.file, line, "", what, "Remove it; is this a text file?")]
            ) from None
        except RecursionError:
            raise MappingInvalid([self._too_deep(1, ())]) from None
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            what = "this is not YAML: " + (str(error).splitlines() or [""])[0]
            raise MappingInvalid([Complaint(self.file, 1, "", what)]) from None
        if not isinstance(root, yaml.MappingNode):
            raise MappingInvalid(
                [
                    Complaint(
                        self.file,
                        1,
                        "",
                        "a mapping is a list of keys and values.",
                        "Begin with name:, source:, destination:, key: and fields:.",
                    )
                ]
            )
        plain = self._value(root, (), frozenset())
        if self.complaints:
            raise MappingInvalid(self.complaints)
        return plain, self.lines

    def _complaint_of(self, error: yaml.MarkedYAMLError, mark: Any, text: str) -> Complaint:
        line = (mark.line if mark else 0) + 1
        what = f"this is not YAML: {error.problem or error.context or 'it cannot be read'}."
        lines = text.splitlines()
        near = lines[min(line, len(lines)) - 1] if lines else ""
        fix = "Indent with spaces, and quote text that holds ': ' or begins with one of @ ` % & * ! | > [ {."
        if "\t" in near:
            fix = "Indent with spaces; this line holds a tab."
        if "escape character" in (error.problem or ""):
            fix = r"Write text with a backslash, such as a pattern, in single quotes: '\d+'."
        return Complaint(self.file, line, "", what, fix)

    def _too_deep(self, line: int, place: Place) -> Complaint:
        return Complaint(self.file, line, _dotted(place[:5]), "this is nested too deeply for a mapping.")

    def _text(self, node: yaml.ScalarNode, place: Place) -> str:
        value: str = node.value
        if value.isprintable() or not any("\ud800" <= letter <= "\udfff" for letter in value):
            return value
        what, fix = (
            "this text holds half a character.",
            "Write the character itself instead of \\uD8… and \\uDC….",
        )
        self.complaints.append(Complaint(self.file, node.start_mark.line + 1, _dotted(place), what, fix))
        return ""

    def _value(self, node: yaml.Node, place: Place, above: frozenset[int]) -> Any:
        self.nodes += 1
        if self.nodes > _MOST_NODES or id(node) in above:
            raise MappingInvalid(
                [
                    Complaint(
                        self.file,
                        node.start_mark.line + 1,
                        _dotted(place),
                        "the anchors (& and *) repeat too often.",
                    )
                ]
            )
        if len(place) > _DEEPEST:
            raise MappingInvalid([self._too_deep(node.start_mark.line + 1, place)])
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            if node.style is None and node.value in ("", "~", "null", "Null", "NULL"):
                return None
            return self._text(node, place)
        inside = above | {id(node)}
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*place, index), inside) for index, child in enumerate(node.value)]
        assert isinstance(node, yaml.MappingNode)  # noqa: S101 - YAML has no fourth kind of node
        return self._keys(node, place, inside)

    def _keys(self, node: yaml.MappingNode, place: Place, inside: frozenset[int]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.complaints.append(
                    Complaint(
                        self.file,
                        line,
                        _dotted(place),
                        "a key has to be text.",
                        "Quote it if it begins with [ or {.",
                    )
                )
                continue
            key = self._text(key_node, place)
            here = (*place, key)
            if key in values:
                self.complaints.append(
                    Complaint(
                        self.file,
                        line,
                        _dotted(here),
                        f"the key is here twice (first in line {self.lines[here]}).",
                        "Keep one of them.",
                    )
                )
                continue
            self.lines[here] = line
            values[key] = self._value(value_node, here, inside)
        return values


def _complaints(error: ValidationError, lines: dict[Place, int], file: str) -> Iterator[Complaint]:
    problems = error.errors(include_url=False)
    places = [problem["loc"] for problem in problems]
    for problem in problems:
        if problem["type"] == "too_short" and any(_is_below(place, problem["loc"]) for place in places):
            continue  # it is too short because what is in it is wrong
        place = _written(problem["loc"])
        line, key = _nearest_line(place, lines), _dotted(place)
        kind = problem["type"]
        if kind == "extra_forbidden":
            known = keys_of(problem["loc"][:-1])
            like = nearest(str(place[-1]), known)
            fix = f"Did you mean {like}?" if like else f"Known here: {', '.join(known)}."
            if place[-2:-1] == ("any",) and not like:
                fix = "Groups of conditions are a list, such as any: [{A: x}, {B: y}]."
            yield Complaint(file, line, key, "muster does not know this key.", fix)
        elif kind == "missing":
            yield Complaint(file, line, key, "this key is missing.", _why_needed(place))
        elif kind == "literal_error":
            given = problem.get("input")
            options = problem["ctx"]["expected"].replace(" or ", ", ")
            if "'.'" not in options:  # signs are shown in quotes
                options = options.replace("'", "")
            like = nearest(str(given), options.split(", "))
            fix = f"Did you mean {like}?" if like else ""
            yield Complaint(file, line, key, f"'{given}' is not one of: {options}.", fix)
        elif kind == "value_error":
            yield Complaint(file, line, key, str(problem["ctx"]["error"]))
        elif kind == "string_pattern_mismatch":
            fix = _WRITTEN.get(str(place[-1]), "")
            yield Complaint(file, line, key, f"'{problem['input']}' cannot stand here.", fix)
        elif kind == "greater_than_equal":
            least = problem["ctx"]["ge"]
            yield Complaint(file, line, key, f"a whole number from {least} on is expected here.")
        elif kind in _EXPECTED:
            yield Complaint(file, line, key, _EXPECTED[kind])
        else:
            yield Complaint(file, line, key, problem["msg"] + ".")


def _written(place: Place) -> Place:
    """The place as it stands in the file: what is written short has one key less there than in the model."""
    if place == ("duplicates", "keep"):
        return place[:1]
    return tuple(
        part for before, part in zip((None, *place), place, strict=False) if (before, part) != ("any", "any")
    )


def _is_below(place: Place, above: Place) -> bool:
    return len(place) > len(above) and place[: len(above)] == above


def _why_needed(place: Place) -> str:
    if place[-1] == "name" and len(place) > 1:
        return "Say which tag or list it is, such as name: vip."
    return _WHY_NEEDED.get(str(place[-1]), "")


_WHY_NEEDED = {
    "name": "Give the sync a stable name such as hubspot-newsletter; what was delivered is filed under it.",
    "source": "Say what is read, such as source: {kind: csv_file, path: contacts.csv}.",
    "destination": "Say where contacts go, such as destination: {kind: campaignlark}.",
    "key": "Name the merge tag by which the destination knows a contact, such as key: email_address.",
    "fields": "List what is sent, such as fields: {email_address: Email}.",
    "kind": "Say which kind it is, such as csv_file or campaignlark.",
    "when": "Say which rows are meant, such as when: {Country: DE}.",
    "row": "Say what is in it, such as row: {Email: ann@example.com}.",
}
_WRITTEN = {
    "name": "Use lower-case letters, digits and hyphens, such as hubspot-newsletter.",
    "account": "Use lower-case letters, digits and underscores, such as main.",
    "region": "Write the country's two capital letters, such as DE.",
}
_EXPECTED = {
    "too_short": "at least one is needed here.",
    "string_too_short": "a longer text is needed here.",
    "bool_parsing": "true or false is expected here.",
    "bool_type": "true or false is expected here.",
    "int_parsing": "a whole number is expected here, such as 3.",
    "int_parsing_size": "a whole number is expected here, such as 3.",
    "int_type": "a whole number is expected here, such as 3.",
    "float_parsing": "a number is expected here, such as 20.",
    "float_type": "a number is expected here, such as 20.",
    "date_type": "a day is expected here, written as YYYY-MM-DD.",
    "finite_number": "a number is expected here, such as 20.",
    "greater_than": "a number above 0 is expected here.",
    "string_type": "a text is expected here.",
    "list_type": "a list is expected here, such as [A, B].",
    "tuple_type": "a list is expected here, such as [A, B].",
    "dict_type": "keys and values are expected here, such as {A: B}.",
    "model_type": "keys and values are expected here, such as {from: Column}.",
    "model_attributes_type": "keys and values are expected here, such as {from: Column}.",
}


def _nearest_line(place: Place, lines: dict[Place, int]) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _dotted(place: Place) -> str:
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text
