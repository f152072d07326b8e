"""The JSON Schema of a mapping, for editors; shipped as `mappings/mapping.schema.json`."""

from __future__ import annotations

import json
from typing import Any

from mappings.engine.document import Mapping

__all__ = ["json_schema", "json_schema_text"]

# What may be written short, and how.
_SHORT = {
    "Rule": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "Tags": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "OptedOut": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    "Where": {
        "type": ["string", "number", "boolean", "array"],
        "items": {"type": ["string", "number", "boolean"]},
    },
}


def json_schema() -> dict[str, Any]:
    """The model's schema, with the short forms."""
    schema = Mapping.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    for name, short in _SHORT.items():
        parts[name] = {"anyOf": [short, parts[name]], "description": parts[name].get("description", "")}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "A muster mapping"
    return schema


def json_schema_text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
