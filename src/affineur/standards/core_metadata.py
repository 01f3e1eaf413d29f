"""Core metadata (METADATA, PKG-INFO): reading, checking, comparing, and the JSON API's form of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.errors import MessageError
from typing import Any

from packaging.metadata import Metadata, RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from affineur.errors import InvalidDocument

VERSIONS = ("1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6")
"""The versions of core metadata that are accepted."""

_DOCUMENT = "core metadata"
_READ_ERRORS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    MessageError,
    RecursionError,
    MemoryError,
)
_SINGLE = frozenset(
    {
        "metadata-version", "name", "version", "summary", "description", "description-content-type",
        "license", "license-expression", "requires-python", "author", "author-email", "maintainer",
        "maintainer-email", "keywords", "home-page", "download-url",
    }
)  # fmt: skip
_LONGEST_EXPRESSION = 2000
_MOST_LINES = 200_000
_MOST_FIELDS = 10_000
_MOST_DIFFERENT_FIELDS = 200
_EMPTY_LINE = re.compile(rb"\n\n|\r\n\r\n|\r\r")
_FIELD_NAME = re.compile(rb"(?:\A|[\r\n])([^\s:]+)(?=:)")
_STATES_REQUIREMENTS_SINCE = "1.2"


@dataclass(frozen=True, slots=True)
class MetadataLimits:
    """What `check` allows."""

    summary: int = 512
    """Characters of Summary."""
    label: int = 32
    """Characters of the label of a Project-URL."""
    direct_references: bool = False
    """Whether dependencies may be given as `name @ address`."""


def _read(raw: bytes) -> tuple[RawMetadata, dict[str, list[str]]]:
    _refuse_endless(raw)
    try:
        return parse_email(raw)
    except _READ_ERRORS as error:
        raise InvalidDocument(_DOCUMENT, f"cannot be read: {str(error)[:200]}") from None


def _refuse_endless(raw: bytes) -> None:
    """Refuse what would keep the parser busy: its time grows with fields times different fields."""
    if max(raw.count(b"\n"), raw.count(b"\r")) > _MOST_LINES:
        raise InvalidDocument(_DOCUMENT, f"has more than {_MOST_LINES} lines")
    end = _EMPTY_LINE.search(raw)
    names = _FIELD_NAME.findall(raw, 0, end.start() if end else len(raw))
    if len(names) > _MOST_FIELDS:
        raise InvalidDocument(_DOCUMENT, f"has more than {_MOST_FIELDS} fields")
    if len(set(names)) > _MOST_DIFFERENT_FIELDS:
        raise InvalidDocument(_DOCUMENT, f"has more than {_MOST_DIFFERENT_FIELDS} different fields")


def _known(fields: RawMetadata) -> Metadata:
    """Return the fields as a value, once version, name and version are known to be good."""
    stated = fields.get("metadata_version", "")
    if stated not in VERSIONS:
        raise InvalidDocument(_DOCUMENT, f"{stated[:40]!r} is not one of {', '.join(VERSIONS)}", "Metadata-Version")
    metadata = Metadata.from_raw(fields, validate=False)
    for attribute, where in (("metadata_version", "Metadata-Version"), ("name", "Name"), ("version", "Version")):
        _touch(metadata, attribute, where)
    return metadata


def _touch(metadata: Metadata, attribute: str, where: str) -> None:
    try:
        getattr(metadata, attribute)
    except _READ_ERRORS as error:
        raise InvalidDocument(_DOCUMENT, str(error)[:300] or "is too deeply nested", where) from None


def parse(raw: bytes) -> Metadata:
    """Read core metadata of any accepted version; only its version, Name and Version are checked.

    Other fields are checked when they are asked for, and a field that is newer than the stated
    version is no fault (setuptools wrote License-File into 2.1 for years).

    Raises:
        InvalidDocument: the document cannot be read, or one of the three is missing or wrong.
    """
    fields, unparsed = _read(raw)
    for header in sorted(_SINGLE & unparsed.keys()):
        raise InvalidDocument(_DOCUMENT, "stands more than once, or is not UTF-8", header.title())
    return _known(fields)


def check(raw: bytes, limits: MetadataLimits = MetadataLimits()) -> Metadata:
    """Read core metadata and check every field, as an upload is checked.

    Raises:
        InvalidDocument: at the first field that is wrong.
    """
    metadata = parse(raw)
    fields, _ = _read(raw)
    if len(fields.get("license_expression", "")) > _LONGEST_EXPRESSION:
        raise InvalidDocument(_DOCUMENT, f"is longer than {_LONGEST_EXPRESSION} characters", "License-Expression")
    for attribute in sorted(fields):
        _touch(metadata, attribute, _header(attribute))
    if len(fields.get("summary", "")) > limits.summary:
        raise InvalidDocument(_DOCUMENT, f"is longer than {limits.summary} characters", "Summary")
    for label in metadata.project_urls or {}:
        if len(label) > limits.label:
            raise InvalidDocument(_DOCUMENT, f"{label[:80]!r} is longer than {limits.label} characters", "Project-URL")
    if not limits.direct_references:
        _refuse_direct_references(fields)
    return metadata


def _header(attribute: str) -> str:
    singular = {"classifiers": "Classifier", "license_files": "License-File", "project_urls": "Project-URL"}
    return singular.get(attribute, attribute.replace("_", "-").title())


def _refuse_direct_references(fields: RawMetadata) -> None:
    groups = (
        ("Requires-Dist", fields.get("requires_dist", [])),
        ("Provides-Dist", fields.get("provides_dist", [])),
        ("Obsoletes-Dist", fields.get("obsoletes_dist", [])),
    )
    for where, values in groups:
        for value in values:
            if "@" in value.partition(";")[0]:
                problem = f"{value[:200]!r} names an address; only names and versions are accepted"
                raise InvalidDocument(_DOCUMENT, problem, where)


def requires_python(raw: bytes) -> str:
    """Return Requires-Python as written, or "".

    Raises:
        InvalidDocument: nothing can be read.
    """
    fields, _ = _read(raw)
    return fields.get("requires_python", "")


def licence_files(raw: bytes) -> tuple[str, ...]:
    """Return the paths given as License-File.

    Raises:
        InvalidDocument: one of them is absolute, a pattern, or leaves the tree.
    """
    fields, _ = _read(raw)
    metadata = Metadata.from_raw(fields, validate=False)
    _touch(metadata, "license_files", "License-File")
    return tuple(metadata.license_files or ())


def info(raw: bytes) -> dict[str, object]:
    """Return the `info` object of the JSON API, without what depends on addresses or counts.

    Tolerant: whatever can be read is given as it is written; what is missing is None or empty.

    Raises:
        InvalidDocument: nothing can be read.
    """
    fields, unparsed = _read(raw)
    loose: dict[str, Any] = {key.replace("-", "_"): values[0] for key, values in unparsed.items() if values}
    loose.update(fields)
    urls = fields.get("project_urls")
    return {
        "author": _text(loose, "author"),
        "author_email": _text(loose, "author_email"),
        "bugtrack_url": None,
        "classifiers": sorted(fields.get("classifiers", [])),
        "description": _text(loose, "description"),
        "description_content_type": loose.get("description_content_type"),
        "docs_url": None,
        "download_url": loose.get("download_url"),
        "dynamic": fields.get("dynamic"),
        "home_page": loose.get("home_page"),
        "keywords": _joined(fields.get("keywords")),
        "license": loose.get("license"),
        "license_expression": loose.get("license_expression"),
        "license_files": fields.get("license_files"),
        "maintainer": _text(loose, "maintainer"),
        "maintainer_email": _text(loose, "maintainer_email"),
        "name": _text(loose, "name"),
        "platform": _joined(fields.get("platforms")),
        "project_urls": dict(urls) if urls else None,
        "provides_extra": fields.get("provides_extra"),
        "requires_dist": fields.get("requires_dist"),
        "requires_python": loose.get("requires_python"),
        "summary": _text(loose, "summary"),
        "version": _text(loose, "version"),
        "yanked": False,
        "yanked_reason": None,
    }


def _text(fields: Mapping[str, Any], key: str) -> str:
    found = fields.get(key)
    return found if isinstance(found, str) else ""


def _joined(values: Iterable[str] | None) -> str | None:
    return ",".join(values) if values else None


def differences(form: Mapping[str, list[str]], raw: bytes) -> list[str]:
    """Compare the fields of an upload form with the metadata in the file; return a sentence for each difference.

    Name, Version, Requires-Dist, Requires-Python and Provides-Extra are compared, each after
    normalisation. Provides-Extra is compared where the form has it (not every client sends it).

    Raises:
        InvalidDocument: the metadata cannot be read.
    """
    fields, _ = _read(raw)
    pairs = [
        ("Name", _first(form, "name", canonicalize_name), _value(fields.get("name"), canonicalize_name)),
        ("Version", _first(form, "version", _version), _value(fields.get("version"), _version)),
    ]
    if "requires_python" in form or _states_requirements(form):
        stated = _first(form, "requires_python", _specifiers)
        pairs.append(("Requires-Python", stated, _value(fields.get("requires_python"), _specifiers)))
    found = [
        f"{header}: the form says {stated or 'nothing'!r}, the file {held or 'nothing'!r}"
        for header, stated, held in pairs
        if stated != held
    ]
    if "requires_dist" in form or _states_requirements(form):
        found += _compare("Requires-Dist", form.get("requires_dist", []), fields.get("requires_dist", []))
    extras = form.get("provides_extra", form.get("provides_extras"))
    if extras is not None:
        found += _compare("Provides-Extra", extras, fields.get("provides_extra", []))
    return found


def _states_requirements(form: Mapping[str, list[str]]) -> bool:
    stated = form.get("metadata_version", [])
    return bool(stated) and stated[0] in VERSIONS[VERSIONS.index(_STATES_REQUIREMENTS_SINCE) :]


def _first(form: Mapping[str, list[str]], field: str, normalise: Any) -> str:
    return _value(next(iter(form.get(field, [])), None), normalise)


def _value(text: str | None, normalise: Any) -> str:
    return str(normalise(text.strip())) if text else ""


def _version(text: str) -> str:
    try:
        return str(Version(text))
    except InvalidVersion:
        return text


def _specifiers(text: str) -> str:
    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        return "".join(text.split())


def _requirement(text: str) -> str:
    try:
        parsed = Requirement(text)
    except (InvalidRequirement, RecursionError):
        return " ".join(text.split())
    parsed.name = canonicalize_name(parsed.name)
    parsed.extras = {canonicalize_name(extra) for extra in parsed.extras}
    return str(parsed)


def _compare(header: str, stated: Iterable[str], held: Iterable[str]) -> list[str]:
    normalise = _requirement if header == "Requires-Dist" else canonicalize_name
    in_form = {str(normalise(text.strip())) for text in stated if text.strip()}
    in_file = {str(normalise(text.strip())) for text in held if text.strip()}
    only_form = [f"{header}: {text[:200]!r} stands in the form only" for text in sorted(in_form - in_file)]
    only_file = [f"{header}: {text[:200]!r} stands in the file only" for text in sorted(in_file - in_form)]
    return only_form + only_file
