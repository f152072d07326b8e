"""Delivery: one pipeline across all batches. Intents are durable before the first call, answers before they count.

A contact is in flight from its first call until its answer is durable, and at most 256 are. The pace is the
destination's; how many calls are open at once follows from pace and latency by itself.
"""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.base import Decision, Delivered, Destination, Known, Remembered, SettlesLater, Started
from connectors.consents import will_of
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
from flows.consent import strictest
from flows.failure_limit import FailureLimit
from flows.figures import LEFT_ALONE, Figures
from flows.identity import Identity
from flows.keeping import Keeping
from flows.knowledge import Knowledge
from flows.ledger import Answers, Intent, Memory, Outcome
from flows.new_tags import NewTags
from flows.remembering import LANDED, image_of, image_of_delivered, own_of, wanted_of
from flows.report.summary import NEED_A_PERSON
from flows.seen import Seen
from flows.settling import Settling, Unclear
from flows.suppressions import Suppressions
from flows.watching import Watcher
from mappings.engine.contact import Contact

__all__ = ["WHY_STOPPED", "Delivery", "Tally"]

_IN_FLIGHT = 256
_BEING_SAVED_SECONDS = (0.1, 0.3, 0.6)
"""So long it is waited for a suppression file that somebody is just saving, before the run stops."""
_MOST_LATER = 5_000
"""So many that wait for the end of the run are kept in memory; of more of them, it is stopped, and a resume settles all."""
_LAST_SECONDS = 20.0
"""So long what is on its way may take when the run is interrupted."""


WHY_STOPPED = {
    "guarded": "a guard stopped the run before anything was sent",
    "interrupted": "the run was interrupted before its turn",
    "breaker": "the destination gave no usable answer any more",
    "failures": "too many rows were refused or failed",
    "credentials": "the key was not accepted any more",
    "ledger": "the ledger could not be written any more",
    "suppressions": "a suppression file could not be read any more",
}
"""Why a row was not tried, by the code that says it."""


