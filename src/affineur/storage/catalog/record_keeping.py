"""How long the record of downloads and page requests is kept, and how long it says who: in bounded steps."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from affineur.storage.catalog.database import Change
from affineur.storage.catalog.downloads import DAY, HOUR, LAG, NOBODY
from affineur.storage.catalog.schema import (
    clients,
    downloads,
    page_requests,
    record_gaps,
    record_marks,
    requested_files,
    requesters,
)
from affineur.storage.catalog.upsert import insert

STEP = 5_000
"""Rows of the record that one change touches at most; of page requests, those of an hour."""
_ANONYMOUS = "anonymous"
_LATE = 2 * DAY
"""Seconds by which records may come late, when the database was away."""


def forget(change: Change, before: datetime) -> int:
    """Delete some of the records made before a moment; return how many, 0 when none is left.

    What stood behind them (files, requesters, clients) goes with the last of them. Daily counts stay.
    """
    moment, connection = int(before.timestamp()), change.connection
    old = sa.select(downloads.c.id).where(downloads.c.at < moment).order_by(downloads.c.at).limit(STEP)
    gone = connection.execute(sa.delete(downloads).where(downloads.c.id.in_(old))).rowcount
    hours = sa.select(page_requests.c.hour).where(page_requests.c.hour < moment - HOUR)
    first = connection.execute(hours.order_by(page_requests.c.hour).limit(1)).scalar()
    if first is not None:
        gone += connection.execute(sa.delete(page_requests).where(page_requests.c.hour == first)).rowcount
    if not gone:
        _see(connection, NOBODY, moment)
        for table in (requested_files, requesters, clients):
            connection.execute(sa.delete(table).where(table.c.used_at < moment - LAG - HOUR))
        connection.execute(sa.delete(record_gaps).where(record_gaps.c.until < moment))
    return gone


def anonymise(change: Change, before: datetime) -> int:
    """Blank user, token and address in some of the records made before a moment; return how many, 0 when none is left.

    Where this ended the last time is kept, so that old records are not looked through again.
    """
    moment, connection = int(before.timestamp()), change.connection
    since = _mark(connection) - _LATE
    _see(connection, NOBODY, moment)
    column = downloads.c
    named = (
        sa.select(column.id)
        .where(column.at >= since, column.at < moment, column.requester_id != NOBODY)
        .order_by(column.at)
        .limit(STEP)
    )
    done = connection.execute(sa.update(downloads).where(column.id.in_(named)).values(requester_id=NOBODY)).rowcount
    done += _anonymise_pages(connection, since, moment)
    if not done:
        connection.execute(
            sa.delete(requesters).where(requesters.c.id != NOBODY, requesters.c.used_at < moment - LAG - HOUR)
        )
        mark = insert(connection, record_marks).values(name=_ANONYMOUS, at=moment)
        connection.execute(mark.on_conflict_do_update(index_elements=[record_marks.c.name], set_={"at": moment}))
    return done


def _mark(connection: sa.Connection) -> int:
    found = connection.execute(sa.select(record_marks.c.at).where(record_marks.c.name == _ANONYMOUS)).scalar()
    return found if found is not None else 0


def _see(connection: sa.Connection, requester: int, second: int) -> None:
    """Have the requester of whom nothing is known."""
    row = {"id": requester, "principal": "", "token": "", "address": "", "used_at": second}
    adding = insert(connection, requesters).values(row)
    connection.execute(
        adding.on_conflict_do_update(
            index_elements=[requesters.c.id], set_={"used_at": second}, where=requesters.c.used_at < second
        )
    )


def _anonymise_pages(connection: sa.Connection, since: int, before: int) -> int:
    """Join the page requests of one hour that has named ones; return how many these were."""
    column = page_requests.c
    hour = connection.execute(
        sa.select(column.hour)
        .where(column.hour >= since, column.hour < before - HOUR, column.requester_id != NOBODY)
        .order_by(column.hour)
        .limit(1)
    ).scalar()
    if hour is None:
        return 0
    named = (column.hour == hour, column.requester_id != NOBODY)
    sums = (
        sa.select(
            column.index_name, column.project, column.hour, sa.literal(NOBODY, sa.BigInteger), column.client_id,
            sa.func.sum(column.times),
        )
        .where(*named)
        .group_by(column.index_name, column.project, column.hour, column.client_id)
    )  # fmt: skip
    names = ["index_name", "project", "hour", "requester_id", "client_id", "times"]
    adding = insert(connection, page_requests).from_select(names, sums)
    connection.execute(
        adding.on_conflict_do_update(
            index_elements=list(page_requests.primary_key.columns),
            set_={"times": column.times + adding.excluded.times},
        )
    )
    return connection.execute(sa.delete(page_requests).where(*named)).rowcount
