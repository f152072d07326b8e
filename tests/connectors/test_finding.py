from __future__ import annotations

import os
from pathlib import Path

import pytest

from connectors.errors import SourceError
from connectors.sources.finding import find


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    for age, name in enumerate(["monday.csv", "tuesday.csv", "sunday.csv"]):
        (folder / name).write_text("a,b\n")
        os.utime(folder / name, (1_000_000 - age, 1_000_000 - age))
    return tmp_path


def test_a_relative_path_is_found_beside_the_mapping(exports: Path) -> None:
    assert find("exports/monday.csv", beside=exports) == exports / "exports" / "monday.csv"


def test_an_absolute_path_is_found_wherever_the_mapping_is(exports: Path) -> None:
    assert find(str(exports / "exports/monday.csv"), beside=Path("/")).name == "monday.csv"


def test_newest_goes_by_the_time_of_modification(exports: Path) -> None:
    assert find("exports/*.csv", take="newest", beside=exports).name == "monday.csv"


def test_newest_takes_the_later_name_where_times_are_equal(exports: Path) -> None:
    for name in ("monday.csv", "tuesday.csv", "sunday.csv"):
        os.utime(exports / "exports" / name, (5, 5))
    assert find("exports/*.csv", take="newest", beside=exports).name == "tuesday.csv"


def test_a_pattern_with_one_match_needs_no_take(exports: Path) -> None:
    assert find("exports/mon*.csv", beside=exports).name == "monday.csv"


def test_a_name_with_brackets_is_found_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "export [1].csv").write_text("a\n")
    assert find("export [1].csv", beside=tmp_path).name == "export [1].csv"


def test_several_matches_are_named_five_at_most(exports: Path) -> None:
    for number in range(4):
        (exports / "exports" / f"more{number}.csv").write_text("a\n")
    with pytest.raises(SourceError, match="7 files match") as caught:
        find("exports/*.csv", beside=exports)
    assert "and 2 more" in caught.value.what
    assert "take: newest" in caught.value.fix


def test_a_pattern_without_a_match_says_what_is_there(exports: Path) -> None:
    with pytest.raises(SourceError, match="No file matches") as caught:
        find("exports/*.tsv", beside=exports)
    assert "monday.csv" in caught.value.fix


def test_a_missing_file_brings_the_nearest_names(exports: Path) -> None:
    with pytest.raises(SourceError, match="There is no file") as caught:
        find("exports/mondey.csv", beside=exports)
    assert "monday.csv" in caught.value.fix


def test_a_missing_folder_is_said(exports: Path) -> None:
    with pytest.raises(SourceError) as caught:
        find("imports/monday.csv", beside=exports)
    assert "does not exist either" in caught.value.fix


def test_a_folder_is_no_file(exports: Path) -> None:
    with pytest.raises(SourceError, match="is a folder"):
        find("exports", beside=exports)


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(SourceError, match="is empty"):
        find("empty.csv", beside=tmp_path)


def test_a_file_that_may_not_be_read_is_said(exports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests may run as root, who may read everything
    with pytest.raises(SourceError, match="may not be read"):
        find("exports/monday.csv", beside=exports)


def test_a_pipe_is_no_ordinary_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(SourceError, match="not an ordinary file"):
        find("pipe.csv", beside=tmp_path)


def test_an_unknown_take_names_the_known_ones(exports: Path) -> None:
    with pytest.raises(SourceError, match="oldest") as caught:
        find("exports/*.csv", take="oldest", beside=exports)
    assert "only, newest" in caught.value.fix
