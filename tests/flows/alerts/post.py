"""Receivers of alerts: a web server that answers as it is told, and a mail server."""

from __future__ import annotations

import contextlib
import email
import email.policy
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

__all__ = ["Mailbox", "Receiving", "mailbox", "receiving"]


class Receiving:
    """What came to a web server, by path. A path such as /500 is the answer; /hang does not answer as long as it runs."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.over = threading.Event()

    def at(self, path: str) -> list[dict[str, Any]]:
        return [body for where, body, _ in self.got if where == path]


@contextlib.contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiving]:
    box = Receiving()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["content-length"])).decode()
            path = self.path.partition("?")[0]
            box.got.append((path, json.loads(text), dict(self.headers)))
            if path == "/hang":
                box.over.wait(30)
                return
            status = int(path[1:4]) if path[1:4].isdigit() else 200
            self.send_response(status)
            if status == 302:
                self.send_header("location", "/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None: ...

    with Server(("127.0.0.1", 0), Answers) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        box.url = f"{'http' if context is None else 'https'}://localhost:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield box
        finally:
            box.over.set()
            server.shutdown()
            thread.join()


class Mailbox:
    """The mails that came."""

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[tuple[list[str], EmailMessage]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append((envelope.rcpt_tos, mail))
        return "250 OK"

    @staticmethod
    def text(mail: EmailMessage) -> str:
        body = mail.get_body(("plain", "html"))
        assert body is not None
        return str(body.get_content())


@contextlib.contextmanager
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        box.port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
