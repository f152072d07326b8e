"""A mapping as editors see it: YAML 1.2, and the shipped JSON Schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import yaml

import mappings

__all__ = ["complaints", "document", "validator"]

SCHEMA = Path(mappings.__file__).parent / "mapping.schema.json"


class Editor(yaml.SafeLoader):
    """YAML as editors read it (1.2): numbers, true and false, but neither dates nor yes and no."""


Editor.yaml_implicit_resolvers = {}
Editor.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("(true|false)$"), list("tf"))
Editor.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("(~|null|)$"), ["~", "n", ""])
Editor.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("[-+]?[0-9]+$"), list("-+0123456789"))
Editor.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]*\.[0-9]+$"), list("-+.0123456789")
)


def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))


def document(text: str) -> Any:
    return yaml.load(text, Loader=Editor)  # noqa: S506 - a SafeLoader


def complaints(text: str) -> list[str]:
    """What an editor underlines in a mapping."""
    return [error.message for error in validator().iter_errors(document(text))]
