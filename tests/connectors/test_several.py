"""Several files as one source: rows run on, columns match by names, and the names themselves are columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.base import Source
from connectors.errors import SourceError
from connectors.sources import opening
from connectors.sources.name_parts import NameParts
from flows.opening import open_source_of
from mappings.engine.reading import read_mapping
from tests.connectors.reading import seen


def opened(folder: Path, path: str, given: str | None = None, kind: str = "csv_file") -> Source:
    mapping = folder / "news.yml"
    mapping.write_text(
        f"name: news\nsource: {{kind: {kind}, path: '{path}', take: all}}\ndestination: {{kind: campaignlark}}\n"
        "key: email_address\nfields: {email_address: Email}\nconsent: {assumed: 'they asked for it'}\n"
    )
    return open_source_of(read_mapping(mapping), mapping, given)


def test_the_files_of_a_pattern_are_one_source_with_their_names_and_parts(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "south-2026-11-02.csv").write_text("City;Email\nRome;c@x.de\nBari;d@x.de;more\n")
    (folder / "north-2026-11-01.csv").write_text("Email,Name\na@x.de,Ann\nb@x.de,Bob\n")
    (folder / "readme.txt").write_text("no contacts")
    source = opened(tmp_path, "exports/{region}-{YYYY-MM-DD}.csv")
    found = seen(source)
    assert found.header == ("Email", "Name", "City", "_file", "_region", "_day")
    assert found.rows == [
        ["a@x.de", "Ann", "", "north-2026-11-01.csv", "north", "2026-11-01"],
        ["b@x.de", "Bob", "", "north-2026-11-01.csv", "north", "2026-11-01"],
        ["c@x.de", "", "Rome", "south-2026-11-02.csv", "south", "2026-11-02"],
        ["", "", "", "south-2026-11-02.csv", "south", "2026-11-02"],
    ]
    assert found.misread[0].detail == "3 cells where the header has 2 (in south-2026-11-02.csv)"
    assert "lacks Name, which are blank for its rows and also has City" in found.odd["other_columns"]
    assert "south-2026-11-02.csv: 1 row has too few or too many cells" in found.odd["row_misaligned"]
    assert source.reading["files"] == 2
    assert source.size == sum(file.stat().st_size for file in folder.glob("*.csv"))


def test_rows_run_on_from_file_to_file_also_where_one_is_read_in_several_frames(tmp_path: Path) -> None:
    rows, files = 70_000, 3
    for name in "abc"[:files]:
        (tmp_path / f"{name}.csv").write_text("Email\n" + "".join(f"{name}{n}@x.de\n" for n in range(rows)))
    numbers = [frame.rows.tolist() for frame in opened(tmp_path, "*.csv").frames()]
    assert len(numbers) > files
    assert [number for frame in numbers for number in frame] == list(range(1, files * rows + 1))


def test_one_file_of_the_pattern_has_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "north-2026.csv").write_text("Email\na@x.de\n")
    assert seen(opened(tmp_path, "{region}-*.csv")).rows == [["a@x.de", "north-2026.csv", "north"]]
    (tmp_path / "other.csv").write_text("Email\nb@x.de\n")
    assert seen(opened(tmp_path, "{region}-*.csv", str(tmp_path / "other.csv"))).rows == [
        ["b@x.de", "other.csv", ""]
    ]


def test_the_hash_is_known_before_and_is_that_of_names_and_contents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(f"Email\n{name}@x.de\n")
    source = opened(tmp_path, "*.csv")
    before = source.sha256
    seen(source)
    assert before == source.sha256 == opened(tmp_path, "*.csv").sha256
    (tmp_path / "a.csv").rename(tmp_path / "c.csv")
    assert opened(tmp_path, "*.csv").sha256 != before


def test_files_of_the_same_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for name in ("north", "south"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "all.csv").write_text("Email,_file\na@x.de,theirs\n")
    found = seen(opened(tmp_path, "{region}/all.csv"))
    assert found.header == ("Email", "_file", "__file", "_region")
    assert found.rows == [["a@x.de", "theirs", f"{name}/all.csv", name] for name in ("north", "south")]


def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(f"Email\n{name}@x.de\n")
    source = opened(tmp_path, "*.csv")
    (tmp_path / "b.csv").write_text("Email\nc@x.de\n")
    with pytest.raises(SourceError, match=r"b\.csv was changed while it was read"):
        seen(source)


def test_what_does_not_belong_together_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.csv").write_text("Email\na@x.de\n")
    (tmp_path / "b.csv").write_text("Product\nshoe\n")
    with pytest.raises(SourceError, match=r"b\.csv has no column in common with a\.csv: it has Product"):
        opened(tmp_path, "*.csv")
    for pattern in ("{a b}.csv", "{a}-{a}.csv", "{}.csv"):
        with pytest.raises(SourceError, match="is not understood, or stands there twice"):
            opened(tmp_path, pattern)
    with pytest.raises(SourceError, match="No file matches"):
        opened(tmp_path, "{region}.tsv")
    monkeypatch.setattr(opening, "MOST_FILES", 1)
    with pytest.raises(SourceError, match="More than 1 files match"):
        opened(tmp_path, "*.csv")


def test_an_export_knows_the_opt_outs_of_all_its_files(tmp_path: Path) -> None:
    for name in ("One", "Two"):
        (tmp_path / f"{name}.csv").write_text(f"Record ID,Email,Opted out of email: {name}\n1,a@x.de,\n")
    facts = opened(tmp_path, "*.csv", kind="hubspot_export").facts
    assert facts.opt_out_columns[-2:] == ("Opted out of email: One", "Opted out of email: Two")
    assert facts.person_column == "Record ID"


def test_parts_of_a_name_are_read_as_the_pattern_says() -> None:
    parts = NameParts.of("in/{list}_{YYYYMMDDhhmm}*.csv")
    assert parts.glob == "in/*_????????????*.csv"
    assert parts.columns(Path("/x/in/a_b_202611271305-1.csv")) == {
        "_list": "a_b",
        "_day": "2026-11-27 13:05:00",
    }
    assert parts.columns(Path("/x/in/a_202699991305.csv")) == {"_list": "a", "_day": "202699991305"}
    assert parts.columns(Path("/x/out/a.csv")) == {"_list": "", "_day": ""}
