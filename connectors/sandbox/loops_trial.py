"""Loops on trial: what the conformance suite has to know of it."""

from __future__ import annotations

from connectors.sandbox.trial import Documented, Names, Trial

__all__ = ["TRIAL"]

TWO = "p2@example.com"
LANDED = ("created", "updated", "upserted")
EVENTS = "cm0sandbox00000events000c"
UNSUBSCRIBED = {"consent": {"assumed": "they are asked later", "newcomers": "UNSUBSCRIBED"}}
THROTTLED = ("429:next=3",)

TRIAL = Trial(
    key="email",
    text="firstName",
    other="city",
    number="score",
    date="birthday",
    mailed="SUBSCRIBED",
    opted_out=("UNSUBSCRIBED",),
    moves={"userId": "Id"},
    names=(
        Names(
            "lists",
            shown=("Newsletter", "Events"),
            names=("Newsletter", "Events"),
            numbers=("cm0sandbox00newsletter00a", EVENTS),
        ),
    ),
    errors=(
        Documented(
            "409-somebody-came", ("updated",), mapping=UNSUBSCRIBED,
            after="find.*p2", act=lambda sandbox: sandbox.seed([{"email_address": TWO}]),
        ),
        Documented(
            "409-somebody-came-who-is-only-created", ("filtered",), mapping={"write": "create_only"},
            after="find.*p2", act=lambda sandbox: sandbox.seed([{"email_address": TWO}]),
        ),
        Documented(
            "400-list-removed", ("refused",), f"Mailing list '{EVENTS}' not found.",
            cells={"Lists": "Events"}, mapping={"lists": "Lists"}, act=lambda sandbox: sandbox.workspace.lists.pop(EVENTS),
        ),
        Documented(
            "400-userid-not-found", ("protected",), "removed",
            mapping={"key": "userId", "fields": {"userId": "Id"}}, there={TWO: {"userId": "2"}},
            after="find.*userId=2", act=lambda sandbox: sandbox.delete(TWO),
        ),
        Documented("400-longer-than-500", ("invalid",), "500", cells={"City": "x" * 501}),
        Documented("429-that-is-empty", LANDED, switches={"rate_body": "empty"}, faults=THROTTLED),
        Documented("429-that-is-not-JSON", LANDED, switches={"rate_body": "text"}, faults=THROTTLED),
    ),
)  # fmt: skip
"""Left out is what no run can come to: 404 (only delete says it), 405, an address that is none."""
