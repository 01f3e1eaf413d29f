"""Questions to the record of downloads and page requests: who took what, who asked for what, how often a day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from affineur.standards.user_agents import Client
from affineur.storage.catalog.downloads import DAY, HOUR, LAG
from affineur.storage.catalog.schema import (
    clients,
    daily_downloads,
    downloads,
    page_requests,
    record_gaps,
    requested_files,
    requesters,
)

_AT_ONCE = 500
_PART = 206
"""The status of an answer with a part of a file (RFC 9110 section 15.3.7)."""


_VERSIONS = sa.select(requested_files.c.version).where(requested_files.c.project == sa.bindparam("project")).distinct()
"""Made once: it is asked whenever a project is judged."""


def versions(connection: sa.Connection, project: str) -> frozenset[str]:
    """Return the versions of a project that were downloaded, as its file names spell them."""
    rows = connection.execute(_VERSIONS, {"project": project})
    return frozenset(row.version for row in rows if row.version)


@dataclass(frozen=True, slots=True)
class Requested:
    """A file that was downloaded through an index, under its number in the record."""

    id: int
    index: str
    project: str
    version: str
    filename: str


def of_index(connection: sa.Connection, index: str, since: datetime) -> list[Requested]:
    """Return the files that were downloaded through an index since a moment, by project."""
    query = (
        sa.select(requested_files)
        .where(requested_files.c.index_name == index, requested_files.c.used_at >= int(since.timestamp()) - LAG)
        .order_by(requested_files.c.project)
    )
    return [Requested(row.id, index, row.project, row.version, row.filename) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Used:
    """A release that somebody downloaded through an index, and when last."""

    principal: str
    token: str
    index: str
    project: str
    version: str
    last: datetime


def used(
    connection: sa.Connection,
    since: datetime,
    *,
    principals: Collection[str],
    tokens: Collection[str],
    projects: Sequence[str] | None = None,
) -> list[Used]:
    """Return which releases some principals, or some tokens, downloaded since a moment; of `projects` where given."""
    file, who = requested_files.c, requesters.c
    asking = sa.select(who.id).where(sa.or_(who.principal.in_(principals), who.token.in_(tokens)))
    columns = (who.principal, who.token, file.index_name, file.project, file.version)
    query = (
        sa.select(*columns, sa.func.max(downloads.c.at))
        .join(requested_files, file.id == downloads.c.file_id)
        .join(requesters, who.id == downloads.c.requester_id)
        .where(
            downloads.c.at >= int(since.timestamp()), downloads.c.status < 400, file.version != "",
            downloads.c.requester_id.in_(asking),
        )
        .group_by(*columns)
    )  # fmt: skip
    if projects is not None:
        query = query.where(file.project.in_(projects))
    return [Used(*row[:-1], _moment(row[-1])) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asked, as far as it is written down."""

    principal: str = ""
    token: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """The downloads of one release through one index by one requester with one client."""

    index: str
    version: str
    requester: Requester
    client: Client
    first: datetime
    last: datetime
    times: int
    partly: int
    """How many of them were for a part of a file."""


@dataclass(frozen=True, slots=True)
class Taking:
    """All downloads of some releases."""

    rows: tuple[Taken, ...] = ()
    """The newest first, no more than were asked for."""
    more: int = 0
    """How many rows there are besides."""
    times: int = 0
    requesters: int = 0
    first: datetime | None = None
    last: datetime | None = None


