"""What spreadsheet programs make of a cell is undone; what a person may have meant is theirs."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.report.wear import styled, worn

WORN = [
    ("00123", "123"), ("00123", "123.0"), ("5", "5.0"), ("5.0", "5"), ("+491511234567", "491511234567"),
    ("+491511234567", "4.91511E+11"), ("4915112345678", "4,91511E+12"), ("1234567890123456789", "1234567890123450000"),
    ("1234567890123456789", "1.23457E+18"), ("1234567890123456789", "1234567890123460000"), ("12,50", "12,5"), ("1e5", "1,00E+05"),
    ("2025-03-04", "04.03.2025"), ("2025-03-04", "3/4/25"), ("2025-03-04", "4-Mar-25"), ("2025-03-04", "Tuesday, March 4, 2025"),
    ("2025-03-04T10:30:00Z", "04.03.2025 10:30"), ("2025-03-04T10:30:00Z", "3/4/2025 10:30:00 AM"), ("2025-03-04 10:30", "2025-03-04"),
    ("03/04/2025", "3/4/25"), ("3.4.2025", "03.04.2025"), ("10-12", "12. Okt"), ("1/2", "02-Jan"), ("9:30", "09:30:00"),
    ("true", "TRUE"), ("False", "FALSCH"), ("'tis", "tis"), ("tis", "'tis"), ("a\u00a0b", "a b"), ("x\r\ny", "x\ny"), (" a ", "a"),
    ("Müller", "MÃ¼ller"), ("=1+1", "#NAME?"), ("abcdef", "########"), ("2025-03-04", "Err:502"),
]  # fmt: skip
MEANT = [
    ("123", "124"), ("1.234", "1234"), ("1,234", "1234"), ("12,50", "12.50"), ("1234567890123456", "1234567890123457"),
    ("03/04/2025", "04/03/2025"), ("03/04/2025", "2025-04-03"), ("03/04/2025", "03.04.2025"), ("2025-03-04", "05.03.2025"),
    ("2025-03-04", "2026-03-04"), ("true", "yes"), ("true", "FALSE"), ("1", "TRUE"), ("", "0"), ("x", ""), ("p3 at example.com", "p3@example.com"),
    ("4915112345678", "4.91512E+12"), ("10-12", "11. Okt"), ("9:30", "9:31"), ("Gold", "gold"), ("0", ""), ("00", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), WORN)
def test_what_a_program_does_by_itself_is_known(before: str, after: str) -> None:
    assert worn(before, after)


@pytest.mark.parametrize(("before", "after"), MEANT)
def test_what_a_person_may_have_meant_is_theirs(before: str, after: str) -> None:
    assert not worn(before, after)


def test_a_typed_day_of_a_workbook_is_worn_in_either_order_of_the_original() -> None:
    assert worn("03/04/2025", "2025-04-03", typed=True)
    assert worn("03/04/2025", "2025-03-04", typed=True)
    assert not worn("03/04/2025", "2025-03-05", typed=True)
    assert worn("12,50", "12.5", typed=True)
    assert not worn("1,234", "1234", typed=True)


def test_letters_that_windows_1252_lacks_are_lost_in_it() -> None:
    assert worn("Łukasz", "?ukasz", legacy=True)
    assert worn("Łukasz", "Lukasz", legacy=True)
    assert not worn("Łukasz", "Lukasz")
    assert not worn("Zoë", "Zoe", legacy=True), "Windows-1252 has that letter"


@settings(max_examples=100, deadline=None)
@given(st.from_regex(r"[+]?0{0,4}[1-9][0-9]{0,20}", fullmatch=True))
def test_a_number_is_known_in_every_form_that_programs_give_it(text: str) -> None:
    number = int(text)
    for after in (
        f"{number}",
        f"{number}.0",
        f"{number:.5E}",
        f"{number:.2E}".replace(".", ","),
        f"{float(number):.15g}",
    ):
        assert worn(text, after), after
    assert not worn(text, f"{number * 2}")


@settings(max_examples=100, deadline=None)
@given(
    st.dates(dt.date(1931, 1, 1), dt.date(2029, 12, 31)),
    st.sampled_from(["%d.%m.%Y", "%m/%d/%y", "%d/%m/%Y", "%d-%b-%y", "%Y/%m/%d", "%B %d, %Y"]),
)
def test_a_day_is_known_in_every_form_that_programs_give_it(day: dt.date, form: str) -> None:
    assert worn(day.isoformat(), day.strftime(form))
    assert not worn(day.isoformat(), (day + dt.timedelta(days=367)).strftime(form))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_no_text_is_too_odd_to_be_compared(before: str, after: str) -> None:
    assert worn(before, after) in (True, False)
    assert worn(before, before)


def test_what_was_typed_is_written_as_the_other_cells_are() -> None:
    assert styled("1990-12-31", ["05.07.1980", "25.07.1980"]) == "31.12.1990"
    assert styled("1990-12-31", ["07/25/1980"]) == "12/31/1990"
    assert styled("1990-12-31", ["1980-07-05", "25/07/1980"]) == "1990-12-31"
    assert styled("1.5", ["2,25", "3"]) == "1,5"
    assert styled("1.5", ["2,25", "3.5"]) == "1.5"
    assert styled("17", ["2,25"]) == "17"
