"""What is known of a project and its files beyond the listing: gathered once, by project or by digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from affineur.model.advisories import Advisory, affects, known
from affineur.model.files import File, Page
from affineur.model.licences import Stated
from affineur.model.quarantines import Quarantine
from affineur.model.scans import Scan
from affineur.model.waivers import Waiver
from affineur.policy.lookalikes.watch import Likeness


class Need(StrEnum):
    """A kind of evidence that rules may ask for."""

    ADVISORIES = "advisories"
    NAME = "name"
    """What the project's name looks like."""
    PUBLISHER = "publisher"
    """Who published releases that may be let through early, by their provenance."""
    USE = "use"
    """What of the project was downloaded here."""
    SCAN = "scan"
    """What reading a file's code brought to light."""
    LICENCE = "licence"
    """What a file's metadata says of its licence."""
    TOLD = "told"
    """What the upstream tells of a single version; asked for when somebody wants one of its files."""


CONTENT = frozenset({Need.SCAN, Need.LICENCE, Need.TOLD})
"""Needs that are met when somebody wants a file: until then rules that have them are pending."""

ASKED = frozenset({Need.TOLD})
"""Those of them that take a question to the upstream and not the file itself."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence about one project. What nobody needed is empty; what could not be gathered is in `failed`."""

    waivers: tuple[Waiver, ...] = ()
    """Those granted that touch the project."""
    quarantines: tuple[Quarantine, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    advisories_at: datetime | None = None
    """When advisories were last imported; None: never."""
    publishers: Mapping[str, str] = field(default_factory=dict)
    """Who published a file by its provenance, by file name, where that was read."""
    likeness: Likeness | None = None
    """What the project's name looks like; None where nobody asked."""
    used_versions: frozenset[str] = frozenset()
    """The versions of the project that were downloaded here."""
    told_versions: frozenset[str] = frozenset()
    """The versions, in canonical form, that the upstream was asked about."""
    scans: Mapping[str, Scan] = field(default_factory=dict)
    """By SHA-256 digest."""
    licences: Mapping[str, Stated] = field(default_factory=dict)
    """By SHA-256 digest."""
    failed: Mapping[Need, str] = field(default_factory=dict)
    """Needs that could not be met, with what was wrong: rules that have them hold."""

    def fixed_by(self, version: str) -> str | None:
        """Return the id of an advisory that names `version` as the fix of a version in use here, or None."""
        for advisory in known(self.advisories).fixing(version):
            if any(affects(advisory, used) for used in self.used_versions):
                return advisory.id
        return None

    def publisher_change(self, page: Page, file: File) -> str:
        """Return what changed about who published a file since the release before it, or "".

        Releases are compared by what their provenance (PEP 740) tells, in the order of upload.
        """
        before = _before(page, file)
        if before is None:
            return "there is no earlier release to compare its publisher with"
        if not (before.provenance or file.provenance):
            return ""
        if not file.provenance:
            return f"{before.version} had provenance, it has none"
        now_known, known = self.publishers.get(file.filename), self.publishers.get(before.filename)
        if now_known is None or known is None:
            return f"its publisher cannot be compared with that of {before.version}"
        return "" if now_known == known else f"its publisher is {now_known}, that of {before.version} was {known}"

    def to_compare(self, page: Page, since: datetime) -> list[File]:
        """Return the files whose publishers matter: fixes uploaded since a moment, and what came before them."""
        if not (self.advisories and self.used_versions):
            return []
        found: dict[str, File] = {}
        for file in page.files:
            if file.upload_time is None or file.upload_time < since or self.fixed_by(file.version) is None:
                continue
            for one in (file, _before(page, file)):
                if one is not None and one.provenance:
                    found[one.filename] = one
        return list(found.values())


def _before(page: Page, file: File) -> File | None:
    """Return the newest file of another release of the project uploaded before `file`."""
    if file.upload_time is None:
        return None
    earlier = [
        (other.upload_time, other)
        for other in page.files
        if other.version != file.version and other.upload_time is not None and other.upload_time < file.upload_time
    ]
    return max(earlier, key=lambda pair: pair[0])[1] if earlier else None


NOTHING = Evidence()


class Witness(Protocol):
    """Gathers evidence."""

    async def of(self, page: Page, needs: frozenset[Need]) -> Evidence:
        """Return the evidence about a page's project and files; never raises for what is missing."""
        ...

    async def likeness(self, page: Page) -> Likeness:
        """Return what the name of a page's project looks like.

        Raises:
            InvalidDocument: the list of popular names cannot be read.
            StorageUnavailable: the database does not answer.
        """
        ...

    async def ask(self, page: Page, file: File, needs: frozenset[Need]) -> None:
        """Gather what takes a question about a file but not the file itself."""
        ...

    def expect(self, needs: frozenset[Need]) -> None:
        """Make ready for looking into content soon; returns at once."""
        ...

    async def inspect(self, page: Page, file: File, path: Path, needs: frozenset[Need]) -> None:
        """Gather what only the content of a file gives, unless it is known by its digest; `path` holds the bytes."""
        ...

    def forget(self, project: str) -> None:
        """Forget what is remembered of a project; "" is all."""
        ...
