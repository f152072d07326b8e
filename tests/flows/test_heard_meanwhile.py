"""What is known of a person is read again right before they are sent: while a run goes on, others hear opt-outs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from connectors.errors import SourceError
from connectors.sandbox.serving import Running, running
from flows.ledger.opening import open_ledger
from flows.sync_run import SyncRun
from tests.flows import test_loops_sync as loops

if TYPE_CHECKING:
    from conftest import Desk, Ended

    Person = Callable[..., dict[str, str]]

LAST = "p4@example.com"


async def in_turn(run: SyncRun, after_the_first: Callable[[], None]) -> Ended:
    """A run whose contacts go one after the other; something happens when the first one has its answer."""
    from flows.delivery import Delivery
    from tests.flows.conftest import finish

    sent = Delivery._sent
    done = 0

    async def slowly(self: Delivery, *contact: object) -> object:
        nonlocal done
        found = await sent(self, *contact)  # type: ignore[arg-type]
        done += 1
        if done == 1:
            after_the_first()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.delivery._IN_FLIGHT", 1)
        patch.setattr("flows.suppressions._LOOK_AGAIN_SECONDS", 0.0)
        patch.setattr(Delivery, "_sent", slowly)
        return await finish(run)


def hears(home: Path, *keys: str) -> None:
    """Another mapping's run hears that these people want no mail."""
    ledger = open_ledger(home)
    ledger.memory.heard_opt_outs(1, keys, "another-mapping")
    ledger.close()


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("write", ["merge", "create_only", "update_only", "replace"])
async def test_an_opt_out_that_another_run_hears_meanwhile_counts(
    desk: Desk, person: Person, write: str, there: bool
) -> None:
    if there:
        desk.server.seed([{"email_address": f"p{n}@example.com"} for n in range(1, 5)])
    desk.mapping(write=write)
    run = desk.run(desk.file([person(n) for n in range(1, 5)]))
    async with run:
        ended = await in_turn(run, lambda: hears(desk.home, LAST))
    found = desk.contacts().get(LAST)
    assert ("UNSUBSCRIBED" if there or write != "update_only" else None) == (found and found["status"])
    assert desk.contacts().get("p1@example.com", {"status": "SUBSCRIBED"})["status"] == "SUBSCRIBED"
    assert ended.exit_code == 0


async def test_a_line_that_is_added_to_a_suppression_file_meanwhile_counts(
    desk: Desk, person: Person
) -> None:
    (desk.folder / "gone.txt").write_text("nobody@example.com\n")
    desk.mapping(suppress="gone.txt")
    run = desk.run(desk.file([person(n) for n in range(1, 5)]))
    async with run:
        ended = await in_turn(run, lambda: _add(desk.folder / "gone.txt", LAST))
    assert ended.per_row == ["created", "created", "created", "protected"]
    assert ended.row(4)["code"] == "suppressed"
    assert LAST not in desk.contacts()


async def test_a_home_file_that_comes_meanwhile_counts(desk: Desk, person: Person) -> None:
    run = desk.run(desk.file([person(n) for n in range(1, 5)]))
    async with run:
        ended = await in_turn(run, lambda: _add(desk.home / "suppress.txt", "example.com"))
    assert ended.per_row == ["created", "protected", "protected", "protected"]


async def test_a_file_that_is_just_being_saved_is_waited_for(desk: Desk, person: Person) -> None:
    path = desk.folder / "gone.txt"
    path.write_text("nobody@example.com\n")
    desk.mapping(suppress="gone.txt")

    def saved() -> None:
        path.write_text("nobody@example.com\np4@exa")
        asyncio.get_running_loop().call_later(0.05, path.write_text, f"nobody@example.com\n{LAST}\n")

    async with desk.run(desk.file([person(n) for n in range(1, 5)])) as run:
        ended = await in_turn(run, saved)
    assert ended.per_row == ["created", "created", "created", "protected"]


