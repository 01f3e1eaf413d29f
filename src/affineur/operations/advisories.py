"""Advisories: taken from files, folders and feeds; how old they are."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec

from affineur.errors import Invalid, InvalidDocument
from affineur.model.advisories import Advisory
from affineur.operations.context import Context, Progress
from affineur.operations.operation import argument
from affineur.sources.feed import download, without_secrets
from affineur.sources.inspector import note_said, said_by
from affineur.sources.mirrored import Mirrored
from affineur.sources.pip_settings import read_pip_settings
from affineur.standards import osv
from affineur.standards.osv_files import OsvFiles
from affineur.storage.catalog import advisories
from affineur.storage.catalog.advisories import Feed

_BATCH = 500
_MOST_TOLD = 20
_MOST_ASKED = 1000
"""Versions that upstreams are asked about again at a time."""
_BEGINNING = datetime.fromtimestamp(0, UTC)


class AdvisoriesImport(msgspec.Struct, frozen=True):
    """Take advisories in OSV form from a file, a folder or an address.

    JSON, a list of records, JSON lines; plain or in gzip, zstd or zip. Only what changed is written, all or nothing.
    With --server a path is one on the server.
    """

    source: Annotated[str, argument("A file, a folder, or an address (https://...).")]


class AdvisoriesUpdate(msgspec.Struct, frozen=True):
    """Take what is new from the feed of the setting advisories_feed."""


class AdvisoriesRenew(msgspec.Struct, frozen=True):
    """Take what is new from the configured feed; without any, ask the upstreams again about what was wanted."""


class Renewed(msgspec.Struct, frozen=True):
    """How many records are new, or how many versions upstreams were asked about."""

    number: int


class AdvisoriesStatus(msgspec.Struct, frozen=True):
    """Show what is known of vulnerabilities and malware, and how old it is."""


class Imported(msgspec.Struct, frozen=True):
    """What came of an import; numbers of records."""

    source: str
    records: int
    """Records read that concern Python packages."""
    changed: int
    unchanged: int
    older: int
    """Records that are held in a later form already."""
    other: int
    """Records that concern no Python package."""
    unreadable: int
    problems: list[str]
    """The first of those that could not be read, with their place."""
    projects: int
    """Projects whose files are judged again."""


class FeedState(msgspec.Struct, frozen=True):
    """A place that records were taken from."""

    name: str
    imported_at: datetime
    checked_at: datetime
    newest: datetime | None
    records: int
    unreadable: int


class State(msgspec.Struct, frozen=True):
    """What is known, and how old it is."""

    alarm: str
    """What is wrong with the data, in a sentence; "" when nothing is."""
    age_days: float | None
    """Days since a feed was last looked at; None: never."""
    records: int
    malware: int
    withdrawn: int
    projects: int
    feeds: list[FeedState]


class _Reading:
    """What was read of a source so far."""

    def __init__(self, path: Path) -> None:
        self.files = OsvFiles(path)
        self._documents = iter(self.files)
        self.records: dict[str, list[Advisory]] = {}
        self.unreadable = 0
        self.problems: list[str] = []

    def more(self) -> bool:
        """Read a batch; False at the end."""
        batch = list(islice(self._documents, _BATCH))
        for document in batch:
            try:
                record = osv.parse_record(document.raw, document.where)
                found = osv.advisories(record)
            except InvalidDocument as error:
                self.unreadable += 1
                if len(self.problems) < _MOST_TOLD:
                    self.problems.append(error.sentence)
                continue
            held = self.records.get(record.id)
            if held is None or _newest(found) >= _newest(held):
                self.records[record.id] = found
        return bool(batch)


def _newest(parts: Iterable[Advisory]) -> datetime:
    return max((part.modified for part in parts if part.modified), default=_BEGINNING)


async def import_advisories(context: Context, request: AdvisoriesImport) -> Imported:
    """Take advisories from a file, a folder or an address.

    Raises:
        Invalid: there is nothing of that form; nothing was changed.
        UpstreamUnavailable: the address does not answer.
        UpstreamBroken: the address answers with an error or a body cut short.
    """
    if request.source.startswith(("https://", "http://")):
        return await _from_address(context, request.source)
    path = Path(request.source)
    return await _from_path(context, path, str(await asyncio.to_thread(path.absolute)), "")


async def update(context: Context, request: AdvisoriesUpdate) -> Imported:
    """Take what is new from the configured feed.

    Raises:
        Invalid: no feed is configured.
    """
    del request
    if not context.config.advisories_feed:
        raise Invalid(
            "no feed is configured: set advisories_feed to the address or path of OSV records, "
            "or name one to `affineur advisories import`"
        )
    return await import_advisories(context, AdvisoriesImport(context.config.advisories_feed))


async def renew(context: Context, request: AdvisoriesRenew) -> Renewed:
    """Take what is new from the feed; without any, ask upstreams again about the versions that were wanted.

    Raises:
        UpstreamUnavailable, UpstreamBroken, Invalid: the feed cannot be had or read; the worker tries again.
    """
    del request
    if context.config.advisories_feed:
        return Renewed((await update(context, AdvisoriesUpdate())).changed)
    if await context.catalog.read(advisories.feeds):
        return Renewed(0)
    due = await context.catalog.read(advisories.to_ask_again, datetime.now(UTC), _MOST_ASKED)
    for source, project, version in due:
        mirror = context.sources.get(source)
        said = await said_by(mirror.upstream, project, version) if isinstance(mirror, Mirrored) else []
        await note_said(context.catalog, source, project, version, said)
    return Renewed(len(due))


async def _from_address(context: Context, address: str) -> Imported:
    """Download a feed, unless it is as it was, and take it in."""
    known = {feed.name: feed for feed in await context.catalog.read(advisories.feeds)}
    name = without_secrets(address)
    etag = known[name].etag if name in known else ""
    target = context.blobs.staging() / f"{uuid.uuid4().hex}.feed"
    try:
        told = _Throttled(context.progress)
        fresh = await download(address, etag, target, read_pip_settings(), told)
        if fresh is None:
            await context.catalog.write(advisories.touch, name)
            return Imported(name, known[name].records, 0, known[name].records, 0, 0, 0, [], 0)
        return await _from_path(context, target, name, fresh)
    finally:
        target.unlink(missing_ok=True)


class _Throttled:
    """Passes on every hundredth part of a download."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._next = progress, 0

    def __call__(self, done: int, whole: int) -> None:
        if done >= self._next:
            self._next = done + max(whole // 100, 2**20)
            self._progress(done, whole, "bytes downloaded")


async def _from_path(context: Context, path: Path, name: str, etag: str) -> Imported:
    reading = await asyncio.to_thread(_Reading, path)
    while await asyncio.to_thread(reading.more):
        context.progress(reading.files.done, reading.files.total, f"bytes, {len(reading.records)} records read")
    if not reading.records:
        problem = reading.problems[0] if reading.problems else "it holds no OSV record"
        raise Invalid(f"{name}: nothing was taken in: {problem}")
    concerning = [parts for parts in reading.records.values() if parts]
    newest = max((_newest(parts) for parts in concerning), default=_BEGINNING)
    now = datetime.now(UTC)
    feed = Feed(name, now, now, newest if newest > _BEGINNING else None, len(concerning), reading.unreadable, etag)
    outcome = await context.catalog.write(advisories.store, feed, reading.records)
    return Imported(
        name, len(concerning), outcome.changed, outcome.unchanged, outcome.older,
        len(reading.records) - len(concerning), reading.unreadable, reading.problems, len(outcome.projects),
    )  # fmt: skip


async def status(context: Context, request: AdvisoriesStatus) -> State:
    """Return what is known and how old it is."""
    del request
    feeds = await context.catalog.read(advisories.feeds)
    held = await context.catalog.read(advisories.totals)
    now = datetime.now(UTC)
    age = (now - max(feed.checked_at for feed in feeds)) / timedelta(days=1) if feeds else None
    return State(
        alarm(feeds, context.config.advisories_max_age, now),
        round(age, 2) if age is not None else None,
        held.records, held.malware, held.withdrawn, held.projects,
        [FeedState(f.name, f.imported_at, f.checked_at, f.newest, f.records, f.unreadable) for f in feeds],
    )  # fmt: skip


def alarm(feeds: Sequence[Feed], max_age: float, now: datetime) -> str:
    """Return what is wrong with the advisories held, in a sentence; "" when nothing is. `max_age` in seconds."""
    if not feeds:
        return (
            "ADVISORIES WERE NEVER IMPORTED: malware is not recognised, and vulnerabilities only as far as the upstream "
            "tells of them; run `affineur advisories import FILE_OR_ADDRESS`, or set advisories_feed"
        )
    age = now - max(feed.checked_at for feed in feeds)
    if age.total_seconds() > max_age:
        return (
            f"ADVISORIES ARE {age.days} DAYS OLD (advisories_max_age is {max_age / 86400:g} days): "
            "run `affineur advisories update`"
        )
    if unreadable := sum(feed.unreadable for feed in feeds):
        return f"{unreadable} records of the advisories could not be read when they were last imported"
    return ""


def say_imported(made: Imported) -> str:
    """Tell what came of an import."""
    text = f"{made.records} records of {made.source}: {made.changed} new or changed, {made.unchanged} as they were"
    text += f", {made.older} older than those held" if made.older else ""
    text += f", {made.other} of other ecosystems left out" if made.other else ""
    lines = [f"{text}; {made.projects} projects are judged again"]
    if made.unreadable:
        lines += [f"{made.unreadable} RECORDS COULD NOT BE READ:", *(f"  {problem}" for problem in made.problems)]
    return "\n".join(lines)


def say_state(state: State) -> str:
    """Tell what is known and how old it is."""
    lines = [state.alarm] if state.alarm else []
    lines.append(
        f"{state.records} records ({state.malware} of malware, {state.withdrawn} withdrawn) "
        f"about {state.projects} projects"
    )
    for feed in state.feeds:
        newest = f"{feed.newest:%Y-%m-%d}" if feed.newest else "unknown"
        lines.append(
            f"{feed.name}: {feed.records} records, looked at {feed.checked_at:%Y-%m-%d %H:%M} UTC, newest change {newest}"
        )
    return "\n".join(lines)