def taken(
    connection: sa.Connection,
    project: str,
    versions: Sequence[str] | None = None,
    *,
    index: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Taking:
    """Return the downloads of a project, or of some versions, from one moment until before another."""
    file = requested_files.c
    wanted = sa.select(file.id).where(file.project == project)
    if versions is not None:
        wanted = wanted.where(file.version.in_(versions))
    if index:
        wanted = wanted.where(file.index_name == index)
    column = downloads.c
    chosen = [column.file_id.in_(wanted), *_between(column.at, since, until)]
    rows = connection.execute(_joined(chosen, limit)).all()
    if not rows:
        return Taking()
    who = _requesters(connection, {row.requester_id for row in rows})
    what = _clients(connection, {row.client_id for row in rows})
    told = tuple(
        Taken(
            row.index_name, row.version, who.get(row.requester_id, Requester()), what.get(row.client_id, Client()),
            _moment(row.first), _moment(row.last), int(row.times), int(row.partly),
        )
        for row in rows
    )  # fmt: skip
    total = rows[0]
    begin, end = _moment(total.all_first), _moment(total.all_last)
    return Taking(told, total.rows - len(rows), int(total.all_times), total.requesters, begin, end)


def _joined(chosen: Sequence[sa.ColumnElement[bool]], limit: int | None) -> sa.Select[Any]:
    """Return the query for downloads joined by index, version, requester and client, each row with the sums of all.

    They are joined by file first, in the order of the index on them, so that no row of the record has to be sorted;
    and once, for the rows and for the sums.
    """
    column, function = downloads.c, sa.func
    each = (column.file_id, column.requester_id, column.client_id)
    partly = sa.case((column.status == _PART, column.times), else_=0)
    of_file = (
        sa.select(
            *each, function.min(column.at).label("first"), function.max(column.at).label("last"),
            function.sum(column.times).label("times"), function.sum(partly).label("partly"),
        )
        .where(*chosen)
        .group_by(*each)
        .subquery()
    )  # fmt: skip
    one, file = of_file.c, requested_files.c
    key = (file.index_name, file.version, one.requester_id, one.client_id)
    joined = (
        sa.select(
            *key, function.min(one.first).label("first"), function.max(one.last).label("last"),
            function.sum(one.times).label("times"), function.sum(one.partly).label("partly"),
        )
        .select_from(of_file.join(requested_files, file.id == one.file_id))
        .group_by(*key)
        .cte("joined")
    )  # fmt: skip
    told = joined.c
    whole = sa.select(
        function.count().label("rows"), function.count(told.requester_id.distinct()).label("requesters"),
        function.min(told.first).label("all_first"), function.max(told.last).label("all_last"),
        function.sum(told.times).label("all_times"),
    ).subquery()  # fmt: skip
    return (
        sa.select(joined, whole)
        .join_from(joined, whole, sa.true())
        .order_by(told.last.desc(), told.first.desc())
        .limit(limit)
    )


def gaps(connection: sa.Connection, since: datetime | None = None, until: datetime | None = None) -> int:
    """Return how many downloads between two moments could not be written down."""
    column = record_gaps.c
    query = sa.select(sa.func.coalesce(sa.func.sum(column.times), 0))
    if since is not None:
        query = query.where(column.until >= int(since.timestamp()))
    if until is not None:
        query = query.where(column.since < int(until.timestamp()))
    return int(connection.execute(query).scalar_one())


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for within an hour by one principal with one client: a file, or with "" the project's page."""

    filename: str
    principal: str
    client: str
    """Name and version of the tool."""
    first: datetime
    last: datetime
    times: int


def asked(connection: sa.Connection, files: Sequence[Requested], since: datetime) -> dict[str, list[Asked]]:
    """Return the downloads of some files since a moment by project, those of an hour together."""
    column = downloads.c
    by_id = {file.id: file for file in files}
    rows: list[Any] = []
    for part in _parts(list(by_id)):
        rows += connection.execute(
            sa.select(
                column.file_id, column.requester_id, column.client_id, sa.func.min(column.at), sa.func.max(column.at),
                sa.func.sum(column.times),
            )
            .where(column.file_id.in_(part), column.at >= int(since.timestamp()))
            .group_by(column.file_id, column.requester_id, column.client_id, column.at // HOUR)
        ).all()  # fmt: skip
    return _asked(connection, [(by_id[row[0]].project, by_id[row[0]].filename, *row[1:]) for row in rows])


def pages_asked(
    connection: sa.Connection, index: str, projects: Sequence[str], since: datetime
) -> dict[str, list[Asked]]:
    """Return the requests for the pages of some projects since a moment, by project and hour."""
    column = page_requests.c
    rows: list[Any] = []
    for part in _parts(projects):
        rows += connection.execute(
            sa.select(column.project, column.requester_id, column.client_id, column.hour, column.times).where(
                column.index_name == index,
                column.project.in_(part),
                column.hour >= int(since.timestamp()) // HOUR * HOUR,
            )
        ).all()
    return _asked(connection, [(row[0], "", row[1], row[2], row[3], row[3], row[4]) for row in rows])


def pages_of_index(connection: sa.Connection, index: str, since: datetime) -> list[str]:
    """Return the projects whose pages were asked for in an index since a moment, by name."""
    column = page_requests.c
    query = (
        sa.select(column.project)
        .where(column.index_name == index, column.hour >= int(since.timestamp()) // HOUR * HOUR)
        .distinct()
        .order_by(column.project)
    )
    return list(connection.execute(query).scalars())


def _asked(connection: sa.Connection, rows: Sequence[Any]) -> dict[str, list[Asked]]:
    """Make rows of (project, filename, requester, client, first, last, times) into what was asked, by project."""
    who = _requesters(connection, {row[2] for row in rows})
    what = _clients(connection, {row[3] for row in rows})
    found: dict[str, list[Asked]] = {}
    for project, filename, requester, client, first, last, times in rows:
        told = Asked(
            filename, who.get(requester, Requester()).principal, what.get(client, Client()).product,
            _moment(first), _moment(last), int(times),
        )  # fmt: skip
        found.setdefault(project, []).append(told)
    return found


def _requesters(connection: sa.Connection, ids: Iterable[int]) -> dict[int, Requester]:
    rows = [row for part in _parts(sorted(ids)) for row in connection.execute(_those(requesters, part))]
    return {row.id: Requester(row.principal, row.token, row.address) for row in rows}


def _clients(connection: sa.Connection, ids: Iterable[int]) -> dict[int, Client]:
    rows = [row for part in _parts(sorted(ids)) for row in connection.execute(_those(clients, part))]
    return {row.id: Client(row.name, row.version, row.python, row.platform, row.ci) for row in rows}


def _those(table: sa.Table, ids: Sequence[int]) -> sa.Select[Any]:
    return sa.select(table).where(table.c.id.in_(ids))


def _parts(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


def _between(column: sa.Column[int], since: datetime | None, until: datetime | None) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if since is not None:
        found.append(column >= int(since.timestamp()))
    if until is not None:
        found.append(column < int(until.timestamp()))
    return found


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


COUNTED_BY = ("project", "version", "index", "client", "python", "platform", "ci")
"""What downloads are counted by each day."""


@dataclass(frozen=True, slots=True)
class Count:
    """How often something was downloaded, and the first and last day of it."""

    what: str
    times: int
    first: date
    last: date


def counts(
    connection: sa.Connection,
    by: str,
    *,
    project: str = "",
    index: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 0,
) -> list[Count]:
    """Return how often files were downloaded by what they were (one of `COUNTED_BY`), the most first; 0: no limit."""
    column = daily_downloads.c
    of = column[{"index": "index_name"}.get(by, by)]
    times = sa.func.sum(column.times)
    query = (
        sa.select(of, times, sa.func.min(column.day), sa.func.max(column.day)).group_by(of).order_by(times.desc(), of)
    )
    if project:
        query = query.where(column.project == project)
    if index:
        query = query.where(column.index_name == index)
    if since is not None:
        query = query.where(column.day >= int(since.timestamp()) // DAY)
    if until is not None:
        query = query.where(column.day <= (int(until.timestamp()) - 1) // DAY)
    rows = connection.execute(query.limit(limit) if limit else query)
    return [Count(_text(row[0]), int(row[1]), _day(row[2]), _day(row[3])) for row in rows]


def _text(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _day(number: int) -> date:
    return _moment(number * DAY).date()
