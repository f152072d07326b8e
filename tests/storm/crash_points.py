"""Crash points: where exactly an attempt kills itself, as a SIGKILL from outside would at that moment.

before_intent     the intents of a batch are about to be written
after_intent      they are durable, nothing is sent
before_send       a write is about to leave
after_send        a write has arrived and was applied, its answer is there and not read
after_answer      the answer was read, and is about to be written
in_commit         the answers are written, and not committed
after_commit      they are durable, and nobody was told
before_filing     all answers are there, and none of it is filed
in_filing         what was delivered is filed, its fingerprints are not
before_report     everything is filed, and the report not begun
in_report         half of the report's files are there
after_report      the report is written, and the ledger does not know of it

They are set from outside: nothing of muster knows of them.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from typing import Any

__all__ = ["POINTS", "install"]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _counting(nth: int) -> Callable[[], None]:
    """Kills when it is called for the nth time."""
    left = [nth]

    def reached() -> None:
        left[0] -= 1
        if left[0] == 0:
            _die()

    return reached


def _around(
    owner: Any,
    name: str,
    *,
    before: Callable[[], None] | None = None,
    after: Callable[[], None] | None = None,
) -> None:
    """Calls something before or after a function or method."""
    inner = getattr(owner, name)

    def wrapped(*given: Any, **named: Any) -> Any:
        if before is not None:
            before()
        result = inner(*given, **named)
        if after is not None:
            after()
        return result

    setattr(owner, name, wrapped)


def _answers(name: str, when: str) -> Callable[[Callable[[], None]], None]:
    def install_it(reached: Callable[[], None]) -> None:
        from flows.ledger import Answers

        _around(Answers, name, **{when: reached})

    return install_it


def _send(when: str) -> Callable[[Callable[[], None]], None]:
    def install_it(reached: Callable[[], None]) -> None:
        import aiohttp

        request = aiohttp.ClientSession._request

        async def requested(session: Any, method: str, url: Any, **given: Any) -> Any:
            writes = method != "GET" and not str(url).endswith("/search")
            if writes and when == "before":
                reached()
            response = await request(session, method, url, **given)
            if writes and when == "after":
                reached()
            return response

        aiohttp.ClientSession._request = requested  # type: ignore[method-assign, assignment]

    return install_it


def _in_commit(reached: Callable[[], None]) -> None:
    """The statement `commit` of the transaction that holds answers is about to be carried out."""
    from flows.ledger import Answers

    inner = Answers.answered

    def answered(answers: Any, *given: Any, **named: Any) -> None:
        connection: sqlite3.Connection = answers._database.connection
        connection.set_trace_callback(lambda sql: reached() if sql == "commit" else None)
        try:
            inner(answers, *given, **named)
        finally:
            connection.set_trace_callback(None)

    Answers.answered = answered  # type: ignore[method-assign]


def _before_filing(reached: Callable[[], None]) -> None:
    from flows.ledger import Memory

    _around(Memory, "settle", before=reached)


def _in_filing(reached: Callable[[], None]) -> None:
    from flows.ledger import Pages

    _around(Pages, "put", before=reached)


def _report(name: str, when: str) -> Callable[[Callable[[], None]], None]:
    def install_it(reached: Callable[[], None]) -> None:
        from flows import reporting

        _around(reporting, name, **{when: reached})

    return install_it


def _in_report(reached: Callable[[], None]) -> None:
    from flows.report import page

    _around(page, "render", before=reached)


POINTS: dict[str, Callable[[Callable[[], None]], None]] = {
    "before_intent": _answers("intend", "before"),
    "after_intent": _answers("intend", "after"),
    "before_send": _send("before"),
    "after_send": _send("after"),
    "after_answer": _answers("answered", "before"),
    "in_commit": _in_commit,
    "after_commit": _answers("answered", "after"),
    "before_filing": _before_filing,
    "in_filing": _in_filing,
    "before_report": _report("write_report", "before"),
    "in_report": _in_report,
    "after_report": _report("write_report", "after"),
}


def install(point: str, nth: int) -> None:
    """This process kills itself when the point is reached for the nth time."""
    POINTS[point](_counting(nth))
