"""The append-only, hash-chained record of changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa

from affineur.model.events import Entry, Event
from affineur.storage.catalog.schema import ledger, projects
from affineur.storage.catalog.upsert import insert

_ORIGIN = "0" * 64
_LOCK = 0x1ED6E12
_AT_ONCE = 1000


def _digest(serial: int, at: float, event: Event, previous: str) -> str:
    material = json.dumps(
        [serial, repr(at), event.kind, event.place, event.project, event.actor, event.data, previous], sort_keys=True
    )
    return hashlib.sha256(material.encode()).hexdigest()


def alone(connection: sa.Connection) -> None:
    """Have nobody else enter anything until the transaction ends: for entries that follow from what was entered."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def append(connection: sa.Connection, events: Sequence[Event], at: float) -> int:
    """Append events as the last statements of a transaction; return the new head.

    The lock makes serials become visible in order on PostgreSQL; SQLite has one writer anyway.
    """
    alone(connection)
    last = connection.execute(
        sa.select(ledger.c.serial, ledger.c.digest).order_by(ledger.c.serial.desc()).limit(1)
    ).first()
    serial, previous = (last.serial, last.digest) if last else (0, _ORIGIN)
    rows, touched = [], {}
    for event in events:
        serial += 1
        digest = _digest(serial, at, event, previous)
        rows.append(
            {
                "serial": serial, "at": at, "kind": event.kind, "place": event.place, "project": event.project,
                "actor": event.actor, "data": json.dumps(event.data), "previous": previous, "digest": digest,
            }
        )  # fmt: skip
        previous = digest
        if event.place and event.project:
            touched[event.place, event.project] = serial
    connection.execute(sa.insert(ledger), rows)
    _touch(connection, touched)
    return serial


def _touch(connection: sa.Connection, touched: dict[tuple[str, str], int]) -> None:
    if not touched:
        return
    statement = insert(connection, projects)
    statement = statement.on_conflict_do_update(
        index_elements=[projects.c.place, projects.c.project], set_={"serial": statement.excluded.serial}
    )
    rows = [{"place": place, "project": project, "serial": serial} for (place, project), serial in touched.items()]
    connection.execute(statement, rows)


def head(connection: sa.Connection) -> int:
    """Return the serial of the newest entry, 0 for an empty ledger."""
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.max(ledger.c.serial), 0))).scalar_one())


def _entry(row: sa.Row) -> Entry:  # type: ignore[type-arg]
    event = Event(row.kind, row.place, row.project, row.actor, json.loads(row.data))
    return Entry(row.serial, datetime.fromtimestamp(row.at, UTC), event, row.previous, row.digest)


def after(
    connection: sa.Connection, serial: int, limit: int, project: str = "", kind: str = "", place: str = ""
) -> list[Entry]:
    """Return the entries after a serial, in order; `kind` may be the beginning of one."""
    query = sa.select(ledger).where(ledger.c.serial > serial).order_by(ledger.c.serial).limit(limit)
    if project:
        query = query.where(ledger.c.project == project)
    if kind:
        query = query.where(ledger.c.kind.startswith(kind, autoescape=True))
    if place:
        query = query.where(ledger.c.place == place)
    return [_entry(row) for row in connection.execute(query)]


def of_projects(connection: sa.Connection, places: Sequence[str], serial: int, limit: int) -> list[Entry]:
    """Return the entries about projects in some places after a serial, in order."""
    query = (
        sa.select(ledger)
        .where(ledger.c.serial > serial, ledger.c.place.in_(places), ledger.c.project != "")
        .order_by(ledger.c.serial)
        .limit(limit)
    )
    return [_entry(row) for row in connection.execute(query)]


def latest(connection: sa.Connection, kind: str, place: str) -> Entry | None:
    """Return the last entry of a kind in a place, or None."""
    row = connection.execute(
        sa.select(ledger)
        .where(ledger.c.kind == kind, ledger.c.place == place)
        .order_by(ledger.c.serial.desc())
        .limit(1)
    ).first()
    return _entry(row) if row is not None else None


def first_broken(connection: sa.Connection) -> int | None:
    """Return the serial of the first entry that does not fit the chain, or None."""
    previous, expected = _ORIGIN, 1
    # A portion at a time: PostgreSQL's driver would hold the whole ledger in memory.
    entries = sa.select(ledger).order_by(ledger.c.serial).execution_options(yield_per=_AT_ONCE)
    for row in connection.execute(entries):
        if row.serial != expected or row.previous != previous or row.digest != _digest_of(row):
            return int(row.serial)
        previous, expected = row.digest, expected + 1
    return None


def _digest_of(row: sa.Row) -> str | None:  # type: ignore[type-arg]
    """Return the digest that a row should have, None where its data cannot even be read."""
    try:
        event = Event(row.kind, row.place, row.project, row.actor, json.loads(row.data))
    except ValueError:
        return None
    return _digest(row.serial, row.at, event, row.previous)