async def test_a_file_that_cannot_be_read_any_more_stops_the_run(
    desk: Desk, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.hearing._BEING_SAVED_SECONDS", (0.01, 0.02))
    path = desk.folder / "gone.txt"
    path.write_text("nobody@example.com\n")
    desk.mapping(suppress="gone.txt")
    file = desk.file([person(n) for n in range(1, 5)])
    run = desk.run(file)
    async with run:
        ended = await in_turn(run, path.unlink)
        assert isinstance(run.error, SourceError)
    assert ended.exit_code == 3
    assert ended.per_row == ["created", "unsent", "unsent", "unsent"]
    assert ended.row(2)["code"] == "suppressions"
    path.write_text("nobody@example.com\n")
    assert (await desk.sync(file)).exit_code == 0


def _add(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(f"{line}\n")


# one by one, and under every name


@pytest.fixture(scope="module")
def team() -> object:
    with running("loops", rate=0) as server:
        yield server


@pytest.fixture
def at_loops(team: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> loops.Desk:
    team.reset()
    monkeypatch.setattr(loops.Connector, "per_second", 2000.0)
    monkeypatch.setattr("connectors.pace.Pace.told", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return loops.Desk(tmp_path, team, monkeypatch)


@pytest.mark.parametrize("there", [True, False])
async def test_at_loops_it_counts_as_well(at_loops: loops.Desk, there: bool) -> None:
    if there:
        at_loops.server.seed([{"email_address": f"p{n}@example.com"} for n in range(1, 5)])
    at_loops.mapping()
    run = at_loops.run(at_loops.file([loops.person(n) for n in range(1, 5)]), "sync")
    async with run:
        await in_turn(run, lambda: hears(at_loops.folder / "home", LAST))
    by_address = {one["email_address"]: one["status"] for one in at_loops.server.contacts()}
    assert by_address[LAST] == "UNSUBSCRIBED"
    assert by_address["p1@example.com"] == "SUBSCRIBED"


async def test_an_opt_out_and_a_suppression_count_under_the_address_that_only_the_destination_knows(
    at_loops: loops.Desk,
) -> None:
    """The row has only a userId; the contact there has the address."""
    at_loops.server.seed(
        [{"email_address": f"p{n}@example.com", "fields": {"userId": str(n)}} for n in (1, 2, 3)]
    )
    at_loops.mapping(key="userId", fields={"userId": "Id", "firstName": "First"}, person=None)
    home = at_loops.folder / "home"
    (home / "suppress.txt").write_text("p1@example.com\n")
    file = at_loops.file([{"Id": str(n), "First": "Ann"} for n in (1, 2, 3)])
    async with at_loops.run(file, "plan") as run:  # makes the ledger and its account
        await run.open()
    hears(home, "p2@example.com")
    async with at_loops.run(file, "plan") as run:
        from flows.preview import preview

        await run.open()
        await run.prepare()
        planned = await preview(run)
    async with at_loops.run(file, "sync") as run:
        ended = await loops.finish(run)
    assert ended.outcomes == dict(+planned.outcomes) == {"protected": 1, "updated": 2}
    by_address = {one["email_address"]: one for one in at_loops.server.contacts()}
    assert [by_address[f"p{n}@example.com"]["status"] for n in (1, 2, 3)] == [
        "SUBSCRIBED",
        "UNSUBSCRIBED",
        "SUBSCRIBED",
    ]


async def test_a_file_that_is_missing_or_not_understood_stops_plan_and_sync_before_anything_is_sent(
    desk: Desk, person: Person
) -> None:
    file = desk.file([person(1)])
    desk.mapping(suppress=["gone.txt", "more.csv"])
    (desk.folder / "more.csv").write_text("Email\nx@example.com\n")
    for text, said in ((None, r"no suppression file .*gone\.txt"), ("ann at example", r"gone\.txt:1")):
        if text is not None:
            (desk.folder / "gone.txt").write_text(text)
        for ask in (desk.plan, desk.sync):
            with pytest.raises(SourceError, match=said) as raised:
                await ask(file)
            assert raised.value.exit_code == 2
    assert desk.writes() == {}
    (desk.folder / "gone.txt").write_text("@blocked.example\n")
    assert "suppress  1 address, 1 domain in 2 files" in (await desk.sync(file)).said


async def test_an_opt_out_heard_under_an_id_counts_for_another_mapping_under_the_address(
    at_loops: loops.Desk,
) -> None:
    by_id = loops.BY_ID | {"name": "by-id"}
    for number, row in enumerate([loops.person(1, Out="yes"), loops.person(2)]):
        at_loops.mapping(**by_id)
        async with at_loops.run(at_loops.file([row]), "sync") as run:
            await loops.finish(run)
        at_loops.server.delete(f"p{number + 1}@example.com")
    at_loops.mapping()
    async with at_loops.run(at_loops.file([loops.person(1), loops.person(2)]), "sync") as run:
        await loops.finish(run)
    by_address = {one["email_address"]: one["status"] for one in at_loops.server.contacts()}
    assert by_address == {"p1@example.com": "UNSUBSCRIBED", "p2@example.com": "SUBSCRIBED"}
