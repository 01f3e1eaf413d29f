"""The releases of an audit, each once, with all that was found of it: what bills of materials list."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from urllib.parse import quote

import msgspec

from affineur.standards.audits.report import Dependency, Finding, Report, Unchecked, Vulnerability, place


@dataclass(slots=True)
class Package:
    """A release, however many files pin it."""

    name: str
    version: str
    rows: list[Dependency] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    unknown: list[Unchecked] = field(default_factory=list)

    @property
    def purl(self) -> str:
        """The package URL (ECMA-427, type `pypi`)."""
        version = f"@{quote(self.version, safe='')}" if self.version else ""
        return f"pkg:pypi/{quote(self.name, safe='')}{version}"

    @property
    def all(self) -> list[Finding | Unchecked]:
        """What was found besides vulnerabilities, and what was not checked."""
        return [*self.findings, *self.unknown]

    @property
    def holes(self) -> list[Vulnerability]:
        """Its known vulnerabilities."""
        return list({hole.id: hole for row in self.rows for hole in row.vulns}.values())

    @property
    def hashes(self) -> list[str]:
        """`algorithm:hex digest`, of all files that are pinned."""
        return list(dict.fromkeys(text for row in self.rows for text in row.hashes))

    @property
    def places(self) -> list[str]:
        """Where it is pinned."""
        return [place(row) for row in self.rows]


def packages(report: Report) -> list[Package]:
    """Return the releases of a report, in its order; entries whose project is not known are left out."""
    found: dict[tuple[str, str], Package] = {}
    for row in report.dependencies:
        if row.name:
            found.setdefault((row.name, row.version), Package(row.name, row.version)).rows.append(row)
    for finding in report.findings:
        if package := found.get((finding.name, finding.version)):
            package.findings.append(finding)
    for entry in report.unknown:
        if package := found.get((entry.name, entry.version)):
            package.unknown.append(entry)
    return list(found.values())


def document_id(report: Report) -> str:
    """Return a UUID that belongs to the content of a report."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, msgspec.json.encode(report).hex()))
