"""Mirrors filled ahead of time: a list of requirements, held complete with what they need."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from packaging.requirements import Requirement

from affineur.errors import AffineurError, IndexUnknown, Invalid, NotFound
from affineur.model.events import Event
from affineur.model.files import File, Page
from affineur.model.names import ProjectName, normalize
from affineur.operations.context import Context
from affineur.operations.operation import argument, file_option, option
from affineur.sources.closure import Closure, Resolver, Wish
from affineur.sources.mirrored import Mirrored
from affineur.standards.requirement_lists import read_requirement_list, requirement
from affineur.storage.catalog import cache, mirror_list
from affineur.storage.catalog.cache import Held
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.mirror_list import Wanted

_AT_ONCE = 8
_RELEASES = ("all", "newest")


class MirrorAdd(msgspec.Struct, frozen=True):
    """Put projects on a mirror's list and fetch them with what they need.

    Of what is named, every release is fetched that the requirement allows (`django` all, `django>=5` those, a pin
    just one), with all its files; with `--releases newest` only the newest of them. Of dependencies the newest
    release is fetched that each requirement allows, for any platform and extra asked for. The list is kept: `mirror
    sync` fetches what came since, and its files are never evicted. A command that was interrupted goes on where it
    was when it, or `mirror sync`, is given again.
    """

    names: Annotated[tuple[str, ...], argument("Requirements: names, with versions and extras if wanted.")] = ()
    requirements: Annotated[str, file_option("A requirements file or lock file (pylock.toml).", "-r")] = ""
    releases: Annotated[str, option("all that a requirement allows, or the newest of them.")] = "all"
    no_dependencies: Annotated[bool, option("Leave out what they need.")] = False
    mirror: Annotated[str, option("The mirror.")] = "public"


class MirrorSync(msgspec.Struct, frozen=True):
    """Ask the upstream for everything on a mirror's list and fetch what is missing."""

    mirror: Annotated[str, option("The mirror.")] = "public"


class MirrorList(msgspec.Struct, frozen=True):
    """List what mirrors are to hold ahead of time."""

    mirror: Annotated[str, option("One mirror only.")] = ""


class MirrorRemove(msgspec.Struct, frozen=True):
    """Take projects off a mirror's list; their files stay until they are evicted or pruned."""

    names: Annotated[tuple[str, ...], argument("Project names, or requirements as listed.")]
    mirror: Annotated[str, option("The mirror.")] = "public"


class WantedRow(msgspec.Struct, frozen=True):
    """A row of a mirror's list."""

    mirror: str
    requirement: str
    releases: str
    dependencies: bool
    added: str
    by: str


class Filled(msgspec.Struct, frozen=True):
    """What came of filling a mirror; sizes in bytes."""

    projects: int
    files: int
    fetched: int
    bytes: int
    failed: list[str]
    notes: list[str]


def say(result: Filled) -> str:
    """Return the result in words."""
    lines = [f"failed: {text}" for text in result.failed] + [f"note: {text}" for text in result.notes]
    told = f"{result.projects} projects, {result.files} files; {result.fetched} fetched ({result.bytes} bytes)"
    return "\n".join([*lines, told])


def _mirrored(context: Context, name: str) -> Mirrored:
    source = context.sources.get(name)
    if not isinstance(source, Mirrored):
        raise IndexUnknown(name, sorted(context.config.mirrors))
    return source


async def add(context: Context, request: MirrorAdd) -> Filled:
    """Put requirements on the list and fetch them.

    Raises:
        Invalid: nothing is named, or what is named cannot be read.
        IndexUnknown: there is no such mirror.
    """
    _mirrored(context, request.mirror)
    if request.releases not in _RELEASES:
        raise Invalid(f"--releases {request.releases!r}: all or newest is wanted")
    read = read_requirement_list(request.requirements, "-r")
    asked = [*(requirement(name) for name in request.names), *read.requirements]
    if not asked:
        raise Invalid("nothing to add: name projects, or a file with -r")
    follow = not request.no_dependencies and not read.locked
    now = datetime.now(UTC)
    entries = [
        Wanted(request.mirror, _told(made), request.releases, follow, now, context.actor)
        for made in {_told(made): made for made in asked}.values()
    ]
    await context.catalog.write(_put, entries)
    notes = [f"{text!r} is not taken from the file" for text in read.left_out]
    return await _fill(context, request.mirror, entries, notes, exactly=False)


async def sync(context: Context, request: MirrorSync) -> Filled:
    """Fetch what is missing of the whole list, and pin exactly that.

    Raises:
        IndexUnknown: there is no such mirror.
    """
    _mirrored(context, request.mirror)
    entries = await context.catalog.read(mirror_list.listed, request.mirror)
    return await _fill(context, request.mirror, entries, [], exactly=True)


