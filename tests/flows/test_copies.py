"""Copies of reports: they lie where the mapping says, complete or not there, as long as their run's rows are kept, and hold nobody who was forgotten."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from connectors.places.place import Place
from flows.copies.marker import MARKER, Copies, link_of
from flows.traces import traces
from tests.flows.alerts.post import mailbox, receiving
from tests.flows.test_forgetting import ANN, crowd, forgotten
from tests.flows.test_retention import aged
from tests.flows.test_retry import edited, retry

if TYPE_CHECKING:
    from conftest import Desk, Ended

    Person = Callable[..., dict[str, str]]

WRONG = {"Email": "nobody"}
ALL = {"report.html", "summary.json", "failures.csv", "failures.xlsx", "results.csv"}


def shared(desk: Desk, **more: Any) -> Path:
    """The desk's mapping copies its reports into a folder that others may read."""
    folder = desk.folder / "shared"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    desk.mapping(reports={"to": "shared", **more})
    return folder


def lying(folder: Path, ended: Ended) -> set[str]:
    there = folder / "people" / ended.id
    return {path.name for path in there.iterdir()} if there.is_dir() else set()


async def test_each_runs_report_lies_where_the_mapping_says_and_others_may_read_it(
    desk: Desk, person: Person
) -> None:
    folder = shared(desk, link="https://files.acme.example/muster/")
    first = await desk.sync(desk.file([person(1), person(2, **WRONG)]))
    again = await retry(edited(desk, first, r2={"Email": "p2@example.com"}))
    for ended in (first, again):
        assert lying(folder, ended) == ALL
        for name in ALL:
            path = folder / "people" / ended.id / name
            assert path.read_bytes() == (ended.folder / name).read_bytes()
            assert path.stat().st_mode & 0o777 == 0o644
        assert link_of(ended.folder) == f"https://files.acme.example/muster/people/{ended.id}/report.html"


async def test_files_limits_what_is_copied_and_plans_copy_nothing(desk: Desk, person: Person) -> None:
    folder = shared(desk, files=["report.html", "failures.xlsx"])
    file = desk.file([person(1)])
    await desk.plan(file)
    assert not list(folder.iterdir())
    ended = await desk.sync(file)
    assert lying(folder, ended) == {"report.html", "failures.xlsx"}
    assert link_of(ended.folder) == str(folder / "people" / ended.id / "report.html")


async def test_a_place_that_cannot_be_written_changes_nothing_of_the_run_and_the_next_one_brings_it(
    desk: Desk, person: Person
) -> None:
    folder = shared(desk)
    folder.rmdir()
    folder.write_text("not a folder")
    first = await desk.sync(desk.file([person(1)]))
    assert (first.exit_code, first.outcomes) == (0, {"created": 1})
    [said] = [line for line in first.said if line.startswith("reports")]
    assert "Not copied: failures.xlsx" in said
    assert "shared cannot be used" in said
    assert link_of(first.folder) == ""
    folder.unlink()
    second = await desk.sync(desk.file([person(1)]))
    assert lying(folder, first) == lying(folder, second) == ALL
    assert any(first.id in line and "which was left" in line for line in second.said)
    third = await desk.sync(desk.file([person(1)]))
    assert not any("which was left" in line for line in third.said)


async def test_what_was_never_copied_goes_to_where_the_mapping_says_by_now(
    desk: Desk, person: Person
) -> None:
    desk.mapping(reports="people.yml")  # a file
    first = await desk.sync(desk.file([person(1)]))
    folder = shared(desk)
    await desk.sync(desk.file([person(1)]))
    assert lying(folder, first) == ALL


