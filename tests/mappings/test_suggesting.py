"""A suggested mapping: which column goes where, what is doubted, and that it always holds what `muster check` asks."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import jsonschema
import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings

import connectors
import mappings
from connectors.destinations.campaignlark import Connector
from connectors.sources.recognising import facts_of
from mappings.engine.applying import Application
from mappings.engine.examples import failing_examples
from mappings.engine.reading import read_mapping_text
from mappings.engine.schema import Field, Schema
from mappings.engine.suggesting import NoAddresses, Origin, Suggestion, suggest
from mappings.engine.suggesting.names import meaning
from mappings.engine.suggesting.options import spelled
from mappings.engine.suggesting.writing import scalar

WORKSPACE = Path(str(connectors.__file__)).parent / "sandbox/campaignlark_workspace.json"
EDITORS = jsonschema.Draft202012Validator(
    json.loads(Path(str(mappings.__file__)).with_name("mapping.schema.json").read_text("utf-8"))
)


def live_schema() -> Schema:
    workspace: dict[str, Any] = json.loads(WORKSPACE.read_text("utf-8"))
    fields = tuple(Connector._field(entry) for entry in workspace["fields"])
    return Schema(
        fields, {tag["name"]: tag["id"] for tag in workspace["tags"]}, refuses=frozenset({"blank_clear"})
    )


LIVE = live_schema()
OFFLINE = Connector.documented_schema()


def table(header: list[str], rows: list[list[str]]) -> pa.Table:
    columns = [pa.array([row[at] for row in rows], pa.string()) for at in range(len(header))]
    return pa.table(columns, names=header)


def suggested(text: str, schema: Schema = LIVE, **known: Any) -> Suggestion:
    header, *rows = list(csv.reader(io.StringIO(text)))
    origin = Origin("people.csv", {"kind": "csv_file", "path": "people.csv"}, **known)
    return suggest(
        header, table(header, rows), schema, origin=origin, name="people", destination="campaignlark",
        schema_address="mapping.schema.json",
    )  # fmt: skip


def rule(found: Suggestion, tag: str) -> dict[str, Any]:
    return found.mapping.fields[tag].model_dump(by_alias=True, exclude_unset=True)


def said(found: Suggestion) -> str:
    return "\n".join(found.draft.doubts())


def column(name: str, *cells: str) -> str:
    """A file with addresses and one more column."""
    out = io.StringIO()
    csv.writer(out).writerows(
        [["Email", name], *([f"p{at}@example.org", cell] for at, cell in enumerate(cells))]
    )
    return out.getvalue()


# by their names


@pytest.mark.parametrize(
    ("name", "tag"),
    [("first_name", "first_name"), ("FIRST NAME", "first_name"), ("Given-Name", "first_name"), ("Vorname", "first_name"),
     ("Prénom", "first_name"), ("Nombre", "first_name"), ("Surname", "last_name"), ("Nachname", "last_name"), ("Nom", "last_name"),
     ("Telefon", "phone"), ("Mobile", "phone"), ("Firma", "company"), ("Zip / Postal Code", "postal_code"), ("PLZ", "postal_code"),
     ("Ort", "city"), ("Frist Name", "first_name"), ("Compnay", "company"), ("Customer", "is_customer")],
)  # fmt: skip
def test_a_column_goes_where_its_name_says(name: str, tag: str) -> None:
    assert suggested(column(name)).draft.fields[tag].column == name


@pytest.mark.parametrize(
    "name", ["Company ID", "Phone type", "Shoe size", "County", "Last name initial", "###", "?"]
)
def test_a_name_that_is_only_partly_alike_matches_nothing(name: str) -> None:
    found = suggested(column(name, "Rutland"))
    assert list(found.mapping.fields) == ["email_address"]
    assert name in found.draft.ignored


def test_a_near_spelling_is_doubted_and_an_equal_name_is_not() -> None:
    found = suggested("Email,Frist Name,Last Name\na@example.org,A,B\n")
    assert "first_name (Frist Name): its name is only like first_name" in said(found)
    assert re.search(r"first_name: Frist Name +# a guess, by its spelling; doubt: ", found.text)
    assert "last_name (" not in said(found)


def test_a_field_gets_one_column_the_best_named_and_best_filled() -> None:
    found = suggested("Email,Mobile,Telephone,Phone\na@example.org,1,1,\nb@example.org,,2,\n")
    assert found.draft.fields["phone"].column == "Phone"
    found = suggested("Email,Mobile,Telephone\na@example.org,1,1\nb@example.org,,2\n")
    assert found.draft.fields["phone"].column == "Telephone"
    assert "from: [Telephone, Mobile]" in found.draft.ignored["Mobile"]


# addresses


def test_addresses_are_found_by_their_looks_and_that_is_doubted() -> None:
    found = suggested("Contact,Name\nann@example.org,Ann\nbob@example.org,Bob\n")
    assert found.draft.fields["email_address"].column == "Contact"
    assert "found by its values" in said(found)


def test_of_several_columns_with_addresses_the_best_is_the_key_and_the_others_are_said() -> None:
    rows = "".join(
        f"p{n}@example.org,{'x@example.net' if n < 2 else ''},boss@example.com\n" for n in range(10)
    )
    found = suggested("Work Email,Private,Owner\n" + rows)
    assert found.draft.fields["email_address"].column == "Work Email"
    assert "addresses are also in" in said(found)
    assert "addresses" in found.draft.ignored["Private"]
    assert "addresses" in found.draft.ignored["Owner"]


@pytest.mark.parametrize("text", ["Name,City\nAnn,Oslo\n", "Email\nnot one\nnor this\n", "A\n"])
def test_without_addresses_there_is_no_mapping(text: str) -> None:
    with pytest.raises(NoAddresses, match="email_address"):
        suggested(text)


def test_a_header_alone_is_matched_by_its_names() -> None:
    assert set(suggested("Email,First name,Country\n").mapping.fields) == {
        "email_address",
        "first_name",
        "country",
    }


# by their values


@pytest.mark.parametrize(
    ("cells", "keys"),
    [(["31/01/1990", "02/03/1991"], {"type": "date", "format": ("DD/MM/YYYY",)}),
     (["01/31/1990", "02/03/1991"], {"type": "date", "format": ("MM/DD/YYYY",)}),
     (["3/14/75", "12/25/60"], {"type": "date", "format": ("MM/DD/YY",)}),
     (["17.05.1990"], {"type": "date", "format": ("DD.MM.YYYY",)}), (["17 May 1990"], {"type": "date", "format": ("DD MMM YYYY",)}),
     (["May 17, 1990"], {"type": "date", "format": ("MMM DD, YYYY",)}), (["19900517"], {"type": "date", "format": ("YYYYMMDD",)}),
     (["17.05.1990 09:30"], {"type": "datetime", "format": ("DD.MM.YYYY hh:mm",)}),
     (["5/17/1990 9:30 PM"], {"type": "datetime", "format": ("MM/DD/YYYY hh:mm a",)}),
     (["1990-05-17"], {}), (["2024-03-11T09:12:00.000Z"], {})],
)  # fmt: skip
def test_the_format_of_dates_is_read_from_the_values(cells: list[str], keys: dict[str, Any]) -> None:
    found = suggested(column("Birthday", *cells))
    assert rule(found, "birthday") == {"from": ("Birthday",), **keys}
    assert "do not show" not in said(found)


def test_day_and_month_that_the_values_do_not_tell_apart_are_doubted() -> None:
    found = suggested(column("Birthday", "01/02/1990", "03/04/1991"))
    assert "whether it is DD/MM/YYYY or MM/DD/YYYY" in said(found)
    assert re.search(r"birthday: .*; doubt: .*MM/DD/YYYY", found.text)


def test_a_column_that_does_not_tell_day_and_month_apart_is_read_as_the_files_others_are_and_doubted() -> (
    None
):
    found = suggested("Email,Birthday,Created Date\na@example.org,1/31/1980,3/4/2025\n")
    assert rule(found, "joined_at")["format"] == ("MM/DD/YYYY",)
    assert "other columns of the file are written MM/DD/YYYY" in said(found)
    both = suggested(
        "Email,Birthday,Created Date\na@example.org,1/31/1980,3/4/2025\nb@example.org,31/1/1980,3/4/2025\n"
    )
    assert rule(both, "joined_at")["format"] == ("DD/MM/YYYY",)


def test_dates_of_both_orders_in_one_column_are_doubted() -> None:
    cells = ["03/04/1980"] * 8 + ["25/12/1980", "26/12/1980", "12/27/1980"]
    assert "1 of the others can only be MM/DD/YYYY, so it is not sure how the rest is meant" in said(
        suggested(column("Birthday", *cells))
    )


def test_times_without_an_offset_and_years_of_two_digits_are_doubted() -> None:
    assert "taken as UTC" in said(suggested(column("Created at", "2024-05-17 13:45")))
    assert "taken as UTC" not in said(suggested(column("Created at", "2024-05-17T13:45:00Z")))
    assert "two digits" in said(suggested(column("Birthday", "31/12/55")))


def test_options_that_are_spelled_differently_are_translated() -> None:
    found = suggested(column("Interests", "product-news, Events", "Webinar", *["Newsletter"] * 5))
    interests = found.mapping.fields["interests"]
    assert interests.split == ","
    assert interests.values == {"product-news": "Product news", "Webinar": "Webinars"}
    assert "only alike" in said(found)


def test_a_dropdown_is_found_by_its_values() -> None:
    found = suggested(column("Level", "gold", "Silver", "FREE"))
    assert found.draft.fields["plan"].column == "Level"
    assert "found by its values" in said(found)


def test_a_column_whose_values_do_not_fit_is_left_out_and_the_reason_is_said() -> None:
    found = suggested(column("Plan", *["Starter"] * 3, *["Team"] * 3))
    assert "plan" not in found.mapping.fields
    assert "Starter, Team" in found.draft.ignored["Plan"]
    assert "Free, Silver, Gold" in found.draft.ignored["Plan"]
    assert "are no countries" in suggested(column("Country", "north", "south")).draft.ignored["Country"]
    assert "are no dates" in suggested(column("Birthday", "05/12", "11/30")).draft.ignored["Birthday"]


def test_countries_in_another_language_become_codes() -> None:
    found = suggested(column("Land", "Spanien", "Dänemark", "Deutschland", "FR"))
    assert found.mapping.fields["country"].values == {"Spanien": "ES", "Dänemark": "DK"}


def test_yes_and_no_in_another_language_become_true_and_false() -> None:
    found = suggested(column("Is customer", "ja", "nein", "ja"))
    assert (found.mapping.fields["is_customer"].truthy, found.mapping.fields["is_customer"].falsy) == (
        ("ja",),
        ("nein",),
    )


def test_phones_are_checked_only_where_that_makes_no_row_invalid() -> None:
    assert rule(suggested(column("Phone", "+49 30 1234567")), "phone")["type"] == "phone"
    found = suggested(column("Phone", "+49 30 1234567", "030 1234567"))
    assert "type" not in rule(found, "phone")
    assert "no country code" in said(found)


# the person


@pytest.mark.parametrize("name", ["Record ID", "Contact ID", "id", "Customer No.", "Kundennummer"])
def test_a_number_that_everybody_has_and_nobody_shares_is_the_person(name: str) -> None:
    assert suggested(column(name, "1", "2")).mapping.person == name


@pytest.mark.parametrize(
    ("name", "cells"), [("ID", ("1", "1")), ("ID", ("1", "")), ("Account ID", ("1", "2")), ("ID", ())]
)
def test_a_number_that_is_shared_missing_or_something_elses_is_not(name: str, cells: tuple[str, ...]) -> None:
    assert suggested(column(name, *cells)).mapping.person is None


# consent


@pytest.mark.parametrize(
    ("name", "cells", "when", "unless"),
    [("Unsubscribed from all email", ("true", "false", ""), {"true", "yes"}, {"false", "no"}),
     ("HasOptedOutOfEmail", ("1", "0"), {"1"}, {"0"}), ("opt_out", ("Y", "N"), {"Y"}, {"N"}), ("Abgemeldet", ("ja", ""), {"ja"}, {"nein"}), ("Abmeldedatum", ("", "01.02.2020"), {"yes"}, {"no"}),
     ("Do not contact", ("x", ""), {"x"}, {"no"}), ("Unsubscribed automatically", ("1",), {"1"}, {"0"}),
     ("EMAIL_OPT_OUT", ("oui",), {"oui"}, {"non"}), ("Email opt-in", ("yes", "no"), {"no", "false", ""}, {"yes", "true"}),
     ("Subscription status", ("subscribed", "unsubscribed", "cleaned"), {"unsubscribed", "cleaned"}, {"subscribed"}),
     ("Status", ("active", "Unsubscribed"), {"Unsubscribed"}, {"active"})],
)  # fmt: skip
def test_opt_outs_are_found_and_their_texts_sorted(
    name: str, cells: tuple[str, ...], when: set[str], unless: set[str]
) -> None:
    found = suggested(column(name, *cells))
    assert found.mapping.consent is not None
    opted_out = found.mapping.consent.opted_out
    assert opted_out is not None
    assert opted_out.from_ == (name,)
    assert when <= set(opted_out.when)
    assert unless <= set(opted_out.unless)
    assert found.mapping.consent.newcomers == "SUBSCRIBED"


def test_texts_that_are_not_understood_stand_on_neither_side_and_are_said() -> None:
    found = suggested(column("Opted out", "yes", "no", "pending", "pending"))
    assert "2 (pending) are under neither when: nor unless:, so they count as opt-outs" in said(found)
    assert "pending" in found.text
    assert "pending" not in yaml.safe_dump(yaml.safe_load(found.text))


def newcomers(text: str) -> str:
    consent = suggested(text).mapping.consent
    assert consent is not None
    return consent.newcomers


@pytest.mark.parametrize(
    "text",
    ["Email\na@example.org\n", column("Newsletter", "yes", "no"), column("Email opt-in", "yes", ""), column("SMS opt out", "yes"), column("HasOptedOutOfFax", "1"),
     column("Telefono Email", "+39 06 1"),
     column("Subscription status", "gold", "silver"), column("Unsubscribe link", "https://a.example/1", "https://a.example/2"),
     "Email,Unsubscribed,Email opt-in\na@example.org,no,no\n", "Email,Unsubscribed,Newsletter\na@example.org,,no\n",
     "Email,Abgemeldet,Status\na@example.org,nein,offen\n", column("Account status", "active", "blocked"), column("Estado status", "activo", "cancelado"),
     "Email,Unsubscribed,Marketing consent\na@example.org,no,granted\nb@example.org,no,withdrawn\n",
     "E-Mail,Abgemeldet,Newsletter abonniert\na@example.org,nein,nein\nb@example.org,nein,ja\n", "E-Mail,Unsubscribed,GDPR consent\na@example.org,,I agree\nb@example.org,,I do not agree\n",
     "E-Mail,Unsubscribed,Werbung erlaubt\na@example.org,no,ja\n", "E-Mail,Unsubscribed,newsletter (metadata)\na@example.org,no,0\n",
     "E-Mail,Abgemeldet,Einwilligung\na@example.org,nein,erteilt\nb@example.org,nein,widerrufen\n"],
)  # fmt: skip
def test_where_the_file_does_not_say_for_sure_nobody_new_is_subscribed(text: str) -> None:
    assert newcomers(text) == "UNSUBSCRIBED"


def test_when_and_whence_a_consent_came_is_no_consent_and_no_doubt() -> None:
    text = "Email,Unsubscribed,Optin time,Consent source,Consent IP\n"
    found = suggested(text + "a@example.org,no,2024-03-01 10:00:00,Form,10.0.0.1\nb@example.org,yes,,,\n")
    assert found.draft.consent.columns == ["Unsubscribed"]
    assert found.draft.consent.unheard == {}
    assert newcomers(text + "a@example.org,no,2024-03-01 10:00:00,Form,10.0.0.1\n") == "SUBSCRIBED"


@pytest.mark.parametrize(
    ("name", "cells"),
    [("Werbesperre", ("aktiv", "inaktiv")), ("Mailsperre", ("aktiv", "")), ("Opt-out", ("active", "inactive")), ("Unsubscribed", ("confirmed", ""))],
)  # fmt: skip
def test_a_block_that_is_active_is_never_taken_for_a_consent(name: str, cells: tuple[str, ...]) -> None:
    consent = suggested(column(name, *cells)).mapping.consent
    assert consent is not None
    heard = consent.opted_out
    # either nobody is subscribed, or the text counts as opted out, as all others do
    assert consent.newcomers == "UNSUBSCRIBED" if heard is None else cells[0] not in heard.unless


@pytest.mark.parametrize(
    "cells", [("Do Not Allow", "Allow"), ("Yes", "No"), ("True", "False"), ("No permitir", "Permitir")]
)
def test_what_dynamics_does_not_allow_is_an_opt_out_whatever_its_labels(cells: tuple[str, str]) -> None:
    header = ("(Do Not Modify) Contact", "Email", "Do not allow Bulk Emails")
    known = facts_of("dynamics_export", header)
    for consents in (known.consents, {}):
        found = suggested(column("Do not allow Bulk Emails", *cells), consents=consents)
        assert found.mapping.consent is not None
        assert found.mapping.consent.opted_out is not None
        assert cells[0] in found.mapping.consent.opted_out.when
        assert cells[1] in found.mapping.consent.opted_out.unless


def test_without_an_opt_out_column_the_mapping_says_that_nobody_has_decided_and_what_to_do() -> None:
    found = suggested("Email\na@example.org\n")
    assert found.mapping.consent is not None
    assert "nobody has decided yet" in (found.mapping.consent.assumed or "")
    assert "Write SUBSCRIBED when you" in found.text


def test_the_opt_outs_that_a_kind_of_export_knows_are_always_mapped() -> None:
    found = suggested(column("Sperre", "?", "!"), consents={"Sperre": "out"})
    assert found.draft.consent.columns == ["Sperre"]


# tags


def test_tags_that_all_exist_are_mapped_with_their_separator() -> None:
    found = suggested(column("Labels", "VIP | press", "press", ""))
    assert found.mapping.tags is not None
    assert (found.mapping.tags.from_, found.mapping.tags.split) == (("Labels",), "|")


def test_tags_that_do_not_exist_are_left_out_and_named() -> None:
    found = suggested(column("Tags", "vip;influencer", "influencer"))
    assert found.mapping.tags is None
    assert "lacks 1 of them (influencer)" in found.draft.ignored["Tags"]
    assert "could not be read" in suggested(column("Tags", "vip"), OFFLINE).draft.ignored["Tags"]


# what nobody could ask


def test_without_the_account_only_what_is_documented_is_sent_and_the_rest_is_a_comment() -> None:
    found = suggested("Email,Vorname,Geburtstag\na@example.org,A,31.01.1990\n", OFFLINE)
    assert list(found.mapping.fields) == ["email_address"]
    assert "  # first_name: Vorname   # likely: another name for it\n" in found.text
    opened = re.sub(r"^  # (first_name|birthday):", r"  \1:", found.text, flags=re.MULTILINE)
    assert Application(read_mapping_text(opened), LIVE, ["Email", "Vorname", "Geburtstag"])


def test_a_field_that_is_required_there_and_has_no_column_is_said() -> None:
    schema = Schema((*LIVE.fields, Field("shoe_size", "Shoe size", "number", required=True)))
    assert "shoe_size: the destination requires it, and no column fits" in said(
        suggested("Email\na@example.org\n", schema)
    )


def test_a_column_that_the_checks_refuse_is_left_out_instead() -> None:
    options = ("Gold  plan", "Free")  # with two spaces, no cleaned text is ever this option
    schema = Schema((LIVE.fields[0], Field("plan", "Plan", "choice", options=options)))
    found = suggested(column("Plan", "Gold-plan", "Gold-plan"), schema)
    assert list(found.mapping.fields) == ["email_address"]
    assert found.draft.ignored == {"Plan": "muster could not use it for plan"}


# the text


def test_columns_with_signs_of_patterns_ignore_only_themselves() -> None:
    header = ["Email", "*", "h?", "Amount [EUR]", "hs"]
    found = suggested(",".join(header) + "\na@example.org,1,2,3,4\n")
    uses = Application(found.mapping, LIVE, [*header, "new one", "hx"]).uses()
    assert {use.name: use.use for use in uses} == {
        "Email": "used", "*": "ignored", "h?": "ignored", "Amount [EUR]": "ignored", "hs": "ignored", "new one": "unmapped", "hx": "unmapped",
    }  # fmt: skip


def test_nothing_that_says_who_somebody_is_gets_into_the_mapping() -> None:
    rows = "".join(
        f"9900{n},Zebedee{n},Quixote{n},z{n}@personal.example.org,+49 30 99887{n}1,{n + 1}1.12.1971,Mudville{n},Acme{n},Silver,note {n}\n"
        for n in range(2)
    )
    found = suggested("Record ID,First Name,Last Name,Email,Phone,Birthday,City,Company,Plan,Tags\n" + rows)
    assert len(found.mapping.fields) == 8
    assert len(found.mapping.examples) == 2
    for secret in ("9900", "Zebedee", "Quixote", "personal", "99887", "1971", "Mudville", "Acme", "note"):
        assert secret not in found.text


@given(
    st.one_of(
        st.text(max_size=80),
        st.sampled_from(["NULL", "yes", "No", "~", "=", "<<", "1_0", "0x1", "12:30", "a b", "é é"]),
    )
)
def test_every_text_is_read_back_as_it_was_written(text: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return  # no file that can be read holds half a character
    for written in (f"- {scalar(text)}   # note", f"[{scalar(text)}, x]"):
        assert yaml.safe_load(written)[0] == text
    assert yaml.safe_load(f"{{{scalar(text)}: {scalar(text)}}}") == {text: text}


NAMES = st.one_of(
    st.sampled_from(
        ["Email", "E-Mail", "Owner Email", "First Name", "Vorname", "Frist Name", "Phone", "Mobile", "Country", "Birthday", "Created at",
         "Plan", "Tier", "Interests", "Score", "Customer", "Tags", "Labels", "Record ID", "ID", "Opted out", "Unsubscribed", "Email opt-in",
         "Newsletter", "Status", "Subscription status", "Language", "Email\u200b", "no", "~", "a: b", "[x]", "*", "h?", "# c", "- d", "{e}", "'", '"']
    ),
    st.text(max_size=12),
)  # fmt: skip
CELLS = st.one_of(
    st.sampled_from(
        ["", "", "ann@example.org", "bob@example.org", "nobody", "a@gmial.com", "yes", "no", "true", "0", "ja", "subscribed", "unsubscribed",
         "pending", "Gold", "silver", "Free;Gold", "vip", "vip;press", "vip,crm", "Events|Webinars", "01/02/1990", "13/02/1990", "17.05.1990 9:30",
         "1990-05-17", "2024-02-30", "Germany", "Spanien", "Narnia", "+49 30 1234567", "030 1", "42", "1,5", "=1+1", "a: b # c"]
    ),
    st.text(max_size=8),
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    header = draw(st.lists(NAMES, min_size=1, max_size=9, unique=True))
    width = len(header)
    return header, draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8))


@settings(max_examples=150, deadline=None)
@given(files(), st.booleans())
def test_whatever_the_file_holds_the_mapping_passes_the_checks(
    file: tuple[list[str], list[list[str]]], live: bool
) -> None:
    header, rows = file
    if any(
        "\ud800" <= letter <= "\udfff"
        for text in (*header, *(c for row in rows for c in row))
        for letter in text
    ):
        return  # no file that can be read holds half a character
    schema = LIVE if live else OFFLINE
    origin = Origin("x.csv", {"kind": "csv_file"})
    try:
        found = suggest(
            header, table(header, rows), schema, origin=origin, name="x", destination="campaignlark", schema_address="x.json"
        )  # fmt: skip
    except NoAddresses:
        return
    mapping = read_mapping_text(found.text)
    assert mapping.model_dump() == found.mapping.model_dump()
    uses = Application(mapping, schema, header).uses()
    assert "unmapped" not in {use.use for use in uses}
    assert [str(complaint) for complaint in failing_examples(mapping, schema)] == []
    assert [error.message for error in EDITORS.iter_errors(yaml.safe_load(found.text))] == []
    assert mapping.consent is not None
    assert mapping.consent.opted_out is not None or mapping.consent.newcomers == "UNSUBSCRIBED"


# what real exports taught


@pytest.mark.parametrize(
    "name",
    [
        "Keine E-Mails",
        "Keine Werbung",
        "keine Mails",
        "Kein Newsletter",
        "Widerspruch",
        "Pas d'e-mail",
        "Iscrizione annullata a tutte le e-mail",
        "Cancelou a inscrição de todos os e-mails",
        "E-Mails nicht zulassen",
        "Ne pas autoriser les courriers électroniques en nombre",
    ],
)
def test_a_column_that_says_no_mail_in_another_language_is_an_opt_out(name: str) -> None:
    found = suggested(column(name, "nein", "ja", "nein", "x", "bitte nur Post"))
    assert found.draft.consent.columns == [name]
    assert {"ja", "x"} <= set(found.draft.consent.when)
    assert "nein" in found.draft.consent.unless
    assert "bitte nur Post" not in found.text


def test_a_whole_name_is_cut_in_two() -> None:
    found = suggested(column("Name", "Dr. Ann van Lee", "Bob Ray", "Madonna"))
    assert rule(found, "first_name") == {"from": ("Name",), "part": "first"}
    assert rule(found, "last_name") == {"from": ("Name",), "part": "last"}
    assert "first_name (Name): cut out of the whole name" in said(found)
    assert "Name" not in found.draft.ignored
    assert suggested(column("Name", "Dr. Ann van Lee", "Bob Ray"), OFFLINE).draft.guessed[
        "last_name"
    ].keys == {"part": "last"}


def test_names_of_one_word_are_no_whole_names() -> None:
    assert "Name" in suggested(column("Name", "Example", "Sample", "Three Words Here")).draft.ignored


def test_beside_first_names_a_name_is_the_last_name() -> None:
    found = suggested("Email,Vorname,Name\na@example.org,Ann,Lee\n")
    assert rule(found, "last_name") == {"from": ("Name",)}
    assert "last_name (Name): taken for the last name, as Vorname is the first" in said(found)
    found = suggested("Email,First Name,Last Name,Name\na@example.org,Ann,Lee,Ann Lee\n")
    assert found.draft.fields["last_name"].column == "Last Name"


def test_tags_in_lines_of_a_cell_are_split_at_the_lines() -> None:
    found = suggested(column("Schlagworte", "vip\nwebinar", "webinar", "partner \n vip"))
    assert found.mapping.tags is not None
    assert found.mapping.tags.split == "\n"
    found = suggested(column("Schlagworte", "Gast\nRedner", "Gast", "Messe 2026\nGast", "Messe 2026\nRedner"))
    assert found.draft.ignored["Schlagworte"] == (
        "it looks like tags, and the account lacks 3 of them (Gast, Redner, Messe 2026); create them there, or say"
        ' unknown: create; then tags: {from: Schlagworte, split: "\\n"}'
    )


def test_a_spreadsheets_apostrophe_is_taken_away() -> None:
    found = suggested(column("Zip", "'01067", "'90210", ""))
    assert rule(found, "postal_code") == {"from": ("Zip",), "match": "^'?(.*)"}
    assert "match" not in rule(suggested(column("City", "'s-Hertogenbosch", "'t Zand")), "city")


def test_rows_that_were_deleted_and_numbers_that_repeat_are_pointed_out() -> None:
    rows = "".join(f"p{n}@example.org,{max(n, 1)},{'TRUE' if n == 3 else 'FALSE'}\n" for n in range(20))
    left = suggested("Email,Id,IsDeleted\n" + rows).draft.ignored
    assert left["Id"].startswith("it looks like the number of a person, but some repeat (rows: 1)")
    assert left["IsDeleted"] == (
        'it says who was deleted (rows: 1); where: {IsDeleted: {not: ["TRUE"]}} leaves them out'
    )


def test_addresses_that_repeat_are_told_with_what_tells_the_newest() -> None:
    found = suggested("Email,LastModifiedDate\na@example.org,2026-01-02\nA@Example.org,2026-01-03\n")
    assert "of 2 cells 1 repeat an earlier one" in said(found)
    assert "duplicates: {newest: LastModifiedDate}" in said(found)


def test_which_texts_are_no_country_is_told() -> None:
    found = suggested(column("Land", *["Deutschland"] * 9, "D", "D"))
    assert "of 11 cells 2 (D) do not fit" in said(found)


def test_other_spellings_that_the_destination_s_field_takes_are_no_doubt() -> None:
    found = spelled({"S": 3, "small": 1, "SM": 2}, ("SM", "MD"), None, ("s", "small"))
    assert (found.known, found.table, found.unknown.total()) == (6, {}, 0)


# names in other words and languages


@pytest.mark.parametrize(
    ("name", "stands_for"),
    [
        ("Name (First)", "first_name"), ("last_name (required)", "last_name"), ("Adresse e-mail du contact", "email_address"),
        ("Rechnungsadresse PLZ", "postal_code"), ("Dirección de correo electrónico", "email_address"), ("Sobrenome", "last_name"),
        ("Achternaam", "last_name"), ("Codice postale", "postal_code"), ("Mobile No.", "phone"), ("Company Country", "country"),
        ("Address (ZIP / Postal Code)", "postal_code"), ("Data di nascita", "birthday"), ("Data de nascimento", "birthday"), ("Woonplaats", "city"),
        ("Company ID", ""), ("Contact Owner", ""), ("Phone verified", ""), ("Email status", ""), ("Phone country", ""), ("User name", ""),
        ("Last activity date", ""), ("First page seen", ""), ("Kunden-Nr.", ""),
    ],
)  # fmt: skip
def test_a_name_is_known_in_seven_languages_and_in_any_order_of_words(name: str, stands_for: str) -> None:
    assert meaning(name) == stands_for


def test_a_column_that_may_be_first_names_is_cut_where_it_holds_whole_ones() -> None:
    found = suggested("Email,Nombre\na@example.org,Ana García\nb@example.org,Luis de la Cruz\n")
    assert found.draft.fields["first_name"].keys == {"part": "first"}
    assert found.draft.fields["last_name"].column == "Nombre"
    assert "last_name" not in suggested("Email,Nombre\na@example.org,Ana\n").draft.fields


def test_a_known_number_of_persons_stays_theirs_where_lines_below_the_rows_lack_it() -> None:
    text = "Email,Contact ID\n" + "".join(f"p{n}@example.org,003{n}\n" for n in range(9)) + "Copyright,\n"
    found = suggested(text, person_column="Contact ID")
    assert found.draft.person == "Contact ID"
    assert "rows without it: 1; if they are no people" in said(found)
    assert "where: {Contact ID: {blank: false}} leaves them out" in found.text
    read_mapping_text(found.text.replace("examples:", "where: {Contact ID: {blank: false}}\nexamples:"))
    assert suggested(text).draft.person == ""


def test_an_empty_list_of_suppressions_is_no_opt_out() -> None:
    found = suggested(
        column("Email Suppressions", "[]", "[]", "['USER_SUPPRESSED']"),
        consents={"Email Suppressions": "out"},
    )
    assert found.mapping.consent is not None
    assert found.mapping.consent.opted_out is not None
    assert "[]" in found.mapping.consent.opted_out.unless
    assert "['USER_SUPPRESSED']" not in found.mapping.consent.opted_out.unless


def test_tags_in_quotes_are_those_of_the_account() -> None:
    found = suggested(column("TAGS", '"vip","press"', '"vip"', ""), list_separator=",")
    assert found.draft.tags is not None
    assert found.draft.tags.column == "TAGS"
    assert found.draft.examples[0]["tags"] == ["press", "vip"]


def test_of_several_addresses_in_a_cell_the_first_is_sent_and_that_is_said() -> None:
    text = "Email\na@example.org\nb@example.org ::: c@example.org\n"
    found = suggested(text, list_separator=" ::: ")
    assert rule(found, "email_address") == {"from": ("Email",), "split": " ::: ", "part": "first"}
    assert "of 2 cells 1 hold several addresses; the first of each is sent" in said(found)
    assert rule(
        suggested("Email\na@example.org\nb@example.org ::: see notes\n", list_separator=" ::: "),
        "email_address",
    ) == {"from": ("Email",)}


def test_a_second_address_is_offered_only_where_the_export_says_that_it_is_the_same_persons() -> None:
    text = "Email,Home,Owner Email\na@example.org,b@example.org,boss@example.org\nc@example.org,,boss@example.org\n"
    ignored = suggested(text, meanings={"Email": "email_address", "Home": "email_address"}).draft.ignored
    assert ignored["Home"] == "it holds addresses, too; from: [Email, Home] takes the first that is not blank"
    assert ignored["Owner Email"] == "it holds addresses, too; Email is used"
