"""Audit what is pinned, installed or served: what is known to be wrong with it, and what could not be looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec

from affineur.errors import Invalid, InvalidName, NotFound
from affineur.model.advisories import ProjectAdvisories
from affineur.model.advisories import Vulnerability as Hole
from affineur.model.files import File
from affineur.model.locks import Lock, LockedFile, LockKind, Pin
from affineur.model.names import ProjectName, project_name
from affineur.operations.advisories import alarm
from affineur.operations.context import Context
from affineur.operations.findings import (
    Looked,
    Pending,
    Row,
    completed,
    distinct,
    is_own,
    nearest,
    of_lock,
    of_pin,
    shown,
    vulnerabilities,
)
from affineur.operations.fix import fix
from affineur.operations.knowledge import Knowledge
from affineur.operations.operation import (
    Document,
    Installed,
    address_option,
    documents_argument,
    environment_option,
    file_option,
    filled_from_server,
    option,
)
from affineur.sources.gated import Gated
from affineur.standards.audits.ignore_file import Exemption, read_ignore_file
from affineur.standards.audits.report import (
    NOTE,
    Advisories,
    Dependency,
    Excepted,
    Finding,
    Raised,
    Report,
    Unchecked,
    Vulnerability,
)
from affineur.standards.locks.read import read_lock
from affineur.storage.catalog import advisories, cache

_MOST_PINS = 20_000
"""Releases that files may name in one audit."""
_RAISED = frozenset({"yanked", "policy", "licence"})
"""Kinds of findings that another release of the project may not have."""
T = TypeVar("T", Finding, Unchecked)


class Audit(msgspec.Struct, frozen=True):
    """Audit lock files, or what an index holds: vulnerabilities, malware, yanks, traps, and what is not known.

    Exit codes: 0 all was looked at and nothing found; 3 something was found; 4 nothing was found, but not everything
    could be looked at.
    """

    files: Annotated[tuple[Document, ...], documents_argument("Lock or requirements files.", follow=True)] = ()
    environment: Annotated[
        tuple[Installed, ...], environment_option("What is installed in the environment that is active here.")
    ] = ()
    url: Annotated[tuple[Document, ...], address_option("A lock file at an address (https://...).")] = ()
    index: Annotated[
        str, option("The index whose gate judges; without files, the one that is audited. Empty: the default one.")
    ] = ""
    offline: Annotated[bool, option("Ask no upstream: judge by the advisories and listings held here.")] = False
    require_hashes: Annotated[bool, option("Count a file without any hash as a finding.")] = False
    fix: Annotated[bool, option("Propose the smallest set of upgrades that clears what was found.")] = False
    write: Annotated[bool, option("Put them into requirements files and pylock.toml; what is left is told.")] = False
    ignore_file: Annotated[str, file_option("What is excepted, why and until when (TOML).")] = ""
    server: Annotated[str, filled_from_server()] = ""


@dataclass(frozen=True)
class _Part:
    """One file, or the contents of an index."""

    name: str
    texts: Mapping[str, str]
    """Of the file and those that it names, by name."""
    lock: Lock
    pins: Sequence[Pin]
    """Those of the lock, each release once."""
    there: bool = False
    """Whether it tells what is there already, so that it needs no hashes."""


async def audit(context: Context, request: Audit) -> Report:
    """Look at everything that is pinned.

    Raises:
        Invalid: there is nothing to audit.
        InvalidDocument: a file cannot be read.
        IndexUnknown: the index is not configured.
    """
    gated = context.index(request.index or context.config.default_index)
    files = (*request.files, *request.url)
    texts = {document.name: document.text for document in files}
    parts = await asyncio.to_thread(_given, request, texts)
    if not parts and not request.index:
        raise Invalid("what? name lock or requirements files, --environment, or an index with --index")
    parts = parts or [await _contents(context, gated)]
    report, looked = await _audited(context, request, gated, parts)
    if not (request.fix or request.write):
        return report
    fixes = [
        await fix(
            context, gated.name, part.lock, part.name, texts, looked, _wrong(part, report),
            held_only=report.offline, address=context.origin_at(request.server),
        )
        for part in parts
        if part.name in {document.name for document in request.files}
    ]  # fmt: skip
    upgrades = [upgrade for one in fixes for upgrade in one.upgrades]
    problems = [problem for one in fixes for problem in one.problems]
    raised = {name: text for one in fixes for name, text in one.texts.items()} if request.write else {}
    if raised:
        parts = await asyncio.to_thread(_given, request, texts | raised)
        report, _ = await _audited(context, request, gated, parts)
    written = [Raised(name, text) for name, text in raised.items()]
    return msgspec.structs.replace(report, fixes=upgrades, fix_problems=problems, written=written)


async def _audited(
    context: Context, request: Audit, gated: Gated, parts: Sequence[_Part]
) -> tuple[Report, dict[ProjectName, Looked]]:
    """Return what is found, and what is known of each project."""
    exemptions = read_ignore_file(request.ignore_file) if request.ignore_file else ()
    now = datetime.now(UTC)
    offline = request.offline or context.config.offline
    projects = list(dict.fromkeys(pin.project for part in parts for pin in part.pins if pin.project))
    looked = {ProjectName(""): Looked(ProjectAdvisories())}
    looked |= await Knowledge(context, gated, now, offline=offline).of(projects)
    ids = await asyncio.to_thread(_concerned, parts, looked)
    described = await context.catalog.read(advisories.descriptions, ids)
    known = await _advisories(context, now)
    dependencies, rows = await asyncio.to_thread(_judged, request, parts, looked, described, known)
    report = Report(
        dependencies, [], [row for row in rows if isinstance(row, Finding)],
        [row for row in rows if isinstance(row, Unchecked)], [], [], known,
        gated.name, gated.gate.policy.name, gated.gate.revision, offline, now,
    )  # fmt: skip
    return _excepting(report, exemptions, now), looked


def _judged(
    request: Audit,
    parts: Sequence[_Part],
    looked: Mapping[ProjectName, Looked],
    described: Mapping[tuple[str, str], str],
    known: Advisories,
) -> tuple[list[Dependency], list[Row]]:
    """Return every release, and what is to be said besides vulnerabilities."""
    dependencies: list[Dependency] = []
    rows: list[Row] = [Unchecked("advisories", known.alarm)] if known.alarm else []
    pending = Pending()
    for part in parts:
        rows += of_lock(part.lock, part.texts, part.name, require_hashes=request.require_hashes, there=part.there)
        for pin in part.pins:
            where = pin.document or part.name
            if pin.project:
                dependencies.append(_dependency(pin, looked[pin.project], where, described, known))
            rows += of_pin(pin, looked[pin.project], where, pending)
    return dependencies, [*rows, *pending.findings()]


def _wrong(part: _Part, report: Report) -> list[Pin]:
    """Return the pins of a file that an upgrade may put right."""
    releases = {(row.name, row.version) for row in report.dependencies if row.vulns}
    releases |= {(row.name, row.version) for row in report.findings if row.kind in _RAISED and row.level != NOTE}
    return [pin for pin in part.pins if not pin.origin and (pin.project, pin.version) in releases]


def written(report: Report) -> list[Document]:
    """Return the files that change."""
    return [Document(one.name, one.text) for one in report.written]


def _given(request: Audit, texts: Mapping[str, str]) -> list[_Part]:
    """Return what a request brings, with the texts as they are now."""
    parts = [_read(document.name, texts) for document in (*request.files, *request.url) if not document.included]
    if request.environment:
        parts.append(_environment(request.environment))
    if (many := sum(len(part.pins) for part in parts)) > _MOST_PINS:
        raise Invalid(f"{many} releases are too many for one audit: at most {_MOST_PINS} are looked at")
    return parts


def _read(name: str, texts: Mapping[str, str]) -> _Part:
    missing: list[str] = []
    read = {name: texts[name]}

    def other(path: str) -> str:
        if path not in texts:
            missing.append(f"it names {shown(path)}, which was not read")
        return read.setdefault(path, texts.get(path, ""))

    lock = read_lock(texts[name], name, other)
    # A constraint pins what the entries need: that is what gets installed, though no entry names it.
    named = {pin.project for pin in lock.pins}
    needed = [one for one in lock.constraints if one.version and not one.origin and one.project not in named]
    pins = tuple(completed((*lock.pins, *needed), texts[name]))
    lock = replace(lock, pins=pins, unread=(*lock.unread, *missing))
    return _Part(name, read, lock, distinct(lock.pins))


def _environment(installed: Sequence[Installed]) -> _Part:
    pins: list[Pin] = []
    unread: list[str] = []
    for one in installed:
        try:
            pins.append(Pin(project_name(one.name), one.version, origin=one.origin, editable=one.editable))
        except InvalidName as error:
            unread.append(error.sentence)
    return _Part("", {}, Lock(LockKind.PYLOCK, tuple(pins), unread=tuple(unread)), distinct(pins), there=True)


async def _contents(context: Context, gated: Gated) -> _Part:
    """Return the releases held behind an index: everything uploaded, and of mirrors what was fetched."""
    held: dict[str, set[str]] = {}
    for source in context.sources:
        for project, names in (await context.catalog.read(cache.held_files, source)).items():
            held.setdefault(project, set()).update(names)
    pins: list[Pin] = []
    for name in sorted(await gated.projects()):
        try:
            page = await gated.source.held(ProjectName(name))
        except NotFound:
            continue
        here = [file for file in page.files if not page.mirrored or file.filename in held.get(name, ())]
        pins += [_pin(ProjectName(name), file) for file in here if file.version]
    found = distinct(pins)
    return _Part("", {}, Lock(LockKind.PYLOCK, tuple(found)), found, there=True)


def _pin(project: ProjectName, file: File) -> Pin:
    hashes = tuple(sorted(file.hashes.items()))
    return Pin(project, file.version, files=(LockedFile(file.filename, hashes),))


def _concerned(parts: Sequence[_Part], looked: Mapping[ProjectName, Looked]) -> list[str]:
    """Return the ids of the records that touch what is pinned."""
    pins = [pin for part in parts for pin in part.pins if pin.version]
    holes = (hole.told_of(pin.version) for pin in pins for hole in looked[pin.project].advisories.of(pin.version))
    return sorted({hole.advisory.id for hole in holes})


async def _advisories(context: Context, now: datetime) -> Advisories:
    feeds = await context.catalog.read(advisories.feeds)
    newest = max((feed.newest for feed in feeds if feed.newest), default=None)
    return Advisories(
        records=sum(feed.records for feed in feeds),
        checked_at=max((feed.checked_at for feed in feeds), default=None),
        newest=newest,
        alarm=alarm(feeds, context.config.advisories_max_age, now),
    )


def _dependency(
    pin: Pin, looked: Looked, filename: str, described: Mapping[tuple[str, str], str], known: Advisories
) -> Dependency:
    def describe(hole: Hole) -> str:
        return described.get((hole.advisory.id, pin.project), "")

    owned = looked.page is not None and looked.page.owned
    skipped = (
        "it is the project itself" if is_own(pin)
        else "no version is known" if not pin.version
        else "it is private: advisories are about public projects" if owned
        else "no advisories were ever imported" if known.checked_at is None and not looked.advisories
        else ""
    )  # fmt: skip
    holes = vulnerabilities(pin, looked, describe) if not skipped else []
    clear = nearest(looked, pin.version) if holes else ""
    return Dependency(
        pin.project, pin.version, holes, filename, pin.line, looked.page.source if looked.page else "", clear,
        [f"{algorithm}:{digest}" for algorithm, digest in pin.hashes], skipped,
    )  # fmt: skip


def _excepting(report: Report, exemptions: Sequence[Exemption], now: datetime) -> Report:
    """Return the report without what is excepted, and with what became of the exceptions."""
    if not exemptions:
        return report
    used: set[Exemption] = set()
    excepted: list[Excepted] = []

    def spared(ids: Sequence[str], name: str, version: str) -> bool:
        covering = [one for one in exemptions if one.covers(ids, name)]
        used.update(covering)
        standing = next((one for one in covering if one.stands(now.date())), None)
        if standing is not None:
            end = standing.end.isoformat() if standing.end else ""
            excepted.append(Excepted(ids[0], name, version, standing.reason, end))
        return standing is not None

    def left(rows: Iterable[T]) -> list[T]:
        return [row for row in rows if not spared((row.kind,), row.name, row.version)]

    def standing_holes(row: Dependency) -> list[Vulnerability]:
        return [hole for hole in row.vulns if not spared(hole.ids, row.name, row.version)]

    return msgspec.structs.replace(
        report,
        dependencies=[msgspec.structs.replace(row, vulns=standing_holes(row)) for row in report.dependencies],
        findings=left(report.findings),
        unknown=left(report.unknown),
        ignored=excepted,
        ignore_problems=list(_problems(exemptions, used, now)),
    )


def _problems(exemptions: Sequence[Exemption], used: set[Exemption], now: datetime) -> Iterable[str]:
    for one in exemptions:
        if not one.stands(now.date()):
            yield f"{one} has ended on {one.end}: it counts again"
        elif one not in used:
            yield f"{one} excepts nothing any more: take it out"
