"""Locks of projects, kept to be watched: the document as it was given, and what it pins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import sqlalchemy as sa

from affineur.errors import NotFound
from affineur.model.events import Event
from affineur.model.locks import LockKind
from affineur.model.names import ProjectName
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import lock_pins, locks


@dataclass(frozen=True, slots=True)
class KeptLock:
    """A lock as it stands in the catalog."""

    name: str
    owner: str
    index: str
    """The index that its project installs from."""
    kind: LockKind
    filename: str
    document: bytes
    tell: tuple[str, ...]
    """Where to tell news: `mail:ADDRESS`, `webhook:ADDRESS` and the like."""
    added_at: datetime
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True)
class Held:
    """A release that a lock pins."""

    lock: str
    owner: str
    project: str
    version: str


def keep(change: Change, lock: KeptLock, pins: Iterable[tuple[ProjectName, str]]) -> None:
    """Keep a lock under its name, in place of the one before; `added_at` stays that of the first."""
    before = change.connection.execute(sa.select(locks.c.added_at).where(locks.c.name == lock.name)).scalar()
    _drop(change.connection, lock.name)
    change.connection.execute(
        sa.insert(locks).values(
            name=lock.name, owner=lock.owner, index_name=lock.index, kind=lock.kind.value, filename=lock.filename,
            document=lock.document, tell=msgspec.json.encode(lock.tell).decode(),
            added_at=lock.added_at.timestamp() if before is None else before,
            changed_at=lock.changed_at.timestamp(), changed_by=lock.changed_by,
        )
    )  # fmt: skip
    rows = [{"lock": lock.name, "project": project, "version": version} for project, version in sorted(set(pins))]
    if rows:
        change.connection.execute(sa.insert(lock_pins), rows)
    kind = "lock.added" if before is None else "lock.changed"
    change.enter(Event(kind, lock.index, actor=lock.changed_by, data={"name": lock.name, "pins": len(rows)}))


def remove(change: Change, name: str, actor: str) -> KeptLock:
    """Forget a lock.

    Raises:
        NotFound: there is none of that name.
    """
    lock = find(change.connection, name)
    _drop(change.connection, name)
    change.enter(Event("lock.removed", lock.index, actor=actor, data={"name": name}))
    return lock


def _drop(connection: sa.Connection, name: str) -> None:
    connection.execute(sa.delete(lock_pins).where(lock_pins.c.lock == name))
    connection.execute(sa.delete(locks).where(locks.c.name == name))


def find(connection: sa.Connection, name: str) -> KeptLock:
    """Return a lock.

    Raises:
        NotFound: there is none of that name.
    """
    row = connection.execute(sa.select(locks).where(locks.c.name == name)).first()
    if row is None:
        raise NotFound(f"{name}: no such lock; `affineur monitor list` names them")
    return _lock(row)


def every(connection: sa.Connection) -> list[KeptLock]:
    """Return the locks by name."""
    return [_lock(row) for row in connection.execute(sa.select(locks).order_by(locks.c.name))]


def holding(connection: sa.Connection, projects: Sequence[str]) -> list[Held]:
    """Return the releases of some projects that locks pin, by lock."""
    rows = connection.execute(
        sa.select(lock_pins.c.lock, locks.c.owner, lock_pins.c.project, lock_pins.c.version)
        .join(locks, locks.c.name == lock_pins.c.lock)
        .where(lock_pins.c.project.in_(projects))
        .order_by(lock_pins.c.lock, lock_pins.c.project, lock_pins.c.version)
    )
    return [Held(*row) for row in rows]


def _lock(row: sa.Row) -> KeptLock:  # type: ignore[type-arg]
    return KeptLock(
        row.name, row.owner, row.index_name, LockKind(row.kind), row.filename, row.document,
        tuple(msgspec.json.decode(row.tell, type=list[str])), datetime.fromtimestamp(row.added_at, UTC),
        datetime.fromtimestamp(row.changed_at, UTC), row.changed_by,
    )  # fmt: skip
