"""An audit as a log of the Static Analysis Results Interchange Format (OASIS SARIF 2.1.0)."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import msgspec

from affineur.standards.audits.escaping import sarif as escaped
from affineur.standards.audits.report import Report, program_version
from affineur.standards.audits.told import Told, told

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SCORES = {"low": "2.0", "medium": "5.5", "high": "8.0", "critical": "9.5"}
"""The middle of each band of CVSS, by which code scanning sorts."""


def sarif(report: Report) -> str:
    """Return the log as JSON; what could not be checked are results too."""
    rules: dict[str, dict[str, Any]] = {}
    results = []
    for one in told(report):
        rules.setdefault(one.id, _rule(one))
        results.append(_result(one, list(rules).index(one.id)))
    run = {
        "tool": {"driver": {"name": "affineur", "version": program_version(), "rules": list(rules.values())}},
        "invocations": [{"executionSuccessful": True, "endTimeUtc": f"{report.audited_at:%Y-%m-%dT%H:%M:%SZ}"}],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log)).decode() + "\n"


def _rule(one: Told) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": one.id,
        "shortDescription": {"text": escaped(one.title)},
        "defaultConfiguration": {"level": one.level},
        "properties": {"tags": ["security", "dependencies"]},
    }
    if one.hole is not None:
        rule["fullDescription"] = {"text": escaped(one.hole.description or one.title)}
        if one.hole.link:
            rule["helpUri"] = one.hole.link
        score = "10.0" if one.hole.kind == "malware" else _SCORES.get(one.hole.severity)
        if score:
            rule["properties"]["security-severity"] = score
    return rule


def _result(one: Told, index: int) -> dict[str, Any]:
    identity = hashlib.sha256(f"{one.id}\0{one.file}\0{one.text.partition(';')[0]}".encode()).hexdigest()
    result: dict[str, Any] = {
        "ruleId": one.id,
        "ruleIndex": index,
        "level": one.level,
        "message": {"text": escaped(one.text)},
        "partialFingerprints": {"affineur/v1": identity},
    }
    if one.file:
        place: dict[str, Any] = {"artifactLocation": {"uri": _uri(one.file)}}
        if one.line:
            place["region"] = {"startLine": one.line}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _uri(path: str) -> str:
    """Return a path as a relative reference, or as an address where it is absolute or one already."""
    if "://" in path:
        return quote(path, safe=":/?#&=%")
    if PurePosixPath(path).is_absolute():
        return f"file://{quote(path)}"
    return quote(path.removeprefix("./"))
