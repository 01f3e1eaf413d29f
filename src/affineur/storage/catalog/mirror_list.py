"""What mirrors are to hold ahead of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import mirror_list


@dataclass(frozen=True, slots=True)
class Wanted:
    """A requirement on a mirror's list."""

    source: str
    requirement: str
    releases: str
    """"all" that the requirement allows, or the "newest" of them."""
    dependencies: bool
    """Whether what it needs is wanted too."""
    added_at: datetime
    added_by: str


def add(change: Change, entries: Sequence[Wanted]) -> None:
    """Put requirements on the list, in place of the same ones."""
    for entry in entries:
        remove(change, entry.source, [entry.requirement])
        change.connection.execute(
            sa.insert(mirror_list).values(
                source=entry.source, requirement=entry.requirement, releases=entry.releases,
                dependencies=entry.dependencies, added_at=entry.added_at.timestamp(), added_by=entry.added_by,
            )
        )  # fmt: skip


def remove(change: Change, source: str, requirements: Sequence[str]) -> None:
    """Take requirements off the list."""
    change.connection.execute(
        sa.delete(mirror_list).where(mirror_list.c.source == source, mirror_list.c.requirement.in_(requirements))
    )


def listed(connection: sa.Connection, source: str = "") -> list[Wanted]:
    """Return the list of one mirror, or of all, in order."""
    query = sa.select(mirror_list).order_by(mirror_list.c.source, mirror_list.c.requirement)
    if source:
        query = query.where(mirror_list.c.source == source)
    return [
        Wanted(
            row.source, row.requirement, row.releases, row.dependencies,
            datetime.fromtimestamp(row.added_at, UTC), row.added_by,
        )
        for row in connection.execute(query)
    ]  # fmt: skip
