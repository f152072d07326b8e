"""One rule for all destinations: nobody is subscribed again, but where a newer consent of the source is followed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import Known, Remembered, Rules
from connectors.consents import Will, will_of
from mappings.engine.contact import Contact

YES = Contact(row=1, line=2, key="ann@example.com", person="", texts={}, consented_at=2000, consented_by=2100)
SILENT = replace(YES, consented_at=None, consented_by=None)
OUT = Known(
    "7", "ann@example.com", "UNSUBSCRIBED", True, {}, frozenset(), 3000.0, changed_at=1000.0
)  # fmt: skip
IN = replace(OUT, status="SUBSCRIBED", opted_out=False)
UNTOLD = replace(OUT, changed_at=None)
FOLLOWS = Rules(follows_since=500.0)
HEARD_THERE = Remembered("", opted_out=True, out_there_since=1500.0)


def test_who_never_opted_out_wants_mail() -> None:
    assert will_of(SILENT, None, None, Rules()) == Will()
    assert will_of(SILENT, None, IN, Rules()) == Will()


@pytest.mark.parametrize("remembered", [None, HEARD_THERE])
@pytest.mark.parametrize("there", [OUT, replace(OUT, final=True)])
def test_without_leave_to_follow_no_consent_lifts_an_opt_out(
    remembered: Remembered | None, there: Known
) -> None:
    assert will_of(YES, remembered, there, Rules()) == Will(out=True)
    assert will_of(SILENT, remembered, there, FOLLOWS) == Will(out=True)


def test_a_consent_that_is_newer_than_the_last_change_there_is_followed() -> None:
    assert will_of(YES, None, OUT, FOLLOWS) == Will(again=True)
    assert will_of(YES, HEARD_THERE, OUT, FOLLOWS) == Will(again=True)


@pytest.mark.parametrize(
    ("remembered", "there", "why_not"),
    [
        (None, replace(OUT, changed_at=2000.0), "the contact changed there after the consent"),
        (None, replace(OUT, final=True, status="COMPLAINED"), "the status there is COMPLAINED"),
        (None, UNTOLD, "since when the opt-out holds is not known there"),
        (HEARD_THERE, None, "nobody is there under this address"),
        (replace(HEARD_THERE, out_there_since=2000.0), UNTOLD, "the opt-out is newer than the consent"),
        (replace(HEARD_THERE, out_there_since=2000.0), IN, "the opt-out is newer than the consent"),
        (replace(HEARD_THERE, out_here_until=2100.0), OUT, "the opt-out is newer than the consent"),
        (replace(HEARD_THERE, out_elsewhere=True), OUT, "another source knows of the opt-out"),
        (None, replace(OUT, seen=1699.0), "the consent is dated in the future"),
        (replace(HEARD_THERE, suppressed=True), OUT, "the address is on the suppression list"),
        (replace(HEARD_THERE, out_elsewhere=True), IN, "another source knows of the opt-out"),
    ],
)
def test_whoever_stays_out_stays_out_for_a_reason(
    remembered: Remembered | None, there: Known | None, why_not: str
) -> None:
    assert will_of(YES, remembered, there, FOLLOWS) == Will(out=True, why_not=why_not)


def test_where_the_destination_does_not_tell_since_when_the_consent_is_younger_than_the_leave_to_follow() -> (
    None
):
    assert will_of(YES, HEARD_THERE, UNTOLD, Rules(follows_since=1900.0)) == Will(again=True)
    late = will_of(YES, HEARD_THERE, UNTOLD, Rules(follows_since=2000.0))
    assert late == Will(out=True, why_not="the consent is older than the permission to follow the source")


def test_who_is_subscribed_there_and_out_by_the_ledger_alone_is_left_subscribed_by_a_newer_consent() -> None:
    assert will_of(YES, HEARD_THERE, IN, FOLLOWS) == Will()
    assert will_of(SILENT, HEARD_THERE, IN, FOLLOWS) == Will(out=True)


moments = st.sampled_from([0.0, 100.0, 1000.0, 1999.0, 2000.0, 2001.0, 3000.0])


@given(
    consent=st.sampled_from([None, 1000, 2000, 3000]),
    opted_out=st.booleans(),
    memory=st.none()
    | st.builds(
        Remembered, st.just(""), opted_out=st.booleans(), out_elsewhere=st.booleans(), out_there_since=moments,
        out_here_until=moments, suppressed=st.booleans(),
    ),
    there=st.none() | st.builds(
        replace, st.sampled_from([OUT, IN, UNTOLD]), final=st.booleans(), changed_at=st.none() | moments,
    ),
    follows=st.none() | moments,
)  # fmt: skip
def test_nobody_is_subscribed_again_without_a_newer_consent_that_may_be_followed(
    consent: int | None,
    opted_out: bool,
    memory: Remembered | None,
    there: Known | None,
    follows: float | None,
) -> None:
    contact = replace(YES, opted_out=opted_out, consented_at=consent, consented_by=consent)
    will = will_of(contact, memory, there, Rules(follows_since=follows))
    assert not (will.out and will.again)
    objects = (
        opted_out or (memory is not None and memory.opted_out) or (there is not None and there.opted_out)
    )
    assert will.out <= objects
    if objects and not will.out:
        assert follows is not None
        assert consent is not None
        assert not opted_out
        assert there is not None
        assert memory is None or not (memory.out_elsewhere or memory.suppressed)
        assert memory is None or consent > memory.out_here_until
        if not there.opted_out or there.changed_at is None:
            assert memory is None or consent > memory.out_there_since
        if there.opted_out:
            assert will.again
            assert not there.final
            assert consent > (follows if there.changed_at is None else there.changed_at)
