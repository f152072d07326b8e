"""The ledger: what is said to be durable is, what is said to be private is, and nothing that landed is forgotten."""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.base import Remembered
from connectors.errors import Busy, LedgerError
from connectors.pace import Alone
from flows.keys import key_hash
from flows.ledger import Bookings, Intent, Ledger, Outcome, RunLock, open_database
from flows.ledger.database import NAME
from flows.ledger.migrations import STEPS
from flows.ledger.opening import open_ledger

KIND = ("campaignlark", "main", "https://api.example.com/v1")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def ledger(home: Path, ledger_place: str) -> Iterator[Ledger]:
    """Each test that asks for one runs twice: in a file, and in PostgreSQL."""
    assert ledger_place
    opened = open_ledger(home)
    yield opened
    opened.close()


@pytest.fixture
def account(ledger: Ledger) -> int:
    return ledger.accounts.seen(*KIND, "key-1").id


def began(ledger: Ledger, run_id: str, account: int) -> str:
    ledger.runs.began(run_id, account, "people", "sha", "name: people", "sync", "people.csv", "folder")
    return run_id


def intent(row: int, key: str, **more: Any) -> Intent:
    wanted = {
        "texts": {"email_address": key, "first_name": f"Name {row}"},
        "tags": ["vip"],
        "opted_out": False,
    }
    given = {
        "batch": 1,
        "key": key,
        "key_hash": key_hash(key),
        "person": "",
        "fingerprint": 2**64 - row,
        "wanted": wanted,
    }
    return Intent(row=row, **{**given, **more})


