"""The outbox: messages kept with the change that caused them, until they are delivered.

`tell` is called inside the change; what is told is on disk with it or not at all. Whoever delivers
claims rows for a lease, so that what a killed process left undone is done again: every message is
delivered at least once, and under one id however often it is told.
"""

from __future__ import annotations

import hashlib
import random
import uuid
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

import msgspec
import sqlalchemy as sa

from affineur.errors import NotFound
from affineur.model.messages import Delivery, DeliveryState, Message
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import deliveries
from affineur.storage.catalog.upsert import insert

LEASE = timedelta(seconds=60)
"""How long one attempt may take before somebody else tries."""
MOST_ATTEMPTS = 60
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=15)
_JITTER = 0.2
_LONGEST_PROBLEM = 500
_AT_ONCE = 500


def delivery_id(event: str, target: str, owner: str = "") -> str:
    """Return the id under which an event is told to a recipient: 128 bits, the same each time."""
    return hashlib.sha256(f"{event}\0{target}\0{owner}".encode()).hexdigest()[:32]


def tell(change: Change, recipients: Iterable[str], message: Message, *, event: str, owner: str = "") -> list[str]:
    """Have a message delivered once the change is committed; return the ids of the deliveries it made.

    `recipients` are targets such as `mail:team@example.org` or `webhook:https://...`. `event` names
    what is told: the same event is told to the same recipient once, whatever the message. `owner` is
    the user on whose behalf it is sent; webhooks are signed with the secret of that user.
    """
    found = {delivery_id(event, target, owner): target for target in recipients}
    document = msgspec.json.encode(message)
    moment = change.now.timestamp()
    made = []
    for identifier, target in found.items():
        row = {
            "id": identifier, "owner": owner, "target": target, "subject": message.subject, "document": document,
            "state": DeliveryState.WAITING.value, "added_at": moment, "due_at": moment, "attempts": 0, "lease": "",
            "problem": "",
        }  # fmt: skip
        statement = insert(change.connection, deliveries).values(row).on_conflict_do_nothing()
        if change.connection.execute(statement.returning(deliveries.c.id)).first() is not None:
            made.append(identifier)
    change.jobs += made
    return made


def due(connection: sa.Connection, now: datetime, busy: Collection[str] = ()) -> bool:
    """Whether there is a delivery to claim; those to `busy` targets are left for later."""
    query = sa.select(deliveries.c.id).where(_claimable(now), deliveries.c.target.not_in(busy)).limit(1)
    return connection.execute(query).first() is not None


def claim(change: Change, limit: int, each: int, busy: Collection[str] = ()) -> list[Delivery]:
    """Take deliveries that are due, or whose lease ended: at most `limit`, and `each` for one target.

    Those to `busy` targets are left for later, so that one slow receiver does not keep the others waiting.
    """
    rows = change.connection.execute(
        sa.select(deliveries)
        .where(_claimable(change.now), deliveries.c.target.not_in(busy))
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    lease, until, taken = uuid.uuid4().hex, (change.now + LEASE).timestamp(), Counter[str]()
    chosen = []
    for row in rows:
        taken[row.target] += 1
        if taken[row.target] <= each:
            chosen.append(row.id)
    if not chosen:
        return []
    change.connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.id.in_(chosen))
        .values(lease=lease, due_at=until, attempts=deliveries.c.attempts + 1)
    )
    query = sa.select(deliveries).where(deliveries.c.lease == lease).order_by(deliveries.c.added_at, deliveries.c.id)
    return [_delivery(row) for row in change.connection.execute(query)]


def _claimable(now: datetime) -> sa.ColumnElement[bool]:
    """Rows that are due; a time further away than any pause was written before the clock was set back."""
    furthest = now + _LONGEST_PAUSE * (1 + _JITTER)
    return sa.and_(
        deliveries.c.state == DeliveryState.WAITING.value,
        sa.or_(deliveries.c.due_at <= now.timestamp(), deliveries.c.due_at > furthest.timestamp()),
    )


