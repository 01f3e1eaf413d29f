"""Who has it: the downloads of a release, the locks that hold it, the indexes that serve it, what depends on it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from affineur.errors import Invalid, NotFound
from affineur.model.filenames import version_in
from affineur.model.names import ProjectName
from affineur.model.printable import counted, printable_lines
from affineur.model.waivers import Scope, scope_of
from affineur.operations.context import Context
from affineur.operations.fields import WHOLE, number
from affineur.operations.operation import argument, option
from affineur.operations.requirements import read_some
from affineur.policy.gate import sentence_of
from affineur.sources.gated import Gated
from affineur.storage.catalog import locks, requirements, usage
from affineur.storage.catalog.usage import Taken

_READ_AT_ONCE = 500
"""Metadata files that came since the last time and are read before answering."""


class Exposure(msgspec.Struct, frozen=True):
    """Tell who downloaded a release, which locks hold it, which indexes serve it and what depends on it."""

    what: Annotated[str, argument("NAME, NAME==VERSION, or a range: NAME>=1.82.7,<1.82.9.")]
    between: Annotated[
        str, option("Only downloads between two days or moments, A..B; either may be left out, B's day counts.")
    ] = ""
    index: Annotated[str, option("Only downloads through this index.")] = ""
    limit: Annotated[int, number("How many rows of a kind at most, the newest first; 0: all.", 0, WHOLE)] = 1000


class Downloaded(msgspec.Struct, frozen=True):
    """The downloads of one release through one index by one requester with one client."""

    index: str
    version: str
    principal: str
    """The user; empty: nobody in particular, or no longer known."""
    token: str
    """The id of the token presented; empty: none."""
    address: str
    """As much of the client's address as is recorded."""
    client: str
    client_version: str
    python: str
    platform: str
    ci: bool
    """Whether the client said that it runs in continuous integration."""
    first: datetime
    last: datetime
    times: int
    partly: int
    """How many of the times only a part of a file was asked for."""


class HeldBy(msgspec.Struct, frozen=True):
    """A registered lock that pins one of the releases."""

    lock: str
    owner: str
    version: str


class Served(msgspec.Struct, frozen=True):
    """What an index does today with a release that is held here."""

    index: str
    version: str
    served: bool
    """Whether at least one of its files may be had."""
    sentence: str
    """Why what is refused of it is refused; empty: nothing is."""


class Dependent(msgspec.Struct, frozen=True):
    """A project held here whose newest release held requires the project."""

    project: str
    source: str
    version: str
    """Its newest release held here."""
    requirement: str
    accepts: bool
    """Whether the requirement allows one of the releases asked about, as far as they are known here."""
    versions: tuple[str, ...]
    """All its releases held here that require the project."""


class Exposed(msgspec.Struct, frozen=True):
    """Everything that has to do with a release, or with several."""

    what: str
    since: datetime | None
    until: datetime | None
    """Downloads before this moment were looked at."""
    times: int
    requesters: int
    """How many different ones, by user, token and address recorded."""
    first: datetime | None
    last: datetime | None
    downloads: tuple[Downloaded, ...]
    locks: tuple[HeldBy, ...]
    indexes: tuple[Served, ...]
    dependents: tuple[Dependent, ...]
    left_out: int
    """Rows beyond the limit."""
    unrecorded: int
    """Requests in that time, for whatever file, that could not be recorded."""
    unreadable: tuple[str, ...]
    """Versions that were downloaded and cannot be compared with the range."""
    unread: bool
    """Whether there is core metadata that was not read for dependents yet."""


