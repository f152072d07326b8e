"""The mappings that come with muster, their JSON Schema, and the documented codes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import jsonschema
import pytest

import connectors
import flows
import mappings
from mappings.engine.applying import Application
from mappings.engine.complaints import MappingInvalid
from mappings.engine.examples import failing_examples
from mappings.engine.problems.codes import CODES, documented
from mappings.engine.problems.problem import Problem
from mappings.engine.reading import read_mapping, read_mapping_text
from mappings.engine.schema import Schema
from mappings.engine.shape import json_schema, json_schema_text
from tests.mappings import editor
from tests.mappings.fragments import around
from tests.mappings.workspaces import workspace_schema

FOLDER = Path(mappings.__file__).parent
SHIPPED = sorted(FOLDER.glob("*.yml"))
PACKAGES = [Path(str(package.__file__)).parent for package in (mappings, connectors, flows)]
SOURCES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))


@pytest.fixture
def schema(path: Path) -> Schema:
    """The fields, tags and lists of the workspace of the mapping's sandbox, as the destination reads them."""
    return workspace_schema(read_mapping(path).destination.kind)


# mappings


def test_mappings_are_shipped() -> None:
    assert {path.name for path in SHIPPED} >= {
        "hubspot_to_campaignlark.yml",
        "signups_to_campaignlark.yml",
        "signups_to_loops.yml",
        "app_users_to_loops.yml",
        "hostile_to_campaignlark.yml",
        "employees_to_corporate_merch.yml",
        "optouts_to_campaignlark.yml",
        "optouts_to_loops.yml",
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_its_first_line_names_the_schema_for_editors(path: Path) -> None:
    first = path.read_text("utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=mapping.schema.json"
    assert (path.parent / first.partition("=")[2]).is_file()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_editors_find_nothing_wrong_in_it(path: Path) -> None:
    assert editor.complaints(path.read_text("utf-8")) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_its_name_is_its_file_s_name(path: Path) -> None:
    assert read_mapping(path).name == path.stem.replace("_", "-")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_its_examples_hold(path: Path, schema: Schema) -> None:
    mapping = read_mapping(path)
    of_an_export = "exports/" in (mapping.source.path or "")
    assert len(mapping.examples) >= (2 if of_an_export else 10)
    assert [str(complaint) for complaint in failing_examples(mapping, schema)] == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_each_of_its_fields_is_in_an_example(path: Path) -> None:
    mapping = read_mapping(path)
    shown = {tag for example in mapping.examples for tag in example.contact or {}}
    rows = {name for example in mapping.examples for name in example.row}
    untested = {
        tag for tag, rule in mapping.fields.items() if tag not in shown and not rows & set(rule.columns())
    }
    assert len(untested) <= len(mapping.fields) / 2


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_it_fits_the_sandbox_s_workspace_and_reads_its_columns(path: Path, schema: Schema) -> None:
    mapping = read_mapping(path)
    application = Application(mapping, schema, list(mapping.columns()))
    assert {use.use for use in application.uses()} == {"used"}


# the JSON Schema


def test_the_committed_schema_is_the_model_s() -> None:
    text = (FOLDER / "mapping.schema.json").read_text("utf-8")
    assert text == json_schema_text(), (
        "write mappings.engine.shape.json_schema_text() to mappings/mapping.schema.json"
    )


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize(
    "added",
    ["unknown: x", "duplicates: lst", "fields: {}", "fields: {a: {from: []}}", "fields: {a: {frm: A}}", "fields: {a: {from: A, type: emial}}",
     "tags: {always: {}}", "consent: {opted_out: {when: x}}", "examples: [{}]", "where: {A: {out: x}}", "name: A B", "source: x"],
)  # fmt: skip
def test_editors_see_what_the_reader_refuses(added: str) -> None:
    document = {
        "name": "news", "source": {"kind": "csv_file"}, "destination": {"kind": "campaignlark"}, "key": "a", "fields": {"a": "A"},
    }  # fmt: skip
    assert list(editor.validator().iter_errors(document)) == []
    assert list(editor.validator().iter_errors(document | editor.document(added))) != []


@pytest.mark.parametrize(
    "added",
    ["first_name: {form: Name}", "first_name: {part: first}", "first_name: {from: Name, value: Ann}",
     "first_name: {from: Name, part: middle}", "first_name: {from: []}", "first_name: []", "phone: {from: Phone, type: telephone}",
     "phone: {from: Phone, region: Germany}", "spent: {from: Amount, decimal: comma}", "spent: {from: Amount, thousands: dot}",
     "plan: {from: Plan, values: [a, b]}", "plan: {from: Plan, otherwise: error}", "plan: {from: Plan, required: maybe}",
     "plan: {from: Plan, max_length: 0}", "plan: {from: Plan, write: never}", "plan: {from: Plan, blank: empty}",
     "plan: {from: Plan, take: valid}", "plan: {cases: []}", "plan: {cases: [{when: {A: x}}]}", "plan: {cases: [{if: {A: x}, value: y}]}",
     "plan: {cases: [{when: {A: x}, value: y, from: B}]}", "tags: {flag: {VIP: vip}}", "tags: {flags: {VIP: []}}",
     "tags: {flags: {VIP: {tag: vip}}}", "tags: {cases: [{when: {A: x}}]}", "tags: {cases: [{name: vip}]}", "tags: {write: overwrite}",
     "tags: {unknown: add}", "lists: {remove: [Left]}", "where: {A: {}}", "where: {A: []}", "where: {A: {contains: x}}",
     "where: {A: {at_least: many}}", "where: {A: {within: 90}}", "where: {A: {within: soon}}", "where: {A: {since: 01/02/2026}}",
     "where: {A: {blank: perhaps}}", "where: {any: [{}]}", "where: [A]", "duplicates: newest", "duplicates: {format: DD/MM/YYYY}",
     "duplicates: {column: A}", "consent: {}", "consent: {newcomers: SUBSCRIBED}", "consent: {opted_out: {when: x}}",
     "consent: {opted_out: {from: A, everybody: yes}}", "consent: {opted_out: A, unknown_opted_out: ignore}",
     "consent: {opted_out: A, newcomers: subscribed}", "consent: {assumed: ok, opted_out: {}}", "blank: empty", "together: [street, city]",
     "together: [[street]]", "write: append", "gone: ignore"],
)  # fmt: skip
def test_what_people_get_wrong_is_refused_and_underlined(added: str) -> None:
    text = around([added])
    with pytest.raises(MappingInvalid):
        read_mapping_text(text)
    assert editor.complaints(text) != []


def test_editors_accept_every_short_form() -> None:
    text = """\
name: news
source: {kind: csv_file, header_line: 3}
destination: {kind: campaignlark}
key: a
fields: {a: A, b: [A, B], c: {value: 1}, d: {from: A, truthy: true, falsy: [0, false]}, e: {from: A, values: {1: 2, x: ~}}}
tags: [Tags]
lists: {flags: {A: 2026, B: [x, y]}, remove: {B: {name: x, truthy: 1}}}
consent: {opted_out: Out, newcomers: UNCONFIRMED}
where: {A: 1, B: [true, x], C: {in: y}, D: {blank: no, not: z, since: 2026-01-31, at_least: 2.5}, any: [{A: 1}, {B: {within: next 2 weeks}}]}
duplicates: {newest: Modified}
ignore: Owner
examples: [{row: {A: 1, B: ~}, contact: {a: 1.5, b: [x]}, invalid: x, opted_out: true, filtered: no}]
"""
    assert editor.complaints(text) == []
    read_mapping_text(text)


# codes


def texts() -> Iterator[tuple[Path, str]]:
    """All texts in the sources, but those of the table of codes itself."""
    for path in SOURCES:
        if path.parent.name != "problems":
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield path, node.value


def codes_given() -> Iterator[tuple[str, str]]:
    """Each code that the sources give a problem: `Wrong(…, code)`, `note(…, code)`, `Problem.of(code)`, `Misread(…)` and tuples
    of a code and its details."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            found: list[ast.expr] = []
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func).rpartition(".")[2]
                place = {"Wrong": 1, "note": 1, "of": 0, "Misread": 1, "misread": 2}.get(called)
                if (
                    place is not None
                    and len(node.args) > place
                    and (
                        called not in ("of", "note") or ast.unparse(node.func) in ("Problem.of", "self.note")
                    )
                ):
                    found.append(node.args[place])
            if (
                isinstance(node, ast.Return)
                and isinstance(node.value, ast.Tuple)
                and len(node.value.elts) == 2
            ):
                first, second = node.value.elts
                if isinstance(second, ast.Dict):
                    found.append(first)
            if isinstance(node, ast.Tuple) and len(node.elts) == 4 and isinstance(node.elts[3], ast.Dict):
                found.append(node.elts[0])
            if isinstance(node, ast.keyword) and node.arg == "code":
                found.append(node.value)
            for expression in found:
                if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
                    yield str(path), expression.value


def test_each_code_that_a_source_gives_is_documented() -> None:
    found = set(codes_given())
    assert len({code for _, code in found}) > 15
    assert sorted(f"{path}: {code}" for path, code in found if code not in CODES) == []


def test_each_documented_code_is_used_somewhere() -> None:
    used = {text for _, text in texts()}
    assert sorted(set(CODES) - used) == []


# What each code is filled with where it is raised, besides column and value.
DETAILS = {
    "header_again": set(), "row_misaligned": {"detail"}, "row_cut_off": {"detail"}, "row_undecodable": {"detail"}, "row_unreadable": {"detail"}, "cell_too_long": {"detail"},
    "key_blank": {"field"}, "email_syntax": {"field", "detail"}, "email_typo_domain": {"field", "suggestion"},
    "integer_syntax": {"field"}, "number_syntax": {"field", "example"}, "boolean_unknown": {"field", "options"},
    "date_syntax": {"field", "format"}, "datetime_syntax": {"field", "format"}, "datetime_impossible": {"field", "timezone"},
    "datetime_ambiguous": {"field", "timezone"}, "country_unknown": {"field", "suggestion"}, "phone_syntax": {"field", "detail"},
    "opt_out_without_key": set(), "consent_date_unreadable": set(), "consent_not_followed": {"detail"},
    "url_syntax": {"field"}, "choice_unknown": {"field", "options"}, "value_unknown": {"field", "options"},
    "too_long": {"field", "length", "limit"}, "required_blank": {"field"}, "tag_unknown": {"suggestion"},
    "list_unknown": {"suggestion"}, "number_ambiguous": {"field", "large"}, "not_matched": {"field", "pattern"}, "no_case": {"field"}, "condition_unclear": {"field"},
    "age_unreadable": set(), "choice_left_out": {"field", "options"}, "number_needed": {"kind"}, "state_blank": {"field", "rule"},
    "state_unknown": {"country", "suggestion", "example"}, "state_territory": set(), "street_blank": set(), "names_unseen": {"field"},
    "consent_not_understood": set(), "duplicate_rejected": {"other", "field"}, "refused": {"field", "detail"},
    "tags_refused": {"field", "detail"}, "tag_not_created": {"field", "detail"}, "block_left_over": {"field", "kept"},
    "address_kept": {"field", "detail"}, "not_delivered": {"field", "detail", "attempts"},
    "no_clear_answer": {"field", "detail", "attempts"}, "not_listed": {"field", "detail"}, "kept_differently": {"field", "kept"},
    "id_changed": {"was", "now"}, "changed_since": {"field", "before"}, "not_emptied": {"field"}, "name_gone": {"field"},
    "opt_out_stays": {"field", "why"},
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(CODES))
def test_its_texts_are_filled_with_what_the_code_passes(code: str) -> None:
    asked = {
        name
        for text in (CODES[code].message, CODES[code].fix)
        for _, name, _, _ in Formatter().parse(text)
        if name
    }
    assert asked - {"column", "value"} <= DETAILS[code]
    details = {name: f"<{name}>" for name in DETAILS[code]}
    problem = Problem.of(code, row=1, line=2, column="Column", value="Value", **details)
    assert (problem.severity, problem.code) == (CODES[code].severity, code)
    assert problem.message[-1] in ".?:>"
    assert problem.fix.endswith(".")
    assert "{" not in problem.message + problem.fix


def test_the_braces_of_a_strangers_text_stay_what_they_are() -> None:
    problem = Problem.of(
        "choice_unknown", row=1, line=2, column="{x}", value="{0.__class__}", options="{y}", field="f"
    )
    assert "{0.__class__}" in problem.message


def test_a_long_value_is_cut_and_control_characters_are_shown() -> None:
    problem = Problem.of("url_syntax", row=1, line=2, value="a\n\x1b[31m" + "x" * 100)
    assert problem.message.startswith(r"'a\n\x1b[31mxxx")
    assert "…'" in problem.message
    assert problem.value.endswith("xxx")


def test_a_code_that_is_not_documented_is_an_error() -> None:
    with pytest.raises(KeyError):
        Problem.of("no_such_code", row=1, line=1)


def test_the_table_of_codes_has_a_line_for_each() -> None:
    lines = documented().splitlines()
    assert len(lines) == len(CODES) + 2
    assert all(line.count("|") - line.count("\\|") == 5 for line in lines)
