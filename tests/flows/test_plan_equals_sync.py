"""What the plan says is what the sync does, whatever is in the file, at the destination and in the ledger."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from conftest import Desk

ROOT = Path(__file__).parents[2]
MAY_BE_MAILED = {"SUBSCRIBED", "UNCONFIRMED"}
SAMPLES = ["hubspot_to_campaignlark", "signups_to_campaignlark", "hostile_to_campaignlark"]


async def plan_then_sync(
    desk: Desk, file: Path | None, mapping: Path | str = "people.yml", **options: Any
) -> Any:
    """Both, compared: outcomes, writes, opt-outs, automations, exit code. The sync's end."""
    planned = await desk.plan(file, mapping, **options)
    before, there = Counter(desk.writes()), desk.contacts()
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
    after = {one["id"]: one["status"] for one in desk.contacts().values()}
    opted_out = 0
    for one in there.values():
        if one["status"] in MAY_BE_MAILED:
            opted_out += after[one["id"]] not in MAY_BE_MAILED
        else:
            assert after[one["id"]] == one["status"], "nobody is lifted"
    assert opted_out == planned.opt_outs
    now = Counter(desk.server.automations()["counts"]) - fired
    assert all(count <= planned.automations[name] for name, count in now.items()), (
        "at most as many as the plan says"
    )
    return ended


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
    await plan_then_sync(desk, None, mapping, resend="")
    await plan_then_sync(desk, None, mapping, resend=people[1])


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
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "write": st.sampled_from(["merge", "create_only", "update_only", "replace"]),
        "gone": st.sampled_from(["protect", "recreate"]),
        "duplicates": st.sampled_from(["last", "first", "reject"]),
        "tags": st.sampled_from(["own", "replace"]).map(
            lambda write: {"from": "Tags", "split": ";", "write": write}
        ),
        "consent": st.sampled_from(
            [
                {"opted_out": {"from": "Out", "when": "yes"}, "newcomers": status}
                for status in ("UNCONFIRMED", "UNSUBSCRIBED")
            ]
        ),
    },
)
_numbers = itertools.count(1)


@given(
    there=st.dictionaries(st.sampled_from(ADDRESSES), THERE),
    earlier=FILE,
    by_hand=st.dictionaries(st.sampled_from(ADDRESSES), st.none() | THERE, max_size=3),
    rows=FILE,
    changes=CHANGES,
    suppressed=st.sets(st.sampled_from(ADDRESSES), max_size=1),
)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
async def test_the_plan_of_any_small_file_is_what_its_sync_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, there: dict[str, Any], earlier: list[dict[str, str]], by_hand: dict[str, Any],
    rows: list[dict[str, str]], changes: dict[str, Any], suppressed: set[str],
) -> None:  # fmt: skip
    desk.server.reset()
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
