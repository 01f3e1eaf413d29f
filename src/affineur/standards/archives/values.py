"""The values that the examination of an archive takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MEBIBYTE = 1024 * 1024

Kind = Literal["bdist_wheel", "sdist"]


class Broken(Exception):
    """A rule is broken; `inspect` adds the file's name and raises `InvalidArchive`."""

    def __init__(self, rule: str, problem: str, member: str = "") -> None:
        super().__init__(problem)
        self.rule, self.problem, self.member = rule, problem, member


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may ask of us; sizes in bytes."""

    unpacked: int = 8 * 1024 * MEBIBYTE
    """The sum of all members once unpacked."""
    members: int = 100_000
    ratio: int = 50
    """Unpacked to packed size, looked at once more than `ratio_from` is unpacked."""
    ratio_from: int = 64 * MEBIBYTE
    metadata: int = 8 * MEBIBYTE
    """METADATA, PKG-INFO, WHEEL or entry_points.txt."""
    listing: int = 64 * MEBIBYTE
    """RECORD, or the central directory of a ZIP file."""
    allow_linux: bool = False
    """Whether wheels may carry a bare `linux_*` platform tag."""


@dataclass(frozen=True, slots=True)
class FileName:
    """What the name of a distribution file says, strictly read."""

    stem: str
    """For an sdist the name of its only top-level directory."""
    kind: Kind
    name: str
    """The normalised project name."""
    version: str
    """The version in canonical form."""
    build: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a sound archive holds."""

    filename: str
    kind: Kind
    name: str
    """The normalised project name."""
    version: str
    """The version in canonical form."""
    metadata: bytes
    """METADATA of a wheel or PKG-INFO of an sdist, byte for byte."""
    requires_python: str = ""
    """Requires-Python as the metadata states it."""
    build: str = ""
    """A wheel's build tag."""
    tags: tuple[str, ...] = ()
    """A wheel's tags, expanded and sorted."""
    startup_files: tuple[str, ...] = ()
    """Members that Python may run at every start (`.pth`, `.start`)."""
    sboms: tuple[str, ...] = ()
    """Software bills of materials (PEP 770)."""
    members: int = 0
    unpacked: int = 0
    """The sum of the sizes of all members."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What reading the members of an archive gave."""

    metadata: bytes
    members: int
    unpacked: int
    startup_files: tuple[str, ...] = ()
    sboms: tuple[str, ...] = ()
