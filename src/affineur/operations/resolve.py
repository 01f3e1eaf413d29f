"""Which releases meet what is asked, through the gate of an index as it stands now: `resolved`."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from affineur.errors import AffineurError, Invalid, Unresolvable
from affineur.model.files import File
from affineur.model.locks import LockedFile, Pin
from affineur.model.names import IndexName, ProjectName, project_name
from affineur.operations.context import Context
from affineur.operations.machines import Machines
from affineur.operations.releases import same_version
from affineur.operations.resolver import Chosen, Question
from affineur.policy.gate import Screened, sentence_of
from affineur.sources.gated import Gated
from affineur.sources.rendered import file_path
from affineur.standards.dependencies import dependencies
from affineur.standards.platforms import Target, fits
from affineur.standards.wanted import Want

_AT_ONCE = 8
"""Pages read at the same time."""
_MOST_EXPLAINED = 40
_EXPLAINED_FOR = 5.0
"""Seconds in which pages may come that tell why nothing was found; an upstream that hangs is not waited for again."""
_REFUSED_PAGE = re.compile(r"\S+ cannot be had: ")


@dataclass(frozen=True)
class Asked:
    """What is to be resolved, in which index and for which machines."""

    index: str
    wants: tuple[Want, ...]
    """What is asked for, and by what; `origin` goes into the comments of the lock."""
    constraints: tuple[Want, ...] = ()
    """What limits the choice without asking for anything."""
    kept: tuple[Pin, ...] = ()
    """The pins so far; each stays where it meets what is asked and still passes the gate."""
    upgraded: tuple[Requirement, ...] = ()
    """Projects whose pins need not stay; a specifier limits what they become."""
    targets: tuple[Target, ...] = ()
    """Where it is installed (`standards.platforms.read_targets`): empty: anywhere."""
    requires_python: str = ""
    """What the project says of Python, where no target names one."""
    as_of: datetime | None = None
    """Only releases uploaded before count; with a time zone."""
    prereleases: bool = False
    held_only: bool = False
    """Only releases whose bytes are held here count."""
    builds: bool = False
    """Whether sdists may be built to learn what they need. That runs the code of strangers on this machine."""
    address: str = ""
    """The origin of the addresses of files; empty: that of the server."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A newer release that meets what is asked, and that the gate refuses."""

    project: ProjectName
    locked: str
    version: str
    sentence: str
    """As `held by cooldown: ...; free on 2026-11-25`."""
    until: datetime | None
    """When time alone frees it; None: time does not."""


@dataclass(frozen=True)
class Resolution:
    """A complete set of releases, each with every file that fits and passes the gate."""

    pins: tuple[Pin, ...]
    """By name; with markers where one does not apply everywhere, `via` and `requires`."""
    held: tuple[HeldBack, ...]
    requires_python: str
    environments: tuple[str, ...]
    """Markers of the machines asked for; empty: any."""
    notes: tuple[str, ...]
    """What else a person should know, a sentence each."""


async def resolved(context: Context, asked: Asked) -> Resolution:
    """Resolve what is asked with uv's resolver, against the index as the gate lets it through now.

    Raises:
        Unresolvable: nothing meets what is asked, or only what the gate refuses; says what and why.
        Invalid: builds are asked for by somebody who does not sit at this machine.
        IndexUnknown: the index is not configured.
        Throttled: too many are resolving already.
    """
    if asked.builds and not context.at_hand:
        raise Invalid("a server builds nothing: build on your own machine, with --data, or ask for wheels alone")
    gated = context.index(asked.index)
    machines = Machines.of(asked.targets, asked.requires_python)
    if not asked.wants:
        nothing = "nothing is asked for, so that the lock is empty"
        return Resolution((), (), machines.requires_python, machines.markers, (nothing,))
    pages = _Pages(gated)
    notes, kept = await _still_good(pages, asked)
    question = Question(
        index=gated.name,
        requirements=_by_origin(asked.wants),
        constraints=_by_origin(asked.constraints),
        preferred=kept,
        python=machines.oldest,
        environments=machines.markers,
        as_of=asked.as_of,
        upgraded=asked.upgraded,
        prereleases=asked.prereleases,
        builds=asked.builds,
    )
    try:
        async with context.reach(context.principal, held_only=asked.held_only) as reached:
            chosen, warnings = await context.resolver.resolve(question, reached, context.blobs.staging())
    except Unresolvable as error:
        raise await _with_reasons(pages, asked, error) from None
    pins, held, gaps = await _checked(context, pages, asked, machines, chosen)
    await context.journal.write()
    return Resolution(pins, held, machines.requires_python, machines.markers, (*notes, *warnings, *gaps))


