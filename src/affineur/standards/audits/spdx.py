"""An audit as an SPDX 2.3 document (ISO/IEC 5962): packages, with advisories as references and findings as notes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import msgspec

from affineur.model.printable import printable
from affineur.standards.audits.packages import Package, document_id, packages
from affineur.standards.audits.report import Finding, Report, Unchecked, program_version, what_to_do


def _creator() -> str:
    return f"Tool: affineur-{program_version()}"


def spdx(report: Report) -> str:
    """Return the document as JSON."""
    moment = f"{report.audited_at:%Y-%m-%dT%H:%M:%SZ}"
    found = packages(report)
    ids = [f"SPDXRef-Package-{number}" for number, _ in enumerate(found, 1)]
    rows: list[Finding | Unchecked] = [*report.findings, *report.unknown]
    whole = [_told(row) for row in rows if not row.name]
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "audit",
        "documentNamespace": uuid.UUID(document_id(report)).urn,
        "creationInfo": {"created": moment, "creators": [_creator()]},
        "annotations": [_annotation(moment, text) for text in whole],
        "packages": [_package(package, name, moment) for package, name in zip(found, ids, strict=True)],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": name}
            for name in ids
        ],
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def _package(package: Package, name: str, moment: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "SPDXID": name,
        "name": package.name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "externalRefs": list(_references(package)),
        "annotations": [_annotation(moment, text) for text in _notes(package)],
    }
    if package.version:
        made["versionInfo"] = package.version
    return made


def _references(package: Package) -> Iterable[dict[str, str]]:
    yield {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": package.purl}
    for hole in package.holes:
        if hole.link:
            yield {
                "referenceCategory": "SECURITY",
                "referenceType": "advisory",
                "referenceLocator": hole.link,
                "comment": ", ".join(hole.ids),
            }


def _notes(package: Package) -> Iterable[str]:
    for row in package.rows[:1]:
        for hole in package.holes:
            said = f" {hole.summary}" if hole.summary else ""
            yield printable(f"{', '.join(hole.ids)} ({hole.kind}, {hole.severity}):{said} {what_to_do(row, hole)}")
    yield from map(_told, package.all)


def _told(row: Finding | Unchecked) -> str:
    what = f"{row.level} {row.kind}" if isinstance(row, Finding) else f"not checked, {row.kind}"
    return printable(f"{what}: {row.sentence}")


def _annotation(moment: str, text: str) -> dict[str, str]:
    return {"annotationDate": moment, "annotationType": "REVIEW", "annotator": _creator(), "comment": text}
