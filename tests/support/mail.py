"""Mail servers on loopback: aiosmtpd in this process, and blackhole as its users run it."""

import contextlib
import email
import email.policy
import getpass
import socket
import ssl
import subprocess
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.support.clients import client
from tests.support.server import free_port


class Inbox:
    """Keeps the mail that it is handed; refuses recipients whose address begins with `nobody`."""

    def __init__(self):
        self.mails, self.recipients, self.encrypted = [], [], []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 no such user"
        if address.startswith("later"):
            return "450 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.recipients.append(envelope.rcpt_tos)
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 OK"


def _admits(server, session, envelope, mechanism, data):
    return AuthResult(handled=False, success=(data.login, data.password) == (b"affineur", b"secret"))


@contextlib.contextmanager
def smtp(security, certificate, *, login=False):
    """A mail server of aiosmtpd; yields its inbox and its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    options = {"plain": {}, "starttls": {"tls_context": context, "require_starttls": True}, "tls": {}}[security]
    if login:
        options |= {"authenticator": _admits, "auth_required": True, "auth_require_tls": security == "starttls"}
    inbox = Inbox()
    controller = Controller(
        inbox, hostname="127.0.0.1", port=free_port(), ssl_context=context if security == "tls" else None, **options
    )
    controller.start()
    try:
        yield inbox, controller.port
    finally:
        controller.stop()


@contextlib.contextmanager
def blackhole(folder, certificate, mode="accept"):
    """The mail server `blackhole`; yields its ports in the clear and over TLS."""
    plain, secured = free_port(), free_port()
    settings = folder / "blackhole.conf"
    settings.write_text(
        f"listen = 127.0.0.1:{plain}\ntls_listen = 127.0.0.1:{secured}\nmode = {mode}\n"
        f"tls_cert = {certificate[0]}\ntls_key = {certificate[1]}\npidfile = {folder}/blackhole.pid\n"
        f"user = {getpass.getuser()}\ngroup = {getpass.getuser()}\n"
    )
    with (folder / "blackhole.log").open("wb") as log:
        process = subprocess.Popen(
            [client("blackhole") / "blackhole", "-q", "-c", settings], stdout=log, stderr=log, cwd=folder
        )
    try:
        _await(plain, process, folder / "blackhole.log")
        yield plain, secured
    finally:
        process.terminate()
        process.wait(20)


def _await(port, process, log):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"blackhole does not listen:\n{log.read_text()}")
