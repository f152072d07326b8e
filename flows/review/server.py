"""The review page's server: on 127.0.0.1, for one run, until the page says so, Ctrl-C, or an hour without a request."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any

import jinja2
from aiohttp import web

from connectors.errors import CannotStart, MusterError
from flows.depot import folder_of
from flows.options import Options
from flows.retry import Retry
from flows.review.check import Check
from flows.review.door import Door
from flows.review.rows import MOST, ReviewRow, Rows
from flows.review.sending import Carry, Sending, planned, reviewed
from mappings.engine.complaints import visible

__all__ = ["Review"]

AT_ONCE = 50
"""So many rows of a group go to the page at a time."""
IDLE_SECONDS = 3600.0
_LOOK_SECONDS = 1.0
_BODY_BYTES = 8 << 20


class WrongRequestError(Exception):
    """A request of the page that cannot be answered: what and why, in a sentence."""


class Review:
    """Rows under review and the requests about them. `stop` is set when it is over."""

    def __init__(self, retry: Retry, rows: Rows, check: Check, options: Options, carry: Carry) -> None:
        self.door = Door()
        self.stop = asyncio.Event()
        self.sending: Sending | None = None
        self._retry, self._rows, self._check = retry, rows, check
        self._options, self._carry = options, carry
        self._folder = folder_of(retry.follows)
        self._asked_at = time.monotonic()
        self._mapping = retry.mapping.read_bytes()
        self._style = "".join(
            files(room).joinpath(name).read_text("utf-8")
            for room, name in (("flows.report", "page.css"), ("flows.review", "review.css"))
        )
        self._script = files("flows.review").joinpath("page.js").read_text("utf-8")

    def application(self) -> web.Application:
        """What is served."""
        door = self.door

        @web.middleware
        async def guarded(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            try:
                response = await door(request, handler)
            except web.HTTPException as error:
                return web.Response(status=error.status, text=f"{error.reason}\n")
            except WrongRequestError as error:
                return web.json_response({"error": str(error), "fix": ""}, status=400)
            except MusterError as error:
                return web.json_response(
                    {"error": visible(error.what), "fix": visible(error.fix)}, status=409
                )
            if response.status < 400:
                self._asked_at = time.monotonic()
            return response

        served = web.Application(middlewares=[guarded], client_max_size=_BODY_BYTES)
        served.on_response_prepare.append(door.close)
        served.router.add_get("/", self._page, allow_head=False)
        served.router.add_get("/page.js", self._file(self._script, "text/javascript"), allow_head=False)
        served.router.add_get("/page.css", self._file(self._style, "text/css"), allow_head=False)
        served.router.add_get("/report", self._report, allow_head=False)
        served.router.add_get("/state", self._state, allow_head=False)
        served.router.add_get("/rows", self._some_rows, allow_head=False)
        served.router.add_get("/progress", self._progress, allow_head=False)
        for path, does in (
            ("/edit", self._edit), ("/group", self._group), ("/plan", self._plan), ("/send", self._send),
            ("/answer", self._answer), ("/end", self._end),
        ):  # fmt: skip
            served.router.add_post(path, does)
        return served

    async def serve(self, port: int, listening: Callable[[str], None]) -> None:
        """Serves until `stop` is set or nobody has asked for an hour; `listening` gets the address. Raises CannotStart."""
        runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, "127.0.0.1", port).start()
            except (OSError, OverflowError) as error:
                reason = str(getattr(error, "strerror", None) or error).rstrip(".")
                raise CannotStart(
                    f"The page cannot be served on 127.0.0.1:{port}: {reason}.",
                    "Choose another port with --port, or leave it out for a free one.",
                ) from None
            self.door.port = int(runner.addresses[0][1])
            listening(self.door.address)
            while not self.stop.is_set():
                busy = self.sending is not None and self.sending.running
                if not busy and time.monotonic() - self._asked_at > IDLE_SECONDS:
                    break
                try:
                    await asyncio.wait_for(self.stop.wait(), _LOOK_SECONDS)
                except TimeoutError:
                    continue
        finally:
            if self.sending is not None:
                await self.sending.stop()
            await runner.cleanup()

    # what is shown

    async def _page(self, _: web.Request) -> web.Response:
        around = jinja2.Environment(
            loader=jinja2.PackageLoader("flows.review", "."),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )
        run = self._retry.follows
        text = around.get_template("page.html.j2").render(run=run.id, mapping=visible(run.mapping))
        return web.Response(text=text, content_type="text/html")

    def _file(self, text: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(text=text, content_type=kind)

        return answer

    async def _report(self, _: web.Request) -> web.Response:
        """The report of the run that was sent, under the policy that it brings along."""
        folder = self.sending.folder if self.sending is not None else None
        if folder is None:
            raise WrongRequestError("There is no report yet.")
        text = (folder / "report.html").read_text("utf-8")
        own = {"Content-Security-Policy": "frame-ancestors 'none'"}
        return web.Response(text=text, content_type="text/html", headers=own)

    async def _state(self, _: web.Request) -> web.Response:
        """The groups, the columns, and the lines to add to the mapping."""
        await self._refresh()
        rows = self._rows
        wrong = self._wrong(rows.kept())
        groups = [
            {
                "code": one.code,
                "column": one.column,
                "places": one.places,
                "rows": len(one.rows),
                "open": sum(bool(wrong.get(row)) for row in one.rows),
                "dropped": sum(rows[row].dropped for row in one.rows),
                "values": self._values(one.rows, one.places),
            }
            for one in rows.groups
        ]
        unseen = [
            {
                "field": one.field,
                "column": one.column,
                "value": one.value,
                "count": one.count,
                "line": one.line,
            }
            for one in self._check.unseen(self._folder)
        ]
        return web.json_response(
            {
                "header": rows.header,
                "rows": len(rows),
                "kept": len(rows.kept()),
                "edited": sum(one.edited for one in rows.kept()),
                "more": f"These are the first {MOST:,} rows; the others stay as they are."
                if rows.more
                else "",
                "groups": groups,
                "unseen": unseen,
            }
        )

    async def _some_rows(self, request: web.Request) -> web.Response:
        group = self._at(request.query.get("group", ""))
        start = _number(request.query.get("from", "0"))
        mine = [self._rows[row] for row in group.rows[start : start + AT_ONCE]]
        return web.json_response({"rows": self._told(mine), "of": len(group.rows)})

    def _told(self, rows: Sequence[ReviewRow]) -> list[dict[str, Any]]:
        """Rows as the page draws them."""
        found = self._check.problems(rows)
        return [
            {
                "row": one.row,
                "line": one.line,
                "key": visible(one.key),
                "outcome": one.outcome,
                "before": one.before,
                "cells": one.cells,
                "dropped": one.dropped,
                "said": [visible(trouble.message) for trouble in one.troubles],
                "problems": [
                    {
                        "code": problem.code,
                        "severity": problem.severity,
                        "places": self._rows.places(problem.column),
                        "message": visible(problem.message),
                        "fix": visible(problem.fix),
                    }
                    for problem in found.get(one.row, ())
                ],
                "misread": one.misread,
            }
            for one in rows
        ]

    def _wrong(self, rows: Sequence[ReviewRow]) -> dict[int, bool]:
        found = self._check.problems(rows)
        return {
            one.row: one.misread or any(problem.severity == "error" for problem in found[one.row])
            for one in rows
        }

    def _values(self, rows: Sequence[int], places: Sequence[int]) -> list[dict[str, Any]]:
        """What stands in a group's first column, the commonest first: what a whole group may be replaced by value."""
        if not places:
            return []
        counts: dict[str, int] = {}
        for row in rows:
            cell = self._rows[row].cells[places[0]]
            counts[cell] = counts.get(cell, 0) + 1
        most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:AT_ONCE]
        return [{"value": value, "count": count} for value, count in most]

    async def _refresh(self) -> None:
        """The mapping may have been edited meanwhile: it is the current one that counts."""
        text = self._retry.mapping.read_bytes() if self._retry.mapping.exists() else b""
        if text != self._mapping:
            self._check = await Check.opened(self._retry)
            self._mapping = text

    # what is changed

    async def _edit(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        row, place, text = body.get("row"), body.get("place"), body.get("text")
        if (
            type(row) is not int
            or row not in self._rows
            or type(place) is not int
            or not 0 <= place < len(self._rows.header)
        ):
            raise WrongRequestError("There is no such cell.")
        if not isinstance(text, str) or not _is_text(text):
            raise WrongRequestError("A cell is a text.")
        one = self._rows[row]
        one.cells[place] = text
        return web.json_response(self._told([one])[0])

    async def _group(self, request: web.Request) -> web.Response:
        body = await self._body(request)
        group, how = self._at(body.get("group")), body.get("how")
        if how in ("drop", "take"):
            return web.json_response({"changed": self._rows.drop(group.rows, dropped=how == "drop")})
        rows = [body["row"]] if body.get("row") in group.rows else []
        if how in ("drop_row", "take_row") and rows:
            return web.json_response({"changed": self._rows.drop(rows, dropped=how == "drop_row")})
        place, value, by = body.get("place"), body.get("value"), body.get("by")
        if (
            how not in ("replace", "fill")
            or type(place) is not int
            or place not in range(len(self._rows.header))
        ):
            raise WrongRequestError("There is no such fix.")
        value = "" if how == "fill" else value
        if not isinstance(value, str) or not isinstance(by, str) or not _is_text(by):
            raise WrongRequestError("A value is a text.")
        kept = [row for row in group.rows if not self._rows[row].dropped]
        return web.json_response({"changed": self._rows.replace(kept, place, value, by)})

    # sending

    async def _plan(self, request: web.Request) -> web.Response:
        await self._body(request)
        plan = await planned(reviewed(self._retry, self._rows.kept()), self._options)
        return web.json_response(
            {
                "rows": plan.source.rows_read,
                "about": list(plan.about),
                "outcomes": {name: count for name, count in plan.outcomes.model_dump().items() if count},
                "changes": {visible(name): count for name, count in plan.changes.items()},
                "guards": [
                    f"{one.name}: {one.count:,} {one.says}"
                    for one in plan.guards
                    if one.tripped and not one.allowed
                ],
                "permissions": [one.says for one in plan.permissions if not one.by],
                "automations": dict(plan.automations),
                "exit_code": plan.exit_code,
            }
        )

    async def _send(self, request: web.Request) -> web.Response:
        await self._body(request)
        retry = reviewed(self._retry, self._rows.kept())
        self.sending = Sending()
        self.sending.start(retry, self._carry)
        return web.json_response({"rows": retry.repair.rows})

    async def _progress(self, _: web.Request) -> web.Response:
        return web.json_response(self.sending.shown() if self.sending is not None else None)

    async def _answer(self, request: web.Request) -> web.Response:
        body = await _json(request)
        number, text = body.get("number"), body.get("text")
        if self.sending is None or not isinstance(text, str) or not self.sending.answer(number or 0, text):
            raise WrongRequestError("Nothing is asked now.")
        return web.json_response({})

    async def _end(self, request: web.Request) -> web.Response:
        await _json(request)
        if self.sending is not None and self.sending.running:
            raise WrongRequestError(
                "The rows are being sent. Wait for the end, or press Ctrl-C where muster review was started."
            )
        asyncio.get_running_loop().call_later(0.2, self.stop.set)  # the answer goes first
        return web.json_response({})

    # what the page says

    async def _body(self, request: web.Request) -> dict[str, Any]:
        """Of a request that changes or sends rows: not while they are sent, nor after."""
        body = await _json(request)
        if self.sending is not None and (self.sending.running or self.sending.ended):
            raise WrongRequestError(
                "These rows are sent. What is left of them is reviewed as the run that sent them."
            )
        return body

    def _at(self, given: object) -> Any:
        number = _number(str(given))
        if number >= len(self._rows.groups):
            raise WrongRequestError("There is no such group.")
        return self._rows.groups[number]


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise WrongRequestError("That is no JSON.") from None
    if not isinstance(body, dict):
        raise WrongRequestError("That is no JSON object.")
    return body


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise WrongRequestError("That is no number.")
    return int(text)


def _is_text(text: str) -> bool:
    """Whether it can be kept: half of a surrogate pair cannot."""
    return not any("\ud800" <= char <= "\udfff" for char in text) and "\0" not in text
