"""A run as a worker begins it: where its ledger is, that no new one is begun unasked, and what this flow run left undone before.

A worker may be any machine on which a folder is missing or mounted empty. A ledger that is begun there would know nobody,
and everybody would be sent again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from connectors.errors import CannotStart, LedgerError
from flows.key_like import looks_like_a_key
from flows.ledger import Run
from flows.ledger.opening import open_ledger, there_is_a_ledger
from flows.opening import load_mapping
from flows.resume import Resume
from flows.settings import Settings, find_mapping

__all__ = ["at_home", "home_of", "keys_of", "left_by", "refuse_keys", "refuse_to_ask", "resume_of"]


@contextlib.contextmanager
def at_home(home: str | None) -> Iterator[None]:
    """While it lasts, MUSTER_HOME is what the deployment says."""
    before = os.environ.get("MUSTER_HOME")
    if home:
        os.environ["MUSTER_HOME"] = str(Path(home).expanduser().absolute())
    try:
        yield
    finally:
        if home:
            os.environ.pop("MUSTER_HOME", None)
            if before is not None:
                os.environ["MUSTER_HOME"] = before


def home_of(mapping: str, *, new_ledger: bool) -> Path:
    """The folder of a mapping's ledger. Raises LedgerError where a new one would be begun and nobody asked for it."""
    path = find_mapping(mapping)
    home = Settings(path).home(path)
    if not new_ledger and not there_is_a_ledger(home, Settings(path).ledger_url()):
        raise LedgerError(
            f"There is no ledger in {home}, and a worker does not begin a new one unasked: everybody would be sent again.",
            "Set home (or MUSTER_HOME) to where it is. For a first run: muster schedule … --new-ledger, or new_ledger once.",
        )
    return home


def keys_of(mapping: str) -> tuple[str, ...]:
    """The settings with secrets that a run of this mapping needs."""
    destination = load_mapping(find_mapping(mapping)).destination
    kind = destination.kind.upper()
    prefix = kind if destination.account == "main" else f"{kind}_{destination.account.upper()}"
    return (f"{prefix}_API_KEY", "MUSTER_LEDGER_URL")


def refuse_keys(**parameters: str | None) -> None:
    """Raises CannotStart for a parameter that looks like a key; its text is not said."""
    for name, text in parameters.items():
        if text and looks_like_a_key(text):
            raise CannotStart(
                f"The parameter {name} looks like a key or holds a password, and Prefect shows parameters to everybody.",
                "Take it out, and change the key. Keys come from the environment or from Secret blocks.",
            )


def refuse_to_ask(mapping: str, source: str | None, on_guard: str) -> None:
    """Raises CannotStart where a question is wanted of a run that cannot be suspended: the files of an inbox are runs of their own."""
    if on_guard == "ask" and source is None and load_mapping(find_mapping(mapping)).source.inbox is not None:
        raise CannotStart(
            "on_guard: ask is not there for a mapping with an inbox, whose files are runs of their own.",
            "Say stop: a file that a guard stops stays, and muster sync MAPPING --allow GUARD lets it pass.",
        )


def left_by(home: Path, flow_run: str, url: str | None = None) -> Run | None:
    """The newest run that this flow run has begun, None where it has not; where it is retried, it goes on with that.

    `url` is the ledger's, as the mapping's settings say it; None where no mapping is known.
    """
    if not there_is_a_ledger(home, url):
        return None
    ledger = open_ledger(home, url)
    try:
        return ledger.runs.of_flow(flow_run)
    finally:
        ledger.close()


def resume_of(home: Path, run: Run | None, url: str | None = None) -> Resume | None:
    """What there is to go on with, None where the run is done, or nothing was sent."""
    if run is None or not run.unfinished:
        return None
    ledger = open_ledger(home, url)
    try:
        return Resume.of(run, home, ledger.runs.mapping_text(run.mapping_sha256))
    finally:
        ledger.close()
