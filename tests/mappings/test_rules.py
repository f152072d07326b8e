"""Each rule is one file that says its key, what it does and how it is written; README and editors follow from it."""

from __future__ import annotations

import doctest
import importlib

import pytest

from mappings.engine.document import Mapping
from mappings.engine.document.words import Part
from mappings.engine.documenting import DOCUMENTED, rule_documented
from mappings.engine.reading import read_mapping_text
from mappings.engine.rules import rules
from tests.mappings import editor
from tests.mappings.fragments import around


def keys() -> set[str]:
    parts: list[type[Part]] = [part for _, part in DOCUMENTED]
    return {field.alias or name for part in parts for name, field in part.model_fields.items()}


def test_there_are_rules() -> None:
    assert {"cases", "first_valid", "match", "part", "split", "template", "values", "where"} <= set(rules())


@pytest.mark.parametrize("name", rules())
def test_it_says_the_key_it_is_about_what_it_does_and_how_it_is_written(name: str) -> None:
    key, what, example = rule_documented(name)
    assert key in keys()
    assert what.endswith(".")
    assert f"{key}:" in example


@pytest.mark.parametrize("name", rules())
def test_one_of_its_functions_has_a_doctest(name: str) -> None:
    module = importlib.import_module(f"mappings.engine.rules.{name}")
    found = doctest.DocTestFinder(recurse=False)
    functions = [getattr(module, public) for public in module.__all__]
    examples = [
        test.examples
        for function in functions
        if callable(function)
        for test in found.find(function, globs={})
    ]
    assert any(examples)


@pytest.mark.parametrize("name", rules())
def test_its_example_can_stand_in_a_mapping(name: str) -> None:
    key, _, example = rule_documented(name)
    text = around([example])
    mapping = read_mapping_text(text)
    assert isinstance(mapping, Mapping)
    assert editor.complaints(text) == []
    top = example.partition(":")[0]
    assert top in Mapping.model_fields or top in mapping.fields, key
