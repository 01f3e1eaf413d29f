"""What is watched of a lock: what its document pins, or what somebody downloaded of late; and who may see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from affineur.errors import Forbidden, NotFound
from affineur.model.principals import Right
from affineur.operations.context import Context
from affineur.storage.catalog import locks, usage
from affineur.storage.catalog.locks import Named


def releases_of(connection: sa.Connection, lock: Named) -> list[tuple[str, str]]:
    """Return (project, version) of what a lock watches."""
    if lock.use_of:
        return sorted({(use.project, use.version) for _, use in used_by(connection, [lock])})
    return list(locks.pins(connection, lock.name))


def used_by(
    connection: sa.Connection,
    uses: Sequence[Named],
    projects: Sequence[str] | None = None,
    *,
    since: datetime | None = None,
) -> Iterator[tuple[str, usage.Used]]:
    """Yield what the users and tokens downloaded that some locks stand for, with the name of the lock.

    It goes back as far as each lock wants, with `since` no further than to that moment.
    """
    now = datetime.now(UTC)
    whose = {"user": set[str](), "token": set[str]()}
    for lock in uses:
        kind, _, name = lock.use_of.partition(":")
        whose[kind].add(name)
    first = since or now - timedelta(days=max(lock.use_days for lock in uses))
    by_whom: dict[str, list[usage.Used]] = {}
    for use in usage.used(connection, first, principals=whose["user"], tokens=whose["token"], projects=projects):
        for who in (f"user:{use.principal}", f"token:{use.token}"):
            by_whom.setdefault(who, []).append(use)
    for lock in uses:
        earliest = now - timedelta(days=lock.use_days)
        for use in by_whom.get(lock.use_of, ()):
            if use.last >= earliest and use.index == lock.index:
                yield lock.name, use


def administers(context: Context) -> bool:
    """Whether who asks may administer everything."""
    return context.principal.may(Right.ADMIN, "*")


def may_read(context: Context, index: str) -> bool:
    """Whether who asks may read an index, by the token that they ask with."""
    found = context.config.indexes.get(index)
    return (found is not None and bool(found.anonymous)) or context.principal.may(Right.READ, index)


async def readable(context: Context, name: str) -> Named:
    """Return a lock that who asks may see, of an index that they may read.

    Raises:
        NotFound: there is none of that name, or it is another's.
        Forbidden: the index is closed to them.
    """
    found = await owned(context, name)
    if not may_read(context, found.index):
        raise Forbidden(f"{name} is about {found.index}, which this token may not read")
    return found


async def owned(context: Context, name: str) -> Named:
    """Return a lock that who asks may see and change.

    Raises:
        NotFound: there is none of that name, or it is another's.
    """
    owner = None if administers(context) else context.actor
    found = (await context.catalog.read(locks.named, owner)).get(name)
    if found is None:
        raise NotFound(f"{name}: no such lock of yours; `affineur monitor list` names them")
    return found
