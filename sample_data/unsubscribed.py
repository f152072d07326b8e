"""unsubscribed.csv: a list of people who want no mail, as another tool exports it, and what is planted in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from sample_data.dice import Dice
from sample_data.people import People
from sample_data.sample import Sample
from sample_data.signups import WESTERN
from sample_data.stories import BROKEN, Cells, Row, Trap, Twist, cell, each, typo

__all__ = ["SAMPLE"]

COLUMNS = ("Email Address", "Name", "Reason", "Unsubscribed at")


def unsubscribed_cells(dice: Dice, people: People, ids: Iterator[int]) -> Cells:
    """What such a list says of somebody."""
    one = people.next()
    next(ids)
    return {
        "Email Address": one.address,
        "Name": f"{one.given} {one.family}",
        "Reason": dice.one_of(("N", "A", "normal", "")),
        "Unsubscribed at": f"{dice.between(2023, 2025)}-{dice.between(1, 12):02}-{dice.between(1, 28):02} 09:30:00",
    }


def unsubscribed_traps() -> list[Trap]:
    """Everybody in it opted out, whatever else the row says."""
    out = {"opted_out": True}
    return [
        Trap("Nothing but the address", "filtered: nobody there to unsubscribe; remembered", each([{"Name": "", "Reason": "", "Unsubscribed at": ""}] * 2, **out)),
        Trap("Complained or bounced, says the reason", "as above: the reason is not needed", each(cell("Reason", "T", "cleaned"), **out)),
        Trap(
            "A reason that reads as if they had come back",
            "as above: who is on the list is out",
            each(cell("Reason", "resubscribed", "subscribed", "no"), **out),
        ),
        Trap("Twice on the list", "the earlier row is a duplicate of the later one", ((Twist(**out), Twist(**out)),) * 2),
        Trap(
            "A misspelled mail provider",
            "filtered, with the warning email_typo_domain",
            each([typo("gmial.com")], "", "email_typo_domain", **out),
        ),
        Trap("Spaces and capitals around the address", "filtered", each([lambda cells: {"Email Address": f" {cells['Email Address'].upper()} "}], **out)),
        Trap("No address", "invalid: key_blank", each(cell("Email Address", ""), "key_blank", **out)),
        Trap("A broken address", "invalid: email_syntax", each(cell("Email Address", *BROKEN[:2]), "email_syntax", **out)),
    ]  # fmt: skip


def unsubscribed_bytes(rows: Sequence[Row]) -> bytes:
    """UTF-8, commas, the dates in quotes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([row.cells[name] for name in COLUMNS] for row in rows)
    return text.getvalue().encode()


SAMPLE = Sample(
    "unsubscribed.csv", "optouts_to_campaignlark.yml", 16, 1, "Email Address",
    "A list of people who want no mail, as a mailing tool exports it. `optouts_to_loops.yml` reads it as well. Into an empty account "
    "nobody is unsubscribed; that they opted out is remembered.",
    WESTERN, unsubscribed_cells, unsubscribed_traps, unsubscribed_bytes, creates=False,
)  # fmt: skip
