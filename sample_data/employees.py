"""employees.csv: what a personnel system exports for a merchandise shop, and what is planted in it."""

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

EMPLOYEES = (
    "Employee No", "Work Email", "First Name", "Last Name", "Mobile", "Gender", "T-Shirt Size", "Date of Birth",
    "Country", "Street", "Apt / Unit", "City", "State", "Zip", "Company", "Department", "Job Title", "Status",
    "Contract", "Hired", "Remote", "Gift Lists", "Reports To",
)  # fmt: skip
OFFICES = tuple(
    land for land in LANDS if land.name in ("United States", "Germany", "United Kingdom", "France", "Sweden")
)
STATES = {"MA": "Massachusetts", "CA": "California", "NC": "North Carolina", "ID": "Idaho"}


def employee_cells(dice: Dice, people: People, ids: Iterator[int]) -> Cells:
    """What the personnel system says of somebody about whom there is nothing to say."""
    one = people.next()
    american = one.land.name == "United States"
    return {
        "Employee No": f"E{next(ids):05}",
        "Work Email": one.address,
        "First Name": one.given,
        "Last Name": one.family,
        "Mobile": one.phone,
        "Gender": dice.one_of(("female", "male", "F", "M", "")),
        "T-Shirt Size": dice.one_of(("S", "M", "L", "XL", "XXL", "SM", "MD", "XS", "")),
        "Date of Birth": one.born,
        "Country": one.land.name if dice.share(0.6) else one.land.codes[0],
        "Street": one.street,
        "Apt / Unit": dice.one_of(("", "", "", "Apt 4B", "2nd floor")),
        "City": one.city,
        "State": dice.one_of((one.region, STATES[one.region])) if american else "",
        "Zip": one.postcode,
        "Company": "Nordwind Logistik GmbH",
        "Department": dice.one_of(("Sales", "Finance", "People & Culture", "R&D", "")),
        "Job Title": one.title,
        "Status": "Active",
        "Contract": dice.one_of(("Full-Time", "Full-Time", "Part-Time", "Contract")),
        "Hired": f"{dice.between(2009, 2025)}-{dice.between(1, 12):02}-{dice.between(1, 28):02}",
        "Remote": dice.one_of(("yes", "no", "")),
        "Gift Lists": dice.one_of(("", "", "12", "12;13")),
        "Reports To": dice.one_of(("Johanna Vogt", "C. O'Brien", "")),
    }


def employee_traps() -> list[Trap]:
    """What is wrong with the employees, and what is only unusual."""
    earlier = {"Status": "Active", "Hired": "2008-01-07"}
    louder: Change = lambda cells: earlier | {"Work Email": cells["Work Email"].upper()}  # noqa: E731 - a table of changes
    canada = {"Country": "Canada", "City": "Montréal", "Zip": "H2Y 1C6"}
    return [
        Trap("Left the company", "filtered", each(cell("Status", "Terminated", "On notice", ""), filtered=True)),
        Trap(
            "Left the company, and the address is broken",
            "filtered: that comes before invalid, and its problems are not counted",
            each([{"Status": "Terminated", "Work Email": BROKEN[2]}], "email_syntax", filtered=True),
        ),
        Trap(
            "The same person twice, the address once in another case",
            "the earlier row is a duplicate of the later one",
            ((Twist(earlier), Twist()),) * 2 + ((Twist(louder), Twist()),),
        ),
        Trap(
            "A gender that the destination does not know",
            "created without it, with the warning choice_left_out",
            each(cell("Gender", "diverse", "Non-binary", "prefer not to say"), "", "choice_left_out"),
        ),
        Trap("Sizes as people write them", "created in the destination's own sizes", each(cell("T-Shirt Size", "small", "Medium", " large ", "xxl", "3X"))),
        Trap("A size that there is not", "invalid: choice_unknown", each(cell("T-Shirt Size", "5XL", "Kids 140"), "choice_unknown")),
        Trap(
            "A state by its name, or its code in small letters",
            "created with the code",
            each(
                [{"Country": "USA", "State": state, "City": city, "Zip": code} for state, city, code in (
                    ("New York", "New York", "10001"), ("california", "Fresno", "93650"), ("tx", "Austin", "73301"))]
                + [canada | {"State": "Québec"}, canada | {"State": "on", "City": "Ottawa", "Zip": "K1A 0B1"}]
            ),
        ),
        Trap(
            "A country without states",
            "created with the city in its place",
            each([
                {"Country": "DE", "State": "", "City": "Görlitz", "Zip": "02826"},
                {"Country": "Singapore", "State": "", "City": "Singapore", "Zip": "018956"},
            ]),
        ),
        Trap("No street, but a second line", "created", each([{"Street": "", "Apt / Unit": "PO Box 120"}])),
        Trap("No address", "invalid: key_blank", each(cell("Work Email", ""), "key_blank")),
        Trap("A broken address", "invalid: email_syntax", each(cell("Work Email", BROKEN[3]), "email_syntax")),
        Trap("A misspelled mail provider", "created, with the warning email_typo_domain", each([typo("gmial.com")], "", "email_typo_domain")),
        Trap("No last name, or no zip code", "invalid: required_blank", each([{"Last Name": ""}, {"Zip": " "}], "required_blank")),
        Trap("A country that does not exist", "invalid: country_unknown", each(cell("Country", "Atlantis"), "country_unknown")),
        Trap("A birthday that does not exist", "invalid: date_syntax", each(cell("Date of Birth", "1988-02-31"), "date_syntax")),
        Trap("A gift list by its name", "invalid: number_needed", each(cell("Gift Lists", "12;Holiday gifts"), "number_needed")),
        Trap("Two problems in one row", "one invalid row, both problems", each([{"T-Shirt Size": "huge", "Hired": "soon"}], "choice_unknown date_syntax")),
    ]  # fmt: skip


def employee_bytes(rows: Sequence[Row]) -> bytes:
    """Commas, LF, UTF-8; quotes only where they are needed."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(EMPLOYEES)
    writer.writerows([row.cells[name] for name in EMPLOYEES] for row in rows)
    return text.getvalue().encode()


SAMPLE = Sample(
    "employees.csv", "employees_to_corporate_merch.yml", 60, 101, "Work Email",
    "What a personnel system exports for a merchandise shop: sizes as people write them, states for some countries only.",
    OFFICES, employee_cells, employee_traps, employee_bytes,
)  # fmt: skip
