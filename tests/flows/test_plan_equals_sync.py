"""What the plan says is what the sync does, whatever is in the file, at the destination and in the ledger."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.destinations.campaignlark import Connector
from connectors.destinations.campaignlark_workspace import Workspace
from mappings.engine.complaints import MappingInvalid
from mappings.engine.reading import read_mapping_text
from tests.flows.conftest import PEOPLE

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]
ROOT = Path(__file__).parents[2]
MAY_BE_MAILED = {"SUBSCRIBED", "UNCONFIRMED"}
SAMPLES = ["hubspot_to_campaignlark", "signups_to_campaignlark", "hostile_to_campaignlark"]


async def plan_then_sync(
    desk: Desk, file: Path | None, mapping: Path | str = "people.yml", **options: Any
) -> Any:
    """Both, compared: outcomes, requests, changes by merge tag, opt-outs, automations, exit code. The sync's end."""
    planned = await desk.plan(file, mapping, **options)
    before, there, asked = Counter(desk.writes()), desk.contacts(), requests(desk)
    fired = Counter(desk.server.automations()["counts"])
    ended = await desk.sync(file, mapping, **options)
    assert ended.outcomes == +planned.outcomes
    assert ended.exit_code == planned.exit_code
    writes: Counter[str] = Counter()
    for call, count in planned.calls.items():
        method, path = call.removesuffix(" (replace)").split(" ")
        if method != "GET":
            writes[f"{method} /v1{path}"] += count
    assert Counter(desk.writes()) - before == writes
    assert requests(desk) - asked == planned.requests + planned.reading
    now = desk.contacts()
    after = {one["id"]: one["status"] for one in now.values()}
    opted_out = 0
    for one in there.values():
        if one["status"] in MAY_BE_MAILED:
            opted_out += after[one["id"]] not in MAY_BE_MAILED
        else:
            assert after[one["id"]] == one["status"], "nobody is lifted"
    assert opted_out == planned.opt_outs
    changed, tags = differences(there, now)
    assert changed == +planned.changed
    assert tags == planned.tags.total() - planned.tags_off.total()
    known = {one["id"] for one in there.values()}
    newly = Counter(one["status"] for one in now.values() if one["id"] not in known)
    assert newly == planned.newcomers
    started = Counter(desk.server.automations()["counts"]) - fired
    assert all(count <= planned.automations[name] for name, count in started.items()), (
        "at most as many as the plan says"
    )
    comparison = ended.comparison
    assert comparison is not None
    assert not comparison.differing
    assert {one.outcome: one.done for one in comparison.outcomes} == ended.outcomes
    return ended


def requests(desk: Desk) -> int:
    """All that the sandbox was asked so far."""
    return sum(sum(found.values()) for found in desk.server.requests()["by_endpoint"].values())


def differences(
    before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> tuple[Counter[str], int]:
    """Values that differ by merge tag, of contacts that were there; and how many tags all contacts have more."""
    changed: Counter[str] = Counter()
    known = {one["id"]: one for one in after.values()}
    for found in before.values():
        one, now = (
            {**each["fields"], "email_address": each["email_address"]} for each in (found, known[found["id"]])
        )
        for tag in {*one, *now}:
            old, new = (each.get(tag) or None for each in (one, now))
            changed[tag] += old != new
    return +changed, sum(len(one["tags"]) for one in after.values()) - sum(
        len(one["tags"]) for one in before.values()
    )


@pytest.mark.parametrize("name", SAMPLES)
async def test_the_plan_of_a_sample_is_what_its_sync_does(desk: Desk, name: str) -> None:
    mapping = ROOT / "mappings" / f"{name}.yml"
    desk.home.mkdir()
    (desk.home / "suppress.txt").write_text("@example.net\n", "utf-8")
    first = await plan_then_sync(desk, None, mapping)
    assert first.outcomes["protected"] > 10
    people = sorted(desk.contacts())
    desk.server.seed(
        [
            {"email_address": address, "status": "COMPLAINED", "fields": {"first_name": "By hand"}}
            for address in people[::7]
        ]
    )
    for address in people[::9]:
        desk.server.delete(address)
    again = await plan_then_sync(desk, None, mapping, resend="", allow=("changes", "opt_outs"))
    assert again.exit_code != 3
    await plan_then_sync(desk, None, mapping, resend=people[1])


@pytest.mark.parametrize("one_by_one", [False, True])
async def test_the_plan_of_people_who_changed_their_address_is_what_the_sync_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, person: Person, one_by_one: bool
) -> None:
    if one_by_one:
        monkeypatch.setattr(Connector, "count", _too_many)
    await plan_then_sync(desk, desk.file([person(number) for number in range(1, 8)]))
    desk.server.seed([{"email_address": "two@example.com"}])
    desk.server.delete("p5@example.com")
    moved = [
        person(1, Email="one@example.com", Out="yes"),
        person(2, Email="two@example.com", Out="yes"),
        person(3, Email="p4@example.com"),
        person(4, Email="p3@example.com", City="Bonn"),
        person(5, Email="five@example.com", Out="yes"),
        person(6, Email="six@example.com", Keep="no", Out="yes"),
        person(7, Email="seven@example.com"),
    ]
    await plan_then_sync(desk, desk.file(moved))


