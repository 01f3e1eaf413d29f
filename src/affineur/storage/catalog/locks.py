"""Locks of projects, kept to be watched: the document as it was given, and what it pins."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from affineur.errors import NotFound
from affineur.model.events import Event
from affineur.model.locks import LockKind
from affineur.model.names import ProjectName
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import lock_pins, locked_files, locks, requested_files

_AT_ONCE = 500
_HEX = 64
"""Digits of a SHA-256 digest."""
_OF_USE = (locks.c.use_of.is_not(None), locks.c.use_of != "")


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
    use_of: str = ""
    """Whose downloads are watched in place of a document: `user:NAME` or `token:ID`; empty: the document's pins."""
    use_days: float = 0.0
    """How many days back downloads count."""
    muted_until: datetime | None = None
    """Nothing is told of it before."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A release that a document pins, with the SHA-256 digests of the files it names; none: it names no files."""

    project: ProjectName
    version: str
    sha256s: frozenset[str] = frozenset()


class Held(NamedTuple):
    """A release that a lock pins."""

    lock: str
    owner: str
    project: str
    version: str


@dataclass(frozen=True, slots=True)
class Named:
    """What is known of a lock without its document."""

    name: str
    owner: str
    index: str
    filename: str
    tell: tuple[str, ...]
    use_of: str
    use_days: float
    muted_until: datetime | None


def keep(change: Change, lock: KeptLock, pins: Iterable[Pinned]) -> None:
    """Keep a lock under its name, in place of the one before; `added_at` stays that of the first.

    Of each release there is one `Pinned`.
    """
    before = change.connection.execute(sa.select(locks.c.added_at).where(locks.c.name == lock.name)).scalar()
    _drop(change.connection, lock.name)
    change.connection.execute(
        sa.insert(locks).values(
            name=lock.name, owner=lock.owner, index_name=lock.index, kind=lock.kind.value, filename=lock.filename,
            document=lock.document, tell=msgspec.json.encode(lock.tell).decode(),
            added_at=lock.added_at.timestamp() if before is None else before,
            changed_at=lock.changed_at.timestamp(), changed_by=lock.changed_by, use_of=lock.use_of,
            use_days=lock.use_days, muted_until=lock.muted_until.timestamp() if lock.muted_until else None,
        )
    )  # fmt: skip
    rows, files = [], []
    for pin in pins:
        row = {"lock": lock.name, "project": pin.project, "version": pin.version}
        rows.append(row)
        if pin.sha256s:
            files.append({**row, "sha256s": bytes.fromhex("".join(sorted(pin.sha256s)))})
    for table, values in ((lock_pins, rows), (locked_files, files)):
        if values:
            change.connection.execute(sa.insert(table), values)
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
    connection.execute(sa.delete(locked_files).where(locked_files.c.lock == name))
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


def named(connection: sa.Connection, owner: str | None = None) -> dict[str, Named]:
    """Return what is known of the locks, or of those of an owner, without their documents."""
    chosen = [locks.c.owner == owner] if owner is not None else []
    return {lock.name: lock for lock in _named(connection, *chosen)}


def uses(connection: sa.Connection) -> list[Named]:
    """Return the locks that stand for what somebody downloads."""
    return _named(connection, *_OF_USE)


