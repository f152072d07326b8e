"""Opening: the content says which format a file has, and a kind is held to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connectors.errors import SourceError
from connectors.kinds import formats, kinds, source_module
from connectors.sources.opening import format_of, open_kind, open_table
from mappings.engine.document.source import SourceSettings


def test_every_format_says_what_it_is_and_what_it_goes_by() -> None:
    assert "csv_file" in formats()
    assert set(formats()) < set(kinds("sources"))
    for kind in formats():
        module = source_module(kind)
        assert re.match("an? ", module.FORMAT), kind
        assert set(module.SETTINGS) <= set(SourceSettings.model_fields) | {"escape"}, kind


def test_a_table_is_opened_by_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "people.xlsx"  # the name says nothing
    path.write_text("Email;Name\nann@example.com;Ann\n")
    assert format_of(path) == "csv_file"
    assert open_table(path, {}).header == ("Email", "Name")
    assert open_kind("csv_file", path, {"header_line": 1}).header == ("Email", "Name")


def test_a_setting_that_the_format_does_not_know_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Email\nann@example.com\n")
    with pytest.raises(
        SourceError, match=r"sheet: says nothing about a CSV file, which .*people\.csv is\."
    ) as caught:
        open_table(path, {"sheet": "People"})
    assert "encoding, delimiter" in caught.value.fix


def test_an_export_is_read_in_whatever_format_it_has(tmp_path: Path) -> None:
    path = tmp_path / "people"
    path.write_text("Record ID\tEmail\tOpted out of email: News\n1\tann@example.com\t\n")
    source = open_kind("hubspot_export", path, {})
    assert source.facts.opt_out_columns[-1] == "Opted out of email: News"
