"""The ledger: what was delivered, to whom, when, and what became of it. The truth of every run.

One database for all mappings of a `MUSTER_HOME`. `database` opens it, `accounts`, `runs`, `stretches`, `answers`, `memory`,
`pages`, `columns`, `allowances`, `opt_outs`, `deliveries`, `images`, `undone`, `vanished`, `people`, `forgotten`, `corrections`, `acceptances`, `edits`, `arrivals`, `listing`, `told`, `suppressed` and `booking` are its nouns.
"""

from __future__ import annotations

from flows.ledger.acceptances import Acceptance, Acceptances
from flows.ledger.accounts import Account, Accounts
from flows.ledger.allowances import Allowances
from flows.ledger.answers import Answers, Intent, Outcome
from flows.ledger.arrivals import Arrival, Arrivals
from flows.ledger.booking import Booked, Bookings
from flows.ledger.columns import Columns
from flows.ledger.corrections import Correction, Corrections
from flows.ledger.database import Database, SqliteFile, open_database
from flows.ledger.deliveries import Deliveries
from flows.ledger.edits import Edit, Edits
from flows.ledger.flow_runs import FlowRuns
from flows.ledger.forgotten import Forgotten
from flows.ledger.images import Image, Images
from flows.ledger.listing import AccountListing
from flows.ledger.lock import Lock, RunLock
from flows.ledger.locks import Locks
from flows.ledger.memory import Memory
from flows.ledger.opt_outs import OptOuts
from flows.ledger.pages import Page, Pages
from flows.ledger.people import People, Who
from flows.ledger.runs import Run, Runs
from flows.ledger.stretches import Stretch, Stretches
from flows.ledger.suppressed import Suppressed
from flows.ledger.told import LastTold, Told
from flows.ledger.undone import Undone
from flows.ledger.vanished import VanishedPeople

__all__ = [
    "Acceptance", "Acceptances", "Account", "AccountListing", "Accounts", "Allowances", "Answers", "Arrival", "Arrivals", "Bookings", "Columns", "Correction",
    "Corrections", "Database", "Deliveries", "Edit", "Edits", "FlowRuns", "Forgotten", "Image", "Images", "Intent", "LastTold", "Ledger", "Lock", "Memory", "OptOuts", "Outcome", "Page", "Pages", "People",
    "Run", "RunLock", "Runs", "Stretch", "Stretches", "Suppressed", "Told", "Undone", "VanishedPeople", "Who", "open_database",
]  # fmt: skip


class Ledger:
    """All nouns over one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.accounts = Accounts(database)
        self.runs = Runs(database)
        self.locks = Locks(database)
        self.answers = Answers(database)
        self.stretches = Stretches(database)
        self.memory = Memory(database)
        self.pages = Pages(database)
        self.deliveries = Deliveries(database)
        self.images = Images(database)
        self.undone = Undone(database, self.images, self.memory, self.pages)
        self.vanished = VanishedPeople(database, self.pages)
        self.columns = Columns(database)
        self.opt_outs = OptOuts(database)
        self.allowances = Allowances(database)
        self.people = People(database)
        self.forgotten = Forgotten(database)
        self.corrections = Corrections(database)
        self.acceptances = Acceptances(database)
        self.edits = Edits(database)
        self.flow_runs = FlowRuns(database)
        self.arrivals = Arrivals(database)
        self.told = Told(database)
        self.suppressed = Suppressed(database)
        self._bookings: list[Booked] = []

    def bookings(self, account: int) -> Booked:
        """Where the calls of an account are booked."""
        if isinstance(self.database, SqliteFile):
            booked: Booked = Bookings(self.database.home, account)
        else:
            from flows.ledger.shared_booking import SharedBookings  # noqa: PLC0415 - psycopg only where it is used

            booked = SharedBookings(self.database, account)
        self._bookings.append(booked)
        return booked

    def run_lock(self, mapping: str, account: str) -> Lock:
        """One run of a mapping to an account, KIND-NAME, at a time. Raises Busy when it is entered."""
        return self.locks.of_run(mapping, account)

    def sender_lock(self, account: int, *, wait: float = 0.0) -> Lock:
        """One sender to an account at a time. Raises Busy when it is entered, after `wait` seconds."""
        return self.locks.of_sender(account, wait)

    def listing(self, account: int, *, hours: float, writes: bool) -> AccountListing:
        """The list of an account that can only be read page by page."""
        return AccountListing(self.database, account, hours=hours, writes=writes)

    def close(self) -> None:
        for bookings in self._bookings:
            bookings.close()
        self.database.close()
