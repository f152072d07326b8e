"""A sync to Loops does what its plan says, a second one writes nothing, and nobody is ever re-subscribed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.destinations.loops import Connector
from connectors.errors import MappingError
from connectors.sandbox.serving import Running, running
from flows.cli.showing import show_summary
from flows.options import Options
from flows.preview import preview
from flows.report.details import Details
from flows.report.page import render
from flows.report.problem_group import ProblemGroup
from flows.settings import Settings
from flows.sync_run import SyncRun
from flows.told import told
from tests.flows.conftest import Ended, Listening, finish

COLUMNS = ("Id", "Email", "First", "City", "Lists", "Out")
PEOPLE: dict[str, Any] = {
    "name": "people",
    "source": {"kind": "csv_file"},
    "destination": {"kind": "loops"},
    "key": "email",
    "person": "Id",
    "fields": {"email": {"from": "Email", "type": "email"}, "firstName": "First", "city": "City"},
    "consent": {"opted_out": {"from": "Out", "when": "yes"}},
    "ignore": ["rest"],
}
LISTS = {"lists": {"from": "Lists", "split": ";"}}
WITH_ID = {"fields": {**PEOPLE["fields"], "userId": "Id"}}
BY_ID = {"key": "userId", **WITH_ID}
ALL = {"allow": frozenset({"changes", "opt_outs", "invalid"})}


class Desk:
    """A folder with a mapping and files, its own home, and a Loops team."""

    def __init__(self, folder: Path, server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.server, self._monkeypatch = folder, server, monkeypatch
        self.at_home("home")
        monkeypatch.setenv("LOOPS_BASE_URL", server.url)
        monkeypatch.setenv("LOOPS_API_KEY", "sandbox-key")

    def at_home(self, name: str) -> Path:
        home = self.folder / name
        home.mkdir()
        self._monkeypatch.setenv("MUSTER_HOME", str(home))
        return home

    def mapping(self, **changes: Any) -> None:
        text = yaml.safe_dump({**PEOPLE, **changes}, sort_keys=False)
        (self.folder / "people.yml").write_text(text, "utf-8")

    def file(self, rows: list[dict[str, str]]) -> Path:
        lines = [",".join(COLUMNS), *(",".join(row.get(name, "") for name in COLUMNS) for row in rows)]
        path = self.folder / "people.csv"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    def run(self, file: Path, verb: str, **options: Any) -> SyncRun:
        return SyncRun(str(self.folder / "people.yml"), str(file), Options(verb=verb, **options), Listening())

    def asked(self) -> Counter[str]:
        found = self.server.requests()["by_endpoint"]
        return Counter({name.replace("/api/v1", ""): sum(each.values()) for name, each in found.items()})

    def people(self) -> dict[str, dict[str, Any]]:
        return {one["id"]: one for one in self.server.contacts()}

    async def plan_then_sync(self, rows: list[dict[str, str]], **options: Any) -> Ended:
        """Both, compared: outcomes, requests by name, opt-outs, automations."""
        file = self.file(rows)
        async with self.run(file, "plan", **ALL, **options) as run:
            await run.open()
            await run.prepare()
            planned = await preview(run)
        before, there, fired = self.asked(), self.people(), Counter(self.server.automations()["counts"])
        async with self.run(file, "sync", **ALL, **options) as run:
            ended = await finish(run)
        assert ended.outcomes == +planned.outcomes
        assert ended.exit_code == planned.exit_code
        asked = self.asked() - before
        assert asked.total() == planned.requests + planned.reading
        writes = {name: count for name, count in asked.items() if not name.startswith("GET")}
        assert writes == {name: count for name, count in planned.calls.items() if not name.startswith("GET")}
        now = self.people()
        assert not any(one["resubscribed"] for one in now.values())
        opted_out = [i for i, one in there.items() if one["status"] != now[i]["status"]]
        assert all(now[number]["status"] == "UNSUBSCRIBED" for number in opted_out)
        assert len(opted_out) == planned.opt_outs
        started = Counter(self.server.automations()["counts"]) - fired
        assert all(count <= planned.automations[name] for name, count in started.items())
        assert ended.comparison is not None
        assert not ended.comparison.differing
        return ended


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with running("loops", rate=0) as server:
        yield server


@pytest.fixture
def desk(sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    sandbox.reset()
    monkeypatch.setattr(Connector, "per_second", 2000.0)
    monkeypatch.setattr("connectors.pace.Pace.told", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, sandbox, monkeypatch)


def person(number: int, **cells: str) -> dict[str, str]:
    return {"Id": str(number), "Email": f"p{number}@example.com", "First": f"Name {number}", **cells}


def test_key_and_address_come_from_settings_named_for_loops() -> None:
    named = {"LOOPS_API_KEY": "k", "LOOPS_EMEA_API_KEY": "e", "LOOPS_EMEA_BASE_URL": "http://127.0.0.1:1/v1"}
    found = Settings(environment=named)
    assert found.access("loops", "main", Connector.default_base_url).base_url == "https://app.loops.so/api/v1"
    assert found.access("loops", "emea", Connector.default_base_url).base_url == "http://127.0.0.1:1/v1"


@pytest.mark.parametrize("changes", [{}, LISTS, WITH_ID, BY_ID, {**BY_ID, **LISTS}], ids=str)
async def test_a_second_sync_of_the_same_file_writes_nothing(desk: Desk, changes: dict[str, Any]) -> None:
    desk.mapping(**changes)
    rows = [person(number, Lists="Newsletter;Events", City="Bonn") for number in range(1, 6)]
    rows.append(person(6, Out="yes"))
    first = await desk.plan_then_sync(rows)
    assert sum(first.outcomes.get(name, 0) for name in ("created", "upserted")) == 6
    asked = desk.asked()
    again = await desk.plan_then_sync(rows)
    assert again.outcomes == {"unchanged": 6}
    assert set(desk.asked() - asked) == {"GET /contacts/properties", "GET /lists"}


async def test_whoever_is_not_asked_for_is_upserted(desk: Desk) -> None:
    desk.mapping()
    desk.server.seed([{"email_address": "p1@example.com", "status": "UNSUBSCRIBED"}])
    ended = await desk.plan_then_sync([person(1), person(2), person(3, Out="yes")])
    assert ended.outcomes == {"upserted": 2, "created": 1}
    # only the opt-out: for the guard and for its decision, once in the plan and once in the sync
    assert desk.asked()["GET /contacts/find"] == 4


async def test_people_who_changed_their_address_stay_one_contact(desk: Desk) -> None:
    desk.mapping(**WITH_ID)
    await desk.plan_then_sync([person(number) for number in range(1, 5)])
    desk.server.seed([{"email_address": "two@example.com"}])
    moved = [
        person(1, Email="one@example.com", Out="yes"),
        person(2, Email="two@example.com"),
        person(3, City="Bonn"),
    ]
    ended = await desk.plan_then_sync(moved)
    assert ended.per_row == ["updated", "protected", "updated"]
    assert len(desk.people()) == 5


async def test_whoever_was_removed_there_is_not_created_again(desk: Desk) -> None:
    desk.mapping()
    await desk.plan_then_sync([person(1), person(2)])
    desk.server.delete("p1@example.com")
    ended = await desk.plan_then_sync([person(1, City="Bonn"), person(2, City="Bonn")])
    assert ended.per_row == ["protected", "updated"]


async def test_a_list_that_somebody_left_is_not_joined_again_and_no_unsubscribed_person_joins(
    desk: Desk,
) -> None:
    desk.mapping(**LISTS)
    await desk.plan_then_sync([person(number, Lists="Newsletter") for number in (1, 2)])
    desk.server.seed(
        [
            {"email_address": "p1@example.com", "left": ["Newsletter"]},
            {"email_address": "p2@example.com", "status": "UNSUBSCRIBED"},
        ]
    )
    await desk.plan_then_sync([person(number, Lists="Newsletter;Events") for number in (1, 2)])
    one, two = desk.people().values()
    assert (one["tags"], two["tags"], two["status"]) == (["Events"], ["Newsletter"], "UNSUBSCRIBED")


async def test_the_suppression_file_counts_also_where_contacts_are_known_by_userid(desk: Desk) -> None:
    desk.mapping(**BY_ID)
    (desk.folder / "home" / "suppress.txt").write_text("p1@example.com\n", "utf-8")
    ended = await desk.plan_then_sync([person(1), person(2)])
    assert ended.per_row == ["protected", "created"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"write": "replace"}, "no way to replace"),
        ({"consent": {"assumed": "all of them", "newcomers": "UNCONFIRMED"}}, "asks nobody"),
        ({"tags": {"always": ["vip"]}}, "has no tags"),
        ({"lists": {"always": ["Newsletter"], "unknown": "create"}}, "cannot be created"),
        ({"lists": {"always": ["Newsleter"]}}, "Did you mean Newsletter"),
        (
            {"fields": {**PEOPLE["fields"], "subscribed": "Out"}},
            "'subscribed' is a name that the destination keeps",
        ),
    ],
)
async def test_what_loops_cannot_do_is_refused_before_anything_is_sent(
    desk: Desk, changes: dict[str, Any], said: str
) -> None:
    desk.mapping(**changes)
    async with desk.run(desk.file([person(1)]), "plan") as run:
        with pytest.raises(MappingError, match=said):
            await run.open()


ADDRESSES = [f"p{number}@example.com" for number in range(4)]
IDS = st.sampled_from(["1", "2", "3", ""])
NAME = st.sampled_from(["Ann", "Bob", ""])
CHOSEN = st.lists(st.sampled_from(["Newsletter", "Events"]), unique=True, max_size=2)
ROW = st.fixed_dictionaries(
    {
        "Id": IDS,
        "Email": st.sampled_from(ADDRESSES),
        "First": NAME,
        "City": NAME,
        "Lists": CHOSEN.map(";".join),
        "Out": st.sampled_from(["", "", "yes"]),
    }
)
THERE = st.fixed_dictionaries(
    {"status": st.sampled_from(["SUBSCRIBED", "UNSUBSCRIBED"])},
    optional={"tags": CHOSEN, "left": CHOSEN, "fields": st.fixed_dictionaries({}, optional={"firstName": st.just("Old"), "userId": st.sampled_from(["1", "2", "9"])})},
)  # fmt: skip
FILE = st.lists(ROW, min_size=1, max_size=5)
CHANGES = st.sampled_from(
    [{}, LISTS, WITH_ID, {**WITH_ID, **LISTS}, BY_ID, {**BY_ID, **LISTS}, {"blank": "clear"}, {**LISTS, "gone": "recreate"},
     {"write": "update_only"}, {"write": "create_only"}, {"consent": {"assumed": "all of them", "newcomers": "UNSUBSCRIBED"}},
     {**LISTS, "lists": {"from": "Lists", "split": ";", "write": "own"}}, {"lists": {"from": "Lists", "split": ";", "write": "replace"}},
     {"fields": {**PEOPLE["fields"], "city": {"from": "City", "write": "if_empty"}}}, {"together": [["firstName", "city"]]},
     {"fields": {**WITH_ID["fields"], "userId": {"from": "Id", "write": "always"}}}]
)  # fmt: skip
_numbers = itertools.count(1)


@given(
    there=st.dictionaries(st.sampled_from(ADDRESSES), THERE),
    earlier=FILE,
    by_hand=st.dictionaries(st.sampled_from(ADDRESSES), st.none() | THERE, max_size=2),
    rows=FILE,
    before=CHANGES,
    changes=CHANGES,
)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
async def test_the_plan_of_any_small_file_is_what_its_sync_does_and_nobody_is_re_subscribed(
    desk: Desk, there: dict[str, Any], earlier: list[dict[str, str]], by_hand: dict[str, Any], rows: list[dict[str, str]],
    before: dict[str, Any], changes: dict[str, Any],
) -> None:  # fmt: skip
    desk.server.reset()
    desk.at_home(f"home-{next(_numbers)}")
    _seed(desk, there)
    desk.mapping(**before, person=None)
    await desk.plan_then_sync(earlier)
    _seed(desk, by_hand)
    desk.mapping(**changes, person=None)
    ended = await desk.plan_then_sync(rows)
    assert not set(ended.outcomes) & {"failed", "unknown", "refused", "unsent"}
    people = desk.people()
    again = await desk.plan_then_sync(rows)
    assert desk.people() == people, "a second run changes nothing"
    assert not set(again.outcomes) & {"created", "updated"}


def _seed(desk: Desk, there: dict[str, Any]) -> None:
    """People as somebody left them in the app; a userId is only one person's."""
    for address, one in there.items():
        if one is None:
            desk.server.delete(address)
            continue
        fields = dict(one.get("fields", {}))
        if any(other["fields"].get("userId") == fields.get("userId") for other in desk.people().values()):
            fields.pop("userId", None)
        desk.server.seed([{"email_address": address, **one, "fields": fields}])