@dataclass(slots=True)
class Tally:
    """What has become of the contacts so far. `changed` counts, by merge tag, contacts that were there and are changed now."""

    kept: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    automations: Counter[tuple[str, str]] = field(default_factory=Counter)
    opted_out: int = 0
    opted_in: int = 0

    def add(self, other: Tally) -> None:
        """Counts what another one has, too."""
        if other.kept:
            self.kept.update(other.kept)
        if other.changed:
            self.changed.update(other.changed)
        if other.automations:
            self.automations.update(other.automations)
        self.opted_out += other.opted_out
        self.opted_in += other.opted_in


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
        self._run = run_id
        self._account = account
        self._mapping = mapping
        self._destination = destination
        self._keeping = Keeping(answers, run_id, destination.traffic)
        self._memory = memory
        self._knowledge = knowledge
        self._suppressions = suppressions
        self._watcher = watcher
        self._forget = forget
        self._identity = identity
        self._attempt = attempt
        self._settling = Settling(destination, unclear or Unclear({}))
        self._tasks: set[asyncio.Task[None]] = set()
        self._carried: dict[int, Tally] = {}
        self._later: list[tuple[Entry, Remembered | None, Delivered]] = []
        self._reading: asyncio.Future[list[Delivered]] | None = None
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

    async def look_up(self, batch: Batch) -> dict[str, tuple[Known | None, Remembered | None, Known | None]]:
        """What is known of a batch's contacts: there under their key, remembered, there under an old key."""
        pairs = [(entry.contact.key, entry.contact.person) for entry in batch.entries]

        def remembering() -> dict[str, Remembered]:
            remembered = self._memory.remembered(self._account, self._mapping, pairs)
            if self._forget is not None:
                remembered = {
                    k: (_without_memory(r) if self._forget(k) else r) for k, r in remembered.items()
                }
            return self._identity.checked(pairs, remembered) if self._identity is not None else remembered

        remembered = await self._memory.beside(remembering)
        keys = [key for key, _ in pairs]
        old = [r.key for key, r in remembered.items() if r.key not in ("", key)]
        known = self._knowledge.known([*keys, *old])

        def hearing() -> dict[str, tuple[Known | None, Remembered | None, Known | None]]:
            found = {}
            for entry in batch.entries:
                key = entry.contact.key
                memory, there = remembered.get(key), known.get(key)
                now = known.get(memory.key) if memory and memory.key != key else None
                found[key] = there, self.heard(entry.contact, memory, there, now, asked=True), now
            return found

        return await self._memory.beside(hearing)

    def heard(
        self, contact: Contact, remembered: Remembered | None, *there: Known | None, asked: bool = False
    ) -> Remembered | None:
        """What is remembered, with what the ledger and the suppression files say at this moment. Raises LedgerError.

        `asked`: of the row's key and the one before it, the ledger has just said what it knows.
        """
        already = {contact.key, remembered.key if remembered is not None else ""} if asked else set()

        def heard(known: Remembered | None, names: set[str]) -> Remembered | None:
            return self._memory.heard(self._account, self._mapping, known, names - already)

        return strictest(contact, remembered, self._suppressions, self._destination.keys, there, heard)

    async def _heard_again(
        self, contact: Contact, remembered: Remembered | None, *there: Known | None
    ) -> Remembered | None:
        """The same right before a contact is sent: while a run goes on, others hear opt-outs, and files are added to."""
        for wait in (*_BEING_SAVED_SECONDS, None):
            try:
                self._suppressions.refresh()
                break
            except SourceError as error:
                if wait is None:
                    self.stop("suppressions", error)
                else:
                    await asyncio.sleep(wait)
        return await self._memory.beside(lambda: self.heard(contact, remembered, *there))

    async def deliver(self, batch: Batch) -> None:
        """Every contact of the batch has a durable outcome when this returns. Raises nothing that a contact caused."""
        if self.stopped:
            return
        try:
            looked_up = await self.look_up(batch)
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
        if before is None and self._nobody_looks(contact, remembered):
            before = image_of_delivered(remembered) if remembered is not None else None
        old_key = remembered.key if remembered is not None and remembered.key not in ("", contact.key) else ""
        return Intent(
            row=contact.row, batch=batch, key=contact.key, key_hash=entry.key_hash, person=contact.person,
            fingerprint=contact.fingerprint, wanted=wanted_of(contact), old_key=old_key, before=before, carried=entry.carried,
            attempt=self._attempt,
        )  # fmt: skip

    def _nobody_looks(self, contact: Contact, remembered: Remembered | None) -> bool:
        """Whether nobody will say how a contact that was delivered before is there now."""
        if self._knowledge.surveyed or remembered is None or remembered.texts is None:
            return False
        return not self._destination.look_up_calls(contact, remembered)

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
                remembered = await self._heard_again(entry.contact, remembered, known, now)
            if self.stopped:
                delivered, there = self._unsent(), known
            else:
                async with self._addresses.alone(entry, remembered):
                    delivered, there = await self._sent(entry, known, remembered, now)
            if delivered.settled_later and not self.stopped:
                self._wait_with(entry, remembered, delivered)
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
        tally = self._tally_of(entry, delivered)
        await self._keeping.keep(self._outcome(entry.contact.row, delivered, own, tally))
        self._count(entry, delivered, tally)

    def _wait_with(self, entry: Entry, remembered: Remembered | None, delivered: Delivered) -> None:
        """Its answer is not kept yet: so long it counts as unclear, whatever happens to the run."""
        self._later.append((entry, remembered, delivered))
        if len(self._later) >= _MOST_LATER:
            self._trip(f"{len(self._later):,} creations got no clear answer")

    async def settle_later(self) -> None:
        """What only the destination's whole list tells, read once when all else is done.

        Where the run was stopped, or the list cannot be read, it stays unclear, and a resume settles it.
        """
        later, self._later = self._later, []
        if not later or self.stopped or not isinstance(self._destination, SettlesLater):
            return
        self._watcher.say(
            f"{len(later):,} creation{'s' if len(later) > 1 else ''} without a clear answer: the list is read to see which landed."
        )
        try:
            waiting = [(entry.contact, delivered) for entry, _, delivered in later]
            self._reading = asyncio.ensure_future(self._destination.settle_later(waiting))
            await asyncio.wait([self._reading])
            if self._reading.cancelled():  # the run was stopped meanwhile; reading changes nothing there
                return
            settled = self._reading.result()
            keeping = [
                self._kept(entry, None, remembered, delivered)
                for (entry, remembered, _), delivered in zip(later, settled, strict=True)
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
        contact = entry.contact
        try:
            if entry.carried:
                return await self._opted_out(contact, known, remembered, now), known
            unclear = contact.row in self._settling
            if not self._knowledge.surveyed and known is None:
                known, now, remembered = await self._asked(contact, remembered, unclear=unclear)
                if self.stopped == "suppressions":
                    return self._unsent(), None
            if unclear and (settled := self._settling.settled(contact, known, remembered, now)) is not None:
                return settled, known or now
            self.planned.add(
                self._destination, entry, known, remembered, now, surveyed=self._knowledge.surveyed
            )
            delivered = await self._without_its_tags(contact, known, remembered, now)
            if delivered is None:
                delivered = await self._destination.deliver(contact, known, remembered, now)
            if unclear:
                delivered = self._settling.sent_again(contact, known or now, remembered, delivered)
            delivered = self._with_reason(contact, remembered, known or now, delivered)
            return await self._with_opt_out(contact, remembered, delivered), known or now
        except CredentialsError as error:
            self.stop("credentials", error)
            return self._unsent(), None
        except LedgerError:
            raise
        except LookUpRefused as error:
            said = ("refused", "", "", {"detail": error.what})
            return Delivered("refused", "refused", problems=(said,)), None
        except MusterError as error:  # a look-up without an answer: nothing was sent
            problem = ("not_delivered", "", "", {"detail": error.what, "attempts": 1})
            return Delivered("failed", "not_delivered", problems=(problem,), troubled=True), None

    async def _asked(
        self, contact: Contact, remembered: Remembered | None, *, unclear: bool
    ) -> tuple[Known | None, Known | None, Remembered | None]:
        """The contact looked up, and what is known of the person since; how it is there is durable before it is written."""
        asked = unclear or self._destination.look_up_calls(contact, remembered)
        known, now = await self._destination.look_up(contact, remembered, always=unclear)
        if (there := known or now) is not None and not unclear:
            await self._keeping.saw(contact.row, self._attempt, image_of(there))
        if asked:
            remembered = await self._heard_again(contact, remembered, known, now)
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
        return self._unsent() if self.stopped else refused

    async def _opted_out(
        self,
        contact: Contact,
        known: Known | None,
        remembered: Remembered | None,
        now: Known | None,
        *,
        sure: bool = True,
    ) -> Delivered:
        """Opts somebody out under their address, the one they had before and the row's other id; the worst outcome of these.

        `sure`: `known` and `now` are what the survey said, so that who is not there or is out already costs nothing.
        """
        addresses = {contact.key: known}
        if remembered is not None and remembered.key:
            addresses.setdefault(remembered.key, now)
        worst = Delivered("unchanged", "already_out", "nobody there to opt out")
        carried = [
            functools.partial(self._destination.opt_out, address)
            for address, there in addresses.items()
            if not (sure and self._knowledge.surveyed and (there is None or there.opted_out))
        ]
        if self._destination.other_id_of(contact):
            carried.append(functools.partial(self._destination.opt_out_other, contact))
        mine = self._carried.setdefault(contact.row, Tally())
        for carry in carried:
            done = await carry()
            mine.opted_out += done.outcome == "updated"
            mine.automations.update(_started(done))
            if done.outcome in NEED_A_PERSON or worst.outcome == "unchanged":
                worst = done
        return replace(worst, decision=replace(worst.decision, automations={}))  # those are counted

    async def _with_opt_out(
        self, contact: Contact, remembered: Remembered | None, delivered: Delivered
    ) -> Delivered:
        """Carries the opt-out of somebody who is there and is left out: by the write mode, as two contacts, for a tag.

        Also of whose write was refused for something else: an opt-out by itself carries nothing that can be wrong.
        """
        decision = delivered.decision
        out = contact.opted_out or (remembered is not None and remembered.opted_out)
        nothing_sent = delivered.code == "tags_refused" and not decision.calls
        refused = delivered.outcome == "refused" and decision.opts_out
        if not out or not (nothing_sent or refused or delivered.code in LEFT_ALONE):
            return delivered
        carried = await self._opted_out(contact, None, remembered, None, sure=False)
        if carried.outcome in NEED_A_PERSON:
            return delivered if refused else carried
        if refused and not (
            decision.changes or decision.tags or decision.tags_off
        ):  # nothing else was wanted
            counted = replace(carried.decision, opts_out=False, status=None)
            return replace(carried, decision=counted, opted_out=True)
        return replace(delivered, opted_out=True, troubled=carried.troubled)

    def _with_reason(
        self, contact: Contact, remembered: Remembered | None, there: Known | None, delivered: Delivered
    ) -> Delivered:
        """Says why somebody stays out of whom the source says that they want mail."""
        if contact.consented_at is None or delivered.decision.opts_in or delivered.outcome not in LANDED:
            return delivered
        why_not = will_of(contact, remembered, there, self._destination.rules).why_not
        if not why_not:
            return delivered
        said = ("consent_not_followed", self._destination.rules.key, contact.key, {"detail": why_not})
        return replace(delivered, problems=(*delivered.problems, said))

    def _as_stopped(self, delivered: Delivered) -> Delivered:
        """What surely was not applied when the run stopped, because of what stopped it, has its turn when it is resumed."""
        waits = self.stopped in ("breaker", "interrupted") and delivered.troubled
        return self._unsent() if waits and delivered.outcome == "failed" else delivered

    def _left_open(self, row: int, delivered: Delivered) -> bool:
        """Whether no answer is kept of a contact: what is unclear when the run stops is settled when it is resumed."""
        if not self.stopped:
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

    def _trip(self, what: str) -> None:
        """The breaker: the destination counts as down."""
        fix = "muster resume finishes it when the destination is back; what landed is not sent again."
        self.stop("breaker", MusterError(f"Stopped: {what}.", fix))

    def stop(self, why: str, error: MusterError | None = None) -> None:
        """Nothing more is begun; what is in flight is finished."""
        if not self.stopped:
            self.stopped, self.error = why, error
            self._destination.traffic.last_orders = True
            if self._reading is not None:
                self._reading.cancel()
            if why == "interrupted" and self._tasks:
                asyncio.get_running_loop().call_later(_LAST_SECONDS, self._cut)

    def _cut(self) -> None:
        """What is still out when the time is up is let go of: it stays unclear, and a resume settles it."""
        for task in list(self._tasks):
            task.cancel()

    def _unsent(self) -> Delivered:
        """What becomes of a contact whose turn comes after the run has stopped."""
        return Delivered("unsent", self.stopped, WHY_STOPPED.get(self.stopped, ""))

    def _outcome(self, row: int, delivered: Delivered, own: dict[str, Any] | None, tally: Tally) -> Outcome:
        """What became of a contact, as the ledger keeps it."""
        decision = delivered.decision
        return Outcome(
            row=row,
            outcome=delivered.outcome,
            code=delivered.code,
            reason=delivered.reason,
            contact_id=delivered.contact_id,
            opted_out=delivered.opted_out or decision.opts_out,
            opted_in=decision.opts_in and delivered.outcome in ("created", "updated", "upserted"),
            problems=[
                [code, tag, str(value), dict(detail)] for code, tag, value, detail in delivered.problems
            ],
            kept={tag: list(pair) for tag, pair in delivered.kept.items()},
            calls=_done(decision, tally),
            own=own,
            attempt=self._attempt,
        )

    def _tally_of(self, entry: Entry, delivered: Delivered) -> Tally:
        """What is counted of one contact."""
        decision, tally = delivered.decision, self._carried.pop(entry.contact.row, None) or Tally()
        landed = delivered.outcome in ("created", "updated", "upserted")
        out = decision.opts_out or (decision.creates and decision.status == "UNSUBSCRIBED")
        tally.opted_out += landed and out and not entry.carried  # those were counted address by address
        tally.opted_in += landed and decision.opts_in
        if started := _started(delivered):
            tally.automations.update(started)
        if delivered.kept:
            tally.kept.update(dict.fromkeys(delivered.kept, 1))
        if delivered.outcome == "updated" and not entry.carried:
            tally.changed.update(dict.fromkeys(decision.changes, 1))
        return tally

    def _count(self, entry: Entry, delivered: Delivered, tally: Tally) -> None:
        self.tally.add(tally)
        self.seen.add(delivered)
        if not entry.carried:
            self._watcher.outcome(delivered.outcome)
        self._watcher.advance(1)

    async def close(self) -> None:
        """Everything that was answered is durable when this returns."""
        await self._keeping.close()


def _started(delivered: Delivered) -> Started:
    """What a contact may have started there: also where it is not clear what became of it."""
    tried = delivered.outcome not in ("unsent", "unchanged") and not delivered.decision.outcome
    return delivered.decision.automations if tried and not delivered.untouched else {}


def _done(decision: Decision, tally: Tally) -> dict[str, Any]:
    """What was done there for a contact, and what is counted of it, as the ledger keeps it."""
    done: dict[str, Any] = {}
    if decision.calls:
        done |= {"calls": list(decision.calls), "changes": list(decision.changes)}
        if not (decision.creates or decision.upserts):  # with the values there before: what an undo puts back
            done["changes"] = {tag: list(pair) for tag, pair in decision.changes.items()}
            names = {name: getattr(decision, name) for name in ("tags", "tags_off", "lists", "lists_off")}
            done |= {name: list(some) for name, some in names.items() if some}
    if tally.opted_out:
        done["opted_out"] = tally.opted_out
    if started := [[*which, count] for which, count in tally.automations.items() if count]:
        done["automations"] = started
    return done


def _without_memory(remembered: Remembered) -> Remembered:
    """For `--resend`: what was delivered does not count, what is known of consent does."""
    return replace(remembered, tags=frozenset(), texts={} if remembered.texts is not None else None)
