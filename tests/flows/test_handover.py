"""A handover: what one machine exports another imports, and goes on as if it had delivered it all itself."""

from __future__ import annotations

import contextlib
import functools
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connectors.errors import LedgerError
from flows.cli import muster
from flows.cli.erring import explained
from flows.handover import hand_over, take_over
from flows.ledger.damaged import has_ledger
from flows.ledger.opening import open_ledger

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    run = functools.partial(muster.main, args=list(words), prog_name="muster", standalone_mode=False)
    code = explained(run)
    return code, "".join(capsys.readouterr())


async def test_after_an_import_nothing_is_sent_again_nobody_is_subscribed_again_and_reports_are_there(
    desk: Desk,
    person: Person,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [person(n, Out="yes" if n == 2 else "") for n in range(1, 6)]
    ended = await desk.sync(desk.file(rows))
    (desk.home / "suppress.txt").write_text("p7@example.com\n", "utf-8")
    file = tmp_path / "over.zip"
    code, out = said(capsys, "ledger", "export", str(file), "--with-runs")
    assert (code, "and 1 runs" in out) == (0, True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    desk.home.rename(tmp_path / "gone")
    desk.home = tmp_path / "there"
    monkeypatch.setenv("MUSTER_HOME", str(desk.home))
    code, out = said(capsys, "ledger", "import", str(file))
    assert (code, "5 contacts delivered, 1 runs" in out) == (0, True)
    assert stat.S_IMODE((desk.home / "ledger.sqlite").stat().st_mode) == 0o600
    rows[1]["Out"] = ""
    again = await desk.sync(desk.file([*rows, person(7)]))
    assert again.outcomes == {"unchanged": 5, "protected": 1} or again.outcomes["protected"] == 1
    assert desk.contacts()["p2@example.com"]["status"] == "UNSUBSCRIBED"
    code, out = said(capsys, "report", ended.id)
    assert (code, str(desk.home / "runs" / ended.id) in out) == (0, True)


async def test_an_import_never_takes_the_place_of_a_ledger(
    desk: Desk, person: Person, tmp_path: Path
) -> None:
    await desk.sync(desk.file([person(1)]))
    with contextlib.closing(open_ledger(desk.home)) as ledger:
        hand_over(ledger, tmp_path / "over.zip", runs=False)
    before = (desk.home / "ledger.sqlite").read_bytes()
    with pytest.raises(LedgerError, match="has a ledger already"):
        take_over(tmp_path / "over.zip", desk.home)
    (desk.home / "ledger.sqlite").rename(tmp_path / "kept")
    with pytest.raises(LedgerError, match="is missing, and"):
        take_over(tmp_path / "over.zip", desk.home)
    assert (tmp_path / "kept").read_bytes() == before


@pytest.mark.parametrize("how", ["no zip", "cut off", "another zip", "climbs out", "damaged ledger"])
async def test_what_is_no_whole_handover_is_refused_and_leaves_nothing_behind(
    desk: Desk, person: Person, tmp_path: Path, how: str
) -> None:
    await desk.sync(desk.file([person(1)]))
    file = tmp_path / "over.zip"
    with contextlib.closing(open_ledger(desk.home)) as ledger:
        hand_over(ledger, file, runs=True)
    if how == "no zip":
        file.write_text("nothing of the kind", "utf-8")
    elif how == "cut off":
        file.write_bytes(file.read_bytes()[:-400])
    else:
        name = {
            "another zip": "data.csv",
            "climbs out": "runs/../../evil",
            "damaged ledger": "ledger.sqlite",
        }[how]
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, b"SQLite format 3\0" + b"x" * 5000)
    home = tmp_path / "there"
    with pytest.raises(LedgerError, match="is no handover of muster"):
        take_over(file, home)
    assert not has_ledger(home)
    assert {path.name for path in home.iterdir()} == {".gitignore"}
    assert not (tmp_path / "evil").exists()