async def test_what_is_text_there_goes_as_text_whatever_type_the_mapping_says(desk: Desk) -> None:
    desk.mapping(
        fields={
            "email": {"from": "Email", "type": "email"}, "userId": {"from": "Id", "type": "integer"},
            "city": {"from": "City", "type": "number"}, "company": {"from": "Lists", "split": ";", "join": ", "},
            "language": {"from": "Out", "type": "boolean"}, "userGroup": {"value": "7"}, "score": "First",
        },
        consent={"assumed": "this is a test"},
    )  # fmt: skip
    row = {
        "Id": "0012",
        "Email": "p1@example.com",
        "City": "1.50",
        "Lists": "a;b",
        "Out": "yes",
        "First": "7",
    }
    ended = await desk.plan_then_sync([row])
    assert ended.outcomes == {"created": 1}
    [there] = desk.people().values()
    fields = there["fields"]
    texts = {name: fields[name] for name in ("userId", "city", "company", "language", "userGroup")}
    assert texts == {"userId": "12", "city": "1.5", "company": "a, b", "language": "true", "userGroup": "7"}
    assert fields["score"] == 7
    again = await desk.plan_then_sync([row])
    assert again.outcomes == {"unchanged": 1}


@pytest.mark.parametrize("name", ["userGroup", "source", "userId", "city", "firstName"])
async def test_a_text_of_more_than_500_characters_is_invalid_and_one_of_500_is_sent(
    desk: Desk, name: str
) -> None:
    desk.mapping(
        fields={"email": {"from": "Email", "type": "email"}, name: "First"},
        consent={"assumed": "this is a test"},
    )
    rows = [{"Email": "p1@example.com", "First": "é" * 500}, {"Email": "p2@example.com", "First": "x" * 501}]
    ended = await desk.plan_then_sync([{"Id": str(n), **row} for n, row in enumerate(rows)])
    assert ended.per_row[0] in ("created", "upserted")
    assert (ended.per_row[1], ended.summary.problems[0].code) == ("invalid", "too_long")
    assert ended.summary.problems[0].fix == "Shorten First to 500 characters."


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("teamId", "Call the property otherwise, there and here."),
        ("listId", "Call the property otherwise, there and here."),
        ("softDeleteAt", "Call the property otherwise, there and here."),
        ("updatedAt", "Call the property otherwise, there and here."),
        ("eventName", "Call the property otherwise, there and here."),
        ("id", "map your own to userId"),
        ("subscribed", "Say under consent:"),
        ("mailingLists", "Name the lists under lists:"),
        ("notes", "The API has no name for notes"),
        ("createdAt", "Loops says itself when a contact was created"),
        ("optInStatus", "cannot be written"),
    ],
)
async def test_a_reserved_name_is_refused_with_its_line_and_what_to_do_instead(
    desk: Desk, name: str, fix: str
) -> None:
    desk.mapping(fields={"email": {"from": "Email", "type": "email"}, name: "First"})
    lines = (desk.folder / "people.yml").read_text("utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if text.strip().startswith(f"{name}:"))
    with pytest.raises(MappingError) as raised:
        async with desk.run(desk.file([]), "sync") as run:
            await run.open()
    assert (
        f"people.yml:{line}: fields.{name}: '{name}' is a name that the destination keeps for itself"
        in str(raised.value)
    )
    assert fix in str(raised.value)


async def test_with_lookup_each_contact_is_asked_for_and_the_outcome_is_known(desk: Desk) -> None:
    desk.server.seed([{"email_address": "p1@example.com", "fields": {"firstName": "Ann"}}])
    rows = [
        {"Id": str(n), "Email": f"p{n}@example.com", "First": first}
        for n, first in ((1, "Ann"), (2, "Bea"), (3, "Cleo"))
    ]
    desk.mapping(destination={"kind": "loops", "lookup": True})
    ended = await desk.plan_then_sync(rows)
    assert ended.per_row == ["unchanged", "created", "created"]


async def test_a_contact_that_changed_its_id_is_an_incident_in_terminal_and_report(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.mapping()
    ended = await desk.plan_then_sync([{"Id": "1", "Email": "p1@example.com", "First": "Ann"}])
    told_of = told(
        ("id_changed", "email", "p1@example.com", {"was": "c1", "now": "c2"}),
        row=1,
        line=2,
        columns={"email": ["Email"]},
    )
    group = ProblemGroup(
        code=told_of.code,
        severity=told_of.severity,
        column=told_of.column,
        count=1,
        rows=[1],
        fix=told_of.fix,
    )
    summary = ended.summary.model_copy(update={"problems": [group], "warnings": {"id_changed": 1}})
    capsys.readouterr()
    show_summary(summary, ended.folder)
    shown = capsys.readouterr().out
    assert "1 × id_changed in Email (row 1)" in shown
    assert "Look at the row's contact in the destination's own app" in shown
    assert "p1@example.com" not in shown
    page = render(ended.folder, summary, Details(title="t", mapping_path="m.yml"))
    assert "whoever looks after the account at the destination" in page


async def test_several_choices_do_not_go_into_a_text(desk: Desk) -> None:
    desk.mapping(fields={**PEOPLE["fields"], "company": {"from": "Lists", "type": "choices", "split": ";"}})
    with pytest.raises(MappingError, match=r"(?s)company holds one text .* add join:"):
        async with desk.run(desk.file([]), "sync") as run:
            await run.open()
