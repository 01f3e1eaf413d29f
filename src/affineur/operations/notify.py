"""Deliveries, seen and asked for again, and a test message."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated

import msgspec

from affineur.channels import table
from affineur.errors import Invalid
from affineur.model.messages import Delivery, DeliveryState, Message
from affineur.operations.context import Context
from affineur.operations.fields import WHOLE, number
from affineur.operations.operation import argument, option
from affineur.storage.catalog import alerts, outbox
from affineur.storage.catalog.database import Change

_KEPT = timedelta(days=90)


class NotifyList(msgspec.Struct, frozen=True):
    """List deliveries of messages, the latest first."""

    state: Annotated[str, option("Only waiting, delivered or dead ones.")] = ""
    limit: Annotated[int, number("How many at most.", 1, WHOLE)] = 100


class NotifyRetry(msgspec.Struct, frozen=True):
    """Have dead deliveries tried again."""

    ids: Annotated[tuple[str, ...], argument("The deliveries' ids, as listed; none: all that are dead.")] = ()


class NotifyTest(msgspec.Struct, frozen=True):
    """Send a test message."""

    to: Annotated[str, argument("Where to: mail:team@example.org, webhook:https://... and the like.")]


class NotifyTidy(msgspec.Struct, frozen=True):
    """Forget deliveries that ended, and alerts that were closed, more than 90 days ago."""


class DeliveryRow(msgspec.Struct, frozen=True):
    """A delivery as listed; `due` is when it is tried next."""

    id: str
    channel: str
    owner: str
    subject: str
    state: str
    attempts: int
    due: str
    problem: str


def _row(delivery: Delivery) -> DeliveryRow:
    return DeliveryRow(
        delivery.id, delivery.target.partition(":")[0], delivery.owner, delivery.message.subject, delivery.state.value,
        delivery.attempts, delivery.due_at.isoformat(timespec="seconds"), delivery.problem,
    )  # fmt: skip


async def list_deliveries(context: Context, request: NotifyList) -> list[DeliveryRow]:
    """Return deliveries.

    Raises:
        Invalid: there is no such state.
    """
    if request.state and request.state not in set(DeliveryState):
        raise Invalid(f"{request.state!r} is no state; there are {', '.join(DeliveryState)}")
    state = DeliveryState(request.state) if request.state else None
    return [_row(delivery) for delivery in await context.catalog.read(outbox.listed, state, request.limit)]


async def retry(context: Context, request: NotifyRetry) -> list[DeliveryRow]:
    """Have dead deliveries tried again.

    Raises:
        NotFound: an id is not that of a dead delivery.
    """
    return [_row(delivery) for delivery in await context.catalog.write(outbox.retry, request.ids)]


async def test(context: Context, request: NotifyTest) -> list[DeliveryRow]:
    """Put a test message into the outbox.

    Raises:
        Invalid: that is no address to send to.
    """
    target = table.checked(request.to)
    message = Message(
        "A test of affineur",
        f"{context.actor or 'Somebody'} had affineur send this test message.\n",
        data={"items": []},
    )
    made = await context.catalog.write(
        outbox.tell, [target], message, event=f"test {secrets.token_hex(8)}", owner=context.actor
    )
    found = [await context.catalog.read(outbox.find, identifier) for identifier in made]
    return [_row(delivery) for delivery in found if delivery is not None]


async def tidy(context: Context, request: NotifyTidy) -> None:
    """Forget old deliveries and alerts."""
    del request
    await context.catalog.write(_tidy)


def _tidy(change: Change) -> None:
    outbox.tidy(change, change.now - _KEPT)
    alerts.tidy(change, change.now - _KEPT)
