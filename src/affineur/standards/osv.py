"""Advisories as the Open Source Vulnerability schema (OSV 1.7) and the JSON API write them.

Only what concerns the ecosystem PyPI is read. Text is cut to a bound, and characters that could
move a terminal's cursor or hide text are taken out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
from packaging.version import Version

from affineur.errors import InvalidDocument, InvalidName
from affineur.model.advisories import Advisory, AdvisoryKind, Origin, Range, Severity, canonical, parsed
from affineur.model.names import ProjectName, project_name

_ECOSYSTEM = "pypi"
_LONGEST_ID = 100
_LONGEST_SUMMARY = 300
_LONGEST_DETAILS = 4000
_LONGEST_LINK = 500
_MOST_ALIASES = 100
_EMBEDDED_MALICIOUS_CODE = "CWE-506"
_MALWARE_SUMMARIES = ("malicious code in ", "malware in ")
_WORDS = {
    "none": Severity.LOW, "low": Severity.LOW, "moderate": Severity.MEDIUM, "medium": Severity.MEDIUM,
    "high": Severity.HIGH, "important": Severity.HIGH, "critical": Severity.CRITICAL,
}  # fmt: skip
_FIRST = Version("0.dev0")
_RANK = {"fixed": 0, "introduced": 1, "last_affected": 2}


class _Package(msgspec.Struct):
    name: str = ""
    ecosystem: str = ""


class _Rated(msgspec.Struct):
    type: str = ""
    score: str = ""


class _Range(msgspec.Struct):
    type: str = ""
    events: list[dict[str, str]] = []


class _Affected(msgspec.Struct):
    package: _Package | None = None
    ranges: list[_Range] | None = None
    versions: list[str] | None = None
    severity: list[_Rated] | None = None
    database_specific: dict[str, Any] | None = None
    ecosystem_specific: dict[str, Any] | None = None


class _Reference(msgspec.Struct):
    type: str = ""
    url: str = ""


class Record(msgspec.Struct):
    """A record as it is written; `advisories` turns it into what the program speaks."""

    id: str
    modified: str | None = None
    published: str | None = None
    withdrawn: str | None = None
    aliases: list[str] | None = None
    summary: str | None = None
    details: str | None = None
    affected: list[_Affected] | None = None
    severity: list[_Rated] | None = None
    references: list[_Reference] | None = None
    database_specific: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(Record)


def parse_record(raw: bytes, where: str = "") -> Record:
    """Read one OSV document; `where` names it in errors.

    Raises:
        InvalidDocument: it is no JSON, or a field is not what the schema says.
    """
    try:
        record = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidDocument(where or "OSV record", str(error)[:300], _id_in(raw)) from None
    if not record.id or len(record.id) > _LONGEST_ID or record.id != _clean(record.id, _LONGEST_ID):
        raise InvalidDocument(where or "OSV record", f"{record.id[:80]!r} is not an id", "$.id")
    return record


def _id_in(raw: bytes) -> str:
    """Return the id of a record that cannot be read as a whole, where that much can."""
    try:
        found = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return ""
    return _clean(str(found.get("id", "")), _LONGEST_ID) if isinstance(found, dict) else ""


def _clean(text: str, longest: int) -> str:
    """Cut `text` and replace whatever is not visible by a space; line ends stay."""
    kept = text[: longest + 1]
    if not kept.isascii() or not kept.isprintable():
        kept = "".join(c if c == "\n" or unicodedata.category(c)[0] not in "CZ" else " " for c in kept)
    return kept.strip() if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"


def _one_line(text: str, longest: int) -> str:
    return _clean(" ".join(text[: 4 * longest].split()), longest)


def _moment(text: str | None) -> datetime | None:
    """Return a time, None where it cannot be read: databases hold years such as 1."""
    try:
        at = datetime.fromisoformat(text) if text else None
        return None if at is None else at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _withdrawn(record: Record) -> datetime | None:
    at = _moment(record.withdrawn)
    if record.withdrawn and at is None:
        raise InvalidDocument(record.id, f"{record.withdrawn[:40]!r} is not a time", "$.withdrawn")
    return at


def advisories(record: Record) -> list[Advisory]:
    """Return what a record says, one advisory for each project of the ecosystem PyPI that it names."""
    by_project: dict[ProjectName, list[_Affected]] = {}
    for affected in record.affected or ():
        package = affected.package
        if package is None or package.ecosystem.partition(":")[0].lower() != _ECOSYSTEM:
            continue
        try:
            by_project.setdefault(project_name(package.name), []).append(affected)
        except InvalidName as error:
            raise InvalidDocument(record.id, error.sentence, "$.affected[].package.name") from None
    kind = AdvisoryKind.MALWARE if _is_malware(record) else AdvisoryKind.VULNERABILITY
    summary = _one_line(record.summary or "", _LONGEST_SUMMARY)
    details = _clean(record.details or "", _LONGEST_DETAILS)
    return [
        Advisory(
            id=record.id,
            project=project,
            kind=kind,
            aliases=_aliases(record.aliases),
            severity=_severity(record, parts),
            summary=summary,
            details=details,
            modified=_moment(record.modified),
            published=_moment(record.published),
            withdrawn=_withdrawn(record),
            link=_link(record),
            **_versions(parts),
        )
        for project, parts in by_project.items()
    ]


def _aliases(names: list[str] | None) -> tuple[str, ...]:
    cleaned = (_one_line(name, _LONGEST_ID) for name in (names or ())[:_MOST_ALIASES])
    return tuple(dict.fromkeys(name for name in cleaned if name))


def _link(record: Record) -> str:
    named = [item.url for item in record.references or () if item.url.startswith(("https://", "http://"))]
    best = next((item.url for item in record.references or () if item.type == "ADVISORY" and item.url in named), "")
    return _one_line(best or next(iter(named), ""), _LONGEST_LINK).replace(" ", "%20")


def _is_malware(record: Record) -> bool:
    """Whether the record is about hostile releases: by its id, its aliases, or what the databases mark."""
    if any(name.startswith("MAL-") for name in (record.id, *(record.aliases or ()))):
        return True
    specific = record.database_specific or {}
    marks: Any = specific.get("cwe_ids")
    if "malicious-packages-origins" in specific or (isinstance(marks, list) and _EMBEDDED_MALICIOUS_CODE in marks):
        return True
    return (record.summary or "").lower().startswith(_MALWARE_SUMMARIES)


def _versions(parts: Iterable[_Affected]) -> dict[str, Any]:
    """Return the fields of an advisory that say which versions are meant."""
    ranges: list[Range] = []
    listed: set[str] = set()
    for part in parts:
        named = set(part.versions or ())
        ranges += _ranges(part, listed=bool(named))
        listed |= named
    distinct = tuple(dict.fromkeys(ranges))
    return {
        "ranges": distinct,
        "versions": frozenset(canonical(text) for text in listed if not _inside(text, distinct)),
    }


def _inside(text: str, ranges: tuple[Range, ...]) -> bool:
    version = parsed(text)
    return version is not None and any(item.holds(version) for item in ranges)


def _ranges(part: _Affected, *, listed: bool) -> list[Range]:
    """Return the ranges of a package.

    Ranges of commits say nothing about releases. Ranges of semantic versions count where there are
    no others and no list. A bound that is no version of PEP 440 cannot be compared: the range is
    left to the list beside it, or, without one, taken as open at that end (in doubt, affected).
    """
    by_type: dict[str, list[_Range]] = {}
    for item in part.ranges or ():
        by_type.setdefault(item.type.upper(), []).append(item)
    chosen = by_type.get("ECOSYSTEM") or ([] if listed else by_type.get("SEMVER", []))
    found: list[Range] = []
    for item in chosen:
        sound = all(_bound(kind, text) is not None for event in item.events for kind, text in event.items())
        if sound or not listed:
            found += _stretches(item.events)
    return found


def _bound(kind: str, text: str) -> Version | None:
    """Return a bound as a version; introduced at "0" is before everything, pre-releases of 0 included."""
    return _FIRST if (kind, text) == ("introduced", "0") else parsed(text)


def _stretches(events: Iterable[Mapping[str, str]]) -> list[Range]:
    """Turn the events of a range into stretches, as the schema's evaluation walks over them."""
    ordered: list[tuple[Version, int, str, str]] = []
    limit = ""
    for event in events:
        for kind, text in event.items():
            bound = _bound(kind, text)
            if kind == "limit":
                limit = limit if text == "*" or bound is None else max(limit or text, text, key=_limit_order)
            elif kind in _RANK:
                ordered.append((bound or _FIRST, _RANK[kind], kind, text if bound is not None else ""))
    ordered.sort(key=lambda item: item[:2])
    if not any(kind == "introduced" for _, _, kind, _ in ordered):
        ordered.insert(0, (_FIRST, 1, "introduced", "0"))
    found: list[Range] = []
    start: str | None = None
    for _, _, kind, text in ordered:
        if kind == "introduced":
            start = text if start is None else start
        elif start is not None and text:
            found.append(Range(introduced="" if start == "0" else start, limit=limit, **{kind: text}))
            start = None
    if start is not None:
        found.append(Range(introduced="" if start == "0" else start, limit=limit))
    return found


