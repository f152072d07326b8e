"""What an API's documentation leaves open is found out by asking it, whichever way it answers."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors import kinds as installed_kinds
from connectors.destinations.corporate_merch_inferred import ALSO_SEEN
from connectors.errors import CredentialsError
from connectors.kinds import destination_module, kinds
from connectors.pace import Pace
from connectors.patience import Patience
from connectors.probing import Finding, Questions, Throwaway, findings, left_behind, probe_of, questions_of
from connectors.sandbox import faults
from connectors.sandbox.serving import Running, in_thread, sandbox_of

ADDRESS = "throwaway@example.com"
PROBED = [kind for kind in kinds("destinations") if probe_of(kind) is not None]
MODULES: dict[str, Any] = {kind: probe_of(kind) for kind in PROBED}
QUESTIONS: dict[str, Questions] = {kind: questions_of(kind) for kind in PROBED}
CONNECTORS: dict[str, Any] = {kind: destination_module(kind).Connector for kind in PROBED}
SANDBOXES = {kind: sandbox_of(kind, {"rate": "1000000"}) for kind in PROBED}
PATIENCE = Patience(attempts=2, seconds=1.0, first=0.001, most=0.002)
NEEDED = {
    ("campaignlark", "put_address_taken"): ("put_changes_address",),
    ("corporate_merch", ""): ("update",),
    ("corporate_merch", "create_takes"): ("classification", "second_line"),
    ("corporate_merch", "create_address"): ("second_line",),
    ("corporate_merch", "list_order"): ("second_line",),
}
"""What has to be known before something else can be asked."""
SWITCHES = {kind: importlib.import_module(f"connectors.sandbox.{kind}").SWITCHES for kind in PROBED}
NO_QUESTIONS = {"campaignlark": {"ip_allowed"}, "loops": set[str](), "corporate_merch": {"guessed_names"}}
"""Documented, or asked name by name."""
ASKED = [
    (kind, question.name, position)
    for kind in PROBED
    for question in QUESTIONS[kind]
    for position in question.positions
    if question.ask is not None
]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Running]]:
    served = {kind: in_thread(sandbox) for kind, sandbox in SANDBOXES.items()}
    try:
        yield {kind: one.__enter__() for kind, one in served.items()}
    finally:
        for one in served.values():
            one.__exit__(None, None, None)


@asynccontextmanager
async def prepared(kind: str, server: Running, key: str = "sandbox-key") -> AsyncIterator[Throwaway]:
    """A throwaway contact that was not made yet."""
    made = CONNECTORS[kind](base_url=server.url, key=key, turns=Pace(5000), patience=PATIENCE)
    async with made as destination:
        schema = await destination.read_schema()
        throwaway: Throwaway = MODULES[kind].Throwaway(destination, ADDRESS)
        throwaway.use(schema)
        yield throwaway


def inferred(kind: str, name: str) -> str:
    """What the sandbox answers unless it is switched."""
    question = QUESTIONS[kind].named(name)
    assert question is not None
    return question.positions[0]


async def probed(
    kind: str, server: Running, names: set[str] | None = None
) -> tuple[dict[str, Finding], list[str]]:
    """A probe of these questions, all without a word: what was found, by question, and what stays there."""
    async with prepared(kind, server) as throwaway:
        assert await throwaway.absent() == ""
        await throwaway.create()
        chosen = [one for one in QUESTIONS[kind] if names is None or one.name in names]
        found = {one.question.name: one async for one in findings(throwaway, chosen)}
        return found, await left_behind(throwaway)


def people(kind: str) -> list[Mapping[str, Any]]:
    """Whom the questions need to be there; nobody of them is written to."""
    match kind:
        case "campaignlark":
            return [{"email_address": "gone@example.com", "status": "CLEANED"}]
        case "corporate_merch":
            return [{"email_address": "old@example.com", "labels": [501, 502], "lists": [11, 12]}]
    return []


def ready(kind: str, **switches: str) -> None:
    SANDBOXES[kind].reset()
    SANDBOXES[kind].switch(switches)
    SANDBOXES[kind].seed(people(kind))


@pytest.mark.parametrize("kind", PROBED)
def test_every_switch_of_the_sandbox_is_a_question_and_the_first_position_what_it_does_unasked(
    kind: str,
) -> None:
    asked = {question.name: question.positions for question in QUESTIONS[kind]}
    switches = {
        name: positions for name, positions in SWITCHES[kind].items() if name not in NO_QUESTIONS[kind]
    }
    assert {name: positions for name, positions in asked.items() if name not in ALSO_SEEN} == switches


@pytest.mark.parametrize(
    ("kind", "name", "position"), ASKED, ids=[f"{kind}-{name}-{position}" for kind, name, position in ASKED]
)
async def test_the_position_that_holds_is_found(
    servers: dict[str, Running], kind: str, name: str, position: str
) -> None:
    ready(kind, **{name: position})
    first = (*NEEDED.get((kind, ""), ()), *NEEDED.get((kind, name), ()))
    found, _ = await probed(kind, servers[kind], {*first, name})
    assert found[name].position == position, found[name].said
    assert [found[one].position for one in first if one != name] == [
        inferred(kind, one) for one in first if one != name
    ]


@pytest.mark.parametrize("kind", PROBED)
async def test_a_whole_probe_finds_everything_writes_to_nobody_else_and_takes_no_more_than_it_said(
    servers: dict[str, Running], kind: str
) -> None:
    ready(kind)
    before = SANDBOXES[kind].contacts()
    questions = QUESTIONS[kind]
    async with prepared(kind, servers[kind]) as throwaway:
        said = questions.requests + throwaway.around + await throwaway.reading()
        sent = throwaway.wire.traffic.sent
        assert await throwaway.absent() == ""
        await throwaway.create()
        found = {one.question.name: one async for one in findings(throwaway, questions)}
        left = await left_behind(throwaway)
        assert throwaway.wire.traffic.sent - sent <= said
    assert {name for name, one in found.items() if one.position} == {one.name for one in questions if one.ask}
    assert all(one.said and not one.tried for one in found.values() if not one.position)
    assert {name: one.position for name, one in found.items() if one.position} == {
        one.name: one.positions[0] for one in questions if one.ask
    }
    there = SANDBOXES[kind].contacts()
    assert [one for one in there if one in before] == before
    ours = [one for one in there if one not in before]
    assert all(one["email_address"].startswith("throwaway") for one in ours)
    assert not any(one["status"] == "SUBSCRIBED" for one in ours)
    assert len(left) == len(ours) == {"campaignlark": 2, "loops": 0, "corporate_merch": 4}[kind]


async def test_a_name_that_nobody_guessed_is_not_found_and_what_the_contact_shows_is_said(
    servers: dict[str, Running],
) -> None:
    ready("corporate_merch", classification="customer_class")
    found, _ = await probed("corporate_merch", servers["corporate_merch"], {"update", "classification"})
    assert found["classification"].position == ""
    assert found["classification"].said == (
        "it keeps nothing under classification or contact_classification; it shows customer_class, one of which it may be"
    )


STRANGE: list[Any] = [[], 5, {"data": [], "success": "yes"}, {"data": {"id": "", "contacts": 3}}, [{"id": 0}]]


@pytest.mark.parametrize("kind", PROBED)
@pytest.mark.parametrize("shape", range(len(STRANGE)))
async def test_an_api_that_answers_in_no_known_way_is_survived_and_nothing_is_found(
    servers: dict[str, Running], monkeypatch: pytest.MonkeyPatch, kind: str, shape: int
) -> None:
    ready(kind)
    sandbox: Any = SANDBOXES[kind]
    answered = sandbox._answer
    async with prepared(kind, servers[kind]) as throwaway:
        await throwaway.absent()
        await throwaway.create()

        def strange(*call: Any) -> faults.Answer:
            answered(*call)
            return faults.Answer(200, json.dumps(STRANGE[shape]).encode())

        monkeypatch.setattr(sandbox, "_answer", strange)
        found = [
            one async for one in findings(throwaway, QUESTIONS[kind]) if one.question.name not in AT_ONCE
        ]
        assert {one.question.name: one.position for one in found if one.position} == {}
        assert all(one.said for one in found)
        left = await left_behind(throwaway)
        assert any("may be there" in one for one in left) or (kind, STRANGE[shape]) == ("loops", [])


AT_ONCE = {"create_status", "ids"}
"""What the answer to the creation has shown already."""


@pytest.mark.parametrize("kind", PROBED)
async def test_an_api_that_breaks_down_is_not_asked_on_and_on(servers: dict[str, Running], kind: str) -> None:
    ready(kind)
    async with prepared(kind, servers[kind]) as throwaway:
        await throwaway.absent()
        await throwaway.create()
        servers[kind].faults("503:1")
        found = [
            one async for one in findings(throwaway, QUESTIONS[kind]) if one.question.name not in AT_ONCE
        ]
        servers[kind].clear_faults()
        assert not any(one.position for one in found)
        assert sum(one.tried for one in found) == 3
        await left_behind(throwaway)


@pytest.mark.parametrize("kind", PROBED)
async def test_a_key_that_is_refused_halfway_ends_the_probe(servers: dict[str, Running], kind: str) -> None:
    ready(kind)
    async with prepared(kind, servers[kind]) as throwaway:
        await throwaway.absent()
        await throwaway.create()
        servers[kind].switch(keys="another")
        with pytest.raises(CredentialsError):
            _ = [one async for one in findings(throwaway, QUESTIONS[kind])]
        [left, *_] = await left_behind(throwaway)
        assert "may be there" in left


def test_a_destination_from_elsewhere_has_its_questions_in_its_own_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "someones_shop-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: someones-shop\nVersion: 1.0\n", "utf-8")
    (about / "entry_points.txt").write_text(
        "[muster.destinations]\nsomeones_shop = someones_shop\nquiet = quiet_shop\n", "utf-8"
    )
    (tmp_path / "someones_shop.py").write_text("import someones_questions as probe\n", "utf-8")
    (tmp_path / "quiet_shop.py").write_text("", "utf-8")
    (tmp_path / "someones_questions.py").write_text(
        "from connectors.probing import Questions\n"
        "QUESTIONS = Questions()\n"
        "@QUESTIONS.asked('yes', 'no', requests=1)\n"
        "async def open_on_sundays(one):\n    '''Is it open on Sundays?'''\n    return 'no'\n",
        "utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(
        installed_kinds, "installed", installed_kinds.installed.__wrapped__
    )  # what is installed is looked for once
    [question] = questions_of("someones_shop")
    assert (question.name, question.positions, question.inferred) == ("open_on_sundays", ("yes", "no"), "yes")
    assert question.asks == "Is it open on Sundays?"
    assert len(questions_of("quiet")) == 0
