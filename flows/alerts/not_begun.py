"""A sync that could not start before there was a run: its mapping, its settings or its inbox cannot be read."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from flows.alerts.of_run import occasion_without_run
from flows.alerts.telling import tell

__all__ = ["tell_not_begun", "told_where_not_begun"]


async def tell_not_begun(mapping: str, error: Exception, say: Callable[[str], None]) -> None:
    """Tells whom the mapping names, or named at its last run. It never raises."""
    try:
        occasion = occasion_without_run(mapping, error)
    except Exception as wrong:  # noqa: BLE001 - an alert never changes how a sync ends
        say(f"notify    what went wrong could not be told: {type(wrong).__name__}.")
        return
    if occasion is not None:
        await tell(occasion, say)


@contextlib.asynccontextmanager
async def told_where_not_begun(mapping: str, say: Callable[[str], None]) -> AsyncIterator[None]:
    """What is raised in it is told, and goes on. Not to be put around a run, which tells of itself."""
    try:
        yield
    except Exception as error:
        await tell_not_begun(mapping, error, say)
        raise