def _limit_order(text: str) -> Version:
    return parsed(text) or _FIRST


def _severity(record: Record, parts: Iterable[_Affected]) -> Severity:
    """Return the highest rating by CVSS, or by the words of the databases where there is none."""
    parts = list(parts)
    vectors = [*(record.severity or ()), *(item for part in parts for item in part.severity or ())]
    rated = max((_by_vector(item.score) for item in vectors), default=Severity.UNRATED)
    if rated is not Severity.UNRATED:
        return rated
    places: list[Any] = [record.database_specific]
    places += [place for part in parts for place in (part.database_specific, part.ecosystem_specific)]
    words = [place.get("severity") for place in places if place]
    return max((_WORDS.get(w.lower(), Severity.UNRATED) for w in words if isinstance(w, str)), default=rated)


@lru_cache(maxsize=8192)
def _by_vector(vector: str) -> Severity:
    """Return the band of a CVSS vector of version 2, 3 or 4; unrated where it cannot be read."""
    from cvss import CVSS2, CVSS3, CVSS4
    from cvss.exceptions import CVSSError

    if len(vector) > 400:
        return Severity.UNRATED
    kind = CVSS4 if vector.startswith("CVSS:4") else CVSS3 if vector.startswith("CVSS:3") else CVSS2
    try:
        scored = kind(vector.strip("() "))
        word = scored.severity if kind is CVSS4 else scored.severities()[0]
    except (CVSSError, ValueError, KeyError, IndexError, ArithmeticError):
        return Severity.UNRATED
    return _WORDS.get(str(word).lower(), Severity.UNRATED)


