"""The lookout: turns what changed into alerts of the locks concerned, and tells whom it concerns.

It goes by the ledger: what happened since it last looked names projects, these name the locks that
hold them, and only those releases are judged. So its work grows with what changed, not with what is
watched. What stands is compared with the alerts there are, so that doing it twice does no harm.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
import structlog

from affineur.errors import AffineurError, Conflict, ProjectUnknown, StorageUnavailable
from affineur.model.advisories import ProjectAdvisories
from affineur.model.alerts import Alert, AlertKind, AlertState, Cause, News, alert_id, news_of
from affineur.model.messages import Message
from affineur.model.names import IndexName, ProjectName
from affineur.operations import links, quiet_hours
from affineur.operations.bell import Bell
from affineur.operations.causes import Known
from affineur.operations.concerns import Concerned, concerned
from affineur.operations.context import Context
from affineur.operations.news import Letterhead, composed
from affineur.operations.readers import for_readers, readers
from affineur.operations.used import Look, Uses
from affineur.operations.watched import releases_of, used_by
from affineur.policy.gate import Screened
from affineur.storage import presence
from affineur.storage.catalog import (
    advisories,
    alerts,
    ledger,
    locks,
    lookout,
    outbox,
    preferences,
    signing_keys,
)
from affineur.storage.catalog.alerts import Batch, Notice
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.locks import Named
from affineur.storage.catalog.preferences import Preferences
from affineur.storage.known_advisories import gathered

_log = structlog.get_logger("affineur.lookout")
_LOOK_EVERY = 1.0
"""Seconds between looks at the ledger for what other processes entered."""
_GATHERED_FOR = 0.1
"""Seconds between two looks, so that a busy mirror is not asked after each of its entries."""
_ENTRIES = 1000
_PROJECTS = 100
"""How many projects are judged between two commits."""
_AT_ONCE = 8
"""How many are judged at a time: judging asks the database several questions, one after the other."""
_ASKED_FOR = 2.0
"""Seconds in which an upstream may tell who published what; news of advisories must not wait for it."""
_MESSAGES = 50
_FAR = 10_000
"""After so many entries that concern no lock the place in the ledger is written down."""
_FROM_RECORDS = frozenset({AlertKind.ADVISORY, AlertKind.MALWARE})
"""Kinds that need no page to be judged by."""
_END = "it does not hold for this release any more"


class Watched(NamedTuple):
    """A release that a lock holds, or that a watched user downloaded."""

    lock: str
    project: str
    version: str


class Lookout:
    """Looks after the locks in this process until told to stop; of several processes one does at a time."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._bell = Bell()
        self._seen = 0
        self._uses = Uses(context.catalog)
        context.catalog.on_commit(self.wake)

    def wake(self, serial: int = 0) -> None:
        """Look at the ledger now; called from any thread."""
        del serial
        self._bell.ring()

    async def run(self) -> None:
        """Look until cancelled."""
        with self._bell.listened_to():
            while True:
                self._bell.hush()
                with contextlib.suppress(StorageUnavailable):
                    while await self.look():
                        pass
                await self._bell.heard(_LOOK_EVERY)
                await asyncio.sleep(_GATHERED_FOR)

    async def look(self) -> bool:
        """Do what is to be done now; whether there may be more."""
        catalog = self.context.catalog
        serial = await catalog.read(lookout.serial)
        self._seen = max(self._seen, serial)
        entries = await catalog.read(ledger.after, self._seen, _ENTRIES)
        found = concerned(entries)
        matters = bool(found.locks or found.indexes) or (
            bool(found.projects) and await catalog.read(locks.any_holds, sorted(found.projects))
        )
        used = await self._uses.look()
        due = await catalog.read(alerts.notices_due, datetime.now(UTC))
        head = entries[-1].serial if entries else self._seen
        if not (matters or used or due or head - serial > _FAR):
            self._seen = head
            return len(entries) == _ENTRIES
        lease, folder = uuid.uuid4().hex, self.context.blobs.staging()
        with presence.shown(folder, lease):
            left = await catalog.read(lookout.leased)
            gone = left if presence.has_gone(folder, left) else ""
            if await catalog.write(lookout.claim, lease, gone) is None:
                return False
            if gone:
                presence.forget(folder, gone)
            try:
                await self._under(lease, used)
            except Conflict:
                return True
            except BaseException:
                with contextlib.suppress(AffineurError):
                    await asyncio.shield(catalog.write(lookout.done, lease, serial))
                raise
        return True

    async def _under(self, lease: str, used: Look | None) -> None:
        """Look at everything since the last time, whoever did that, and at what is `used`, and tell what is due."""
        catalog = self.context.catalog
        serial = await catalog.read(lookout.serial)
        entries = await catalog.read(ledger.after, serial, _ENTRIES)
        more = entries
        while len(more) == _ENTRIES:
            more = await catalog.read(ledger.after, more[-1].serial, _ENTRIES)
            entries += more
        began = time.monotonic()
        changed = concerned(entries) | used.concerned if used else concerned(entries)
        number = await look_after(self.context, lease, changed) if changed else 0
        if number:
            _log.info("locks looked after", projects=number, seconds=round(time.monotonic() - began, 2))
        await tell_due(self.context, lease)
        head = entries[-1].serial if entries else serial
        await catalog.write(lookout.done, lease, head)
        self._seen = max(self._seen, head)
        if used:
            self._uses.done(used)