def _named(connection: sa.Connection, *chosen: sa.ColumnElement[bool]) -> list[Named]:
    columns = (locks.c.name, locks.c.owner, locks.c.index_name, locks.c.filename, locks.c.tell, locks.c.use_of)
    query = sa.select(*columns, locks.c.use_days, locks.c.muted_until).where(*chosen).order_by(locks.c.name)
    return [
        Named(
            row.name, row.owner, row.index_name, row.filename, tuple(msgspec.json.decode(row.tell, type=list[str])),
            row.use_of or "", row.use_days or 0.0, _moment(row.muted_until),
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def pins(connection: sa.Connection, name: str) -> list[tuple[ProjectName, str]]:
    """Return the releases that a lock pins."""
    query = sa.select(lock_pins.c.project, lock_pins.c.version).where(lock_pins.c.lock == name)
    rows = connection.execute(query.order_by(lock_pins.c.project, lock_pins.c.version))
    return [(ProjectName(row.project), row.version) for row in rows]


def pinned_projects(connection: sa.Connection) -> list[tuple[str, ProjectName]]:
    """Return (index, project) of everything that locks pin, each once."""
    rows = connection.execute(
        sa.select(locks.c.index_name, lock_pins.c.project)
        .join(locks, locks.c.name == lock_pins.c.lock)
        .distinct()
        .order_by(locks.c.index_name, lock_pins.c.project)
    )
    return [(row.index_name, ProjectName(row.project)) for row in rows]


def mute(change: Change, name: str, until: datetime | None) -> None:
    """Have nothing told of a lock before a moment; None: tell again."""
    moment = until.timestamp() if until else None
    change.connection.execute(sa.update(locks).where(locks.c.name == name).values(muted_until=moment))


def stop_telling(change: Change, owner: str, target: str) -> int:
    """Tell news of an owner's locks no longer to a target; return of how many locks that is true now."""
    changed = 0
    for lock in named(change.connection, owner).values():
        if target in lock.tell:
            left = msgspec.json.encode([each for each in lock.tell if each != target]).decode()
            change.connection.execute(sa.update(locks).where(locks.c.name == lock.name).values(tell=left))
            changed += 1
    return changed


def any_holds(connection: sa.Connection, projects: Sequence[str]) -> bool:
    """Whether a lock pins a release of one of some projects, or may stand for downloads of it."""
    of = [(lock_pins.c.project, lock_pins.c.lock)]
    if connection.execute(sa.select(locks.c.name).where(*_OF_USE).limit(1)).first() is not None:
        of.append((requested_files.c.project, requested_files.c.id))
    for start in range(0, len(projects), _AT_ONCE):
        part = projects[start : start + _AT_ONCE]
        if any(connection.execute(sa.select(any_of).where(name.in_(part)).limit(1)).first() for name, any_of in of):
            return True
    return False


def holding(connection: sa.Connection, projects: Sequence[str]) -> list[Held]:
    """Return the releases of some projects that locks pin, by lock."""
    rows = connection.execute(
        sa.select(lock_pins.c.lock, locks.c.owner, lock_pins.c.project, lock_pins.c.version)
        .join(locks, locks.c.name == lock_pins.c.lock)
        .where(lock_pins.c.project.in_(projects))
        .order_by(lock_pins.c.lock, lock_pins.c.project, lock_pins.c.version)
    )
    return [Held._make(row) for row in rows]


def files_named(
    connection: sa.Connection, releases: Collection[tuple[str, str]]
) -> dict[tuple[str, str, str], frozenset[str]]:
    """Return the SHA-256 digests of the files that locks name of some (project, version), by lock and release."""
    found: dict[tuple[str, str, str], frozenset[str]] = {}
    column, wanted = locked_files.c, sorted(releases)
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        query = sa.select(locked_files).where(sa.tuple_(column.project, column.version).in_(part))
        for row in connection.execute(query):
            text = row.sha256s.hex()
            digests = frozenset(text[at : at + _HEX] for at in range(0, len(text), _HEX))
            found[row.lock, row.project, row.version] = digests
    return found


def _moment(timestamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(timestamp, UTC) if timestamp is not None else None


def _lock(row: sa.Row) -> KeptLock:  # type: ignore[type-arg]
    return KeptLock(
        row.name, row.owner, row.index_name, LockKind(row.kind), row.filename, row.document,
        tuple(msgspec.json.decode(row.tell, type=list[str])), datetime.fromtimestamp(row.added_at, UTC),
        datetime.fromtimestamp(row.changed_at, UTC), row.changed_by, row.use_of or "", row.use_days or 0.0, _moment(row.muted_until),
    )  # fmt: skip
