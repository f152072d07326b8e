"""A masked copy: nothing of a person is left in it, and what helps somebody else is."""

from __future__ import annotations

import hashlib
import html
import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.ledger.opening import open_ledger
from flows.report import Details, Summary
from flows.report.markdown import as_markdown
from flows.report.masking import Mask
from flows.report.page import problem_groups
from flows.report.writing import details_of, write_masked, write_report
from mappings.engine.problems.codes import CODES
from mappings.engine.problems.problem import Problem
from tests.flows.conftest import Desk
from tests.flows.report.conftest import a_summary, some_details, write_run

SECRET = b"s" * 32
SAID_BY_THE_MAPPING = {"options", "field", "limit", "format", "kind", "rule", "pattern"}
theirs = st.text("qxzjQXZé0189@.'<& ", min_size=8, max_size=24).map(lambda text: f"qx{text.strip()}zj8")
"""What no page says by itself."""


def names_in(code: str) -> set[str]:
    texts = CODES[code].message, CODES[code].fix
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}


def a_problem(code: str, row: int, text: str) -> Problem:
    names = names_in(code) - {"column", "value"}
    detail = {name: "said by the mapping" if name in SAID_BY_THE_MAPPING else text for name in names}
    return Problem.of(code, row=row, line=row + 1, column="Email", value=text, **detail)


def a_run(folder: Path, text: str) -> tuple[Path, Summary, Details]:
    """A run in which everybody is called so: a row for each code that there is."""
    found = [a_problem(code, row, text) for row, code in enumerate(CODES, 1)]
    outcomes = [(p.row, p.line, text, "invalid", p.code, text, text) for p in found]
    problems = [(p.row, p.line, p.code, p.severity, p.column, p.value, p.message, p.fix) for p in found]
    write_run(folder, ["Email"], [[text]] * len(found), outcomes, problems, part_size=100)
    summary = a_summary(
        source={"path": f"exports/{text}.csv", "sha256": hashlib.sha256(text.encode()).hexdigest(), "rows_read": len(found)},
        outcomes={"invalid": len(found)},
        problems=problem_groups(folder),
        kept_differently={text: 1, "email_address": 2},
        automations={"TAG_ADDED": 1},
        automation_reasons={"TAG_ADDED": {text: 1}},
        corrected={"cells": 3, "rows": 1, "columns": {text: 1, "Email": 2}},
        exit_code=1,
    )  # fmt: skip
    details = some_details(
        title=text,
        mapping_path=f"mappings/{text}.yml",
        columns=[
            {"name": "Email", "use": "used", "into": ["email_address"], "filled": 1, "rows": 1},
            {"name": text, "use": "ignored", "filled": 1, "rows": 1},
            {"name": text, "use": "unmapped", "filled": 1, "rows": 1},
        ],
        oddities=[{"line": 1, "message": text}],
        reasons=[{"outcome": "invalid", "reason": text, "count": 1}],
        source_reading={"encoding": "UTF-8", text: text},
        unseen=[{"field": "plan", "column": text, "value": text, "count": 1, "line": f"{text}: Gold"}],
        listing={"contacts": 1, "pages": 1, "read": 1, "why": text},
        twice=[{"address": text, "ids": [text]}],
        changes=[{"tag": "email_address", "count": 1, "examples": [(text, text)]}],
        kept_examples={"email_address": [(text, text)], text: [(text, text)]},
    )  # fmt: skip
    return folder, summary, details


def copied(folder: Path, summary: Summary, details: Details, secret: bytes = SECRET) -> dict[str, str]:
    write_report(folder, summary, details)
    mask = Mask.of(secret, details_of(folder, summary))
    write_masked(folder, summary, mask, folder / "masked")
    texts = {path.name: path.read_text("utf-8") for path in (folder / "masked").iterdir()}
    return {**texts, "markdown": as_markdown(mask.summary(summary))}


