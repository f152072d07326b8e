"""An inbox: what is moved, by what its files sort, when none came, who waits. What is synced of it is in test_inbox_synced."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from connectors.errors import Busy, MappingError
from flows.inbox.arrivals import Inbox, Look
from flows.inbox.pattern import Pattern
from flows.ledger.opening import open_ledger
from tests.flows.conftest import PEOPLE

DAY = 1_770_000_000.0


class Place:
    """An inbox in a folder, with runs that read a file to its end and send nothing."""

    def __init__(self, folder: Path, **source: str) -> None:
        self.folder = folder
        self.synced: list[str] = []
        (folder / "in").mkdir()
        said = {"kind": "csv_file", "inbox": "in/*.csv", **source}
        self.mapping = folder / "m.yml"
        self.mapping.write_text(yaml.safe_dump({**PEOPLE, "source": said}), "utf-8")

    def put(self, name: str, content: str, hour: int) -> None:
        path = self.folder / "in" / name
        path.write_text(content, "utf-8")
        os.utime(path, (DAY + 3600 * hour,) * 2)

    def sync(self, *, marks: bool = True) -> Look:
        """All runs, and what becomes of the files; without `marks` it is killed before that."""
        inbox = Inbox.of(str(self.mapping))
        assert inbox is not None
        with inbox.alone():
            look = inbox.look()
            for one in look.to_sync:
                assert one.path is not None
                self._run(inbox, one.judged.found.sha256, str(one.path))
                self.synced.append(one.path.read_text("utf-8"))
                if not marks:
                    return look
            assert inbox.settle(look) == []
        return look

    def _run(self, inbox: Inbox, sha256: str, path: str) -> None:
        ledger = open_ledger(inbox.home)
        [(account,)] = ledger.database.ask("select id from account")
        run = f"run-{len(self.synced)}"
        ledger.runs.began(run, account, "people", "", "", "sync", path, "")
        ledger.runs.read(run, sha256, 1)
        ledger.runs.finished(run, "completed", 0, {})
        ledger.close()


@pytest.fixture(scope="module", autouse=True)
def _account() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAMPAIGNLARK_API_KEY", "sandbox-key")
        patch.setenv("CAMPAIGNLARK_BASE_URL", "http://127.0.0.1:9")
        patch.delenv("MUSTER_HOME", raising=False)
        yield


def states(look: Look) -> dict[str, str]:
    return {one.lying.name: one.state for one in look.files}


def test_what_is_done_is_moved_with_the_id_of_its_run(tmp_path: Path) -> None:
    place = Place(tmp_path, done="move")
    place.put("a.csv", "one", 1)
    place.put("b.csv", "two", 2)
    assert states(place.sync(marks=False)) == {"a.csv": "waits", "b.csv": "sync"}
    place.sync()
    place.put("again.csv", "two", 3)
    place.put("old.csv", "three", 0)
    assert states(place.sync()) == {"old.csv": "late", "again.csv": "repeated"}
    told = sorted(path.name.rsplit("-", 1)[0] for path in (tmp_path / "in" / "done").iterdir())
    assert told == ["a--superseded", "again--repeated", "b--run", "old--late"]
    assert place.synced == ["two"]
    assert not (tmp_path / ".muster" / "inbox" / "people").exists(), "what was fetched is gone"


def test_a_day_in_the_name_counts_more_than_when_a_file_was_written(tmp_path: Path) -> None:
    place = Place(tmp_path, inbox="in/crm_{DD-MM-YYYY}.csv", files="deltas")
    place.put("crm_01-02-2026.csv", "second", 1)
    place.put("crm_31-01-2026.csv", "first", 2)
    place.put("crm_99-01-2026.csv", "no day", 3)
    place.sync()
    assert place.synced == ["first", "second"]
    with pytest.raises(MappingError, match="not understood"):
        Pattern.of("in/{day}.csv")


def test_no_file_for_longer_than_one_is_expected_is_told(tmp_path: Path) -> None:
    place = Place(tmp_path, every="26 hours")
    assert place.sync().overdue is None, "it is watched only since now"
    place.put("a.csv", "one", 0)
    assert place.sync().overdue is None
    late = place.sync().overdue
    assert late is not None
    assert late.ever
    assert "expected every 26 hours" in late.told(late.since)


def test_two_do_not_sync_from_one_inbox_at_a_time(tmp_path: Path) -> None:
    Place(tmp_path)
    first, second = Inbox.of(str(tmp_path / "m.yml")), Inbox.of(str(tmp_path / "m.yml"))
    assert first is not None
    assert second is not None
    with first.alone(), pytest.raises(Busy), second.alone():
        pass


def test_a_file_from_the_future_does_not_make_those_that_come_later_late(tmp_path: Path) -> None:
    place = Place(tmp_path, every="26 hours", settled="0 s")
    place.put("a.csv", "one", 1_000_000)  # a clock that is a century ahead
    assert place.sync().overdue is None
    place.put("b.csv", "two", 0)
    os.utime(tmp_path / "in" / "b.csv", (time.time() + 300,) * 2)
    place.sync()
    assert place.synced == ["one", "two"]


def test_a_file_from_the_future_counts_as_written_when_it_was_seen_so_that_a_missing_one_is_told(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path, every="1 minute", settled="0 s")
    place.put("a.csv", "one", 1_000_000)
    assert place.sync().overdue is None
    with closing(sqlite3.connect(tmp_path / ".muster" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("update arrival set seen_at = '2026-02-02T02:40:00.000000Z'")
    assert place.sync().overdue is not None


@pytest.mark.parametrize("name", ["n" * 250 + ".csv", "ü" * 124 + ".csv", "a." + "b" * 244 + ".csv"])
def test_a_file_with_a_very_long_name_is_moved_as_well(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path, done="move")
    place.put(name, "one", 0)
    place.sync()
    place.sync()
    assert place.synced == ["one"]
    [moved] = (tmp_path / "in" / "done").iterdir()
    assert moved.name.endswith("--run-0.csv")
