"""The JSON Schema of a mapping, for editors; shipped as `mappings/mapping.schema.json`."""

from __future__ import annotations

import json
from typing import Any

from mappings.engine.document import Mapping
from mappings.engine.document.notify import RECEIVER

__all__ = ["json_schema", "json_schema_text"]

_WORD = {"type": ["string", "number", "boolean"]}
_WORDS = {"type": "array", "items": _WORD, "minItems": 1}
_RECEIVER = {"type": "string", "pattern": f"^{RECEIVER.pattern}$"}
# Editors read YAML 1.2, where yes and no are texts; the reader takes both.
_YES_OR_NO = {"enum": [True, False, "yes", "no"]}
_GROUPS = {
    "type": "array",
    "items": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Where"}, "minProperties": 1},
    "minItems": 1,
}
# What may be written short, and how.
_SHORT: dict[str, dict[str, Any]] = {
    "Rule": {"anyOf": [_WORD, _WORDS]},
    "Names": {"anyOf": [_WORD, {"type": "array", "items": _WORD}]},
    "Flag": {"anyOf": [_WORD, _WORDS]},
    "OptedOut": {"anyOf": [_WORD, _WORDS]},
    "FollowSource": _WORD,
    "Reports": {"type": "string"},
    "Fixes": {"type": "string"},
    "Notify": {"anyOf": [_RECEIVER, {"type": "array", "items": _RECEIVER, "minItems": 1}]},
    "Duplicates": {"enum": ["last", "first", "reject"]},
    "TypedLimit": {"enum": ["typed"]},
    "Vanished": {"enum": ["report"]},
    "Where": {"anyOf": [_WORD, _WORDS, _GROUPS]},
}
_DAY = {"pattern": r"^\d{4}-\d{2}-\d{2}$"}
_SPAN = {"pattern": r"\d +[A-Za-z]+$"}
# What the model's validators ask for and its fields alone do not say.
_ASKED: dict[str, dict[str, Any]] = {
    "Rule": {"oneOf": [{"required": [key]} for key in ("from", "value", "template", "cases")]},
    "Case": {"oneOf": [{"required": [key]} for key in ("from", "value", "template")]},
    "Where": {"minProperties": 1},
    "OptedOut": {"oneOf": [{"required": ["from"]}, {"required": ["everybody"]}]},
    "Duplicates": {"required": ["newest"]},
    "Limit": {"minProperties": 1},
    "TypedLimit": {"minProperties": 1},
    "Vanished": {"minProperties": 1},
    "Consent": {"anyOf": [{"required": ["opted_out"]}, {"required": ["assumed"]}]},
}


def json_schema() -> dict[str, Any]:
    """The model's schema, with the short forms."""
    schema = Mapping.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    del parts["Where"]["properties"]["any"]  # it stands where a column does, as a list of groups
    del parts["Duplicates"]["properties"]["keep"]  # it is written short
    del parts["Vanished"]["properties"]["report"]  # likewise
    for name, asked in _ASKED.items():
        parts[name] |= asked
    for name, asked in (("since", _DAY), ("before", _DAY), ("within", _SPAN), ("older_than", _SPAN)):
        parts["Where"]["properties"][name] |= asked
    schema["properties"]["together"]["items"] = _WORDS | {"minItems": 2}
    for part in (schema, *parts.values()):
        for key in part["properties"].values():
            if key.get("type") == "boolean":
                del key["type"]
                key.update(_YES_OR_NO)
    for name, short in _SHORT.items():
        parts[name] = {"anyOf": [short, parts[name]], "description": parts[name].get("description", "")}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "A muster mapping"
    return schema


def json_schema_text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
