"""Attestations (PEP 740): what an upload brings, compared with the file, and what is served of it.

Signatures are not judged here: that needs to know which publishers are trusted.
"""

from __future__ import annotations

import json
from typing import Any

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from affineur.errors import InvalidUpload

_FIELD = "attestations"


def check(attestations: list[Any], filename: str, sha256: str) -> None:
    """Check that each attestation is well-formed and speaks of this file.

    Raises:
        InvalidUpload: one is malformed, or names another file or digest.
    """
    seen: set[str] = set()
    for number, given in enumerate(attestations, 1):
        where = f"number {number}"
        statement = _statement(given, where)
        _check_subject(statement, where, filename, sha256)
        predicate = str(statement.get("predicateType"))
        if predicate not in _kinds():
            raise InvalidUpload(_FIELD, f"{where} is of a kind that is not taken: {predicate[:100]!r}")
        if predicate in seen:
            raise InvalidUpload(_FIELD, f"{where} is a second one of its kind, {predicate}")
        seen.add(predicate)


def _kinds() -> frozenset[str]:
    """Return the kinds of statements that are taken, one attestation of each."""
    from pypi_attestations import AttestationType

    return frozenset(kind.value for kind in AttestationType)


def _statement(given: Any, where: str) -> dict[str, Any]:
    # Half a second and 40 MB, for the few uploads that have attestations.
    from pypi_attestations import Attestation

    try:
        attestation = Attestation.model_validate(given)
    except ValueError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        raise InvalidUpload(_FIELD, f"{where} is malformed: {' '.join(lines[1:3])[:120]}") from None
    try:
        statement = attestation.statement
    except (ValueError, RecursionError):
        raise InvalidUpload(_FIELD, f"{where} holds a statement that is not JSON") from None
    if not isinstance(statement, dict):
        raise InvalidUpload(_FIELD, f"{where} holds a statement that is not an object")
    return statement


def _check_subject(statement: dict[str, Any], where: str, filename: str, sha256: str) -> None:
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise InvalidUpload(_FIELD, f"{where} must have exactly one subject")
    name, digests = subjects[0].get("name"), subjects[0].get("digest")
    if not isinstance(name, str) or not _same_file(name, filename):
        raise InvalidUpload(_FIELD, f"{where} speaks of another file: {str(name)[:100]!r}")
    if not isinstance(digests, dict) or digests.get("sha256") != sha256:
        raise InvalidUpload(_FIELD, f"{where} speaks of other content: its sha256 is not that of the file")


def _same_file(stated: str, filename: str) -> bool:
    """Whether two names say the same once parsed, as the specification compares them."""
    try:
        return _parsed(stated) == _parsed(filename)
    except (InvalidWheelFilename, InvalidSdistFilename, ValueError):
        return False


def _parsed(filename: str) -> tuple[object, ...]:
    if filename.endswith(".whl"):
        return parse_wheel_filename(filename)
    return parse_sdist_filename(filename)


def provenance(attestations: list[Any]) -> bytes:
    """Return the provenance document of the attestations that came with an upload.

    Who published is not known before signatures are judged; the publisher's kind says so.
    """
    bundles = [{"publisher": {"kind": "unverified", "claims": None}, "attestations": attestations}]
    return json.dumps({"version": 1, "attestation_bundles": bundles}, separators=(",", ":")).encode()


def publisher(raw: bytes) -> str | None:
    """Return who a provenance document (PEP 740) says has published a file, in a word; None where it names nobody.

    It is what the index that serves the document vouches for; no signature is verified here.
    """
    try:
        bundles = json.loads(raw)["attestation_bundles"]
        told = {_identity(bundle["publisher"]) for bundle in bundles}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None
    return ", ".join(sorted(told)) if told and "" not in told else None


def _identity(stated: dict[str, Any]) -> str:
    """Join what identifies a publisher; claims that change from one run to the next are left out."""
    parts = [stated.get(key) for key in ("kind", "repository", "workflow", "workflow_filepath", "environment", "email")]
    text = " ".join(str(part) for part in parts if part)[:300]
    return text if stated.get("kind") not in {None, "unverified"} else ""
