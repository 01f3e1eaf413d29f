"""Which kinds of files an index hands out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from affineur.errors import Invalid
from affineur.model.decisions import Verdict
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts
from affineur.policy.settings import Force, Settings


class Kinds(StrEnum):
    """The files let through."""

    ANY = "any"
    WHEELS = "wheels"
    SDISTS = "sdists"


class PythonVersion(str):
    """A Python version as people write it; empty is none."""

    __slots__ = ()

    def __new__(cls, text: str) -> PythonVersion:
        """Check the version.

        Raises:
            Invalid: it is none.
        """
        try:
            Version(text or "0")
        except InvalidVersion as error:
            raise Invalid(f"{text!r} is no version of Python, such as 3.11") from error
        return super().__new__(cls, text)


@dataclass(frozen=True)
class FileKindsSettings(Settings):
    """Keys of the rule `file_kinds`."""

    short: ClassVar[str] = "only"
    only: Kinds = Kinds.ANY
    """`wheels` runs no code of packages at installation; `sdists` builds everything here."""
    prereleases: bool = True
    """Whether pre-releases and development releases pass."""
    yanked: bool = True
    """Whether files that their author yanked pass; clients take them for exact pins."""
    python: PythonVersion = PythonVersion("")  # noqa: RUF009 - a constant, and never changed
    """A Python version, such as `3.11`, that files must state they run on."""
    force: Force = Force.DENY


@lru_cache(maxsize=8192)
def _prerelease(version: str) -> bool:
    try:
        return Version(version).is_prerelease
    except InvalidVersion:
        return False


@lru_cache(maxsize=8192)
def _runs_on(requires_python: str, python: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(python, prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return False


class FileKinds:
    """Refuse files of a kind that the index does not hand out."""

    name: ClassVar[str] = "file_kinds"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def __init__(self, settings: FileKindsSettings) -> None:
        self.settings = settings

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer with everything that is wrong with the kind of the file."""
        del now
        wrong = self._wrong(facts)
        return Verdict(self.name, self.settings.force.effect, "; ".join(wrong)) if wrong else None

    def _wrong(self, facts: Facts) -> list[str]:
        settings, file = self.settings, facts.file
        wrong = []
        if settings.only is Kinds.WHEELS and not file.is_wheel:
            wrong.append(f"{file.filename} is no wheel, and only wheels pass here")
        if settings.only is Kinds.SDISTS and not file.filename.endswith((".tar.gz", ".zip", ".tar.bz2")):
            wrong.append(f"{file.filename} is no source distribution, and only those pass here")
        if not settings.prereleases and _prerelease(file.version):
            wrong.append(f"{file.version} is a pre-release, and none pass here")
        if not settings.yanked and file.yanked:
            wrong.append(
                f"{file.version} was yanked by its author" + (f": {file.yanked_reason}" if file.yanked_reason else "")
            )
        if settings.python and file.requires_python and not _runs_on(file.requires_python, settings.python):
            wrong.append(f"{file.version} does not run on Python {settings.python}: it wants {file.requires_python}")
        return wrong
