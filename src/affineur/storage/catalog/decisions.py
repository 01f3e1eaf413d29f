"""What came of judging each project the last time, and which file a decision's address is about.

Time alone changes judgements too: `changing` says whether one is to be taken again, `fall_due` makes jobs of those.
"""

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
from affineur.storage.catalog.portions import portions
from affineur.storage.catalog.schema import decisions, screenings

_MOST_NAMES_IN_ENTRY = 200
_MOST_AT_ONCE = 200


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
    changes_at: datetime | None = None
    """When time alone changes this."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which file of which index a decision is about."""

    index: str
    project: str
    filename: str


class _Files(msgspec.Struct):
    refused: dict[str, str] = {}
    passed: list[str] = []


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is held of the last judgement; of none where there was no such."""

    files: _Files | None = None
    closed: bool = False
    changes_at: float | None = None


def record(change: Change, outcomes: Sequence[Outcome], places: Mapping[str, Place]) -> None:
    """Keep outcomes in place of those before; what became refused or free since goes into the ledger.

    `places` are the files that refusals are about, by the decision's id.
    """
    name(change, places)
    for outcome in outcomes:
        for filename in outcome.inspect:
            arguments = {"index": outcome.index, "project": outcome.project, "filename": filename}
            jobs.add(change, "inspect", arguments, key=f"inspect: {outcome.index} {filename}", priority=5)
        kept = _kept(change.connection, outcome.index, outcome.project)
        files = _Files(dict(sorted(outcome.refused.items())), sorted(outcome.passed))
        if kept.files == files:
            if kept.changes_at != _timestamp(outcome.changes_at):
                _set_change(change, outcome)
            continue
        _keep(change, outcome, files, new=kept.files is None)
        if kept.files is not None:
            _announce(change, outcome, kept.files)
        if outcome.closed != kept.closed:
            sentence = next(iter(outcome.refused.values()), "")
            kind, data = ("project.closed", {"reason": sentence}) if outcome.closed else ("project.opened", {})
            change.enter(Event(kind, outcome.index, outcome.project, data=data))


def _of(index: str, project: str) -> sa.ColumnElement[bool]:
    return sa.and_(screenings.c.index_name == index, screenings.c.project == project)


def _timestamp(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment is not None else None


def _kept(connection: sa.Connection, index: str, project: str) -> _Kept:
    """Return what is held, and keep others from replacing it meanwhile: they would tell of the same change again."""
    row = connection.execute(sa.select(screenings).where(_of(index, project)).with_for_update()).first()
    if row is None:
        return _Kept()
    files = msgspec.json.decode(zstandard.decompress(row.outcome), type=_Files)
    return _Kept(files, row.closed, row.changes_at)


def _set_change(change: Change, outcome: Outcome) -> None:
    change.connection.execute(
        sa.update(screenings)
        .where(_of(outcome.index, outcome.project))
        .values(changes_at=_timestamp(outcome.changes_at))
    )


def changing(connection: sa.Connection, now: datetime) -> bool:
    """Whether time has changed what came of judging a project."""
    return connection.execute(sa.select(screenings.c.project).where(_changed(now)).limit(1)).first() is not None


def fall_due(change: Change) -> int:
    """Have projects judged again whose judgement time has changed, each once; return how many.

    Many that fall due together, because records grew old for one, share a job.
    """
    rows = change.connection.execute(
        sa.select(screenings.c.index_name, screenings.c.project)
        .where(_changed(change.now))
        .order_by(screenings.c.changes_at)
        .limit(_MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    due: dict[str, list[str]] = {}
    for row in rows:
        change.connection.execute(sa.update(screenings).where(_of(row.index_name, row.project)).values(changes_at=None))
        due.setdefault(row.index_name, []).append(row.project)
    for index, names in due.items():
        jobs.add(change, "reevaluate", {"index": index, "projects": names})
    return len(rows)


def _changed(now: datetime) -> sa.ColumnElement[bool]:
    return screenings.c.changes_at <= now.timestamp()


def changes(connection: sa.Connection, index: str) -> tuple[frozenset[str], dict[str, int]]:
    """Return the projects an index refuses as a whole, and the serials of its changed decisions by project."""
    closed = connection.execute(
        sa.select(screenings.c.project).where(screenings.c.index_name == index, screenings.c.closed)
    ).scalars()
    return frozenset(closed), projects.serials(connection, index)


def _keep(change: Change, outcome: Outcome, files: _Files, *, new: bool) -> None:
    values = {
        "revision": outcome.revision, "at": outcome.at.timestamp(), "closed": outcome.closed,
        "changes_at": _timestamp(outcome.changes_at), "outcome": zstandard.compress(msgspec.json.encode(files), 3),
    }  # fmt: skip
    if new:
        row = {"index_name": outcome.index, "project": outcome.project, **values}
        change.connection.execute(sa.insert(screenings).values(row))
    else:
        change.connection.execute(sa.update(screenings).where(_of(outcome.index, outcome.project)).values(values))


def name(change: Change, places: Mapping[str, Place]) -> None:
    """Remember which file the address of each refusal is about."""
    for some in portions(list(places)):
        known = set(change.connection.execute(sa.select(decisions.c.id).where(decisions.c.id.in_(some))).scalars())
        fresh = [
            {"id": id_, "index_name": place.index, "project": place.project, "filename": place.filename}
            for id_, place in ((id_, places[id_]) for id_ in some if id_ not in known)
        ]
        if fresh:
            change.connection.execute(sa.insert(decisions), fresh)


def _announce(change: Change, outcome: Outcome, before: _Files) -> None:
    if not outcome.enforced:
        return
    passed = set(before.passed)
    quarantined = {name: why for name, why in outcome.refused.items() if name in passed}
    released = [name for name in before.refused if name in outcome.passed]
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


def judged(connection: sa.Connection, index: str, names: Sequence[str] = ()) -> list[str]:
    """Return the projects that were judged in an index, by name; only those of `names` where given, some hundreds."""
    query = sa.select(screenings.c.project).where(screenings.c.index_name == index).order_by(screenings.c.project)
    if names:
        query = query.where(screenings.c.project.in_(names))
    return list(connection.execute(query).scalars())
