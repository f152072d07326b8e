"""Nobody who ever opted out is subscribed in the end, whatever files, people and colleagues do over several runs.

Each example is a flood: files with opt-outs and opt-ins in any row (sent, filtered, invalid, duplicate, of changed addresses), and between
plan, look-up and write somebody opts out there, complains, leaves a list, is removed or is changed by hand.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import http
from connectors.kinds import destination_module
from connectors.sandbox.serving import Running, in_thread, sandbox_of
from flows.conformance.ended import Ended, Listening, finish
from flows.options import Options
from flows.preview import preview
from flows.sync_run import SyncRun

ADDRESSES = tuple(f"{name}@example.com" for name in ("ann", "bob", "cleo", "dora", "emil"))
PERSONS = ("1", "2", "3")
COLUMNS = ("Id", "Email", "First", "Score", "Out", "Since", "Keep", "Lists")
GUARDS = ("changes", "opt_outs", "invalid", "shrunk", "empty_source", "resubscribes")
EXAMPLES = int(os.environ.get("MUSTER_FLOODS", "4"))
"""So many floods for each destination; a night can take more."""
NEVER, OLD = "", "2020-05-01T10:00:00Z"
MAPPING: dict[str, Any] = {
    "name": "flood",
    "source": {"kind": "csv_file"},
    "person": "Id",
    "where": {"Keep": ["", "yes"]},
    "ignore": ["rest"],
}
PLACES: dict[str, dict[str, Any]] = {
    "campaignlark": {
        "destination": {"kind": "campaignlark"},
        "key": "email_address",
        "fields": {
            "email_address": {"from": "Email", "type": "email"}, "first_name": "First",
            "score": {"from": "Score", "type": "integer"},
        },
        "tags": {"from": "Lists", "split": ";"},
        "consent": {"opted_out": {"from": "Out", "when": "yes", "unless": "no"}},
    },
    "loops": {
        "destination": {"kind": "loops"},
        "key": "email",
        "fields": {
            "email": {"from": "Email", "type": "email"}, "userId": "Id", "firstName": "First",
            "score": {"from": "Score", "type": "integer"},
        },
        "lists": {"from": "Lists", "split": ";"},
        "consent": {"opted_out": {"from": "Out", "when": "yes", "unless": "no"}},
    },
    "corporate_merch": {
        "destination": {"kind": "corporate_merch"},
        "key": "email",
        "fields": {
            "email": {"from": "Email", "type": "email"}, "first_name": {"from": "First", "default": "Kim"},
            "last_name": {"value": "Lee"}, "country": {"value": "US"}, "address": {"value": "1 Main St"},
            "city": {"value": "Boston"}, "state": {"value": "MA"}, "zip_code": {"value": "02108"},
            "type": {"value": "client"}, "birthday": {"from": "Score", "type": "date"},
        },
    },
}  # fmt: skip
NAMES = {"campaignlark": ("newsletter", "vip"), "loops": ("Newsletter", "Product news")}
PERMISSIONS = {"loops": {"contact_added"}}


@dataclass
class Place:
    """A destination's sandbox, and the account's owner who acts there by hand."""

    kind: str
    server: Running
    folder: Path
    out_ids: set[str] = field(default_factory=set)
    """Contacts that were seen in another status than subscribed at any moment."""
    gone: set[str] = field(default_factory=set)

    def act(self, what: str, address: str) -> None:
        there = {one["email_address"].casefold(): one for one in self.server.contacts()}
        if address not in there:
            return
        if what == "remove":
            self.gone.add(there[address]["id"])
            self.server.delete(address)
        elif what == "leave":
            self.server.seed([{"email_address": address, "tags": []}] if self.kind != "loops" else [
                {"email_address": address, "left": list(NAMES["loops"])}
            ])  # fmt: skip
        elif self.kind == "campaignlark":
            self.server.seed([{"email_address": address, "status": what}])
        elif self.kind == "loops":
            complained = {"suppressed": True} if what == "COMPLAINED" else {}
            self.server.seed([{"email_address": address, "status": "UNSUBSCRIBED", **complained}])

    def act_all(self, acts: list[tuple[str, str]]) -> None:
        for act in acts:
            self.act(*act)
        self.look()

    def look(self) -> dict[str, dict[str, Any]]:
        """Everybody who is there, by id; who is out is noted."""
        there = {one["id"]: one for one in self.server.contacts()}
        self.out_ids |= {number for number, one in there.items() if not mailed(one)}
        return there

    def mapping(self, **changes: Any) -> None:
        for name in ("flood", "second"):
            document = {**MAPPING, "name": name, **PLACES[self.kind], **changes}
            (self.folder / f"{name}.yml").write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")

    def file(self, rows: list[dict[str, str]]) -> Path:
        lines = [",".join(COLUMNS), *(",".join(row[name] for name in COLUMNS) for row in rows)]
        path = self.folder / "flood.csv"
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    def run(self, file: Path, verb: str, allow: frozenset[str], mapping: str, limit: int | None) -> SyncRun:
        options = Options(verb=verb, allow=allow, limit=limit)
        return SyncRun(str(self.folder / f"{mapping}.yml"), str(file), options, Listening())


def mailed(contact: dict[str, Any]) -> bool:
    """Whether somebody is subscribed: who has not confirmed is not, and nobody but they themselves confirms."""
    return contact.get("status") == "SUBSCRIBED"


def soon() -> str:
    """A consent that is newer than all that happened until now."""
    return (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=4)).strftime("%Y-%m-%dT%H:%M:%SZ")


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "Id": st.sampled_from([*PERSONS, ""]),
            "Email": st.sampled_from([*ADDRESSES, ADDRESSES[0].upper(), " bob@example.com ", "nobody"]),
            "First": st.sampled_from(["Kim", "Lee"]),
            "Score": st.sampled_from(["", "", "7", "seven"]),
            "Out": st.sampled_from(["", "no", "no", "yes", "perhaps"]),
            "Since": st.sampled_from(["never", "old", "soon"]),
            "Keep": st.sampled_from(["yes", "yes", "no"]),
            "Lists": st.sampled_from(["", "one", "both"]),
        }
    ),
    max_size=6,
)
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["UNSUBSCRIBED", "COMPLAINED", "CLEANED", "UNCONFIRMED", "remove", "leave"]),
        st.sampled_from(ADDRESSES),
    ),
    max_size=2,
)
RUNS = st.tuples(st.sampled_from(["flood", "flood", "second"]), st.sampled_from([None, None, 2]))
"""The mapping of a run, and its limit."""
FLOODS = st.lists(st.tuples(RUNS, ROWS, ACTS, ACTS, ACTS), min_size=2, max_size=4)


@pytest.fixture(scope="module", params=list(PLACES))
def server(request: pytest.FixtureRequest) -> Iterator[Running]:
    with in_thread(sandbox_of(request.param, {"rate": "0"})) as running:
        yield running


@pytest.fixture
def place(server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    connector: Any = destination_module(server.kind).Connector
    monkeypatch.setattr(connector, "per_second", 5000.0)
    monkeypatch.setattr(http, "Patience", functools.partial(http.Patience, first=0.01, most=0.05))
    monkeypatch.setenv(f"{server.kind.upper()}_BASE_URL", server.url)
    monkeypatch.setenv(f"{server.kind.upper()}_API_KEY", "sandbox-key")
    return Place(server.kind, server, tmp_path)


class Told:
    """What the files have said, as a person who reads them would hear it."""

    def __init__(self) -> None:
        self.out_addresses: set[str] = set()
        self.out_persons: set[str] = set()
        self.again: set[str] = set()
        """Addresses in a row with a new consent in so many words."""

    def hear(self, rows: list[dict[str, str]], mapping: str, ended: Ended, limit: int | None) -> None:
        """Of a run with a limit only the rows whose turn came are heard."""
        for row, became in zip(rows, ended.per_row, strict=True):
            if limit is not None and became in ("unsent", "filtered", "invalid", "duplicate"):
                continue
            address = row["Email"].strip().casefold()
            if "@" not in address:
                continue
            if row["Out"] in ("yes", "perhaps"):
                self.out_addresses.add(address)
                self.out_persons |= {f"{mapping} {row['Id']}"} if row["Id"] else set()
            elif row["Out"] == "no" and row["Since"] not in (NEVER, OLD):
                self.again.add(address)


def written(rows: list[dict[str, str]], kind: str) -> list[dict[str, str]]:
    """The rows as they stand in the file of a destination."""
    when = {"never": NEVER, "old": OLD, "soon": soon()}
    one, another = NAMES.get(kind, ("", ""))
    lists = {"": "", "one": one, "both": f"{one};{another}"}
    return [{**row, "Since": when[row["Since"]], "Lists": lists[row["Lists"]]} for row in rows]


async def flood(place: Place, story: list[tuple[Any, ...]], allow: frozenset[str]) -> Told:
    """Plays a story. Automations never exceed those announced, and who was out is subscribed by nobody's leave."""
    told, owners = Told(), dict[str, str]()
    place.out_ids.clear()
    place.gone.clear()
    for (mapping, limit), drawn, before, between, late in story:
        place.act_all(before)
        rows = written(drawn, place.kind)
        file = place.file(rows)
        place.look()
        async with place.run(file, "plan", allow, mapping, limit) as run:
            await run.open()
            await run.prepare()
            announced = (await preview(run)).automations
        fired = Counter(place.server.automations()["counts"])
        quiet = not (between or late)
        place.act_all(between)
        async with place.run(file, "sync", allow, mapping, limit) as run:
            ended = await finish(run, prepared=functools.partial(place.act_all, late))
        started = Counter(place.server.automations()["counts"]) - fired
        if quiet:
            assert not started - Counter(announced), (started, announced)
        told.hear(rows, mapping, ended, limit)
        owners |= landed(rows, ended, mapping)
        unharmed(place, told, owners)
    return told


