"""Loops, and a text is silently cut after a hundred characters."""

from __future__ import annotations

from typing import Any

from connectors.base import Decision
from connectors.destinations import loops
from connectors.sandbox.loops import TRIAL, create

__all__ = ["TRIAL", "Connector", "create"]


class Connector(loops.Connector):
    def _carried(self, decision: Decision, changes: dict[str, tuple[Any, Any]]) -> dict[str, Any]:
        body = super()._carried(decision, changes)
        return {name: value[:100] if isinstance(value, str) else value for name, value in body.items()}
