"""The ledger in a real PostgreSQL: locks, the rate, a server that goes away, and whole runs."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from connectors.errors import Busy, LedgerError
from flows.ledger import Intent, Ledger, Outcome
from flows.ledger.address import Address
from flows.ledger.lease import Lease
from flows.ledger.opening import open_ledger
from flows.ledger.postgresql import Postgresql
from tests.flows.conftest import Desk
from tests.postgresql import Server, serving

ROOT = Path(__file__).parents[2]


@pytest.fixture
def url(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    made = postgresql.new()
    monkeypatch.setenv("MUSTER_LEDGER_URL", made)
    return made


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(tmp_path / "home", url)
    yield opened
    opened.close()


def lease(ledger: Ledger, seconds: float = 30.0, wait: float = 0.0) -> Lease:
    database = ledger.database
    assert isinstance(database, Postgresql)
    return Lease(database, "people", "Another run", "Wait.", wait=wait, seconds=seconds)


def intent(row: int) -> Intent:
    return Intent(
        row, 1, f"p{row}@example.com", row, "", 1, {"texts": {}, "tags": [], "lists": [], "opted_out": False}
    )


def test_two_homes_share_a_ledger_and_one_run_of_a_mapping_at_a_time(url: str, tmp_path: Path) -> None:
    first, second = open_ledger(tmp_path / "a", url), open_ledger(tmp_path / "b", url)
    assert (first.database.new, second.database.new) == (True, False)
    assert first.database.secret == second.database.secret
    with first.run_lock("people", "campaignlark-main"):
        assert second.locks.at_work("people", "campaignlark-main")
        with (
            pytest.raises(Busy, match=f"pid {os.getpid()} on "),
            second.run_lock("people", "campaignlark-main"),
        ):
            pass
        with second.run_lock("people", "campaignlark-emea"), second.run_lock("others", "campaignlark-main"):
            pass
    assert not second.locks.at_work("people", "campaignlark-main")
    with second.run_lock("people", "campaignlark-main"):
        pass
    first.close()
    second.close()


def test_whoever_waits_for_a_sender_gets_its_turn(ledger: Ledger) -> None:
    let_go = threading.Event()
    held = threading.Event()

    def hold() -> None:
        with ledger.sender_lock(1):
            held.set()
            let_go.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(10)
    with pytest.raises(Busy), ledger.sender_lock(1):
        pass
    threading.Timer(0.3, let_go.set).start()
    with ledger.sender_lock(1, wait=10):
        pass
    holder.join()


def test_a_lease_of_a_killed_worker_of_this_machine_is_free_at_once_and_of_another_when_it_runs_out(
    ledger: Ledger, url: str, tmp_path: Path
) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom flows.ledger.opening import open_ledger\nfrom flows.ledger.lease import Lease\n"
        "ledger = open_ledger(Path(sys.argv[1]), sys.argv[2])\n"
        "with Lease(ledger.database, 'people', 'x', 'y', seconds=1.5):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "b"), url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    time.sleep(1.8)  # it is renewed
    with pytest.raises(Busy), lease(ledger):
        pass
    other.send_signal(signal.SIGKILL)
    other.communicate()
    [(holder,)] = ledger.database.ask("select holder from lease")
    who, place, number = holder.rsplit(", ", 2)
    ledger.database.tell("update lease set holder = ?", (f"{who}, another place, {number}",))
    with pytest.raises(Busy), lease(ledger):
        pass
    with lease(ledger, wait=5):
        pass
    ledger.database.tell("update lease set holder = ?, until = 1e12", (holder,))
    with lease(ledger):
        assert place


def test_a_stalled_worker_writes_nothing_after_another_has_taken_over(
    ledger: Ledger, url: str, tmp_path: Path
) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom connectors.errors import LedgerError\n"
        "from flows.ledger import Outcome\nfrom flows.ledger.opening import open_ledger\nfrom flows.ledger.lease import Lease\n"
        "ledger = open_ledger(Path(sys.argv[1]), sys.argv[2])\n"
        "with Lease(ledger.database, 'people', 'x', 'y', seconds=1.5):\n"
        "    print('held', flush=True)\n    sys.stdin.readline()\n"
        "    for write in (lambda: ledger.answers.answered('r', [Outcome(1, 'created')]),\n"
        "                  lambda: ledger.memory.heard(1, 'people', None, ['p1@example.com'])):\n"
        "        try:\n            write()\n        except LedgerError as error:\n            print(error.what, flush=True)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "b"), url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )  # fmt: skip
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    other.send_signal(signal.SIGSTOP)
    with lease(ledger, wait=5):
        ledger.answers.intend("r", [intent(1)])
        other.send_signal(signal.SIGCONT)
        said, _ = other.communicate("go on\n", timeout=20)
        ledger.answers.answered("r", [Outcome(1, "updated")])
    assert said.count("has lost its lease on people") == 2
    assert [outcome.outcome for outcome, _, _ in ledger.answers.of("r", 1, 1)] == ["updated"]


def test_a_lease_that_cannot_be_renewed_is_said_before_it_ends(tmp_path: Path) -> None:
    with serving() as server:
        ledger = open_ledger(tmp_path / "home", server.url())
        told: list[str] = []
        with lease(ledger, seconds=2.0) as held:
            held.when_lost(lambda error: told.append(error.what))
            held.refuse_when_lost()
            began = time.monotonic()
            server.stop()
            while not told and time.monotonic() < began + 5:
                time.sleep(0.02)
            assert told == [
                "This run has lost its lease on people: it could not be renewed in time. Nothing more is sent."
            ]
            assert time.monotonic() - began < 2.0
            with pytest.raises(LedgerError, match="could not be renewed"):
                held.refuse_when_lost()
        ledger.close()


def test_a_server_that_starts_again_in_the_middle_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    with serving() as server:
        ledger = open_ledger(tmp_path / "home", server.url())
        said: list[str] = []
        assert isinstance(ledger.database, Postgresql)
        ledger.database.say = said.append
        wrote = itertools.count(1)
        over = threading.Event()
        written: list[int] = []

        def write() -> None:
            for row in wrote:
                if over.is_set():
                    return
                ledger.answers.intend("r", [intent(row)])
                ledger.answers.answered("r", [Outcome(row, "created")])
                written.append(row)

        writer = threading.Thread(target=write)
        writer.start()
        until = time.monotonic() + 60
        for count, mode in ((10, "immediate"), (20, "fast"), (30, "")):
            while len(written) < count and time.monotonic() < until:
                time.sleep(0.01)
            if mode:
                server.stop(mode)
                server.start()
        over.set()
        writer.join(30)
        assert len(written) >= 30
        assert [outcome.row for outcome, _, _ in ledger.answers.of("r", 1, 10**6)] == written
        assert ledger.answers.open_intents("r") == 0
        ledger.close()


def test_a_connection_that_the_server_cuts_is_made_again(ledger: Ledger, url: str) -> None:
    ledger.answers.intend("r", [intent(1)])
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )
    ledger.answers.intend("r", [intent(2)])
    assert ledger.answers.intended("r") == 2


def test_a_server_that_never_answers_is_said_at_once_and_the_password_is_not(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(LedgerError) as raised:
            open_ledger(tmp_path / "home", f"postgresql://muster:geheim@127.0.0.1:{port}/db")
    assert raised.value.what.startswith(f"The ledger at postgresql://127.0.0.1:{port}/db cannot be reached: ")
    assert raised.value.what.endswith("refused.")
    assert "geheim" not in raised.value.what + raised.value.fix + repr(raised.value)


def test_a_user_who_does_not_own_the_database_is_told_to_be_made_its_owner(
    postgresql: Server, tmp_path: Path
) -> None:
    postgresql.tell("create role guest login")
    with pytest.raises(LedgerError, match="permission denied") as raised:
        open_ledger(tmp_path / "home", postgresql.new().replace("//muster@", "//guest@"))
    assert "cannot be reached" not in raised.value.what
    assert "OWNER TO" in raised.value.fix


@pytest.mark.parametrize(
    "wrong",
    [
        "mysql://a/b",
        "postgresql://host",
        "nonsense",
        "postgresql://muster:ge/heim@host/db",
        "postgresql://muster:ge#heim@host/db",
        "postgresql://muster:geheim\u2100@host/db",
        "postgresql://host:port/db",
    ],
)
def test_what_is_no_address_is_refused_without_saying_it(wrong: str) -> None:
    with pytest.raises(LedgerError, match="is no address of a PostgreSQL database") as raised:
        Address(wrong)
    assert wrong not in raised.value.what


def test_an_emptied_database_another_one_and_none_are_refused(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, first = tmp_path / "home", postgresql.new()
    open_ledger(home, first).close()
    other, empty = postgresql.new(), postgresql.new()
    open_ledger(tmp_path / "elsewhere", other).close()
    with pytest.raises(LedgerError, match="is another one than"):
        open_ledger(home, other)
    with pytest.raises(LedgerError, match=r"is empty, and .* has had one in"):
        open_ledger(home, empty)
    with psycopg.connect(empty) as connection:
        assert connection.execute("select 1 from pg_namespace where nspname = 'muster'").fetchone() is None
    with pytest.raises(LedgerError, match="MUSTER_LEDGER_URL is not set"):
        open_ledger(home, "")
    open_ledger(home, first).close()


def test_a_newer_ledger_is_refused_and_one_with_a_file_beside_it(
    url: str, ledger: Ledger, tmp_path: Path
) -> None:
    open_ledger(tmp_path / "file", "").close()
    with pytest.raises(LedgerError, match="has a ledger of its own"):
        open_ledger(tmp_path / "file", url)
    ledger.database.tell("update meta set value = '99' where name = 'version'")
    with pytest.raises(LedgerError, match="written by a newer muster"):
        open_ledger(tmp_path / "other", url)


def test_two_ledgers_in_one_database_are_two(postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.new()
    first, second = open_ledger(tmp_path / "a", url), open_ledger(tmp_path / "b", f"{url}?schema=second")
    assert second.database.new
    assert second.database.shown.endswith("?schema=second")
    assert first.database.secret != second.database.secret
    first.close()
    second.close()


def test_what_postgresql_cannot_keep_is_kept_as_a_sign_for_it(ledger: Ledger) -> None:
    ledger.answers.intend("r", [intent(1)])
    ledger.answers.answered("r", [Outcome(1, "refused", reason="a\0b", problems=[["code", "c", "\0", {}]])])
    [(outcome, _, _)] = ledger.answers.of("r", 1, 1)
    assert (outcome.reason, outcome.problems) == ("a␀b", [["code", "c", "␀", {}]])


def test_several_bookings_of_an_account_share_its_slots(ledger: Ledger) -> None:
    first, second = ledger.bookings(1), ledger.bookings(1)
    now = time.monotonic()
    slots = sorted(one.book(1, 100, 100, now, now) for _ in range(30) for one in (first, second))
    gaps = [later - earlier for earlier, later in itertools.pairwise(slots)]
    assert min(gaps) > 0.007
    assert slots[-1] - slots[0] == pytest.approx(0.59, abs=0.02)
    assert second.taken(now - 1) == 60


def test_how_late_calls_left_counts_for_all_who_share_the_account(ledger: Ledger) -> None:
    first, second = ledger.bookings(1), ledger.bookings(1)
    now = time.monotonic()
    begins = [first.book(1, 10, 10, now, now) for _ in range(10)]
    late = begins[-1] + 0.8  # so late the tenth of them leaves
    second.book(1, 10, 10, late, late)
    first.book(1, 10, 10, late, late, [(begins[-1], late)])
    for _ in range(7):
        second.book(1, 10, 10, late, late)
    assert second.book(1, 10, 10, late, late) >= late + 1


async def test_a_whole_sync_is_kept_there_and_the_next_sends_only_what_changed(
    url: str, desk: Desk, person: Callable[..., dict[str, str]]
) -> None:
    assert os.environ["MUSTER_LEDGER_URL"] == url
    rows = [person(number, City="Rome") for number in range(1, 9)]
    first = await desk.sync(desk.file(rows))
    assert first.outcomes == {"created": 8}
    rows[0]["City"], rows[1]["Out"] = "Bonn", "yes"
    second = await desk.sync(desk.file(rows))
    assert second.outcomes == {"updated": 2, "unchanged": 6}
    assert not (desk.home / "ledger.sqlite").exists()
    assert desk.contacts()["p2@example.com"]["status"] == "UNSUBSCRIBED"
