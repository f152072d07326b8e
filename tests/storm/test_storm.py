"""The storm in small: a dozen kills, and what it says when something is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.sandbox.serving import Running
from tests.storm.attempts import Attempts, Runner
from tests.storm.places import PLACES, Place
from tests.storm.storm import IN_FLIGHT, Storm
from tests.storm.story import Expected, Person, Story, needed
from tests.storm.weather import weather

SEED = 7


def test_a_dozen_kills_in_the_worst_weather_lose_nothing_and_double_nobody(
    sandbox: Running, runner: Runner, tmp_path: Path
) -> None:
    sandbox.reset()
    place = PLACES["campaignlark"]
    storm = Storm(
        place, sandbox, Attempts.at(runner, tmp_path, sandbox), tmp_path, seed=SEED, rows=24, killed=0.9
    )
    figures = storm.blow(12)
    assert figures.failures == [], f"seed {SEED}"
    assert figures.kills == 12
    assert figures.most_in_flight <= IN_FLIGHT
    assert figures.twice_by_kills <= figures.in_flight
    assert figures.faults.total() > 50


def test_a_storm_notices_what_is_lost_wrong_or_there_twice(
    sandbox: Running, runner: Runner, tmp_path: Path
) -> None:
    sandbox.reset()
    place = PLACES["campaignlark"]
    storm = Storm(
        place, sandbox, Attempts.at(runner, tmp_path, sandbox), tmp_path, seed=SEED, rows=12, share=0
    )
    sandbox.clear_faults()
    storm.blow(0)
    one, another, third, *_ = [contact["email_address"] for contact in sandbox.contacts()]
    sandbox.delete(one)
    sandbox.seed(
        [{"email_address": another, "fields": {"city": "Nowhere"}}, {"email_address": "nobody@example.com"}]
    )
    storm._in_the_end()
    assert [said.split(":")[0] for said in storm.figures.lost] == [one]
    assert sorted(said.split(":")[0] for said in storm.figures.wrong) == sorted(
        [another, "nobody@example.com"]
    )
    sandbox.switch(email_case="sensitive")
    sandbox.seed([{"email_address": third.upper()}])
    storm._in_the_end()
    sandbox.reset()
    assert storm.figures.duplicates == [f"{third}: is there 2 times"]


@pytest.mark.parametrize("place", PLACES.values(), ids=lambda place: place.kind)
def test_the_same_seed_tells_the_same_story(place: Place, tmp_path: Path) -> None:
    stories = [Story(place, tmp_path, seed).files() for seed in (1, 1, 2)]
    first, again, other = [[next(story)[1] for _ in range(3)] for story in stories]
    assert first == again != other


def test_what_has_to_be_there_follows_from_the_rows() -> None:
    place = PLACES["campaignlark"]
    expected = Expected(place)

    def row(email: str, **cells: str) -> dict[str, str]:
        return {"Email": email, "First": "Ann", "City": "", "Score": "", "Tags": "", "Out": "", **cells}

    counts = expected.read([
        row("a@example.com", City="Ulm", Tags="vip"), row(" A@Example.com ", First="Bob", Tags="crm"), row("nobody"),
        row("b@example.com", Score="many", Out="yes"),
    ])  # fmt: skip
    assert (counts.kept, counts.invalid, counts.duplicate) == (1, 2, 1)
    bob = Person({"First": "Bob"}, frozenset({"crm"}))
    assert expected.people == {"a@example.com": bob}
    expected.read([row("a@example.com", First="", City="Ulm"), row("b@example.com")])
    assert expected.people == {
        "a@example.com": Person({"First": "Bob", "City": "Ulm"}, frozenset({"crm"})),
        "b@example.com": Person({"First": "Ann"}, frozenset(), out=True),
    }
    assert needed(None, bob, place) == 1
    assert needed(bob, Person({"First": "Cleo"}, frozenset({"crm", "vip"})), place) == 2


def test_each_fault_strikes_the_same_part_of_all_requests() -> None:
    left, parts = 1.0, []
    for rule in weather(1 / 3):
        parts.append(left * rule["share"])
        left -= parts[-1]
    assert parts == pytest.approx([1 / 3 / len(parts)] * len(parts))
