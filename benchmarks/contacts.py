"""Contacts as a CRM exports them, the same for the same numbers: `python benchmarks/contacts.py ROWS PATH`.

Twelve columns, 130 bytes a row; 1% broken addresses, 0.5% blank, 1% in upper case with a space behind.
"""

from __future__ import annotations

import csv
import datetime as dt
import random
import sys
from pathlib import Path

HEADER = (
    "Record ID", "First Name", "Last Name", "Email", "Phone Number", "Company", "Lifecycle Stage", "Country", "Postal Code",
    "Birthday", "Opted out", "Tags",
)  # fmt: skip
FIRST = [
    "Tyrion",
    "Tywin",
    "Cersei",
    "Jaime",
    "Arya",
    "Sansa",
    "Robb",
    "Bran",
    "Jon",
    "Ned",
    "Lyanna",
    "Ämne",
    "José",
    "Zoë",
    "李",
    "Ольга",
]
LAST = ["Lannister", "Stark", "Snow", "Baratheon", "O'Brien", "Müller", "García", "Nguyễn", "Smith"]
COUNTRIES = ("US", "CA", "DE", "us", "Germany")
BORN = dt.date(1950, 1, 1)


def write(path: Path, *, rows: int | None = None, usable: int | None = None) -> Path:
    """Writes `rows` rows, or as many as it takes for `usable` of them to have an address. A file that is there stays."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    chance = random.Random(7)
    begun = path.with_suffix(".begun")
    number = good = 0
    with begun.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        while (number < rows) if rows is not None else (good < (usable or 0)):
            address = f"user{number}@example{number % 977}.com"
            share = chance.random()
            if share < 0.01:
                address = address.replace("@", " at ")
            elif share < 0.015:
                address = ""
            elif share < 0.025:
                address = address.upper() + " "
            good += share >= 0.015
            writer.writerow(
                (
                    number,
                    chance.choice(FIRST),
                    chance.choice(LAST),
                    address,
                    f"+1 (415) 555-{number % 10000:04d}",
                    f"Company, {number % 5000} Inc",
                    "lead" if number % 3 else "customer",
                    chance.choice(COUNTRIES),
                    f"{number % 99999:05d}",
                    (BORN + dt.timedelta(days=number % 20000)).isoformat(),
                    "true" if number % 17 == 0 else "false",
                    "newsletter;vip" if number % 5 == 0 else "newsletter",
                )
            )
            number += 1
    begun.replace(path)
    return path


if __name__ == "__main__":
    print(write(Path(sys.argv[2]), rows=int(sys.argv[1])))
