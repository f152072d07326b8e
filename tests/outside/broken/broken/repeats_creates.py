"""Corporate Merch, and a creation without a clear answer is simply sent again."""

from __future__ import annotations

from typing import Any

from connectors.answer import Answer
from connectors.destinations import corporate_merch
from connectors.http import Wire
from connectors.sandbox.corporate_merch import TRIAL, create

__all__ = ["TRIAL", "Connector", "create"]


class Stubborn(Wire):
    async def call(self, method: str, path: str, **more: Any) -> Answer:
        return await super().call(method, path, **{**more, "repeatable": True})


class Connector(corporate_merch.Connector):
    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._wire.__class__ = Stubborn
