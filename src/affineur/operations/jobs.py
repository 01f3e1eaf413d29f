"""Jobs, seen and asked for again."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec

from affineur.errors import Invalid
from affineur.model.jobs import Job, State
from affineur.operations.context import Context
from affineur.operations.fields import WHOLE, number
from affineur.operations.operation import argument, option
from affineur.storage.catalog import jobs
from affineur.storage.catalog.database import Change

_KEPT = timedelta(days=30)


class JobList(msgspec.Struct, frozen=True):
    """List jobs, the latest first: work done in the background."""

    state: Annotated[str, option("Only waiting, running, done or failed ones.")] = ""
    limit: Annotated[int, number("How many at most.", 1, WHOLE)] = 100


class JobRetry(msgspec.Struct, frozen=True):
    """Have a failed job tried again."""

    id: Annotated[str, argument("The job's id, as listed.")]


class JobTidy(msgspec.Struct, frozen=True):
    """Forget jobs that ended more than 30 days ago."""


class JobRow(msgspec.Struct, frozen=True):
    """A job as listed; `due` is when it may begin, for a running one when its lease ends."""

    id: str
    kind: str
    state: str
    attempts: int
    due: str
    problem: str


def _row(job: Job) -> JobRow:
    return JobRow(job.id, job.kind, job.state, job.attempts, job.due_at.isoformat(timespec="seconds"), job.problem)


async def list_jobs(context: Context, request: JobList) -> list[JobRow]:
    """Return jobs.

    Raises:
        Invalid: there is no such state.
    """
    if request.state and request.state not in set(State):
        raise Invalid(f"{request.state!r} is no state; there are {', '.join(State)}")
    state = State(request.state) if request.state else None
    return [_row(job) for job in await context.catalog.read(jobs.listed, state, request.limit)]


async def retry(context: Context, request: JobRetry) -> JobRow:
    """Have a failed job tried again.

    Raises:
        NotFound: there is no failed job of that id.
    """
    return _row(await context.catalog.write(jobs.retry, request.id))


async def tidy(context: Context, request: JobTidy) -> None:
    """Forget old jobs."""
    del request
    await context.catalog.write(_tidy)


def _tidy(change: Change) -> None:
    jobs.tidy(change, change.now - _KEPT)
