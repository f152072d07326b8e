"""What is started for every new contact has to be allowed by name, and what was allowed is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.destinations.campaignlark import Connector as Lark
from connectors.destinations.corporate_merch import Connector as Merch
from connectors.destinations.loops import Connector as Loops
from flows.allowing import allowed
from flows.ledger.opening import open_ledger
from flows.permissions import PERMISSIONS, Permission, granted, needed, what_to_add
from flows.roll import Roll
from mappings.engine.document import Mapping
from mappings.engine.reading import read_mapping_text

if TYPE_CHECKING:
    from conftest import Desk

Person = Callable[..., dict[str, str]]
HEAD = (
    "name: news\nsource: {kind: csv_file}\ndestination: {kind: loops}\nkey: email\nfields: {email: Email}\n"
)


def mapping(*lines: str) -> Mapping:
    return read_mapping_text(HEAD + "\n".join(lines) + "\n")


def connected(kind: type[Any], newcomers: str = "SUBSCRIBED") -> Any:
    made = kind(base_url="http://127.0.0.1:1", key="k", turns=None)
    made.rules = replace(made.rules, newcomers=newcomers)
    return made


class Rolled(Roll):
    """A roll with so many rows in each state."""

    def __init__(self, new: int, changed: int) -> None:
        super().__init__()
        self._counts = {"NEW": new, "CHANGED": changed}

    def count(self, *states: Any) -> int:
        return sum(self._counts.get(state.name, 0) for state in states)


@pytest.mark.parametrize(
    ("kind", "newcomers", "lines", "roll", "wanted"),
    [
        (Loops, "SUBSCRIBED", (), (3, 4), {"contact_added": 3}),
        (Loops, "SUBSCRIBED", (), (0, 4), {}),
        (Loops, "SUBSCRIBED", ("write: update_only",), (3, 4), {}),
        (Loops, "UNSUBSCRIBED", ("gone: recreate",), (0, 4), {"contact_added": 4}),
        (Lark, "SUBSCRIBED", (), (3, 4), {}),
        (Lark, "UNCONFIRMED", (), (3, 4), {"confirmation_mails": 3}),
        (Lark, "UNCONFIRMED", ("gone: recreate",), (3, 4), {"confirmation_mails": 7}),
        (Merch, "UNCONFIRMED", (), (3, 4), {}),
    ],
)
def test_a_permission_is_needed_only_where_somebody_can_be_created(
    kind: type[Any], newcomers: str, lines: tuple[str, ...], roll: tuple[int, int], wanted: dict[str, int]
) -> None:
    asked = list(needed(mapping(*lines), Rolled(*roll), connected(kind, newcomers)))
    assert {one.name: one.count for one in asked} == wanted
    assert all(f"{one.count:,}" in one.says for one in asked)


@pytest.mark.parametrize(
    ("lines", "words", "kept", "by"),
    [
        ((), (), (), ""),
        (("automations: {allow: [contact_added]}",), (), (), "mapping"),
        (("automations: {allow: confirmation_mails}",), (), (), ""),
        ((), ("contact_added",), (), "person"),
        ((), ("contact_added=37",), (), "person"),
        ((), ("contact_added=36",), (), ""),
        ((), ("changes",), ("contact_added",), ""),
    ],
)
def test_it_is_given_by_the_mapping_or_by_a_person_and_up_to_the_number_named(
    lines: tuple[str, ...], words: tuple[str, ...], kept: tuple[str, ...], by: str
) -> None:
    [one] = granted([Permission("contact_added", 37, "…")], mapping(*lines), allowed(words), kept)
    assert one.by == by


def test_following_the_source_is_asked_once_for_each_version_of_a_mapping(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    asked, first = [Permission("follow_source", 2, "…")], mapping()
    [one] = granted(asked, first, allowed(["follow_source"]), ())
    assert one.by == "person"
    ledger.allowances.keep(1, "news", first.sha256, "follow_source")
    ledger.allowances.keep(1, "news", first.sha256, "follow_source")
    [again] = granted(asked, first, {}, ledger.allowances.of(1, "news", first.sha256))
    assert again.by == "earlier"
    edited = mapping("gone: recreate")
    [after] = granted(asked, edited, {}, ledger.allowances.of(1, "news", edited.sha256))
    assert after.by == ""
    assert not ledger.allowances.of(2, "news", first.sha256)
    ledger.close()


def test_a_refusal_names_the_exact_words() -> None:
    said = what_to_add([Permission("contact_added", 3, "…")], mapping("automations: {tracked: [city]}"))
    assert "--allow contact_added" in said
    assert "automations: {allow: [contact_added]} in the mapping" in said
    assert "once for this version" in what_to_add([Permission("follow_source", 3, "…")], mapping())
    assert set(PERMISSIONS) == {"confirmation_mails", "contact_added", "follow_source"}


async def test_what_was_allowed_is_written_down_with_its_count_and_who_said_it(
    desk: Desk, person: Person
) -> None:
    desk.mapping(consent={"assumed": "they asked for it", "newcomers": "UNCONFIRMED"})
    file = desk.file([person(number) for number in range(1, 4)])
    async with desk.run(file, verb="plan") as run:
        await run.open()
        await run.prepare()
        assert [one.name for one in run.not_allowed] == ["confirmation_mails"]
    ended = await desk.sync(file, allow=("confirmation_mails",))
    assert ended.summary.overrides == ["confirmation_mails"]
    [detail] = ended.summary.override_details
    assert (detail.what, detail.count, detail.by) == ("permission", 3, "person")
    assert "by whoever started the run" in (ended.folder / "report.html").read_text("utf-8")
    ledger = open_ledger(desk.home)
    kept = ledger.runs.get(ended.id)
    assert kept is not None
    assert kept.summary["override_details"] == [detail.model_dump()]
    ledger.close()
    desk.mapping(
        consent={"assumed": "they asked for it", "newcomers": "UNCONFIRMED"},
        automations={"allow": "confirmation_mails"},
    )
    ended = await desk.sync(desk.file([person(4)]))
    assert [(one.name, one.by) for one in ended.summary.override_details] == [
        ("confirmation_mails", "mapping")
    ]
    again = await desk.sync(desk.file([person(4)]))
    assert again.summary.overrides == []
