"""A sign of life: as long as somebody maps a shard, a few letters beside it change. Whoever waits for the shard needs no clock but its own."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["EVERY", "given", "sign_of"]

EVERY = 5.0
"""Seconds from one to the next."""


def sign_of(folder: Path, number: int) -> Path:
    """The file in which it stands."""
    return folder / f"{number:05d}.sign"


@contextlib.contextmanager
def given(show: Callable[[str], None], every: float = EVERY) -> Iterator[None]:
    """While the block lasts, `show` is called with another text again and again, at once for the first time.

    What it raises is of no matter: a place that is away for a moment is there again for the next one.
    """
    over = threading.Event()
    mine = secrets.token_hex(4)

    def tell() -> None:
        for number in itertools.count(1):
            with contextlib.suppress(Exception):
                show(f"{mine} {number}")
            if over.wait(every):
                return

    teller = threading.Thread(target=tell, name="sign of life", daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