def landed(rows: list[dict[str, str]], ended: Ended, mapping: str) -> dict[str, str]:
    """Whose address each one is by now, as far as rows arrived."""
    arrived = [
        row["row"] for row in ended.rows if row["outcome"] in ("created", "updated", "upserted", "unchanged")
    ]
    return {rows[at - 1]["Email"].strip().casefold(): f"{mapping} {rows[at - 1]['Id']}" for at in arrived}


def unharmed(place: Place, told: Told, owners: dict[str, str]) -> None:
    before = set(place.out_ids)
    there = place.look()
    addresses = [one["email_address"].casefold() for one in there.values()]
    assert len(set(addresses)) == len(addresses)
    assert not place.gone & there.keys()
    for number, one in there.items():
        address = one["email_address"].casefold()
        out = number in before or address in told.out_addresses or owners.get(address, "") in told.out_persons
        if place.kind != "corporate_merch" and out and mailed(one):
            assert address in told.again, (one, sorted(told.out_addresses), sorted(told.out_persons))


@pytest.mark.parametrize("following", [False, True])
def test_nobody_who_ever_opted_out_is_subscribed_in_the_end_unless_followed_and_allowed(
    place: Place, following: bool, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    if following and place.kind == "corporate_merch":
        pytest.skip("nobody is mailed there, so that there is no consent to follow")
    allow = frozenset({*GUARDS, *PERMISSIONS.get(place.kind, ())}) | (
        {"follow_source"} if following else set()
    )
    consent = PLACES[place.kind].get("consent")
    if following:
        place.mapping(consent={**(consent or {}), "follow_source": "Since"})
    else:
        place.mapping()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(story=FLOODS)
    def floods(story: list[tuple[Any, ...]]) -> None:
        place.server.reset()
        home = tmp_path_factory.mktemp("home")
        monkeypatch.setenv("MUSTER_HOME", str(home))
        told = asyncio.run(flood(place, story, allow))
        assert following or not {
            one["email_address"].casefold()
            for one in place.server.contacts()
            if place.kind != "corporate_merch"
            and mailed(one)
            and one["email_address"].casefold() in told.out_addresses
        }

    floods()
