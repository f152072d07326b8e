"""An opt-out that goes to several contacts: as long as one of them has not heard it, the row has its turn again."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Decision, Delivered, Remembered
from flows.carrying import Carrying
from mappings.engine.contact import Contact

ROW = Contact(1, 2, "new@example.com", "7", {"email": "new@example.com"}, opted_out=True)
BEFORE = Remembered("old@example.com")
STARTED = {("Contact updated", "subscribed"): 1}


class Account:
    """What becomes of the opt-out of each address."""

    surveyed = False

    def __init__(self, **became: str) -> None:
        self._became = became

    def other_id_of(self, _: Contact) -> str:
        return ""

    async def opt_out(self, key: str) -> Delivered:
        outcome = self._became[key.partition("@")[0]]
        problems: Any = (("not_delivered", "", "", {"detail": "503", "attempts": 6}),) * (outcome == "failed")
        decision = Decision(opts_out=True, automations=STARTED)
        return Delivered(
            outcome, outcome, problems=problems, decision=decision, opted_out=outcome != "unsent"
        )


def carrying(**became: str) -> Carrying:
    account: Any = Account(**became)
    return Carrying(account, account)


@pytest.mark.parametrize(
    ("new", "old", "worst"),
    [
        ("updated", "unchanged", "updated"),
        ("unchanged", "updated", "updated"),
        ("updated", "unsent", "unsent"),
        ("unsent", "updated", "unsent"),
        ("updated", "failed", "failed"),
        ("refused", "unsent", "unsent"),
        ("refused", "failed", "failed"),
        ("unknown", "failed", "unknown"),
        ("failed", "unknown", "unknown"),
    ],
)
async def test_of_two_addresses_the_one_that_has_not_heard_it_counts(new: str, old: str, worst: str) -> None:
    done = await carrying(new=new, old=old).opted_out(ROW, None, BEFORE, None)
    assert done.outcome == worst


@pytest.mark.parametrize("why", ["exists", "identity_conflict", "suppressed"])
@pytest.mark.parametrize("became", ["unsent", "failed", "unknown"])
async def test_who_is_left_alone_is_not_done_with_while_the_opt_out_has_not_arrived(
    why: str, became: str
) -> None:
    left = Delivered("filtered", why, decision=Decision("filtered", why))
    done = await carrying(new="updated", old=became).with_opt_out(ROW, BEFORE, left)
    assert done.outcome == became


@pytest.mark.parametrize("became", ["unsent", "failed", "unknown"])
async def test_a_refused_row_comes_again_while_its_opt_out_has_not_arrived(became: str) -> None:
    said: Any = ("refused", "", "", {"detail": "400: no"})
    no = Delivered("refused", "refused", problems=(said,), decision=Decision(opts_out=True), untouched=True)
    done = await carrying(new=became, old="unchanged").with_opt_out(ROW, BEFORE, no)
    assert done.outcome == became
    assert done.problems[0] == said


async def test_an_opt_out_that_went_with_a_write_of_which_the_tags_were_refused_is_counted() -> None:
    decision = Decision(opts_out=True, changes={"city": ("Bonn", "Ulm")}, tags=("vip",))
    carries = carrying(new="unchanged", old="unchanged")
    done = await carries.with_opt_out(ROW, BEFORE, Delivered("refused", "tags_refused", decision=decision))
    assert (done.outcome, done.opted_out) == ("refused", True)
    assert carries.tally_of(1).opted_out == 1


async def test_what_was_counted_is_there_until_the_row_has_its_outcome() -> None:
    carries = carrying(new="updated", old="failed")
    await carries.opted_out(ROW, None, BEFORE, None)
    assert carries.has_counted(1)
    mine = carries.tally_of(1)
    assert (mine.opted_out, dict(mine.automations)) == (1, {("Contact updated", "subscribed"): 2})
    assert not carries.has_counted(1)