ADDRESSES = [f"p{number}@example.com" for number in range(6)]
STATUS = st.sampled_from(["SUBSCRIBED", "SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED", "CLEANED", "COMPLAINED"])
TAGS = st.lists(st.sampled_from(["vip", "press", "crm"]), unique=True, max_size=2)
NAME = st.sampled_from(["Ann", "Bob", ""])
CITY = st.sampled_from(["Köln", "Bonn", ""])
THERE = st.fixed_dictionaries(
    {},
    optional={
        "status": STATUS,
        "tags": TAGS,
        "fields": st.fixed_dictionaries(
            {}, optional={"first_name": NAME.filter(bool), "city": CITY.filter(bool), "score": st.just(7)}
        ),
    },
)
ROW = st.fixed_dictionaries(
    {
        "Email": st.sampled_from([*ADDRESSES, *ADDRESSES, ADDRESSES[0].upper(), "nobody", ""]),
        "First": NAME,
        "City": CITY,
        "Score": st.sampled_from(["", "7", "7", "seven"]),
        "Tags": TAGS.map(";".join) | st.just("unheard-of"),
        "Out": st.sampled_from(["", "", "", "yes", "no", "perhaps"]),
        "Keep": st.sampled_from(["", "", "", "no"]),
    }
)
FILE = st.lists(ROW, min_size=1, max_size=8)
FRAGMENTS: list[dict[str, Any]] = [
    {"write": "create_only"},
    {"write": "update_only"},
    {"write": "replace"},
    {"gone": "recreate"},
    {"duplicates": "first"},
    {"duplicates": "reject"},
    {"duplicates": {"newest": "Score"}},
    {"consent": {"newcomers": "UNCONFIRMED"}},
    {"consent": {"newcomers": "UNSUBSCRIBED"}},
    {"fields": {"city": {"from": "City", "write": "always"}}},
    {"fields": {"score": {"default": "1"}}},
    {"fields": {"source": {"value": "crm"}}},
    {"tags": {"always": ["crm"]}},
    {"tags": {"write": "own"}},
    {"tags": {"write": "replace"}},
    {"tags": {"unknown": "create"}},
    {"tags": {"flags": {"Out": "crm"}}},
    {"tags": {"remove": {"Out": "crm"}}},
    {"fields": {"city": {"from": "City", "write": "if_empty"}}},
    {"fields": {"first_name": {"from": "First", "write": "once"}}},
    {"together": [["city", "first_name"]]},
    {
        "fields": {
            "city": {"cases": [{"when": {"Score": {"at_least": 2}}, "value": "Rome"}, {"from": "City"}]}
        }
    },
    {"where": {"any": [{"City": {"blank": False}}, {"Score": {"not": ["1"]}}]}},
]
"""What a mapping may say: any few of these together, each laid over what the desk's mapping says. One line each."""


def laid_over(below: Any, above: Any) -> Any:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {**below, **{name: laid_over(below.get(name), part) for name, part in above.items()}}


def agrees(changes: dict[str, Any]) -> bool:
    """Whether these parts may stand in one mapping: a block with a field of a rule of its own is refused, for one."""
    try:
        read_mapping_text(yaml.safe_dump({**PEOPLE, **changes}))
    except MappingInvalid:
        return False
    return True


CHANGES = (
    st.lists(st.sampled_from(FRAGMENTS), max_size=3)
    .map(
        lambda some: {
            name: part
            for name, part in functools.reduce(laid_over, some, PEOPLE).items()
            if part != PEOPLE.get(name)
        }
    )
    .filter(agrees)
)
_numbers = itertools.count(1)


async def _too_many(_: Connector) -> tuple[int, int]:
    """So many contacts that everybody is looked up instead."""
    return 10**9, 10**9


@given(
    there=st.dictionaries(st.sampled_from(ADDRESSES), THERE),
    earlier=FILE,
    by_hand=st.dictionaries(st.sampled_from(ADDRESSES), st.none() | THERE, max_size=3),
    rows=FILE,
    changes=CHANGES,
    suppressed=st.sets(st.sampled_from(ADDRESSES), max_size=1),
    one_by_one=st.booleans(),
)
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
async def test_the_plan_of_any_small_file_is_what_its_sync_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, there: dict[str, Any], earlier: list[dict[str, str]], by_hand: dict[str, Any],
    rows: list[dict[str, str]], changes: dict[str, Any], suppressed: set[str], one_by_one: bool,
) -> None:  # fmt: skip
    desk.server.reset()
    if one_by_one:
        monkeypatch.setattr(Connector, "count", _too_many)
    else:
        monkeypatch.setattr(Connector, "count", Workspace.count)
    desk.home = desk.folder / f"home-{next(_numbers)}"
    desk.home.mkdir()
    monkeypatch.setenv("MUSTER_HOME", str(desk.home))
    desk.mapping(person=None)
    desk.server.seed([{"email_address": address, **one} for address, one in there.items()])
    await plan_then_sync(desk, desk.file(earlier))
    for address, one in by_hand.items():
        if one is None:
            desk.server.delete(address)
        else:
            desk.server.seed([{"email_address": address, **one}])
    (desk.home / "suppress.txt").write_text("\n".join(suppressed), "utf-8")
    desk.mapping(person=None, **changes)
    file = desk.file(rows)
    ended = await plan_then_sync(desk, file)
    assert not set(ended.outcomes) & {"failed", "unknown", "refused", "unsent"}
    assert not any(row["key"] in suppressed for row in ended.rows if row["outcome"] in ("created", "updated"))
    writes, now = desk.writes(), desk.contacts()
    again = await plan_then_sync(desk, file)
    assert desk.writes() == writes, "a second run of the same file sends no write"
    assert desk.contacts() == now
    assert again.summary.outcomes.of("created", "updated") == 0


async def test_tags_that_have_to_be_created_are_counted_once_each(desk: Desk, person: Person) -> None:
    desk.mapping(tags={"from": "Tags", "split": ";", "unknown": "create"})
    file = desk.file([person(number, Tags="brand new; VIP; other new") for number in range(1, 6)])
    before = Counter(desk.writes())
    await plan_then_sync(desk, file)
    assert (Counter(desk.writes()) - before)["POST /v1/tags"] == 2
    await plan_then_sync(desk, file)
