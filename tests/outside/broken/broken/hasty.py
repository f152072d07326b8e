"""Loops, and nobody waits for a turn."""

from __future__ import annotations

from typing import Any

from connectors.destinations import loops
from connectors.sandbox.loops import TRIAL, create

__all__ = ["TRIAL", "Connector", "create"]


class Nobody:
    async def turn(self, *, soon: bool = False) -> None: ...
    def left(self, turn: None) -> None: ...
    def slow_down(self, seconds: float | None) -> None: ...
    def told(self, per_second: float, left: int) -> None: ...
    def went_well(self) -> None: ...


class Connector(loops.Connector):
    def __init__(self, *, turns: Any, **given: Any) -> None:
        super().__init__(turns=Nobody(), **given)
