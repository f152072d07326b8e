"""Whole runs into the Corporate Merch sandbox: plan equals sync, nothing is sent twice, nothing of theirs is lost."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.destinations.corporate_merch import Connector
from connectors.errors import MappingError
from connectors.sandbox.serving import Running, running
from flows.plan_reporting import summed_up
from flows.preview import preview

if TYPE_CHECKING:
    from conftest import Desk

ROOT = Path(__file__).parents[2]
EMPLOYEES = ROOT / "mappings" / "employees_to_corporate_merch.yml"
EXPECTED: dict[str, Any] = json.loads((ROOT / "sample_data" / "expected.json").read_text("utf-8"))[
    "employees.csv"
]
CREATE, PUT = "POST /v2/contacts", "PUT /v2/contacts/{id}"
TEAM: dict[str, Any] = {
    "name": "team",
    "destination": {"kind": "corporate_merch"},
    "key": "email",
    "person": "Id",
    "fields": {
        "email": {"from": "Email", "type": "email"}, "first_name": "First", "last_name": "Last", "type": {"value": "client"},
        "address": "Street", "city": "City", "state": "State", "zip_code": "Zip", "country": "Country",
        "shirt_size": "Size", "gender": "Gender",
    },
    "tags": "Labels",
    "lists": "Lists",
    "consent": None,
    "where": None,
}  # fmt: skip
COLUMNS = (
    "Id",
    "Email",
    "First",
    "Last",
    "Street",
    "City",
    "State",
    "Zip",
    "Country",
    "Size",
    "Gender",
    "Labels",
    "Lists",
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Running]:
    with running("corporate_merch", rate=0) as server:
        yield server


@pytest.fixture
def merch(desk: Desk, shop: Running, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The desk, with an account of Corporate Merch and a mapping to it."""
    shop.reset()
    desk.server = shop
    monkeypatch.setenv("CORPORATE_MERCH_BASE_URL", shop.url)
    monkeypatch.setenv("CORPORATE_MERCH_API_KEY", "sandbox-key")
    monkeypatch.setattr(Connector, "per_second", 5000.0)
    desk.mapping("team.yml", **TEAM)
    return desk


def row(number: int, **cells: str) -> dict[str, str]:
    return {
        "Id": str(number), "Email": f"p{number}@example.com", "First": f"Name {number}", "Last": "Lee", "Street": f"{number} High Street",
        "City": "Boston", "State": "Massachusetts", "Zip": "02108", "Country": "USA", "Lists": "11", **cells,
    }  # fmt: skip


def writes(desk: Desk) -> Counter[str]:
    found = desk.server.requests()["by_endpoint"]
    return Counter({name: sum(found[name].values()) for name in (CREATE, PUT) if name in found})


def requests(desk: Desk) -> int:
    return sum(sum(found.values()) for found in desk.server.requests()["by_endpoint"].values())


async def plan_then_sync(
    desk: Desk, file: Path | None, mapping: Path | str = "team.yml", **options: Any
) -> Any:
    """Both, compared: outcomes, requests by name, exit code."""
    planned = await desk.plan(file, mapping, **options)
    before, asked = writes(desk), requests(desk)
    ended = await desk.sync(file, mapping, **options)
    assert ended.outcomes == +planned.outcomes
    assert ended.exit_code == planned.exit_code
    expected = Counter({name.replace(" /", " /v2/"): count for name, count in planned.calls.items()})
    assert writes(desk) - before == expected
    assert requests(desk) - asked == planned.requests + planned.reading
    assert not planned.newcomers
    assert planned.opt_outs == 0
    assert planned.automations == ended.summary.automations == desk.server.automations()["counts"] == {}
    return ended


async def test_the_sample_of_employees_ends_as_it_is_said_to_and_a_second_sync_writes_nothing(
    merch: Desk,
) -> None:
    ended = await plan_then_sync(merch, None, EMPLOYEES)
    assert ended.summary.outcomes.model_dump() == EXPECTED["outcomes"]
    assert ended.summary.warnings == EXPECTED["warnings"]
    found: Counter[str] = Counter()
    for group in ended.summary.problems:
        if group.severity == "error":
            found[group.code] += group.count
    assert found == EXPECTED["problems"]
    assert [one["row"] for one in ended.rows if one["outcome"] == "filtered"] == EXPECTED["rows"]["filtered"]
    there = merch.contacts()
    assert len(there) == EXPECTED["outcomes"]["created"]
    assert not [one for one in there.values() if one["ignored"]]
    assert {one["fields"].get("shirt_size") for one in there.values()} <= {
        None,
        "XS",
        "SM",
        "MD",
        "LG",
        "XL",
        "2XL",
        "3XL",
    }
    assert all(11 in one["list_ids"] and 502 in one["label_ids"] for one in there.values())
    sent = writes(merch)
    again = await plan_then_sync(merch, None, EMPLOYEES)
    assert writes(merch) == sent
    assert again.outcomes["unchanged"] == EXPECTED["outcomes"]["created"]


