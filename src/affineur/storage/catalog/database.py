"""One writer thread that commits in groups, a small pool of readers; SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError

from affineur.errors import AffineurError, StorageFull, StorageUnavailable
from affineur.model.events import Event
from affineur.storage.catalog import ledger
from affineur.storage.catalog.migrate import migrate

P = ParamSpec("P")
T = TypeVar("T")

_log = structlog.get_logger("affineur.storage")
_LARGEST_GROUP = 64
_CLOSE = object()
_PATIENCE = 10.0
"""Seconds to wait for a SQLite database that another process holds."""
_TRIES = 5
_DISK_FULL = "53100"
_IN_THE_WAY = {"40P01", "40001"}
"""What PostgreSQL calls a full disk, a deadlock, a failed serialization (its appendix A)."""
_REACHABLE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Options of libpq, so that a server that vanished without a word is noticed, in seconds and milliseconds."""


@dataclass
class Change:
    """What every write is given: a connection inside the transaction, and the ledger."""

    connection: sa.Connection
    now: datetime
    events: list[Event] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    """Ids of the jobs and deliveries it adds: whoever does them is woken when it commits."""

    def enter(self, event: Event) -> None:
        """Enter an event into the ledger when the change commits."""
        self.events.append(event)


@dataclass
class _Write:
    change: Callable[[Change], Any]
    future: Future[Any]


@dataclass
class _Done:
    """What came of one change of a group."""

    write: _Write
    change: Change
    result: Any = None
    error: Exception | None = None


