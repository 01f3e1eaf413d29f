"""Alerts, and what of them is still to be told to whom."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from affineur.model.alerts import Alert, AlertKind, AlertState, Cause, News
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import alerts, notices
from affineur.storage.catalog.upsert import insert

_AT_ONCE = 500
_REMEMBERED = 1024
T = TypeVar("T")
_CAUSE = msgspec.json.Decoder(Cause)


@dataclass(frozen=True, slots=True)
class Notice:
    """News of an alert that somebody is to be told."""

    alert: str
    owner: str
    target: str
    news: News
    due_at: datetime
    """When it is told at the latest: earlier where something urgent goes to the same target."""


def keep(change: Change, fresh: Sequence[Alert]) -> None:
    """Keep alerts in place of what was known under their ids."""
    adding = insert(change.connection, alerts)
    others = {column.name: adding.excluded[column.name] for column in alerts.c if not column.primary_key}
    keeping = adding.on_conflict_do_update(index_elements=[alerts.c.id], set_=others)
    told: dict[int, dict[str, Any]] = {}  # Many locks share one cause: by its place in memory, which `fresh` holds.
    for part in _parts(fresh):
        change.connection.execute(
            keeping,
            [
                {
                    "id": alert.id, "lock": alert.lock, "owner": alert.owner, "index_name": alert.index,
                    "project": alert.project, "version": alert.version, "state": alert.state.value,
                    "opened_at": alert.opened_at.timestamp(), "changed_at": alert.changed_at.timestamp(),
                    "closed_at": alert.closed_at.timestamp() if alert.closed_at else None, "ended_by": alert.end,
                    **(told.get(id(alert.cause)) or told.setdefault(id(alert.cause), _columns(alert.cause))),
                }
                for alert in part
            ],
        )  # fmt: skip


def _columns(cause: Cause) -> dict[str, Any]:
    return {"kind": cause.kind.value, "cause": cause.key, "document": msgspec.json.encode(cause)}


def notify(change: Change, fresh: Sequence[Notice]) -> None:
    """Keep what is to be told."""
    for part in _parts(fresh):
        rows = [
            {
                "id": _notice_id(notice, change.now), "alert": notice.alert, "owner": notice.owner,
                "target": notice.target, "news": notice.news.value, "due_at": notice.due_at.timestamp(),
            }
            for notice in part
        ]  # fmt: skip
        change.connection.execute(insert(change.connection, notices).on_conflict_do_nothing(), rows)


def _notice_id(notice: Notice, now: datetime) -> str:
    text = f"{notice.alert}\0{notice.target}\0{notice.news.value}\0{now.timestamp()!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def standing(connection: sa.Connection, projects: Collection[str], locks: Collection[str] = ()) -> list[Alert]:
    """Return the alerts about some projects, and all of some locks, that are not closed."""
    found: dict[str, Alert] = {}
    for column, names in ((alerts.c.project, projects), (alerts.c.lock, locks)):
        for part in _parts(sorted(names)):
            query = sa.select(alerts).where(column.in_(part), alerts.c.state != AlertState.CLOSED.value)
            found |= {row[0]: _alert(row) for row in connection.execute(query)}
    return list(found.values())


def any_standing(connection: sa.Connection, projects: Collection[str]) -> bool:
    """Whether an alert about one of some projects is not closed."""
    for part in _parts(sorted(projects)):
        query = sa.select(alerts.c.id).where(alerts.c.project.in_(part), alerts.c.state != AlertState.CLOSED.value)
        if connection.execute(query.limit(1)).first() is not None:
            return True
    return False


def listed(
    connection: sa.Connection,
    *,
    owner: str | None = None,
    lock: str = "",
    state: AlertState | None = None,
    limit: int = 1000,
) -> list[Alert]:
    """Return alerts, the latest change first; without `state` those that are not closed."""
    query = sa.select(alerts).order_by(alerts.c.changed_at.desc(), alerts.c.id).limit(limit)
    query = query.where(alerts.c.state == state.value if state else alerts.c.state != AlertState.CLOSED.value)
    if owner is not None:
        query = query.where(alerts.c.owner == owner)
    if lock:
        query = query.where(alerts.c.lock == lock)
    return [_alert(row) for row in connection.execute(query)]


def latest(connection: sa.Connection, *, owner: str = "", lock: str = "", limit: int = 100) -> list[Alert]:
    """Return the alerts of an owner or of a lock that changed last, closed ones too."""
    query = sa.select(alerts).order_by(alerts.c.changed_at.desc(), alerts.c.id).limit(limit)
    query = query.where(alerts.c.lock == lock) if lock else query.where(alerts.c.owner == owner)
    return [_alert(row) for row in connection.execute(query)]


def set_state(
    change: Change,
    state: AlertState,
    *,
    ids: Collection[str] = (),
    owner: str = "",
    project: str = "",
    kind: AlertKind | None = None,
    cause: str = "",
) -> int:
    """Change how alerts that are not closed stand; by their ids, or all of an owner about one cause."""
    which: list[sa.ColumnElement[bool]]
    if ids:
        which = [alerts.c.id.in_(list(ids))]
    else:
        which = [alerts.c.owner == owner, alerts.c.project == project, alerts.c.cause == cause]
        which += [alerts.c.kind == kind.value] if kind else []
    result = change.connection.execute(
        sa.update(alerts).where(*which, alerts.c.state != AlertState.CLOSED.value).values(state=state.value)
    )
    return result.rowcount


def forget(change: Change, lock: str) -> None:
    """Forget the alerts of a lock that is no longer watched."""
    query = sa.select(alerts.c.id).where(alerts.c.lock == lock)
    change.connection.execute(sa.delete(notices).where(notices.c.alert.in_(query)))
    change.connection.execute(sa.delete(alerts).where(alerts.c.lock == lock))


def tidy(change: Change, before: datetime) -> int:
    """Forget alerts that were closed before a moment; return how many."""
    return change.connection.execute(sa.delete(alerts).where(alerts.c.closed_at < before.timestamp())).rowcount


def notices_due(connection: sa.Connection, now: datetime) -> bool:
    """Whether somebody is to be told something now."""
    return (
        connection.execute(sa.select(notices.c.id).where(notices.c.due_at <= now.timestamp()).limit(1)).first()
        is not None
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """All that one recipient is to be told, with the alerts."""

    owner: str
    target: str
    ids: tuple[str, ...]
    """The notices'."""
    news: tuple[tuple[News, Alert], ...]