async def test_the_report_comes_last_and_never_before_the_others(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, put = shared(desk), Place.put
    brought: list[str] = []

    def counted(place: Place, file: Path, path: str) -> None:
        brought.append(file.name)
        if file.name == "results.csv" and brought.count("results.csv") == 1:
            (folder / "people").chmod(0o755)
            path = str(desk.folder / "people.yml" / "x")  # no folder
        put(place, file, path)

    monkeypatch.setattr(Place, "put", counted)
    first = await desk.sync(desk.file([person(1)]))
    assert lying(folder, first) == ALL - {"results.csv", "report.html"}
    await desk.sync(desk.file([person(1)]))
    assert lying(folder, first) == ALL


async def test_who_is_forgotten_is_in_no_copy_and_what_cannot_be_reached_is_named(
    desk: Desk, person: Person
) -> None:
    folder = shared(desk)
    ended = await desk.sync(desk.file(crowd(person, Score="many")))
    assert traces(folder, [ANN])
    away = desk.folder / "away"
    folder.rename(away)
    folder.write_text("the share is not there")
    forgot = forgotten(desk)
    assert forgot.unreached == [f"shared/people/{ended.id}"]
    folder.unlink()
    away.rename(folder)
    assert forgotten(desk).unreached == []
    assert traces(folder, [ANN]) == []
    assert lying(folder, ended) == ALL
    book = openpyxl.load_workbook(folder / "people" / ended.id / "failures.xlsx")
    assert book.active is not None
    assert (folder / "people" / ended.id / "failures.xlsx").read_bytes() == (
        ended.folder / "failures.xlsx"
    ).read_bytes()


async def test_copies_go_with_the_rows_of_their_run_also_where_the_place_was_away(
    desk: Desk, person: Person
) -> None:
    folder = shared(desk)
    file = desk.file([person(1)])
    old, older = await desk.sync(file), await desk.sync(file)
    aged(desk, old.id, 91)
    note = folder / "people" / old.id / "note of a reviewer.txt"
    note.write_text("mine")
    await desk.sync(file)
    assert list(note.parent.iterdir()) == [note]
    assert not old.folder.exists()
    aged(desk, older.id, 91)
    away = desk.folder / "away"
    folder.rename(away)
    folder.write_text("the share is not there")
    await desk.sync(file)
    assert [path.name for path in older.folder.iterdir()] == [MARKER]
    folder.unlink()
    away.rename(folder)
    await desk.sync(file)
    assert not older.folder.exists()
    assert not (folder / "people" / older.id).exists()


async def test_the_link_stands_in_a_mail_and_in_json_and_what_is_missing_there_is_said(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = desk.folder / "shared"
    link = "https://files.acme.example/muster"
    with mailbox() as box, receiving() as web:
        monkeypatch.setenv("MUSTER_NOTIFY_OPS", f"{web.url}/ops")
        monkeypatch.setenv(
            "MUSTER_NOTIFY_MAIL", f"mailto://127.0.0.1:{box.port}?from=m@example.com&to=o@example.com"
        )
        desk.mapping(reports={"to": "shared", "link": link}, notify=["ops", "mail"])
        ended = await desk.sync(desk.file([person(1, **WRONG)]))
        desk.mapping(reports={"to": "people.yml", "link": link}, notify=["ops", "mail"])
        well = await desk.sync(desk.file([person(1)]))
    there = f"{link}/people/{ended.id}/report.html"
    first, second = web.at("/ops")
    assert (first["report"], first["not_copied"]) == (there, [])
    assert there in box.text(box.mails[0][1])
    assert second["state"] == "recovered"
    assert (second["report"], "report.html" in second["not_copied"]) == (
        str(well.folder / "report.html"),
        True,
    )
    assert "Not copied to where reports: says: failures.xlsx" in second["text"]
    assert (folder / "people" / ended.id / "report.html").is_file()


@pytest.mark.parametrize("kind", ["s3", "sftp"])
async def test_reports_go_into_a_bucket_or_onto_another_host(
    desk: Desk, person: Person, kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, settings = (
        ("exports", request.getfixturevalue("s3")) if kind == "s3" else request.getfixturevalue("sftp")
    )
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    to = f"s3://{where}/reports" if kind == "s3" else f"sftp://crm@{where}/reports"
    desk.mapping(reports=to)
    ended = await desk.sync(desk.file(crowd(person)))
    place = Place.folder(to, beside=desk.folder, setting=lambda name: settings.get(name, ""))
    there = place.lying_in("people", ended.id, hidden=True)
    assert {one.name for one in there} == ALL
    assert link_of(ended.folder) == f"{kind}://{where}/reports/people/{ended.id}/report.html"
    assert forgotten(desk).unreached == []
    held = desk.folder / "held"
    held.mkdir()
    for one in place.lying_in("people", ended.id):
        assert place.fetch(one, held / one.name)
    assert traces(held, [ANN]) == []


async def test_what_a_folder_says_of_its_copies_is_read_as_it_was_written(desk: Desk, person: Person) -> None:
    shared(desk)
    ended = await desk.sync(desk.file([person(1)]))
    copies = Copies.read(ended.folder)
    assert copies is not None
    copies.write(ended.folder)
    assert Copies.read(ended.folder) == copies
    assert (copies.done, set(copies.lying)) == (True, ALL)
    assert copies.stale(ended.folder) == copies.outlived(ended.folder) == []
    for broken in ("", "[]", json.dumps({"to": 1}), "{"):
        (ended.folder / MARKER).write_text(broken)
        assert Copies.read(ended.folder) is None
    assert dataclasses.replace(copies, lying={}).opens == ""
