"""Addresses that let whoever got a message act on it without logging in: signed, so that none can be guessed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import replace
from typing import Literal

import msgspec

from affineur.errors import NotFound
from affineur.model.alerts import AlertKind, AlertState
from affineur.storage.catalog import alerts, locks, preferences, signing_keys
from affineur.storage.catalog.database import Catalog, Change

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
    return _spelt(_signature(key, body) + body)


def _spelt(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read(key: bytes, text: str) -> Link:
    """Return what an address is for.

    Raises:
        NotFound: this server did not sign it.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        signature, body = raw[:_SIGNATURE], raw[_SIGNATURE:]
        # One address for a link: bits that stand for nothing, and padding, are not taken in other spellings.
        if hmac.compare_digest(signature, _signature(key, body)) and _spelt(raw) == text:
            return msgspec.json.decode(body, type=Link)
    except (binascii.Error, msgspec.MsgspecError, ValueError):  # told below, with what this server did not sign
        pass
    raise NotFound("this address was not made by this server, or was cut; copy the whole of it")


def _signature(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:_SIGNATURE]


async def find(catalog: Catalog, text: str) -> Link:
    """Return what an address is for.

    Raises:
        NotFound: this server did not sign it.
    """
    key = await catalog.read(signing_keys.known_secret, NAME)
    return read(key or secrets.token_bytes(32), text)


def sentence_of(link: Link) -> str:
    """Tell what a link does, as a question."""
    if link.act == "stop":
        return f"Send no more news of {link.owner}'s locks to {link.target}?"
    about = f"{link.project} ({link.kind}{' ' + link.cause if link.cause else ''})"
    if link.act == "mute":
        return f"Tell nothing more of {about} in {link.owner}'s locks?"
    return f"Note that somebody takes care of {about} in {link.owner}'s locks?"


async def follow(catalog: Catalog, link: Link) -> str:
    """Do what a link is for; return what was done, in a sentence."""
    if link.act == "stop":
        await catalog.write(_stop, link)
        return f"News of {link.owner}'s locks are not sent to {link.target} any more."
    state = AlertState.MUTED if link.act == "mute" else AlertState.ACKNOWLEDGED
    number = await catalog.write(
        alerts.set_state, state, owner=link.owner, project=link.project, kind=AlertKind(link.kind), cause=link.cause
    )
    done = "muted" if link.act == "mute" else "acknowledged"
    if not number:
        return "This alert is closed already."
    return f"{number} {'alert is' if number == 1 else 'alerts are'} {done}."


def _stop(change: Change, link: Link) -> None:
    locks.stop_telling(change, link.owner, link.target)
    chosen = preferences.of(change.connection, [link.owner])[link.owner]
    if link.target in chosen.tell:
        left = tuple(target for target in chosen.tell if target != link.target)
        preferences.keep(change, replace(chosen, tell=left))
    alerts.drop_notices(change, link.owner, link.target)