async def exposure(context: Context, request: Exposure) -> Exposed:
    """Return who downloaded releases, who holds them, who serves them and what depends on them.

    Raises:
        Invalid: it names no project, or the time is none.
        IndexUnknown: the index is not configured.
    """
    scope = release_scope(request.what)
    if request.index:
        context.index(request.index)
    since, until = _between(request.between)
    project = ProjectName(scope.project)
    downloaded = await context.catalog.read(usage.versions, project)
    unreadable = sorted(version for version in downloaded if scope.versions and _version(version) is None)
    chosen = [version for version in downloaded if scope.holds(project, version, "")] if scope.versions else None
    taking = await context.catalog.read(
        usage.taken, project, chosen, index=request.index, since=since, until=until, limit=request.limit or None
    )
    indexes, known = await served(context, scope)
    held = await holding(context, scope)
    known |= {*(chosen or ()), *(row.version for row in held)}
    dependents, unread = await _dependents(context, project, known if scope.versions else set())
    limit = request.limit or None
    return Exposed(
        str(scope), since, until, taking.times, taking.requesters, taking.first, taking.last,
        tuple(_downloaded(one) for one in taking.rows),
        tuple(held[:limit]), tuple(indexes[:limit]), tuple(dependents[:limit]),
        taking.more + sum(len(kind[limit:]) for kind in (held, indexes, dependents) if limit),
        await context.catalog.read(usage.gaps, since, until), tuple(unreadable), unread,
    )  # fmt: skip


def release_scope(text: str) -> Scope:
    """Read NAME, NAME==VERSION or a range of versions.

    Raises:
        Invalid: it is a pattern, a file name or nothing of the kind.
    """
    scope = scope_of(text)
    if scope.filename or any(char in scope.project for char in "*?["):
        raise Invalid(f"{text!r}: one project is wanted: NAME, NAME==VERSION or NAME>=1,<2")
    return scope


def _between(text: str) -> tuple[datetime | None, datetime | None]:
    """Read A..B as the moments from which and before which.

    Raises:
        Invalid: it is not of that form, or B comes before A.
    """
    if not text:
        return None, None
    first, dots, last = text.partition("..")
    if not dots:
        raise Invalid(f"--between {text!r}: two days or moments are wanted, such as 2026-11-01..2026-11-05")
    since, until = _moment(first.strip(), end=False), _moment(last.strip(), end=True)
    if since is not None and until is not None and until <= since:
        raise Invalid(f"--between {text!r}: the end comes before the beginning")
    return since, until


def _moment(text: str, *, end: bool) -> datetime | None:
    if not text:
        return None
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{text!r}: a day (2026-11-01) or a moment (2026-11-01T09:30) is wanted") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _downloaded(one: Taken) -> Downloaded:
    who, client = one.requester, one.client
    return Downloaded(
        one.index, one.version, who.principal, who.token, who.address,
        client.name, client.version, client.python, client.platform, client.ci,
        one.first, one.last, one.times, one.partly,
    )  # fmt: skip


async def holding(context: Context, scope: Scope) -> list[HeldBy]:
    """Return the registered locks that pin releases in a scope."""
    project = ProjectName(scope.project)
    held = await context.catalog.read(locks.holding, [project])
    return [HeldBy(one.lock, one.owner, one.version) for one in held if scope.holds(project, one.version, "")]


async def served(context: Context, scope: Scope) -> tuple[list[Served], set[str]]:
    """Return what each index does with the releases held, and the versions of these; no upstream is asked."""
    rows: list[Served] = []
    for gated in context.indexes.values():
        rows += await _served_by(gated, ProjectName(scope.project), scope)
    return rows, {row.version for row in rows}


async def _served_by(gated: Gated, project: ProjectName, scope: Scope) -> list[Served]:
    try:
        page = await gated.source.held(project)
    except NotFound:
        return []
    chosen = [file for file in page.files if scope.holds(project, file.version, file.filename)]
    if not chosen:
        return []
    decide, now = await gated.at_moments(page), datetime.now(UTC)
    reasons: dict[str, list[str]] = {}
    for file in chosen:
        decision = decide(file, now)
        reasons.setdefault(file.version, []).append(sentence_of(decision.strictest) if decision.refused else "")
    return [
        Served(gated.name, version, not all(told), next((sentence for sentence in told if sentence), ""))
        for version, told in sorted(reasons.items(), key=lambda item: _order(item[0]), reverse=True)
    ]


