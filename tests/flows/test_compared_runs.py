"""What a run's page is told beyond its own rows: what it changed there, and how the run before it stood."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from flows.conformance.ended import Ended
from flows.report.details import Details
from flows.report.writing import details_of
from tests.flows.conftest import Desk
from tests.flows.interrupting import interrupted

Person = Callable[..., dict[str, str]]


def details(ended: Ended) -> Details:
    return details_of(ended.folder, ended.summary)


async def test_what_changed_there_is_counted_by_merge_tag_with_old_and_new(
    desk: Desk, person: Person
) -> None:
    first = await desk.sync(desk.file([person(n, City="Ulm") for n in range(5)]))
    assert details(first).changes == [], "newcomers change nothing"
    rows = [person(n, City="Bonn" if n < 3 else "Ulm", Score="7" if n == 0 else "") for n in range(5)]
    found = details(await desk.sync(desk.file([*rows, person(9, City="Köln")])))
    assert [(one.tag, one.count, one.examples) for one in found.changes] == [
        ("city", 3, [("Ulm", "Bonn")]), ("score", 1, [("", "7")]),
    ]  # fmt: skip


async def test_what_was_changed_before_an_interruption_is_counted_with_the_rest(
    desk: Desk, person: Person
) -> None:
    await desk.sync(desk.file([person(n, City="Ulm") for n in range(60)]))
    rows = [person(n, City="Ulm", Score="7") if n < 5 else person(n, City="Bonn") for n in range(60)]
    file = desk.file(rows)
    await interrupted(desk, file, 20, allow=["changes"])
    ended = await desk.resume()
    assert ended.outcomes == {"updated": 60}
    assert [(one.tag, one.count, one.examples) for one in details(ended).changes] == [
        ("city", 55, [("Ulm", "Bonn")]), ("score", 5, [("", "7")]),
    ]  # fmt: skip


async def test_a_run_is_compared_with_the_last_complete_one_as_long_as_its_folder_is_there(
    desk: Desk, person: Person
) -> None:
    bad = [person(1, Score="much"), person(2, Score="more"), person(3, Email="nobody")]
    good = [person(n) for n in range(10, 15)]
    first = await desk.sync(desk.file([*bad, *good]))
    assert first.summary.previous is None
    assert [group.new for group in first.summary.problems] == [None, None]
    await desk.sync(desk.file([*bad, *good]), limit=1)  # reads all, sends one: not a complete run
    second = await desk.sync(
        desk.file([*good, person(4, Score="most"), person(2, Score="more"), person(1, Score="5")])
    )
    assert second.summary.previous is not None
    assert second.summary.previous.model_dump() == {
        "run_id": first.id, "compared": True, "new": 1, "known": 1, "solved": 1, "gone": 1,
    }  # fmt: skip
    assert [(group.code, group.state, group.new, group.count) for group in second.summary.problems] == [
        ("integer_syntax", "new", 1, 2), ("integer_syntax", "solved", 0, 1),
    ]  # fmt: skip
    assert details(second).new_rows == [6]
    shutil.rmtree(second.folder)
    third = await desk.sync(desk.file([*good, person(2, Score="more")]))
    assert third.summary.previous is not None
    assert not third.summary.previous.compared
    assert third.exit_code == 1
