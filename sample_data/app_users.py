"""app_users.csv: what the database of an app exports, what is planted in it, and who is there before."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from sample_data.dice import Dice
from sample_data.lands import LANDS
from sample_data.people import People
from sample_data.sample import Sample
from sample_data.stories import BROKEN, Cells, Change, Row, There, Trap, Twist, cell, each, typo

__all__ = ["SAMPLE"]

USERS = (
    "user_id", "email", "first_name", "last_name", "company", "country", "locale", "plan", "seats", "paying", "birthday",
    "created_at", "last_seen", "lists", "left_events", "unsubscribed", "deleted_at", "password_hash",
)  # fmt: skip
EVENTS_ID = "cm0sandbox00000events000c"


def user_cells(dice: Dice, people: People, ids: Iterator[int]) -> Cells:
    """What the database says of somebody about whom there is nothing to say."""
    one = people.next()
    day = f"{dice.between(2021, 2025)}-{dice.between(1, 12):02}-{dice.between(1, 28):02}"
    return {
        "user_id": f"usr_{next(ids):06}",
        "email": one.address,
        "first_name": one.given,
        "last_name": one.family,
        "company": one.company,
        "country": one.land.codes[0],
        "locale": one.land.language,
        "plan": dice.one_of(("free", "free", "team", "business")),
        "seats": str(dice.between(1, 40)),
        "paying": dice.one_of(("true", "false")),
        "birthday": one.born if dice.share(0.3) else "",
        "created_at": f"{day}T{dice.between(0, 23):02}:{dice.between(0, 59):02}:00Z",
        "last_seen": f"2026-0{dice.between(1, 9)}-{dice.between(1, 28):02}",
        "lists": dice.one_of(("", "Newsletter", "Newsletter;Events", "Product news")),
        "left_events": "false",
        "unsubscribed": "false",
        "deleted_at": "",
        "password_hash": f"$2b${dice.between(10**9, 10**10 - 1)}",
    }


def before(prefix: str = "", *, user_id: str | None = None, **more: Any) -> There:
    """How somebody is there before the sync: with their own userId, with another one, or with none ('')."""

    def there(cells: Cells) -> dict[str, Any]:
        own = {"userId": user_id or cells["user_id"]} if user_id != "" else {}
        return {"email_address": prefix + cells["email"], "fields": own, **more}

    return there


def user_traps() -> list[Trap]:
    """What is wrong with the users, what is only unusual, and what of them is there before."""
    earlier = {"last_seen": "2021-01-05", "plan": "free"}
    louder: Change = lambda cells: earlier | {"email": cells["email"].upper()}  # noqa: E731 - a table of changes
    other: Change = lambda cells: {"email": "second." + cells["email"]}  # noqa: E731 - as above
    gone = {"deleted_at": "2025-11-30T10:00:00Z"}
    return [
        Trap("Deleted their account", "filtered", each([gone] * 6, filtered=True)),
        Trap(
            "Deleted their account, and the address is broken",
            "filtered: that comes before invalid, and its problems are not counted",
            each([gone | {"email": BROKEN[2]}], "email_syntax", filtered=True),
        ),
        Trap(
            "Exported twice, the address once in another case",
            "the earlier row is a duplicate of the later one",
            ((Twist(earlier), Twist()),) * 4 + ((Twist(louder), Twist()),) * 2,
        ),
        Trap("Unsubscribed in the app", "created opted out, on no list", each(cell("unsubscribed", "true", "true", "TRUE"), opted_out=True)),
        Trap(
            "Unsubscribed only in the row that loses",
            "the earlier row is a duplicate; the contact is created opted out",
            ((Twist(earlier | {"unsubscribed": "true"}, opted_out=True), Twist()),) * 2,
        ),
        Trap(
            "An opt-out nobody understands",
            "created opted out, with the warning consent_not_understood",
            each(cell("unsubscribed", "on request"), "", "consent_not_understood", opted_out=True),
        ),
        Trap(
            "Changed their address in the app; there under the old one, with their userId",
            "updated: the contact gets the new address, and nobody is there twice",
            each([{}] * 3, there=before("old."), outcome="updated"),
        ),
        Trap(
            "Came by a form before: there by address, without a userId",
            "updated, with the userId",
            each([{}] * 3, there=before(user_id="", fields={"firstName": "Friend"}), outcome="updated"),
        ),
        Trap(
            "Unsubscribed at Loops, and the app does not know",
            "updated, and stays unsubscribed and on no list",
            each([{"lists": "Newsletter"}] * 2, there=before(status="UNSUBSCRIBED"), outcome="updated"),
        ),
        Trap(
            "Left a list in the app",
            "updated: off that list, and on the other one still",
            each([{"lists": "Newsletter", "left_events": "true"}] * 2, there=before(tags=["Newsletter", "Events"]), outcome="updated"),
        ),
        Trap(
            "The address is there with somebody else's userId",
            "protected: identity conflict",
            each([{}], there=before(user_id="usr_900001"), outcome="protected")
            + each([{}], there=before(user_id="usr_900002"), outcome="protected"),
        ),
        Trap(
            "One user with two addresses in the file",
            "both protected: it is not clear which one is right",
            ((Twist(other, outcome="protected"), Twist(outcome="protected")),),
        ),
        Trap("No address", "invalid: key_blank", each(cell("email", ""), "key_blank")),
        Trap("A broken address", "invalid: email_syntax", each(cell("email", *BROKEN[3:6]), "email_syntax")),
        Trap("No userId", "invalid: required_blank", each(cell("user_id", ""), "required_blank")),
        Trap("A plan that is not in the mapping's table", "invalid: value_unknown", each(cell("plan", "lifetime", "trial"), "value_unknown")),
        Trap("A list that Loops does not have", "invalid: list_unknown", each(cell("lists", "Newsletter;Beta testers"), "list_unknown")),
        Trap("A birthday that does not exist", "invalid: date_syntax", each(cell("birthday", "1988-02-31"), "date_syntax")),
        Trap("Neither yes nor no", "invalid: boolean_unknown", each(cell("paying", "sometimes"), "boolean_unknown")),
        Trap("Seats in words", "invalid: integer_syntax", each(cell("seats", "a dozen"), "integer_syntax")),
        Trap("A country that does not exist", "invalid: country_unknown", each(cell("country", "ZZ"), "country_unknown")),
        Trap("Longer than Loops takes", "invalid: too_long", each(cell("company", "Ü" * 501), "too_long")),
        Trap("Two problems in one row", "one invalid row, both problems", each([{"plan": "n/a", "seats": "x"}], "value_unknown integer_syntax")),
        Trap("A misspelled mail provider", "created, with the warning email_typo_domain", each([typo("gmial.com")], "", "email_typo_domain")),
        Trap("A list by its id", "created, on that list", each(cell("lists", EVENTS_ID))),
        Trap("Spaces and capitals around the address", "created", each([lambda cells: {"email": f" {cells['email'].title()} "}] * 2)),
        Trap("Exactly as long as Loops takes", "created", each(cell("company", "Ü" * 500))),
        Trap("Emoji, quotes and formulas in names", "created, as the text they are", each(cell("first_name", "Zoë 🐦", 'Anna "Anni"', "=1+1"))),
    ]  # fmt: skip


def user_bytes(rows: Sequence[Row]) -> bytes:
    """Commas, LF, UTF-8; quotes only where they are needed."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(USERS)
    writer.writerows([row.cells[name] for name in USERS] for row in rows)
    return text.getvalue().encode()


SAMPLE = Sample(
    "app_users.csv", "app_users_to_loops.yml", 120, 501, "email",
    "What the database of an app exports: a user's own id beside the address, who unsubscribed and who left a list. Some of them are there before the sync.",
    LANDS, user_cells, user_traps, user_bytes,
)  # fmt: skip
