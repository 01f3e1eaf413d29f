"""Which files a list of requirements needs from a mirror, dependencies included."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from affineur.errors import AffineurError, FileUnknown
from affineur.model.files import File, Page
from affineur.model.names import ProjectName, normalize
from affineur.sources.mirrored import Mirrored
from affineur.standards.archives.chosen import Bounds, read_chosen
from affineur.standards.dependencies import dependencies

_AT_ONCE = 8
_BOUNDS = Bounds(total=2**20)

Owned = Callable[[ProjectName], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Wish:
    """A requirement with how many of the releases it allows are wanted, and whether what they need is."""

    requirement: Requirement
    newest: bool
    dependencies: bool = True


@dataclass
class Closure:
    """What was found: files with the page that lists them, and what stands in the way."""

    files: dict[str, tuple[Page, File]] = field(default_factory=dict)
    projects: set[ProjectName] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    """Requirements that no release fits, with why."""
    silent: list[str] = field(default_factory=list)
    """Releases that do not say what they need before they are built."""
    fetched: dict[str, int] = field(default_factory=dict)
    """Bytes of the files that had to be fetched to know what they need."""
    private: set[ProjectName] = field(default_factory=set)
    """Projects that a hosted source owns: they are not asked of an upstream."""


class Resolver:
    """Follows requirements through the pages and core metadata of one mirror.

    Of a dependency the newest release that each requirement allows is taken, as an installer would.
    """

    def __init__(self, mirror: Mirrored, owned: Owned, told: Callable[[int, int, str], None], *, fresh: bool) -> None:
        self.mirror, self._owned, self._told, self._fresh = mirror, owned, told, fresh
        self.closure = Closure()
        self._reading = asyncio.Semaphore(_AT_ONCE)
        self._pages: dict[ProjectName, asyncio.Task[Page]] = {}
        self._needs: dict[tuple[ProjectName, str, frozenset[str]], list[Requirement]] = {}
        self._seen: set[tuple[ProjectName, str, frozenset[str], bool]] = set()

    async def resolve(self, wishes: Iterable[Wish]) -> Closure:
        """Follow every wish to its end."""
        waiting = deque(wishes)
        running: set[asyncio.Task[list[Wish]]] = set()
        done = 0
        try:
            while waiting or running:
                while waiting and len(running) < _AT_ONCE:
                    wish = waiting.popleft()
                    if self._is_new(wish):
                        running.add(asyncio.create_task(self._follow(wish)))
                if not running:
                    continue
                finished, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    waiting.extend(task.result())
                    done += 1
                self._told(done, 0, f"requirements followed, {len(self.closure.files)} files found")
        finally:
            for task in running:
                task.cancel()
        return self.closure

    def _is_new(self, wish: Wish) -> bool:
        asked = wish.requirement
        key = (normalize(asked.name), str(asked.specifier), frozenset(asked.extras), wish.newest)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    async def _page(self, project: ProjectName) -> Page:
        if project not in self._pages:
            ask = self.mirror.refresh if self._fresh else self.mirror.page
            self._pages[project] = asyncio.create_task(ask(project))
        return await asyncio.shield(self._pages[project])

    async def _follow(self, wish: Wish) -> list[Wish]:
        """Take the files of the releases a wish asks for; return what these need."""
        asked = wish.requirement
        project = normalize(asked.name)
        if await self._owned(project):
            self.closure.private.add(project)
            return []
        try:
            page = await self._page(project)
        except AffineurError as error:
            self.closure.unknown.append(f"{project}: {error.sentence.removeprefix(f'{project}: ')}")
            return []
        releases = chosen(page, asked.specifier, newest=wish.newest)
        if not releases:
            self.closure.unknown.append(f"{project}: no release fits {asked.specifier or 'an installer'}")
        self.closure.projects.add(project)
        for files in releases.values():
            self.closure.files.update({f"{project} {file.filename}": (page, file) for file in files})
        if not wish.dependencies:
            return []
        extras = frozenset(asked.extras)
        each = await asyncio.gather(*(self._needed(page, *release, extras) for release in releases.items()))
        return [Wish(needed, newest=True) for needs in each for needed in needs]

    async def _needed(self, page: Page, version: str, files: list[File], extras: frozenset[str]) -> list[Requirement]:
        key = (page.project, version, extras)
        if key not in self._needs:
            needs = None
            try:
                async with self._reading:
                    needs = await self._read(page, files, extras)
            except AffineurError as error:
                self.closure.unknown.append(f"{page.project} {version}: {error.sentence}")
                needs = []
            if needs is None:
                self.closure.silent.append(f"{page.project} {version}")
            self._needs[key] = needs or []
        return self._needs[key]

    async def _read(self, page: Page, files: list[File], extras: frozenset[str]) -> list[Requirement] | None:
        """Read what a release needs: from the metadata of a wheel, else from its sdist."""
        for file in sorted(files, key=lambda f: (f.metadata_hashes is None, not f.is_wheel, f.size or 0)):
            if file.is_wheel or file.metadata_hashes is not None:
                try:
                    return dependencies(await self.mirror.metadata(page, file), extras, sdist=not file.is_wheel)
                except FileUnknown:
                    continue
        for file in files:
            if not file.is_wheel and (path := await self._whole(page, file)) is not None:
                read = await asyncio.to_thread(read_chosen, path, file.filename, _is_pkg_info, _BOUNDS)
                for raw in read.bodies.values():
                    return dependencies(raw, extras, sdist=True)
        return None

    async def _whole(self, page: Page, file: File) -> Path | None:
        body = await self.mirror.open(page, file)
        await body.wait()
        if getattr(body, "cold", False):
            self.closure.fetched[file.filename] = body.size or 0
        return await self.mirror.files.whole(page, file)


def _is_pkg_info(name: str) -> bool:
    return name.count("/") == 1 and name.endswith("/PKG-INFO")


def chosen(page: Page, specifier: SpecifierSet, *, newest: bool) -> dict[str, list[File]]:
    """Return the files of the releases that a requirement allows, by version, the newest first.

    As for installers: pre-releases only where the requirement names one or nothing else fits,
    yanked files only for an exact version.
    """
    exact = any(part.operator in {"==", "==="} and not part.version.endswith(".*") for part in specifier)
    releases: dict[Version, list[File]] = {}
    for file in page.files:
        if file.yanked and not exact:
            continue
        try:
            releases.setdefault(Version(file.version), []).append(file)
        except InvalidVersion:
            continue
    allowed = sorted(specifier.filter(releases), reverse=True)
    return {str(version): releases[version] for version in (allowed[:1] if newest else allowed)}
