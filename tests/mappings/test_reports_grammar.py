"""What a mapping may say of where reports go and fixes come from, in short and in long, and what is refused."""

from __future__ import annotations

import pytest

from mappings.engine.complaints import MappingInvalid
from mappings.engine.document import REPORT_FILES
from mappings.engine.reading import read_mapping_text
from tests.mappings import editor
from tests.mappings.fragments import around


@pytest.mark.parametrize("written", ["../shared", "{to: ../shared}"])
def test_where_reports_go_is_written_short_or_long(written: str) -> None:
    text = around([f"reports: {written}"])
    reports = read_mapping_text(text).reports
    assert reports is not None
    assert (reports.to, reports.link, reports.files) == ("../shared", None, REPORT_FILES)
    assert editor.complaints(text) == []


def test_a_link_and_the_files_can_be_named() -> None:
    text = around(
        ["reports: {to: s3://acme/muster, link: 'https://files.acme.example/m', files: [report.html]}"]
    )
    reports = read_mapping_text(text).reports
    assert reports is not None
    assert (reports.link, reports.files) == ("https://files.acme.example/m", ("report.html",))
    assert editor.complaints(text) == []


@pytest.mark.parametrize("written", ["../fixes", "{at: ../fixes}", "{at: ../fixes, settled: 60 seconds}"])
def test_where_fixes_come_from_is_written_short_or_long(written: str) -> None:
    text = around([f"fixes: {written}"])
    fixes = read_mapping_text(text).fixes
    assert fixes is not None
    assert (fixes.at, fixes.settled) == ("../fixes", 60.0)
    assert editor.complaints(text) == []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("reports: sftp://crm:secret@host/out", "password in the address"),
        ("fixes: sftp://crm:secret@host/out", "password in the address"),
        ("reports: {to: x, link: files}", "the address at which people open"),
        ("reports: {to: x, link: 'https://me:secret@host/m'}", "leave out names, passwords"),
        ("reports: {to: x, link: 'https://host/m?token=secret'}", "leave out names, passwords"),
        ("reports: {to: x, files: [spool]}", "failures.xlsx"),
        ("reports: ''", "name a folder"),
    ],
)
def test_what_makes_no_sense_or_holds_a_secret_is_refused(written: str, said: str) -> None:
    with pytest.raises(MappingInvalid) as refused:
        read_mapping_text(around([written]))
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
