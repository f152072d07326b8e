"""Corporate Merch, and a creation without a clear answer counts as not applied, whatever the list shows."""

from __future__ import annotations

from typing import Any

from connectors.base import Known
from connectors.destinations import corporate_merch
from connectors.sandbox.corporate_merch import TRIAL, create

__all__ = ["TRIAL", "Connector", "create"]


class Connector(corporate_merch.Connector):
    async def _found(self, *_: Any) -> dict[str, list[Known]]:
        return {}
