"""Addresses that let whoever got a message act on it without logging in: signed, so that none can be guessed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Literal

import msgspec

from affineur.errors import NotFound

NAME = "links"
"""The name of the key that signs them."""
_SIGNATURE = 16
"""Bytes of the signature that stand in an address."""
Act = Literal["acknowledge", "mute", "stop"]


class Link(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What an address is for."""

    act: Act
    owner: str
    target: str = ""
    """For `stop`: where nothing is sent any more."""
    project: str = ""
    kind: str = ""
    cause: str = ""


def signed(key: bytes, link: Link) -> str:
    """Return the last part of a link's address."""
    body = msgspec.json.encode(link)
    return base64.urlsafe_b64encode(_signature(key, body) + body).decode().rstrip("=")


def read(key: bytes, text: str) -> Link:
    """Return what an address is for.

    Raises:
        NotFound: this server did not sign it.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
        if hmac.compare_digest(signature, _signature(key, body)):
            return msgspec.json.decode(body, type=Link)
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        pass
    raise NotFound("this address was not made by this server, or was cut; copy the whole of it")


def _signature(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:_SIGNATURE]
