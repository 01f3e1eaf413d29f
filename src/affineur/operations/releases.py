"""The files of single releases, as an index lists and judges them today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from affineur.errors import ProjectUnknown
from affineur.model.decisions import Decision
from affineur.model.files import File
from affineur.model.names import ProjectName
from affineur.policy.gate import Screened
from affineur.sources.gated import Gated


@dataclass(frozen=True, slots=True)
class Release:
    """The files of one version of a project."""

    files: tuple[File, ...]
    """Every file that the index lists of it, refused ones too."""
    decisions: Mapping[str, Decision]

    @property
    def passing(self) -> tuple[File, ...]:
        """The files that may be had."""
        return tuple(file for file in self.files if not self.decisions[file.filename].refused)

    @property
    def refusal(self) -> str:
        """Why none of its files may be had; empty where one may, or where there is none."""
        if not self.files or self.passing:
            return ""
        strictest = max((self.decisions[file.filename] for file in self.files), key=lambda one: one.strictest.effect)
        return strictest.strictest.sentence


class Releases:
    """Looks up releases in an index; each project's page is asked for once."""

    def __init__(self, gated: Gated) -> None:
        self.gated = gated
        self._pages: dict[ProjectName, Screened | None] = {}

    async def find(self, project: ProjectName, version: str) -> Release:
        """Return a release; one without files where the index has none of that version.

        Raises:
            UpstreamUnavailable: it cannot be asked for.
        """
        screened = await self._page(project)
        if screened is None:
            return Release((), {})
        if any(file.tombstone for file in screened.page.files):
            return Release(screened.page.files, screened.decisions)
        files = tuple(file for file in screened.page.files if same_version(file.version, version))
        return Release(files, screened.decisions)

    async def holder(self, project: ProjectName, pair: tuple[str, str]) -> str:
        """Return the name of the file of any release that has a hash; empty where none has.

        Raises:
            UpstreamUnavailable: the project cannot be asked for.
        """
        screened = await self._page(project)
        algorithm, digest = pair
        files = screened.page.files if screened is not None else ()
        return next((file.filename for file in files if file.hashes.get(algorithm) == digest), "")

    async def _page(self, project: ProjectName) -> Screened | None:
        if project not in self._pages:
            try:
                self._pages[project] = await self.gated.screened(project)
            except ProjectUnknown:
                self._pages[project] = None
        return self._pages[project]


def same_version(one: str, other: str) -> bool:
    """Whether two spellings stand for the same version."""
    if one == other:
        return True
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False
