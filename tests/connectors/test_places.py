"""Places: a folder, a real S3 and a real SFTP server on this machine are looked into, fetched from and tidied."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from connectors.errors import SourceError
from connectors.places.place import Place


def opened(place: str, settings: dict[str, str], beside: Path) -> Place:
    return Place.at(place, beside=beside, setting=lambda name: settings.get(name, ""))


def goes_through(place: Place, tmp_path: Path) -> None:
    """What an inbox does with a place: look, fetch, move away; and runs' folders: put, get, look, remove."""
    [lying] = place.files(place.path)
    assert (lying.name, lying.size) == ("a.csv", 6)
    assert abs(lying.modified - dt.datetime.now(dt.UTC)) < dt.timedelta(hours=1)
    into = tmp_path / "fetched"
    assert len(place.fetch(lying, into)) == 64
    assert into.read_bytes() == b"Email\n"
    assert into.stat().st_mode & 0o777 == 0o600
    there = f"{lying.folder}/runs/r1"
    for name, text in (("b.csv", "first"), ("part/a.csv", "one"), ("b.csv", "second")):
        (tmp_path / "made").write_text(text)
        place.put(tmp_path / "made", f"{there}/{name}", private=True)
    assert [path.removeprefix(there) for path in place.below(there)] == ["/b.csv", "/part/a.csv"]
    assert place.folders(f"{lying.folder}/runs") == ["r1"]
    assert place.get(f"{there}/b.csv", tmp_path / "got")
    assert (tmp_path / "got").read_text() == "second"
    assert not place.get(f"{there}/c.csv", tmp_path / "not")
    assert not (tmp_path / "not").exists()
    for _ in range(2):
        place.clear(there)
    assert place.below(there) == place.folders(f"{lying.folder}/nowhere") == []
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


def is_put(place: Place, tmp_path: Path) -> None:
    """What reports do with a place: put, put again, take away; what is there is whole, and nothing else is left."""
    (tmp_path / "report.html").write_text("first")
    path = place.within("crm", "run-1", "report.html")
    for text in ("first", "second"):
        (tmp_path / "report.html").write_text(text)
        place.put(tmp_path / "report.html", path)
        [lying] = place.lying_in("crm", "run-1", hidden=True)
        into = tmp_path / f"again-{place.kind}-{text}"
        assert place.fetch(lying, into)
        assert into.read_text() == text
        into.unlink()
    place.try_writing(tmp_path)
    place.remove(path)
    place.remove(path)
    assert place.lying_in(hidden=True) == []


def test_what_is_put_into_a_folder_is_readable_for_who_may_read_the_folder(tmp_path: Path) -> None:
    for mode, of_folders, of_files in ((0o755, 0o755, 0o644), (0o770, 0o770, 0o640), (0o700, 0o700, 0o600)):
        root = tmp_path / f"sh[a]red {mode:o}"
        root.mkdir()
        root.chmod(mode)
        place = Place.folder(root.name, beside=tmp_path, setting=lambda _: "")
        (tmp_path / "file").write_text("x")
        place.put(tmp_path / "file", place.within("crm", "run", "file"))
        assert [(root / at).stat().st_mode & 0o777 for at in ("crm", "crm/run")] == [of_folders] * 2
        assert (root / "crm/run/file").stat().st_mode & 0o777 == of_files
        place.remove(place.within("crm", "run", "file"))
        assert list((root / "crm").iterdir()) == []
        is_put(Place.folder(root.name, beside=tmp_path, setting=lambda _: ""), tmp_path)


def test_a_folder_that_is_made_is_its_owners(tmp_path: Path) -> None:
    place = Place.folder("new", beside=tmp_path, setting=lambda _: "")
    (tmp_path / "file").write_text("x")
    place.put(tmp_path / "file", place.within("crm", "file"))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new/crm/file").stat().st_mode & 0o777 == 0o600


def test_what_is_put_into_a_bucket_or_onto_another_host_is_there_whole(
    s3: dict[str, str], sftp: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    bucket = Place.folder("s3://exports/put/", beside=tmp_path, setting=lambda name: s3.get(name, ""))
    is_put(bucket, tmp_path)
    assert bucket.address(bucket.within("a", "report.html")) == "s3://exports/put/a/report.html"
    where, settings = sftp
    host = Place.folder(
        f"sftp://crm@{where}/put", beside=tmp_path, setting=lambda name: settings.get(name, "")
    )
    is_put(host, tmp_path)
    assert host.address(host.within("report.html")) == f"sftp://{where}/put/report.html"


def test_a_file_that_is_written_anew_is_not_moved_away(tmp_path: Path) -> None:
    place = Place.folder(".", beside=tmp_path, setting=lambda _: "")
    (tmp_path / "a.xlsx").write_bytes(b"one")
    [lying] = place.files(place.within("*.xlsx"))
    (tmp_path / "a.xlsx").write_bytes(b"another")
    assert not place.move_unchanged(lying, place.within("done", "a.xlsx"))
    assert (tmp_path / "a.xlsx").read_bytes() == b"another"
    [lying] = place.files(place.within("*.xlsx"))
    assert place.move_unchanged(lying, place.within("done", "a.xlsx"))
    assert not place.move_unchanged(lying, place.within("done", "a.xlsx"))
    assert (tmp_path / "done/a.xlsx").read_bytes() == b"another"


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "shared").write_text("")
    place = Place.folder("shared", beside=tmp_path, setting=lambda _: "")
    with pytest.raises(SourceError, match="shared cannot be used"):
        place.try_writing(tmp_path)