async def _dependents(context: Context, project: ProjectName, versions: set[str]) -> tuple[list[Dependent], bool]:
    """Return what requires a project, by name, and whether there is metadata that was not read yet.

    `versions` are the releases asked about; empty: any.
    """
    unread = await read_some(context, _READ_AT_ONCE) == _READ_AT_ONCE
    hosted = list(context.config.hosted)
    stated = await context.catalog.read(requirements.requiring, project, hosted)
    by_place: dict[tuple[str, str], dict[str, set[str]]] = {}
    for one in stated:
        version = version_in(one.filename, ProjectName(one.project)) or ""
        by_place.setdefault((one.source, one.project), {}).setdefault(version, set()).add(one.requirement)
    held = await context.catalog.read(requirements.held, sorted({name for _, name in by_place}))
    found = []
    for (source, name), by_version in by_place.items():
        there = {version_in(filename, ProjectName(name)) or "" for filename in held.get((source, name), ())}
        newest = max(there | by_version.keys(), key=_order)
        if newest in by_version:
            texts = sorted(by_version[newest])
            accepts = not versions or any(_accepts(text, version) for text in texts for version in versions)
            requiring = tuple(sorted(by_version, key=_order, reverse=True))
            found.append(Dependent(name, source, newest, "; ".join(texts), accepts, requiring))
    return sorted(found, key=lambda row: (not row.accepts, row.project, row.source)), unread


def _accepts(requirement: str, version: str) -> bool:
    try:
        return Requirement(requirement).specifier.contains(Version(version), prereleases=True)
    except (InvalidRequirement, InvalidVersion):
        return True  # what cannot be read may well lead there


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _order(text: str) -> tuple[bool, bool, Version]:
    """Sort versions as installers prefer them: final ones last, what cannot be read first."""
    version = _version(text)
    return (version is not None, version is not None and not version.is_prerelease, version or Version("0"))


def say(told: Exposed) -> str:
    """Tell it on a terminal."""
    span = f" from {told.since:%Y-%m-%d %H:%M}" if told.since else ""
    span += f" until {told.until:%Y-%m-%d %H:%M}" if told.until else ""
    head = f"{told.what}: downloaded {_times(told.times)} by {counted(told.requesters, 'requester')}{span}"
    lines = [f"{head}, first {_told(told.first)}, last {_told(told.last)}" if told.first and told.last else head]
    lines += _section("downloads", told.downloads, _say_download)
    lines += _section("locks that hold it", told.locks, lambda row: f"{row.lock} of {row.owner}: {row.version}")
    lines += _section("indexes today", told.indexes, say_index)
    lines += _section("what depends on it here", told.dependents, _say_dependent)
    lines += _warnings(told)
    return printable_lines(lines)


def _section(title: str, rows: tuple[msgspec.Struct, ...], line: Callable[..., str]) -> list[str]:
    return [f"{title}: none"] if not rows else [f"{title}:", *(f"  {line(row)}" for row in rows)]


def _say_download(row: Downloaded) -> str:
    where = ", ".join(part for part in (f"token {row.token}" if row.token else "", row.address) if part)
    who = f"{row.principal or 'nobody in particular'}{f' ({where})' if where else ''}"
    client = "/".join(part for part in (row.client or "an unknown client", row.client_version) if part)
    more = [f"Python {row.python}" if row.python else "", row.platform, "in CI" if row.ci else ""]
    what = ", ".join(part for part in (client, *more) if part)
    times = _times(row.times) + (f", {row.partly} of them in part" if row.partly else "")
    when = _told(row.first) if row.first == row.last else f"{_told(row.first)} to {_told(row.last)}"
    return f"{row.version} through {row.index} by {who} with {what}: {times}, {when}"


def say_index(row: Served) -> str:
    """Tell what an index does with a release."""
    if not row.sentence:
        return f"{row.index} serves {row.version}"
    return f"{row.index} {'serves part of' if row.served else 'refuses'} {row.version}: {row.sentence}"


def _say_dependent(row: Dependent) -> str:
    accepts = "" if row.accepts else " (which allows none of these versions)"
    return f"{row.project} {row.version} in {row.source}: {row.requirement}{accepts}"


def _warnings(told: Exposed) -> list[str]:
    lines = []
    if told.left_out:
        lines.append(f"{told.left_out} more rows; --limit 0 shows all")
    if told.unrecorded:
        lines.append(f"incomplete: {told.unrecorded} requests of that time could not be recorded")
    if told.unreadable:
        lines.append(f"not compared, for they are no versions: {', '.join(told.unreadable[:20])}")
    if told.unread:
        lines.append("incomplete: what depends on it is still being found out; ask again in a few minutes")
    return lines


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _times(number: int) -> str:
    return {0: "never", 1: "once"}.get(number, f"{number} times")
