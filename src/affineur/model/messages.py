"""Messages to people and to their programs, and where they go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class Message:
    """What is told. Text from packages stands in it as it is: whoever writes HTML has escaped it there."""

    subject: str
    """One line."""
    text: str
    html: str = ""
    """A whole HTML page; empty: channels that could show one show the text."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The same for programs, JSON values only."""
    urgent: bool = False
    stop: str = ""
    """The address at which the recipient ends such messages; empty: there is none."""


class DeliveryState(StrEnum):
    """How a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Tried as often as may be, or refused for good; a person can have it tried again."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way to one recipient."""

    id: str
    """Derived from what is told and to whom, so that the same is never sent under two ids."""
    owner: str
    """The user for whom it is sent; "" where nobody asked for it."""
    target: str
    """The channel and the address in it: `mail:team@example.org`."""
    message: Message
    state: DeliveryState
    added_at: datetime
    due_at: datetime
    """When it is tried next; while it is tried, when whoever tries it counts as gone."""
    attempts: int
    lease: str = ""
    problem: str = ""
    ended_at: datetime | None = None