async def listed(context: Context, request: MirrorList) -> list[WantedRow]:
    """Return what mirrors are to hold."""
    return [
        WantedRow(
            e.source, e.requirement, e.releases, e.dependencies, e.added_at.isoformat(timespec="seconds"), e.added_by
        )
        for e in await context.catalog.read(mirror_list.listed, request.mirror)
    ]


async def remove(context: Context, request: MirrorRemove) -> list[WantedRow]:
    """Take requirements off the list; return those that were taken off.

    Raises:
        NotFound: one of them is not on the list.
    """
    rows = await listed(context, MirrorList(request.mirror))
    gone: list[WantedRow] = []
    for name in request.names:
        told = _told(requirement(name))
        found = [r for r in rows if r.requirement == told or normalize(Requirement(r.requirement).name) == told]
        if not found:
            raise NotFound(f"{name}: not on the list of {request.mirror}")
        gone += found
    await context.catalog.write(_take_off, request.mirror, [row.requirement for row in gone], context.actor)
    return gone


def _told(made: Requirement) -> str:
    """Return a requirement as it stands on the list: with the normalised name, without a marker."""
    extras = f"[{','.join(sorted(made.extras))}]" if made.extras else ""
    return f"{normalize(made.name)}{extras}{made.specifier}"


def _put(change: Change, entries: Sequence[Wanted]) -> None:
    mirror_list.add(change, entries)
    names = [entry.requirement for entry in entries]
    change.enter(Event("mirror.listed", entries[0].source, actor=entries[0].added_by, data={"requirements": names}))


def _take_off(change: Change, source: str, requirements: Sequence[str], actor: str) -> None:
    mirror_list.remove(change, source, requirements)
    change.enter(Event("mirror.unlisted", source, actor=actor, data={"requirements": list(requirements)}))


async def _fill(context: Context, name: str, entries: Sequence[Wanted], notes: list[str], *, exactly: bool) -> Filled:
    mirror = _mirrored(context, name)

    async def owned(project: ProjectName) -> bool:
        others = (source for source in context.sources.values() if not isinstance(source, Mirrored))
        return any([await source.owns(project) for source in others])

    wishes = [Wish(Requirement(e.requirement), e.releases == "newest", e.dependencies) for e in entries]
    closure = await Resolver(mirror, owned, context.progress, fresh=True).resolve(wishes)
    fetching = _Fetching(context, mirror)
    await fetching.all(list(closure.files.values()))
    digests = {file.sha256 for file in fetching.held.values() if file.sha256}
    await context.catalog.write(_pin, name, list(fetching.held.values()), digests, exactly)
    return Filled(
        len(closure.projects), len(closure.files),
        fetching.fetched + len(closure.fetched), fetching.bytes + sum(closure.fetched.values()),
        sorted(closure.unknown) + fetching.failed, [*notes, *_notes(closure)],
    )  # fmt: skip


def _notes(closure: Closure) -> list[str]:
    return [
        *(f"{name} belongs to a hosted source and is not asked of the upstream" for name in sorted(closure.private)),
        *(f"{release} does not say what it needs before it is built" for release in sorted(closure.silent)),
    ]


def _pin(change: Change, source: str, files: Sequence[Held], digests: set[str], exactly: bool) -> None:
    cache.own(change, files)
    if exactly:
        cache.unpin(change, source)
    cache.pin(change, source, digests)


class _Fetching:
    """Fetches files that are not here, a few at once, and counts."""

    def __init__(self, context: Context, mirror: Mirrored) -> None:
        self.context, self.mirror = context, mirror
        self.held: dict[str, Held] = {}
        self.failed: list[str] = []
        self.fetched = self.bytes = self._done = 0

    async def all(self, files: Sequence[tuple[Page, File]]) -> None:
        """Have every file here."""
        waiting = iter(files)

        async def work() -> None:
            for page, file in waiting:
                await self._one(page, file)
                self._done += 1
                self.context.progress(self._done, len(files), f"files here, {self.bytes // 2**20} MiB fetched")

        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))

    async def _one(self, page: Page, file: File) -> None:
        try:
            body = await self.mirror.open(page, file)
            await body.wait()
        except AffineurError as error:
            if not file.vanished:
                self.failed.append(f"{file.filename}: {error.sentence}")
            return
        size = body.size or 0
        if body.sha256:
            self.held[file.filename] = Held(body.sha256, size, self.mirror.name, page.project, file.filename)
        if getattr(body, "cold", False):
            self.fetched += 1
            self.bytes += size
