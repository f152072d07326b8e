"""The search of contacts: its filters, its order, its pages, and what it remembers between two writes.

Source: the pages that connectors.sandbox.campaignlark names; where they are silent, a switch of it decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connectors.sandbox.campaignlark_call import INFERRED, ApiError, Call, at, pages, whole
from connectors.sandbox.campaignlark_people import People, Person
from connectors.sandbox.campaignlark_workspace import EMAIL, STATUSES

__all__ = ["SearchEndpoint"]

CACHED_SEARCHES = 16


class SearchEndpoint(People):
    """Finds contacts. The pages of one search are cut from one list, which is kept until a write could change it.

    Raises ApiError.
    """

    _found: dict[str, tuple[int, list[Person]]]

    @at("POST /v1/contacts/search", writes=False)
    def _search(self, call: Call) -> tuple[int, Any]:
        page, limit = whole(call.body, "page", 1, 1, 10**9), whole(call.body, "limit", 50, 10, 250)
        sort_by, order = call.body.get("sort_by", "created_at"), call.body.get("sort_order", "asc")
        if sort_by not in ("created_at", "updated_at"):
            raise ApiError(400, INFERRED["search"].format(name="sort_by"))
        if order not in ("asc", "desc"):
            raise ApiError(400, INFERRED["search"].format(name="sort_order"))
        found = self._matching(call.body, sort_by)
        total, start = len(found), (page - 1) * limit
        if order == "desc":
            taken = found[max(0, total - start - limit) : max(0, total - start)][::-1]
        else:
            taken = found[start : start + limit]
        pagination = pages(page, limit, total, old=self._switches["search_pagination"] == "old")
        return 200, {"contacts": [self._shown_in_search(one) for one in taken], "pagination": pagination}

    def _matching(self, body: Mapping[str, Any], sort_by: str) -> list[Person]:
        """Everybody the filters leave, in ascending order; kept until a write could change it."""
        status, tags, fields = body.get("status"), body.get("tags") or [], body.get("fields") or []
        if status and status not in (
            *STATUSES,
            *(["BOUNCED"] if self._switches["status_words"] == "new" else []),
        ):
            raise ApiError(400, "The status you provided is not valid.")
        if not isinstance(tags, list) or not isinstance(fields, list):
            raise ApiError(
                400, INFERRED["search"].format(name="fields" if isinstance(tags, list) else "tags")
            )
        if not (status or tags or fields) and self._switches["search_without_filter"] == "nobody":
            return []
        status = "CLEANED" if status == "BOUNCED" else status
        tests = [self._test(one) for one in fields]
        slow = bool(tags or tests or sort_by == "updated_at")
        version = self._writes if slow else self._membership
        key = json.dumps([status, tags, fields, sort_by])
        known = self._found.get(key)
        if known is not None and known[0] == version:
            return known[1]
        found = [
            one
            for one in self._candidates(fields)
            if (not status or one.status == status)
            and all(tag in one.tags for tag in tags)
            and all(test(one.data) for test in tests)
        ]
        if sort_by == "updated_at":
            found.sort(key=lambda one: one.touched)
        while len(self._found) >= CACHED_SEARCHES:
            del self._found[next(iter(self._found))]
        self._found[key] = (version, found)
        return found

    def _candidates(self, fields: list[Any]) -> Iterable[Person]:
        if len(fields) == 1 and not self._twins:
            only = fields[0]
            if only.get("merge_tag") == EMAIL and only.get("operator") == "EQUALS":
                person = self._find(str(only.get("value")))
                return [] if person is None else [person]
        return self.people.values()

    def _test(self, given: Any) -> Callable[[Mapping[str, Any]], bool]:
        given = given if isinstance(given, dict) else {}
        name = str(given.get("merge_tag"))
        if name not in self.workspace.fields:
            raise ApiError(400, f"We were unable to find a field with the merge_tag {name}")
        operate = OPERATORS.get(str(given.get("operator")))
        if operate is None:
            raise ApiError(400, INFERRED["search"].format(name="operator"))
        text = self._key if name == EMAIL else str
        wanted = text(str(given.get("value", "")))
        return lambda data: operate(None if (value := data.get(name)) is None else text(str(value)), wanted)

    def _shown_in_search(self, person: Person) -> dict[str, Any]:
        shown = self._shown(person, opened=True)
        if self._switches["status_words"] == "new" and person.status == "CLEANED":
            shown["status"] = "BOUNCED"
        if self._switches["contact_shape"] == "fields":
            del shown["statistics"]
            shown = {("fields" if name == "data" else name): value for name, value in shown.items()} | {
                "score": 0
            }
        return shown


OPERATORS: dict[str, Callable[[str | None, str], bool]] = {
    "EQUALS": lambda value, wanted: value == wanted,
    "NOT_EQUALS": lambda value, wanted: value != wanted,
    "CONTAINS": lambda value, wanted: value is not None and wanted in value,
    "NOT_CONTAINS": lambda value, wanted: value is None or wanted not in value,
    "EXISTS": lambda value, _: value is not None,
    "GREATER_THAN": lambda value, wanted: value is not None and _ordered(value) > _ordered(wanted),
    "LESS_THAN": lambda value, wanted: value is not None and _ordered(value) < _ordered(wanted),
}


def _ordered(value: str) -> tuple[int, float, str]:
    """Numbers by size and before texts, so that any two values have an order."""
    try:
        return (0, float(value), "")
    except ValueError:
        return (1, 0.0, value)
