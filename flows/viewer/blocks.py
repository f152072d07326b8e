"""Keys from Prefect's Secret blocks, for workers whose environment has none.

The block of `CAMPAIGNLARK_EMEA_API_KEY` is called `campaignlark-emea-api-key`. The environment and `.env` come first. A key is
lent to this worker's own environment for the length of a flow, and is never a parameter.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Iterable

from prefect.blocks.system import Secret

from flows.settings import Settings

__all__ = ["block_name", "lent"]


def block_name(setting: str) -> str:
    """The block that stands for a setting.

    >>> block_name("CAMPAIGNLARK_EMEA_API_KEY")
    'campaignlark-emea-api-key'
    """
    return setting.lower().replace("_", "-")


@contextlib.asynccontextmanager
async def lent(settings: Settings, names: Iterable[str]) -> AsyncIterator[None]:
    """While it lasts, the settings that nobody has set are those of their blocks, where there are such."""
    taken = []
    for name in names:
        if settings.get(name):
            continue
        with contextlib.suppress(
            Exception
        ):  # no such block, or nobody to ask: the run says which setting it lacks
            block: Secret[str] = await Secret.aload(block_name(name), validate=False)
            os.environ[name] = str(block.get())
            taken.append(name)
    try:
        yield
    finally:
        for name in taken:
            os.environ.pop(name, None)
