"""Advisories as they are kept: the records of feeds, and what upstreams said of single versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import msgspec
import sqlalchemy as sa

from affineur.model.advisories import Advisory, canonical
from affineur.model.events import Event
from affineur.model.names import ProjectName
from affineur.storage.catalog import jobs
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.portions import portions
from affineur.storage.catalog.schema import advisories, advisory_feeds, told_advisories

_DECODER = msgspec.msgpack.Decoder(Advisory)
_LIST_DECODER = msgspec.msgpack.Decoder(list[Advisory])
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
TOLD_FOR = timedelta(days=1)
"""How long after an upstream was asked about a version it is asked again."""
_SOON = timedelta(minutes=10)
_BEGINNING = datetime.fromtimestamp(0, UTC)
CHANGED = "advisories.changed"
"""The kind of the ledger's event; its data name the projects concerned."""
CHECKED = "advisories.checked"
"""The kind of the event that a feed was looked at; its data say whether that had not been done for long."""
_LONG = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Feed:
    """A file, folder or address that records were taken from."""

    name: str
    imported_at: datetime
    """When something was last taken from it."""
    checked_at: datetime
    """When it was last looked at, with or without changes."""
    newest: datetime | None
    """The time of the last change to any of its records."""
    records: int
    unreadable: int
    etag: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an import; numbers of records."""

    changed: int
    unchanged: int
    older: int
    """Records that are held in a later form."""
    projects: tuple[ProjectName, ...]
    """Those concerned by what changed."""


@dataclass(frozen=True, slots=True)
class Totals:
    """What is held."""

    records: int
    malware: int
    withdrawn: int
    projects: int


def packed(advisory: Advisory) -> bytes:
    """Return an advisory as it is kept, without its details, which stand in a column of their own."""
    return _ENCODER.encode(replace(advisory, details=""))


def unpacked(document: bytes) -> Advisory:
    """Return the advisory that `packed` made."""
    return _DECODER.decode(document)


def store(change: Change, feed: Feed, records: Mapping[str, Sequence[Advisory]]) -> Outcome:
    """Take records in, by id, and note where they came from; all or nothing.

    A record replaces the one of the same id unless it is older. What the record no longer names is
    forgotten with it. The ledger is told which projects are concerned.
    """
    held = _held(change.connection)
    changed: list[str] = []
    unchanged = older = 0
    touched: set[ProjectName] = set()
    rows: list[dict[str, object]] = []
    for identifier, parts in records.items():
        before = held.get(identifier, {})
        made = {part.project: packed(part) for part in parts}
        if before and made and _modified(parts) < max(modified for modified, _ in before.values()):
            older += 1
        elif {project: document for project, (_, document) in before.items()} == made:
            unchanged += bool(made)
        else:
            changed.append(identifier)
            touched |= made.keys() | before.keys()
            rows += [_row(part, made[part.project]) for part in parts]
    _replace(change.connection, [name for name in changed if name in held], rows)
    _enter_check(change, feed.name, len(changed))
    _note(change.connection, feed)
    names = tuple(sorted(touched))
    _tell(change, feed.name, names)
    return Outcome(len(changed), unchanged, older, names)


def _modified(parts: Iterable[Advisory]) -> float:
    return max((part.modified or _BEGINNING).timestamp() for part in parts)


def _row(part: Advisory, document: bytes) -> dict[str, object]:
    return {
        "id": part.id, "project": part.project, "kind": part.kind.value, "document": document, "details": part.details,
        "modified": (part.modified or _BEGINNING).timestamp(), "withdrawn": part.withdrawn is not None,
    }  # fmt: skip


def _held(connection: sa.Connection) -> dict[str, dict[ProjectName, tuple[float, bytes]]]:
    found: dict[str, dict[ProjectName, tuple[float, bytes]]] = {}
    columns = advisories.c.id, advisories.c.project, advisories.c.modified, advisories.c.document
    for identifier, project, modified, document in connection.execute(sa.select(*columns)):
        found.setdefault(identifier, {})[project] = (modified, document)
    return found


def _replace(connection: sa.Connection, gone: Sequence[str], rows: Sequence[dict[str, object]]) -> None:
    for some in portions(gone):
        connection.execute(sa.delete(advisories).where(advisories.c.id.in_(some)))
    if rows:
        connection.execute(sa.insert(advisories), rows)


def _note(connection: sa.Connection, feed: Feed) -> None:
    connection.execute(sa.delete(advisory_feeds).where(advisory_feeds.c.name == feed.name))
    connection.execute(
        sa.insert(advisory_feeds).values(
            name=feed.name, imported_at=feed.imported_at.timestamp(), checked_at=feed.checked_at.timestamp(),
            newest=feed.newest.timestamp() if feed.newest else None, records=feed.records,
            unreadable=feed.unreadable, etag=feed.etag,
        )
    )  # fmt: skip


def _enter_check(change: Change, feed: str, changed: int) -> None:
    last = change.connection.execute(sa.select(sa.func.max(advisory_feeds.c.checked_at))).scalar_one()
    renewed = last is None or change.now.timestamp() - last > _LONG.total_seconds()
    change.enter(Event(CHECKED, data={"origin": feed, "changed": changed, "renewed": renewed}))
    if renewed and last is not None:
        # What was held because the records were old is so no more.
        jobs.add(change, "reevaluate", priority=10)


def _tell(change: Change, origin: str, projects: Sequence[ProjectName]) -> None:
    for some in portions(projects):
        data = {"origin": origin, "projects": list(some)}
        change.enter(Event(CHANGED, data=data))
        jobs.add(change, "reevaluate", {"projects": data["projects"]})


def concerned(event: Event) -> tuple[ProjectName, ...]:
    """Return the projects whose files an event asks to be judged again; none for events of other kinds."""
    return tuple(ProjectName(name) for name in event.data["projects"]) if event.kind == CHANGED else ()


def touch(change: Change, feed: str) -> None:
    """Note that a feed was looked at and had nothing new."""
    _enter_check(change, feed, 0)
    change.connection.execute(
        sa.update(advisory_feeds).where(advisory_feeds.c.name == feed).values(checked_at=change.now.timestamp())
    )


def feeds(connection: sa.Connection) -> list[Feed]:
    """Return the feeds that were imported, the one looked at last first."""
    rows = connection.execute(sa.select(advisory_feeds).order_by(advisory_feeds.c.checked_at.desc()))
    return [
        Feed(
            row.name, datetime.fromtimestamp(row.imported_at, UTC), datetime.fromtimestamp(row.checked_at, UTC),
            datetime.fromtimestamp(row.newest, UTC) if row.newest is not None else None,
            row.records, row.unreadable, row.etag,
        )
        for row in rows
    ]  # fmt: skip


def totals(connection: sa.Connection) -> Totals:
    """Return how much is held of what feeds brought."""
    ids = sa.func.count(sa.distinct(advisories.c.id))
    records = connection.execute(sa.select(ids)).scalar_one()
    malware = connection.execute(sa.select(ids).where(advisories.c.kind == "malware")).scalar_one()
    withdrawn = connection.execute(sa.select(ids).where(advisories.c.withdrawn)).scalar_one()
    projects = connection.execute(sa.select(sa.func.count(sa.distinct(advisories.c.project)))).scalar_one()
    return Totals(records, malware, withdrawn, projects)


def details(connection: sa.Connection, identifier: str, project: str) -> str:
    """Return the long text of a record; "" where there is none."""
    query = sa.select(advisories.c.details).where(advisories.c.id == identifier, advisories.c.project == project)
    return connection.execute(query).scalar_one_or_none() or ""


def descriptions(connection: sa.Connection, identifiers: Sequence[str]) -> dict[tuple[str, str], str]:
    """Return the long texts of records, by id and project; those that have one."""
    found: dict[tuple[str, str], str] = {}
    columns = advisories.c.id, advisories.c.project, advisories.c.details
    for some in portions(identifiers):
        for row in connection.execute(sa.select(*columns).where(advisories.c.id.in_(some))):
            found[row.id, row.project] = row.details
    return found


def standing(
    connection: sa.Connection, projects: Sequence[ProjectName] | None = None
) -> Iterator[tuple[ProjectName, bytes]]:
    """Yield the packed advisories that are not withdrawn, of every project or of those given."""
    columns = advisories.c.project, advisories.c.document
    query = sa.select(*columns).where(sa.not_(advisories.c.withdrawn))
    for query_part in _parts(query, advisories.c.project, projects):
        for row in connection.execute(query_part):
            yield ProjectName(row.project), row.document


def told(
    connection: sa.Connection, projects: Sequence[ProjectName] | None = None
) -> Iterator[tuple[ProjectName, bytes]]:
    """Yield what upstreams said of single versions, packed, of every project or of those given."""
    query = sa.select(told_advisories.c.project, told_advisories.c.document).where(told_advisories.c.holes > 0)
    for query_part in _parts(query, told_advisories.c.project, projects):
        for row in connection.execute(query_part):
            yield from ((ProjectName(row.project), packed(said)) for said in _LIST_DECODER.decode(row.document))


def _parts(
    query: sa.Select[tuple[str, bytes]], column: sa.Column[str], projects: Sequence[ProjectName] | None
) -> Iterator[sa.Select[tuple[str, bytes]]]:
    if projects is None:
        yield query
        return
    for some in portions(projects):
        yield query.where(column.in_(some))


def note_told(
    change: Change, source: str, project: ProjectName, version: str, said: Sequence[Advisory], *, soon: bool = False
) -> None:
    """Keep what an upstream's JSON API says of one version in place of what it said before.

    `soon`: it did not answer; what it said before stays, and it is to be asked again within minutes.
    """
    document = _ENCODER.encode(list(said))
    here = sa.and_(
        told_advisories.c.source == source, told_advisories.c.project == project, told_advisories.c.version == version
    )
    before = change.connection.execute(sa.select(told_advisories.c.document).where(here)).scalar_one_or_none()
    if soon and before is not None:
        document, said = before, _LIST_DECODER.decode(before)
    change.connection.execute(sa.delete(told_advisories).where(here))
    change.connection.execute(
        sa.insert(told_advisories).values(
            source=source, project=project, version=version, holes=len(said), document=document,
            checked_at=(change.now - (TOLD_FOR - _SOON if soon else timedelta())).timestamp(),
        )
    )  # fmt: skip
    if document != (before or _ENCODER.encode([])):
        _tell(change, source, [project])


_ASKED = sa.select(told_advisories.c.version).where(
    told_advisories.c.source == sa.bindparam("source"), told_advisories.c.project == sa.bindparam("project")
)
"""Made once: it is asked whenever a project is judged."""


def asked(connection: sa.Connection, source: str, project: str) -> frozenset[str]:
    """Return the versions that an upstream was asked about, in canonical form."""
    rows = connection.execute(_ASKED, {"source": source, "project": project})
    return frozenset(canonical(row.version) for row in rows)


def to_ask_again(connection: sa.Connection, now: datetime, limit: int) -> list[tuple[str, ProjectName, str]]:
    """Return (source, project, version) of what upstreams were asked about too long ago, the oldest first."""
    rows = connection.execute(
        sa.select(told_advisories)
        .where(told_advisories.c.checked_at < (now - TOLD_FOR).timestamp())
        .order_by(told_advisories.c.checked_at)
        .limit(limit)
    )
    return [(row.source, ProjectName(row.project), row.version) for row in rows]
