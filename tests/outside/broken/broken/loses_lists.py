"""Corporate Merch, and an update carries the row's labels and lists only, not those that the contact has."""

from __future__ import annotations

from typing import Any

from connectors.base import Decision, Known
from connectors.destinations import corporate_merch
from connectors.sandbox.corporate_merch import TRIAL, create
from mappings.engine.contact import Contact

__all__ = ["TRIAL", "Connector", "create"]


class Connector(corporate_merch.Connector):
    def _body(self, contact: Contact, there: Known | None, decision: Decision) -> Any:
        body = super()._body(contact, there, decision)
        return body | {"labels": [*map(int, decision.tags)], "lists": [*map(int, decision.lists)]}
