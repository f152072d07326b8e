"""Sending: all receivers at once, none longer than ten seconds, and what went wrong in words that hold no address.

A web address that no service of Apprise's claims gets JSON (see flows.alerts.alert.as_json); everything else is Apprise's:
Slack and Teams also by the address that they give out, mail by mailto:// or mailtos://, and some hundred more.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from flows.alerts.alert import Alert, as_json, as_text, title
from flows.alerts.receivers import Receiver, setting

if TYPE_CHECKING:
    from apprise import NotifyBase

__all__ = ["PATIENCE", "send"]

PATIENCE = 10.0
"""Seconds that a receiver may take. It is not waited for any longer, whatever it does."""
_QUIET_SECONDS = 8.0
_STATUS = re.compile(r"error=(\d{3})\b")
_KINDS = {
    "completed": "success", "recovered": "success", "needs_review": "warning", "interrupted": "warning", "no_file": "warning", "test": "info",
}  # fmt: skip


async def send(told: Iterable[tuple[Receiver, Alert]]) -> dict[str, str]:
    """By receiver: '' where the message was taken, else why not, with what to do."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    waiting: dict[str, asyncio.Future[str]] = {}
    for receiver, alert in told:
        waiting[receiver.name] = answer = loop.create_future()
        # not of a pool: a pool's threads are waited for at the end, however long a receiver hangs
        threading.Thread(target=_send, args=(receiver, alert, loop, answer), daemon=True).start()
    if waiting:
        await asyncio.wait(waiting.values(), timeout=max(0.0, until - loop.time()))
    late = f"it did not answer within {PATIENCE:g} seconds."
    return {name: answer.result() if answer.done() else late for name, answer in waiting.items()}


def _send(
    receiver: Receiver, alert: Alert, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[str]
) -> None:
    _HEARD.sends = True
    try:
        said = receiver.wrong or _sent(receiver, alert)
    except Exception as error:  # noqa: BLE001 - whatever a service's code raises, and its words may hold the address
        said = f"{type(error).__name__}."

    def tell() -> None:
        if not answer.done():
            answer.set_result(said)

    try:
        loop.call_soon_threadsafe(tell)
    except RuntimeError:
        return  # nobody waits any more: the run is over


def _sent(receiver: Receiver, alert: Alert) -> str:
    service = _service(receiver.address)
    if service is not None:
        return _notified(service, alert)
    if urlsplit(receiver.address).scheme in ("http", "https"):
        return _posted(receiver.address, alert)
    return f"{setting(receiver.name)} is no address that is understood: https://…, mailto://…, slack://… or another one of Apprise's."


# Apprise


def _service(address: str) -> NotifyBase | None:
    """What Apprise has for an address; None where it knows none, which an ordinary web address is."""
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - a quarter of a second, only when something is told

    asset = AppriseAsset(app_id="muster", app_desc="muster", app_url="", async_mode=False)
    found = Apprise.instantiate(address, asset=asset, suppress_exceptions=True)
    return found if found is None or hasattr(found, "notify") else None


def _notified(service: NotifyBase, alert: Alert) -> str:
    from apprise import NotifyType  # noqa: PLC0415 - as above

    _HEARD.status = ""
    kind = NotifyType(_KINDS.get(alert.state, "failure"))
    if service.notify(body=as_text(alert), title=title(alert), notify_type=kind):
        return ""
    return (
        f"it answered {_HEARD.status}."
        if _HEARD.status
        else "it did not take the message, or nobody is there."
    )


class _Heard(threading.local):
    """In a thread that tells somebody: the last status of which Apprise spoke. Nothing else of its lines is kept."""

    sends = False
    status = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets no line pass: they name addresses."""
        if not self.sends:
            return True
        if found := _STATUS.search(record.getMessage()):
            self.status = found[1]
        return False


_HEARD = _Heard()
for _logger in ("apprise", "urllib3.connectionpool"):
    logging.getLogger(_logger).addFilter(_HEARD.filter)


# a web address


class _NoWay(urllib.request.HTTPRedirectHandler):
    """What is posted is not sent on to where an answer points."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _posted(address: str, alert: Alert) -> str:
    parts = urlsplit(address)
    headers = {"content-type": "application/json", "user-agent": "muster"}
    if parts.username is not None:
        who = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["authorization"] = "Basic " + base64.b64encode(who.encode()).decode()
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    body = json.dumps(as_json(alert), ensure_ascii=False).encode()
    request = urllib.request.Request(urlunsplit(parts), body, headers)  # noqa: S310 - http and https alone come here
    handlers: list[Any] = [_NoWay(), urllib.request.HTTPSHandler(context=_trusted())]
    if parts.hostname in ("127.0.0.1", "localhost", "::1"):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=_QUIET_SECONDS) as answer:
            return "" if answer.status < 300 else f"it answered {answer.status}."
    except urllib.error.HTTPError as error:
        with error:
            return f"it answered {error.code}."
    except OSError as error:
        return _why(getattr(error, "reason", error))


def _trusted() -> ssl.SSLContext:
    """The system's certificates, or SSL_CERT_FILE's, and those that every machine has."""
    import certifi  # noqa: PLC0415 - only when something is told

    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _why(reason: object) -> str:
    known = (
        (
            ssl.SSLCertVerificationError,
            "its certificate is not trusted; SSL_CERT_FILE names a file with your own.",
        ),
        (TimeoutError, f"it did not answer within {_QUIET_SECONDS:g} seconds."),
        (ConnectionRefusedError, "nobody listens there."),
        (socket.gaierror, "no such name is known."),
    )
    for kind, said in known:
        if isinstance(reason, kind):
            return said
    return f"the connection failed ({type(reason).__name__})."
