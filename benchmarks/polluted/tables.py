"""The clean tables: contacts, sales, words in many languages, measurements. Made from a seed, always the same."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["TABLES", "Table"]

Table = list[list[str]]
ROWS = 30

FIRST = ("Arya", "Jon", "Sansa", "Bran", "Tyrion", "Brienne", "Samwell", "Davos", "Missandei", "Gendry")
LAST = (
    "Stark",
    "Snow",
    "Lannister",
    "Tarth",
    "Tarly",
    "Seaworth",
    "of Naath",
    "Baratheon",
    "O'Neil",
    "Mormont",
)
ABROAD = ("Zoë", "José", "Łukasz", "Jürgen", "Françoise", "Ødegård", "Nuñez", "Šimková", "Ağaoğlu", "Müller")
TOWNS = ("São Paulo", "Köln", "Málaga", "Kraków", "Zürich", "Besançon", "Tromsø", "Plzeň", "İzmir", "Gießen")
NOTES = (
    "met at the fair, wants a call", 'said "call me later" twice', "", "moved to Bristol, UK",
    "likes: tea, cake; not coffee", "see the letter of 3 May", "first line\nsecond line", "", "prefers e-mail", "don't call",
)  # fmt: skip


def contacts(chance: random.Random) -> Table:
    """As a CRM exports them: an id, names, an address, a date, yes or no, a note with commas and quotes."""
    rows = [["Record ID", "First Name", "Last Name", "Email", "Created", "Opted out", "Note"]]
    for number in range(ROWS):
        first, last = chance.choice(FIRST), chance.choice(LAST)
        rows.append([
            str(10_001 + 7 * number), first, last, f"{first}.{last.split()[-1].replace(chr(39), '')}{number}@example.com".lower(),
            f"2025-{number % 12 + 1:02d}-{number % 28 + 1:02d}", chance.choice(["true", "false"]), chance.choice(NOTES),
        ])  # fmt: skip
    return rows


def sales(chance: random.Random) -> Table:
    """Dates, times, amounts and a description that is always quoted, with blank cells at the end."""
    rows = [["Day", "Hour", "Pieces", "Article", "Price", "Kind", "Description", "Page", "Remark"]]
    for number in range(83):  # as many as Pollock's own table has
        kind = chance.choice(["Kettle", "Tea Pot", "Mug", "Men's Apron"])
        rows.append([
            f"{number % 28 + 1:02d}.{number % 12 + 1:02d}.2024", f"{number % 24:02d}:{number % 4 * 15:02d}", str(chance.randint(0, 9)),
            f"{kind[:2].upper()}-{chance.randint(100, 999)}", f"€{chance.randint(1, 900) / 10}", kind,
            f"A {kind.lower()} that lasts, made of {chance.choice(['steel', 'clay'])}. It's light, and it does not drip.",
            f"https://www.example.org/articles/{number}", chance.choice(["", "", "sold out"]),
        ])  # fmt: skip
    return rows


def abroad(chance: random.Random) -> Table:
    """Text in every column, with letters beyond ASCII; nothing in it looks like a number."""
    notes = ("grüßt", "für später", "", "möchte „nichts“ hören", "à bientôt, peut-être")
    rows = [["Name", "Stadt", "Straße", "Bemerkung", "Sprache"]]
    for _ in range(ROWS):
        name, street = (
            f"{chance.choice(ABROAD)} {chance.choice(ABROAD)}",
            f"{chance.choice(TOWNS)}er Straße, Haus {chance.choice('abc')}",
        )
        row = [name, chance.choice(TOWNS), street, chance.choice(notes), chance.choice(["de", "fr", "pl"])]
        rows.append(row)
    return rows


def measured(chance: random.Random) -> Table:
    """Numbers only, below names."""
    rows = [["sensor", "minute", "low", "high", "mean", "count"]]
    for number in range(ROWS):
        low = chance.uniform(-5, 20)
        rows.append(
            [
                str(number % 4),
                str(number),
                f"{low:.2f}",
                f"{low + 4:.2f}",
                f"{low + 2:.3f}",
                str(chance.randint(0, 500)),
            ]
        )
    return rows


_MAKERS: tuple[Callable[[random.Random], Table], ...] = (contacts, sales, abroad, measured)
TABLES: dict[str, Table] = {maker.__name__: maker(random.Random(maker.__name__)) for maker in _MAKERS}
