"""The sample files are what their generator writes, and their README says what `expected.json` says."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sample_data import making

HERE = Path(making.__file__).parent
FILES = sorted(making.made())
SAMPLES = [sample.name for sample in making.SAMPLES]


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / "expected.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_what_making_writes(name: str) -> None:
    assert (HERE / name).read_bytes() == making.made()[name], "run: python -m sample_data.making"


def test_another_process_makes_the_same_bytes(tmp_path: Path) -> None:
    code = "import sys, pathlib; from sample_data import making; making.HERE = pathlib.Path(sys.argv[1]); making.main()"
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], check=True, cwd=HERE.parent, capture_output=True
    )
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in found} == making.made()


def test_the_readme_says_the_totals(expected: dict[str, Any]) -> None:
    lines = (HERE / "README.md").read_text("utf-8").splitlines()
    head = next(line for line in lines if line.startswith("| file |"))
    names = [cell.strip() for cell in head.strip("|").split("|")]
    said = {}
    for line in lines[lines.index(head) + 2 :]:
        if not line.startswith("|"):
            break
        said_here = dict(zip(names, (cell.strip(" `") for cell in line.strip("|").split("|")), strict=True))
        said[said_here.pop("file")] = said_here
    assert list(said) == list(expected) == SAMPLES
    for name, totals in expected.items():
        shown = said[name]
        assert (HERE.parent / "mappings" / shown["mapping"]).is_file()
        assert int(shown["rows read"]) == totals["rows_read"]
        assert int(shown["warnings"]) == sum(totals["warnings"].values())
        assert int(shown["opted out"]) == totals["opted_out"]
        for outcome, count in totals["outcomes"].items():
            assert int(shown.get(outcome, "0")) == count


def test_the_readme_says_the_problems_and_warnings(expected: dict[str, Any]) -> None:
    text = (HERE / "README.md").read_text("utf-8")
    for name, totals in expected.items():
        section = text.split(f"\n## {name}\n")[1].split("\n## ")[0]
        for word in ("problems", "warnings"):
            table = section.split(f"| {word} | count |\n|---|---|\n")[1].split("\n\n")[0]
            assert {code: int(count) for code, count in re.findall(r"`(\w+)` \| (\d+)", table)} == totals[
                word
            ]


@pytest.mark.parametrize("name", SAMPLES)
def test_the_totals_agree_with_themselves(name: str, expected: dict[str, Any]) -> None:
    totals = expected[name]
    rows = totals["rows"]
    assert tuple(totals["outcomes"]) == making.OUTCOMES
    assert sum(totals["outcomes"].values()) == totals["rows_read"]
    for outcome in ("filtered", "duplicate", "invalid"):
        assert len(rows[outcome]) == totals["outcomes"][outcome]
    assert sum(len(codes) for codes in rows["invalid"].values()) == sum(totals["problems"].values())
    assert sum(len(codes) for codes in rows["warnings"].values()) == sum(totals["warnings"].values())
    assert len(rows["opted_out"]) == totals["opted_out"]


def test_who_is_there_before_is_updated_or_protected_and_somebody_is(expected: dict[str, Any]) -> None:
    totals = expected["app_users.csv"]
    rows = totals["rows"]
    assert len(rows["updated"]) == totals["outcomes"]["updated"]
    assert len(rows["protected"]) == totals["outcomes"]["protected"]
    assert len(totals["there"]) == len({one["email_address"] for one in totals["there"]}) >= 10
    assert not [name for name in SAMPLES if name != "app_users.csv" and "there" in expected[name]]


@pytest.mark.parametrize("name", SAMPLES)
def test_no_guard_stops_a_first_sync(name: str, expected: dict[str, Any]) -> None:
    totals = expected[name]
    assert totals["outcomes"]["invalid"] < min(50, totals["rows_read"] / 5)
    assert totals["opted_out"] + totals["opted_out_not_sent"] < 20


@pytest.mark.parametrize(
    ("name", "encoding", "delimiter", "before"),
    [
        ("hubspot_contacts.csv", "utf-8", ",", 0),
        ("newsletter_signups.csv", "windows-1252", ";", 0),
        ("hostile.csv", "utf-8", ",", 2),
        ("employees.csv", "utf-8", ",", 0),
        ("app_users.csv", "utf-8", ",", 0),
        ("unsubscribed.csv", "utf-8", ",", 0),
    ],
)
def test_python_counts_the_same_rows(
    name: str, encoding: str, delimiter: str, before: int, expected: dict[str, Any]
) -> None:
    text = io.StringIO((HERE / name).read_bytes().decode(encoding), newline="")
    rows = [row for row in list(csv.reader(text, delimiter=delimiter))[before:] if row]
    assert len(rows) - 1 == expected[name]["rows_read"]


def test_each_file_has_the_traps_of_its_form() -> None:
    hubspot, signups, hostile, *_ = ((HERE / name).read_bytes() for name in SAMPLES)
    assert not hubspot.endswith(b"\n")
    assert b"\x80" in signups, "the euro sign of Windows-1252"
    assert signups.endswith(b"\r\n")
    assert hostile.startswith(b"\xef\xbb\xbfEvent leads")
    assert hostile.splitlines()[2].count(b"Notes") == 2
    assert b",," in hostile.splitlines()[2]
    assert b"\x00" in hostile
    assert hostile.endswith(b"\n\n\n")
    assert b"\r\n" in hostile