async def look_after(context: Context, lease: str, changed: Concerned) -> int:
    """Bring the alerts about what changed up to date; return the number of projects looked at.

    Raises:
        Conflict: another process has the lease.
    """
    known = await context.catalog.read(locks.named)
    if not known:
        return 0
    await context.catch_up()
    indexes = {name for index in changed.indexes for name in context.config.resting_on(index)}
    every = "" in changed.indexes
    resting = {lock.name for lock in known.values() if every or lock.index in indexes}
    projects = changed.projects.union(*[await _projects_of(context, known[name]) for name in sorted(resting)])
    number = await _in_parts(context, lease, known, projects)
    for name in sorted(changed.locks & known.keys() - resting):
        number += await _in_parts(context, lease, known, await _projects_of(context, known[name]), name)
    return number


async def _projects_of(context: Context, lock: Named) -> frozenset[str]:
    """Return the projects that a lock watches, or that there are alerts about in it."""
    releases = await context.catalog.read(releases_of, lock)
    standing = await context.catalog.read(alerts.standing, (), [lock.name])
    return frozenset({project for project, _ in releases} | {alert.project for alert in standing})


async def _in_parts(
    context: Context, lease: str, known: Mapping[str, Named], projects: Collection[str], only: str = ""
) -> int:
    names, looked = sorted(projects), 0
    for start in range(0, len(names), _PROJECTS):
        part = names[start : start + _PROJECTS]
        held = await context.catalog.read(_held, part, known, only)
        matters = bool(held) or await context.catalog.read(alerts.any_standing, part)
        if matters:
            wanted: dict[tuple[str, str], set[str]] = {}
            for one in held:
                wanted.setdefault((known[one.lock].index, one.project), set()).add(one.version)
            found = await known_of(context, wanted)
            by_files = {
                (place[1], version) for place in wanted for version in wanted[place] if found[place].by_files(version)
            }
            named = await context.catalog.read(locks.files_named, by_files) if by_files else {}
            await context.catalog.write(_bring_up, lease, (part, only), held, found, known, named)
        looked += len({one.project for one in held})
        await asyncio.sleep(0)
    return looked


