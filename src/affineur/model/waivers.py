"""Waivers: exceptions from a rule that a person asked for and another granted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from affineur.errors import Invalid, InvalidName
from affineur.model.filenames import is_filename
from affineur.model.names import ProjectName, name_pattern


class WaiverState(StrEnum):
    """Where a waiver stands; one that ended by time stays granted and counts no more."""

    ASKED = "asked"
    GRANTED = "granted"
    DENIED = "denied"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Scope:
    """The files a waiver, or an entry of a list, is about. Empty fields mean any."""

    project: str
    """A normalised project name, or a pattern with `*` and `?`."""
    versions: str = ""
    """A PEP 440 specifier, such as `==1.0` or `>=2,<3`."""
    filename: str = ""

    def holds(self, project: ProjectName, version: str, filename: str) -> bool:
        """Whether the file lies in the scope; a version that cannot be read lies in none that names versions."""
        if project != self.project and not fnmatchcase(project, self.project):
            return False
        if self.filename and filename != self.filename:
            return False
        if not self.versions:
            return True
        try:
            return SpecifierSet(self.versions).contains(Version(version), prereleases=True)
        except InvalidVersion:
            return False

    def __str__(self) -> str:
        return self.filename or f"{self.project}{self.versions}"


def scope_of(text: str) -> Scope:
    """Read a scope: `name`, `acme-*`, `name==1.0`, `name>=2,<3`, or a file name.

    Raises:
        Invalid: it is none of these.
    """
    text = text.strip()
    if is_filename(text):
        return Scope("*", filename=text)
    end = next((at for at, char in enumerate(text) if char in "=<>!~ "), len(text))
    name, versions = text[:end], text[end:].strip()
    try:
        project = name_pattern(name)
    except InvalidName:
        raise Invalid(f"{text!r}: NAME, a pattern such as acme-*, NAME==VERSION or a file name is wanted") from None
    try:
        SpecifierSet(versions)
    except InvalidSpecifier as error:
        raise Invalid(f"{text!r}: {versions!r} is no version specifier; write for example {name}==1.0") from error
    return Scope(project, versions)


@dataclass(frozen=True, slots=True)
class Waiver:
    """An exception: which files, from which rule, in which index, why, and until when."""

    id: str
    scope: Scope
    rule: str
    """The rule's name, or `*`: any that may be waived."""
    index: str
    """The index's name, or `*`."""
    owner: str
    """Who answers for it: who asked."""
    reason: str
    asked_at: datetime
    ends_at: datetime | None = None
    state: WaiverState = WaiverState.ASKED
    decided_by: str = ""
    note: str = ""

    def stands(self, now: datetime) -> bool:
        """Whether it counts at the moment."""
        return self.state is WaiverState.GRANTED and (self.ends_at is None or now < self.ends_at)