def everything(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    tables = ["delivered", "consent", "page", "run", "intent", "answer", "account"]
    return {table: ledger.database.ask(f"select * from {table} order by 1, 2, 3") for table in tables}  # noqa: S608 - our own names


def pages(ledger: Ledger, account: int, mapping: str = "people") -> dict[str, tuple[int, int]]:
    found = {}
    for number, page in enumerate(ledger.pages.all(account, mapping)):
        hashes = page.hashes.tolist()
        assert hashes == sorted(hashes)
        assert all(one >> 56 == number for one in hashes)
        for key, hashed, fingerprint in zip(
            page.keys.to_pylist(), hashes, page.fingerprints.tolist(), strict=True
        ):
            assert key not in found
            found[key] = (hashed, fingerprint)
    return found


# ---- pages

KEYS = [f"p{number}@example.com" for number in range(30)]
# Some keys share a hash, as two keys may.
HASHED = {key: (7 << 56) + 1 if index < 4 else key_hash(key) for index, key in enumerate(KEYS)}
STEP = st.tuples(
    st.dictionaries(st.sampled_from(KEYS), st.integers(0, 2**64 - 1), max_size=12),
    st.sets(st.sampled_from(KEYS), max_size=6),
)


@given(st.lists(STEP, max_size=6))
@settings(max_examples=30, deadline=None)
def test_pages_hold_what_a_dictionary_would(steps: list[tuple[dict[str, int], set[str]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(Path(folder), "")
        account = ledger.accounts.seen(*KIND, "key").id
        wanted: dict[str, tuple[int, int]] = {}
        for new, gone in steps:
            entries = [(HASHED[key], fingerprint, key) for key, fingerprint in new.items()]
            ledger.pages.put(account, "people", entries, [(HASHED[key], key) for key in gone])
            for key in gone:
                wanted.pop(key, None)
            wanted |= {key: (HASHED[key], fingerprint) for key, fingerprint in new.items()}
        assert pages(ledger, account) == wanted
        assert ledger.pages.entries(account, "people") == len(wanted)
        assert pages(ledger, account, "another-mapping") == {}
        assert pages(ledger, account + 1) == {}
        ledger.close()


# ---- intents and answers


def test_intents_and_answers_are_on_the_disk_for_any_other_process_when_the_call_returns(
    ledger: Ledger, account: int, home: Path
) -> None:
    run = began(ledger, "r1", account)
    ledger.answers.intend(
        run,
        [intent(1, "a@example.com"), intent(2, "zoë@example.com", before={"id": "9", "fields": {"x": None}})],
    )
    problem = ["kept_differently", "city", "Köln", {"field": "city", "kept": "Koeln"}]
    ledger.answers.answered(
        run,
        [
            Outcome(
                1, "created", contact_id="c1", opted_out=True, problems=[problem], kept={"city": ["a", "b"]}
            )
        ],
    )
    script = (
        "import json, sys; from pathlib import Path; from flows.ledger.opening import open_ledger\n"
        "ledger = open_ledger(Path(sys.argv[1]))\n"
        "print(json.dumps([[o.row, o.outcome, o.code, o.contact_id, o.opted_out, o.problems, o.kept, k, c]"
        " for o, k, c in ledger.answers.of('r1', 1, 9)] + [ledger.answers.open_intents('r1')]))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, str(home)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    import json

    first, second, unanswered = json.loads(said.stdout)
    assert first == [1, "created", "", "c1", True, [problem], {"city": ["a", "b"]}, "a@example.com", False]
    assert second[:3] == [2, "unknown", "no_clear_answer"]
    assert second[7] == "zoë@example.com"
    assert unanswered == 1


def test_the_largest_hash_and_fingerprint_survive(ledger: Ledger, account: int) -> None:
    run = began(ledger, "r1", account)
    ledger.answers.intend(run, [intent(1, "a@example.com", key_hash=2**64 - 1, fingerprint=2**63)])
    ledger.answers.answered(run, [Outcome(1, "created", contact_id="c1")])
    ledger.memory.settle(run, account, "people", ledger.pages)
    assert pages(ledger, account) == {"a@example.com": (2**64 - 1, 2**63)}


def test_a_first_answer_is_never_overwritten(ledger: Ledger, account: int) -> None:
    run = began(ledger, "r1", account)
    ledger.answers.intend(run, [intent(1, "a@example.com")])
    ledger.answers.answered(run, [Outcome(1, "created", contact_id="c1")])
    ledger.answers.answered(run, [Outcome(1, "failed", "not_delivered")])
    [(outcome, _, _)] = ledger.answers.of(run, 1, 1)
    assert outcome.outcome == "created"


def test_an_undo_is_about_what_landed_of_a_row_that_did_not_land_as_a_whole(
    ledger: Ledger, account: int
) -> None:
    run = began(ledger, "r1", account)
    changed = {"calls": ["POST /contacts/upsert"], "changes": {"city": ["Bonn", "Ulm"]}}
    created = {"calls": ["POST /contacts/upsert"], "changes": ["city"]}
    outcomes = [
        Outcome(1, "unknown", "no_clear_answer", calls=changed),
        Outcome(2, "refused", "tags_refused", calls=changed),
        Outcome(3, "refused", "address_kept", calls=changed),
        Outcome(4, "refused", "refused", calls=changed),
        Outcome(5, "failed", "not_delivered", calls=changed),
        Outcome(6, "unknown", "no_clear_answer", calls=created),
        Outcome(7, "unknown", "no_clear_answer", calls={"changes": {}}),
    ]
    ledger.answers.intend(run, [intent(one.row, f"p{one.row}@example.com") for one in outcomes])
    ledger.answers.answered(run, outcomes)
    assert [image.row for image in ledger.images.of(run)] == [1, 2, 3]
    assert ledger.images.count(run) == 3
    image = ledger.images.one(run, 2)
    assert image is not None
    assert image.pairs == {"city": ("Bonn", "Ulm")}


def test_what_was_counted_of_a_row_is_kept_when_its_turn_comes_again(ledger: Ledger, account: int) -> None:
    run = began(ledger, "r1", account)
    counted = {"opted_out": 1, "automations": [["Contact updated", "subscribed", 1]]}
    before = {"id": "c1", "status": "SUBSCRIBED", "fields": {}, "tags": []}
    outcomes = [
        Outcome(1, "unsent", "breaker", calls={"carried": counted, **counted}),
        Outcome(2, "failed", "not_delivered", calls={"carried": counted, **counted}),
        Outcome(3, "unknown", "no_clear_answer", calls={"carried": counted, **counted}),
        Outcome(4, "unsent", "breaker"),
        Outcome(5, "updated", calls={"carried": counted, **counted}),
    ]
    intents = [intent(1, "p1", carried=True, before=before), *(intent(row, f"p{row}") for row in range(2, 6))]
    ledger.answers.intend(run, intents)
    ledger.answers.answered(run, outcomes)
    for _ in range(2):
        ledger.answers.reopen(run)
        assert ledger.answers.counted(run) == dict.fromkeys((1, 2, 3), counted)
        unclear = ledger.answers.unclear(run)
        assert {row: was and was["status"] for row, was in unclear.items()} == {
            1: "SUBSCRIBED",
            2: None,
            3: None,
        }
    assert ledger.answers.answered_rows(run) == ([5], [])


def test_answers_come_by_run_and_by_row(ledger: Ledger, account: int) -> None:
    for run in ("r1", "r2"):
        began(ledger, run, account)
        ledger.answers.intend(
            run, [intent(row, f"p{row}@example.com", carried=row == 3) for row in range(5, 0, -1)]
        )
        ledger.answers.answered(
            run, [Outcome(row, "updated", contact_id=f"{run}-{row}") for row in range(1, 6)]
        )
    found = list(ledger.answers.of("r2", 2, 4))
    assert [(outcome.row, outcome.contact_id, carried) for outcome, _, carried in found] == [
        (2, "r2-2", False), (3, "r2-3", True), (4, "r2-4", False),
    ]  # fmt: skip


# ---- memory


def landed_and_not(ledger: Ledger, account: int, run: str = "r1") -> list[str]:
    """A run in which each outcome happened once; the keys in the order of the outcomes."""
    outcomes = [
        "created",
        "updated",
        "upserted",
        "unchanged",
        "protected",
        "refused",
        "failed",
        "unknown",
        "unsent",
        "filtered",
        "invalid",
    ]
    began(ledger, run, account)
    keys = [f"{name}@example.com" for name in outcomes]
    ledger.answers.intend(run, [intent(row, key) for row, key in enumerate(keys, start=1)])
    ledger.answers.answered(
        run, [Outcome(row, name, contact_id=f"c{row}") for row, name in enumerate(outcomes, start=1)]
    )
    return keys


def test_only_what_landed_is_filed_as_delivered(ledger: Ledger, account: int) -> None:
    keys = landed_and_not(ledger, account)
    ledger.answers.intend(
        "r1", [intent(90, "silent@example.com"), intent(91, "carried@example.com", carried=True)]
    )
    ledger.answers.answered("r1", [Outcome(91, "updated", contact_id="c91", opted_out=True)])
    assert ledger.memory.settle("r1", account, "people", ledger.pages) == 4
    asked = [(key, "") for key in [*keys, "silent@example.com", "carried@example.com"]]
    remembered = ledger.memory.remembered(account, "people", asked)
    delivered = {key for key, memory in remembered.items() if memory.texts is not None}
    assert delivered == set(keys[:4]) == set(pages(ledger, account))
    assert remembered["carried@example.com"].opted_out
    assert remembered[keys[0]].texts == {"email_address": keys[0], "first_name": "Name 1"}
    assert remembered[keys[0]].tags == {"vip"}
    assert remembered[keys[0]].contact_id == "c1"


def test_settling_a_run_again_changes_nothing(ledger: Ledger, account: int) -> None:
    landed_and_not(ledger, account)
    first = ledger.memory.settle("r1", account, "people", ledger.pages)
    before = everything(ledger)
    assert ledger.memory.settle("r1", account, "people", ledger.pages) == first
    assert everything(ledger) == before


def test_settling_that_was_cut_off_in_the_middle_is_finished_the_next_time(
    ledger: Ledger, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed_and_not(ledger, account)

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger.pages, "put", cut_off)
        with pytest.raises(KeyboardInterrupt):
            ledger.memory.settle("r1", account, "people", ledger.pages)
    assert ledger.memory.settle("r1", account, "people", ledger.pages) == 4
    assert len(pages(ledger, account)) == 4


def delivered_once(ledger: Ledger, account: int, run: str, *intents: Intent) -> None:
    began(ledger, run, account)
    ledger.answers.intend(run, intents)
    ledger.answers.answered(
        run, [Outcome(one.row, "updated", contact_id=f"c-{one.person}") for one in intents]
    )
    ledger.memory.settle(run, account, "people", ledger.pages)


def test_after_a_change_of_address_only_the_new_one_is_known(ledger: Ledger, account: int) -> None:
    delivered_once(ledger, account, "r1", intent(1, "old@example.com", person="7"))
    found = ledger.memory.remembered(account, "people", [("new@example.com", "7")])
    assert found["new@example.com"].key == "old@example.com"
    assert found["new@example.com"].contact_id == "c-7"
    delivered_once(ledger, account, "r2", intent(1, "new@example.com", person="7", old_key="old@example.com"))
    found = ledger.memory.remembered(account, "people", [("new@example.com", "7"), ("old@example.com", "")])
    assert set(found) == {"new@example.com"}
    assert found["new@example.com"].key == "new@example.com"
    assert set(pages(ledger, account)) == {"new@example.com"}
    assert ledger.database.ask("select key from delivered") == [("new@example.com",)]


def test_an_address_that_passes_from_one_person_to_another_in_one_run_stays_known(
    ledger: Ledger, account: int
) -> None:
    delivered_once(
        ledger, account, "r1", intent(1, "a@example.com", person="1"), intent(2, "b@example.com", person="2")
    )
    delivered_once(
        ledger, account, "r2",
        intent(1, "b@example.com", person="1", old_key="a@example.com"),
        intent(2, "c@example.com", person="2", old_key="b@example.com"),
    )  # fmt: skip
    wanted = {"b@example.com": "1", "c@example.com": "2"}
    assert dict(ledger.database.ask("select key, person from delivered")) == wanted
    assert set(pages(ledger, account)) == set(wanted)
    before = everything(ledger)
    ledger.memory.settle("r2", account, "people", ledger.pages)
    assert everything(ledger) == before


def test_whose_address_it_was_does_not_hide_who_has_it_now(ledger: Ledger, account: int) -> None:
    delivered_once(
        ledger, account, "r1", intent(1, "a@example.com", person="1"), intent(2, "b@example.com", person="2")
    )
    found = ledger.memory.remembered(
        account, "people", [("b@example.com", "1"), ("a@example.com", "3"), ("c@example.com", "2")]
    )
    assert {key: memory.contact_id for key, memory in found.items()} == {
        "b@example.com": "c-1",
        "a@example.com": "c-1",
        "c@example.com": "c-2",
    }
    assert {key: memory.key for key, memory in found.items()} == {
        "b@example.com": "a@example.com", "a@example.com": "a@example.com", "c@example.com": "b@example.com",
    }  # fmt: skip


def test_consent_is_never_taken_back(ledger: Ledger, account: int) -> None:
    began(ledger, "r1", account)
    ledger.answers.intend("r1", [intent(1, "said@example.com"), intent(2, "seen@example.com")])
    ledger.answers.answered("r1", [Outcome(1, "created"), Outcome(2, "unchanged", opted_out=True)])
    ledger.memory.heard_opt_outs(account, ["said@example.com"], "people")
    ledger.memory.settle("r1", account, "people", ledger.pages)
    began(ledger, "r2", account)
    ledger.answers.intend("r2", [intent(1, "said@example.com"), intent(2, "seen@example.com")])
    ledger.answers.answered(
        "r2", [Outcome(1, "updated", opted_out=False), Outcome(2, "updated", opted_out=False)]
    )
    ledger.memory.settle("r2", account, "people", ledger.pages)
    ledger.memory.heard_opt_outs(account, ["said@example.com", "seen@example.com"], "another")
    found = ledger.memory.remembered(
        account, "a-mapping-that-never-ran", [("said@example.com", ""), ("seen@example.com", "")]
    )
    assert all(memory.opted_out and memory.texts is None for memory in found.values())
    origins = dict(ledger.database.ask("select key, origin from consent"))
    assert origins == {"said@example.com": "people", "seen@example.com": "destination"}


def test_an_opt_out_follows_the_person_to_a_new_address(ledger: Ledger, account: int) -> None:
    delivered_once(ledger, account, "r1", intent(1, "old@example.com", person="7"))
    ledger.memory.heard_opt_outs(account, ["old@example.com"], "people")
    assert ledger.memory.remembered(account, "people", [("new@example.com", "7")])[
        "new@example.com"
    ].opted_out


def test_what_others_hear_meanwhile_is_added_and_no_consent_of_this_source_lifts_it(
    ledger: Ledger, account: int
) -> None:
    before = Remembered("a@example.com", "c1", {"first_name": "Ann"})
    assert ledger.memory.heard(account, "people", before, {"a@example.com", "7"}) is before
    assert ledger.memory.heard(account, "people", None, {"a@example.com"}) is None
    assert ledger.memory.heard(account, "people", before, set()) is before
    ledger.memory.heard_opt_outs(account, ["7"], "people")
    mine = ledger.memory.heard(account, "people", before, {"a@example.com", "7"})
    assert mine is not None
    assert (mine.opted_out, mine.out_elsewhere, mine.out_here_until > 0, mine.texts) == (
        True,
        False,
        True,
        before.texts,
    )
    ledger.memory.heard_opt_outs(account, ["a@example.com"], "another-mapping")
    both = ledger.memory.heard(account, "people", mine, {"a@example.com"})
    assert both is not None
    assert (both.opted_out, both.out_elsewhere, both.out_here_until) == (True, True, mine.out_here_until)
    assert ledger.memory.heard(account + 1, "people", before, {"a@example.com", "7"}) is before


# ---- accounts


def test_a_key_that_was_rotated_keeps_its_account(ledger: Ledger) -> None:
    first = ledger.accounts.seen(*KIND, "key-1")
    assert (first.new, first.key_changed) == (True, False)
    again = ledger.accounts.seen(*KIND, "key-2")
    assert (again.id, again.key_changed) == (first.id, True)
    ledger.accounts.rotated(again, "key-2")
    assert ledger.accounts.seen(*KIND, "key-2").id == first.id
    assert not ledger.accounts.seen(*KIND, "key-2").key_changed


def test_another_workspace_behind_the_same_name_is_another_account_and_the_first_is_still_known(
    ledger: Ledger,
) -> None:
    first = ledger.accounts.seen(*KIND, "key-1")
    second = ledger.accounts.another(ledger.accounts.seen(*KIND, "key-2"), "key-2")
    assert second.id != first.id
    assert ledger.accounts.seen(*KIND, "key-2").id == second.id
    back = ledger.accounts.seen(*KIND, "key-1")
    assert (back.id, back.key_changed) == (first.id, False)


@pytest.mark.parametrize(
    "other", [("loops", *KIND[1:]), (KIND[0], "emea", KIND[2]), (*KIND[:2], "https://other.example/v1")]
)
def test_another_kind_name_or_address_is_another_account(ledger: Ledger, other: tuple[str, str, str]) -> None:
    assert ledger.accounts.seen(*KIND, "key-1").id != ledger.accounts.seen(*other, "key-1").id


def test_a_key_is_kept_as_a_hash_that_differs_from_ledger_to_ledger(
    ledger: Ledger, account: int, tmp_path: Path
) -> None:
    other = open_ledger(tmp_path / "other", "")
    assert ledger.accounts.mac("key-1") != other.accounts.mac("key-1")
    other.close()
    assert account
    assert b"key-1" not in b"".join(path.read_bytes() for path in ledger.database.home.glob("ledger*"))


# ---- booking


@pytest.mark.parametrize("ledger_place", ["file"], indirect=True)
@pytest.mark.parametrize("damage", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_of_bookings_is_made_anew(ledger: Ledger, account: int, damage: bytes) -> None:
    home = ledger.database.home
    bookings = Bookings(home, account)
    bookings.book(1, 10.0, 10.0, 1000.0, 1000.0)
    bookings.close()
    (home / "pace.sqlite").write_bytes(damage)
    anew = Bookings(home, account)
    assert anew.book(1, 10.0, 10.0, 1000.0, 1000.0) == 1000.0
    anew.close()
    assert (home / "pace.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("ledger_place", ["file"], indirect=True)
def test_slots_booked_by_several_threads_never_overlap_and_fill_the_rate(
    ledger: Ledger, account: int
) -> None:
    booked: list[tuple[float, float]] = []

    def work(calls: int) -> None:
        for _ in range(25):
            begin = Bookings(ledger.database.home, account).book(calls, 200.0, 5000.0, before, before)
            booked.append((begin, begin + calls / 200.0))

    before = 1000.0
    Bookings(ledger.database.home, account).book(100, 200.0, 5000.0, before, before)
    threads = [threading.Thread(target=work, args=(calls,)) for calls in (1, 2, 3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    booked.sort()
    gaps = [later[0] - earlier[1] for earlier, later in itertools.pairwise(booked)]
    assert min(gaps) > -1e-5
    assert max(gaps) < 1e-5, "a slot was left empty while others were waiting"
    assert booked[0][0] >= before + 0.5 - 1e-5
    assert booked[-1][1] - booked[0][0] == pytest.approx(25 * 11 / 200.0, abs=1e-3)


@pytest.mark.parametrize("ledger_place", ["file"], indirect=True)
def test_accounts_do_not_wait_for_each_other(ledger: Ledger, account: int) -> None:
    for _ in range(2):
        Bookings(ledger.database.home, account).book(1000, 100.0, 100.0, 50.0, 50.0)
    assert Bookings(ledger.database.home, account + 1).book(1, 100.0, 100.0, 50.0, 50.0) == 50.0


@pytest.mark.parametrize("ledger_place", ["file"], indirect=True)
def test_a_clock_that_jumped_back_does_not_leave_the_account_booked_for_hours(
    ledger: Ledger, account: int
) -> None:
    bookings = ledger.bookings(account)
    bookings.book(1, 1.0, 1.0, 7200.0, 7200.0)
    assert bookings.book(1, 1.0, 1.0, 10.0, 10.0) == 10.0


@pytest.mark.parametrize("ledger_place", ["file"], indirect=True)
def test_slots_in_the_ledger_and_in_one_process_are_booked_alike(ledger: Ledger, account: int) -> None:
    shared, alone = Bookings(ledger.database.home, account), Alone()
    for book in (shared.book, alone.book):
        first, second = book(5, 10.0, 100.0, 7.0, 7.0), book(5, 10.0, 100.0, 7.0, 7.0)
        assert (first, second) == (7.0, 7.5)


# ---- opening


def test_a_ledger_is_made_from_nothing_with_all_its_tables(home: Path) -> None:
    database = open_database(home)
    assert database.new
    assert database.ask("pragma user_version") == [(len(STEPS),)]
    tables = {name for (name,) in database.ask("select name from sqlite_master where type = 'table'")}
    assert {
        "account",
        "run",
        "intent",
        "answer",
        "delivered",
        "consent",
        "page",
        "correction",
    } <= tables
    database.close()
    again = open_database(home)
    assert not again.new
    assert again.secret == again.secret
    again.close()


def test_a_file_that_was_made_and_never_filled_becomes_a_ledger(home: Path) -> None:
    home.mkdir()
    (home / NAME).touch()
    database = open_database(home)
    assert database.ask("pragma user_version") == [(len(STEPS),)]
    assert database.secret
    database.close()


def test_two_that_open_a_new_ledger_at_once_get_the_same_one(home: Path) -> None:
    secrets, errors = [], []
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        try:
            database = open_database(home)
            secrets.append(database.secret)
            database.close()
        except Exception as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(set(secrets)) == 1


def closed_ledger(home: Path, contacts: int = 400) -> Path:
    ledger = open_ledger(home)
    account = ledger.accounts.seen(*KIND, "key").id
    began(ledger, "r1", account)
    rows = [intent(row, f"p{row}@example.com") for row in range(1, contacts + 1)]
    ledger.answers.intend("r1", rows)
    ledger.answers.answered("r1", [Outcome(one.row, "created", contact_id=f"c{one.row}") for one in rows])
    ledger.memory.settle("r1", account, "people", ledger.pages)
    ledger.close()
    return home / NAME


def test_a_ledger_of_a_newer_version_is_refused_and_not_changed(home: Path) -> None:
    path = closed_ledger(home)
    with sqlite3.connect(path) as connection:
        connection.execute(f"pragma user_version = {len(STEPS) + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(
        LedgerError, match=f"newer muster .version {len(STEPS) + 1}; this one knows {len(STEPS)}."
    ) as raised:
        open_database(home)
    assert "Update muster" in raised.value.fix
    assert path.read_bytes() == before


def test_a_folder_is_private_and_so_is_all_that_is_in_it(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    old = os.umask(0o000)
    try:
        closed_ledger(home)
        with RunLock(home, "people", "campaignlark-main"):
            database = open_database(home)
            database.tell("insert into meta values ('x', 'y')")
            files = [path for path in home.rglob("*") if path.is_file()]
            assert len([path for path in files if path.name.startswith(NAME)]) == 3, "file, -wal, -shm"
            assert {stat.S_IMODE(path.stat().st_mode) for path in files if path.name != ".gitignore"} == {
                0o600
            }
            database.close()
    finally:
        os.umask(old)
    folders = [home, *(path for path in home.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    assert (home / ".gitignore").read_text("utf-8") == "*\n"


def test_a_folder_that_others_could_read_is_closed(home: Path) -> None:
    home.mkdir(mode=0o755)
    open_database(home).close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_place_where_no_folder_can_be_made_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file" / "home", Path("/proc/home-of-muster")):
        with pytest.raises(LedgerError, match="cannot be made or written") as raised:
            open_database(place)
        assert "MUSTER_HOME" in raised.value.fix


@pytest.mark.parametrize("with_a_ledger", [True, False])
def test_a_folder_on_a_read_only_disk_is_refused_with_what_to_do(
    home: Path, small_disk: Callable[[Path, str], None], *, with_a_ledger: bool
) -> None:
    small_disk(home, "4m")
    if with_a_ledger:
        closed_ledger(home)
    subprocess.run(["mount", "-o", "remount,ro", home], check=True)
    refusal = r"may not be written|cannot be made or written|cannot be opened"
    with pytest.raises(LedgerError, match=refusal) as raised:
        open_database(home)
    assert "MUSTER_HOME" in raised.value.fix


# ---- what a mapping itself has brought


def delivered_as(
    ledger: Ledger,
    account: int,
    run: str,
    wanted: dict[str, Any],
    own: dict[str, Any] | None,
    *,
    outcome: str = "updated",
    **more: Any,
) -> None:
    """One contact delivered in a run: what its row asked for, and what was this mapping's own after it."""
    began(ledger, run, account)
    ledger.answers.intend(run, [intent(1, "a@example.com", **{"wanted": wanted, **more})])
    ledger.answers.answered(run, [Outcome(1, outcome, contact_id="c1", own=own)])
    ledger.memory.settle(run, account, "people", ledger.pages)


def remembered_of(ledger: Ledger, account: int) -> Remembered:
    return ledger.memory.remembered(account, "people", [("a@example.com", "")])["a@example.com"]


WANTED: dict[str, Any] = {
    "texts": {"email_address": "a@example.com", "first_name": "Ann"},
    "tags": ["vip"],
    "tags_off": ["press"],
    "lists": ["weekly"],
    "lists_off": [],
    "opted_out": False,
}


def test_names_that_were_delivered_and_those_that_are_our_own_are_remembered(
    ledger: Ledger, account: int
) -> None:
    delivered_as(ledger, account, "r1", WANTED, {"tags": ["vip", "Straße"], "lists": ["weekly"], "texts": {}})
    found = remembered_of(ledger, account)
    assert (found.tags, found.lists) == ({"vip"}, {"weekly"})
    assert (found.own_tags, found.own_lists) == ({"vip", "Straße"}, {"weekly"})
    assert found.texts == WANTED["texts"]


def test_a_field_that_was_delivered_once_is_remembered_as_it_was_delivered(
    ledger: Ledger, account: int
) -> None:
    delivered_as(ledger, account, "r1", WANTED, {"tags": [], "lists": [], "texts": {"plan": "Gold"}})
    assert remembered_of(ledger, account).texts == {**WANTED["texts"], "plan": "Gold"}


def test_an_answer_that_says_nothing_of_what_is_our_own_changes_nothing_of_it(
    ledger: Ledger, account: int
) -> None:
    delivered_as(ledger, account, "r1", WANTED, {"tags": ["vip"], "lists": [], "texts": {}})
    delivered_as(ledger, account, "r2", WANTED, None, outcome="unchanged")
    assert remembered_of(ledger, account).own_tags == {"vip"}
    delivered_as(ledger, account, "r3", WANTED, {"tags": [], "lists": [], "texts": {}}, outcome="unchanged")
    assert remembered_of(ledger, account).own_tags == frozenset()


def test_what_is_our_own_follows_the_person_to_a_new_address(ledger: Ledger, account: int) -> None:
    own = {"tags": ["vip"], "lists": [], "texts": {"plan": "Gold"}}
    delivered_as(ledger, account, "r1", WANTED, own, person="7")
    found = ledger.memory.remembered(account, "people", [("new@example.com", "7")])["new@example.com"]
    assert (found.key, found.own_tags) == ("a@example.com", {"vip"})
    assert found.texts is not None
    assert found.texts["plan"] == "Gold"


# ---- one run at a time


def test_a_second_run_of_a_mapping_is_told_who_is_at_work(home: Path) -> None:
    home.mkdir()
    with RunLock(home, "people", "campaignlark-main"):
        with (
            pytest.raises(Busy, match=rf"Another run of people is at work \(pid {os.getpid()}\)"),
            RunLock(home, "people", "campaignlark-main"),
        ):
            pass
        with RunLock(home, "other", "campaignlark-main"), RunLock(home, "people", "campaignlark-emea"):
            pass
    with RunLock(home, "people", "campaignlark-main"):
        pass


def test_the_lock_of_a_killed_run_is_free_at_once(home: Path) -> None:
    home.mkdir()
    script = (
        "import sys, time; from pathlib import Path; from flows.ledger import RunLock\n"
        "with RunLock(Path(sys.argv[1]), 'people', 'campaignlark-main'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(home)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Busy, match=f"pid {holder.pid}"), RunLock(home, "people", "campaignlark-main"):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    with RunLock(home, "people", "campaignlark-main"):
        pass


def test_a_pid_that_stands_in_the_lock_says_nothing_whoever_it_is(home: Path) -> None:
    """A pid file of somebody who lives does not lock, and one of nobody does not unlock."""
    home.mkdir()
    file = home / "locks" / "people--campaignlark-main.lock"
    file.parent.mkdir()
    file.write_text(f"pid {os.getppid()}")
    with RunLock(home, "people", "campaignlark-main"):
        assert file.read_text() == f"pid {os.getpid()}"
        for nobody in ("pid 999999999", "", "none"):
            file.write_text(nobody)
            with pytest.raises(Busy), RunLock(home, "people", "campaignlark-main"):
                pass


# ---- runs


def test_a_run_is_found_by_its_id_or_the_beginning_of_it(ledger: Ledger, account: int) -> None:
    began(ledger, "20261120-181203-4f2a", account)
    began(ledger, "20261120-181203-99ab", account)
    found = ledger.runs.get("20261120-181203-4")
    assert found is not None
    assert (found.id, found.state, found.mapping) == ("20261120-181203-4f2a", "running", "people")
    assert ledger.runs.get("20261120") is None
    assert ledger.runs.get("2027") is None


def test_only_runs_that_ended_whole_count_as_complete(ledger: Ledger, account: int) -> None:
    for state in ("completed", "guarded", "stopped", "interrupted", "failed", "limited"):
        began(ledger, state, account)
        ledger.runs.read(state, "sha", 10)
        ledger.runs.finished(state, state, 0, {"rows": 10})
    began(ledger, "still-running", account)
    complete = ledger.runs.last_complete(account, "people")
    assert complete is not None
    assert (complete.id, complete.rows_read, complete.summary) == ("completed", 10, {"rows": 10})
    assert [run.id for run in ledger.runs.never_begun(account, "people")] == ["still-running"]
    assert ledger.runs.unfinished(account, "people") == []
    for name in ("stopped", "interrupted", "completed", "still-running"):
        ledger.runs.begin(name, {"attempt": 1})
    unfinished = {run.id for run in ledger.runs.unfinished(account, "people")}
    assert unfinished == {"stopped", "interrupted", "still-running"}
    assert ledger.runs.last_complete(account, "other") is None
    assert len(ledger.runs.last(3)) == 3


def test_what_another_mapping_delivered_before_own_was_kept_can_be_read(home: Path) -> None:
    ledger = open_ledger(home)
    ledger.database.tell(
        "insert into delivered values (1, 'other', 'ann@example.com', '', 'c1', ?, 'r', '2026-01-01T00:00:00.000000Z', '')",
        ('{"texts": {}, "tags": [], "lists": ["News"]}',),
    )
    found = ledger.memory.remembered(1, "mine", [("ann@example.com", "")])
    assert found["ann@example.com"].lists == {"News"}
    ledger.close()
