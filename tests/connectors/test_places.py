"""Places: a folder, a real S3 and a real SFTP server on this machine are looked into, fetched from and tidied."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from connectors.errors import SourceError
from connectors.places import Place


def opened(place: str, settings: dict[str, str], beside: Path) -> Place:
    return Place.at(place, beside=beside, setting=lambda name: settings.get(name, ""))


def goes_through(place: Place, tmp_path: Path) -> None:
    """What an inbox does with a place: look, fetch, move away."""
    [lying] = place.files(place.path)
    assert (lying.name, lying.size) == ("a.csv", 6)
    assert abs(lying.modified - dt.datetime.now(dt.UTC)) < dt.timedelta(hours=1)
    into = tmp_path / "fetched"
    assert len(place.fetch(lying, into)) == 64
    assert into.read_bytes() == b"Email\n"
    assert into.stat().st_mode & 0o777 == 0o600
    place.move(lying, f"{lying.folder}/done/a--run.csv")
    assert place.files(place.path) == []
    assert [one.name for one in place.files(f"{place.path.rpartition('/')[0]}/done/*")] == ["a--run.csv"]


def test_a_folder_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "o[d]d").mkdir()
    (tmp_path / "o[d]d" / "a.csv").write_bytes(b"Email\n")
    goes_through(opened("*.csv", {}, tmp_path / "o[d]d"), tmp_path)


def test_a_bucket(s3: dict[str, str], tmp_path: Path) -> None:
    goes_through(opened("s3://exports/crm/*.csv", s3, tmp_path), tmp_path)
    nowhere = opened("s3://elsewhere/crm/*.csv", s3, tmp_path)
    with pytest.raises(SourceError, match="no bucket elsewhere"):
        nowhere.files(nowhere.path)


def test_a_folder_on_another_host(sftp: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    host, settings = sftp
    with pytest.raises(SourceError, match="may not be read or written"):
        opened(f"sftp://crm@{host}/crm/*.csv", {**settings, "MUSTER_SFTP_PASSWORD": "wrong"}, tmp_path)
    (tmp_path / "none").touch()
    with pytest.raises(SourceError, match=r"key of the host .* is not known"):
        opened(
            f"sftp://crm@{host}/crm/*.csv",
            {**settings, "MUSTER_SFTP_KNOWN_HOSTS": str(tmp_path / "none")},
            tmp_path,
        )
    goes_through(opened(f"sftp://crm@{host}/crm/*.csv", settings, tmp_path), tmp_path)


def test_a_file_that_changes_while_it_is_fetched_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"Email\n")
    place = opened("*.csv", {}, tmp_path)
    [lying] = place.files(place.path)
    (tmp_path / "a.csv").write_bytes(b"Email\nann@example.com\n")
    assert place.fetch(lying, tmp_path / "fetched") == ""
    assert not (tmp_path / "fetched").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    place = opened("nowhere/*.csv", {}, tmp_path)
    with pytest.raises(SourceError, match="There is no folder"):
        place.files(place.path)
