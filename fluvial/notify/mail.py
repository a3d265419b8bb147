"""Mail: notices by SMTP, encrypted unless told otherwise."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import Literal, NamedTuple

import structlog

from fluvial.notify.notice import CALLS, Kind, Notice, NotSent

logger = structlog.get_logger()

PATIENCE = 10.0
"""Seconds that a server may take for an answer."""

Security = Literal["starttls", "tls", "none"]


class Server(NamedTuple):
    """Where mail is handed in: encrypted from the start (``tls``), after a greeting, or not at all."""

    host: str
    port: int
    security: Security = "starttls"
    user: str = ""
    password: str = ""
    ca_file: str | None = None


class Mail:
    """Tells by mail from ``sender`` to ``receivers``."""

    name = "mail"
    kinds: tuple[Kind, ...] = (*CALLS, "test")

    def __init__(self, server: Server, sender: str, receivers: tuple[str, ...]) -> None:
        self._server, self._sender, self._receivers = server, sender, receivers

    def send(self, notice: Notice) -> None:
        """Return when the server has taken the mail for somebody at least. Raises NotSent."""
        try:
            with self._opened() as smtp:
                if self._server.security == "starttls":
                    smtp.starttls(context=self._context())
                if self._server.user:
                    smtp.login(self._server.user, self._server.password)
                refused = smtp.send_message(self.written(notice))
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise NotSent(f"mail by {self._server.host}:{self._server.port}: {error}") from None
        if refused:  # the others have it: a second try would tell them twice
            logger.warning("mail refused", receivers=sorted(refused))

    def _opened(self) -> smtplib.SMTP:
        host, port = self._server.host, self._server.port
        if self._server.security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=self._context())
        return smtplib.SMTP(host, port, timeout=PATIENCE)

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._server.ca_file)

    def written(self, notice: Notice) -> EmailMessage:
        """The mail; those of one incident form a thread."""
        body, mail = notice.body, EmailMessage()
        mail["From"], mail["To"] = self._sender, ", ".join(self._receivers)
        mail["Subject"] = " ".join(str(body["title"]).split())[:200]
        mail["Date"] = format_datetime(localtime())
        mail["Message-ID"] = f"<{notice.id}@fluvial>"
        mail["References"] = f"<{notice.subject}@fluvial>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content("\n\n".join(filter(None, (body["text"], body["link"]))) + "\n")
        return mail
