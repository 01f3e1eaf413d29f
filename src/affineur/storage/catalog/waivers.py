"""Waivers: asked for, granted, denied, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import sqlalchemy as sa

from affineur.errors import Conflict, NotFound
from affineur.model.events import Event
from affineur.model.waivers import Scope, Waiver, WaiverState
from affineur.storage.catalog import jobs
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import waivers


def _moment(stamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(stamp, UTC) if stamp is not None else None


def _waiver(row: sa.Row) -> Waiver:  # type: ignore[type-arg]
    asked = datetime.fromtimestamp(row.asked_at, UTC)
    return Waiver(
        row.id, Scope(row.project, row.versions, row.filename), row.rule, row.index_name, row.owner, row.reason,
        asked, _moment(row.ends_at), WaiverState(row.state), row.decided_by, row.note,
    )  # fmt: skip


def _data(waiver: Waiver) -> dict[str, str]:
    ends = waiver.ends_at.isoformat() if waiver.ends_at else ""
    return {
        "id": waiver.id, "scope": str(waiver.scope), "rule": waiver.rule, "index": waiver.index,
        "owner": waiver.owner, "reason": waiver.reason, "ends_at": ends,
    }  # fmt: skip


def ask(change: Change, waiver: Waiver) -> None:
    """Keep a waiver that was asked for."""
    scope = waiver.scope
    change.connection.execute(
        sa.insert(waivers).values(
            id=waiver.id, project=scope.project, versions=scope.versions, filename=scope.filename, rule=waiver.rule,
            index_name=waiver.index, owner=waiver.owner, reason=waiver.reason, asked_at=waiver.asked_at.timestamp(),
            ends_at=waiver.ends_at.timestamp() if waiver.ends_at else None, state=waiver.state.value,
            decided_by=waiver.decided_by, note=waiver.note,
        )
    )  # fmt: skip
    change.enter(Event("waiver.asked", project=_project(waiver), actor=waiver.owner, data=_data(waiver)))


def _project(waiver: Waiver) -> str:
    """Return the one project a waiver is about; "" where it may be several."""
    return "" if any(char in waiver.scope.project for char in "*?[") else waiver.scope.project


def find(connection: sa.Connection, id_: str) -> Waiver:
    """Return a waiver.

    Raises:
        NotFound: there is none of that id.
    """
    row = connection.execute(sa.select(waivers).where(waivers.c.id == id_)).first()
    if row is None:
        raise NotFound(f"{id_}: no such waiver; `affineur waiver list` names them")
    return _waiver(row)


_FROM = {
    WaiverState.GRANTED: {WaiverState.ASKED},
    WaiverState.DENIED: {WaiverState.ASKED},
    WaiverState.REVOKED: {WaiverState.ASKED, WaiverState.GRANTED},
}


def decide(change: Change, id_: str, state: WaiverState, actor: str, note: str) -> Waiver:
    """Grant, deny or revoke a waiver.

    Raises:
        NotFound: there is none of that id.
        Conflict: it was decided already.
    """
    waiver = find(change.connection, id_)
    if waiver.state not in _FROM[state]:
        raise Conflict(f"waiver {id_} is {waiver.state.value} already")
    change.connection.execute(
        sa.update(waivers).where(waivers.c.id == id_).values(state=state.value, decided_by=actor, note=note)
    )
    change.enter(
        Event(f"waiver.{state.value}", project=_project(waiver), actor=actor, data={**_data(waiver), "note": note})
    )
    if state is not WaiverState.DENIED:
        project = _project(waiver)
        jobs.add(change, "reevaluate", {"projects": [project] if project else []})
    return find(change.connection, id_)


def every(connection: sa.Connection, states: Sequence[WaiverState] = ()) -> list[Waiver]:
    """Return the waivers, newest first; of some states only where given."""
    query = sa.select(waivers).order_by(waivers.c.asked_at.desc(), waivers.c.id)
    if states:
        query = query.where(waivers.c.state.in_([state.value for state in states]))
    return [_waiver(row) for row in connection.execute(query)]


_TOUCHING = sa.select(waivers).where(
    waivers.c.state == WaiverState.GRANTED.value,
    sa.or_(waivers.c.ends_at.is_(None), waivers.c.ends_at > sa.bindparam("now")),
    sa.or_(
        waivers.c.project == sa.bindparam("project"), waivers.c.project.contains("*"),
        waivers.c.project.contains("?"), waivers.c.project.contains("["),
    ),
)  # fmt: skip
"""Made once: it is asked whenever a project is judged, and making it takes longer than answering."""


def touching(connection: sa.Connection, project: str, now: datetime) -> list[Waiver]:
    """Return the granted waivers, not ended, whose scope may hold files of a project."""
    rows = connection.execute(_TOUCHING, {"project": project, "now": now.timestamp()})
    return [waiver for waiver in map(_waiver, rows) if fnmatchcase(project, waiver.scope.project)]
