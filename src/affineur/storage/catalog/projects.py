"""Which projects a source holds, with the serial of their last change."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from affineur.storage.catalog.schema import projects


def serials(connection: sa.Connection, places: Sequence[str]) -> dict[str, int]:
    """Return the projects of some sources with their latest serial."""
    rows = connection.execute(
        sa.select(projects.c.project, sa.func.max(projects.c.serial))
        .where(projects.c.place.in_(places))
        .group_by(projects.c.project)
    )
    return dict(row.tuple() for row in rows)


def serial(connection: sa.Connection, place: str, project: str) -> int:
    """Return the serial of a project's last change in a source, 0 where there was none."""
    found = connection.execute(
        sa.select(projects.c.serial).where(projects.c.place == place, projects.c.project == project)
    ).scalar()
    return found or 0
