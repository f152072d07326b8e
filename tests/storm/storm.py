"""A storm: files are delivered in the worst weather by a runner that is killed again and again, and everything is checked.

What must hold, at each kill and in the end:

- the contacts there are those that the story says, and nobody is there twice or was created twice;
- nobody who opted out is subscribed, at any moment;
- an answer that was durable stays as it is, and the report says the same; what muster was told to be durable is;
- of each run the rows have one outcome each, and they add up;
- a write whose answer was clear is never sent again in its run, and of those without one only what was in flight when the
  runner was killed is sent twice: at most `IN_FLIGHT` contacts at each kill;
- the sandbox has not applied more writes than it takes, but for those whose answer nobody heard.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from connectors.sandbox.serving import Running
from tests.storm.attempts import Attempt, Attempts
from tests.storm.books import Answered, Stored, ledger, report_of
from tests.storm.places import Place
from tests.storm.runner import TIMEOUT_SECONDS
from tests.storm.story import Counts, Expected, Person, Story, needed
from tests.storm.weather import weather

__all__ = ["IN_FLIGHT", "Figures", "Storm"]

IN_FLIGHT = 256
"""So many contacts may be sent and not yet durable, as flows.delivery bounds them."""
_MOST_ATTEMPTS = 60
_MOST_RUNS = 12
_LANDED = ("created", "updated", "upserted", "unchanged")
_DOUBTFUL = ("failed", "unknown")


@dataclass(slots=True)
class Figures:
    """What a storm has come to. `wrong` are sentences, each naming a contact, a row or a run."""

    kills: int = 0
    runs: int = 0
    attempts: int = 0
    contacts: int = 0
    writes: int = 0
    unclear: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    twice_by_kills: int = 0
    extra: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)

    @property
    def failures(self) -> list[str]:
        return [*self.lost, *self.wrong, *self.duplicates, *self.again]


@dataclass(slots=True)
class _Tried:
    """What one attempt at a run did: its writes by contact and endpoint, and who was in flight when it ended."""

    run: str
    sends: set[tuple[str, str]]
    in_flight: set[str]
    grown: Mapping[str, int]


class Storm:
    """One storm over one sandbox, which nobody else uses. A `share` of its requests fails, a share of `killed` attempts is killed; `say` hears of the progress."""

    def __init__(
        self,
        place: Place,
        server: Running,
        attempts: Attempts,
        folder: Path,
        *,
        seed: int,
        rows: int = 60,
        share: float = 1 / 3,
        killed: float = 0.75,
        say: Callable[[Figures], None] = lambda _: None,
    ) -> None:
        self._place, self._server, self._attempts, self._say = place, server, attempts, say
        self._home = folder / "home"
        self._killed = killed
        self._mapping = folder / "storm.yml"
        self._mapping.write_text(yaml.safe_dump(place.document(), sort_keys=False), "utf-8")
        (folder / "files").mkdir()
        self._story = Story(place, folder / "files", seed, rows=rows)
        self._chance = random.Random(f"storm {seed}")
        self._seed = seed
        self._expected = Expected(place)
        self._people: dict[str, dict[str, Any]] = {}
        self._runs: list[Stored] = []
        self._answers: dict[str, dict[int, Answered]] = {}
        self._created: Counter[str] = Counter()
        self._seconds = {"": 0.2, "delivering": 0.3, "writing the report": 0.1}
        self._most_kills = 0
        self.figures = Figures()
        server.faults(*weather(share, place.without), seed=seed)

    def blow(self, kills: int) -> Figures:
        """Until the runner was killed so many times, and what it was at is finished."""
        self._most_kills = kills
        for path, rows in self._story.files():
            self._file(path, rows)
            self._say(self.figures)
            if self.figures.kills >= kills:
                break
        self._in_the_end()
        return self.figures

    # one file

    def _file(self, path: Path, rows: list[dict[str, str]]) -> None:
        """A file is delivered: run after run until nobody has failed, as somebody would who looks after it."""
        before, objectors = dict(self._expected.people), set(self._expected.objectors)
        there_before = self._people
        counts = self._expected.read(rows)
        never = objectors | {one for one in self._expected.objectors if one not in before}
        unheard: Counter[str] = Counter()
        for _ in range(_MOST_RUNS):
            doubtful = self._run(path, rows, counts, never, unheard)
            if not doubtful:
                break
        else:
            self.figures.lost.append(
                f"{path.name}: still failed after {_MOST_RUNS} runs: {', '.join(doubtful)}"
            )
        self._not_written_too_often(path, before, there_before, unheard)

    def _run(
        self, path: Path, rows: list[dict[str, str]], counts: Counts, never: set[str], unheard: Counter[str]
    ) -> list[str]:
        """One run over a file, however often it is killed; the addresses that it could not deliver."""
        self.figures.runs += 1
        tried: list[_Tried] = []
        known = {one.id for one in self._runs if one.file == str(path)}
        current: Stored | None = None
        for _ in range(_MOST_ATTEMPTS):
            attempt, mine = self._attempt(path, current, never, unheard)
            tried.append(mine)
            mine_now = [one for one in self._runs if one.file == str(path) and one.id not in known]
            current = mine_now[-1] if mine_now else None
            mine.run = current.id if current is not None else ""
            if current is not None and not current.unfinished:
                break
            if not attempt.killed and attempt.exit_code not in (2, 3):
                self.figures.wrong.append(
                    f"{path.name}: exit code {attempt.exit_code}: {attempt.journal.said[-3:]}"
                )
                break
        else:
            self.figures.wrong.append(f"{path.name}: not finished after {_MOST_ATTEMPTS} attempts")
        self._sent_twice(tried)
        return self._adds_up(path, rows, counts, current)

    def _attempt(
        self, path: Path, current: Stored | None, never: set[str], unheard: Counter[str]
    ) -> tuple[Attempt, _Tried]:
        """One process, killed or not, and what holds at this moment."""
        figures, chance = self.figures, self._chance
        before = {address: one["writes"] for address, one in self._people.items()}
        going_on = current is not None and current.begun and chance.random() < 0.3
        order: dict[str, Any] = {"resume": current.id} if going_on and current is not None else {}
        if figures.kills < self._most_kills and chance.random() < self._killed:
            order |= self._moment()
        attempt = self._attempts.one(
            self._mapping, path, seed=chance.randrange(2**32), batch=chance.choice([10, 25, 250]), **order
        )
        figures.attempts += 1
        figures.kills += attempt.killed
        figures.moments[order.get("stage") or "starting"] += attempt.killed
        if not attempt.killed:
            self._learn(attempt)
        there = self._people = self._there()
        names = {one["id"]: address for address, one in there.items()}
        sent = [(names.get(one.who, one.who), one.endpoint, one.heard) for one in attempt.journal.sent]
        unclear = Counter(who for who, _, heard in sent if heard != "clear")
        unheard.update(unclear)
        figures.unclear += unclear.total()
        durable = self._kept(path, attempt)
        in_flight = {who for who, _, _ in sent} - durable
        if attempt.killed:
            figures.in_flight += len(in_flight)
            figures.most_in_flight = max(figures.most_in_flight, len(in_flight))
            if len(in_flight) > IN_FLIGHT:
                figures.again.append(f"{path.name}: {len(in_flight)} were in flight at a kill")
        self._answered_once(path, sent)
        self._nobody_who_opted_out(path, there, never)
        grown = {address: one["writes"] - before.get(address, 0) for address, one in there.items()}
        return attempt, _Tried("", {(who, endpoint) for who, endpoint, _ in sent}, in_flight, grown)

    def _moment(self) -> dict[str, Any]:
        """When the next attempt is killed."""
        stage = self._chance.choices(["", "delivering", "writing the report"], [2, 6, 2])[0]
        return {"stage": stage, "after": self._chance.uniform(0, self._seconds[stage])}

    def _learn(self, attempt: Attempt) -> None:
        """How long the stages last, so that kills fall into all of them."""
        stages = attempt.journal.stages
        began, ends = stages.get("delivering"), stages.get("writing the report")
        for stage, took in (("", began), ("delivering", (ends or 0) - (began or 0))):
            if began and ends and took:
                self._seconds[stage] = 0.7 * self._seconds[stage] + 0.3 * took

    # what must hold

    def _kept(self, path: Path, attempt: Attempt) -> set[str]:
        """Answers that were durable are there as they were. Whose there are now, and for good."""
        with ledger(self._home) as copy:
            self._runs = copy.runs()
            runs = [one for one in self._runs if one.file == str(path)]
            now = {one.id: copy.answers(one.id) for one in runs}
            if runs and copy.orphans():
                self.figures.wrong.append(f"{path.name}: the ledger has answers without an intent")
        for run, answers in now.items():
            for row, was in self._answers.get(run, {}).items():
                if was.clear and (row not in answers or answers[row].whole != was.whole):
                    self.figures.lost.append(
                        f"{run}, row {row}, {was.key}: {was.outcome} was durable, and is {answers.get(row)}"
                    )
        self._answers |= now
        newest = now[runs[-1].id] if runs else {}
        for row, outcome in attempt.journal.kept.items():
            if row not in newest or newest[row].outcome != outcome:
                self.figures.lost.append(
                    f"{path.name}, row {row}: {outcome} was said to be durable, and is {newest.get(row)}"
                )
        return {one.key for one in newest.values() if one.clear}

    def _answered_once(self, path: Path, sent: list[tuple[str, str, str]]) -> None:
        """Nothing is sent again after a clear answer."""
        clear: set[tuple[str, str]] = set()
        for who, endpoint, heard in sent:
            if (who, endpoint) in clear:
                self.figures.again.append(
                    f"{path.name}, {who}: {endpoint} was sent again after a clear answer"
                )
            if heard == "clear":
                clear.add((who, endpoint))

    def _sent_twice(self, tried: list[_Tried]) -> None:
        """Of what was sent in one attempt only what was in flight then is sent in a later one of the same run."""
        for number, first in enumerate(tried):
            twice: set[str] = set()
            for later in tried[number + 1 :]:
                if later.run != first.run:
                    continue
                for who, endpoint in first.sends & later.sends:
                    if who not in first.in_flight:
                        self.figures.again.append(
                            f"{first.run}, {who}: {endpoint} was sent again though its answer was durable"
                        )
                    elif first.grown.get(who) and later.grown.get(who):
                        twice.add(who)
            self.figures.twice_by_kills += len(twice)

    def _adds_up(
        self, path: Path, rows: list[dict[str, str]], counts: Counts, run: Stored | None
    ) -> list[str]:
        """A run's report; the addresses of those who have failed or are unknown."""
        if run is None or run.unfinished:
            return []
        report, wrong = report_of(Path(run.folder)), self.figures.wrong
        outcomes = {name: count for name, count in report.summary["outcomes"].items() if count}
        if (
            not report.summary["balanced"]
            or sum(outcomes.values()) != len(rows)
            or report.summary["source"]["rows_read"] != len(rows)
        ):
            wrong.append(f"{run.id}: {outcomes} of {len(rows)} rows do not add up")
        if [one["row"] for one in report.rows] != list(range(1, len(rows) + 1)):
            wrong.append(f"{run.id}: its rows are not 1 to {len(rows)}")
        if Counter(one["outcome"] for one in report.rows) != Counter(outcomes):
            wrong.append(f"{run.id}: its rows are not what its summary says, {outcomes}")
        arrived = sum(outcomes.get(name, 0) for name in (*_LANDED, *_DOUBTFUL))
        found = (arrived, outcomes.get("invalid", 0), outcomes.get("duplicate", 0))
        if found != (counts.kept, counts.invalid, counts.duplicate):
            wrong.append(f"{run.id}: {outcomes}, but there should be {counts}")
        for row, was in self._answers[run.id].items():
            became = report.rows[row - 1]
            if not was.carried and (became["outcome"], became["code"]) != (was.outcome, was.code):
                self.figures.lost.append(
                    f"{run.id}, row {row}, {was.key}: {was.outcome} in the ledger, {became['outcome']} in the report"
                )
        for row in report.rows:
            if row["outcome"] == "created":
                address = rows[row["row"] - 1]["Email"].strip().lower()
                self._created[address] += 1
                if self._created[address] > 1:
                    self.figures.duplicates.append(
                        f"{run.id}, {address}: was created before, says an earlier report"
                    )
        return [rows[one["row"] - 1]["Email"] for one in report.rows if one["outcome"] in _DOUBTFUL]

    def _not_written_too_often(
        self, path: Path, before: Mapping[str, Person], there_before: Mapping[str, Any], unheard: Counter[str]
    ) -> None:
        """Each contact was written as often as it takes, and once more at most for each write without a clear answer."""
        for address, one in self._people.items():
            wanted = self._expected.people.get(address)
            if wanted is None:
                continue
            grown = one["writes"] - there_before.get(address, {"writes": 0})["writes"]
            takes = needed(before.get(address), wanted, self._place) if wanted != before.get(address) else 0
            self.figures.extra += max(0, grown - takes)
            if grown > takes + unheard[address]:
                self.figures.again.append(
                    f"{path.name}, {address}: {grown} writes, where {takes} and {unheard[address]} without a clear answer are explained"
                )

    def _nobody_who_opted_out(self, path: Path, there: Mapping[str, Any], never: set[str]) -> None:
        for address in sorted(never & there.keys()):
            if self._place.mails_people and there[address]["status"] == "SUBSCRIBED":
                self.figures.wrong.append(f"{path.name}, {address}: opted out, and is subscribed")

    def _in_the_end(self) -> None:
        """The contacts there are those that the story says; all answers ever kept are there."""
        figures = self.figures
        there = self._there()
        for address, wanted in self._expected.people.items():
            found = self._person(there[address]) if address in there else None
            if found is None:
                figures.lost.append(f"{address}: is not there")
            elif found != wanted:
                figures.wrong.append(f"{address}: is {found}, and should be {wanted}")
        for address in there.keys() - self._expected.people.keys():
            figures.wrong.append(f"{address}: should not be there")
        with ledger(self._home) as copy:
            for run, answers in self._answers.items():
                now = copy.answers(run)
                for row, was in answers.items():
                    if row not in now or now[row].whole != was.whole:
                        figures.lost.append(
                            f"{run}, row {row}, {was.key}: {was.outcome} is not in the ledger any more"
                        )
            for one in copy.runs():
                if one.unfinished and one.begun:
                    figures.wrong.append(f"{one.id}: is left {one.state}")
        figures.contacts, figures.writes = len(there), sum(one["writes"] for one in there.values())
        for rule in self._server.faults()["rules"]:
            applied = (
                " applied"
                if rule["applied"] and rule["kind"] in ("500", "502", "503", "non_json_502")
                else ""
            )
            unheard = " unheard" if rule["kind"] == "late" and rule["seconds"] > TIMEOUT_SECONDS else ""
            figures.faults[rule["kind"] + applied + unheard] += rule["hits"]

    # what is there

    def _there(self) -> dict[str, dict[str, Any]]:
        """The sandbox's contacts by address."""
        found: dict[str, dict[str, Any]] = {}
        times: defaultdict[str, int] = defaultdict(int)
        for one in self._server.contacts():
            address = one["email_address"].lower()
            times[address] += 1
            found[address] = one
        for address, count in times.items():
            said = f"{address}: is there {count} times"
            if count > 1 and said not in self.figures.duplicates:
                self.figures.duplicates.append(said)
        return found

    def _person(self, one: Mapping[str, Any]) -> Person:
        texts = {column: _text(one["fields"].get(name)) for column, name in self._place.fields.items()}
        tags = frozenset(self._place.shown_tags.get(tag, tag) for tag in one["tags"])
        out = self._place.mails_people and one["status"] != "SUBSCRIBED"
        return Person({column: text for column, text in texts.items() if text}, tags, out)


def _text(value: Any) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
