"""The channels by the scheme of the addresses they send to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from affineur.channels import chat, mail, webhook
from affineur.channels.channel import Channel
from affineur.channels.settings import Network
from affineur.errors import Invalid

CHECKS: Mapping[str, Callable[[str], str]] = {
    "mail": mail.checked,
    "webhook": webhook.checked,
    "apprise": chat.checked,
}
"""What checks the address after each scheme."""


def parted(target: str) -> tuple[str, str]:
    """Return the scheme and the address of a target.

    Raises:
        Invalid: there is no such channel.
    """
    scheme, colon, address = target.strip().partition(":")
    if not colon or scheme not in CHECKS:
        raise Invalid(f"{target[:80]!r}: one of {', '.join(f'{name}:ADDRESS' for name in CHECKS)} is wanted")
    return scheme, address


def checked(target: str) -> str:
    """Return a target in its one spelling.

    Raises:
        Invalid: the channel or the address is none.
    """
    scheme, address = parted(target)
    return f"{scheme}:{CHECKS[scheme](address)}"


def opened(server: mail.MailServer, networks: tuple[Network, ...]) -> dict[str, Channel]:
    """Return the channels, ready to send."""
    return {"mail": mail.Mail(server), "webhook": webhook.Webhook(networks), "apprise": chat.Chat()}
