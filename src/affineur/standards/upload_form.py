"""The fields of a legacy upload, read and checked in a fixed order."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from packaging.version import InvalidVersion, Version

from affineur.errors import InvalidName, InvalidUpload
from affineur.model.names import project_name
from affineur.standards.core_metadata import VERSIONS

_DIGESTS = {
    "md5": ("md5_digest", 32),
    "sha256": ("sha256_digest", 64),
    "blake2_256": ("blake2_256_digest", 64),
}
_ALIASES = {
    "classifier": "classifiers",
    "license_files": "license_file",
    "import_name": "import_names",
    "import_namespace": "import_namespaces",
    "project_url": "project_urls",
    "provides_extras": "provides_extra",
    "platforms": "platform",
    "supported_platforms": "supported_platform",
}
_NOT_METADATA = frozenset(
    {
        ":action", "protocol_version", "filetype", "pyversion", "comment", "attestations", "content", "gpg_signature",
        "md5_digest", "sha256_digest", "blake2_256_digest", "sha1_digest",
    }
)  # fmt: skip
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)
_UNKNOWN = "UNKNOWN"
_LARGEST_ATTESTATIONS = 2**20
"""Two of them, of a few kilobytes each, are usual; they are served as they came."""

FileType = Literal["sdist", "bdist_wheel"]


@dataclass(frozen=True, slots=True)
class UploadForm:
    """What an upload says about the file that comes with it."""

    name: str
    """The project name as written."""
    version: str
    """The version in canonical form."""
    filetype: FileType
    pyversion: str
    metadata_version: str
    digests: dict[str, str]
    """Lower-case hex digests by algorithm: `md5`, `sha256`, `blake2_256`."""
    comment: str = ""
    attestations: list[Any] | None = None
    """Attestations (PEP 740) as sent; None: the field is absent."""
    metadata: dict[str, list[str]] = field(default_factory=dict)
    """Every field of core metadata (name and version too), one spelling each, unknown ones kept."""


def parse_form(fields: Mapping[str, list[str]]) -> UploadForm:
    """Read the text fields of an upload.

    Values that are "UNKNOWN" or empty count as absent; unknown fields are kept and not checked.

    Raises:
        InvalidUpload: at the first field that is missing or wrong.
    """
    given = {name: kept for name, values in fields.items() if (kept := [v for v in values if _meant(v)])}
    if _single(given, ":action") != "file_upload":
        raise InvalidUpload(":action", "must be file_upload")
    if _single(given, "protocol_version", "1") != "1":
        raise InvalidUpload("protocol_version", "unknown protocol version: use 1")
    name = _name(given)
    version = _version(given)
    metadata_version = _metadata_version(given)
    filetype = _filetype(given)
    pyversion = _pyversion(given, filetype)
    digests = _digests(given)
    _refuse_nul(given)
    return UploadForm(
        name,
        version,
        filetype,
        pyversion,
        metadata_version,
        digests,
        _single(given, "comment"),
        _attestations(given),
        _metadata(given),
    )


def _meant(value: str) -> bool:
    return value.strip() not in ("", _UNKNOWN)


def _single(given: Mapping[str, list[str]], name: str, default: str = "") -> str:
    values = given.get(name, [default])
    if any(value != values[0] for value in values):
        raise InvalidUpload(name, "is given more than once, with different values")
    return values[0]


def _required(given: Mapping[str, list[str]], name: str) -> str:
    if not (value := _single(given, name)):
        raise InvalidUpload(name, "this field is required")
    return value.strip() if "\0" not in value else value


def _name(given: Mapping[str, list[str]]) -> str:
    name = _required(given, "name")
    try:
        project_name(name)
    except InvalidName as error:
        raise InvalidUpload("name", error.sentence) from None
    return name


def _version(given: Mapping[str, list[str]]) -> str:
    text = _required(given, "version")
    try:
        return str(Version(text))
    except InvalidVersion:
        raise InvalidUpload("version", f"{text[:80]!r} is not a valid version (PEP 440)") from None


def _metadata_version(given: Mapping[str, list[str]]) -> str:
    text = _required(given, "metadata_version")
    if text not in VERSIONS:
        raise InvalidUpload("metadata_version", f"{text[:40]!r} is not supported: use one of {', '.join(VERSIONS)}")
    return text


def _filetype(given: Mapping[str, list[str]]) -> FileType:
    text = _required(given, "filetype")
    if text == "sdist":
        return "sdist"
    if text == "bdist_wheel":
        return "bdist_wheel"
    raise InvalidUpload("filetype", f"{text[:40]!r} is not a known type of file: use sdist or bdist_wheel")


def _pyversion(given: Mapping[str, list[str]], filetype: FileType) -> str:
    text = _single(given, "pyversion")
    if filetype == "bdist_wheel" and not text:
        raise InvalidUpload("pyversion", "a wheel needs its Python version")
    if filetype == "sdist" and text not in ("", "source"):
        raise InvalidUpload("pyversion", "use 'source' as the Python version of an sdist")
    return text or "source"


def _digests(given: Mapping[str, list[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for algorithm, (name, length) in _DIGESTS.items():
        if text := _single(given, name).strip().lower():
            if len(text) != length or not _HEX.fullmatch(text):
                raise InvalidUpload(name, f"must be {length} hexadecimal digits")
            found[algorithm] = text
    if not found:
        raise InvalidUpload(
            "", f"include at least one message digest: {', '.join(name for name, _ in _DIGESTS.values())}"
        )
    return found


def _refuse_nul(given: Mapping[str, list[str]]) -> None:
    for name, values in given.items():
        if "\0" in name or any("\0" in value for value in values):
            raise InvalidUpload(name.replace("\0", "\\0")[:80], "NUL characters are not accepted")


def _attestations(given: Mapping[str, list[str]]) -> list[Any] | None:
    text = _single(given, "attestations")
    if not text:
        return None
    if len(text) > _LARGEST_ATTESTATIONS:
        raise InvalidUpload("attestations", f"are larger than {_LARGEST_ATTESTATIONS} characters")
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidUpload("attestations", "is not valid JSON") from None
    if not isinstance(parsed, list) or not parsed:
        raise InvalidUpload("attestations", "must be a JSON array of at least one attestation")
    return parsed


def _metadata(given: Mapping[str, list[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, values in given.items():
        if name in _NOT_METADATA:
            continue
        kept = found.setdefault(_ALIASES.get(name, name), [])
        kept.extend(value for value in values if value not in kept)
    return found
