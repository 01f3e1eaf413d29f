"""Chats and everything else that Apprise knows: an extra, `affineur[chat]`."""

from __future__ import annotations

import importlib.util
import re

from affineur.channels.channel import Parcel, checked_address
from affineur.errors import Invalid, NotDelivered

_SCHEME = re.compile(r"[a-z][a-z0-9]*s?://\S", re.ASCII)


def checked(address: str) -> str:
    """Return an address of Apprise.

    Raises:
        Invalid: it is none, or the extra is not installed.
    """
    address = checked_address(address, "an address of Apprise such as apprise:slack://...")
    if not _SCHEME.match(address):
        raise Invalid(f"{address[:20]!r}: an address of Apprise such as apprise:slack://... is wanted")
    if importlib.util.find_spec("apprise") is None:
        raise Invalid("addresses of Apprise take the extra: install affineur[chat]")
    return address


class Chat:
    """Has Apprise send messages."""

    async def send(self, parcel: Parcel) -> None:
        """Send a message.

        Raises:
            NotDelivered: Apprise could not, or it is not installed.
        """
        try:
            import apprise
        except ImportError as error:
            raise NotDelivered("addresses of Apprise take the extra: install affineur[chat]") from error
        sender = apprise.Apprise()
        if not sender.add(parcel.address):
            raise NotDelivered("Apprise does not know this address", final=True)
        kind = apprise.NotifyType.WARNING if parcel.message.urgent else apprise.NotifyType.INFO
        text = apprise.NotifyFormat.TEXT  # what packages say of themselves is not to be read as Markdown or HTML
        sent = await sender.async_notify(
            body=parcel.message.text, title=parcel.message.subject, notify_type=kind, body_format=text
        )
        if not sent:
            raise NotDelivered("Apprise could not send it; the log says more")
