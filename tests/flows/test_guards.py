"""Guards stop what is likely a mistake, and only that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import MappingError
from flows.allowing import allowed
from flows.guards import GUARDS, Counts, Verdict, judged, of_mapping
from mappings.engine.document import Guards

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]

CALM = {"rows": 10_000, "kept": 10_000, "invalid": 0, "writes": 0, "opt_outs": 0, "rows_before": 10_000}


def tripped(*allowed: str, **counts: Any) -> list[str]:
    verdicts = judged(Counts(**{**CALM, **counts}), dict.fromkeys(allowed))
    return [verdict.name for verdict in verdicts if verdict.tripped and not verdict.allowed]


def test_nothing_trips_where_nothing_is_wrong() -> None:
    assert tripped() == []
    assert [guard.name for guard in GUARDS] == [
        "empty_source", "shrunk", "invalid", "changes", "opt_outs", "resubscribes",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "below", "over"),
    [
        ("invalid", {"invalid": 2000}, {"invalid": 2001}),
        ("changes", {"writes": 5000}, {"writes": 5001}),
        ("opt_outs", {"opt_outs": 200}, {"opt_outs": 201}),
        ("resubscribes", {"resubscribes": 200}, {"resubscribes": 201}),
        ("shrunk", {"rows": 8000}, {"rows": 7999}),
        (
            "empty_source",
            {"rows": 1, "kept": 1, "rows_before": 1},
            {"rows": 0, "kept": 0, "rows_before": None},
        ),
    ],
)
def test_a_guard_trips_over_its_share_and_not_at_it(
    name: str, below: dict[str, Any], over: dict[str, Any]
) -> None:
    assert tripped(**below) == []
    assert tripped(**over) == [name]


@pytest.mark.parametrize(
    ("name", "below", "at"),
    [
        ("invalid", {"invalid": 49}, {"invalid": 50}),
        ("changes", {"writes": 199}, {"writes": 200}),
        ("opt_outs", {"opt_outs": 19}, {"opt_outs": 20}),
        ("resubscribes", {"resubscribes": 19}, {"resubscribes": 20}),
        ("shrunk", {"rows_before": 149}, {"rows_before": 150}),
    ],
)
def test_a_guard_does_not_trip_under_its_floor(name: str, below: dict[str, Any], at: dict[str, Any]) -> None:
    small = {"rows": 100, "kept": 100, "rows_before": 100}
    assert tripped(**{**small, **below}) == []
    assert name in tripped(**{**small, "kept": 199 if name == "changes" else 100, **at})


def test_what_is_filtered_does_not_hide_a_change_of_all_that_is_kept() -> None:
    assert tripped(rows=100_000, rows_before=100_000, kept=300, writes=200) == ["changes"]


def test_a_first_run_may_write_everybody_and_has_nothing_to_have_shrunk_from() -> None:
    assert tripped(writes=10_000, rows_before=None) == []
    assert tripped(invalid=5000, opt_outs=5000, rows_before=None) == ["invalid", "opt_outs"]


def test_a_guard_that_is_allowed_does_not_stop_and_is_still_told() -> None:
    counts = {**CALM, "invalid": 5000, "writes": 9000}
    assert tripped("invalid", **counts) == ["changes"]
    verdicts = {verdict.name: verdict for verdict in judged(Counts(**counts), {"invalid": None})}
    assert (verdicts["invalid"].tripped, verdicts["invalid"].allowed) == (True, True)
    assert verdicts["invalid"].count == 5000
    assert verdicts["invalid"].share == pytest.approx(0.5)


def verdict(name: str, limits: dict[str, Any], words: tuple[str, ...] = (), **counts: Any) -> Verdict:
    guards = of_mapping(Guards.model_validate(limits))
    found = judged(Counts(**{**CALM, **counts}), allowed(words), guards)
    return next(one for one in found if one.name == name)


def test_a_mapping_sets_a_share_a_floor_or_both_and_the_rest_stays_as_it_is() -> None:
    some = {"opt_outs": {"share": "5%", "floor": "50"}, "changes": {"share": "0.8"}}
    assert not verdict("opt_outs", some, opt_outs=500).tripped
    assert verdict("opt_outs", some, opt_outs=501).tripped
    assert not verdict("opt_outs", some, kept=100, opt_outs=49).tripped
    assert not verdict("changes", some, writes=8000).tripped
    assert (verdict("changes", some).floor, verdict("changes", some).own) == (200, True)
    assert not verdict("invalid", some).own
    assert not verdict("invalid", {"invalid": {"share": "20%"}}).own, (
        "the default said again is no other limit"
    )


def test_a_number_that_is_named_opens_a_guard_for_so_many_and_fewer() -> None:
    counts = {"writes": 6000}
    assert verdict("changes", {}, ("changes=6000",), **counts).allowed
    assert verdict("changes", {}, ("changes=7000",), **counts).allowed
    assert not verdict("changes", {}, ("changes=5999",), **counts).allowed
    assert verdict("changes", {}, ("changes",), **counts).allowed
    assert not verdict("changes", {}, ("changes=7000", "changes=10"), **counts).allowed


@pytest.mark.parametrize(
    ("words", "opt_outs", "stops"),
    [
        ((), 1, True),
        (("opt_outs",), 1, True),
        (("opt_outs=1",), 1, False),
        (("opt_outs=2",), 1, True),
        (("opt_outs=0",), 1, True),
        ((), 0, False),
        (("opt_outs=37",), 0, True),
        (("opt_outs=37",), None, False),
    ],
)
def test_a_typed_guard_opens_for_exactly_the_number_that_was_counted(
    words: tuple[str, ...], opt_outs: int | None, stops: bool
) -> None:
    found = verdict("opt_outs", {"opt_outs": "typed"}, words, opt_outs=opt_outs)
    assert (found.tripped and not found.allowed) is stops


def test_who_let_more_pass_than_the_default_does_is_known() -> None:
    assert verdict("changes", {"changes": {"share": "100%"}}, writes=9000).let_pass == "mapping"
    assert verdict("changes", {"changes": {"share": "100%"}}, writes=4000).let_pass == ""
    assert verdict("changes", {}, ("changes",), writes=9000).let_pass == "person"
    assert verdict("changes", {}, writes=9000).let_pass == ""


async def test_a_run_whose_opt_outs_are_typed_goes_on_only_with_their_number(
    desk: Desk, person: Person
) -> None:
    desk.mapping(guards={"opt_outs": "typed"})
    await desk.sync(desk.file([person(number) for number in range(1, 6)]))
    file = desk.file([person(number, Out="yes" if number < 3 else "") for number in range(1, 6)])
    stopped = await desk.sync(file)
    assert (stopped.exit_code, stopped.outcomes) == (3, {"unchanged": 3, "unsent": 2})
    wrong = await desk.sync(file, allow=("opt_outs=3",))
    assert wrong.exit_code == 3
    page = (wrong.folder / "report.html").read_text("utf-8")
    assert "2 are counted, and the number 3 was named" in page
    assert "until their number is typed, as the mapping says" in page
    passed = await desk.sync(file, allow=("opt_outs=2",))
    assert (passed.exit_code, passed.summary.consent.opted_out) == (0, 2)
    [detail] = passed.summary.override_details
    assert (detail.name, detail.what, detail.count, detail.by) == ("opt_outs", "guard", 2, "person")


async def test_what_is_typed_at_a_terminal_is_judged_as_if_it_had_been_named(
    desk: Desk, person: Person
) -> None:
    desk.mapping(guards={"opt_outs": "typed"})
    await desk.sync(desk.file([person(1)]))
    async with desk.run(desk.file([person(1, Out="yes")]), verb="plan") as run:
        await run.open()
        await run.prepare()
        assert [guard.count for guard in run.to_type] == [1]
        run.allow("opt_outs=1")
        assert not run.guarded
    async with desk.run(desk.file([person(1, Out="yes")]), verb="plan") as run:
        await run.open()
        await run.prepare()
        run.allow("opt_outs=2")
        assert run.guarded
        assert run.to_type == [], "nobody is asked again after a wrong number"


def test_an_unknown_guard_is_refused_with_the_nearest(desk: Desk, person: Person) -> None:
    import asyncio

    desk.mapping(guards={"opt_out": "typed"})
    with pytest.raises(MappingError, match=r"guards\.opt_out: .*Did you mean opt_outs"):
        asyncio.run(desk.plan(desk.file([person(1)])))
