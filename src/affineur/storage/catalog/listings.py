"""What an upstream said about a project, as it is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from affineur.storage.catalog import projects
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import listings


@dataclass(frozen=True, slots=True)
class StoredListing:
    """A kept listing; `document` is what the mirror made of it."""

    document: bytes
    etag: str
    last_modified: str
    checked_at: datetime
    serial: int


_LOAD = sa.select(listings).where(
    listings.c.source == sa.bindparam("source"), listings.c.project == sa.bindparam("project")
)
"""Made once: it is asked whenever a project is judged."""


def load(connection: sa.Connection, source: str, project: str) -> StoredListing | None:
    """Return the listing of a project in a mirror, or None.

    Its serial is read first: a change that is made meanwhile is then taken for news, and never for known.
    """
    serial = projects.serial(connection, source, project)
    row = connection.execute(_LOAD, {"source": source, "project": project}).first()
    if row is None:
        return None
    return StoredListing(row.document, row.etag, row.last_modified, datetime.fromtimestamp(row.checked_at, UTC), serial)


def store(
    change: Change,
    source: str,
    project: str,
    document: bytes,
    etag: str,
    last_modified: str,
    checked_at: datetime | None = None,
) -> None:
    """Keep a listing in place of the one before; `checked_at` is when the upstream was asked, now by default."""
    connection = change.connection
    connection.execute(sa.delete(listings).where(listings.c.source == source, listings.c.project == project))
    connection.execute(
        sa.insert(listings).values(
            source=source, project=project, document=document, etag=etag, last_modified=last_modified,
            checked_at=(checked_at or change.now).timestamp(),
        )
    )  # fmt: skip


def touch(change: Change, source: str, project: str, checked_at: datetime) -> None:
    """Note that the upstream said "not modified"."""
    change.connection.execute(
        sa.update(listings)
        .where(listings.c.source == source, listings.c.project == project)
        .values(checked_at=checked_at.timestamp())
    )