def batches(connection: sa.Connection, now: datetime) -> Iterator[Batch]:
    """Yield what is to be told to each recipient for whom something is due, with what is due later for them."""
    query = sa.select(notices.c.owner, notices.c.target).where(notices.c.due_at <= now.timestamp()).distinct()
    width = len(notices.c)
    for owner, target in connection.execute(query.order_by(notices.c.owner, notices.c.target)).all():
        rows = connection.execute(
            sa.select(notices, *alerts.c)
            .join(alerts, alerts.c.id == notices.c.alert)
            .where(notices.c.owner == owner, notices.c.target == target)
            .order_by(notices.c.due_at, notices.c.id)
        )
        ids, news = [], []
        for row in rows:
            ids.append(row[0])
            news.append((News(row.news), _alert(row[width:])))
        yield Batch(owner, target, tuple(ids), tuple(news))


def told(change: Change, ids: Sequence[str]) -> int:
    """Forget notices that were put into the outbox; return how many there were."""
    return sum(
        change.connection.execute(sa.delete(notices).where(notices.c.id.in_(part))).rowcount for part in _parts(ids)
    )


def hasten(change: Change, owner: str, due_at: datetime) -> None:
    """Have what is to be told of an owner's locks told at a moment where it would be later."""
    moment = due_at.timestamp()
    later = sa.update(notices).where(notices.c.owner == owner, notices.c.due_at > moment)
    change.connection.execute(later.values(due_at=moment))


def drop_notices(change: Change, owner: str, target: str) -> None:
    """Forget what was to be told to a recipient."""
    change.connection.execute(sa.delete(notices).where(notices.c.owner == owner, notices.c.target == target))


def _parts(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while part := list(islice(rest, _AT_ONCE)):
        yield part


def _alert(row: Sequence[Any]) -> Alert:
    """Make an alert of a row with the columns of the table, in their order."""
    key, lock, owner, index, project, version, _, _, document, state, opened, changed, closed, end = row
    return Alert(
        key, lock, owner, index, project, version, _cause(document), AlertState(state),
        datetime.fromtimestamp(opened, UTC), datetime.fromtimestamp(changed, UTC),
        datetime.fromtimestamp(closed, UTC) if closed is not None else None, end,
    )  # fmt: skip


@lru_cache(_REMEMBERED)
def _cause(document: bytes) -> Cause:
    """Read a cause; the alerts of all locks that hold a release have the same."""
    return _CAUSE.decode(document)