@settings(max_examples=12, deadline=None)
@given(theirs)
def test_nothing_of_a_person_is_left_in_a_masked_copy(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder, summary, details = a_run(tmp_path_factory.mktemp("run"), text)
    copies = copied(folder, summary, details)
    assert set(copies) == {"report.html", "summary.json", "markdown"}
    for name, copy in copies.items():
        for form in (copy, html.unescape(copy), copy.replace("\\", "")):
            assert text.casefold() not in form.casefold(), name
        assert hashlib.sha256(text.encode()).hexdigest() not in copy
    real = (folder / "report.html").read_text("utf-8")
    assert text in html.unescape(real), "the search finds it where it is"


def test_what_helps_others_stays(tmp_path: Path) -> None:
    copies = copied(*a_run(tmp_path / "run", "ann@example.com"))
    summary = Summary.model_validate(json.loads(copies["summary.json"]))
    assert {group.code for group in summary.problems} == set(CODES)
    assert {group.column for group in summary.problems} == {"Email"}
    fixes = {group.code: group.fix for group in summary.problems}
    assert fixes["email_syntax"] == "Correct the address in Email."
    assert "(it has: said by the mapping)" in fixes["value_unknown"]
    assert fixes["number_syntax"].startswith("Write Email as a number such as …")
    assert summary.outcomes.invalid == len(CODES)
    page = copies["report.html"]
    assert "is not an e-mail address: …" in page
    assert "Email is blank, and it is how" in page
    assert "<bdi>Email</bdi>" in page
    assert "as retries have corrected them before: " in page
    assert "Email 2" in page
    assert 'failures.csv"' not in page, "nothing is linked that is not beside it"
    assert copies["markdown"].startswith("**0 of ")


def test_the_same_address_is_the_same_hash_in_all_copies_of_a_ledger_and_in_no_other() -> None:
    mask = Mask(SECRET)
    assert mask.text("Ann@Example.com ") == Mask(SECRET).text("ann@example.com")
    assert mask.text("ann@example.com") != mask.text("bob@example.com")
    assert mask.text("ann@example.com") != Mask(b"t" * 32).text("ann@example.com")
    assert hashlib.sha256(b"ann@example.com").hexdigest()[:12] not in mask.text("ann@example.com")
    assert (mask.text(""), len(mask.text("x"))) == ("", 13)


def test_columns_stay_only_where_the_mapping_names_them() -> None:
    mask = Mask(SECRET, ["Mobile", "Phone"])
    assert mask.column("Mobile / Phone") == "Mobile / Phone"
    assert mask.column("") == ""
    assert mask.column("ann@example.com").startswith("#")
    assert mask.column("Mobile / ann@example.com").startswith("#")


async def test_a_real_run_leaves_none_of_its_cells_in_a_masked_copy(
    desk: Desk, person: Callable[..., dict[str, str]]
) -> None:
    wrong = [
        {"Id": f"qx-id-{n}zj", "Email": f"qx{n}nobody zj", "First": f"Qxfirst{n}", "City": f"Qxcity{n}", "Score": f"qx{n}", "Tags": f"qxtag{n}"}
        for n in range(5)
    ]  # fmt: skip
    right = [person(n, First=f"Qxright{n}", City=f"Qxtown{n}", Score="7") for n in range(20, 25)]
    done = await desk.sync(desk.file([*wrong, *right], "qxann@example.com.csv"))
    assert done.outcomes == {"invalid": 5, "created": 5}
    ledger = open_ledger(desk.home)
    run = ledger.runs.last(1)[0]
    secret = ledger.database.secret
    ledger.close()
    folder, summary = Path(run.folder), Summary.model_validate(run.summary)
    write_masked(folder, summary, Mask.of(secret, details_of(folder, summary)), desk.folder / "copy")
    for path in (desk.folder / "copy").iterdir():
        copy = path.read_text("utf-8").casefold()
        for row in (*wrong, *right):
            for cell in row.values():
                assert cell.casefold() not in copy or len(cell) < 3, (path.name, cell)
        assert "qx" not in copy.replace(secret.hex(), "")


def test_a_run_of_an_earlier_version_is_masked_without_what_it_did_not_keep(tmp_path: Path) -> None:
    folder, summary, details = a_run(tmp_path / "run", "qxann@example.comzj")
    write_report(folder, summary, details)
    (folder / "details.json").unlink()
    known: Any = details_of(folder, summary)
    assert (known.title, known.columns) == (summary.mapping.name, [])
    write_masked(folder, summary, Mask.of(SECRET, known), tmp_path / "copy")
    assert "qxann" not in (tmp_path / "copy" / "report.html").read_text("utf-8")
