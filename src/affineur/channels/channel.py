"""What every channel can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from affineur.errors import Invalid
from affineur.model.messages import Message

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message with what sending it once takes."""

    id: str
    """The delivery's id: the same on every attempt, so that receivers can leave repetitions out."""
    address: str
    """Where to, without the scheme."""
    message: Message
    key: bytes = b""
    """What programs verify the message with; empty: the recipient has none."""


class Channel(Protocol):
    """A way to tell somebody something."""

    async def send(self, parcel: Parcel) -> None:
        """Send a message; when this returns, the next one on the way is answerable for it.

        Raises:
            NotDelivered: it was not taken.
        """
        ...


def checked_address(address: str, wanted: str) -> str:
    """Return an address without space around it, if it can stand in a header line.

    Raises:
        Invalid: it is empty, holds spaces or control characters, or is too long.
    """
    address = address.strip()
    if not address or len(address) > _LONGEST or not address.isprintable() or any(c.isspace() for c in address):
        raise Invalid(f"{address[:80]!r}: {wanted} is wanted")
    return address
