"""The JSON Schema of a mapping, for editors; shipped as `mappings/mapping.schema.json`."""

from __future__ import annotations

import json
from typing import Any

from mappings.engine.document import Mapping

__all__ = ["json_schema", "json_schema_text"]

_WORD = {"type": ["string", "number", "boolean"]}
_COLUMNS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_GROUPS = {
    "type": "array",
    "items": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Where"}, "minProperties": 1},
    "minItems": 1,
}
# What may be written short, and how.
_SHORT: dict[str, dict[str, Any]] = {
    "Rule": _COLUMNS,
    "Names": _COLUMNS,
    "Flag": _COLUMNS,
    "OptedOut": _COLUMNS,
    "Duplicates": {"enum": ["last", "first", "reject"]},
    "Where": {"anyOf": [_WORD, {"type": "array", "items": _WORD}, _GROUPS]},
}


def json_schema() -> dict[str, Any]:
    """The model's schema, with the short forms."""
    schema = Mapping.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    del parts["Where"]["properties"]["any"]  # it stands where a column does, as a list of groups
    del parts["Duplicates"]["properties"]["keep"]  # it is written short
    for name, short in _SHORT.items():
        parts[name] = {"anyOf": [short, parts[name]], "description": parts[name].get("description", "")}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "A muster mapping"
    return schema


def json_schema_text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
