"""Webhooks: signed as Standard Webhooks asks for, so that receivers verify them with ready-made libraries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from affineur.channels.channel import Parcel, checked_address
from affineur.channels.reach import Reach
from affineur.channels.settings import Network
from affineur.errors import Invalid, NotDelivered

_GONE = 410
KEY_PREFIX = "whsec_"


def checked(address: str) -> str:
    """Return the address of a webhook.

    Raises:
        Invalid: it is no http or https address, or holds credentials.
    """
    wanted = "an address such as webhook:https://hooks.example.org/team"
    address = checked_address(address, wanted)
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError as error:
        raise Invalid(f"{address[:80]!r}: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid(f"{address[:80]!r}: {wanted} is wanted")
    if not parts.netloc.isascii() or "%" in parts.netloc:
        raise Invalid(f"{address[:80]!r}: the host's name in ASCII is wanted (xn--...)")
    if "@" in parts.netloc:
        raise Invalid("a webhook's address must not hold credentials: the signature says who sends")
    return address


def signature(key: bytes, identifier: str, timestamp: int, body: bytes) -> str:
    """Return the signature over a delivery's id, its time (Unix seconds) and its body."""
    signed = b".".join((identifier.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def spelt(key: bytes) -> str:
    """Return a key as its owner is shown it."""
    return KEY_PREFIX + base64.b64encode(key).decode()


class Webhook:
    """Posts messages as JSON."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self.reach = Reach(tuple(networks))

    async def send(self, parcel: Parcel) -> None:
        """Post a message; the receiver took it when it answers 2xx. Redirects are not followed.

        Raises:
            NotDelivered: it did not; for good where it says 410 Gone.
        """
        host = urlsplit(parcel.address).hostname or ""
        body = msgspec.json.encode(_document(parcel))
        from affineur.channels.posting import post

        try:
            status, beginning = await post(parcel.address, body, _headers(parcel, body), self.reach)
        except (OSError, ValueError) as error:
            raise NotDelivered(f"{host}: {str(error) or type(error).__name__}") from error
        said = beginning.decode("utf-8", "replace")
        if not 200 <= status < 300:
            raise NotDelivered(f"{host} answered {status} {' '.join(said.split())[:200]}", final=status == _GONE)


def _document(parcel: Parcel) -> dict[str, Any]:
    message = parcel.message
    told = {"subject": message.subject, "text": message.text, "urgent": message.urgent}
    return {"id": parcel.id, **told, **message.data}


def _headers(parcel: Parcel, body: bytes) -> dict[str, str]:
    moment = int(time.time())
    headers = {
        "Content-Type": "application/json", "User-Agent": "affineur", "webhook-id": parcel.id,
        "webhook-timestamp": str(moment), "Accept-Encoding": "identity",
    }  # fmt: skip
    if parcel.key:
        headers["webhook-signature"] = signature(parcel.key, parcel.id, moment, body)
    return headers
