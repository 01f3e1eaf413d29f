"""What an audit found: the values that every form of output is made of. Its JSON is these structs as they stand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from importlib.metadata import version

import msgspec

from affineur.model.printable import counted, printable


@cache
def program_version() -> str:
    """Return the version of this program, as reports name it."""
    return version("affineur")


ERROR, WARNING, NOTE = "error", "warning", "note"
"""Levels of findings. Notes advise; they are no findings to the exit code."""


class Vulnerability(msgspec.Struct, frozen=True):
    """A hole in a pinned release, however many records tell of it."""

    id: str
    """The id of the record with the most to say."""
    aliases: list[str]
    """Every other id and alias of its records."""
    fix_versions: list[str]
    """Later versions that records name as the fix, in order."""
    description: str
    kind: str
    """vulnerability or malware."""
    severity: str
    """low, medium, high, critical, or unrated."""
    summary: str
    link: str
    nearest: str
    """The nearest later version without this hole that the index lets through today; empty: none, or not known."""

    @property
    def ids(self) -> list[str]:
        """Every id, the chosen one first."""
        return [self.id, *self.aliases]

    @property
    def known_as(self) -> str:
        """The name that most people know it by: its CVE, where it has one."""
        return next((name for name in self.ids if name.startswith("CVE-")), self.id)


class Dependency(msgspec.Struct, frozen=True, omit_defaults=True):
    """A pinned release; one that several lines of a file pin alike is named once."""

    name: str
    version: str
    """As the file writes it; empty where it pins none."""
    vulns: list[Vulnerability]
    file: str
    """Empty: it stands in none, but is installed or held by an index."""
    line: int = 0
    """From 1; 0 (left out of the JSON): the file has no lines to speak of."""
    source: str = ""
    """The mirror or hosted source whose listing was looked at; empty: none was."""
    fixed_by: str = ""
    """The nearest later version without any of the holes that the index lets through today."""
    hashes: list[str] = []
    """`algorithm:hex digest`, as pinned."""
    skip_reason: str = ""
    """Why nothing is known of its vulnerabilities; empty: they were looked up."""


class Finding(msgspec.Struct, frozen=True):
    """Something that is wrong with an entry or a file besides known vulnerabilities."""

    kind: str
    level: str
    """error, warning or note."""
    sentence: str
    name: str = ""
    version: str = ""
    file: str = ""
    line: int = 0
    rule: str = ""
    """The rule of the policy that says so; empty: no rule does."""
    until: datetime | None = None
    """The moment at which time alone may change it."""


class Unchecked(msgspec.Struct, frozen=True):
    """Something that could not be checked."""

    kind: str
    sentence: str
    name: str = ""
    version: str = ""
    file: str = ""
    line: int = 0


class Excepted(msgspec.Struct, frozen=True):
    """Something found, or not checked, that the ignore file excepts."""

    id: str
    name: str
    version: str
    reason: str
    end: str = ""
    """The day from which on it counts again; empty: never."""


class Upgrade(msgspec.Struct, frozen=True):
    """A pin that is raised so that findings go away."""

    name: str
    old_version: str
    """Empty: it was not pinned, and is needed now."""
    new_version: str
    clears: list[str] = []
    """Ids of the holes that the new version does not have."""


class Raised(msgspec.Struct, frozen=True):
    """A file with raised pins."""

    name: str
    text: str


class Advisories(msgspec.Struct, frozen=True):
    """What the audit knew of vulnerabilities."""

    records: int
    checked_at: datetime | None
    """When a feed was last looked at; None: never."""
    newest: datetime | None
    """The last change to any record."""
    alarm: str
    """What is wrong with them, in a sentence; empty: nothing."""


class Report(msgspec.Struct, frozen=True):
    """All that came of an audit."""

    dependencies: list[Dependency]
    fixes: list[Upgrade]
    findings: list[Finding]
    unknown: list[Unchecked]
    ignored: list[Excepted]
    ignore_problems: list[str]
    """Entries of the ignore file that have ended or that excepted nothing."""
    advisories: Advisories
    index: str
    policy: str
    revision: str
    offline: bool
    audited_at: datetime
    fix_problems: list[str] = []
    """What --fix could not raise, and why."""
    written: list[Raised] = []
    """The files that --write changes; the rest of the report is then about these."""

    @property
    def found(self) -> bool:
        """Whether there is anything to act on."""
        return any(row.vulns for row in self.dependencies) or any(row.level != NOTE for row in self.findings)

    @property
    def unsure(self) -> bool:
        """Whether something could not be checked."""
        return bool(self.unknown)


def place(row: Dependency | Finding | Unchecked) -> str:
    """Return where something stands: `requirements.txt:3`."""
    return printable(f"{row.file}:{row.line}" if row.line else row.file)


def summary(report: Report) -> str:
    """Return what was found, in a sentence."""
    holes = sum(len(row.vulns) for row in report.dependencies)
    affected = sum(bool(row.vulns) for row in report.dependencies)
    issues = sum(row.level != NOTE for row in report.findings)
    said = [f"{counted(len(report.dependencies), 'release')} audited"]
    if holes:
        many = "known vulnerabilities"
        said.append(f"{counted(holes, 'known vulnerability', many)} in {affected}")
    if issues:
        said.append(counted(issues, "other finding"))
    if report.unknown:
        said.append(f"{len(report.unknown)} NOT CHECKED")
    if report.ignored:
        said.append(f"{len(report.ignored)} excepted by the ignore file")
    if not (holes or issues or report.unknown):
        said.append("nothing found")
    return "; ".join(said)


def holes_of(report: Report) -> Iterable[tuple[Dependency, Vulnerability]]:
    """Yield every hole with the release that has it."""
    for row in report.dependencies:
        for hole in row.vulns:
            yield row, hole


def what_to_do(row: Dependency, hole: Vulnerability) -> str:
    """Return how a hole is closed, in a few words."""
    if hole.nearest:
        return f"{hole.nearest} is free of it and passes the gate today"
    if not hole.fix_versions:
        return "no fixed version is known"
    fixes = ", ".join(hole.fix_versions[:3])
    return f"fixed in {fixes}" + ("; none of them passes the gate today" if row.source else "")
