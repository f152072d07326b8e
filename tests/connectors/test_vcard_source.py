"""vCards of all versions, as the programs write them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import SourceError
from connectors.sources import vcards
from connectors.sources.opening import format_of
from tests.connectors.reading import Seen, read, spoiled


def of(tmp_path: Path, text: str | bytes) -> Seen:
    path = tmp_path / "people"
    path.write_bytes(text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode())
    assert format_of(path) == "vcard_file"
    return read(path)


def cells(found: Seen, row: int = 0) -> dict[str, str]:
    return {name: text for name, text in zip(found.header, found.rows[row], strict=True) if text}


APPLE = r"""BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//macOS 14//EN
N:Ash;Ann;Maria,Luisa;Dr.;
FN:Dr. Ann Ash
ORG:Ash\, Birch & Co.;Sales;North
EMAIL;type=INTERNET;type=HOME:ann@home.example
EMAIL;type=INTERNET;type=WORK;type=pref:ann@work.example
item1.EMAIL;type=INTERNET:ann@school.example
item1.X-ABLabel:_$!<School>!$_
TEL;type=CELL;type=VOICE:+49 170 1
item2.ADR;type=HOME:;;Main St. 1\nBack door;Bonn;NRW;53111;Germany
BDAY;value=date:1990-03-04
CATEGORIES:vip,friends\, old
NOTE:first line\nsecond
  line\; more
PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ
 SkZJRgAB
UID:42
END:VCARD
"""
ANDROID = """BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=4D=C3=BC=6C=6C=65=
=72;J=C3=B6rg;;;
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=B6rg M=C3=BCller
TEL;CELL;PREF:0170-2
TEL;HOME:0228-3
EMAIL;HOME:joerg@example.com
END:VCARD
"""
NEW = """BEGIN:VCARD
VERSION:4.0
FN:Bo Birch
EMAIL;PREF=2;TYPE=work:bo@work.example
EMAIL;PREF=1:mailto:bo@example.com
EMAIL:third@example.com
TEL;VALUE=uri;TYPE="cell,text":tel:+1-555-0100
ADR;LABEL="1; Elm: St.":;;Elm St. 1;Paris;;75001;France
BDAY:--0412
KIND:individual
END:VCARD
"""


def test_cards_of_all_versions_are_rows(tmp_path: Path) -> None:
    found = of(tmp_path, APPLE + "\n" + ANDROID + NEW)
    assert cells(found) == {
        "Last name": "Ash", "First name": "Ann", "Middle name": "Maria, Luisa", "Prefix": "Dr.", "Full name": "Dr. Ann Ash",
        "Company": "Ash, Birch & Co.", "Department": "Sales, North", "Birthday": "1990-03-04", "Categories": "vip;friends, old",
        "Note": "first line\nsecond line; more", "UID": "42",
        "Email": "ann@work.example", "Email (home)": "ann@home.example", "Email (work)": "ann@work.example", "Email (school)": "ann@school.example",
        "Phone": "+49 170 1", "Phone (mobile)": "+49 170 1",
        "Street": "Main St. 1\nBack door", "City": "Bonn", "Region": "NRW", "Postcode": "53111", "Country": "Germany",
        "Street (home)": "Main St. 1\nBack door", "City (home)": "Bonn", "Region (home)": "NRW", "Postcode (home)": "53111", "Country (home)": "Germany",
    }  # fmt: skip
    assert cells(found, 1) == {
        "Last name": "Müller", "First name": "Jörg", "Full name": "Jörg Müller", "Email": "joerg@example.com",
        "Email (home)": "joerg@example.com", "Phone": "0170-2", "Phone (mobile)": "0170-2", "Phone (home)": "0228-3",
    }  # fmt: skip
    assert cells(found, 2) == {
        "Full name": "Bo Birch", "Email": "bo@example.com", "Email (work)": "bo@work.example", "Email 2": "third@example.com",
        "Phone": "+1-555-0100", "Phone (mobile)": "+1-555-0100", "Street": "Elm St. 1", "City": "Paris", "Postcode": "75001", "Country": "France",
        "Birthday": "--0412", "KIND": "individual",
    }  # fmt: skip
    assert found.lines == [1, 22, 31]
    assert found.source.reading["version"] == "3.0, 2.1, 4.0"
    assert found.odd == {}


def test_what_is_not_as_it_should_be_is_said(tmp_path: Path) -> None:
    found = of(
        tmp_path,
        b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Zo\xeb\r\nno property\r\nAGENT:\r\nBEGIN:VCARD\r\nFN:Agent\r\nEND:VCARD\r\nEND:VCARD\r\n"
        b"BEGIN:VCARD\r\nFN:Cut\r\n",
    )
    assert [row[0] for row in found.rows] == ["Zoë", ""]
    [bad] = found.misread
    assert (bad.code, bad.detail, bad.cells[0]) == ("row_cut_off", "a card without END:VCARD", "Cut")
    assert "1 line is no property" in found.odd["odd_lines"]
    assert "1 text is neither UTF-8" in found.odd["encoding_guessed"]
    with pytest.raises(SourceError, match="holds no card with anything in it"):
        of(tmp_path, "BEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n")


def test_many_addresses_are_all_kept(tmp_path: Path) -> None:
    found = of(tmp_path, "BEGIN:VCARD\n" + "".join(f"EMAIL:p{n}@x.de\n" for n in range(14)) + "END:VCARD\n")
    held = {text for cell in found.rows[0] for text in cell.split(";")}
    assert held == {f"p{n}@x.de" for n in range(14)}


def test_a_card_that_never_ends_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vcards, "LONGEST_ROW", 1 << 16)
    with pytest.raises(SourceError, match="the card on line 1 is longer"):
        of(tmp_path, "BEGIN:VCARD\n" + "NOTE:x\n" * (1 << 15))
    with pytest.raises(SourceError, match="on line 2 is longer"):
        of(tmp_path, "BEGIN:VCARD\nNOTE:" + "x" * (1 << 17))


def test_a_spoiled_file_ends_in_rows_or_in_an_error(tmp_path: Path) -> None:
    path = tmp_path / "spoiled"
    for data in spoiled((APPLE + ANDROID + NEW).encode(), 100, seed=2):
        path.write_bytes(data)
        with contextlib.suppress(SourceError):
            read(path)


WORDS = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORDS, WORDS, WORDS, st.integers(3, 30))
def test_texts_come_back_unchanged_however_they_are_folded(
    tmp_path: Path, first: str, last: str, note: str, width: int
) -> None:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")

    lines = [
        "BEGIN:VCARD",
        "VERSION:4.0",
        f"N:{escaped(last)};{escaped(first)};;;",
        f"NOTE:{escaped(note)}\\n{escaped(note)}",
        "END:VCARD",
    ]
    folded = []
    for line in lines:
        raw = line.encode()
        cut = max(width, 12)
        folded.append(b"\r\n ".join(raw[at : at + cut] for at in range(0, len(raw), cut)))
    found = of(tmp_path, b"\r\n".join(folded) + b"\r\n")
    assert cells(found) == {"Last name": last, "First name": first, "Note": f"{note}\n{note}"}
