"""What reading the code of a file, without running it, brought to light."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How much a finding weighs."""

    NOTE = 0
    """Worth knowing; ordinary packages do it."""
    WARN = 1
    """Worth a look."""
    HOLD = 2
    """Ordinary packages never do it."""


class Moment(StrEnum):
    """When the code runs."""

    INSTALL = "when it is built or installed"
    START = "at every start of Python"
    IMPORT = "when it is imported"


class Trait(StrEnum):
    """What was found."""

    HIDDEN_CODE = "hidden-code"
    FETCHED_CODE = "fetched-code"
    SENDS_DATA = "sends-data"
    NETWORK = "network"
    PROCESS = "process"
    CREDENTIALS = "credentials"
    PERSISTENCE = "persistence"
    START_FILE = "start-file"
    BYTECODE = "bytecode"
    OUT_OF_SIGHT = "out-of-sight"
    UNREADABLE = "unreadable"
    DYNAMIC = "dynamic"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, with its place."""

    trait: Trait
    level: Level
    member: str
    """The path inside the archive."""
    line: int
    """Counted from 1; 0 where there is none."""
    text: str
    """The line itself, printable and cut to 200 characters."""
    sentence: str
    """What it means, as a clause: "runs code hidden by base64 when it is imported"."""

    @property
    def place(self) -> str:
        """The path, with the line where there is one."""
        return f"{self.member}:{self.line}" if self.line else self.member


@dataclass(frozen=True, slots=True)
class Scan:
    """What came of scanning one file."""

    revision: str
    """Of the scanner: a later one may see more."""
    findings: tuple[Finding, ...] = ()
    """The heaviest first."""
    problem: str = ""
    """Why it could not be scanned to the end; "" when it was."""
    members: int = 0
    """How many members were read."""

    @property
    def complete(self) -> bool:
        """Whether everything that had to be read was read."""
        return not self.problem

    @property
    def level(self) -> Level:
        """The weight of the heaviest finding."""
        return max((finding.level for finding in self.findings), default=Level.NOTE)
