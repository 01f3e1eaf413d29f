"""The plain record of downloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from affineur.model.filenames import version_in
from affineur.model.names import ProjectName
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import downloads


@dataclass(frozen=True, slots=True)
class Download:
    """One answer with a file's bytes."""

    at: datetime
    index: str
    project: str
    filename: str
    principal: str
    client: str
    address: str
    status: int


def append(change: Change, records: Sequence[Download]) -> None:
    """Write a batch of downloads."""
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


def counts(connection: sa.Connection) -> dict[str, int]:
    """Return how often files of each project were downloaded."""
    rows = connection.execute(sa.select(downloads.c.project, sa.func.count()).group_by(downloads.c.project))
    return {row[0]: row[1] for row in rows}


def versions(connection: sa.Connection, project: str) -> frozenset[str]:
    """Return the versions of a project that were downloaded, as its file names spell them."""
    rows = connection.execute(sa.select(downloads.c.filename).where(downloads.c.project == project).distinct())
    found = (version_in(row.filename, ProjectName(project)) for row in rows)
    return frozenset(version for version in found if version)
