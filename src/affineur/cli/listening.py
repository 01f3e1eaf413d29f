"""The port of a server, and what it proves itself with."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from affineur.config import Config
from affineur.errors import AffineurError, InvalidConfig


def listen(config: Config) -> socket.socket:
    """Return a socket bound to the configured port, which further processes may share.

    Raises:
        AffineurError: it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise AffineurError(f"{config.host}:{config.port} cannot be listened on: {error.strerror}") from error
    return listener


def tls(config: Config) -> ssl.SSLContext | None:
    """Return what new connections are encrypted with; None where they are not.

    Raises:
        InvalidConfig: the certificate or its key cannot be used.
    """
    if not config.tls_cert:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certify(context, config)
    return context


def certify(context: ssl.SSLContext, config: Config) -> None:
    """Have new connections use the certificate and key as they lie there now.

    Raises:
        InvalidConfig: they cannot be used.
    """
    for name, path in (("tls_cert", config.tls_cert), ("tls_key", config.tls_key)):
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise InvalidConfig(config.origin, [f"{name}: {path} cannot be read: {error.strerror}"]) from error
    try:
        context.load_cert_chain(config.tls_cert, config.tls_key)
    except ssl.SSLError as error:
        told = f"tls_cert, tls_key: a certificate chain and its key are wanted, both PEM: {error.reason or error}"
        raise InvalidConfig(config.origin, [told]) from error
