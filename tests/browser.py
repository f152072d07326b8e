"""A real Chromium for tests of pages: Debian's package, driven by Playwright.

It lives in a thread of its own, because Playwright's synchronous interface leaves a running event loop in the thread that
started it, and other tests of the same process need theirs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

__all__ = ["Chromium"]

_Any = TypeVar("_Any")


class Chromium:
    """One browser. Skips the test where none is installed, and fails it there in CI."""

    def __init__(self) -> None:
        path = shutil.which("chromium")
        if path is None:
            said = "there is no chromium: apt-get install chromium"
            if os.environ.get("CI") == "true":
                pytest.fail(said)
            pytest.skip(said)
        self._thread = ThreadPoolExecutor(1, "chromium")
        self._thread.submit(self._start, path).result()

    def _start(self, path: str) -> None:
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])

    def look(self, see: Callable[[BrowserContext], _Any], **settings: Any) -> _Any:
        """What `see` returns of a window of its own, which is closed then; `settings` are those of a browser context."""

        def seen() -> _Any:
            window = self._browser.new_context(**settings)
            window.set_default_timeout(20_000)
            try:
                return see(window)
            finally:
                window.close()

        return self._thread.submit(seen).result()

    def close(self) -> None:
        def stop() -> None:
            self._browser.close()
            self._playwright.stop()

        self._thread.submit(stop).result()
        self._thread.shutdown()
