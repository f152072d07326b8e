"""Consent is read strictly: what is not clear is no."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.base import Remembered
from connectors.errors import MappingError, SourceError
from flows.consent import Suppressions, complaint_of, strictest
from mappings.engine.contact import Contact
from mappings.engine.document import Mapping

ANN = Contact(row=1, line=2, key="ann@example.com", person="", texts={})


def mapping(**consent: Any) -> Mapping:
    return Mapping.model_validate(
        {
            "name": "people",
            "source": {"kind": "csv_file"},
            "destination": {"kind": "campaignlark"},
            "key": "email_address",
            "fields": {"email_address": "Email"},
            **({"consent": consent} if consent else {}),
        }
    )


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("ann@example.com", "ann@example.com"),
        ("  ANN@Example.com  # asked in May", "ann@example.com"),
        ("ann@example.com", "ANN@EXAMPLE.COM"),
        ("@example.com", "ann@example.com"),
        ("example.com", "ann@example.com"),
        ("@Example.COM # the whole company", "Ann@example.com"),
    ],
)
def test_an_address_or_its_domain_is_on_the_list_whatever_the_case(line: str, address: str) -> None:
    assert Suppressions.of(["# people", "", line]).holds(address)


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("ann@example.com", "joann@example.com"),
        ("@example.com", "ann@sub.example.com"),
        ("@example.com", "ann@notexample.com"),
        ("# ann@example.com", "ann@example.com"),
        ("", "ann@example.com"),
        ("   ", "@"),
    ],
)
def test_nobody_else_is_on_it(line: str, address: str) -> None:
    assert not Suppressions.of([line]).holds(address)


def test_the_file_is_read_from_the_home_and_may_be_missing(tmp_path: Path) -> None:
    assert not Suppressions.read(tmp_path).holds(ANN.key)
    (tmp_path / "suppress.txt").write_bytes(b"\xef\xbb\xbfann@example.com\r\n@blocked.example\r\n")
    found = Suppressions.read(tmp_path)
    assert found.holds(ANN.key)
    assert found.holds("x@blocked.example")


def test_a_file_that_is_no_text_stops_the_run_and_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "suppress.txt").write_bytes(b"\xff\xfea\x00n\x00n\x00")
    with pytest.raises(SourceError, match=r"suppress\.txt cannot be read"):
        Suppressions.read(tmp_path)


def test_the_list_is_added_to_what_is_remembered() -> None:
    listed, nobody = Suppressions.of(["@example.com"]), Suppressions.of([])
    known = Remembered("ann@example.com", "c1", {"first_name": "Ann"}, frozenset({"vip"}), opted_out=True)
    assert strictest(ANN, known, nobody) is known
    assert strictest(ANN, None, nobody) is None
    alone = strictest(ANN, None, listed)
    assert alone is not None
    assert (alone.suppressed, alone.key, alone.texts) == (True, "", None)
    both = strictest(ANN, known, listed)
    assert both is not None
    assert (both.suppressed, both.opted_out, both.contact_id, both.tags) == (True, True, "c1", {"vip"})


def test_a_mapping_to_a_tool_that_mails_has_to_speak_of_consent() -> None:
    with pytest.raises(MappingError, match="consent: is missing") as raised:
        complaint_of(mapping(), ("Email",), (), mails_people=True)
    assert "assumed" in raised.value.fix
    complaint_of(mapping(), ("Email",), (), mails_people=False)
    complaint_of(mapping(assumed="they all asked for it"), ("Email",), (), mails_people=True)
    complaint_of(mapping(opted_out="Out"), ("Email", "Out"), (), mails_people=True)


def test_an_opt_out_column_of_a_known_export_has_to_be_mapped() -> None:
    assumed = mapping(assumed="they all asked for it")
    with pytest.raises(MappingError, match="opt-out column 'Unsubscribed'") as raised:
        complaint_of(assumed, ("Email", "Unsubscribed"), ("Unsubscribed",), mails_people=True)
    assert "[Unsubscribed]" in raised.value.fix
    complaint_of(assumed, ("Email",), ("Unsubscribed",), mails_people=True)
    complaint_of(
        mapping(opted_out=["Unsubscribed"]), ("Email", "Unsubscribed"), ("Unsubscribed",), mails_people=True
    )
