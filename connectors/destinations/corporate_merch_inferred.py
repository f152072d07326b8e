"""What no page of Corporate Merch says and a client has to know all the same: names and the verb of an update.

The update page's copies have lost the names of parameters, and show neither verb nor path. The names here come from
public code that creates contacts; four are on no page that was read. This is the one place that says them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["ALSO_SEEN", "Inferred"]

ALSO_SEEN = {
    "employment_status": ("current_employment_status",),
    "client_since": ("client_since_date",),
    "classification": ("contact_classification",),
    "address_forced": ("address_force_accepted",),
}
"""Other names that the page's words would fit."""
_ONLY_NEW = "unit"
_BOTH_ENDPOINTS = "address2"


@dataclass(frozen=True, slots=True)
class Inferred:
    """The verb of an update, the names of four fields, what a new contact's second line is called, and how many a page holds.

    Each can be set in the answers file of the account, by the name that it has here (`per_page` as `over_limit`).

    >>> Inferred().name("address2", creating=True), Inferred().name("address2", creating=False)
    ('unit', 'address2')
    """

    update: str = "PUT"
    employment_status: str = "employment_status"
    client_since: str = "client_since"
    classification: str = "classification"
    address_forced: str = "address_forced"
    second_line: str = _ONLY_NEW
    per_page: int = 50

    @classmethod
    def known(cls, answers: Mapping[str, str]) -> Inferred:
        """With what is known beyond the documentation (see connectors.probing) in place of what is inferred.

        >>> Inferred.known({"update": "patch", "second_line": "both", "over_limit": "allow"})  # doctest: +ELLIPSIS
        Inferred(update='PATCH', ..., second_line='unit', per_page=100)
        """
        given: dict[str, Any] = {name: answers[name] for name in ALSO_SEEN if name in answers}
        if "update" in answers:
            given["update"] = answers["update"].upper()
        if answers.get("second_line") == _BOTH_ENDPOINTS:
            given["second_line"] = _BOTH_ENDPOINTS
        return cls(**given, per_page=100 if answers.get("over_limit") == "allow" else 50)

    def name(self, tag: str, *, creating: bool) -> str:
        """What the API calls a merge tag."""
        if tag == "address2":
            return self.second_line if creating else tag
        return str(getattr(self, tag)) if tag in ALSO_SEEN else tag

    def tag(self, name: str) -> str:
        """The merge tag that the API calls so, whichever name it has."""
        if name in (self.second_line, _ONLY_NEW):
            return "address2"
        return next((tag for tag in ALSO_SEEN if getattr(self, tag) == name), name)

    def learned(self, shown: Collection[str]) -> Inferred:
        """The same with the names under which a contact is shown, where those are others.

        >>> Inferred().learned(["id", "contact_classification"]).classification
        'contact_classification'
        """
        found: dict[str, Any] = {
            tag: other
            for tag, others in ALSO_SEEN.items()
            for other in others
            if getattr(self, tag) not in shown and other in shown
        }
        return replace(self, **found) if found else self
