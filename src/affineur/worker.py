"""The worker: claims jobs and runs the operations they name; the timetable is a table in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec
import sqlalchemy as sa
import structlog

from affineur.errors import AffineurError, Invalid, StorageUnavailable
from affineur.model.jobs import Job, State
from affineur.operations.background import Background
from affineur.operations.bell import Bell
from affineur.operations.context import Context
from affineur.operations.courier import Courier, channels_of
from affineur.operations.lookout import Lookout
from affineur.operations.operation import Operation
from affineur.operations.table import BACKGROUND, TABLE
from affineur.storage.catalog import decisions, jobs
from affineur.storage.catalog.database import Change

_log = structlog.get_logger("affineur.worker")
_LOOK_EVERY = 1.0
"""Seconds between looks for jobs that nobody woke this worker for: those of other processes, and retries."""
_TIMETABLE_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the timetable: an operation without arguments, and how often it is run."""

    operation: str
    every: timedelta


TIMETABLE: tuple[Row, ...] = (
    Row("ledger verify", timedelta(days=1)),
    Row("job tidy", timedelta(days=1)),
    Row("advisories renew", timedelta(hours=1)),
    Row("cache trim", timedelta(minutes=10)),
    Row("record tidy", timedelta(hours=1)),
    Row("requirements read", timedelta(minutes=10)),
    Row("reevaluate", timedelta(days=1)),
    Row("monitor refresh", timedelta(hours=1)),
    Row("notify tidy", timedelta(days=1)),
)
"""What is done by the clock. A row missed while nothing ran is due at once, and only once."""

OPERATIONS = {operation.name: operation for operation in (*TABLE, *BACKGROUND)}
"""What a job may name."""


class Worker:
    """Runs jobs in this process, a few at a time, until told to stop.

    Any number of workers, in any number of processes and machines, share one catalog: a job is
    claimed by one of them, and claimed again only when that one was silent for a whole lease.
    """

    def __init__(
        self,
        context: Context,
        at_once: int = 2,
        timetable: Sequence[Row] = TIMETABLE,
        background: Background | None = None,
    ) -> None:
        """Work on `at_once` jobs at a time, and by a timetable; `background` is where faults are told."""
        self.context, self._timetable = context, timetable
        self._background = background or Background()
        self._free = asyncio.Semaphore(at_once)
        self._bell = Bell()
        self._running: set[asyncio.Task[None]] = set()
        self._courier = Courier(context.catalog, channels_of(context.config))
        self._lookout = Lookout(context)
        context.catalog.on_jobs(self.wake)

    def wake(self, identifiers: Sequence[str]) -> None:
        """Look for jobs now; the in-process dispatcher, called from any thread. Rows are read, not ids."""
        del identifiers
        self._bell.ring()

    async def run(self) -> None:
        """Work until cancelled; running jobs are then given back to other workers."""
        begin = self._background.begin
        kept = [
            begin("working on jobs", self._work),
            begin("keeping the timetable", self._keep_time),
            begin("sending messages", self._courier.run),
            begin("looking after locks", self._lookout.run),
        ]
        try:
            with self._bell.listened_to():
                await asyncio.wait(kept)  # which does not cancel them: to be told twice would end what they give back
        finally:
            for task in (*kept, *self._running):
                task.cancel()
            await asyncio.gather(*kept, *self._running, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            await self._free.acquire()
            try:
                job = await self._next()
            except BaseException:
                self._free.release()
                raise
            task = asyncio.create_task(self._attempt(job), name=f"job {job.kind}")
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._free.release()

    async def _next(self) -> Job:
        while True:
            self._bell.hush()
            with contextlib.suppress(StorageUnavailable):
                work = await self.context.catalog.read(_is_work, datetime.now(UTC))
                if work and (job := await self._claim()) is not None:
                    return job
            await self._bell.heard(_LOOK_EVERY)

    async def _claim(self) -> Job | None:
        """Claim a job; one that is claimed while this worker is told to stop is given back, not left to its lease."""
        claiming = asyncio.ensure_future(self.context.catalog.write(_claim))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with contextlib.suppress(AffineurError):
                if (job := await claiming) is not None:
                    await self.context.catalog.write(jobs.give_back, job)
            raise

    async def _attempt(self, job: Job) -> None:
        """Run a job while its lease is held; cancelled when it is lost."""
        work = asyncio.create_task(_run(self.context, job))
        lease = asyncio.create_task(self._hold(job))
        try:
            await asyncio.wait({work, lease}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                _log.error("job lost its lease", job=job.id, kind=job.kind)
                return
            await self._settle(job, AffineurError("it was ended") if work.cancelled() else work.exception())
        except asyncio.CancelledError:
            with contextlib.suppress(AffineurError):
                await asyncio.shield(self.context.catalog.write(jobs.give_back, job))
            raise
        except StorageUnavailable as error:
            _log.warning("job not settled; it is done again when its lease ends", job=job.id, problem=error.sentence)
        finally:
            for task in (work, lease):
                task.cancel()
            await asyncio.gather(work, lease, return_exceptions=True)

    async def _hold(self, job: Job) -> None:
        """Prolong the lease in time; return when it was lost. A database gone for a while is tried again."""
        while True:
            await asyncio.sleep(jobs.LEASE.total_seconds() / 3)
            with contextlib.suppress(StorageUnavailable):
                if not await self.context.catalog.write(jobs.prolong, job):
                    return

    async def _settle(self, job: Job, error: BaseException | None) -> None:
        if error is None:
            await self.context.catalog.write(jobs.finish, job)
            return
        problem = error.sentence if isinstance(error, AffineurError) else f"{type(error).__name__}: {error}"
        final = isinstance(error, Invalid)
        state = await self.context.catalog.write(jobs.fail, job, problem, final=final)
        told = _log.error if state is State.FAILED else _log.warning
        told("job failed", job=job.id, kind=job.kind, attempt=job.attempts, problem=problem, state=str(state))

    async def _keep_time(self) -> None:
        while True:
            with contextlib.suppress(StorageUnavailable):
                await self.context.catalog.write(add_due, self._timetable)
            await asyncio.sleep(_TIMETABLE_EVERY)


def _is_work(connection: sa.Connection, now: datetime) -> bool:
    return jobs.due(connection, now) or decisions.changing(connection, now)


def _claim(change: Change) -> Job | None:
    decisions.fall_due(change)
    return jobs.claim(change)


def add_due(change: Change, timetable: Sequence[Row]) -> None:
    """Add a job for every row of the timetable that is due."""
    for row in timetable:
        if jobs.fall_due(change, row.operation, row.every):
            jobs.add(change, row.operation, key=f"timetable: {row.operation}", priority=10)


async def _run(context: Context, job: Job) -> None:
    operation = _operation(job.kind)
    try:
        request = operation.checked(msgspec.convert(job.arguments, operation.request))
    except msgspec.ValidationError as error:
        raise Invalid(f"{job.kind}: {error}") from error
    result = await operation.run(replace(context, job=job), request)
    if operation.found(result):
        said = operation.say(result) if operation.say else "it found something"
        _log.error("a check found something", operation=operation.name, found=said)


def _operation(kind: str) -> Operation:
    if kind not in OPERATIONS:
        raise Invalid(f"{kind!r}: this version of affineur has no such operation")
    return OPERATIONS[kind]
