"""A mapping applied to frames: the grammar rule by rule. `test_reference` holds the whole against a plain reference."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mappings.engine.applying import Application
from mappings.engine.complaints import MappingInvalid
from mappings.engine.contact import Contact, rendered
from mappings.engine.examples import failing_examples
from mappings.engine.frame import Frame, Misread
from mappings.engine.mapped import Mapped
from mappings.engine.reading import read_mapping_text
from mappings.engine.schema import Field, Schema

SCHEMA = Schema(
    fields=(
        Field("email_address", "Email Address", "email", required=True),
        Field("first_name", "First Name", "text"),
        Field("last_name", "Last Name", "text", max_length=10),
        Field("source", "Source", "text"),
        Field("plan", "Plan", "choice", options=("Free", "Silver", "Gold")),
        Field("interests", "Interests", "choices", options=("News", "Events", "Web")),
        Field("score", "Score", "number"),
        Field("age", "Age", "integer"),
        Field("is_customer", "Is Customer", "boolean"),
        Field("birthday", "Birthday", "datetime", form="rfc3339"),
        Field("country", "Country", "country"),
        Field("phone", "Phone", "text"),
    ),
    tags={"crm": 1, "VIP": 2, "event-2026": 3},
)
HEAD = "name: news\nsource: {kind: csv_file}\ndestination: {kind: campaignlark}\nkey: email_address\n"


def made(
    added: str = "", fields: str = "", schema: Schema = SCHEMA, header: Sequence[str] = ()
) -> Application:
    text = HEAD + "fields:\n  email_address: Email\n" + fields + added
    mapping = read_mapping_text(text, "news.yml")
    return Application(mapping, schema, header or list(mapping.columns()))


def framed(header: Sequence[str], rows: Sequence[Sequence[str]], misread: Sequence[Misread] = ()) -> Frame:
    columns = [pa.array([row[index] for row in rows], pa.string()) for index in range(len(header))]
    return Frame(
        cells=pa.Table.from_arrays(columns, names=list(header)),
        rows=np.arange(1, len(rows) + 1),
        lines=np.arange(2, len(rows) + 2),
        misread=tuple(misread),
    )


def mapped(application: Application, *rows: dict[str, str], misread: Sequence[Misread] = ()) -> Mapped:
    cells = [[{"Email": "a@example.com", **row}.get(name, "") for name in application.header] for row in rows]
    return application.apply(framed(application.header, cells, misread))


def contact(application: Application, row: dict[str, str]) -> Contact:
    found = mapped(application, row)
    assert found.problems == []
    return next(application.contacts(found, [0]))


def problems(application: Application, row: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(p.code, p.column, p.value) for p in mapped(application, row).problems]


def complaints(added: str = "", fields: str = "", **given: Any) -> list[str]:
    with pytest.raises(MappingInvalid) as found:
        made(added, fields, **given)
    return [str(complaint) for complaint in found.value.complaints]


# where a value comes from


def test_the_first_column_that_is_not_blank_is_taken() -> None:
    application = made(fields="  first_name: [A, B, C]\n")
    for row, expected in (
        ({"A": "a", "B": "b", "C": "c"}, "a"),
        ({"A": " \u200b ", "B": "b", "C": "c"}, "b"),
        ({"C": " c "}, "c"),
        ({}, None),
    ):
        assert contact(application, row).texts.get("first_name") == expected


def test_one_column_may_go_into_two_fields() -> None:
    found = contact(made(fields="  first_name: Name\n  last_name: Name\n"), {"Name": "Ann"})
    assert (found.texts["first_name"], found.texts["last_name"]) == ("Ann", "Ann")


def test_a_constant_is_the_same_for_everybody_and_cleaned() -> None:
    assert contact(made(fields='  source: {value: " a  shop "}\n'), {}).texts["source"] == "a shop"


def test_a_constant_may_be_blank() -> None:
    assert "source" not in contact(made(fields='  source: {value: ""}\n'), {}).texts


@pytest.mark.parametrize(
    ("template", "row", "expected"),
    [
        ("{First} {Last}", {"First": "Ann", "Last": "Lee"}, "Ann Lee"),
        ("{First} {Last}", {"Last": "Lee"}, "Lee"),
        ("{First} {Mid} {Last}", {"First": "Ann", "Last": "Lee"}, "Ann Lee"),
        ("{First} {Last}", {}, None),
        ("from {First}", {"First": "Ann"}, "from Ann"),
        ("from {First}", {}, None),
        ("{First}{Last}", {"First": "Ann", "Last": "Lee"}, "AnnLee"),
        ("{First}", {"First": " Ann "}, "Ann"),
        ("  a   constant ", {}, "a constant"),
    ],
)
def test_a_template_fills_in_columns(template: str, row: dict[str, str], expected: str | None) -> None:
    assert (
        contact(made(fields=f"  source: {{template: '{template}'}}\n"), row).texts.get("source") == expected
    )


def test_a_default_stands_in_for_a_blank() -> None:
    application = made(fields="  first_name: {from: A, default: ' you '}\n")
    assert contact(application, {}).texts["first_name"] == "you"
    assert contact(application, {"A": "Ann"}).texts["first_name"] == "Ann"


def test_a_default_is_converted_like_a_cell() -> None:
    assert contact(made(fields="  country: {from: A, default: Germany}\n"), {}).texts["country"] == "DE"


def test_a_default_stands_in_only_where_no_column_is_right_and_none_is_wrong() -> None:
    application = made(fields="  age: {from: [A, B], take: first_valid, default: 9}\n")
    found = mapped(application, {"B": "7"}, {"A": "x", "B": "7"}, {"A": "x"}, {})
    assert found.values["age"].to_pylist() == ["7", "7", None, "9"]
    assert [(p.row, p.code, p.column) for p in found.problems] == [(3, "integer_syntax", "A")]


def test_of_several_columns_what_is_wrong_is_told_though_an_earlier_one_means_blank() -> None:
    application = made(
        fields="  age: {from: [A, B], take: first_valid, values: {none: ~}, otherwise: as_is}\n"
    )
    assert problems(application, {"A": "none", "B": "x"}) == [("integer_syntax", "B", "x")]


def test_a_case_that_cannot_be_told_is_not_covered_up_and_not_called_blank() -> None:
    application = made(
        fields="  source: {cases: [{when: {A: {at_least: 5}}, value: x}], default: y, required: true}\n"
        "  plan: {cases: [{when: {A: {at_least: 5}}, value: Gold}], required: true}\n"
    )
    found = mapped(application, {"A": "many"})
    assert found.values["source"].to_pylist() == [None]
    assert [(p.code, p.column, p.value) for p in found.problems] == [("condition_unclear", "A", "many")] * 2


def test_what_a_pattern_finds_may_stand_in_any_pair_of_parentheses() -> None:
    application = made(fields="  source: {from: A, match: 'order (\\d+)|#(\\d+)'}\n")
    assert contact(application, {"A": "see #7"}).texts["source"] == "7"


# several values in one cell


@pytest.mark.parametrize(
    ("rule", "cells", "expected"),
    [
        ('{from: A, split: "\\n"}', {"A": "News\r\n\r\n Web "}, "News\x1fWeb"),
        ('{from: A, split: "\\r\\n"}', {"A": "News\r\nWeb"}, "News\x1fWeb"),
        ('{from: [A, B], split: "\\n"}', {"A": "\n \n", "B": "Web"}, "Web"),
        ('{cases: [{from: A}], split: "\\n"}', {"A": "News\nWeb"}, "News\x1fWeb"),
        ('{template: "{A}\\n{B}", split: "\\n"}', {"A": "News", "B": "Web\nEvents"}, "News\x1fEvents\x1fWeb"),
        ('{value: "News\\nWeb", split: "\\n"}', {}, "News\x1fWeb"),
        ("{from: A, default: News; Web}", {}, "News\x1fWeb"),
        ('{from: A, default: "News\\nWeb", split: "\\n"}', {}, "News\x1fWeb"),
        ("{from: A, values: {all: News; Web, web: Web}}", {"A": "web;all"}, "News\x1fWeb"),
        ("{from: A, split: '  '}", {"A": "News  Web"}, "News\x1fWeb"),
    ],
)  # fmt: skip
def test_several_choices_are_divided_wherever_they_come_from(
    rule: str, cells: dict[str, str], expected: str
) -> None:
    assert contact(made(fields=f"  interests: {rule}\n"), cells).texts["interests"] == expected


@pytest.mark.parametrize(
    ("split", "cell", "expected"),
    [(" - ", "e-mail - phone", "e-mail"), (" and ", "Andy and Sandra", "Andy"), ("; ", "a;b", "a"), (" ", "a b", "a"),
     (" - ", "- b", "b")],
)  # fmt: skip
def test_spaces_on_both_sides_of_a_separator_belong_to_it(split: str, cell: str, expected: str) -> None:
    application = made(fields=f"  source: {{from: A, split: '{split}', part: first}}\n")
    assert contact(application, {"A": cell}).texts["source"] == expected


# values


def test_values_are_translated_after_trimming_and_without_case() -> None:
    application = made(fields="  plan: {from: A, values: {' Große ': Gold, basic: free, none: ~}}\n")
    assert contact(application, {"A": " GROSSE "}).texts["plan"] == "Gold"
    assert contact(application, {"A": "Basic"}).texts["plan"] == "Free"
    assert "plan" not in contact(application, {"A": "None"}).texts
    assert "plan" not in contact(application, {"A": ""}).texts


def test_a_value_that_is_not_in_the_table_is_rejected_with_the_known_ones() -> None:
    [found] = mapped(
        made(fields="  plan: {from: A, values: {gold: Gold, tin: Free}}\n"), {"A": " Lead "}
    ).problems
    assert (found.code, found.column, found.value) == ("value_unknown", "A", "Lead")
    assert "gold, tin" in found.fix


def test_otherwise_takes_it_as_it_is_or_as_blank() -> None:
    as_is = made(fields="  plan: {from: A, values: {tin: Free}, otherwise: as_is}\n")
    assert contact(as_is, {"A": "gold"}).texts["plan"] == "Gold"
    assert problems(as_is, {"A": "lead"}) == [("choice_unknown", "A", "lead")]
    blank = made(fields="  plan: {from: A, values: {tin: Free}, otherwise: blank}\n")
    assert "plan" not in contact(blank, {"A": "gold"}).texts


def test_a_default_does_not_cover_up_a_rejected_value() -> None:
    application = made(fields="  plan: {from: A, values: {tin: Free}, default: Gold}\n")
    assert problems(application, {"A": "lead"}) == [("value_unknown", "A", "lead")]
    assert contact(application, {}).texts["plan"] == "Gold"


def test_a_default_stands_in_where_otherwise_makes_a_blank() -> None:
    application = made(fields="  plan: {from: A, values: {tin: Free}, otherwise: blank, default: Gold}\n")
    assert contact(application, {"A": "lead"}).texts["plan"] == "Gold"


def test_several_choices_are_translated_one_by_one() -> None:
    application = made(fields="  interests: {from: A, split: '|', values: {neu: News, webinar: Web, x: ~}}\n")
    assert contact(application, {"A": "webinar | NEU|x"}).texts["interests"] == "News\x1fWeb"
    assert problems(application, {"A": "neu|Rezepte"}) == [("value_unknown", "A", "Rezepte")]


# types


def test_the_destinations_type_is_used_unless_the_mapping_says_one() -> None:
    found = contact(
        made(fields="  score: A\n  age: B\n  is_customer: C\n  birthday: D\n  country: E\n"),
        {"A": "1.50", "B": "042", "C": "Yes", "D": "1990-05-17", "E": "Germany"},
    )
    assert found.texts == {
        "email_address": "a@example.com", "score": "1.5", "age": "42", "is_customer": "true",
        "birthday": "1990-05-17T00:00:00Z", "country": "DE",
    }  # fmt: skip


def test_a_field_of_text_may_hold_any_type() -> None:
    application = made(
        fields="  phone: {from: A, type: phone, region: DE}\n  source: {from: B, type: date, format: D.M.YYYY}\n"
    )
    found = contact(application, {"A": "030 23125 123", "B": "7.5.1990"})
    assert (found.texts["phone"], found.texts["source"]) == ("+493023125123", "1990-05-07")


def test_the_mapping_says_what_means_yes_and_no() -> None:
    application = made(fields="  is_customer: {from: A, truthy: [Kunde], falsy: [Interessent]}\n")
    assert contact(application, {"A": "kunde"}).texts["is_customer"] == "true"
    assert problems(application, {"A": "yes"}) == [("boolean_unknown", "A", "yes")]


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [("12.5", "number", 12.5), ("42", "number", 42), ("-0.5", "number", -0.5), ("9007199254740993", "integer", 9007199254740993),
     ("1" + "0" * 99, "number", 1e99), ("true", "boolean", True), ("false", "boolean", False), ("a\x1fb", "choices", ["a", "b"]),
     ("042", "text", "042")],
)  # fmt: skip
def test_a_canonical_text_is_written_as_json_of_its_type(text: str, type_: str, value: object) -> None:
    found = rendered(text, type_)
    assert (found, type(found)) == (value, type(value))


# required, limits


def test_a_required_blank_and_a_blank_key_are_problems() -> None:
    application = made(fields="  last_name: {from: [A, B], required: true}\n")
    assert problems(application, {"Email": " \u200b"}) == [
        ("key_blank", "Email", ""), ("required_blank", "A / B", "")
    ]  # fmt: skip


def test_a_required_field_that_is_wrong_is_not_called_blank_too() -> None:
    application = made(fields="  age: {from: A, required: true}\n")
    assert problems(application, {"A": "x", "Email": "x"}) == [
        ("email_syntax", "Email", "x"),
        ("integer_syntax", "A", "x"),
    ]


def test_the_lower_of_both_limits_counts_characters_not_bytes() -> None:
    application = made(
        fields="  last_name: {from: A, max_length: 50}\n  first_name: {from: B, max_length: 3}\n"
    )
    assert problems(application, {"A": "ü" * 10, "B": "🦄🦄🦄"}) == []
    found = mapped(application, {"A": "x" * 11, "B": "abcd"}).problems
    assert [(p.code, p.column, p.message) for p in found] == [
        ("too_long", "A", "The text has 11 characters; the destination takes 10."),
        ("too_long", "B", "The text has 4 characters; the destination takes 3."),
    ]


# tags


def test_tags_are_split_spelled_as_there_sorted_and_each_there_once() -> None:
    application = made("tags: {from: [A, B], split: ',', always: [CRM]}\n")
    assert contact(application, {"A": " vip,,EVENT-2026 ", "B": "crm, VIP"}).tags == (
        "VIP",
        "crm",
        "event-2026",
    )
    assert contact(application, {}).tags == ("crm",)


def test_no_tags_are_no_tags() -> None:
    assert contact(made(), {}).tags == ()
    assert contact(made("tags: A\n"), {"A": " ; ;"}).tags == ()


def test_an_unknown_tag_is_a_problem_that_names_the_nearest() -> None:
    [found] = mapped(made("tags: A\n"), {"A": "vip;crn"}).problems
    assert (found.code, found.column, found.value) == ("tag_unknown", "A", "crn")
    assert "nearest is crm" in found.message


def test_tags_are_not_checked_where_nobody_could_be_asked() -> None:
    schema = Schema(fields=SCHEMA.fields, live=False)
    assert contact(made("tags: {from: A, always: [x]}\n", schema=schema), {"A": "new; VIP"}).tags == (
        "VIP",
        "new",
        "x",
    )


def test_a_new_name_has_one_spelling_also_where_it_is_taken_away() -> None:
    application = made("tags: {from: A, unknown: create, remove: {B: [FAN], C: [fan]}}\n")
    found = mapped(application, {"B": "yes"}, {"A": "Fan", "C": "yes"})
    assert [found.names[kind].to_pylist() for kind in ("tags", "tags_off")] == [["", "FAN"], ["FAN", "FAN"]]
    assert application.tags.new == ["FAN"]


# consent


@pytest.mark.parametrize(
    ("cells", "out", "codes"),
    [(("", ""), False, []), (("yes", ""), True, []), (("", " TRUE "), True, []), (("no", "0"), False, []),
     (("no", "1"), True, []), (("???", ""), True, ["consent_not_understood"]),
     (("maybe", "null"), True, ["consent_not_understood"] * 2), (("\u200b", "-"), True, ["consent_not_understood"])],
)  # fmt: skip
def test_any_column_opts_out_and_what_is_not_understood_does_too(
    cells: tuple[str, str], out: bool, codes: list[str]
) -> None:
    found = mapped(made("consent: {opted_out: [A, B]}\n"), dict(zip("AB", cells, strict=True)))
    assert (bool(found.opted_out[0]), [p.code for p in found.problems]) == (out, codes)
    assert not found.invalid[0]


def test_when_and_unless_say_what_means_opted_out() -> None:
    application = made("consent: {opted_out: {from: A, when: [Abgemeldet], unless: [aktiv]}}\n")
    found = mapped(application, {"A": "ABGEMELDET"}, {"A": "Aktiv"}, {"A": "yes"}, {"A": ""})
    assert found.opted_out.tolist() == [True, False, True, False]
    assert [(p.row, p.code) for p in found.problems] == [(3, "consent_not_understood")]


def test_an_opt_out_wins_where_a_text_is_in_both_lists() -> None:
    application = made("consent: {opted_out: {from: A, when: [x], unless: [x]}}\n")
    assert mapped(application, {"A": "x"}).opted_out.tolist() == [True]


def test_with_no_text_for_opted_out_everything_but_unless_opts_out() -> None:
    application = made("consent: {opted_out: {from: A, when: []}}\n")
    assert mapped(application, {"A": "yes"}, {"A": "no"}).opted_out.tolist() == [True, False]


def test_an_assumed_consent_opts_nobody_out() -> None:
    assert not contact(made("consent: {assumed: everybody signed at the fair}\n"), {}).opted_out


# where, filtered rows


def test_where_keeps_rows_whose_columns_all_hold_a_wanted_value() -> None:
    application = made("where: {Stage: {in: [Lead, Straße]}, Kind: ['', a]}\n")
    found = mapped(
        application,
        {"Stage": " LEAD "},
        {"Stage": "strasse", "Kind": "A"},
        {"Stage": "lead", "Kind": "b"},
        {"Kind": "a"},
    )
    assert found.kept.tolist() == [True, True, False, False]


def test_only_the_columns_that_matter_are_told_where_a_condition_cannot_be_told() -> None:
    application = made("where: {any: [{A: {at_least: 5}, B: x}, {C: {at_least: 1}}]}\n")
    assert problems(application, {"A": "?", "B": "y", "C": "?"}) == [("condition_unclear", "C", "?")]


@pytest.mark.parametrize(
    "cell",
    ["2026-11-01", "2026/11/01", "2026-11-01 10:00", "2026-11-01T10:00:00.123Z", "2026-11-01 10:00:00+02:00", "2026-11-01T10:00Z"],
)  # fmt: skip
def test_a_condition_reads_days_with_any_time_behind_them(cell: str) -> None:
    application = made("where: {A: {since: 2026-11-01, before: 2026-11-02}}\n")
    assert mapped(application, {"A": cell}).kept.tolist() == [True]
    assert problems(application, {"A": cell}) == []
    assert [p[0] for p in problems(application, {"A": cell + " 25:00"})] == ["condition_unclear"]


def test_a_row_that_is_left_out_carries_no_problems_but_its_opt_out() -> None:
    application = made("where: {Stage: lead}\nconsent: {opted_out: Out}\n", fields="  age: A\n")
    found = mapped(application, {"A": "x", "Email": "x", "Out": "?"}, {"A": "x", "Stage": "lead"})
    assert [(p.row, p.line, p.code) for p in found.problems] == [(2, 3, "integer_syntax")]
    assert found.opted_out.tolist() == [True, False]


# several problems, misread rows


def test_all_problems_of_a_row_are_found_at_once_in_the_order_of_the_mapping() -> None:
    application = made(
        "tags: T\nconsent: {opted_out: O}\n",
        fields="  last_name: {from: L, required: true}\n  plan: P\n  age: A\n  country: C\n",
    )
    bad = {"Email": "x", "P": "tin", "A": "1.5", "C": "Narnia", "T": "none", "O": "?"}
    found = mapped(application, {"L": "Lee"}, bad, bad)
    expected = [
        "email_syntax", "required_blank", "choice_unknown", "integer_syntax", "country_unknown", "tag_unknown",
        "consent_not_understood",
    ]  # fmt: skip
    assert [(p.row, p.code) for p in found.problems] == [(2, code) for code in expected] + [
        (3, code) for code in expected
    ]
    assert found.invalid.tolist() == [False, True, True]


def test_a_warning_does_not_make_a_row_invalid() -> None:
    found = mapped(made(), {"Email": "a@gmial.com"})
    assert ([p.code for p in found.problems], found.invalid.tolist()) == (["email_typo_domain"], [False])


def test_a_row_that_could_not_be_laid_out_has_only_that_problem_and_is_never_filtered() -> None:
    application = made("where: {Stage: lead}\n", fields="  age: {from: A, required: true}\n")
    bad = Misread(
        0, "row_misaligned", "4 cells where the header has 3", ("a@example.com", "x" * 300, "", "1")
    )
    found = mapped(application, {"Email": ""}, {"Stage": "other"}, misread=[bad])
    [problem] = found.problems
    assert (problem.row, problem.line, problem.code) == (1, 2, "row_misaligned")
    assert problem.value.startswith("a@example.com | xxx")
    assert len(problem.value) <= 210
    assert (found.kept.tolist(), found.invalid[0], found.key[0].as_py()) == ([True, False], True, "")


def test_a_frame_without_rows_is_mapped() -> None:
    application = made(
        "tags: T\nconsent: {opted_out: O}\nwhere: {S: a}\nperson: P\n",
        fields="  source: {value: x}\n  last_name: {template: '{A} {B}'}\n  plan: {from: C, values: {a: Gold}, default: Free}\n"
        "  phone: {from: D, type: phone}\n  country: E\n  birthday: F\n  interests: G\n  score: H\n  age: I\n  is_customer: J\n",
    )
    found = mapped(application)
    assert (len(found), found.problems, list(application.contacts(found, []))) == (0, [], [])


def test_a_mapping_of_constants_alone_reads_no_column() -> None:
    mapping = read_mapping_text(HEAD + "fields:\n  email_address: {value: a@example.com}\n")
    application = Application(mapping, SCHEMA, ["Other"])
    found = application.apply(framed(["Other"], [["x"], ["y"]]))
    assert found.key.to_pylist() == ["a@example.com"] * 2
    assert [use.use for use in application.uses()] == ["unmapped"]


# columns


def test_of_columns_with_the_same_name_the_first_is_read_and_the_others_are_reported() -> None:
    application = made(fields="  first_name: Name\n", header=["Name", "Email", "Name"])
    found = application.apply(framed(application.header, [["Ann", "a@example.com", "Zoe"]]))
    assert found.values["first_name"].to_pylist() == ["Ann"]
    assert [(use.name, use.use) for use in application.uses()] == [
        ("Name", "used"),
        ("Email", "used"),
        ("Name", "unmapped"),
    ]


def test_names_of_columns_are_compared_after_cleaning() -> None:
    application = made(fields="  first_name: First  Name\n", header=["\ufeffEmail ", "First\u00a0Name"])
    found = application.apply(framed(application.header, [["a@example.com", "Ann"]]))
    assert found.values["first_name"].to_pylist() == ["Ann"]


def test_names_of_columns_in_a_template_are_cleaned_too() -> None:
    application = made(fields="  source: {template: '{ First  Name }!'}\n", header=["Email", "First Name"])
    found = application.apply(framed(application.header, [["a@example.com", "Ann"]]))
    assert found.values["source"].to_pylist() == ["Ann!"]


def test_every_column_is_used_ignored_by_name_or_reported() -> None:
    application = made(
        "person: Id\nwhere: {Id: [1]}\ntags: Tags\nignore: [Owner, 'hs_*', 'Amount [EUR]', Email]\n",
        fields="  first_name: Name\n  last_name: Name\n",
        header=["Email", "Name", "Id", "Tags", "Owner", "hs_x", "HS_x", "Amount [EUR]", "owner", ""],
    )
    assert [(use.name, use.use, use.into) for use in application.uses()] == [
        ("Email", "used", ("email_address",)), ("Name", "used", ("first_name", "last_name")),
        ("Id", "used", ("where", "person")), ("Tags", "used", ("tags",)), ("Owner", "ignored", ()), ("hs_x", "ignored", ()),
        ("HS_x", "unmapped", ()), ("Amount [EUR]", "ignored", ()), ("owner", "unmapped", ()), ("", "unmapped", ()),
    ]  # fmt: skip


def test_the_person_is_an_exact_text() -> None:
    assert contact(made("person: Id\n"), {"Id": " 00A "}).person == "00A"
    assert contact(made(), {}).person == ""


# what does not fit


def test_a_column_without_a_name_has_to_be_there_too() -> None:
    for key in ("person: ''", "duplicates: {newest: ''}"):
        [found] = complaints(f"{key}\n", header=["Email"])
        assert "the file has no column ''" in found


def test_a_missing_column_is_named_at_each_place_with_the_nearest() -> None:
    found = complaints(
        "tags: Tag\nperson: Id\n", fields="  first_name: [Frist Name, Tag]\n", header=["Email", "First Name"]
    )
    assert found == [
        "news.yml:7: fields.first_name: the file has no column 'Frist Name'. Did you mean 'First Name'?",
        "news.yml:7: fields.first_name: the file has no column 'Tag'. Columns of the file that the mapping does not name: First Name.",
        "news.yml:8: tags.from: the file has no column 'Tag'.",
        "news.yml:9: person: the file has no column 'Id'.",
    ]


def test_where_a_column_is_gone_those_that_nothing_is_said_of_come_to_mind_first() -> None:
    fields = "  first_name: Ort\n  last_name: Land\n"
    header = ["Email", "Wohnort / Stadt", "Hotel", "Land", "hs_1"]
    [found] = complaints("ignore: [Hotel, hs_*]\n", fields=fields, header=header)
    assert found.endswith(
        "the file has no column 'Ort'. Columns of the file that the mapping does not name: Wohnort / Stadt."
        " If Ort is the value itself, write first_name: {value: Ort}."
    )
    [found] = complaints("ignore: rest\n", fields=fields, header=header)
    assert "The file has: Email, Wohnort / Stadt, Hotel, Land, hs_1." in found


def test_a_column_that_only_holds_the_name_of_another_is_not_meant() -> None:
    [found] = complaints(fields="  first_name: First Name\n", header=["Email", "Name", "City"])
    assert "Did you mean" not in found


def test_an_unknown_merge_tag_is_named_with_the_nearest() -> None:
    [found] = complaints(fields="  frist_name: A\n")
    assert (
        found
        == "news.yml:7: fields.frist_name: the destination has no merge tag 'frist_name'. Did you mean first_name?"
    )
    [found] = complaints(fields="  zzzzzz: A\n")
    assert "It has: email_address, first_name, last_name, source" in found


def test_merge_tags_are_not_checked_where_nobody_could_be_asked() -> None:
    schema = Schema(fields=SCHEMA.fields[:1], live=False)
    application = made(fields="  anything: {from: A, type: integer}\n", schema=schema)
    assert contact(application, {"A": "07"}).texts["anything"] == "7"
    assert application.type_of("anything") == "integer"


@pytest.mark.parametrize(
    ("tag", "type_", "allowed"),
    [("age", "number", "integer"), ("score", "text", "integer or money or number"), ("is_customer", "choice", "boolean"),
     ("birthday", "text", "date or datetime"), ("country", "text", "country"), ("plan", "choices", "choice"),
     ("interests", "choice", "choices"), ("email_address", "text", "email")],
)  # fmt: skip
def test_a_type_that_the_field_cannot_hold_is_refused(tag: str, type_: str, allowed: str) -> None:
    fields = f"  {tag}: {{from: A, type: {type_}}}\n"
    if tag == "email_address":
        with pytest.raises(MappingInvalid) as invalid:
            Application(read_mapping_text(HEAD + "fields:\n" + fields, "news.yml"), SCHEMA, ["A"])
        [found] = map(str, invalid.value.complaints)
    else:
        [found] = complaints(fields=fields)
    assert found.endswith(f"and cannot hold {type_}. Leave type: out, or use {allowed}.")


def test_clearing_is_refused_where_it_is_not_documented() -> None:
    schema = Schema(fields=SCHEMA.fields, refuses=frozenset({"blank_clear"}))
    what = "how this destination empties a value is not documented, so clear is refused. Use blank: keep, or ask the account: muster doctor campaignlark --probe ADDRESS."
    assert complaints(fields="  age:\n    from: A\n    blank: clear\n", schema=schema) == [
        f"news.yml:9: fields.age.blank: {what}"
    ]
    assert complaints("blank: clear\n", fields="  age: A\n", schema=schema) == [f"news.yml:8: blank: {what}"]


def test_an_unknown_tag_for_everybody_is_named_with_the_nearest() -> None:
    assert complaints("tags: {always: [crm, evnt-2026, q]}\n") == [
        "news.yml:7: tags.always: the destination has no tag 'evnt-2026'. Did you mean event-2026?",
        "news.yml:7: tags.always: the destination has no tag 'q'. Create it there first, or say destination: {create_missing: tags}.",
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("  age: {value: many}\n", "7: fields.age.value: 'many' is not a whole number."),
        ("  plan: {from: A, default: tin}\n", "7: fields.plan.default: 'tin' is not among the destination's options. It has: Free, Silver, Gold."),
        ("  plan:\n    from: A\n    values:\n      a: Gold\n      b: tin\n",
         "11: fields.plan.values.b: 'tin' is not among the destination's options. It has: Free, Silver, Gold."),
        ("  last_name: {value: abcdefghijk}\n",
         "7: fields.last_name.value: The text has 11 characters; the destination takes 10."),
        ("  birthday: {from: A, default: 17.05.1990}\n",
         "7: fields.birthday.default: '17.05.1990' is not a date and time written as YYYY-MM-DD hh:mm:ss."),
    ],
)  # fmt: skip
def test_a_constant_that_is_wrong_is_told_before_any_row(fields: str, expected: str) -> None:
    assert complaints(fields=fields) == [f"news.yml:{expected}"]


def test_a_constant_that_is_translated_need_not_be_right_itself() -> None:
    application = made(fields="  age: {value: many, values: {many: 9}}\n")
    assert contact(application, {}).texts["age"] == "9"


def test_everything_that_does_not_fit_is_told_at_once() -> None:
    found = complaints(
        "tags: {from: T, always: [q]}\n", fields="  nope: A\n  age: {value: x}\n", header=["Email"]
    )
    assert [re.findall(r"news.yml:(\d+)", text)[0] for text in found] == ["7", "7", "8", "9", "9"]


# examples


def failing(examples: str, fields: str = "  age: A\n", added: str = "") -> list[str]:
    mapping = read_mapping_text(
        HEAD + "fields:\n  email_address: Email\n" + fields + added + "examples:\n" + examples, "news.yml"
    )
    return [str(complaint) for complaint in failing_examples(mapping, SCHEMA)]


def test_an_example_that_holds_says_nothing() -> None:
    assert (
        failing(
            "- row: {Email: ' A@example.com', A: '07'}\n  contact: {age: 7, email_address: a@example.com, first_name: ~}\n"
        )
        == []
    )
    assert failing("- row: {email: ~}\n".replace("email", "Email") + "  invalid: key_blank\n") == []
    assert (
        failing(
            "- row: {Email: a@gmial.com}\n  warning: email_typo_domain\n  opted_out: false\n  filtered: false\n  tags: []\n"
        )
        == []
    )


@pytest.mark.parametrize(
    ("example", "expected"),
    [
        ("- row: {Email: a@example.com, A: 7}\n  contact: {age: 8}\n",
         "examples[0].contact.age: the example says '8', the mapping gives 7."),
        ("- row: {Email: a@example.com}\n  contact: {age: 8}\n",
         "examples[0].contact.age: the example says '8', the mapping gives None."),
        ("- row: {Email: x}\n  contact: {age: 8}\n",
         ("examples[0].contact: the example says that the row is sent, the mapping makes it "
          "invalid: email_syntax in Email: 'x' is not an e-mail address: An email address must have an @-sign.")),
        ("- row: {Email: a@example.com}\n  invalid: email_syntax\n",
         "examples[0].invalid: the example says ['email_syntax'], the mapping gives []."),
        ("- row: {Email: a@example.com}\n  warning: email_typo_domain\n",
         "examples[0].warning: the example says ['email_typo_domain'], the mapping gives []."),
        ("- row: {Email: a@example.com}\n  opted_out: true\n",
         "examples[0].opted_out: the example says True, the mapping gives False."),
        ("- row: {Email: a@example.com}\n  filtered: yes\n",
         "examples[0].filtered: the example says True, the mapping gives False."),
        ("- row: {Email: a@example.com}\n  tags: [crm]\n",
         "examples[0].tags: the example says ['crm'], the mapping gives []."),
        ("- row: {E-mail: a@example.com}\n",
         "examples[0].row: the mapping reads no column 'E-mail'. Did you mean 'Email'?"),
    ],
)  # fmt: skip
def test_an_example_that_does_not_hold_is_told_with_its_place(example: str, expected: str) -> None:
    assert failing(example) == [f"news.yml:9: {expected}"]


def test_of_another_file_the_columns_are_listed_once_and_no_column_is_taken_for_a_value() -> None:
    found = complaints(
        "person: Kunde\n", fields="  first_name: Ort\n  last_name: Land\n", header=["Email", "x1", "x2"]
    )
    assert len(found) == 3
    assert "Columns of the file that the mapping does not name: x1, x2." in found[0]
    assert all(one.endswith("'.") for one in found[1:])
