"""Which projects a source holds, with the serial of their last change."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from affineur.storage.catalog.portions import portions
from affineur.storage.catalog.schema import ledger, projects


def serials(connection: sa.Connection, place: str) -> dict[str, int]:
    """Return the projects of a source with the serial of their last change."""
    rows = connection.execute(sa.select(projects.c.project, projects.c.serial).where(projects.c.place == place))
    return {row[0]: row[1] for row in rows}


def changed(connection: sa.Connection, place: str, serial: int) -> dict[str, int]:
    """Return the projects of a source that changed after a serial, with that of their last change."""
    rows = connection.execute(
        sa.select(ledger.c.project, sa.func.max(ledger.c.serial))
        .where(ledger.c.serial > serial, ledger.c.place == place, ledger.c.project != "")
        .group_by(ledger.c.project)
    )
    return {row[0]: row[1] for row in rows}


_SERIAL = sa.select(projects.c.serial).where(
    projects.c.place == sa.bindparam("place"), projects.c.project == sa.bindparam("project")
)
"""Made once: it is asked with every listing."""


def serial(connection: sa.Connection, place: str, project: str) -> int:
    """Return the serial of a project's last change in a source, 0 where there was none."""
    return connection.execute(_SERIAL, {"place": place, "project": project}).scalar() or 0


def places(connection: sa.Connection, names: Sequence[str]) -> dict[str, set[str]]:
    """Return the sources and indexes in which each project was ever changed."""
    found: dict[str, set[str]] = {}
    for some in portions(names):
        query = sa.select(projects.c.project, projects.c.place).where(projects.c.project.in_(some))
        for row in connection.execute(query):
            found.setdefault(row.project, set()).add(row.place)
    return found
