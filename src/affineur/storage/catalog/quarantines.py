"""Quarantines: set by people, and lifted by them."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from affineur.model.events import Event
from affineur.model.quarantines import Quarantine
from affineur.model.waivers import Scope
from affineur.storage.catalog import jobs
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import quarantines


def add(change: Change, quarantine: Quarantine) -> None:
    """Put releases under quarantine; one set before for the same releases is replaced."""
    _drop(change, quarantine.scope, quarantine.source)
    scope = quarantine.scope
    change.connection.execute(
        sa.insert(quarantines).values(
            project=scope.project, versions=scope.versions, source=quarantine.source, set_by=quarantine.by,
            at=quarantine.at.timestamp(), reason=quarantine.reason,
        )
    )  # fmt: skip
    _enter(change, "release.quarantined", scope, quarantine.source, quarantine.by, quarantine.reason)


def lift(change: Change, scope: Scope, source: str, actor: str) -> bool:
    """End a quarantine; False where there was none for exactly these releases."""
    found = _drop(change, scope, source)
    if found:
        _enter(change, "release.activated", scope, source, actor, "")
    return found


def _drop(change: Change, scope: Scope, source: str) -> bool:
    done = change.connection.execute(
        sa.delete(quarantines).where(
            quarantines.c.project == scope.project, quarantines.c.versions == scope.versions,
            quarantines.c.source == source,
        )
    )  # fmt: skip
    return done.rowcount > 0


def _enter(change: Change, kind: str, scope: Scope, source: str, actor: str, reason: str) -> None:
    """Enter it for the project, whatever source it is about: pages of every index may change with it."""
    data = {"scope": str(scope), "source": source, "reason": reason}
    change.enter(Event(kind, "", scope.project, actor, data))
    jobs.add(change, "reevaluate", {"projects": [scope.project]})


_TOUCHING = sa.select(quarantines).where(quarantines.c.project == sa.bindparam("project")).order_by(quarantines.c.at)
"""Made once: it is asked whenever a project is judged."""


def touching(connection: sa.Connection, project: str) -> list[Quarantine]:
    """Return the quarantines of a project, the oldest first."""
    rows = connection.execute(_TOUCHING, {"project": project})
    return [
        Quarantine(
            Scope(row.project, row.versions), row.source, row.set_by, datetime.fromtimestamp(row.at, UTC), row.reason
        )
        for row in rows
    ]
