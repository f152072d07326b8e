"""After a run: whoever has to be told is told, and the metrics are written. None of it changes how the run ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flows.watching import Silent, Watcher

if TYPE_CHECKING:
    from flows.alerts.telling import Occasion
    from flows.sync_run import SyncRun

__all__ = ["Afterwards"]


class Afterwards:
    """What is left to do when a run has let go of its lock and its ledger. Made while it still has them; neither part raises."""

    def __init__(self, run: SyncRun, error: BaseException | None) -> None:
        self._occasion: Occasion | None = None
        self._metrics: tuple[Path, Path] | None = None
        self._say = _sayer(run.watcher)
        if run.options.verb != "sync" or run.options.rehearsal is not None:
            return
        from flows.alerts.of_run import occasion_of  # noqa: PLC0415 - it knows what a run is made of

        try:
            self._occasion = occasion_of(run, error)
            if run.is_open and run.options.alerts:
                self._metrics = Path(run.opened.mapping.file), run.opened.home
        except Exception as wrong:  # noqa: BLE001 - what is told of a run never changes it
            self._say(f"notify    what this run means could not be told: {type(wrong).__name__}.")

    async def told(self) -> None:
        if self._metrics is not None:
            from flows.metrics import written_after  # noqa: PLC0415 - as above

            written_after(*self._metrics, self._say)
        if self._occasion is not None:
            from flows.alerts.telling import tell  # noqa: PLC0415 - as above

            await tell(self._occasion, self._say)


def _sayer(watcher: Watcher) -> Callable[[str], None]:
    """To whoever watches; where nobody does, to the log."""
    return logging.getLogger("muster").warning if isinstance(watcher, Silent) else watcher.say
