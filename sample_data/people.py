"""Made-up people: names from everywhere, addresses at example.com, .org and .net, no two of them the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sample_data.dice import Dice
from sample_data.lands import Land

__all__ = ["People", "Person", "latin"]

COMPANIES = (
    "Nordwind Logistik GmbH", "Müller & Söhne KG", 'Café "Zum Anker"', "Brontë & Daughters Ltd.", "Acme, Inc.",
    "Société Générale d'Exemple", "3D-Druck Görlitz", "株式会社サンプル", "Łódzka Spółka Przykładowa", "Fjord & Fjell A/S",
    "O'Malley's Garden Centre", "El Niño S.A. de C.V.", "Beispiel AG, Werk 2", "Yoyodyne Propulsion", "",
)  # fmt: skip
TITLES = (
    "Head of Marketing", "Geschäftsführerin", "Chargé d'affaires", "CTO", "Buyer, Europe", "Редактор", "店長",
    "Student", "Owner/Operator", "Sr. Manager – Events", "",
)  # fmt: skip
DOMAINS = (
    "example.com", "example.org", "example.net", "mail.example.com", "post.example.org", "nordwind.example.com",
    "office.example.net",
)  # fmt: skip
LATIN = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "Ae", "œ": "oe"}
)


def latin(name: str) -> str:
    """The part of an address that is made from a name."""
    plain = unicodedata.normalize("NFKD", name.translate(LATIN)).lower()
    return "".join(sign for sign in plain if sign.isascii() and sign.isalnum())


def names(text: str) -> list[tuple[str, str]]:
    """`written=latin, …` as pairs."""
    return [
        (written, spelled or latin(written))
        for written, _, spelled in (n.partition("=") for n in text.split(", "))
    ]


@dataclass(frozen=True)
class Person:
    """Somebody made up, before a file gives them columns."""

    land: Land
    given: str
    family: str
    address: str
    city: str
    region: str
    postcode: str
    street: str
    phone: str
    company: str
    title: str
    born: str


class People:
    """Makes people whose addresses differ from all before."""

    def __init__(self, dice: Dice, lands: Sequence[Land]) -> None:
        self.dice = dice
        self.lands = lands
        self.taken: set[str] = set()

    def next(self) -> Person:
        dice = self.dice
        land = self.lands[0] if dice.share(0.15) else dice.one_of(self.lands)
        given, given_latin = dice.one_of(names(land.given))
        family, family_latin = dice.one_of(names(land.family))
        local = dice.one_of(
            (
                f"{given_latin}.{family_latin}",
                f"{given_latin[0]}.{family_latin}",
                f"{family_latin}_{given_latin}",
            )
        )
        domain = dice.one_of(DOMAINS)
        address, more = f"{local}@{domain}", 1
        while address in self.taken:
            more += 1
            address = f"{local}{more}@{domain}"
        self.taken.add(address)
        city, region, postcode = dice.one_of(land.places.split(", ")).split("/")
        phone = dice.digits(dice.one_of(land.phones)) if land.phones and dice.share(0.7) else ""
        born = f"{dice.between(1948, 2005)}-{dice.between(1, 12):02}-{dice.between(1, 28):02}"
        return Person(
            land, given, family, address, city, region, postcode,
            street=dice.digits(dice.one_of(land.streets.split(", "))),
            phone=phone,
            company=dice.one_of(COMPANIES),
            title=dice.one_of(TITLES),
            born=born if dice.share(0.5) else "",
        )  # fmt: skip