class Catalog:
    """The database. Questions are functions of a connection, changes functions of a `Change`."""

    def __init__(self, engine: sa.Engine, readers: int) -> None:
        self.engine = engine
        self._readers = ThreadPoolExecutor(readers, "catalog-reader")
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._listeners: list[Callable[[int], None]] = []
        self._dispatchers: list[Callable[[Sequence[str]], None]] = []
        self._writer = threading.Thread(target=self._write_loop, name="catalog-writer", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, url: str, *, readers: int = 4) -> Catalog:
        """Open and migrate the database at a SQLAlchemy address.

        Raises:
            StorageUnavailable: it cannot be opened.
        """
        sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {"connect_args": {"timeout": _PATIENCE} if sqlite else _REACHABLE}
        if not sqlite:
            options["pool_pre_ping"] = True
        engine = sa.create_engine(url, pool_size=readers + 2, **options)
        if sqlite:
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "begin", _begin_sqlite)
        try:
            migrate(engine)
        except DBAPIError as error:
            engine.dispose()
            raise StorageUnavailable(f"the database cannot be opened: {_in_one_line(error)}") from error
        except StorageUnavailable:
            engine.dispose()
            raise
        return cls(engine, readers)

    def on_commit(self, listener: Callable[[int], None]) -> None:
        """Have `listener` called with the ledger's head after each commit that entered something."""
        self._listeners.append(listener)

    def on_jobs(self, dispatcher: Callable[[Sequence[str]], None]) -> None:
        """Have `dispatcher` called with the ids of new jobs after each commit that added some."""
        self._dispatchers.append(dispatcher)

    async def read(self, question: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask a question on a reader thread.

        Raises:
            StorageUnavailable: the database does not answer.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, lambda: self.read_now(question, *args, **kwargs))

    def read_now(self, question: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask a question on this thread."""
        try:
            with self.engine.connect() as connection:
                return question(connection, *args, **kwargs)
        except DBAPIError as error:
            raise StorageUnavailable(f"the database does not answer: {_in_one_line(error)}") from error

    async def write(self, change: Callable[Concatenate[Change, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a change; durable when this returns.

        Raises:
            StorageUnavailable: the database cannot be written.
        """
        return await asyncio.wrap_future(self._submit(lambda c: change(c, *args, **kwargs)))

    def write_now(self, change: Callable[Concatenate[Change, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a change and wait for it on this thread."""
        return self._submit(lambda c: change(c, *args, **kwargs)).result()

    def _submit(self, change: Callable[[Change], T]) -> Future[T]:
        future: Future[T] = Future()
        self._queue.put(_Write(change, future))
        return future

    def close(self) -> None:
        """Finish pending writes and close every connection."""
        self._queue.put(_CLOSE)
        self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()

    def _write_loop(self) -> None:
        while True:
            first = self._queue.get()
            if first is _CLOSE:
                return
            group, closing = [first], False
            while len(group) < _LARGEST_GROUP and not self._queue.empty():
                item = self._queue.get()
                if item is _CLOSE:
                    closing = True
                    break
                group.append(item)
            self._commit(group)
            if closing:
                return

    def _commit(self, group: list[_Write]) -> None:
        """Commit a group of changes together and tell each caller what came of its own."""
        if group := [write for write in group if write.future.set_running_or_notify_cancel()]:
            self._together(group, _TRIES)

    def _together(self, group: list[_Write], tries: int) -> None:
        """Commit a group; one by one where it and another server's group are in each other's way.

        Nobody is told anything before the commit: what a change found may be undone with the group.
        """
        try:
            with self.engine.connect().execution_options(affineur_write=True) as connection, connection.begin():
                done = [_apply(connection, write) for write in group]
                events = [event for each in done for event in each.change.events]
                head = ledger.append(connection, events, time.time()) if events else None
        except Exception as error:  # noqa: BLE001 - whatever the database does, the writer must live to try again
            if tries and _in_the_way(error):
                for write in group:
                    self._together([write], tries - 1)
                return
            for write in group:
                write.future.set_exception(_failure(error))
        else:
            self._tell(done, head)

    def _tell(self, done: list[_Done], head: int | None) -> None:
        if head is not None:
            for listener in self._listeners:
                _call(listener, head)
        if jobs := [job for each in done for job in each.change.jobs]:
            for dispatcher in self._dispatchers:
                _call(dispatcher, jobs)
        for each in done:
            if each.error is not None:
                each.write.future.set_exception(each.error)
            else:
                each.write.future.set_result(each.result)


def _call(told: Callable[[Any], None], what: Any) -> None:
    """Tell somebody of a commit; a fault there is logged: it is committed, and the writer must live."""
    try:
        told(what)
    except Exception:  # noqa: BLE001 - the callers of every later change wait for this thread
        _log.exception("somebody could not be told of a commit")


def _apply(connection: sa.Connection, write: _Write) -> _Done:
    """Make one change of a group; where it fails it is undone alone.

    A row that another server wrote meanwhile under the same key is met by making the change again, which then
    sees it.
    """
    problem: Exception = StorageUnavailable("the change could not be made")
    for _ in range(_TRIES):
        change = Change(connection, datetime.now(UTC))
        try:
            with connection.begin_nested():
                return _Done(write, change, write.change(change))
        except sa.exc.IntegrityError as error:
            problem = StorageUnavailable(f"the change contradicts another: {_in_one_line(error)}")
        except DBAPIError as error:
            if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) or error.connection_invalidated:
                raise
            problem = _failure(error)
            break
        except Exception as error:  # noqa: BLE001 - a failing change must reach its caller, not end the writer
            problem = error
            break
    return _Done(write, Change(connection, datetime.now(UTC)), error=problem)


def _in_the_way(error: Exception) -> bool:
    """Whether a transaction failed for another one's sake: a deadlock, or a failed serialization."""
    driver = error.orig if isinstance(error, DBAPIError) else None
    return getattr(driver, "sqlstate", None) in _IN_THE_WAY


def _failure(error: Exception) -> AffineurError:
    """Return the error that callers are given for one of the database."""
    driver = error.orig if isinstance(error, DBAPIError) else None
    if getattr(driver, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(driver, "sqlstate", "") == _DISK_FULL:
        return StorageFull(0, 0)
    return StorageUnavailable(f"the database cannot be written: {_in_one_line(error)}")


def _in_one_line(error: Exception) -> str:
    """Return what the driver said, without its line breaks and hints."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return str(said).strip().partition("\n")[0]


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={_PATIENCE * 1000:.0f}", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    _use_wal(cursor)
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """Switch a new database to WAL; SQLite does not wait here, so several first starts must."""
    deadline = time.monotonic() + _PATIENCE
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("affineur_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
