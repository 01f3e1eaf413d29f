"""Locks of projects that are watched, and the alerts about them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from affineur.errors import Conflict, Forbidden, Invalid, NotFound
from affineur.model.alerts import Alert, AlertState
from affineur.model.locks import Lock, LockKind
from affineur.model.names import ProjectName
from affineur.model.printable import printable_lines
from affineur.operations.context import Context
from affineur.operations.fields import number
from affineur.operations.news import said_of
from affineur.operations.operation import Document, argument, documents_option, option, texts_of
from affineur.operations.readers import readers
from affineur.operations.recipients import feed_name, new_secrets, targets_of
from affineur.operations.watched import administers, may_read, owned, readable, releases_of
from affineur.standards.locks.read import read_lock
from affineur.storage.catalog import alerts, jobs, locks, principals, signing_keys
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.locks import KeptLock, Pinned

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LONGEST_DAYS = 3650.0
_LARGEST = 8 * 2**20


class MonitorAdd(msgspec.Struct, frozen=True):
    """Watch a lock, and be told when something in it needs attention; a lock of the same name is replaced."""

    name: Annotated[str, argument("The lock's name: letters, digits and . _ - /.")]
    lock: Annotated[
        tuple[Document, ...],
        documents_option(
            "The lock file: requirements, pylock.toml, Pipfile.lock, poetry.lock and others.", "-r", follow=True
        ),
    ] = ()
    index: Annotated[str, option("The index it is installed from. Empty: the default one.")] = ""
    owner: Annotated[str, option("Whose it is; empty: yours, or whose it was. Others' takes an administrator.")] = ""
    tell: Annotated[
        tuple[str, ...],
        option("Where news go: mail:ADDRESS, webhook:ADDRESS, apprise:ADDRESS; none: as before, or as you prefer."),
    ] = ()
    by_use: Annotated[str, option("In place of a lock, what somebody downloads: user:NAME or token:ID.")] = ""
    days: Annotated[float, number("With --by-use: how many days back downloads count.", 0.001, _LONGEST_DAYS)] = 30.0


class MonitorList(msgspec.Struct, frozen=True):
    """List the locks that are watched: yours, or all for an administrator."""


class MonitorShow(msgspec.Struct, frozen=True):
    """Show a lock with the alerts about it."""

    name: Annotated[str, argument("The lock's name.")]


class MonitorRemove(msgspec.Struct, frozen=True):
    """Watch a lock no longer."""

    name: Annotated[str, argument("The lock's name.")]


class MonitorMute(msgspec.Struct, frozen=True):
    """Have nothing told of a lock for some days, or of one alert about it until it is closed."""

    name: Annotated[str, argument("The lock's name.")]
    alert: Annotated[str, option("Only this alert.")] = ""
    days: Annotated[float, number("For how many days; 0: tell again.", 0, _LONGEST_DAYS)] = 30.0


class MonitorAcknowledge(msgspec.Struct, frozen=True):
    """Note that somebody takes care of alerts."""

    alerts: Annotated[tuple[str, ...], argument("The alerts' ids.")]


class MonitorAlerts(msgspec.Struct, frozen=True):
    """List alerts: of your locks, or of all for an administrator."""

    lock: Annotated[str, option("Only those of this lock.")] = ""
    state: Annotated[str, option("Only open, acknowledged, muted or closed ones; empty: all but closed ones.")] = ""


class LockRow(msgspec.Struct, frozen=True):
    """A lock as listed."""

    name: str
    owner: str
    index: str
    filename: str
    alerts: int
    """Alerts that are not closed."""
    by_use: str
    muted_until: datetime | None


class AlertRow(msgspec.Struct, frozen=True):
    """An alert as listed."""

    id: str
    lock: str
    project: str
    version: str
    kind: str
    severity: str
    state: str
    since: datetime
    summary: str
    ids: list[str]
    fix: str


class Added(msgspec.Struct, frozen=True):
    """A lock that is watched now."""

    name: str
    owner: str
    index: str
    pins: int
    """Releases that are watched now; those of a watch by use change with what is downloaded."""
    tell: list[str]
    secrets: dict[str, str]
    """The secrets of webhooks that had none: what they are signed with, shown only now."""
    unpinned: list[str]
    """Entries that name no version of the index, and cannot be watched."""


class Shown(msgspec.Struct, frozen=True):
    """A lock with its alerts."""

    name: str
    owner: str
    index: str
    filename: str
    releases: int
    tell: list[str]
    by_use: str
    added_at: datetime
    changed_at: datetime
    changed_by: str
    muted_until: datetime | None
    alerts: list[AlertRow]


def check_name(name: str) -> None:
    """Check the name under which a lock is to be watched.

    Raises:
        Invalid: it is none.
    """
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name[:80]!r}: a lock's name is made of letters, digits and . _ - /")


async def add(context: Context, request: MonitorAdd) -> Added:
    """Keep a lock to be watched.

    Raises:
        Invalid: the name, the lock or a place to tell is none.
        IndexUnknown: the index is not configured.
        Forbidden: the owner is another one, or a place takes an administrator.
    """
    index = context.index(request.index or context.config.default_index).name
    check_name(request.name)
    if bool(request.by_use) == bool(request.lock):
        raise Invalid("give either a lock file with -r, or --by-use")
    owner = request.owner or await _present_owner(context, request.name) or context.actor
    if owner != context.actor and not administers(context):
        raise Forbidden(f"only an administrator may watch for {owner}")
    if not owner:
        raise Invalid("whose lock is it? give --owner")
    if not (await readers(context.config, context.catalog, [owner])).let(owner, index):
        raise Forbidden(f"{owner} would be told nothing: no token of theirs may read {index}")
    targets = await targets_of(context, request.tell, request.name)
    now = datetime.now(UTC)
    if request.by_use:
        kept = _by_use(context, request, owner, index, now)
        await _check_known(context, request.by_use)
        made = await context.catalog.write(_keep, kept, [], targets, (), administers(context))
        used = await context.catalog.read(releases_of, await owned(context, made.name))
        return msgspec.structs.replace(made, pins=len(used))
    if sum(len(document.text) for document in request.lock) > _LARGEST:
        raise Invalid(f"the lock is larger than {_LARGEST} characters, with what it names")
    document, *more = [document for document in request.lock if not document.included]
    if more:
        raise Invalid(f"{document.name} and {more[0].name}: a lock has one file; watch the other under its own name")
    read = read_lock(document.text, document.name, texts_of(request.lock))
    pins, unpinned = _pins(read)
    kept = KeptLock(
        request.name, owner, index, read.kind, document.name, document.text.encode(), (), now, now,
        context.actor,
    )  # fmt: skip
    return await context.catalog.write(_keep, kept, pins, targets, unpinned, administers(context))


async def _present_owner(context: Context, name: str) -> str:
    """Return whose lock of a name an administrator replaces; "" where there is none, or somebody else asks."""
    if not administers(context):
        return ""
    present = (await context.catalog.read(locks.named)).get(name)
    return present.owner if present is not None else ""


async def _check_known(context: Context, by_use: str) -> None:
    """Check that there is the user or token whose downloads are to be watched.

    Raises:
        NotFound: there is none.
    """
    kind, _, name = by_use.partition(":")
    if kind == "user":
        known = set(await context.catalog.read(principals.users))
    else:
        known = {token.id for token in await context.catalog.read(principals.list_tokens)}
    if name not in known:
        raise NotFound(f"{name[:80]}: there is no such {kind}; `affineur {kind} list` names them")


def _by_use(context: Context, request: MonitorAdd, owner: str, index: str, now: datetime) -> KeptLock:
    kind, _, name = request.by_use.partition(":")
    if kind not in {"user", "token"} or not name:
        raise Invalid(f"{request.by_use[:80]!r}: user:NAME or token:ID is wanted")
    own = {f"user:{context.actor}", f"token:{context.principal.token_id}"}
    if request.by_use not in own and not administers(context):
        raise Forbidden("only an administrator may watch what others download")
    return KeptLock(
        request.name, owner, index, LockKind.REQUIREMENTS, "", b"", (), now, now, context.actor,
        request.by_use, request.days,
    )  # fmt: skip


def _pins(lock: Lock) -> tuple[list[Pinned], tuple[str, ...]]:
    """Return what a lock pins, each release once, and what of it cannot be watched."""
    named: dict[tuple[ProjectName, str], list[frozenset[str]]] = {}
    for pin in lock.pins:
        if pin.version and not pin.origin:
            digests = frozenset(digest for name, digest in pin.hashes if name == "sha256" and _SHA256.fullmatch(digest))
            named.setdefault((pin.project, pin.version), []).append(digests)
    # Where an entry of a release names no file, any may be taken.
    pins = [Pinned(*release, frozenset().union(*each) if all(each) else frozenset()) for release, each in named.items()]
    unpinned = dict.fromkeys(str(pin.project) for pin in lock.pins if not pin.version or pin.origin)
    return pins, (*unpinned, *lock.unread)


def _keep(
    change: Change,
    kept: KeptLock,
    pins: Sequence[Pinned],
    targets: tuple[str, ...],
    unpinned: Sequence[str],
    administrator: bool,
) -> Added:
    before = locks.named(change.connection).get(kept.name)
    if before is not None and before.owner != kept.owner and not administrator:
        raise Conflict(f"{kept.name}: there is a lock of this name already; choose another")
    if before is not None and before.owner != kept.owner:
        signing_keys.forget_secret(change, feed_name(lock=kept.name))  # the former owner knows its address
    tell = targets or (before.tell if before else ())
    muted = before.muted_until if before else None
    locks.keep(change, replace(kept, tell=tell, muted_until=muted), pins)
    jobs.add(change, "monitor refresh", {"lock": kept.name}, key=f"monitor refresh {kept.name}", priority=8)
    return Added(
        kept.name, kept.owner, kept.index, len(pins), list(tell), new_secrets(change, kept.owner, tell),
        list(unpinned),
    )  # fmt: skip


async def list_locks(context: Context, request: MonitorList) -> list[LockRow]:
    """Return the locks that who asks may see."""
    del request
    owner = None if administers(context) else context.actor
    found = await context.catalog.read(locks.named, owner)
    counts: dict[str, int] = {}
    for alert in await context.catalog.read(alerts.listed, owner=owner, limit=100_000):
        if may_read(context, alert.index):
            counts[alert.lock] = counts.get(alert.lock, 0) + 1
    return [
        LockRow(
            lock.name, lock.owner, lock.index, lock.filename, counts.get(lock.name, 0), lock.use_of, lock.muted_until
        )
        for lock in found.values()
    ]


async def show(context: Context, request: MonitorShow) -> Shown:
    """Return a lock with its alerts.

    Raises:
        NotFound: there is no such lock of who asks.
    """
    lock = await context.catalog.read(locks.find, request.name)
    pins = await context.catalog.read(releases_of, await readable(context, request.name))
    found = await context.catalog.read(alerts.listed, lock=request.name)
    return Shown(
        lock.name, lock.owner, lock.index, lock.filename, len(pins), list(lock.tell), lock.use_of, lock.added_at,
        lock.changed_at, lock.changed_by, lock.muted_until, [_row(alert) for alert in found],
    )  # fmt: skip


async def remove(context: Context, request: MonitorRemove) -> MonitorRemove:
    """Forget a lock and its alerts.

    Raises:
        NotFound: there is no such lock of who asks.
    """
    await owned(context, request.name)
    await context.catalog.write(_remove, request.name, context.actor)
    return request


def _remove(change: Change, name: str, actor: str) -> None:
    locks.remove(change, name, actor)
    alerts.forget(change, name)
    signing_keys.forget_secret(change, feed_name(lock=name))


async def mute(context: Context, request: MonitorMute) -> Shown:
    """Have nothing told of a lock or of one alert.

    Raises:
        NotFound: there is no such lock or alert of who asks.
    """
    lock = await readable(context, request.name)
    if request.alert:
        await _set_state(context, [request.alert], AlertState.MUTED if request.days else AlertState.OPEN, lock.name)
    else:
        until = datetime.now(UTC) + timedelta(days=request.days) if request.days else None
        await context.catalog.write(locks.mute, lock.name, until)
    return await show(context, MonitorShow(request.name))


async def acknowledge(context: Context, request: MonitorAcknowledge) -> list[AlertRow]:
    """Note that somebody takes care of alerts.

    Raises:
        NotFound: one is no alert of who asks.
    """
    return await _set_state(context, request.alerts, AlertState.ACKNOWLEDGED)


async def _set_state(context: Context, ids: Sequence[str], state: AlertState, lock: str = "") -> list[AlertRow]:
    owner = None if administers(context) else context.actor
    found = await context.catalog.read(alerts.listed, owner=owner, lock=lock, limit=100_000)
    known = {alert.id: alert for alert in found if may_read(context, alert.index)}
    if strange := [identifier for identifier in ids if identifier not in known]:
        raise NotFound(f"{strange[0]}: no such alert of yours; `affineur monitor alerts` names them")
    await context.catalog.write(alerts.set_state, state, ids=ids)
    return [_row(replace(known[identifier], state=state)) for identifier in ids]


async def list_alerts(context: Context, request: MonitorAlerts) -> list[AlertRow]:
    """Return alerts.

    Raises:
        Invalid: there is no such state.
        NotFound: there is no such lock of who asks.
    """
    if request.state and request.state not in set(AlertState):
        raise Invalid(f"{request.state!r} is no state; there are {', '.join(AlertState)}")
    if request.lock:
        await readable(context, request.lock)
    owner = None if administers(context) else context.actor
    state = AlertState(request.state) if request.state else None
    found = await context.catalog.read(alerts.listed, owner=owner, lock=request.lock, state=state)
    return [_row(alert) for alert in found if may_read(context, alert.index)]


def _row(alert: Alert) -> AlertRow:
    cause = alert.cause
    return AlertRow(
        alert.id, alert.lock, alert.project, alert.version, cause.kind.value,
        cause.severity.word if cause.severity else "", alert.state.value, alert.opened_at, cause.sentence,
        list(cause.ids), said_of(cause.fix) if cause.fix else "",
    )  # fmt: skip


def say_added(made: Added) -> str:
    """Tell what is watched now."""
    lines = [f"{made.name} of {made.owner} is watched: {made.pins} releases, index {made.index}"]
    lines += [f"  news go to {target}" for target in made.tell]
    for target, secret in made.secrets.items():
        lines += [f"  secret of {target}, shown only now:", f"  {secret}"]
    lines += [f"  not watched: {text}" for text in made.unpinned]
    return printable_lines(lines)


def say_shown(lock: Shown) -> str:
    """Tell a lock with what is wrong in it."""
    what = f"what {lock.by_use} downloads" if lock.by_use else lock.filename
    lines = [
        f"{lock.name} of {lock.owner}: {what}, {lock.releases} releases, index {lock.index}",
        f"  added {lock.added_at:%Y-%m-%d %H:%M}, last changed {lock.changed_at:%Y-%m-%d %H:%M} by {lock.changed_by}",
        f"  news go to {', '.join(lock.tell) or 'where its owner prefers'}",
        *([f"  muted until {lock.muted_until:%Y-%m-%d %H:%M}"] if lock.muted_until else []),
        *([] if lock.alerts else ["  no alerts"]),
    ]
    for alert in lock.alerts:
        kind = f"{alert.severity} {alert.kind}".strip()
        lines.append(
            f"  {alert.project} {alert.version}: {kind}, {alert.state} since {alert.since:%Y-%m-%d %H:%M} ({alert.id})"
        )
        lines += [f"    {text}" for text in (alert.summary, ", ".join(alert.ids), alert.fix) if text]
    return printable_lines(lines)
