"""The plain record of downloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from affineur.model.filenames import version_in
from affineur.model.names import ProjectName
from affineur.storage.catalog import cache
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import downloads


@dataclass(frozen=True, slots=True)
class Download:
    """One answer with a file's bytes; what comes after `status` is counted, not written down."""

    at: datetime
    index: str
    project: str
    filename: str
    principal: str
    client: str
    address: str
    status: int
    mirror: str = ""
    """The mirror that the file came from; empty for uploads."""
    sha256: str = ""
    sent: int = 0
    """Bytes of the answer."""
    cold: bool = False
    """Whether this answer made the mirror fetch the file."""


def append(change: Change, records: Sequence[Download], *, written: bool = True) -> None:
    """Write a batch of downloads (where wanted), note what was used, and count what mirrors saved."""
    if written:
        change.connection.execute(
            sa.insert(downloads),
            [
                {
                    "at": r.at.timestamp(), "index_name": r.index, "project": r.project, "filename": r.filename,
                    "principal": r.principal, "client": r.client, "address": r.address, "status": r.status,
                }
                for r in records
            ],
        )  # fmt: skip
    cache.touch(change, {record.sha256 for record in records if record.mirror and record.sha256})
    more: dict[str, cache.Traffic] = {}
    for record in records:
        if record.mirror:
            before = more.get(record.mirror, cache.Traffic())
            more[record.mirror] = cache.Traffic(
                before.hits + (not record.cold),
                before.misses + record.cold,
                before.bytes_saved + (0 if record.cold else record.sent),
            )
    cache.add_traffic(change, more)


def counts(connection: sa.Connection) -> dict[str, int]:
    """Return how often files of each project were downloaded."""
    rows = connection.execute(sa.select(downloads.c.project, sa.func.count()).group_by(downloads.c.project))
    return {row[0]: row[1] for row in rows}


def versions(connection: sa.Connection, project: str) -> frozenset[str]:
    """Return the versions of a project that were downloaded, as its file names spell them."""
    rows = connection.execute(sa.select(downloads.c.filename).where(downloads.c.project == project).distinct())
    found = (version_in(row.filename, ProjectName(project)) for row in rows)
    return frozenset(version for version in found if version)


@dataclass(frozen=True, slots=True)
class Asked:
    """The downloads of a file within an hour by one principal with one client."""

    filename: str
    principal: str
    client: str
    first: datetime
    last: datetime
    times: int


def asked(connection: sa.Connection, index: str, since: datetime) -> dict[str, list[Asked]]:
    """Return the downloads through an index since a moment, by project, those of an hour together."""
    hour = sa.cast(downloads.c.at / 3600, sa.BigInteger)
    columns = (downloads.c.project, downloads.c.filename, downloads.c.principal, downloads.c.client)
    rows = connection.execute(
        sa.select(*columns, sa.func.min(downloads.c.at), sa.func.max(downloads.c.at), sa.func.count())
        .where(downloads.c.index_name == index, downloads.c.at >= since.timestamp(), downloads.c.status < 400)
        .group_by(*columns, hour)
    )
    found: dict[str, list[Asked]] = {}
    for project, filename, principal, client, first, last, times in rows:
        moments = (datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC))
        found.setdefault(project, []).append(Asked(filename, principal, client, *moments, times))
    return found
