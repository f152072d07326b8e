"""Killed at every point of its way, a run is resumed and ends as if nothing had happened."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.sandbox.serving import Running
from tests.storm.attempts import Attempt, Attempts, Runner
from tests.storm.books import Report, Stored, ledger, report_of
from tests.storm.crash_points import POINTS
from tests.storm.places import PLACES
from tests.storm.story import COLUMNS

PLACE = PLACES["campaignlark"]
BATCH = 10
ONCE = ("before_filing", "in_filing", "before_report", "in_report", "after_report")
"""Points that a run passes once; the others are taken the second time, so that there is something already."""
OLD, NEW = [f"old{n}@example.com" for n in range(10)], [f"new{n}@example.com" for n in range(15)]


class Bench:
    """A file of 28 rows over contacts that are there and new ones; an account, and what is said of it."""

    def __init__(self, folder: Path, server: Running, runner: Runner) -> None:
        self.server, self._attempts = server, Attempts.at(runner, folder, server)
        self.home = folder / "home"
        self._mapping, self._folder = folder / "storm.yml", folder
        self._mapping.write_text(yaml.safe_dump(PLACE.document(), sort_keys=False), "utf-8")
        server.reset()
        first = self._file("first.csv", [_row(address) for address in OLD])
        assert not self.attempt(first).exit_code
        self.before = {one["email_address"]: one["writes"] for one in server.contacts()}
        rows = [_row(address, City="Ulm", Tags="vip") for address in OLD] + [
            _row(address, Tags="crm") for address in NEW
        ]
        rows[3] |= {"Out": "yes"}
        rows[12] |= {"Out": "yes"}
        rows += [_row(NEW[1], City="Bonn", Tags="vip"), _row("nobody"), _row(NEW[2], Score="many")]
        self.file = self._file("second.csv", rows)

    def killed(self, point: str, nth: int = 1) -> Attempt:
        """An attempt that kills itself there. Its answers come one after the other, and are not all kept by one commit."""
        self.server.faults(latency_ms=1, jitter_ms=80)
        attempt = self.attempt(point=point, nth=nth)
        self.server.clear_faults()
        return attempt

    def attempt(self, file: Path | None = None, **order: Any) -> Attempt:
        return self._attempts.one(self._mapping, file or self.file, batch=BATCH, **order)

    def _file(self, name: str, rows: list[dict[str, str]]) -> Path:
        path = self._folder / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        return path

    def run(self) -> Stored:
        """The newest one."""
        with ledger(self.home) as copy:
            return copy.runs()[-1]

    def clear(self, run: str) -> dict[int, tuple[Any, ...]]:
        with ledger(self.home) as copy:
            return {row: one.whole for row, one in copy.answers(run).items() if one.clear}

    def report(self) -> Report:
        return report_of(Path(self.run().folder))

    def as_it_should_be(self) -> None:
        """The contacts, each written as often as it takes: the fields, and for those who were there the tags by themselves."""
        there = {one["email_address"]: one for one in self.server.contacts()}
        assert sorted(there) == sorted([*OLD, *NEW])
        assert len(self.server.contacts()) == len(there)
        for address, one in there.items():
            city = "Ulm" if address in OLD else "Bonn" if address == NEW[1] else None
            assert one["fields"].get("city") == city, address
            assert one["tags"] == (["vip"] if address in (*OLD, NEW[1]) else ["crm"]), address
            assert (one["status"] == "UNSUBSCRIBED") == (address in (OLD[3], NEW[2])), address


@pytest.fixture
def bench(tmp_path: Path, sandbox: Running, runner: Runner) -> Bench:
    return Bench(tmp_path, sandbox, runner)


def _row(address: str, **cells: str) -> dict[str, str]:
    return {**dict.fromkeys(COLUMNS, ""), "Email": address, "First": "Ann", **cells}


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_it_is_resumed_to_the_right_contacts_and_one_balanced_report(
    bench: Bench, point: str
) -> None:
    nth = 1 if point in ONCE else 2
    killed = bench.killed(point, nth)
    assert killed.killed, killed.journal.said
    run, durable = bench.run(), bench.clear(bench.run().id)
    assert set(killed.journal.kept) <= durable.keys()
    resumed = bench.attempt(resume=run.id)
    assert resumed.exit_code == 1, resumed.journal.said  # two rows are invalid
    bench.as_it_should_be()
    written = {
        one["email_address"]: one["writes"] - bench.before.get(one["email_address"], 0)
        for one in bench.server.contacts()
    }
    assert written == {**dict.fromkeys(OLD, 2), **dict.fromkeys(NEW, 1)}, (
        "the look-up shows all that had landed: nothing is sent twice"
    )
    assert bench.run().id == run.id
    now = bench.clear(run.id)
    assert {row: now[row] for row in durable} == durable
    report = bench.report()
    assert report.summary["balanced"]
    assert (
        report.summary["outcomes"] | {"created": 15, "updated": 10, "duplicate": 1, "invalid": 2}
        == report.summary["outcomes"]
    )
    assert sum(report.summary["outcomes"].values()) == len(report.rows) == 28
    assert len(report.summary["interruptions"]) == 1
    if point in ONCE:  # what was filed is known by the next run
        assert bench.attempt().exit_code == 1
        assert Counter(bench.report().summary["outcomes"]) >= Counter({"unchanged": 25})


def test_a_commit_that_was_torn_by_a_power_cut_was_none(bench: Bench) -> None:
    assert bench.killed("after_commit", 2).killed
    run = bench.run().id
    before = bench.clear(run)
    log = bench.home / "ledger.sqlite-wal"
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 100)
    torn = bench.clear(run)
    assert torn.items() < before.items()
    assert bench.attempt(resume=run).exit_code == 1
    bench.as_it_should_be()
    assert {one["writes"] for one in bench.server.contacts()} == {1, 3}
    assert bench.report().summary["balanced"]


def test_killed_at_each_of_its_first_commits_it_still_gets_there(bench: Bench) -> None:
    for _ in range(4):
        if not bench.killed("after_commit").killed:
            break
    while bench.run().unfinished:
        assert bench.attempt().exit_code == 1
    bench.as_it_should_be()
    assert {one["writes"] for one in bench.server.contacts()} == {1, 3}
    assert bench.report().summary["balanced"]


def test_killed_before_anything_was_sent_the_next_sync_begins_anew(bench: Bench) -> None:
    assert bench.attempt(stage="reading and mapping", after=0).killed
    assert not bench.run().begun
    assert bench.attempt().exit_code == 1
    bench.as_it_should_be()
    assert bench.report().summary["interruptions"] == []
