"""Receivers of notices in this process: an HTTP server and a mail server, as real as their sockets."""

from __future__ import annotations

import base64
import json
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, cast


class Posted(NamedTuple):
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class HttpReceiver(ThreadingHTTPServer):
    """Answers each POST with the next of ``answers``, the last of them for ever; None hangs up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[int | None] = [200]
        self.posted: list[Posted] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast(HttpReceiver, self.server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.posted.append(Posted(self.path, dict(self.headers), body))
        answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer)
        if answer in (301, 302, 307):
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name is given
        pass


class MailReceiver(socketserver.ThreadingTCPServer):
    """Speaks SMTP well enough to take mail: STARTTLS, AUTH PLAIN and LOGIN, one mail at a time."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self, context: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.context, self.login = context, login
        self.mails: list[EmailMessage] = []
        self.receivers: list[list[str]] = []
        self.refused: tuple[str, ...] = ()
        self.busy = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Who hangs up in the middle is no news."""

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])


class _Session(socketserver.StreamRequestHandler):
    encrypted = False

    def handle(self) -> None:
        self.shown: list[str] = []
        self.to: list[str] = []
        self._say("220 ready")
        while line := self.rfile.readline().decode().strip():
            if not self._answer(line):
                return

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def _answer(self, line: str) -> bool:
        server, verb = cast(MailReceiver, self.server), line.split(maxsplit=1)[0].upper()
        match verb:
            case "EHLO":
                self._say(
                    "250-here\r\n250-AUTH PLAIN"
                    + ("" if self.encrypted or not server.context else "\r\n250-STARTTLS")
                    + "\r\n250 8BITMIME"
                )
            case "STARTTLS" if server.context:
                self._say("220 go")
                self.connection = server.context.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = (
                    self.connection.makefile("rb"),
                    cast(Any, self.connection.makefile("wb", 0)),
                )
                self.encrypted = True
            case "AUTH":
                shown = tuple(base64.b64decode(line.split()[2]).decode().split("\0")[1:])
                self._say("235 come in" if shown == server.login else "535 no")
            case "MAIL" if server.busy > 0:
                server.busy -= 1
                self._say("451 later")
            case "RCPT":
                known = not any(one in line for one in server.refused)
                self.to += [line] if known else []
                self._say("250 ok" if known else "550 nobody")
            case "DATA":
                self._take(server)
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("250 ok")
        return True

    def _take(self, server: MailReceiver) -> None:
        self._say("354 go")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        server.mails.append(cast(EmailMessage, message_from_bytes(b"".join(lines), policy=policy.default)))
        server.receivers.append(self.to)
        self._say("250 taken")


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    """The server in a thread, until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of localhost that vouches for itself, and a server's context with it."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout {key} -out {cert}"
    subprocess.run(["openssl", *words.split()], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context