def _by_origin(wants: Iterable[Want]) -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = defaultdict(list)
    for want in wants:
        found[want.origin].append(want.requirement)
    return found


# -- pages


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


class _Pages:
    """The judged pages of one resolution, each read once."""

    def __init__(self, gated: Gated) -> None:
        self.gated = gated
        self._read: dict[ProjectName, asyncio.Task[Screened]] = {}
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def of(self, project: ProjectName) -> Screened:
        """Return a project's page with its decisions."""
        if project not in self._read:
            self._read[project] = asyncio.ensure_future(self._get(project))
        return await self._read[project]

    async def _get(self, project: ProjectName) -> Screened:
        async with self._turn:
            return await self.gated.screened(project)

    async def read(self, projects: Iterable[ProjectName]) -> dict[ProjectName, Screened]:
        """Read pages side by side; return those that can be had."""
        names = list(dict.fromkeys(projects))
        pages = await asyncio.gather(*(self.of(name) for name in names), return_exceptions=True)
        for page in pages:
            if isinstance(page, BaseException) and not isinstance(page, AffineurError):
                raise page
        return {name: page for name, page in zip(names, pages, strict=True) if not isinstance(page, BaseException)}


def _files_of(screened: Screened, version: str) -> list[File]:
    return [file for file in screened.page.files if not file.tombstone and same_version(file.version, version)]


def _refusals(screened: Screened, files: Sequence[File]) -> list[str]:
    """Return why files may not be had, each reason once."""
    yanks = screened.refused | screened.yanks()
    return list(dict.fromkeys(yanks[file.filename] for file in files if file.filename in yanks))


def _passing(screened: Screened, files: Iterable[File]) -> list[File]:
    shut = screened.refused | screened.yanks()
    return [file for file in files if file.filename not in shut]


async def _still_good(pages: _Pages, asked: Asked) -> tuple[list[str], list[Requirement]]:
    """Return the pins that the resolver is to keep, and what is said of those that the gate refuses now."""
    notes: list[str] = []
    kept: list[Requirement] = []
    about = {pin.project for pin in asked.kept if pin.version and not pin.origin}
    known = await pages.read(about)
    for pin in asked.kept:
        if not pin.version or pin.origin:
            continue
        page = known.get(pin.project)
        files = _files_of(page, pin.version) if page is not None else []
        if page is not None and files and not _passing(page, files):
            notes.append(f"{pin.project} {pin.version} was pinned and is not kept: {'; '.join(_refusals(page, files))}")
            continue
        with contextlib.suppress(InvalidRequirement):  # versions and markers that only other tools know
            kept.append(Requirement(f"{pin.project}=={pin.version}" + (f" ; {pin.marker}" if pin.marker else "")))
    return notes, kept


async def _with_reasons(pages: _Pages, asked: Asked, error: Unresolvable) -> Unresolvable:
    """Return the error with what the gate refuses of what is asked for."""
    told: list[str] = []
    wants = asked.wants[:_MOST_EXPLAINED]
    try:
        async with asyncio.timeout(_EXPLAINED_FOR):
            known = await pages.read(project_name(want.requirement.name) for want in wants)
    except TimeoutError:
        return error
    for want in wants:
        page = known.get(project_name(want.requirement.name))
        if page is None:
            continue
        meeting = [f for f in page.page.files if f.tombstone or _meets(f.version, want.requirement.specifier)]
        if meeting and not _passing(page, meeting):
            told += [f"{want.requirement}: {reason}" for reason in _refusals(page, meeting)[:3]]
        elif not asked.builds and meeting and not any(file.is_wheel for file in meeting):
            told.append(
                f"{want.requirement}: there are only sdists, which would have to be built to learn what they need; "
                "--allow-builds does so on your own machine"
            )
    if told and _REFUSED_PAGE.match(error.sentence):
        # It tells the same of a page.
        return Unresolvable("\n".join(["nothing is locked:", *told]))
    return Unresolvable("\n".join([error.sentence, *told])) if told else error


def _meets(version: str, specifier: SpecifierSet) -> bool:
    parsed = _version(version)
    return parsed is not None and specifier.contains(parsed, prereleases=True)


# -- what was chosen