async def test_plan_and_sync_agree_on_who_is_new_changed_there_already_and_wrong(merch: Desk) -> None:
    whole = {
        "first_name": "Name 2", "last_name": "Lee", "type": "client", "address": "2 High Street", "city": "Boston", "state": "MA",
        "zip_code": "02108", "country": "US",
    }  # fmt: skip
    merch.server.seed(
        [
            {"email_address": "p2@example.com", "fields": {**whole, "position": "Boss"}, "lists": [11, 12]},
            {"email_address": "p3@example.com", "fields": {**whole, "birthday": "1990-01-15"}, "lists": [12], "labels": [501]},
            {"email_address": "p4@example.com", "fields": whole},
            {"email_address": "p4@example.com", "fields": whole, "another": True},
            *({"email_address": f"q{number}@example.com", "fields": whole} for number in range(70)),
        ]
    )  # fmt: skip
    rows = [
        row(1), row(2), row(3, Labels="502"), row(4), row(5, State="Bavaria"), row(6, State=""), row(7, Zip="", Last=""),
        row(8, Country="Germany", State="Bavaria", Gender="diverse", Size="L"),  row(1, Street="9 New Street"),
    ]  # fmt: skip
    ended = await plan_then_sync(merch, merch.file(rows, columns=COLUMNS))
    assert ended.per_row == [
        "duplicate", "unchanged", "updated", "protected", "invalid", "invalid", "invalid", "created", "created",
    ]  # fmt: skip
    there = {one["email_address"]: one for one in merch.server.contacts()}
    three = there["p3@example.com"]
    assert three["fields"]["birthday"] == "1990-01-15"
    assert (three["list_ids"], three["label_ids"]) == ([11, 12], [501, 502])
    assert there["p8@example.com"]["fields"]["shirt_size"] == "LG"
    with (ended.folder / "failures.csv").open(encoding="utf-8-sig") as file:
        said = file.read()
    for code in ("state_unknown", "state_blank", "required_blank | required_blank"):
        assert code in said
    sent = writes(merch)
    again = await merch.sync(merch.file(rows, columns=COLUMNS), "team.yml")
    assert writes(merch) == sent
    assert again.per_row[1:3] == ["unchanged", "unchanged"]


async def test_what_the_destination_refuses_is_tried_again_and_what_landed_is_not(merch: Desk) -> None:
    rows = [row(1), row(2, State="Puerto Rico"), row(3, Lists="99")]
    file = merch.file(rows, columns=COLUMNS)
    ended = await merch.sync(file, "team.yml")
    assert ended.per_row == ["created", "refused", "refused"]
    sent = writes(merch)
    again = await merch.sync(file, "team.yml")
    assert again.per_row == ["unchanged", "refused", "refused"]
    assert writes(merch) - sent == Counter({CREATE: 2})


async def test_a_changed_row_changes_its_contact_only(merch: Desk) -> None:
    await merch.sync(merch.file([row(1), row(2)], columns=COLUMNS), "team.yml")
    ended = await plan_then_sync(merch, merch.file([row(1), row(2, Street="9 New Street")], columns=COLUMNS))
    assert ended.per_row == ["unchanged", "updated"]
    assert writes(merch) == Counter({CREATE: 2, PUT: 1})


async def test_a_person_with_a_new_address_stays_the_same_contact(merch: Desk) -> None:
    await merch.sync(merch.file([row(1)], columns=COLUMNS), "team.yml")
    ended = await plan_then_sync(merch, merch.file([row(1, Email="new@example.com")], columns=COLUMNS))
    assert ended.outcomes == {"updated": 1}
    assert set(merch.contacts()) == {"new@example.com"}


async def test_the_suppression_file_protects(merch: Desk) -> None:
    merch.home.mkdir()
    (merch.home / "suppress.txt").write_text("p1@example.com\n")
    ended = await plan_then_sync(merch, merch.file([row(1), row(2)], columns=COLUMNS))
    assert ended.per_row == ["protected", "created"]


async def test_an_opt_out_in_the_file_is_remembered_and_costs_no_request(merch: Desk) -> None:
    merch.mapping(
        "team.yml",
        **{**TEAM, "consent": {"opted_out": {"from": "Gender", "when": "out"}}, "write": "create_only"},
    )
    await merch.sync(merch.file([row(1)], columns=COLUMNS), "team.yml")
    ended = await plan_then_sync(
        merch, merch.file([row(1, Gender="out", Street="x"), row(2)], columns=COLUMNS)
    )
    assert ended.per_row == ["filtered", "created"]