def _held(connection: sa.Connection, projects: Sequence[str], known: Mapping[str, Named], only: str) -> list[Watched]:
    """Return what is watched of some projects: in every lock, or in `only` one."""
    found = {
        Watched(held.lock, held.project, held.version)
        for held in locks.holding(connection, projects)
        if held.lock in known and (not only or held.lock == only)
    }
    uses = [lock for lock in known.values() if lock.use_of and (not only or lock.name == only)]
    if uses:
        found |= {Watched(name, use.project, use.version) for name, use in used_by(connection, uses, projects)}
    return sorted(found)


async def known_of(context: Context, wanted: Mapping[tuple[str, str], Collection[str]]) -> dict[tuple[str, str], Known]:
    """Return what is known now of (index, project), for the sake of some of its versions."""
    names = sorted({ProjectName(project) for _, project in wanted})
    packed = await context.catalog.read(gathered, names)
    records = {
        name: ProjectAdvisories(advisories.unpacked(document) for document in documents)
        for name, documents in packed.items()
    }
    none = ProjectAdvisories()
    found: dict[tuple[str, str], Known] = {}
    places = iter(sorted(wanted))
    until = asyncio.get_running_loop().time() + _ASKED_FOR

    async def work() -> None:
        for index, project in places:
            known = Known(records.get(ProjectName(project), none), await _screened(context, index, project))
            known.publishers = await _publishers(context, index, known, wanted[index, project], until)
            found[index, project] = known

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return found


async def _screened(context: Context, index: str, project: str) -> Screened | None:
    """Return a project's page with decisions by what is held; None where nothing is."""
    gated = context.indexes.get(IndexName(index))
    if gated is None:
        return None
    try:
        return await gated.judged_as_held(ProjectName(project))
    except ProjectUnknown:
        return None


async def _publishers(
    context: Context, index: str, known: Known, versions: Collection[str], until: float
) -> Mapping[str, str]:
    """Return who published what must be compared; nothing where it cannot be learnt until a moment of the loop."""
    files = known.to_compare(versions)
    if known.screened is None or not files:
        return {}
    try:
        async with asyncio.timeout_at(until):
            return await context.index(index).publishers(known.screened.page, files)
    except TimeoutError:
        return {}


def _bring_up(
    change: Change,
    lease: str,
    scope: tuple[Sequence[str], str],
    held: Sequence[Watched],
    found: Mapping[tuple[str, str], Known],
    known: Mapping[str, Named],
    named: Mapping[tuple[str, str, str], frozenset[str]],
) -> None:
    """Keep the alerts about some projects, in every lock or in one, as they are now, and what is to be told of them."""
    lookout.fence(change, lease)
    chosen = preferences.of(change.connection, sorted({lock.owner for lock in known.values()}))
    before: dict[Watched, list[Alert]] = {}
    for alert in alerts.standing(change.connection, scope[0]):
        if not scope[1] or alert.lock == scope[1]:
            before.setdefault(Watched(alert.lock, alert.project, alert.version), []).append(alert)
    fresh: list[Alert] = []
    news: list[tuple[News, Alert]] = []
    for watched in held:
        lock = known[watched.lock]
        project = found[lock.index, watched.project]
        locked = named.get((watched.lock, watched.project, watched.version), frozenset())
        causes = project.causes(watched.version, locked)
        whole = project.screened is not None
        made, told = _compared(watched, lock, causes, before.pop(watched, []), change.now, whole=whole)
        fresh += made
        news += told
    for gone in before.values():
        made, told = _closed(gone, "the lock does not hold it any more", change.now)
        fresh += made
        news += told
    alerts.keep(change, fresh)
    alerts.notify(
        change, [notice for kind, alert in news for notice in _notices(kind, alert, known, chosen, change.now)]
    )


