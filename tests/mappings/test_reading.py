"""From YAML text to a Mapping: text stays text, and every complaint has file, line and key."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mappings
from mappings.engine.applying import Application
from mappings.engine.complaints import Complaint, MappingInvalid, nearest
from mappings.engine.document import Mapping, keys_of
from mappings.engine.frame import Frame
from mappings.engine.reading import read_mapping, read_mapping_text
from mappings.engine.schema import Field, Schema

SHIPPED = sorted(Path(mappings.__file__).parent.glob("*.yml"))
BASE = """\
name: news
source: {kind: csv_file}
destination: {kind: campaignlark}
key: email_address
fields:
  email_address: Email
"""


def complaints(text: str) -> list[Complaint]:
    with pytest.raises(MappingInvalid) as found:
        read_mapping_text(text, "news.yml")
    return list(found.value.complaints)


def read_or_refused(text: str) -> Mapping | MappingInvalid:
    try:
        return read_mapping_text(text, "news.yml")
    except MappingInvalid as invalid:
        return invalid


def said(text: str) -> list[str]:
    return [str(complaint) for complaint in complaints(text)]


# text is text


@pytest.mark.parametrize(
    "written",
    ["01234", "NO", "no", "on", "1e3", "1E5", "0x1F", "1_000", "1:30", "2024-05-17", "2024-05-17 10:00:00",
     ".inf", ".nan", "3.10", "+49", "true", "=", "NULLS", "0o17", "Null Island"],
)  # fmt: skip
def test_unquoted_text_stays_as_it_is_written(written: str) -> None:
    mapping = read_mapping_text(BASE + f"  source: {{value: {written}}}\n")
    assert mapping.fields["source"].value == written


@pytest.mark.parametrize("written", ["null", "~", "Null", "NULL", ""])
def test_only_an_unquoted_null_or_tilde_is_none(written: str) -> None:
    mapping = read_mapping_text(BASE + f"examples:\n- row: {{Email: {written} }}\n")
    assert mapping.examples[0].row == {"Email": None}


@pytest.mark.parametrize("written", ['"null"', "'~'", '"NULL"', "''"])
def test_a_quoted_null_is_text(written: str) -> None:
    mapping = read_mapping_text(BASE + f"examples:\n- row: {{Email: {written} }}\n")
    assert mapping.examples[0].row == {"Email": written[1:-1]}


def test_a_block_that_says_null_is_text() -> None:
    mapping = read_mapping_text(BASE + "title: |-\n  null\n")
    assert mapping.title == "null"


def test_keys_are_text_too() -> None:
    text = BASE + "  plan: {from: Plan, values: {NO: Norway, 01: One, 1e3: Thousand, null: Nothing}}\n"
    assert read_mapping_text(text).fields["plan"].values == {
        "NO": "Norway",
        "01": "One",
        "1e3": "Thousand",
        "null": "Nothing",
    }


def test_numbers_and_switches_are_read_where_the_grammar_wants_them() -> None:
    text = BASE.replace("csv_file", "csv_file, header_line: 3").replace(
        "campaignlark", "campaignlark, rate: 2.5"
    )
    mapping = read_mapping_text(text + "  city: {from: City, required: yes, max_length: 040}\n")
    assert mapping.source.header_line == 3
    assert mapping.destination.rate == 2.5
    assert (mapping.fields["city"].required, mapping.fields["city"].max_length) == (True, 40)


def test_yaml_tags_are_not_obeyed() -> None:
    assert (
        read_mapping_text(BASE + "title: !!python/object/apply:os.system [x]\n".replace("[x]", "x")).title
        == "x"
    )


# short forms


def test_a_column_alone_is_the_short_form_of_a_field() -> None:
    assert read_mapping_text(BASE).fields["email_address"].from_ == ("Email",)


def test_a_list_is_the_short_form_of_several_columns() -> None:
    mapping = read_mapping_text(BASE + "  last_name: [Last Name, Surname]\n")
    assert mapping.fields["last_name"].from_ == ("Last Name", "Surname")


def test_tags_consent_and_where_have_short_forms() -> None:
    mapping = read_mapping_text(
        BASE + "tags: [Tags, More]\nconsent: {opted_out: Out}\nwhere: {Stage: lead, Kind: [a, b]}\n"
    )
    assert mapping.tags is not None
    assert mapping.consent is not None
    assert mapping.consent.opted_out is not None
    assert mapping.tags.from_ == ("Tags", "More")
    assert mapping.consent.opted_out.from_ == ("Out",)
    assert {name: rule.in_ for name, rule in mapping.where.items()} == {
        "Stage": ("lead",),
        "Kind": ("a", "b"),
    }


def test_the_sample_of_the_product_is_read() -> None:
    text = """\