async def test_ten_thousand_contacts_are_planned_in_hours_at_forty_a_minute(
    merch: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.cli.showing_plan import _facts

    async with merch.run(merch.file([row(1), row(2)], columns=COLUMNS), "team.yml", verb="plan") as run:
        await run.open()
        await run.prepare()
        found = await preview(run)
        run.opened.per_second = 40 / 60
        found.seconds = 10_000 / (40 / 60)
        said = dict(_facts(summed_up(run, found, exit_code=0)))
    assert "about 4.2 hours at 40 a minute" in said["requests"]
    assert said["consent"] == "this destination mails nobody"


async def test_what_cannot_be_checked_beforehand_is_said_once(merch: Desk) -> None:
    async with merch.run(merch.file([row(1)], columns=COLUMNS), "team.yml", verb="plan") as run:
        await run.open()
        said = [line for line in run.watcher.said if line.startswith("numbers")]  # type: ignore[attr-defined]
    assert said == [
        "numbers   tags and lists are sent as numbers; whether they exist there cannot be asked beforehand"
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"key": "first_name"}, "key: first_name is not how corporate_merch knows a contact"),
        ({"fields": {**TEAM["fields"], "shoe_size": "Size"}}, "no merge tag 'shoe_size'"),
        ({"lists": {"always": ["Employees"]}}, "'Employees' is no number"),
        ({"tags": {"always": ["501"], "unknown": "create"}}, "cannot be created"),
        ({"blank": "clear", "fields": {**TEAM["fields"], "position": {"from": "Size", "blank": "clear"}}}, "is refused"),
    ],
)  # fmt: skip
async def test_a_mapping_that_cannot_work_there_is_refused_before_anything_is_read(
    merch: Desk, changes: dict[str, Any], words: str
) -> None:
    merch.mapping("team.yml", **{**TEAM, **changes})
    with pytest.raises(MappingError, match=words):
        await merch.sync(merch.file([row(1)], columns=COLUMNS), "team.yml")


async def test_a_plan_tells_what_is_wrong_with_each_row_and_the_line_to_add(merch: Desk) -> None:
    rows = [
        row(1, State="", City="Berlin", Country="DE"), row(2, State="", City="Singapore", Country="SG", Street=""),
        row(3, State="Texs"), row(4, State="Puerto Rico"), row(5, Zip=""),
    ]  # fmt: skip
    file = merch.file(rows, columns=COLUMNS)
    async with merch.run(file, "team.yml", verb="plan") as run:
        await run.open()
        await run.prepare()
        plan = summed_up(run, await preview(run), exit_code=1)
    said = {(one.code, one.column): one for one in plan.problems}
    assert {where: (one.severity, one.count, one.rows) for where, one in said.items()} == {
        ("state_blank", "State"): ("error", 2, [1, 2]),
        ("street_blank", "Street"): ("error", 1, [2]),
        ("state_unknown", "State"): ("error", 1, [3]),
        ("required_blank", "Zip"): ("error", 1, [5]),
        ("state_territory", "State"): ("warning", 1, [4]),
    }
    assert "write state: {from: [State, City]} in the mapping" in said["state_blank", "State"].fix
    assert "nearest is TX (texas)" in said["state_unknown", "State"].example
    assert plan.warnings == 1
    ended = await merch.sync(file, "team.yml")
    assert "state: {from: [State, City]}" in (ended.folder / "failures.csv").read_text("utf-8-sig")
    fields = {**TEAM["fields"], "state": {"from": ["State", "City"]}}
    merch.mapping("team.yml", **{**TEAM, "fields": fields})
    ended = await merch.sync(file, "team.yml")
    assert ended.per_row[0] == "created"


async def test_what_goes_over_the_wire_is_true_or_false_codes_in_capitals_and_whole_numbers(
    merch: Desk,
) -> None:
    fields = {**TEAM["fields"], "address_validated": "Valid", "birthday": "Born", "type": "Type"}
    merch.mapping("team.yml", **{**TEAM, "fields": fields, "lists": {"from": "Lists", "split": ";"}})
    rows = [
        row(1, Valid="yes", Country="germany", State="Bavaria", Size="s", Gender="F", Type="Customer", Born="1990-01-15"),
        row(2, Valid="0", Country="ca", State="québec", Size="XXL", Gender="diverse", Type="EMPLOYEE", Lists="11;12"),
        row(3, Lists="abc"),
        row(4, Born="15.01.1990"),
        row(5, Valid="perhaps"),
        row(6, Country="Atlantis"),
        row(7, Type="boss"),
        row(8, Size="4XL"),
    ]  # fmt: skip
    ended = await merch.sync(merch.file(rows, columns=(*COLUMNS, "Valid", "Born", "Type")), "team.yml")
    assert ended.per_row == ["created", "created"] + ["invalid"] * 6
    one, two = (merch.contacts()[f"p{n}@example.com"] for n in (1, 2))
    names = ("address_validated", "country", "state", "shirt_size", "gender", "type", "birthday")
    assert [one["fields"].get(name) for name in names] == [
        True,
        "DE",
        "Bavaria",
        "SM",
        "female",
        "client",
        "1990-01-15",
    ]
    assert [two["fields"].get(name) for name in names] == [False, "CA", "QC", "2XL", None, "employee", None]
    assert two["list_ids"] == [11, 12]
    codes = {one.code for one in ended.summary.problems if one.severity == "error"}
    assert codes == {"number_needed", "date_syntax", "boolean_unknown", "country_unknown", "choice_unknown"}
