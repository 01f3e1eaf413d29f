"""Mail, over SMTP: in the clear, with STARTTLS, or TLS from the first byte."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from affineur.channels.channel import Parcel, checked_address
from affineur.channels.settings import PORTS
from affineur.errors import Invalid, NotDelivered
from affineur.model.printable import printable

_FORM = SMTP.clone(max_line_length=998, cte_type="7bit")
"""Lines as long as RFC 5322 lets them be: a folded address in List-Unsubscribe would be encoded, and of no use."""
_TIMEOUT = 20.0
_AT_ONCE = 4
_PERMANENT = 500


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over, and as whom."""

    host: str
    sender: str
    port: int = 0
    """0: the usual one."""
    security: str = "starttls"
    user: str = ""
    password: str = ""
    ca: str = ""
    """A file of certificates (PEM) that the server's is verified with; empty: those of the system."""


def checked(address: str) -> str:
    """Return a mail address, bare.

    Raises:
        Invalid: it is none.
    """
    address = checked_address(address, "a mail address such as mail:team@example.org")
    name, at, domain = address.rpartition("@")
    if not (name and at and domain) or parseaddr(address)[1] != address or not address.isascii():
        raise Invalid(f"{address[:80]!r}: a mail address such as mail:team@example.org is wanted")
    return address


class Mail:
    """Hands messages to one mail server, each over a connection of its own."""

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self._threads = ThreadPoolExecutor(_AT_ONCE, "mail")

    async def send(self, parcel: Parcel) -> None:
        """Hand a message to the mail server.

        Raises:
            NotDelivered: there is no mail server, it does not answer, or it refuses.
        """
        if not self.server.host:
            raise NotDelivered("no mail server is configured: set smtp_host and smtp_from")
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._hand_over, parcel)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise NotDelivered(_said(code, said), final=code >= _PERMANENT) from error
        except smtplib.SMTPResponseException as error:
            raise NotDelivered(_said(error.smtp_code, error.smtp_error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(f"{self.server.host}: {error}") from error

    def _hand_over(self, parcel: Parcel) -> None:
        server, message = self.server, written(parcel, self.server.sender)
        port = server.port or PORTS[server.security]
        if server.security == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(server.host, port, timeout=_TIMEOUT, context=self._trust())
        else:
            connection = smtplib.SMTP(server.host, port, timeout=_TIMEOUT)
        with connection:
            if server.security == "starttls":
                connection.starttls(context=self._trust())
            if server.user:
                connection.login(server.user, server.password)
            connection.send_message(message, parseaddr(server.sender)[1], [parcel.address])

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.server.ca or None)


def written(parcel: Parcel, sender: str) -> EmailMessage:
    """Return a message as mail: text, HTML beside it, and a way to end such mail (RFC 8058)."""
    message, mail = parcel.message, EmailMessage(policy=_FORM)
    mail["From"], mail["To"] = sender, parcel.address
    mail["Subject"] = printable(message.subject)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{parcel.id}@{parseaddr(sender)[1].rpartition('@')[2] or 'localhost'}>"
    mail["Auto-Submitted"] = "auto-generated"
    if message.urgent:
        mail["Importance"] = "high"
    if message.stop:
        mail["List-Unsubscribe"] = f"<{message.stop}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    return mail


def _said(code: int, said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"the mail server said {code} {' '.join(text.split())}"
