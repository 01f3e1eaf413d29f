"""What came of judging each project the last time, and which file a decision's address is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import sqlalchemy as sa
import zstandard

from affineur.model.events import Event
from affineur.storage.catalog import jobs, projects
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import decisions, screenings

_MOST_NAMES_IN_ENTRY = 200


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of judging a project's files in an index."""

    index: str
    project: str
    revision: str
    at: datetime
    refused: Mapping[str, str] = field(default_factory=dict)
    """File name -> what refuses it, in a sentence."""
    passed: frozenset[str] = frozenset()
    enforced: bool = True
    """False where the policy only watches: nothing was refused for it."""
    inspect: tuple[str, ...] = ()
    """Files to be looked into ahead of the first who asks for them."""
    closed: bool = False
    """Whether the project is refused as a whole."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which file of which index a decision is about."""

    index: str
    project: str
    filename: str


class _Kept(msgspec.Struct):
    refused: dict[str, str] = {}
    passed: list[str] = []


def record(change: Change, outcomes: Sequence[Outcome], places: Mapping[str, Place]) -> None:
    """Keep outcomes in place of those before; what became refused or free since goes into the ledger.

    `places` are the files that refusals are about, by the decision's id.
    """
    name(change, places)
    for outcome in outcomes:
        for filename in outcome.inspect:
            arguments = {"index": outcome.index, "project": outcome.project, "filename": filename}
            jobs.add(change, "inspect", arguments, key=f"inspect: {outcome.index} {filename}", priority=5)
        was_closed = _closed(change.connection, outcome.index, outcome.project)
        kept = _kept(change.connection, outcome.index, outcome.project)
        now = _Kept(dict(sorted(outcome.refused.items())), sorted(outcome.passed))
        if kept is not None and (kept.refused, kept.passed) == (now.refused, now.passed):
            continue
        _replace(change, outcome, now)
        if kept is not None:
            _announce(change, outcome, kept)
        if outcome.closed != was_closed:
            sentence = next(iter(outcome.refused.values()), "")
            kind, data = ("project.closed", {"reason": sentence}) if outcome.closed else ("project.opened", {})
            change.enter(Event(kind, outcome.index, outcome.project, data=data))


def _kept(connection: sa.Connection, index: str, project: str) -> _Kept | None:
    raw = connection.execute(
        sa.select(screenings.c.outcome).where(screenings.c.index_name == index, screenings.c.project == project)
    ).scalar()
    return msgspec.json.decode(zstandard.decompress(raw), type=_Kept) if raw is not None else None


def _closed(connection: sa.Connection, index: str, project: str) -> bool:
    found = connection.execute(
        sa.select(screenings.c.closed).where(screenings.c.index_name == index, screenings.c.project == project)
    ).scalar()
    return bool(found)


def changes(connection: sa.Connection, index: str) -> tuple[frozenset[str], dict[str, int]]:
    """Return the projects an index refuses as a whole, and the serials of its changed decisions by project."""
    closed = connection.execute(
        sa.select(screenings.c.project).where(screenings.c.index_name == index, screenings.c.closed)
    ).scalars()
    return frozenset(closed), projects.serials(connection, index)


def _replace(change: Change, outcome: Outcome, now: _Kept) -> None:
    where = (screenings.c.index_name == outcome.index, screenings.c.project == outcome.project)
    change.connection.execute(sa.delete(screenings).where(*where))
    change.connection.execute(
        sa.insert(screenings).values(
            index_name=outcome.index, project=outcome.project, revision=outcome.revision,
            at=outcome.at.timestamp(), closed=outcome.closed, outcome=zstandard.compress(msgspec.json.encode(now), 3),
        )
    )  # fmt: skip


def name(change: Change, places: Mapping[str, Place]) -> None:
    """Remember which file the address of each refusal is about."""
    ids = list(places)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        known = set(change.connection.execute(sa.select(decisions.c.id).where(decisions.c.id.in_(part))).scalars())
        fresh = [
            {"id": id_, "index_name": place.index, "project": place.project, "filename": place.filename}
            for id_, place in places.items()
            if id_ in part and id_ not in known
        ]
        if fresh:
            change.connection.execute(sa.insert(decisions), fresh)


def _announce(change: Change, outcome: Outcome, kept: _Kept) -> None:
    if not outcome.enforced:
        return
    before = set(kept.passed)
    quarantined = {name: why for name, why in outcome.refused.items() if name in before}
    released = [name for name in kept.refused if name in outcome.passed]
    if quarantined:
        files = dict(list(quarantined.items())[:_MOST_NAMES_IN_ENTRY])
        data = {"files": files, "count": len(quarantined), "revision": outcome.revision}
        change.enter(Event("file.quarantined", outcome.index, outcome.project, data=data))
    if released:
        data = {"files": released[:_MOST_NAMES_IN_ENTRY], "count": len(released), "revision": outcome.revision}
        change.enter(Event("file.released", outcome.index, outcome.project, data=data))


def find(connection: sa.Connection, id_: str) -> Place | None:
    """Return what a decision's address is about, or None."""
    row = connection.execute(sa.select(decisions).where(decisions.c.id == id_)).first()
    return Place(row.index_name, row.project, row.filename) if row else None


def judged(connection: sa.Connection, index: str) -> list[str]:
    """Return the projects that were judged in an index, by name."""
    rows = connection.execute(
        sa.select(screenings.c.project).where(screenings.c.index_name == index).order_by(screenings.c.project)
    )
    return list(rows.scalars())