def _compared(
    watched: Watched, lock: Named, causes: Sequence[Cause], standing: list[Alert], now: datetime, *, whole: bool
) -> tuple[list[Alert], list[tuple[News, Alert]]]:
    """Compare what is wrong with a release with the alerts there are; return those to keep, and the news.

    Unless the `whole` is known, the page too, alerts that were raised by it stay.
    """
    fresh: list[Alert] = []
    news: list[tuple[News, Alert]] = []
    left = list(standing)
    for cause in causes:
        known = next((alert for alert in left if alert.cause.is_as(cause)), None)
        if known is None:
            made = Alert(
                alert_id(watched.lock, watched.project, watched.version, cause), watched.lock, lock.owner, lock.index,
                watched.project, watched.version, cause, AlertState.OPEN, now, now,
            )  # fmt: skip
            fresh.append(made)
            news.append((News.OPENED, made))
            continue
        left.remove(known)
        if known.cause != cause:
            what = news_of(known.cause, cause)
            changed = replace(known, cause=cause, changed_at=now if what else known.changed_at)
            fresh.append(changed)
            news += [(what, changed)] if what else []
    gone = [alert for alert in left if whole or alert.cause.kind in _FROM_RECORDS]
    closed, told = _closed(gone, _END, now)
    return fresh + closed, news + told


def _closed(gone: Sequence[Alert], end: str, now: datetime) -> tuple[list[Alert], list[tuple[News, Alert]]]:
    """Return alerts as closed, and the news of it: of muted ones there are none."""
    closed = [replace(alert, state=AlertState.CLOSED, changed_at=now, closed_at=now, end=end) for alert in gone]
    told = [
        (News.CLOSED, after) for alert, after in zip(gone, closed, strict=True) if alert.state is not AlertState.MUTED
    ]
    return closed, told


def _notices(
    kind: News, alert: Alert, known: Mapping[str, Named], chosen: Mapping[str, Preferences], now: datetime
) -> Iterator[Notice]:
    lock = known.get(alert.lock)
    if lock is None or alert.state is AlertState.MUTED or (lock.muted_until is not None and now < lock.muted_until):
        return
    wishes = chosen[lock.owner]
    moment = quiet_hours.due(now, wishes, urgent=alert.cause.urgent and kind is not News.CLOSED)
    for target in lock.tell or wishes.tell:
        yield Notice(alert.id, lock.owner, target, kind, moment)


async def tell_due(context: Context, lease: str) -> int:
    """Put what is to be told now into the outbox; return how many messages that made.

    Raises:
        Conflict: another process has the lease.
    """
    now = datetime.now(UTC)
    batches = await context.catalog.read(_batches, now)
    if not batches:
        return 0
    owners = {batch.owner for batch in batches}
    batches = for_readers(batches, await readers(context.config, context.catalog, owners))
    key = await context.catalog.write(signing_keys.server_secret, links.NAME)
    head = Letterhead(context.origin, key, await context.catalog.read(locks.named))
    pairs = sorted({alert.project for batch in batches for _, alert in batch.news})
    holders: dict[tuple[str, str], list[str]] = {}
    for start in range(0, len(pairs), _PROJECTS):
        for held in await context.catalog.read(locks.holding, pairs[start : start + _PROJECTS]):
            holders.setdefault((held.project, held.version), []).append(held.lock)
    for start in range(0, len(batches), _MESSAGES):
        part = batches[start : start + _MESSAGES]
        messages = await asyncio.to_thread(_composed, part, head, holders)
        await context.catalog.write(_tell, lease, list(zip(part, messages, strict=True)))
    return len(batches)


def _batches(connection: sa.Connection, now: datetime) -> list[Batch]:
    return list(alerts.batches(connection, now))


def _composed(
    part: Sequence[Batch], head: Letterhead, holders: Mapping[tuple[str, str], Sequence[str]]
) -> list[Message | None]:
    return [composed(batch, head, holders) for batch in part]


def _tell(change: Change, lease: str, messages: Sequence[tuple[Batch, Message | None]]) -> None:
    lookout.fence(change, lease)
    for batch, message in messages:
        if alerts.told(change, batch.ids) and message is not None:
            event = hashlib.sha256(" ".join(sorted(batch.ids)).encode()).hexdigest()
            outbox.tell(change, [batch.target], message, event=event, owner=batch.owner)
