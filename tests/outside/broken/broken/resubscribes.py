"""CampaignLark, and every update says that the person is subscribed."""

from __future__ import annotations

from typing import Any

from connectors.base import Decision, Known
from connectors.destinations import campaignlark
from connectors.sandbox.campaignlark import TRIAL, create
from mappings.engine.contact import Contact

__all__ = ["TRIAL", "Connector", "create"]


class Connector(campaignlark.Connector):
    def _change(self, contact: Contact, there: Known, decision: Decision, *, by_id: bool) -> Any:
        method, path, body = super()._change(contact, there, decision, by_id=by_id)
        return method, path, body if decision.opts_out else {**body, "status": "SUBSCRIBED"}