def delivered(change: Change, delivery: Delivery) -> bool:
    """Note that a message arrived; False when the lease was lost, and somebody else may send it again."""
    return _settle(change, delivery, state=DeliveryState.DELIVERED.value, ended_at=change.now.timestamp(), problem="")


def failed(change: Change, delivery: Delivery, problem: str, *, final: bool = False) -> DeliveryState | None:
    """Note that an attempt failed; tried again after a pause that doubles, until attempts run out.

    Return how the delivery stands now, or None when the lease was lost.
    """
    problem = problem[:_LONGEST_PROBLEM]
    if final or delivery.attempts >= MOST_ATTEMPTS:
        state, values = DeliveryState.DEAD, {"ended_at": change.now.timestamp()}
    else:
        state, values = DeliveryState.WAITING, {"due_at": (change.now + pause(delivery.attempts)).timestamp()}
    kept = _settle(change, delivery, state=state.value, problem=problem, **values)
    return state if kept else None


def pause(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: doubling, bounded, and not the same for all."""
    usual = min(_FIRST_PAUSE * (1 << min(attempts - 1, 30)), _LONGEST_PAUSE)
    return usual * (1 + _JITTER * random.uniform(-1, 1))  # noqa: S311 - nobody gains by guessing it


def _settle(change: Change, delivery: Delivery, **values: object) -> bool:
    result = change.connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.id == delivery.id, deliveries.c.lease == delivery.lease)
        .values(lease="", **values)
    )
    return bool(result.rowcount)


def retry(change: Change, identifiers: Collection[str]) -> list[Delivery]:
    """Have dead deliveries tried again from the start; all of them where no id is given.

    Raises:
        NotFound: an id is not that of a dead delivery; nothing is changed.
    """
    query = sa.select(deliveries.c.id).where(deliveries.c.state == DeliveryState.DEAD.value)
    dead = set(change.connection.execute(query).scalars())
    if strange := sorted(set(identifiers) - dead):
        raise NotFound(f"{strange[0]}: no dead delivery of this id; see affineur notify list --state dead")
    again = sorted(set(identifiers) or dead)
    for start in range(0, len(again), _AT_ONCE):
        part = again[start : start + _AT_ONCE]
        change.connection.execute(
            sa.update(deliveries)
            .where(deliveries.c.id.in_(part))
            .values(state=DeliveryState.WAITING.value, attempts=0, due_at=change.now.timestamp(), ended_at=None)
        )
    change.jobs += again
    found = (find(change.connection, identifier) for identifier in again)
    return [delivery for delivery in found if delivery is not None]


def tidy(change: Change, before: datetime) -> int:
    """Forget the deliveries that ended before a moment; return how many."""
    return change.connection.execute(sa.delete(deliveries).where(deliveries.c.ended_at < before.timestamp())).rowcount


def find(connection: sa.Connection, identifier: str) -> Delivery | None:
    """Return a delivery, or None."""
    row = connection.execute(sa.select(deliveries).where(deliveries.c.id == identifier)).first()
    return _delivery(row) if row else None


def listed(connection: sa.Connection, state: DeliveryState | None = None, limit: int = 100) -> list[Delivery]:
    """Return deliveries, the latest first."""
    query = sa.select(deliveries).order_by(deliveries.c.added_at.desc(), deliveries.c.id).limit(limit)
    if state is not None:
        query = query.where(deliveries.c.state == state.value)
    return [_delivery(row) for row in connection.execute(query)]


def counts(connection: sa.Connection) -> dict[DeliveryState, int]:
    """Return how many deliveries there are in each state."""
    rows = connection.execute(sa.select(deliveries.c.state, sa.func.count()).group_by(deliveries.c.state))
    return {DeliveryState(state): count for state, count in rows}


def _delivery(row: sa.Row) -> Delivery:  # type: ignore[type-arg]
    return Delivery(
        row.id, row.owner, row.target, msgspec.json.decode(row.document, type=Message), DeliveryState(row.state),
        datetime.fromtimestamp(row.added_at, UTC), datetime.fromtimestamp(row.due_at, UTC), row.attempts, row.lease,
        row.problem, datetime.fromtimestamp(row.ended_at, UTC) if row.ended_at is not None else None,
    )  # fmt: skip
