"""Jobs: rows with a lease, so that work survives whoever does it.

A running job belongs to its owner until the lease ends; the owner prolongs it while it works. A
worker that dies, or stops answering, loses the job to the next one that looks. `fence` makes the
writes of an attempt depend on its lease: the late writes of one that lost it change nothing.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from affineur.errors import Conflict, NotFound
from affineur.model.jobs import Job, State
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import jobs, timetable
from affineur.storage.catalog.upsert import insert

LEASE = timedelta(seconds=30)
"""How long a worker may be silent before its job is given to another."""
MOST_ATTEMPTS = 5
_FIRST_PAUSE = timedelta(seconds=5)


def add(
    change: Change,
    kind: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    priority: int = 0,
    delay: timedelta = timedelta(),
) -> str | None:
    """Add a job in the same commit as the change that asks for it; return its id.

    Of jobs with one `key` only one waits or runs: where there is one already, nothing is added
    and None returned. A lower `priority` goes first. It is not begun before `delay` is over.
    """
    identifier, now = uuid.uuid4().hex, change.now
    row = {
        "id": identifier, "kind": kind, "arguments": json.dumps(dict(arguments or {})), "unique_key": key,
        "priority": priority, "state": State.WAITING, "added_at": now.timestamp(),
        "due_at": (now + delay).timestamp(), "attempts": 0, "owner": "", "problem": "",
    }  # fmt: skip
    if not _insert(change.connection, jobs, row):
        return None
    change.jobs.append(identifier)
    return identifier


def due(connection: sa.Connection, now: datetime) -> bool:
    """Whether there is a job to claim."""
    return connection.execute(sa.select(jobs.c.id).where(_claimable(now)).limit(1)).first() is not None


def claim(change: Change) -> Job | None:
    """Take the next job that is due, or whose lease ended, for a lease; None where there is none.

    A lease that ends much later than one taken now would was written before the clock was set back,
    and counts as ended. A job that was begun too often without an end is marked failed.
    """
    while True:
        row = change.connection.execute(
            sa.select(jobs)
            .where(_claimable(change.now))
            .order_by(jobs.c.priority, jobs.c.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).first()
        if row is None:
            return None
        if row.attempts >= MOST_ATTEMPTS:
            _end(change, row.id, State.FAILED, row.problem or "whoever did it died each time")
            continue
        owner = uuid.uuid4().hex
        until = change.now + LEASE
        change.connection.execute(
            sa.update(jobs)
            .where(jobs.c.id == row.id)
            .values(state=State.RUNNING, owner=owner, due_at=until.timestamp(), attempts=row.attempts + 1)
        )
        return find(change.connection, row.id)


def prolong(change: Change, job: Job) -> bool:
    """Renew the lease; False when it was lost, and the work must stop."""
    return _mine(change, job, due_at=(change.now + LEASE).timestamp())


def fence(change: Change, job: Job) -> None:
    """Make the change depend on the job's lease: call it first in every change that the work makes.

    Raises:
        Conflict: another worker has the job now; nothing of the change is kept.
    """
    if not prolong(change, job):
        raise Conflict(f"the job {job.id} ({job.kind}) was given to another worker")


def finish(change: Change, job: Job) -> bool:
    """Mark the job done; False when its lease was lost, and another does it again."""
    if not prolong(change, job):
        return False
    _end(change, job.id, State.DONE, "")
    return True


def fail(change: Change, job: Job, problem: str, *, final: bool = False) -> State | None:
    """Note that an attempt failed; tried again after a pause that doubles, until attempts run out.

    Return how the job stands now, or None when its lease was lost.
    """
    if not prolong(change, job):
        return None
    if final or job.attempts >= MOST_ATTEMPTS:
        _end(change, job.id, State.FAILED, problem)
        return State.FAILED
    due = change.now + _FIRST_PAUSE * 2 ** (job.attempts - 1)
    _mine(change, job, state=State.WAITING, due_at=due.timestamp(), problem=problem)
    return State.WAITING


def give_back(change: Change, job: Job) -> None:
    """Let another worker begin the job at once, the attempt not counted: this one is told to stop."""
    _mine(change, job, state=State.WAITING, due_at=change.now.timestamp(), attempts=job.attempts - 1)
    change.jobs.append(job.id)


def retry(change: Change, identifier: str) -> Job:
    """Have a failed job tried again from the start.

    Raises:
        NotFound: there is no failed job of that id.
    """
    result = change.connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == identifier, jobs.c.state == State.FAILED)
        .values(state=State.WAITING, attempts=0, due_at=change.now.timestamp(), ended_at=None)
    )
    job = find(change.connection, identifier)
    if result.rowcount == 0 or job is None:
        raise NotFound(f"{identifier}: no failed job of this id; see affineur job list")
    change.jobs.append(identifier)
    return job


def fall_due(change: Change, name: str, every: timedelta) -> bool:
    """Whether a row of the timetable is due now; it is then set to its next time.

    Of several workers that ask only one is told True. The first time is now. A time further away
    than one period was set before the clock was set back, and is set anew.
    """
    now = change.now.timestamp()
    row = change.connection.execute(sa.select(timetable).where(timetable.c.name == name).with_for_update()).first()
    if row is not None and now < row.due_at <= now + every.total_seconds():
        return False
    due_at = now + every.total_seconds()
    if row is None:
        return _insert(change.connection, timetable, {"name": name, "due_at": due_at})
    change.connection.execute(sa.update(timetable).where(timetable.c.name == name).values(due_at=due_at))
    return bool(row.due_at <= now)


def tidy(change: Change, before: datetime) -> int:
    """Forget the jobs that ended before a moment; return how many."""
    return change.connection.execute(sa.delete(jobs).where(jobs.c.ended_at < before.timestamp())).rowcount


def find(connection: sa.Connection, identifier: str) -> Job | None:
    """Return a job, or None."""
    row = connection.execute(sa.select(jobs).where(jobs.c.id == identifier)).first()
    return _job(row) if row else None


def listed(connection: sa.Connection, state: State | None = None, limit: int = 100) -> list[Job]:
    """Return jobs, the latest first."""
    query = sa.select(jobs).order_by(jobs.c.added_at.desc(), jobs.c.id).limit(limit)
    if state is not None:
        query = query.where(jobs.c.state == state)
    return [_job(row) for row in connection.execute(query)]


def counts(connection: sa.Connection) -> dict[State, int]:
    """Return how many jobs there are in each state."""
    rows = connection.execute(sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state))
    return {State(state): count for state, count in rows}


def _claimable(now: datetime) -> sa.ColumnElement[bool]:
    """Rows that are due, and running ones whose lease ended."""
    moment = now.timestamp()
    # Twice the lease: the clock of whoever took it may be ahead of this one.
    lost = sa.or_(jobs.c.due_at <= moment, jobs.c.due_at > moment + 2 * LEASE.total_seconds())
    return sa.or_(
        sa.and_(jobs.c.state == State.WAITING, jobs.c.due_at <= moment), sa.and_(jobs.c.state == State.RUNNING, lost)
    )


def _insert(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> bool:
    """Insert a row unless a key of it is taken, by whichever process; whether it was inserted."""
    statement = insert(connection, table).values(row).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None


def _mine(change: Change, job: Job, **values: Any) -> bool:
    """Change the row if this attempt still has the lease."""
    result = change.connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == job.id, jobs.c.owner == job.owner, jobs.c.state == State.RUNNING)
        .values(**values)
    )
    return result.rowcount == 1


def _end(change: Change, identifier: str, state: State, problem: str) -> None:
    """Mark a job ended; its key is free again."""
    change.connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == identifier)
        .values(state=state, unique_key=None, owner="", ended_at=change.now.timestamp(), problem=problem)
    )


def _job(row: sa.Row) -> Job:  # type: ignore[type-arg]
    return Job(
        row.id, row.kind, json.loads(row.arguments), State(row.state), row.attempts,
        datetime.fromtimestamp(row.added_at, UTC), datetime.fromtimestamp(row.due_at, UTC), row.owner,
        datetime.fromtimestamp(row.ended_at, UTC) if row.ended_at is not None else None, row.problem,
    )  # fmt: skip
