"""Corporate Merch on trial: what the conformance suite has to know of it."""

from __future__ import annotations

from connectors.sandbox.trial import Documented, Names, Trial

__all__ = ["TRIAL"]

TWO = "p2@example.com"
LANDED = ("created",)
WRONG_LIST = "The selected lists.0 is invalid."
THERE = {
    "first_name": "Ann", "last_name": "Lee", "type": "client", "address": "1 High Street", "city": "Boston",
    "state": "MA", "zip_code": "02108", "country": "US",
}  # fmt: skip

TRIAL = Trial(
    key="email",
    text="position",
    other="department",
    date="birthday",
    required="last_name",
    fields={tag: {"value": value} for tag, value in THERE.items() if tag != "last_name"},
    there=THERE,
    moves={},
    names=(
        Names("tags", shown=("vip", "crm"), numbers=("501", "502")),
        Names("lists", shown=("Employees", "Newsletter"), numbers=("11", "12"), shown_as="lists"),
    ),
    errors=(
        Documented("422-list", ("refused",), WRONG_LIST, cells={"Lists": "99"}, mapping={"lists": "Lists"}),
        Documented(
            "422-label", ("refused",), "The selected labels.0 is invalid.",
            cells={"Labels": "99"}, mapping={"tags": "Labels"},
        ),
        Documented(
            "422-territory", ("refused",), "The selected state is invalid.",
            cells={"State": "PR"}, others={"State": "MA"}, mapping={"fields": {"state": "State"}},
        ),
        Documented(
            "422-address", ("refused",), "The address could not be validated.",
            faults=(f"validation_error:email={TWO}",),
        ),
        Documented(
            "422-address-taken", ("refused",), "The email has already been taken.",
            switches={"duplicate_email": "refuse"}, act=lambda sandbox: sandbox.seed([{"email_address": TWO}]),
        ),
        Documented(
            "422-without-errors", ("refused",), WRONG_LIST,
            switches={"errors": "message_only"}, cells={"Lists": "99"}, mapping={"lists": "Lists"},
        ),
        Documented(
            "422-that-is-not-JSON", ("refused",), WRONG_LIST,
            switches={"errors": "plain"}, cells={"Lists": "99"}, mapping={"lists": "Lists"},
        ),
        Documented(
            "404-contact-removed", ("protected",), "removed", there={TWO: {}}, act=lambda sandbox: sandbox.delete(TWO)
        ),
        Documented("429-that-is-empty", LANDED, switches={"throttled": "empty"}, faults=("429:next=3",)),
        Documented("429-that-is-a-page", LANDED, switches={"throttled": "page"}, faults=("429:next=3",)),
    ),
)  # fmt: skip
