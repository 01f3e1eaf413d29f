"""The courier: claims what waits in the outbox and sends it, beside the jobs of a worker."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import structlog

from affineur.channels import table
from affineur.channels.channel import Channel, Parcel
from affineur.channels.mail import MailServer
from affineur.channels.settings import networks_of
from affineur.config import Config
from affineur.errors import AffineurError, NotDelivered, StorageUnavailable
from affineur.model.messages import Delivery, DeliveryState
from affineur.operations.bell import Bell
from affineur.storage.catalog import outbox, signing_keys
from affineur.storage.catalog.database import Catalog

_log = structlog.get_logger("affineur.courier")
_LOOK_EVERY = 1.0
"""Seconds between looks for messages that nobody woke this courier for: those of other processes, and retries."""
_AT_ONCE = 20
_EACH = 4
"""How many messages are on their way to one target at a time."""
_LONGEST = outbox.LEASE.total_seconds() * 0.75


def channels_of(config: Config) -> dict[str, Channel]:
    """Return the channels as they are configured."""
    server = MailServer(
        config.smtp_host, config.smtp_from, config.smtp_port, config.smtp_security, config.smtp_user,
        config.smtp_password, config.smtp_ca,
    )  # fmt: skip
    return table.opened(server, networks_of(config.webhook_networks))


class Courier:
    """Sends in this process until told to stop. Any number of them share one catalog."""

    def __init__(self, catalog: Catalog, channels: Mapping[str, Channel]) -> None:
        self.catalog, self.channels = catalog, channels
        self._bell = Bell()
        self._busy: Counter[str] = Counter()
        self._sending: set[asyncio.Task[None]] = set()
        catalog.on_jobs(self.wake)

    def wake(self, identifiers: Sequence[str] = ()) -> None:
        """Look for messages now; called from any thread. Rows are read, not ids."""
        del identifiers
        self._bell.ring()

    async def run(self) -> None:
        """Send until cancelled. What is cut off then is sent again when its lease ends."""
        try:
            with self._bell.listened_to():
                while True:
                    self._bell.hush()
                    with contextlib.suppress(StorageUnavailable):
                        while await self._begin():
                            pass
                    await self._bell.heard(_LOOK_EVERY)
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)

    async def _begin(self) -> bool:
        """Begin to send what is due; False where nothing is, or enough is on its way."""
        free = _AT_ONCE - len(self._sending)
        full = [target for target, number in self._busy.items() if number >= _EACH]
        if free <= 0 or not await self.catalog.read(outbox.due, datetime.now(UTC), full):
            return False
        claimed = await self.catalog.write(outbox.claim, free, _EACH, full)
        for delivery in claimed:
            self._busy[delivery.target] += 1
            task = asyncio.create_task(self._send(delivery), name=f"delivery {delivery.id}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return bool(claimed)

    async def _send(self, delivery: Delivery) -> None:
        try:
            await self._attempt(delivery)
        except StorageUnavailable as error:
            _log.warning(
                "delivery not settled; it is sent again when its lease ends", id=delivery.id, problem=error.sentence
            )
        finally:
            self._busy[delivery.target] -= 1
            if not self._busy[delivery.target]:
                del self._busy[delivery.target]
            self._bell.ring()

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            async with asyncio.timeout(_LONGEST):
                await send(self.catalog, self.channels, delivery)
        except NotDelivered as error:
            await self._failed(delivery, error.sentence, final=error.final)
        except TimeoutError:
            await self._failed(delivery, f"no answer within {_LONGEST:g} seconds")
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a channel does, the message must be tried again
            sentence = error.sentence if isinstance(error, AffineurError) else f"{type(error).__name__}: {error}"
            await self._failed(delivery, sentence)
        else:
            await self.catalog.write(outbox.delivered, delivery)

    async def _failed(self, delivery: Delivery, problem: str, *, final: bool = False) -> None:
        state = await self.catalog.write(outbox.failed, delivery, problem, final=final)
        told = _log.error if state is DeliveryState.DEAD else _log.warning
        scheme = delivery.target.partition(":")[0]
        told(
            "not delivered", id=delivery.id, channel=scheme, attempt=delivery.attempts, problem=problem,
            state=str(state),
        )  # fmt: skip


async def send(catalog: Catalog, channels: Mapping[str, Channel], delivery: Delivery) -> None:
    """Send a delivery once.

    Raises:
        NotDelivered: it was not taken.
    """
    scheme, _, address = delivery.target.partition(":")
    if scheme not in channels:
        raise NotDelivered(f"{scheme}: there is no such channel", final=True)
    key = await catalog.read(signing_keys.webhook_secret, delivery.owner, delivery.target)
    await channels[scheme].send(Parcel(delivery.id, address, delivery.message, key or b""))
