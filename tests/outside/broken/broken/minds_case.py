"""Corporate Merch, and an address there is known only as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connectors.base import Known
from connectors.destinations import corporate_merch
from connectors.sandbox.corporate_merch import TRIAL, create

__all__ = ["TRIAL", "Connector", "create"]


class Connector(corporate_merch.Connector):
    def _known(self, raw: Mapping[str, Any], seen: float) -> Known:
        return replace(super()._known(raw, seen), key=str(raw["email"]))
