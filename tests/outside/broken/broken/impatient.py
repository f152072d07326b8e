"""Loops, and being asked to slow down is a failed attempt like any other."""

from __future__ import annotations

from typing import Any

from connectors.answer import MEANINGS, Meaning
from connectors.destinations import loops
from connectors.sandbox.loops import TRIAL, create

__all__ = ["TRIAL", "Connector", "create"]


class Connector(loops.Connector):
    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._wire._meanings = {**MEANINGS, 429: Meaning.AGAIN}