async def _checked(
    context: Context, pages: _Pages, asked: Asked, machines: Machines, chosen: Sequence[Chosen]
) -> tuple[tuple[Pin, ...], tuple[HeldBack, ...], list[str]]:
    """Ask the gate about everything that was chosen, and give each its files; tell what machines it leaves out.

    Raises:
        Unresolvable: the gate refuses some of it, or there is no file for a machine.
    """
    problems: list[str] = []
    gaps: list[str] = []
    pins: list[Pin] = []
    await pages.read(one.project for one in chosen)
    for one in chosen:
        marker = machines.narrowed(one.marker)
        if marker is None:
            continue
        page = await pages.of(one.project)
        files = _files_of(page, one.version)
        passing = _passing(page, files)
        if not passing:
            reasons = "; ".join(_refusals(page, files)) or f"{asked.index} does not list it any more"
            problems.append(f"{one.project} {one.version}: {reasons}")
            continue
        usable = [f for f in passing if f.is_wheel or asked.builds or not any(g.is_wheel for g in files)]
        problems += [
            f"{one.project} {one.version}: no file that passes fits {target}"
            for target in machines.wanting(one.marker)
            if not any(target.fits(f.filename, f.requires_python or "") for f in usable)
        ]
        if without := machines.left_out(one.marker, passing):
            gaps.append(
                f"{one.project} {one.version} cannot be installed on {', '.join(map(str, without))}: no file that passes "
                "fits, and there is no sdist; name the platforms and Pythons that you install on, or give it a marker"
            )
        fitting = tuple(f for f in passing if fits(f.filename, machines.targets, f.requires_python or ""))
        pins.append(await _pin(context, pages.gated, page, asked, replace(one, marker=marker), fitting))
    if problems:
        raise Unresolvable("nothing is locked:\n" + "\n".join(problems))
    limits = _limits(pins, asked)
    found = (_held_back(await pages.of(pin.project), pin, limits[pin.project], asked, machines) for pin in pins)
    held = [one async for one in found if one is not None]
    return tuple(pins), tuple(dict.fromkeys(held)), gaps


async def _pin(
    context: Context, gated: Gated, page: Screened, asked: Asked, chosen: Chosen, files: Sequence[File]
) -> Pin:
    origin = (asked.address or context.origin).rstrip("/")
    name = IndexName(gated.name)
    return Pin(
        chosen.project,
        chosen.version,
        marker=chosen.marker,
        files=tuple(
            LockedFile(
                file.filename, tuple(sorted(_hashes(file).items())),
                f"{origin}{file_path(name, chosen.project, file)}", file.size, file.upload_time,
            )
            for file in sorted(files, key=lambda file: file.filename)
        ),
        via=chosen.via,
        requires=await _requires(gated, page, files),
        requires_python=next((file.requires_python for file in files if file.requires_python), ""),
    )  # fmt: skip


def _hashes(file: File) -> dict[str, str]:
    """Return the strongest hash; weak ones prove nothing beside it."""
    for algorithm in ("sha256", "sha384", "sha512"):
        if algorithm in file.hashes:
            return {algorithm: file.hashes[algorithm]}
    return dict(file.hashes)


async def _requires(gated: Gated, page: Screened, files: Sequence[File]) -> tuple[str, ...]:
    """Return what a release needs, by the metadata of the first file that tells."""
    for file in sorted(files, key=lambda file: (not file.is_wheel, file.metadata_hashes is None)):
        try:
            raw = await gated.tell(page, file, "metadata")
            found = await asyncio.to_thread(dependencies, raw, (), sdist=not file.is_wheel)
        except AffineurError:
            continue
        return tuple(map(str, found or ()))
    return ()


def _held_back(page: Screened, pin: Pin, limits: SpecifierSet, asked: Asked, machines: Machines) -> HeldBack | None:
    """Return the newest release that meets what is asked, is newer than the locked one, and is refused."""
    locked = _version(pin.version)
    if locked is None:
        return None
    newer: dict[Version, list[File]] = defaultdict(list)
    for file in page.page.files:
        version = _version(file.version)
        if (
            version is not None
            and version > locked
            and (not version.is_prerelease or asked.prereleases or locked.is_prerelease)
            and (file.is_wheel or asked.builds)
            and not file.yanked
            and limits.contains(version, prereleases=True)
            and (asked.as_of is None or file.upload_time is None or file.upload_time < asked.as_of)
            and fits(file.filename, machines.targets, file.requires_python or "")
        ):
            newer[version].append(file)
    for version in sorted(newer, reverse=True):
        if all(file.filename in page.refused for file in newer[version]):
            verdict = page.decisions[newer[version][0].filename].strictest
            return HeldBack(pin.project, pin.version, str(version), sentence_of(verdict), verdict.until)
    return None


def _limits(pins: Sequence[Pin], asked: Asked) -> dict[ProjectName, SpecifierSet]:
    """Return what is asked of each project, by people and by what is locked."""
    limits: dict[ProjectName, SpecifierSet] = defaultdict(SpecifierSet)
    asking = [want.requirement for want in (*asked.wants, *asked.constraints)] + list(asked.upgraded)
    for requirement in (*asking, *(Requirement(text) for pin in pins for text in pin.requires)):
        limits[project_name(requirement.name)] &= requirement.specifier
    return limits