name: hubspot-newsletter
title: HubSpot contacts to the newsletter
source: {kind: hubspot_export, path: "exports/*.csv", take: newest}
destination: {kind: campaignlark}
key: email_address
person: Record ID
fields:
  email_address: {from: Email, type: email}
  first_name: First Name
  last_name: {from: [Last Name, Surname]}
  birthday: {from: Birthday, type: date, format: DD/MM/YYYY}
  plan: {from: Plan, values: {gold: Gold}, otherwise: reject, write: always}
  source: {value: crm}
tags: {from: Tags, split: ";", always: [crm], unknown: reject}
consent:
  opted_out: {from: Opted out, when: [true, yes, 1]}
  newcomers: SUBSCRIBED
where: {Lifecycle Stage: {in: [lead, customer]}}
blank: keep
duplicates: last
ignore: [Owner, "hs_*"]
examples:
  - row: {Email: " Tyrion@Example.COM ", First Name: Tyrion, Lifecycle Stage: lead}
    contact: {email_address: tyrion@example.com, first_name: Tyrion}
  - row: {Email: nobody, Lifecycle Stage: lead}
    invalid: email_syntax
"""
    mapping = read_mapping_text(text)
    assert list(mapping.columns()) == [
        "Email", "First Name", "Last Name", "Surname", "Birthday", "Plan", "Tags", "Opted out", "Lifecycle Stage",
        "Record ID",
    ]  # fmt: skip
    assert mapping.text == text
    assert mapping.line_of("fields", "plan") == 12
    assert mapping.line_of("consent", "opted_out", "when") == 16
    assert mapping.line_of("examples", 1, "row", "no such key") == 25


# keys


def test_a_key_that_is_there_twice_is_refused_with_both_lines() -> None:
    assert said(BASE + "  first_name: A\n  first_name: B\n") == [
        "news.yml:8: fields.first_name: the key is here twice (first in line 7). Keep one of them."
    ]


def test_all_keys_that_are_there_twice_are_said_at_once() -> None:
    found = complaints(BASE + "name: x\nkey: y\n")
    assert [(c.line, c.key) for c in found] == [(7, "name"), (8, "key")]


@pytest.mark.parametrize(
    ("added", "key", "fix"),
    [
        ("duplicate: last\n", "duplicates", "duplicate"),
        ("tag: x\n", "tags", "tag"),
        ("  first_name: {frm: A}\n", "from", "fields.first_name.frm"),
        ("  a: {from: A, max_lenght: 3}\n", "max_length", "fields.a.max_lenght"),
        ("tags: {from: A, alway: [x]}\n", "always", "tags.alway"),
        ("consent: {opted_out: A, newcomer: x}\n", "newcomers", "consent.newcomer"),
        ("consent: {opted_out: {from: A, wen: x}}\n", "when", "consent.opted_out.wen"),
        ("examples: [{row: {}, contacts: {}}]\n", "contact", "examples[0].contacts"),
        ("  a: {from: [A, B], tke: first_valid}\n", "take", "fields.a.tke"),
        ("  a: {cases: [{wen: {A: x}, value: b}]}\n", "when", "fields.a.cases[0].wen"),
        ("  a: {cases: [{when: {A: {lke: x}}, value: b}]}\n", "like", "fields.a.cases[0].when.A.lke"),
        (
            "  a: {cases: [{when: {any: [{A: {blnk: x}}]}, value: b}]}\n",
            "blank",
            "fields.a.cases[0].when.any[0].A.blnk",
        ),
        ("where: {any: [{A: x}, {B: {witin: 3 days}}]}\n", "within", "where.any[1].B.witin"),
        ("where: {any: [{any: [{A: {inn: x}}]}]}\n", "in", "where.any[0].any[0].A.inn"),
        ("where: {A: {not: {at_leas: 3}}}\n", "at_least", "where.A.not.at_leas"),
        ("tags: {flag: {A: x}}\n", "flags", "tags.flag"),
        ("tags: {flags: {A: {name: x, truty: y}}}\n", "truthy", "tags.flags.A.truty"),
        ("tags: {remove: {A: {name: x, flsy: y}}}\n", "falsy", "tags.remove.A.flsy"),
        ("lists: {cases: [{when: {A: {bfore: x}}, name: x}]}\n", "before", "lists.cases[0].when.A.bfore"),
        ("lists: {cases: [{when: {A: x}, name: x, nme: y}]}\n", "name", "lists.cases[0].nme"),
        ("duplicates: {newst: A}\n", "newest", "duplicates.newst"),
        ("duplicates: {newest: A, fromat: DD/MM/YYYY}\n", "format", "duplicates.fromat"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(added: str, key: str, fix: str) -> None:
    found = said(BASE + added)
    assert f"news.yml:7: {fix}: muster does not know this key. Did you mean {key}?" in found


def test_an_unknown_key_that_is_like_none_is_told_which_are_known() -> None:
    [found] = complaints(BASE + "where: {Stage: {in: [a], zzz: [b]}}\n")
    assert found.fix.startswith("Known here: in, not, blank, like, match, within,")


def test_a_key_has_to_be_text() -> None:
    assert said(BASE + "? [a, b]\n: c\n") == [
        "news.yml:7: a key has to be text. Quote it if it begins with [ or {."
    ]


def test_a_merge_key_is_not_known() -> None:
    assert complaints(BASE + "<<: {name: x}\n")[0].key == "<<"


@pytest.mark.parametrize("key", ["name", "source", "destination", "key", "fields"])
def test_a_missing_key_is_named_with_an_example(key: str) -> None:
    lines = [line for line in BASE.splitlines() if not line.startswith(key)]
    if key == "fields":
        lines = lines[:-1]
    [found] = complaints("\n".join(lines))
    assert (found.key, found.what) == (key, "this key is missing.")
    assert found.fix


def test_all_complaints_come_at_once_in_the_order_of_the_file() -> None:
    found = complaints(
        "nam: x\nsource: {kind: csv_file, take: newst}\ndestination: [a]\nkey: email\nfields: {email: {}}\n"
    )
    assert [(c.line, c.key) for c in found] == [
        (1, "nam"), (1, "name"), (2, "source.take"), (3, "destination"), (5, "fields.email"),
    ]  # fmt: skip


# values


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("duplicates: lst\n", "7: duplicates: 'lst' is not one of: last, first, reject, newest. Did you mean last?"),
        ("blank: zap\n", "7: blank: 'zap' is not one of: keep, clear, clear_ours."),
        ("write: upsert\n", "7: write: 'upsert' is not one of: merge, create_only, update_only, replace."),
        ("  a: {from: A, otherwise: keep}\n", "7: fields.a.otherwise: 'keep' is not one of: as_is, reject, blank."),
        ("tags: {from: A, unknown: made}\n", "7: tags.unknown: 'made' is not one of: reject, create."),
        ("consent: {opted_out: A, newcomers: SUBSCRIBE}\n",
         ("7: consent.newcomers: 'SUBSCRIBE' is not one of: SUBSCRIBED, UNCONFIRMED, UNSUBSCRIBED. "
         "Did you mean SUBSCRIBED?")),
        ("consent: {}\n",
         '7: consent: say opted_out: (the columns with the opt-outs), or assumed: "why" everybody may be mailed.'),
        ("consent: {assumed: because}\n", "7: consent.assumed: a longer text is needed here."),
        ("  a: {}\n",
         "7: fields.a: give it exactly one of from: (a column), value: (a constant), template: or cases:."),
        ("  a: {from: A, value: b}\n",
         ("7: fields.a: give it exactly one of from: (a column), value: (a constant), template: or cases:; "
         "here are from and value.")),
        ("  a:\n", "7: fields.a: keys and values are expected here, such as {from: Column}."),
        ("  a: {from: {b: c}}\n", "7: fields.a.from: a list is expected here, such as [A, B]."),
        ("  a: []\n", "7: fields.a.from: at least one is needed here."),
        ("  a: {value: [x]}\n", "7: fields.a.value: a text is expected here."),
        ("  a: {from: A, default: {x: y}}\n", "7: fields.a.default: a text is expected here."),
        ("  a: {from: A, values: [x]}\n", "7: fields.a.values: keys and values are expected here, such as {A: B}."),
        ("  a: {from: A, values: {x: [y]}}\n", "7: fields.a.values.x: a text is expected here."),
        ("  a: {from: A, required: maybe}\n", "7: fields.a.required: true or false is expected here."),
        ("  a: {from: A, max_length: some}\n", "7: fields.a.max_length: a whole number is expected here, such as 3."),
        ("  a: {from: A, max_length: 0}\n", "7: fields.a.max_length: a whole number from 1 on is expected here."),
        ("  a: {from: A, split: ''}\n", "7: fields.a.split: a longer text is needed here."),
        ("  a: {from: A, timezone: Berlin}\n",
         "7: fields.a.timezone: 'Berlin' is no time zone; write one such as Europe/Berlin or UTC."),
        ("  a: {from: A, timezone: Europe}\n",
         "7: fields.a.timezone: 'Europe' is no time zone; write one such as Europe/Berlin or UTC."),
        ("  a: {from: A, timezone: ../../etc/passwd}\n",
         "7: fields.a.timezone: '../../etc/passwd' is no time zone; write one such as Europe/Berlin or UTC."),
        ("  a: {from: A, region: de}\n",
         "7: fields.a.region: 'de' cannot stand here. Write the country's two capital letters, such as DE."),
        ("  a: {from: A, region: UK}\n",
         "7: fields.a.region: 'UK' is no country with phone numbers; write one such as DE. The United Kingdom is GB."),
        ("  a: {template: 'Dear {First Name'}\n",
         "7: fields.a.template: each column stands between one { and one }, such as {First Name}."),
        ("  a: {template: '{{A}}'}\n",
         "7: fields.a.template: each column stands between one { and one }, such as {First Name}."),
        ("  a: {from: A, format: dd/mm/yyyy}\n",
         ("7: fields.a.format: 'dd/mm/yyyy' is no format of a date: 'dd' means nothing in it. "
         "Write it like DD/MM/YYYY hh:mm:ss.")),
        ("  a: {from: A, format: YYYY-mm-DD}\n",
         ("7: fields.a.format: 'YYYY-mm-DD' is no format of a date: it names no month; months are MM. "
         "Write it like DD/MM/YYYY hh:mm:ss.")),
        ("  a: {from: A, format: 'YYYY-MM-DD hh:MM'}\n",
         ("7: fields.a.format: 'YYYY-MM-DD hh:MM' is no format of a date: it names the same part twice: MM and MM. "
         "Write it like DD/MM/YYYY hh:mm:ss.")),
        ("  a: {from: A, format: '%d.%m.%Y'}\n",
         ("7: fields.a.format: '%d.%m.%Y' is no format of a date: '%d' means nothing in it. "
         "Write it like DD/MM/YYYY hh:mm:ss.")),
        ("consent: {opted_out: {when: x}}\n",
         ("7: consent.opted_out: say from: (the columns with the opt-outs), or everybody: yes where the whole file is a list of "
         "people who want no mail.")),
        ("consent: {opted_out: {from: A, everybody: yes}}\n",
         ("7: consent.opted_out: say from: (the columns with the opt-outs), or everybody: yes where the whole file is a list of "
         "people who want no mail.")),
        ("consent: {opted_out: {everybody: yes, when: x}}\n",
         "7: consent.opted_out: when: and unless: are for the cells of from:, and everybody: asks none."),
        ("consent: {opted_out: {everybody: yes}, follow_source: Since}\n",
         "7: consent: follow_source: needs opted_out: with the columns that say whether a person wants mail."),
        ("  a: {from: A, absent: blank}\n",
         "7: fields.a: absent: blank needs several columns, such as from: [Email, E-Mail]."),
        ("consent: {opted_out: []}\n", "7: consent.opted_out.from: at least one is needed here."),
        ("where: {Stage: []}\n", "7: where.Stage.in: at least one is needed here."),
        ("where: {Stage: ~}\n", "7: where.Stage: say what the column has to hold, such as [lead, customer] or {blank: no}."),
        ("where: [x]\n", "7: where: keys and values are expected here, such as {A: B}."),
        ("examples: {}\n", "7: examples: a list is expected here, such as [A, B]."),
        ("examples: [x]\n", "7: examples[0]: keys and values are expected here, such as {from: Column}."),
        ("examples: [{}]\n",
         "7: examples[0].row: this key is missing. Say what is in it, such as row: {Email: ann@example.com}."),
        ("examples: [{row: [x]}]\n", "7: examples[0].row: keys and values are expected here, such as {A: B}."),
        ("examples: [{row: {}, opted_out: maybe}]\n", "7: examples[0].opted_out: true or false is expected here."),
        ("ignore: {a: b}\n", "7: ignore: a list is expected here, such as [A, B]."),
        ("ignore: [[a]]\n", "7: ignore[0]: a text is expected here."),
        ("title: [a]\n", "7: title: a text is expected here."),
        ("person: {a: b}\n", "7: person: a text is expected here."),
        ("tags: {from: A, split: ''}\n", "7: tags.split: a longer text is needed here."),
        ("  a: {from: A, take: first_valid}\n",
         "7: fields.a: take: first_valid needs several columns, such as from: [Email, Work email]."),
        ("  a: {from: A, match: '('}\n", "7: fields.a.match: '(' is no pattern: missing ): (."),
        ("  a: {from: A, match: '\\Qa'}\n",
         "7: fields.a.match: '\\Qa' is no pattern: missing ): ^(?s:.*?)(\\Qa)(?s:.*)$."),
        ("  a: {from: A, thousands: x}\n",
         "7: fields.a.thousands: 'x' is not one of: '.', ',', ' ', \"'\"."),
        ("  a: {from: A, thousands: '.'}\n",
         "7: fields.a: thousands: and decimal: are both '.', so that 1.234 could be two numbers; say decimal:, too."),
        ("  a: {from: A, thousands: ',', decimal: ','}\n",
         "7: fields.a: thousands: and decimal: are both ',', so that 1,234 could be two numbers; say another decimal:."),
        ("  a: {cases: []}\n", "7: fields.a.cases: at least one is needed here."),
        ("  a: {cases: [{when: x, value: y}]}\n",
         "7: fields.a.cases[0].when: keys and values are expected here, such as {A: B}."),
        ("  a: {cases: [{value: y}, {value: z}]}\n",
         "7: fields.a.cases: the case number 1 has no when: and fits every row; put it last."),
        ("where: {A: {within: [90 days]}}\n",
         "7: where.A.within: this is no span of time; write one such as 90 days, 6 months or next 2 weeks."),
        ("where: {A: {within: {count: 1000000000, unit: day}}}\n",
         "7: where.A.within: this is no span of time; write one such as 90 days, 6 months or next 2 weeks."),
        ("where: {A: {since: [x]}}\n", "7: where.A.since: a day is expected here, written as YYYY-MM-DD."),
        ("where: {A: {at_least: nan}}\n", "7: where.A.at_least: a number is expected here, such as 20."),
        ("where: {A: {match: '(?=x)'}}\n",
         "7: where.A.match: '(?=x)' is no pattern: invalid perl operator: (?=."),
        ("where: {any: [{}]}\n", "7: where: a group under any: is empty; name a column in it."),
        ("where: {any: {A: x}}\n",
         "7: where.any.A: muster does not know this key. Groups of conditions are a list, such as any: [{A: x}, {B: y}]."),
        ("tags: {flags: {A: {truthy: x}}}\n",
         "7: tags.flags.A.name: this key is missing. Say which tag or list it is, such as name: vip."),
        ("tags: {cases: [{name: x}]}\n",
         "7: tags.cases[0].when: this key is missing. Say which rows are meant, such as when: {Country: DE}."),
        ("duplicates: [A]\n",
         "7: duplicates: write last, first, reject, or {newest: COLUMN} with the column of the date."),
        ("duplicates: {newest: [A]}\n", "7: duplicates.newest: a text is expected here."),
    ],
)  # fmt: skip
def test_a_wrong_value_is_told_with_file_line_and_key(added: str, expected: str) -> None:
    assert said(BASE + added) == [f"news.yml:{expected}"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: news", "name: My News",
         ("1: name: 'My News' cannot stand here. Use lower-case letters, digits and hyphens, "
         "such as hubspot-newsletter.")),
        ("name: news", "name: [news]", "1: name: a text is expected here."),
        ("name: news", "name: ~", "1: name: a text is expected here."),
        ("{kind: csv_file}", "csv_file", "2: source: keys and values are expected here, such as {from: Column}."),
        ("{kind: csv_file}", "{}", ("2: source.kind: this key is missing. Say which kind it is, such as csv_file "
         "or campaignlark.")),
        ("csv_file", "csv_file, header_line: -1",
         "2: source.header_line: a whole number from 0 on is expected here."),
        ("campaignlark", "campaignlark, rate: 0", "3: destination.rate: a number above 0 is expected here."),
        ("campaignlark", "campaignlark, rate: inf", "3: destination.rate: a number is expected here, such as 20."),
        ("campaignlark", "campaignlark, rate: 1e999", "3: destination.rate: a number is expected here, such as 20."),
        ("campaignlark", "campaignlark, account: EMEA",
         ("3: destination.account: 'EMEA' cannot stand here. Use lower-case letters, digits and underscores, "
         "such as main.")),
        ("key: email_address", "key: email",
         "5: fields: the key email is not among them; say here which column it comes from."),
        ("fields:\n  email_address: Email\n", "fields: []\n",
         "5: fields: keys and values are expected here, such as {A: B}."),
        ("fields:\n  email_address: Email\n", "fields: {}\n", "5: fields: at least one is needed here."),
        ("fields:\n  email_address: Email\n", "fields:\n",
         "5: fields: keys and values are expected here, such as {A: B}."),
    ],
)  # fmt: skip
def test_a_wrong_frame_is_told_with_file_line_and_key(old: str, new: str, expected: str) -> None:
    assert said(BASE.replace(old, new)) == [f"news.yml:{expected}"]


def test_a_complaint_in_a_flow_over_several_lines_has_its_own_line() -> None:
    found = said(BASE + "  plan:\n    from: Plan\n    values:\n      gold: Gold\n    otherwise: drop\n")
    assert found == ["news.yml:11: fields.plan.otherwise: 'drop' is not one of: as_is, reject, blank."]


# what is no YAML


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "- a\n- b\n", "just text\n", "null\n", "42\n"])
def test_what_is_no_mapping_of_keys_is_told_how_to_begin(text: str) -> None:
    assert said(text) == [
        (
            "news.yml:1: a mapping is a list of keys and values. "
            "Begin with name:, source:, destination:, key: and fields:."
        )
    ]


def test_a_tab_is_named_as_the_cause() -> None:
    [found] = complaints(BASE + "\tfirst_name: First Name\n")
    assert found.line == 7
    assert found.fix == "Indent with spaces; this line holds a tab."


@pytest.mark.parametrize(
    "line",
    ["title: a: b", "title: @x", "title: [a", "title: {a", "title: 'a", 'title: "\\q"', "title: %x", "  x: *gone",
     "title: `x", "title: &", ": :", "- a", "title: |5x", "title: !<", "%YAML 9"],
)  # fmt: skip
def test_broken_yaml_is_told_with_its_line(line: str) -> None:
    [found] = complaints(f"name: news\n{line}\n")
    assert 1 <= found.line <= 3
    assert found.what.startswith(("this is not YAML: ", "a mapping is"))


def test_a_pattern_in_double_quotes_is_told_of_single_ones() -> None:
    [found] = complaints(BASE + '  first_name: {from: Name, match: "\\d+"}\n')
    assert found.fix == r"Write text with a backslash, such as a pattern, in single quotes: '\d+'."


@pytest.mark.parametrize("escape", ["\\UFFFFFFFF", "\\U00110000", "\\x", "\\u12"])
def test_an_escape_that_is_no_character_is_no_traceback(escape: str) -> None:
    assert complaints(f'name: "{escape}"\n')[0].what.startswith("this is not YAML: ")


@pytest.mark.parametrize(
    ("added", "key"),
    [('title: "\\ud800"\n', "title"), ('  "\\udfff": A\n', "fields"),
     ('examples: [{row: {"\\ud83d": x}}]\n', "examples[0].row")],
)  # fmt: skip
def test_half_a_character_is_refused_and_the_complaint_can_be_printed(added: str, key: str) -> None:
    [found] = complaints(BASE + added)
    assert (found.line, found.what) == (7, "this text holds half a character.")
    assert found.key == key
    str(found).encode()


def test_a_second_document_is_refused() -> None:
    assert complaints(BASE + "---\n" + BASE)[0].line == 7


def test_a_control_character_is_told_with_its_line() -> None:
    assert said(BASE + "title: a\x00b\n") == [
        "news.yml:7: this is not YAML: the character U+0000 is not allowed. Remove it; is this a text file?"
    ]


def test_bytes_that_are_not_utf_8_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "latin.yml"
    path.write_bytes(BASE.encode() + b"title: Caf\xe9\n")
    with pytest.raises(MappingInvalid) as found:
        read_mapping(path)
    assert str(found.value) == f"{path}:7: these bytes are not UTF-8. Save the mapping as UTF-8."


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "other.yml"
    path.write_bytes(BASE.encode(encoding))
    with pytest.raises(MappingInvalid):
        read_mapping(path)


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "windows.yml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    mapping = read_mapping(path)
    assert (mapping.name, mapping.file, mapping.line_of("fields", "email_address")) == ("news", str(path), 6)


def test_a_file_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_mapping(tmp_path / "gone.yml")


# hostile YAML


def test_a_bomb_of_anchors_is_refused() -> None:
    bomb = 'a0: &a0 ["x","x","x","x","x","x","x","x","x","x"]\n'
    bomb += "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10))
    [found] = complaints(bomb)
    assert "repeat too often" in found.what


@pytest.mark.parametrize("text", ["title: &a [*a]\n", "title: &a {b: *a}\n", "title: &a [[[{x: *a}]]]\n"])
def test_an_alias_of_itself_is_refused(text: str) -> None:
    [found] = complaints(BASE + text)
    assert found.line == 7
    assert "repeat too often" in found.what


def test_an_anchor_may_be_used_again() -> None:
    mapping = read_mapping_text(
        BASE + "  birthday: {from: B, format: &days [DD.MM.YYYY]}\n  joined_at: {from: J, format: *days}\n"
    )
    assert mapping.fields["joined_at"].format == ("DD.MM.YYYY",)


@pytest.mark.parametrize(
    "text",
    ["[" * 3000, "{a: " * 3000, "title: " + "[" * 200 + "]" * 200, "- " * 3000 + "x",
     "\n".join(" " * level + "a:" for level in range(800)),
     BASE + "examples:\n- row: {}\n  contact: {x: " + "[" * 120 + "]" * 120 + "}\n"],
    ids=["lists", "keys", "closed", "dashes", "indented", "inside an example"],
)  # fmt: skip
def test_deep_nesting_is_refused(text: str) -> None:
    assert "nested too deeply" in complaints(text)[0].what


def test_a_file_of_data_in_the_place_of_a_mapping_is_refused_at_once() -> None:
    [found] = complaints("Email,First Name\n" + "ann@example.com,Ann\n" * 100_000)
    assert found.what == "this is no mapping: it has 2,000,017 characters."


def test_a_mapping_may_have_a_thousand_fields() -> None:
    mapping = read_mapping_text(BASE + "".join(f"  field_{i}: Column {i}\n" for i in range(1000)))
    assert len(mapping.fields) == 1001
    assert mapping.line_of("fields", "field_999") == 1006


# no input gives a traceback

_INSERTS = st.sampled_from(
    ["\t", ":", ": ", "- ", "\n", "\n\n", "{", "}", "[", "]", "[]", "{}", "null", "~", "&a ", "*a", "!!int ", "|", ">",
     "'", '"', "#", "%", "?", ",", "\x00", "\ufeff", "\ud800", "🦄", "e\u0301", "---\n", "<<: ", "01", "{x}", "from: ",
     "\\U00110000", "  ", "@", "`", "true", "-1", "1e999", "[[[[", "format: DD/DD\n"]
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from([BASE, *(path.read_text("utf-8")[:2500] for path in SHIPPED)]))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.sampled_from([0, 0, 1, 2, 5, 40, 400]))
        text = text[:at] + draw(st.one_of(_INSERTS, st.text(max_size=4), st.just(""))) + text[at + cut :]
    return text


@settings(max_examples=80, deadline=None)
@given(mutated())
def test_a_mutated_mapping_is_read_or_refused_with_places(text: str) -> None:
    found = read_or_refused(text)
    if isinstance(found, MappingInvalid):
        lines = text.count("\n") + text.count("\r") + 3 + sum(text.count(c) for c in "\x85\u2028\u2029")
        assert found.complaints
        for complaint in found.complaints:
            assert str(complaint).startswith(f"news.yml:{complaint.line}: ")
            assert 1 <= complaint.line <= lines
            assert complaint.what


_VALUES = st.recursive(
    st.one_of(st.none(), st.sampled_from(["", "x", "0", "-1", "true", "{a}", "DD/MM/YYYY", "email", "last"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["from", "value", "in", "row", "kind", "x", ""]), inner, max_size=3),
    ),
    max_leaves=6,
)
_KEYS = st.sampled_from(sorted(field.alias or name for name, field in Mapping.model_fields.items()))


def flow(value: object) -> str:
    if value is None:
        return "~"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {flow(inner)}' for key, inner in value.items()) + "}"
    return f'"{value}"'


@settings(max_examples=80, deadline=None)
@given(
    _KEYS,
    _VALUES,
    st.sampled_from(["from", "type", "format", "values", "template", "truthy", "split"]),
    _VALUES,
)
def test_any_value_under_any_key_is_read_or_refused(
    key: str, value: object, rule: str, inner: object
) -> None:
    lines = [line for line in BASE.splitlines(keepends=True) if not line.startswith(f"{key}:")]
    if key == "fields":
        lines = lines[:-1]
    else:
        lines.append(f"  x: {{{rule}: {flow(inner)}}}\n")
    text = "".join(lines) + f"{key}: {flow(value)}\n"
    found = read_or_refused(text)
    if isinstance(found, MappingInvalid):
        assert all(complaint.line >= 1 and complaint.what for complaint in found.complaints)


_ODD = st.one_of(
    st.none(),
    st.sampled_from(
        ["", "A", "B", "x", "0", "-1", "1e999", "nan", "true", "no", "first", "last", "first_valid", "newest", "reject", "as_is", "blank",
         "create", "replace", "{A}", "{A", "a\nb", "\n", "\r\n", " ", "\ue01f", "\x1f", "\u00a0", "DD/MM/YYYY", "YYYY", "2026-01-31", "90 days",
         "next 100 years", "0 days", "(", "(a)|(b)", "\\Qa", "\\1", "(?i)x", "(?m)^", "a{1000}", "((a{9}){9}){9}", "*", "?", "[", "\\", ".", ",",
         "'", "money", "choices", "datetime", "number", "email", "Europe/Berlin", "UTC"]),
)  # fmt: skip


def odd(shape: object, depth: int = 0) -> st.SearchStrategy[object]:
    """What could stand in the place of a part of the document: the part with some of its keys, or something else."""
    if not isinstance(shape, dict) or depth > 6:
        return st.one_of(_ODD, _ODD, _ODD, st.lists(_ODD, max_size=3))
    inner = {key: odd(part, depth + 1) for key, part in shape.items()}
    part = st.lists(st.sampled_from(sorted(inner)), max_size=3, unique=True).flatmap(
        lambda keys: st.fixed_dictionaries({key: inner[key] for key in keys})
    )
    several = st.lists(part, max_size=2)
    wrong = st.dictionaries(st.sampled_from(["A", "any", "", "frm", *sorted(inner)]), _ODD, max_size=2)
    return st.one_of(part, part, part, several, several, wrong, _ODD)


_WHERE = dict.fromkeys(keys_of(("where", "A")), "") | {"not": dict.fromkeys(keys_of(("where", "A")), "")}
_WHEN = {"A": _WHERE, "B": _WHERE, "any": {"A": _WHERE, "B": _WHERE, "any": {"A": _WHERE}}}
_RULE = dict.fromkeys(keys_of(("fields", "x")), "") | {
    "cases": dict.fromkeys(keys_of(("fields", "x", "cases", 0)), "") | {"when": _WHEN},
    "values": {"A": "", "x": ""},
}
_NAMES = dict.fromkeys(keys_of(("tags",)), "") | {
    "flags": {"A": dict.fromkeys(keys_of(("tags", "flags", "A")), "")},
    "remove": {"B": dict.fromkeys(keys_of(("tags", "remove", "A")), "")},
    "cases": {"name": "", "when": _WHEN},
}
_PARTS: dict[str, object] = {
    "x": _RULE, "tags": _NAMES, "lists": _NAMES, "where": _WHEN, "duplicates": dict.fromkeys(keys_of(("duplicates",)), ""),
}  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_part_of_the_grammar_is_read_and_applied_or_refused_with_places(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([*_PARTS, "x"]))
    written = json.dumps(data.draw(odd(_PARTS[key])), ensure_ascii=False).replace("null", "~")
    text = BASE + ("  x: " if key == "x" else f"{key}: ") + written + "\n"
    try:
        mapping = read_mapping_text(text, "news.yml")
        schema = Schema(
            (Field("email_address", "Email", "email"), Field("x", "X", "text")), {"x": 1}, {"x": 1}
        )
        application = Application(mapping, schema, list(mapping.columns()), dt.date(2026, 11, 20))
    except MappingInvalid as invalid:
        for complaint in invalid.complaints:
            assert complaint.key, complaint
            assert str(complaint).startswith(f"news.yml:7: {complaint.key}"), complaint
            assert not complaint.what.startswith(("Input", "Value error", "String", "Assertion")), complaint
        return
    cells = {name: pa.array(["", "x", " 2026-11-01 ", "a\r\nb;7", "yes"]) for name in application.header}
    numbers = np.arange(1, 6)
    found = application.apply(Frame(pa.table(cells), numbers, numbers))
    assert len(list(application.contacts(found, range(5)))) == 5


# the nearest name


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [("first_nam", ["first_name", "last_name"], "first_name"), ("E-Mail", ["Email", "Phone"], "Email"),
     ("xyz", ["Email"], ""), ("", ["Email"], ""), ("Email", [], ""), ("ÜBER", ["über"], "über"), ("--", ["--"], "--")],
)  # fmt: skip
def test_the_nearest_name_is_found_without_case_and_signs(name: str, known: list[str], expected: str) -> None:
    assert nearest(name, known) == expected


def test_a_file_with_rows_in_the_place_of_the_mapping_is_named(tmp_path: Path) -> None:
    path = tmp_path / "contacts.CSV"
    path.write_text("Email\na@example.com\n")
    with pytest.raises(
        MappingInvalid, match="no mapping\\. Name the mapping first, then the file with the rows"
    ):
        read_mapping(path)
