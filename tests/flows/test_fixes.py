"""Fixes: what is dropped is taken once, by its content, retried and answered; what cannot be used is answered, too; nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl
import pytest

from connectors.errors import Busy, CannotStart, MappingError
from connectors.places.place import Place
from flows.fixes.answer import base_of, marked_with
from flows.fixes.folder import FixesFolder
from flows.fixes.turn import Piece, Told, one_after_the_other, refuse_to_ask
from flows.ledger.opening import open_ledger
from flows.options import Options
from flows.retention import Keep
from flows.sync_run import SyncRun
from flows.traces import traces
from tests import warm
from tests.flows.alerts.post import receiving
from tests.flows.conftest import Listening, finish
from tests.flows.test_forgetting import ANN, crowd, forgotten
from tests.flows.test_retry import edited

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]

WRONG = {"Email": "nobody"}
RIGHT = {"Email": "p2@example.com"}


KILLED = """
import asyncio, pathlib, sys
from tests.flows.test_fixes import killed_in_its_middle, look_of
asyncio.run(look_of(pathlib.Path(sys.argv[1]), killed_in_its_middle))
"""


class Killed(BaseException):
    """Ends a look where a kill would: nothing after it is done."""


def ready(desk: Desk, **more: Any) -> Path:
    """A desk with a folder of fixes, and that folder."""
    folder = desk.folder / "fixes"
    folder.mkdir(exist_ok=True)
    desk.mapping(fixes={"at": "fixes", "settled": "1 min"}, **more)
    return folder


def drop(file: Path, folder: Path, name: str = "failures.csv", seconds: float = 3600) -> Path:
    """As somebody drops a file that they have saved so long ago."""
    path = folder / name
    path.write_bytes(file.read_bytes())
    at = time.time() - seconds
    os.utime(path, (at, at))
    return path


async def look(desk: Desk, meanwhile: Any = None) -> list[Told]:
    """One look, as the verb and the flow do it, without Prefect."""
    return await look_of(desk.folder / "people.yml", meanwhile)


async def look_of(mapping: Path, meanwhile: Any = None) -> list[Told]:
    fixes = FixesFolder.of(str(mapping))

    async def send(piece: Piece) -> None:
        options = piece.resume.options() if piece.resume is not None else Options()
        run = SyncRun(str(fixes.path), None, options, Listening(), retry=piece.retry, resume=piece.resume)
        async with run:
            await run.open()
            run.register()
            await finish(run, meanwhile, prepared=lambda: refuse_to_ask(run))

    with fixes.alone():
        return await one_after_the_other(fixes, send, lambda _: None)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def answer(folder: Path, mark: str = "") -> str:
    [path] = [path for path in folder.glob("*.answer.txt") if mark in path.name]
    return path.read_text("utf-8-sig")


async def test_a_dropped_workbook_is_retried_once_and_answered_beside_it(desk: Desk, person: Person) -> None:
    folder = ready(desk)
    first = await desk.sync(desk.file([person(1), person(2, **WRONG), person(3, **WRONG)]))
    book = openpyxl.load_workbook(first.folder / "failures.xlsx")
    assert book.active is not None
    book.active["B2"] = RIGHT["Email"]
    book.save(desk.folder / "mia.xlsx")
    drop(desk.folder / "mia.xlsx", folder, "from Mia.xlsx")
    [told] = await look(desk)
    assert (told.name, told.state, told.exit_code) == ("from Mia.xlsx", "answered", 1)
    assert names(folder) == {"done"}
    base = f"from Mia--{told.run_id}"
    assert names(folder / "done") == {
        f"{base}{end}" for end in (".xlsx", ".answer.txt", ".report.html", ".failures.xlsx")
    }
    text = answer(folder / "done")
    assert "1 of 2 rows is where it should be; 1 needs a person." in text
    assert "Changed: Email 1" in text
    assert "- 1 row: email_syntax in Email." in text
    assert f"{base}.failures.xlsx" in text
    assert "nobody" not in text
    assert "p2@example.com" in desk.contacts()
    assert await look(desk) == []
    # the same again, and what was left of it: the one is not sent again, the other is
    writes = desk.writes()
    drop(desk.folder / "mia.xlsx", folder, "again.xlsx")
    [told_again] = await look(desk)
    assert (told_again.run_id, desk.writes()) == (told.run_id, writes)
    assert "nothing was sent again" in answer(folder / "done", f"again--{told.run_id}")
    (folder / "done" / f"{base}.failures.xlsx").rename(folder / f"{base}.failures.xlsx")
    drop(folder / f"{base}.failures.xlsx", folder, f"{base}.failures.xlsx")
    [left] = await look(desk)
    assert left.state == "answered"
    assert f"from Mia--{left.run_id}.xlsx" in names(folder / "done")


async def test_what_cannot_be_used_is_answered_in_plain_words_moved_aside_and_told(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ready(desk, notify="ops")
    ended = await desk.sync(desk.file([person(1, **WRONG)]))
    desk.mapping("other.yml", name="other")
    other = await desk.sync(desk.folder / "people.csv", "other.yml")
    good = (ended.folder / "failures.csv").read_text("utf-8-sig")
    dropped = {
        "of another.csv": ((other.folder / "failures.csv").read_bytes(), "this folder is for people", "other_mapping"),
        "no column.csv": (good.replace("_row,", "row,").encode(), "the column _row is missing", "unreadable"),
        "old.csv": (good.replace(ended.id, "20200101-101112-4f2a").encode(), "is not known here", "unknown_run"),
        "damaged.xlsx": ((ended.folder / "failures.xlsx").read_bytes()[:900], "cannot be read as a workbook", "unreadable"),
        "secret.xlsx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512) + "EncryptedPackage".encode("utf-16-le"), "by a password", "password"),
        "~$failures.xlsx": (b"\x05Mia", "holds no rows", "lock"),
        "empty.csv": (b"", "", "unreadable"),
        "no such row.csv": (good.replace(f"{ended.id},1,", f"{ended.id},7,").encode(), "has no row 7", "rows"),
    }  # fmt: skip
    for name, (content, _, _) in dropped.items():
        (desk.folder / "x").write_bytes(content)
        drop(desk.folder / "x", folder, name)
    with receiving() as web:
        monkeypatch.setenv("MUSTER_NOTIFY_OPS", f"{web.url}/ops")
        told = {one.name: one for one in await look(desk)}
    assert {one.state for one in told.values()} == {"refused"}
    assert names(folder) == {"refused"}
    causes = []
    for name, (content, said, cause) in dropped.items():
        at = Path(told[name].answer)
        text = answer(folder / "refused", at.name.removesuffix(".answer.txt"))
        assert "was not used, and nothing was sent" in text
        assert said in text
        assert name in text
        assert str(desk.home) not in text
        assert "muster retry" not in text
        assert Path(name).suffix == ".csv" or content
        aside = at.with_name(at.name.removesuffix(".answer.txt") + Path(name).suffix)
        assert aside.read_bytes() == content
        causes.append(cause)
    assert sorted(body["cause"][0] for body in web.at("/ops")) == sorted(causes)
    for body in web.at("/ops"):
        assert body["state"] == "fix_refused"
        assert not any(name in str(body) for name in dropped)


async def test_what_a_person_would_be_asked_is_told_instead_and_nothing_is_sent(
    desk: Desk, person: Person
) -> None:
    folder = ready(desk)
    ended = await desk.sync(desk.file([person(1), person(2, **WRONG)]))
    ready(desk, write="replace")
    drop(edited(desk, ended, r2=RIGHT), folder)
    writes = desk.writes()
    [told] = await look(desk)
    assert (told.state, desk.writes()) == ("refused", writes)
    assert "somebody has to allow it first" in answer(folder / "refused")
    ready(desk, guards={"invalid": {"share": "1%", "floor": 1}})
    rows = edited(desk, ended, r2={"Email": "nobody else"})
    drop(rows, folder, "guarded.csv")
    [told] = await look(desk)
    assert (told.state, desk.writes()) == ("refused", writes)
    assert "--allow invalid" in answer(folder / "refused", "guarded--")


async def test_what_is_still_written_or_open_waits_and_a_broken_mapping_touches_nothing(
    desk: Desk, person: Person
) -> None:
    folder = ready(desk)
    ended = await desk.sync(desk.file([person(1, **WRONG)]))
    fixed = edited(desk, ended, r1={"Email": "p1@example.com"})
    drop(fixed, folder, "growing.csv", seconds=3)
    drop(fixed, folder, "open.xlsx")
    drop(fixed, folder, "~$open.xlsx", seconds=600)
    drop(fixed, folder, "download.csv.crdownload")
    there = names(folder)
    told = await look(desk)
    assert {(one.name, one.state) for one in told} == {("growing.csv", "waits"), ("open.xlsx", "waits")}
    assert names(folder) == there
    (folder / "~$open.xlsx").unlink()
    (folder / "open.xlsx").rename(folder / "open.csv")
    ready(desk, fields={"email_address": {"from": "Gone"}})
    with pytest.raises(MappingError):
        await look(desk)
    assert "open.csv" in names(folder)
    ready(desk)
    assert ("open.csv", "answered") in {(one.name, one.state) for one in await look(desk)}


async def test_two_who_look_at_a_time_do_no_harm_and_a_sync_at_work_is_waited_for(
    desk: Desk, person: Person
) -> None:
    folder = ready(desk)
    ended = await desk.sync(desk.file([person(1), person(2, **WRONG)]))
    drop(edited(desk, ended, r2=RIGHT), folder)
    fixes = FixesFolder.of(str(desk.folder / "people.yml"))
    with fixes.alone(), pytest.raises(Busy):
        await look(desk)
    async with desk.begun(desk.file([person(1)])):
        [told] = await look(desk)
        assert told.state == "waits"
    assert names(folder) == {"failures.csv"}
    [told] = await look(desk)
    assert told.state == "answered"


@pytest.mark.parametrize("where", ["in the retry", "before the answer", "before the file is moved"])
async def test_cut_off_anywhere_it_is_finished_by_the_next_look_and_nobody_is_sent_twice(
    desk: Desk, person: Person, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = ready(desk)
    rows = [person(number, Score="many") for number in range(1, 31)]
    ended = await desk.sync(desk.file(rows), allow=["invalid"])
    drop(edited(desk, ended, **{f"r{n}": {"Score": "1"} for n in range(1, 31)}), folder)
    if where == "in the retry":
        done = warm.run([desk.folder / "people.yml"], cwd=desk.folder, code=KILLED)
        assert done.returncode == -signal.SIGKILL, done.stderr
    with monkeypatch.context() as patch, contextlib.suppress(Killed):
        if where == "before the answer":
            patch.setattr(FixesFolder, "settle", _killed)
        elif where == "before the file is moved":
            patch.setattr(Place, "move_unchanged", _killed)
        if where != "in the retry":
            await look(desk)
    assert "failures.csv" in names(folder)
    [told] = await look(desk)
    assert (told.state, told.exit_code) == ("answered", 0)
    assert names(folder) == {"done"}
    assert len(desk.contacts()) == 30
    assert {one["writes"] for one in desk.server.contacts()} == {1}
    ledger = open_ledger(desk.home)
    retries = [run for run in ledger.runs.last(10) if run.verb == "retry"]
    ledger.close()
    assert [run.id for run in retries] == [told.run_id]


def _killed(*_: object) -> bool:
    raise Killed


def killed_in_its_middle(_: SyncRun, number: int) -> None:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)


async def test_a_file_that_is_saved_anew_while_it_is_retried_is_taken_again(
    desk: Desk, person: Person
) -> None:
    folder = ready(desk)
    ended = await desk.sync(desk.file([person(1), person(2, **WRONG), person(3, **WRONG)]))
    later = edited(desk, ended, r2=None, r3={"Email": "p3@example.com"}).read_bytes()
    first = edited(desk, ended, r2=RIGHT, r3=None)
    content = first.read_bytes()
    drop(first, folder)

    def saved(run: SyncRun, number: int) -> None:
        (desk.folder / "later").write_bytes(later)
        drop(desk.folder / "later", folder, seconds=600)

    [told] = await look(desk, meanwhile=saved)
    assert (told.state, told.exit_code) == ("answered", 0)
    assert (folder / "done" / f"failures--{told.run_id}.csv").read_bytes() == content
    assert (folder / "failures.csv").read_bytes() == later
    [told] = await look(desk)
    assert (told.state, told.exit_code) == ("answered", 0)
    assert {"p2@example.com", "p3@example.com"} <= set(desk.contacts())


async def test_answers_go_with_time_and_hold_nobody_who_was_forgotten(desk: Desk, person: Person) -> None:
    folder = ready(desk)
    ended = await desk.sync(desk.file(crowd(person, Score="many")))
    drop(edited(desk, ended, r4={"Score": "more"}), folder)
    drop(ended.folder / "report.html", folder, "not ours.csv")
    [told, _] = sorted(await look(desk), key=lambda one: one.state)
    assert traces(folder, [ANN])
    waits = drop(ended.folder / "failures.csv", folder, "next.csv")
    assert forgotten(desk).unreached == [str(waits)]
    waits.unlink()
    assert traces(folder, [ANN]) == []
    assert f"failures--{told.run_id}.report.html" in names(folder / "done")
    fixes = FixesFolder.of(str(desk.folder / "people.yml"))
    now = dt.datetime.now(dt.UTC)
    assert fixes.tidy(Keep(90), now + dt.timedelta(days=89)) == 0
    (folder / "done" / "note.txt").write_text("mine")
    assert fixes.tidy(Keep(90), now + dt.timedelta(days=91)) > 0
    assert names(folder / "done") == {"note.txt"}


async def test_a_mapping_without_a_folder_of_fixes_or_without_a_ledger_says_so(desk: Desk) -> None:
    with pytest.raises(CannotStart, match="says no fixes:"):
        FixesFolder.of(str(desk.folder / "people.yml"))
    ready(desk)
    with pytest.raises(CannotStart, match="There is no ledger"):
        await look(desk)


@pytest.mark.parametrize("kind", ["s3", "sftp"])
async def test_fixes_come_from_a_bucket_or_another_host(
    desk: Desk, person: Person, kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, settings = (
        ("exports", request.getfixturevalue("s3")) if kind == "s3" else request.getfixturevalue("sftp")
    )
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    to = f"s3://{where}/fixes" if kind == "s3" else f"sftp://crm@{where}/fixes"
    desk.mapping(fixes={"at": to, "settled": "1 s"})
    ended = await desk.sync(desk.file([person(1), person(2, **WRONG)]))
    place = Place.folder(to, beside=desk.folder, setting=lambda name: settings.get(name, ""))
    place.put(edited(desk, ended, r2=RIGHT), place.within("failures.csv"))
    if kind == "sftp":
        await asyncio.sleep(2)  # that server's clock has whole seconds
    [told] = await look(desk)
    assert (told.state, told.exit_code) == ("answered", 0)
    assert place.lying_in() == []
    assert {one.name.partition(told.run_id)[2] for one in place.lying_in("done")} == {
        ".csv", ".answer.txt", ".report.html",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["a.xlsx", "ä" * 200 + ".csv", "no ending", "a--b.csv", "--20260101-101112-4f2a.csv"]
)
def test_the_name_of_an_answer_has_its_mark_and_fits_on_a_disk(name: str) -> None:
    base, ending = base_of(name, "20260202-101112-4f2a")
    again, _ = base_of(f"{base}.failures{ending}", "20260303-101112-4f2a")
    assert marked_with(f"{base}{ending}") == "20260202-101112-4f2a"
    assert again == base.replace("20260202", "20260303")
    assert len(f"{base}.failures.xlsx".encode()) < 255


async def test_a_dropped_file_with_a_dot_and_a_very_long_name_holds_up_nobody(
    desk: Desk, person: Person
) -> None:
    folder = ready(desk)
    first = await desk.sync(desk.file([person(1), person(2, **WRONG)]))
    drop(desk.file([person(1)]), folder, "a." + "b" * 244, 7200)
    drop(first.folder / "failures.csv", folder)
    assert [one.state for one in await look(desk)] == ["refused", "answered"]
    assert names(folder) == {"refused", "done"}
