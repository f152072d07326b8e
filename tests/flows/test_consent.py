"""Consent is read strictly: what is not clear is no."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Remembered
from connectors.errors import MappingError
from flows.consent import complaint_of, strictest
from flows.suppressions import Suppressions
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
