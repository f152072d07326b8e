"""The places that a storm goes over: each destination's mapping, kept so simple that the story can work out what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["PLACES", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """`fields` are the columns by the merge tags that the sandbox shows them under, `tags` the names that a file may hold.

    `tags_apart`: they take a write of their own for a contact that is there. `tags_for_all`: also people who opted out get them.
    `without` are faults that are none there: what they say is a refusal for good, or cannot occur.
    """

    kind: str
    mapping: Mapping[str, Any]
    fields: Mapping[str, str]
    tags: Sequence[str]
    shown_tags: Mapping[str, str] = field(default_factory=dict)
    mails_people: bool = True
    tags_apart: bool = False
    tags_for_all: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)
    without: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        return {
            "name": "storm",
            "source": {"kind": "csv_file"},
            "destination": {"kind": self.kind},
            **(
                {"consent": {"opted_out": {"from": "Out", "when": "yes"}}}
                if self.mails_people
                else {"ignore": ["Out"]}
            ),
            **self.mapping,
        }


PLACES = {
    place.kind: place
    for place in (
        Place(
            "campaignlark",
            {
                "key": "email_address",
                "fields": {
                    "email_address": {"from": "Email", "type": "email"}, "first_name": "First", "city": "City",
                    "score": {"from": "Score", "type": "integer"},
                },
                "tags": {"from": "Tags", "split": ";"},
            },
            {"First": "first_name", "City": "city", "Score": "score"},
            ("newsletter", "vip", "crm", "partner", "webinar"),
            tags_apart=True,
            settings={"busy_refuses_contacts": "yes"},
        ),
        Place(
            "loops",
            {
                "key": "email",
                "fields": {
                    "email": {"from": "Email", "type": "email"}, "firstName": "First", "city": "City",
                    "score": {"from": "Score", "type": "integer"},
                },
                "lists": {"from": "Tags", "split": ";"},
            },
            {"First": "firstName", "City": "city", "Score": "score"},
            ("Newsletter", "Product news", "Events"),
            tags_for_all=False,
            without=("validation_error",),
        ),
        Place(
            "corporate_merch",
            {
                "key": "email",
                "fields": {
                    "email": {"from": "Email", "type": "email"}, "first_name": "First", "last_name": {"value": "Lee"},
                    "country": {"value": "US"}, "address": {"value": "1 Main St"}, "city": {"value": "Boston"},
                    "state": {"value": "MA"}, "zip_code": {"value": "02108"}, "type": {"value": "client"},
                    "company_name": "City", "department": {"from": "Score", "type": "integer"},
                },
                "tags": {"from": "Tags", "split": ";"},
            },
            {"First": "first_name", "City": "company_name", "Score": "department"},
            ("501", "502", "503"),
            shown_tags={"vip": "501", "crm": "502", "remote": "503"},
            mails_people=False,
            without=("validation_error",),
        ),
    )
}  # fmt: skip
