"""newsletter_signups.csv: what a German signup form writes, and what is planted in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from sample_data.dice import Dice
from sample_data.lands import LANDS
from sample_data.people import People
from sample_data.sample import Sample
from sample_data.stories import BROKEN, Cells, Change, Row, Trap, Twist, cell, each, typo

__all__ = ["SAMPLE"]

SIGNUPS = (
    "Nr", "E-Mail-Adresse", "Vorname", "Nachname", "Firma", "Telefon", "PLZ", "Ort", "Land", "Geburtsdatum",
    "Interessen", "Formular", "Sprache", "Angemeldet am", "Status", "Abgemeldet", "Nachricht",
)  # fmt: skip
WESTERN = tuple(
    land
    for land in LANDS
    if land.name
    in (
        "Germany",
        "Austria",
        "Switzerland",
        "France",
        "United Kingdom",
        "Spain",
        "Netherlands",
        "Sweden",
        "Denmark",
    )
)


def german(date: str) -> str:
    """2024-03-31 as 31.03.2024."""
    return ".".join(reversed(date.split("-"))) if date else ""


def signup_cells(dice: Dice, people: People, ids: Iterator[int]) -> Cells:
    """What the form says of somebody about whom there is nothing to say."""
    one = people.next()
    day = f"{dice.between(2023, 2025)}-{dice.between(1, 12):02}-{dice.between(1, 28):02}"
    company = one.company if one.company.isascii() or "ü" in one.company else "Bäckerei „Zur Mühle“ – 2 €"
    topics = [t for t in ("Newsletter", "Veranstaltungen", "Produktneuheiten", "Webinare") if dice.share(0.4)]
    return {
        "Nr": str(next(ids)),
        "E-Mail-Adresse": one.address,
        "Vorname": one.given,
        "Nachname": one.family.replace("'", "’"),
        "Firma": company,
        "Telefon": one.phone if dice.share(0.4) else "",
        "PLZ": one.postcode,
        "Ort": one.city,
        "Land": one.land.german,
        "Geburtsdatum": german(one.born),
        "Interessen": ", ".join(topics),
        "Formular": dice.one_of(("Startseite", "Fußzeile", "Gewinnspiel", "Messe Köln")),
        "Sprache": one.land.language,
        "Angemeldet am": f"{german(day)} {dice.between(7, 22):02}:{dice.between(0, 59):02}",
        "Status": "bestätigt",
        "Abgemeldet": dice.one_of(("", "nein")),
        "Nachricht": dice.one_of(
            (
                "",
                "",
                "",
                "Schöne Grüße!",
                "Bitte nur 1× im Monat; danke.",
                "Erste Zeile\nzweite Zeile",
                "Größe „M“",
            )
        ),
    }


def signup_traps() -> list[Trap]:
    """What is wrong with the signups, and what is only unusual."""
    gone = {"Abgemeldet": "ja"}
    early = {"Formular": "Gewinnspiel", "Angemeldet am": "02.01.2023 09:00"}
    louder: Change = lambda cells: early | {"E-Mail-Adresse": cells["E-Mail-Adresse"].upper()}  # noqa: E731 - a table of changes
    open_ = {"Status": "offen"}
    return [
        Trap("Never confirmed (`offen`)", "filtered", each([open_] * 36, filtered=True)),
        Trap(
            "Never confirmed, and the address is broken",
            "filtered: that comes before invalid, and its problems are not counted",
            each([open_ | {"E-Mail-Adresse": BROKEN[2]}, open_ | {"E-Mail-Adresse": ""}], "email_syntax", filtered=True),
        ),
        Trap(
            "Signed up twice",
            "the earlier row is a duplicate of the later one",
            ((Twist(early), Twist()),) * 8 + ((Twist(louder), Twist()),) * 4,
        ),
        Trap(
            "Unsubscribed the first time, signed up again",
            "the earlier row is a duplicate; the contact is created opted out",
            ((Twist(early | gone, opted_out=True), Twist()),) * 2,
        ),
        Trap(
            "A good row, then an invalid one of the same person",
            "the good row is created, the later one is invalid",
            ((Twist(early), Twist({"Geburtsdatum": "31.02.1988"}, ("date_syntax",))),),
        ),
        Trap("Unsubscribed", "created opted out", each([gone, {"Abgemeldet": " Ja "}] * 2, opted_out=True)),
        Trap(
            "An opt-out nobody understands",
            "created opted out, with the warning consent_not_understood",
            each(cell("Abgemeldet", "vielleicht", "siehe Notiz"), "", "consent_not_understood", opted_out=True),
        ),
        Trap(
            "A misspelled mail provider",
            "created, with the warning email_typo_domain",
            each([typo(d) for d in ("gmial.com", "yaho.com", "hotmial.com")], "", "email_typo_domain"),
        ),
        Trap("No address", "invalid: key_blank", each(cell("E-Mail-Adresse", "", ""), "key_blank")),
        Trap("A broken address", "invalid: email_syntax", each(cell("E-Mail-Adresse", *BROKEN[11:17]), "email_syntax")),
        Trap(
            "A birthday that does not exist, or is written in another way",
            "invalid: date_syntax",
            each(cell("Geburtsdatum", "31.02.1988", "00.00.0000", "1988-05-12", "im Mai"), "date_syntax"),
        ),
        Trap(
            "A country that does not exist",
            "invalid: country_unknown",
            each(cell("Land", "Mittelerde", "Lummerland"), "country_unknown"),
        ),
        Trap(
            "Text where a phone number belongs",
            "invalid: phone_syntax",
            each(cell("Telefon", "keine Angabe", "bitte per Mail"), "phone_syntax"),
        ),
        Trap(
            "An interest that is not in the mapping's table",
            "invalid: value_unknown",
            each(cell("Interessen", "Rezepte", "Newsletter, Rezepte"), "value_unknown"),
        ),
        Trap(
            "Two problems in one row",
            "one invalid row, both problems",
            each([{"E-Mail-Adresse": BROKEN[3], "Land": "Lummerland"}], "email_syntax country_unknown"),
        ),
        Trap("Spaces and capitals around the address", "created", each([lambda cells: {"E-Mail-Adresse": f" {cells['E-Mail-Adresse'].title()}  "}] * 3)),
        Trap(
            "Windows-1252 characters that Latin-1 lacks, and a quoted delimiter",
            "created",
            each(
                [
                    {"Firma": "Žižka & Šimon; Œuvre – „Größe“ 5 €", "Nachname": "D’Angelo"},
                    {"Nachricht": "5 € … “quoted”; 2 ‰"},
                ]
            ),
        ),
        Trap("Interests left blank", "created", each(cell("Interessen", "", "", ""))),
        Trap("A country as a code", "created", each(cell("Land", "DE", "AUT", "ch"))),
    ]  # fmt: skip


def signup_bytes(rows: Sequence[Row]) -> bytes:
    """Semicolons, CRLF, Windows-1252; quotes only where they are needed."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(SIGNUPS)
    writer.writerows([row.cells[name] for name in SIGNUPS] for row in rows)
    return text.getvalue().encode("windows-1252")


SAMPLE = Sample(
    "newsletter_signups.csv", "signups_to_campaignlark.yml", 400, 1001, "E-Mail-Adresse",
    "What a German signup form writes: Windows-1252, semicolons, CRLF, dates as 31.12.2025.",
    WESTERN, signup_cells, signup_traps, signup_bytes,
)  # fmt: skip
