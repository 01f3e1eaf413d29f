"""An audit as a bill of materials with vulnerabilities (OWASP CycloneDX 1.6, ECMA-424)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import msgspec

from affineur.model.printable import printable
from affineur.standards.audits.packages import Package, document_id, packages
from affineur.standards.audits.report import (
    Finding,
    Report,
    Unchecked,
    Vulnerability,
    program_version,
    what_to_do,
)

_ALGORITHMS = {
    "md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512",
}  # fmt: skip


def cyclonedx(report: Report) -> str:
    """Return the bill as JSON; other findings and what was not checked stand in properties."""
    found = packages(report)
    rows: list[Finding | Unchecked] = [*report.findings, *report.unknown]
    whole = [row for row in rows if not row.name]
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.UUID(document_id(report)).urn,
        "version": 1,
        "metadata": {
            "timestamp": f"{report.audited_at:%Y-%m-%dT%H:%M:%SZ}",
            "tools": {"components": [{"type": "application", "name": "affineur", "version": program_version()}]},
            "properties": list(_properties(whole)),
        },
        "components": [_component(package) for package in found],
        "vulnerabilities": list(_vulnerabilities(found)),
    }
    return msgspec.json.format(msgspec.json.encode(bill)).decode() + "\n"


def _component(package: Package) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "library", "bom-ref": package.purl, "name": package.name, "purl": package.purl}
    if package.version:
        made["version"] = package.version
    pairs = [text.partition(":") for text in package.hashes]
    hashes = [{"alg": _ALGORITHMS[name], "content": digest} for name, _, digest in pairs if name in _ALGORITHMS]
    if len(hashes) == 1:
        # More are those of several files, and a component is one.
        made["hashes"] = hashes
    made["properties"] = [
        *({"name": "affineur:file", "value": place} for place in package.places),
        *_properties(package.all),
    ]
    return made


def _properties(rows: Iterable[Finding | Unchecked]) -> Iterable[dict[str, str]]:
    for row in rows:
        what = "finding" if isinstance(row, Finding) else "not-checked"
        yield {"name": f"affineur:{what}:{row.kind}", "value": printable(row.sentence)}


def _vulnerabilities(found: Iterable[Package]) -> Iterable[dict[str, Any]]:
    affected: dict[str, list[tuple[Package, Vulnerability]]] = {}
    for package in found:
        for hole in package.holes:
            affected.setdefault(hole.id, []).append((package, hole))
    for identifier, rows in affected.items():
        hole = rows[0][1]
        made: dict[str, Any] = {
            "bom-ref": f"vulnerability:{identifier}",
            "id": identifier,
            "references": [{"id": name, "source": {"name": _source(name)}} for name in hole.aliases],
            "source": {"name": _source(identifier)},
            "ratings": [{"severity": _severity(hole), "method": "other"}],
            "description": printable(hole.summary) or identifier,
            "detail": hole.description,
            "recommendation": "; ".join(
                f"{package.name} {package.version}: {what_to_do(row, hole)}"
                for package, hole in rows
                for row in package.rows[:1]
            ),
            "affects": [
                {"ref": package.purl, "versions": [{"version": package.version, "status": "affected"}]}
                for package, _ in rows
            ],
        }
        if hole.link:
            made["advisories"] = [{"url": hole.link}]
        yield made


def _source(identifier: str) -> str:
    """Return who gives out ids of a form: the part before the first dash."""
    return identifier.partition("-")[0]


def _severity(hole: Vulnerability) -> str:
    return "critical" if hole.kind == "malware" else "unknown" if hole.severity == "unrated" else hole.severity
