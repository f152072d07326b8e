"""Which product's export a file is."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.errors import SourceError
from connectors.sources import hubspot_export
from connectors.sources.recognising import facts_of, open_recognised, recognised

HUBSPOT = "Record ID,Email,Unsubscribed from all email,Opted out of email: One to One"


def written(folder: Path, text: str) -> Path:
    path = folder / "export.csv"
    path.write_text(text + "\n")
    return path


def test_hubspot_knows_its_opt_out_columns(tmp_path: Path) -> None:
    facts = hubspot_export.open_source(written(tmp_path, f"{HUBSPOT}\n1,a@x.de,true,"), {}).facts
    assert (facts.person_column, facts.list_separator, facts.product) == ("Record ID", ";", "HubSpot")
    assert facts.consents == {
        "Unsubscribed from all email": "out",
        "Opted out of email: One to One": "out",
    }


def test_columns_are_known_whatever_their_case_and_spaces(tmp_path: Path) -> None:
    found, source = open_recognised(written(tmp_path, HUBSPOT.upper().replace(" ", "  ")), {})
    assert found.kind == "hubspot_export"
    assert source.facts.person_column == "RECORD  ID"


def test_it_is_said_which_columns_tell(tmp_path: Path) -> None:
    found, _ = open_recognised(written(tmp_path, HUBSPOT), {})
    assert found.why == "Record ID, Email, Unsubscribed from all email are columns of HubSpot's export"


def test_a_table_of_no_product_is_told_by_its_format(tmp_path: Path) -> None:
    found, source = open_recognised(written(tmp_path, "Email,Shoe size\na@x.de,42"), {})
    assert (found.kind, found.why, source.facts.product) == ("csv_file", "", "")


def test_an_export_from_which_columns_were_taken_out_is_read(tmp_path: Path) -> None:
    source = hubspot_export.open_source(written(tmp_path, "Email,First Name\na@x.de,Ann"), {})
    assert source.facts.meanings == {"Email": "email_address", "First Name": "first_name"}


def test_a_file_of_which_nothing_is_known_is_no_export(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is no export from HubSpot: its columns are Shoe, Size\."):
        hubspot_export.open_source(written(tmp_path, "Shoe,Size\n1,2"), {})


def test_what_is_known_of_a_header_needs_no_file() -> None:
    assert facts_of("hubspot_export", HUBSPOT.split(",")).person_column == "Record ID"
    assert facts_of("csv_file", HUBSPOT.split(",")).person_column == ""
    assert recognised(["Email"]) is None


def test_an_id_names_and_an_address_are_no_sign_of_salesforce() -> None:
    assert recognised(["id", "email", "firstName", "lastName", "createdAt"]) is None
    found = recognised(["ID", "LASTNAME", "FIRSTNAME", "EMAIL", "ACCOUNTID"])
    assert found is not None
    assert found.kind == "salesforce_data_loader"
