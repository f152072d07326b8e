"""Who may come in: a browser on this machine that was given the address with its token, and no page of anybody else.

The token is good once; what it is exchanged for is a cookie that scripts cannot read and that other sites' requests do not carry.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from aiohttp import web

__all__ = ["Door"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Door:
    """Stands before every request. `port` is known when the server listens."""

    def __init__(self) -> None:
        self.port = 0
        self.token = secrets.token_urlsafe(32)
        self._spent = False
        self._secret = secrets.token_urlsafe(32)

    @property
    def address(self) -> str:
        """The page's address with its token."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    async def __call__(self, request: web.Request, go_on: _Next) -> web.StreamResponse:
        """An aiohttp middleware: 403 or 405 without a byte of the request's body read."""
        host = f"127.0.0.1:{self.port}"
        if request.headers.getall("Host", []) != [host]:
            return _refused("This page answers to its own address only.")
        origins = request.headers.getall("Origin", [])
        if origins not in ([], [f"http://{host}"]) or (request.method == "POST" and not origins):
            return _refused("This page takes no requests from other pages.")
        if (
            request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
            and request.method != "GET"
        ):
            return _refused("This page takes no requests from other pages.")
        if request.method not in ("GET", "POST"):
            return web.Response(status=405, text="Only GET and POST.\n")
        if request.path == "/" and "token" in request.query:
            return self._let_in(request)
        if not _same(request.cookies.get(self._cookie, ""), self._secret):
            return _refused("Open the address that muster review has printed; it is good once.")
        if request.method == "POST" and request.content_type != "application/json":
            return _refused("Only JSON is taken.")
        return await go_on(request)

    async def close(self, _: web.Request, response: web.StreamResponse) -> None:
        """What every answer says about itself: kept nowhere, shown in no other page."""
        for name, text in _HEADERS.items():
            response.headers[name] = text
        response.headers.setdefault("Content-Security-Policy", POLICY)

    def _let_in(self, request: web.Request) -> web.StreamResponse:
        if self._spent or request.method != "GET" or not _same(request.query["token"], self.token):
            return _refused(
                "This address was used before, or is not that of this page. Start muster review again."
            )
        self._spent = True
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(self._cookie, self._secret, httponly=True, samesite="Strict", path="/")
        return response

    @property
    def _cookie(self) -> str:
        # cookies are shared by the ports of a machine
        return f"muster-review-{self.port}"


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(), wanted.encode())


def _refused(why: str) -> web.Response:
    return web.Response(status=403, text=why + "\n")
