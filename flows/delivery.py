"""Delivery: one pipeline across all batches. Intents are durable before the first call, answers before they count.

A contact is in flight from its first call until its answer is durable, and at most 256 are. The pace is the
destination's; how many calls are open at once follows from pace and latency by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from connectors.base import Delivered, Destination, Known, Remembered, SettlesLater
from connectors.endings import trouble
from connectors.errors import (
    CredentialsError,
    LedgerError,
    LookUpRefused,
    MusterError,
    SourceError,
    Unreachable,
)
from flows.addresses import Addresses
from flows.batches import Batch, Entry
from flows.carrying import Carrying
from flows.failure_limit import FailureLimit
from flows.figures import Figures
from flows.hearing import Hearing
from flows.identity import Identity
from flows.keeping import Keeping
from flows.knowledge import Knowledge
from flows.later import Later
from flows.ledger import Answers, Intent, Memory
from flows.new_tags import NewTags
from flows.remembering import image_of, image_of_delivered, outcome_of, own_of, wanted_of
from flows.seen import Seen
from flows.settling import Settling, Unclear
from flows.suppressions import Suppressions
from flows.tally import Tally
from flows.unsent import unsent
from flows.watching import Watcher
from mappings.engine.contact import Contact

__all__ = ["Delivery"]

_IN_FLIGHT = 256
_LAST_SECONDS = 20.0
"""So long what is on its way may take when the run is interrupted."""


class Delivery:
    """Delivers batches of one run to one account."""

    def __init__(
        self,
        run_id: str,
        account: int,
        mapping: str,
        destination: Destination,
        answers: Answers,
        memory: Memory,
        knowledge: Knowledge,
        suppressions: Suppressions,
        watcher: Watcher,
        *,
        pace_has_room: Callable[[], Awaitable[None]],
        forget: Callable[[str], bool] | None = None,
        identity: Identity | None = None,
        attempt: int = 1,
        unclear: Unclear | None = None,
        failures: FailureLimit | None = None,
    ) -> None:
        self._destination = destination
        self._keeping = Keeping(answers, run_id, destination.traffic)
        self.hearing = Hearing(
            account,
            mapping,
            destination,
            memory,
            knowledge,
            suppressions,
            unreadable=self._unreadable,
            forget=forget,
            identity=identity,
        )
        self._knowledge = knowledge
        self._watcher = watcher
        self._attempt = attempt
        self._settling = Settling(destination, unclear or Unclear({}))
        self._carrying = Carrying(destination, knowledge, unclear.counted if unclear is not None else None)
        self._later = Later()
        self._tasks: set[asyncio.Task[None]] = set()
        self._addresses = Addresses()
        self._pace_has_room = pace_has_room
        self._new_tags = NewTags(destination)
        self._room = asyncio.Semaphore(_IN_FLIGHT)
        self._in_order = asyncio.Lock()
        self.failures = failures or FailureLimit()
        self.tally = Tally()
        self.seen = Seen()
        """Examples of what was changed and of what was kept differently in this stretch of the run."""
        self.planned = Figures()
        """What a plan would have said of the contacts so far: decided before anything is asked or sent for them."""
        self.delivered: set[int] = set()
        """The numbers of the batches whose contacts all have an outcome."""
        self.stopped = ""
        """Why nothing more is sent: `breaker`, `credentials`, `ledger`, `interrupted`, or '' while it goes on."""
        self.error: MusterError | None = None

    async def deliver(self, batch: Batch) -> None:
        """Every contact of the batch has a durable outcome when this returns. Raises nothing that a contact caused."""
        if self.stopped:
            return
        try:
            looked_up = await self.hearing.look_up(batch)
            intents = [
                self._intent(entry, batch.number, *looked_up[entry.contact.key])
                for entry in batch.entries
                if entry.contact.row not in self._settling  # theirs are there
            ]
            if intents:
                await self._keeping.intend(intents)
        except LedgerError as error:
            self.stop("ledger", error)
            return
        async with asyncio.TaskGroup() as group:
            # batches that begin side by side would end together, and nothing be on its way meanwhile
            await self._in_order.acquire()
            try:
                for entry in batch.entries:
                    await self._may_begin()
                    task = group.create_task(self._one(entry, *looked_up[entry.contact.key]))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                    # it stands in the queue for a turn before the next one asks for room
                    await asyncio.sleep(0)
            finally:
                self._in_order.release()
        self.delivered.add(batch.number)

    def _intent(
        self, entry: Entry, batch: int, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Intent:
        contact = entry.contact
        there = known or now
        before = None if there is None else image_of(there)
        if before is None and self.hearing.nobody_looks(contact, remembered):
            before = image_of_delivered(remembered) if remembered is not None else None
        old_key = remembered.key if remembered is not None and remembered.key not in ("", contact.key) else ""
        return Intent(
            row=contact.row, batch=batch, key=contact.key, key_hash=entry.key_hash, person=contact.person,
            fingerprint=contact.fingerprint, wanted=wanted_of(contact), old_key=old_key, before=before, carried=entry.carried,
            attempt=self._attempt,
        )  # fmt: skip

    async def _may_begin(self) -> None:
        """Waits for room, and while the destination is down: nothing new is begun then."""
        await self._room.acquire()
        if self.stopped:
            return
        await self._pace_has_room()
        await self._destination.breaker.may_begin()
        self._watch_the_breaker()

    async def _one(
        self, entry: Entry, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> None:
        try:
            if not self.stopped:
                remembered = await self.hearing.heard_again(entry.contact, remembered, known, now)
            if self.stopped:
                delivered, there = unsent(self.stopped), known
            else:
                async with self._addresses.alone(entry, remembered):
                    delivered, there = await self._sent(entry, known, remembered, now)
            if delivered.settled_later and not self.stopped:
                self._later.wait_with((entry, remembered, delivered))
                if self._later.full:
                    self._trip(f"{len(self._later):,} creations got no clear answer")
                return
            self._watch_for_trouble(delivered)
            delivered = self._as_stopped(delivered)
            if not self._left_open(entry.contact.row, delivered):
                await self._kept(entry, there, remembered, delivered)
        except LedgerError as error:
            self.stop("ledger", error)
        finally:
            self._room.release()

    async def _kept(
        self, entry: Entry, there: Known | None, remembered: Remembered | None, delivered: Delivered
    ) -> None:
        """The answer is durable, and counts, when this returns. Raises LedgerError."""
        own = None if entry.carried else own_of(delivered, there, remembered, self._destination.rules)
        tally = self._carrying.tally_of(entry.contact.row)
        carried = tally.written()
        tally.count(delivered, carried=entry.carried)
        try:
            await self._keeping.keep(
                outcome_of(entry.contact.row, delivered, own, tally, self._attempt, carried)
            )
        except asyncio.CancelledError:  # it was let go of while its answer was written
            self._count(entry, delivered, tally)
            raise
        self._count(entry, delivered, tally)

    async def settle_later(self) -> None:
        """What only the destination's whole list tells, read once when all else is done.

        Where the run was stopped, or the list cannot be read, it stays unclear, and a resume settles it.
        """
        later = len(self._later)
        if not later or self.stopped or not isinstance(self._destination, SettlesLater):
            return
        self._watcher.say(
            f"{later:,} creation{'s' if later > 1 else ''} without a clear answer: the list is read to see which landed."
        )
        try:
            settled = await self._later.settled_by(self._destination)
            keeping = [
                self._kept(entry, None, remembered, delivered)
                for (entry, remembered, _), delivered in settled
            ]
            for kept in await asyncio.gather(*keeping, return_exceptions=True):
                if isinstance(kept, BaseException):
                    raise kept
        except CredentialsError as error:
            self.stop("credentials", error)
        except LedgerError as error:
            self.stop("ledger", error)
        except Unreachable as error:
            self._trip(error.what.rstrip("."))

    async def _sent(
        self, entry: Entry, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> tuple[Delivered, Known | None]:
        """What became of one contact, and how it was there before."""
        contact, unclear = entry.contact, entry.contact.row in self._settling
        try:
            if entry.carried:
                return await self._carrying.opted_out(contact, known, remembered, now), known
            if not self._knowledge.surveyed and known is None:
                known, now, remembered = await self._asked(contact, remembered, unclear=unclear)
                if self.stopped == "suppressions":
                    return unsent(self.stopped), None
            if unclear:
                remembered = self._settling.known_out(contact, remembered, known or now)
                settled = self._settling.settled(contact, known, remembered, now)
                if settled is not None:
                    return settled, known or now
            self.planned.add(
                self._destination, entry, known, remembered, now, surveyed=self._knowledge.surveyed
            )
            delivered = await self._without_its_tags(contact, known, remembered, now)
            if delivered is None:
                delivered = await self._destination.deliver(contact, known, remembered, now)
            if unclear:
                delivered = self._settling.sent_again(contact, known or now, remembered, delivered)
            delivered = self._carrying.with_reason(contact, remembered, known or now, delivered)
            return await self._carrying.with_opt_out(contact, remembered, delivered), known or now
        except CredentialsError as error:
            self.stop("credentials", error)
            return unsent(self.stopped), None
        except LedgerError:
            raise
        except MusterError as error:
            # a look-up without an answer: nothing was sent, in this stretch of the run
            if unclear or not isinstance(error, LookUpRefused):
                problem = trouble(error.what, 1, unsure=unclear)
                outcome = "unknown" if unclear else "failed"
                return Delivered(outcome, problem[0], problems=(problem,), troubled=True), None
            said = ("refused", "", "", {"detail": error.what})
            return Delivered("refused", "refused", problems=(said,)), None

    async def _asked(
        self, contact: Contact, remembered: Remembered | None, *, unclear: bool
    ) -> tuple[Known | None, Known | None, Remembered | None]:
        """The contact looked up, and what is known of the person since; how it is there is durable before it is written."""
        asked = unclear or self._destination.look_up_calls(contact, remembered)
        known, now = await self._destination.look_up(contact, remembered, always=unclear)
        if (there := known or now) is not None and not unclear:
            await self._keeping.saw(contact.row, self._attempt, image_of(there))
        if asked:
            remembered = await self.hearing.heard_again(contact, remembered, known, now)
        return known, now, remembered

    async def _without_its_tags(
        self, contact: Contact, known: Known | None, remembered: Remembered | None, now: Known | None
    ) -> Delivered | None:
        """The outcome of a contact whose tags do not exist there and cannot be created; None where it may be sent."""
        if not self._new_tags.missing(contact.tags):
            return None
        decision = self._destination.decide(contact, known, remembered, now)
        if decision.outcome:
            return None
        try:
            refused = await self._new_tags.create(decision.tags, lambda: bool(self.stopped))
        except Unreachable as error:
            self._trip(error.what.rstrip("."))
        return unsent(self.stopped) if self.stopped else refused

    def _as_stopped(self, delivered: Delivered) -> Delivered:
        """What surely was not applied when the run stopped, because of what stopped it, has its turn when it is resumed."""
        waits = self.stopped in ("breaker", "interrupted") and delivered.troubled
        return unsent(self.stopped) if waits and delivered.outcome == "failed" else delivered

    def _left_open(self, row: int, delivered: Delivered) -> bool:
        """Whether no answer is kept of a contact: what is unclear when the run stops is settled when it is resumed.

        Where opt-outs of it are counted already, an answer keeps them.
        """
        if not self.stopped or self._carrying.has_counted(row):
            return False
        return delivered.outcome == "unknown" or (delivered.outcome == "unsent" and row in self._settling)

    def _watch_for_trouble(self, delivered: Delivered) -> None:
        """Stops the run where the destination was waited for in vain, or too many contacts were refused or failed."""
        self._watch_the_breaker()
        self.failures.add(delivered)
        if not self.stopped and (error := self.failures.passed()) is not None:
            self.stop("failures", error)

    def _watch_the_breaker(self) -> None:
        if self._destination.breaker.given_up:
            self._trip(self._destination.breaker.given_up)

    def _unreadable(self, error: SourceError) -> None:
        """A suppression file is: whoever it names may not be written to."""
        self.stop("suppressions", error)

    def _trip(self, what: str) -> None:
        """The breaker: the destination counts as down."""
        fix = "muster resume finishes it when the destination is back; what landed is not sent again."
        self.stop("breaker", MusterError(f"Stopped: {what}.", fix))

    def stop(self, why: str, error: MusterError | None = None) -> None:
        """Nothing more is begun; what is in flight is finished."""
        if not self.stopped:
            self.stopped, self.error = why, error
            self._destination.traffic.last_orders = True
            self._later.give_up()
            if why == "interrupted" and self._tasks:
                asyncio.get_running_loop().call_later(_LAST_SECONDS, self._cut)

    def _cut(self) -> None:
        """What is still out when the time is up is let go of: it stays unclear, and a resume settles it."""
        for task in list(self._tasks):
            task.cancel()

    def _count(self, entry: Entry, delivered: Delivered, tally: Tally) -> None:
        self.tally.add(tally)
        self.seen.add(delivered)
        if not entry.carried:
            self._watcher.outcome(delivered.outcome)
        self._watcher.advance(1)

    async def close(self) -> None:
        """Everything that was answered is durable when this returns."""
        await self._keeping.close()
