"""muster find and muster forget: what they say, what they ask, and how they end."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from flows.cli import muster
from flows.cli.erring import explained

if TYPE_CHECKING:
    from conftest import Desk

    Person = Callable[..., dict[str, str]]

ANN = "p2@example.com"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code and both outputs of a command in this process."""
    capsys.readouterr()
    code = explained(
        functools.partial(muster.main, args=list(words), prog_name="muster", standalone_mode=False)
    )
    out, err = capsys.readouterr()
    return code, out, err


async def twice_synced(desk: Desk, person: Person) -> None:
    rows = [person(n, City="Köln", Tags="vip") for n in range(1, 4)]
    await desk.sync(desk.file(rows))
    rows[1] |= {"Email": " P2@Example.com", "Score": "many", "Out": "yes"}
    await desk.sync(desk.file(rows))


async def test_find_shows_every_run_row_payload_and_reason_of_one_person_and_of_nobody_else(
    desk: Desk, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    await twice_synced(desk, person)
    code, out, _ = said(capsys, "find", "P2@example.com")
    assert code == 0
    assert "known as  2, p2@example.com" in out
    assert "became  created" in out
    assert "sent    email_address p2@example.com; first_name Name 2; city Köln; tags vip" in out
    assert "became  invalid: number_syntax" in out or "became  invalid" in out
    assert "'many'" in out or "many" in out
    assert "no mail   p2@example.com: the source of people said so" in out
    assert "p1@example.com" not in out
    code, out, _ = said(capsys, "find", "2", "--json")
    facts = json.loads(out)
    assert (code, facts["addresses"], facts["ids"]) == (0, [ANN], [{"mapping": "people", "id": "2"}])
    assert [one["outcome"] for one in facts["runs"]] == ["created", "invalid"]
    assert facts["runs"][1]["cells"]["Score"] == "many"
    assert facts["delivered"][0]["wanted"]["texts"]["city"] == "Köln"


async def test_find_ends_with_1_where_nothing_is_known(
    desk: Desk, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    await twice_synced(desk, person)
    code, out, err = said(capsys, "find", "nobody@example.com")
    assert (code, out.strip()) == (1, "Nothing is known of nobody@example.com.")
    assert "failures.csv" in err


async def test_forget_asks_first_says_what_is_left_elsewhere_and_find_knows_nothing_more(
    desk: Desk, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    await twice_synced(desk, person)
    code, out, err = said(capsys, "forget", ANN)
    assert code == 2
    assert "2 times sent" in out
    assert "add --yes" in err
    assert said(capsys, "find", ANN)[0] == 0, "nothing was removed yet"
    code, out, _ = said(capsys, "forget", ANN, "--yes")
    assert code == 0
    there = desk.contacts()[ANN]["id"]
    assert f"there     campaignlark, main: {ANN} (id {there}) is still there" in out
    code, out, _ = said(capsys, "find", ANN)
    assert "forgotten nothing of them is kept or sent" in out
    assert "became" not in out
    code, out, _ = said(capsys, "forget", ANN, "--allow-back")
    assert (code, "somebody new" in out) == (0, True)
    code, _, err = said(capsys, "forget", ANN, "--allow-back")
    assert code == 2
    assert "Nobody was forgotten" in err


async def test_forget_of_an_id_that_nobody_has_is_refused(
    desk: Desk, person: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    await twice_synced(desk, person)
    code, _, err = said(capsys, "forget", "4711", "--yes")
    assert code == 2
    assert "The ledger knows nobody with the id 4711." in err