class _Told(msgspec.Struct):
    """A vulnerability as the JSON API tells it."""

    id: str
    aliases: list[str] | None = None
    summary: str | None = None
    details: str | None = None
    fixed_in: list[str] | None = None
    link: str | None = None
    withdrawn: str | None = None


class _Info(msgspec.Struct):
    name: str = ""
    version: str = ""


class _Document(msgspec.Struct):
    info: _Info
    vulnerabilities: list[_Told] | None = None


def from_json_api(document: Mapping[str, Any]) -> list[Advisory]:
    """Return what an upstream's JSON API (`/pypi/{project}/{version}/json`) says of the version it is about.

    The list holds for that version only, so each advisory names that version alone. The API gives no
    severity: the records are unrated.

    Raises:
        InvalidDocument: a field is not what the API says.
    """
    try:
        told = msgspec.convert(document, _Document, strict=False)
        project = project_name(told.info.name)
    except msgspec.ValidationError as error:
        raise InvalidDocument("JSON API", str(error)[:300]) from None
    except InvalidName as error:
        raise InvalidDocument("JSON API", error.sentence, "$.info.name") from None
    return [_told(item, project, told.info.version) for item in told.vulnerabilities or ()]


def _told(item: _Told, project: ProjectName, version: str) -> Advisory:
    record = Record(item.id, aliases=item.aliases, summary=item.summary, withdrawn=item.withdrawn)
    return Advisory(
        id=_one_line(item.id, _LONGEST_ID),
        project=project,
        kind=AdvisoryKind.MALWARE if _is_malware(record) else AdvisoryKind.VULNERABILITY,
        aliases=_aliases(item.aliases),
        summary=_one_line(item.summary or "", _LONGEST_SUMMARY),
        details=_clean(item.details or "", _LONGEST_DETAILS),
        versions=frozenset({canonical(version)}),
        fixed_in=tuple(text for text in item.fixed_in or () if parsed(text) is not None),
        withdrawn=_withdrawn(record),
        origin=Origin.JSON_API,
        link=_one_line(item.link or "", _LONGEST_LINK) if (item.link or "").startswith(("https://", "http://")) else "",
    )
