"""Advisories as OSV writes them, made small, and the snapshot of real ones where it is at hand."""

import gzip
import json
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).resolve().parents[3] / "shared" / "data" / "pypa-advisories-2024-10-10.jsonl.gz"
needs_snapshot = pytest.mark.skipif(
    not SNAPSHOT.exists(), reason=f"the snapshot of real advisories is not at {SNAPSHOT}"
)


def osv(identifier="PYSEC-2024-1", name="acme", *, introduced="0", fixed=None, versions=(), **fields):
    """One OSV record about one project; `events` and `ranges` replace what the bounds make."""
    events = fields.pop("events", None) or [{"introduced": introduced}, *([{"fixed": fixed}] if fixed else [])]
    ranges = fields.pop("ranges", [{"type": "ECOSYSTEM", "events": events}])
    affected = {"package": {"ecosystem": "PyPI", "name": name}, "ranges": ranges, "versions": list(versions)}
    affected.update(fields.pop("affected", {}))
    return {"id": identifier, "modified": "2024-05-01T00:00:00Z", "affected": [affected], **fields}


def malware(identifier="MAL-2024-1", name="acme", versions=()):
    """A record of a malicious package in the form of the malicious-packages database."""
    ranges = [] if versions else [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]
    return osv(identifier, name, ranges=ranges, versions=versions, summary=f"Malicious code in {name} (PyPI)")


def raw(record) -> bytes:
    return json.dumps(record).encode()


def snapshot_lines():
    with gzip.open(SNAPSHOT) as lines:
        yield from lines
