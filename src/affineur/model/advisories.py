"""Advisories: published records of vulnerabilities and of malware, and which versions they name."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from packaging.version import InvalidVersion, Version

from affineur.model.names import ProjectName

_PLAIN = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*\Z", re.ASCII)
_LONGEST_VERSION = 200
_MOST_REMEMBERED = 20_000
T = TypeVar("T")


class Severity(IntEnum):
    """How bad a vulnerability is; the bands of CVSS, and none where nobody rated it."""

    UNRATED = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """The name in lower case, as settings and sentences spell it."""
        return self.name.lower()


class AdvisoryKind(StrEnum):
    """What an advisory is about."""

    VULNERABILITY = "vulnerability"
    MALWARE = "malware"


class Origin(StrEnum):
    """Where a record was learnt."""

    OSV = "osv"
    JSON_API = "json-api"
    """An upstream's JSON API, which answers for one version at a time."""


@lru_cache(maxsize=65536)
def parsed(text: str) -> Version | None:
    """Return a version as PEP 440 orders it, or None where it is no such version."""
    if len(text) > _LONGEST_VERSION:
        return None
    try:
        return Version(text)
    except (InvalidVersion, ValueError):
        return None


@lru_cache(maxsize=65536)
def canonical(text: str) -> str:
    """Return the one spelling of a version that equal versions share; other text in lower case."""
    if _PLAIN.match(text):
        while text.endswith(".0"):
            text = text[:-2]
        return text
    version = parsed(text)
    if version is None:
        return text.strip().lower()
    release = ".".join(str(part) for part in version.release)
    while release.endswith(".0"):
        release = release[:-2]
    epoch = f"{version.epoch}!" if version.epoch else ""
    pre = "".join(str(part) for part in version.pre) if version.pre else ""
    post = f".post{version.post}" if version.post is not None else ""
    dev = f".dev{version.dev}" if version.dev is not None else ""
    local = f"+{version.local}" if version.local else ""
    return f"{epoch}{release}{pre}{post}{dev}{local}"


@lru_cache(maxsize=65536)
def _spelt(version: Version) -> str:
    return str(version)


@lru_cache(maxsize=65536)
def _public(version: Version) -> Version:
    return Version(version.public) if version.local else version


def _comparable(version: Version, bound: Version) -> Version:
    """Leave the local part out where the bound has none, as PEP 440's specifiers do."""
    return version if bound.local else _public(version)


@dataclass(frozen=True, slots=True)
class Range:
    """A stretch of versions. Bounds are PEP 440 versions; an empty one is no bound."""

    introduced: str = ""
    """The first version affected."""
    fixed: str = ""
    """The first version that is not."""
    last_affected: str = ""
    """The last version affected, where no fixed one is named."""
    limit: str = ""
    """Nothing from this version on is said to be affected; it need not be fixed either."""

    def holds(self, version: Version) -> bool:
        """Whether the version lies in the stretch."""
        low, fixed, last, limit = (
            parsed(text) if text else None for text in (self.introduced, self.fixed, self.last_affected, self.limit)
        )
        if low is not None and _comparable(version, low) < low:
            return False
        if fixed is not None and _comparable(version, fixed) >= fixed:
            return False
        if limit is not None and _comparable(version, limit) >= limit:
            return False
        return last is None or _comparable(version, last) <= last

    @property
    def unbounded(self) -> bool:
        """Whether every version lies in it."""
        return not (self.introduced or self.fixed or self.last_affected or self.limit)


@dataclass(frozen=True, slots=True)
class Advisory:
    """What one record says about one project. Times are aware and in UTC; text is bounded and printable."""

    id: str
    project: ProjectName
    kind: AdvisoryKind = AdvisoryKind.VULNERABILITY
    aliases: tuple[str, ...] = ()
    severity: Severity = Severity.UNRATED
    summary: str = ""
    details: str = ""
    ranges: tuple[Range, ...] = ()
    versions: frozenset[str] = frozenset()
    """Versions named one by one, in the spelling of `canonical`; those inside a range are left out."""
    fixed_in: tuple[str, ...] = ()
    """Fixed versions named without ranges, in order."""
    modified: datetime | None = None
    published: datetime | None = None
    withdrawn: datetime | None = None
    origin: Origin = Origin.OSV
    link: str = ""

    @property
    def is_malware(self) -> bool:
        """Whether the record says that the release itself is hostile."""
        return self.kind is AdvisoryKind.MALWARE

    @property
    def names_versions(self) -> bool:
        """Whether the record says which versions it means."""
        return bool(self.ranges or self.versions)

    @property
    def fixes(self) -> tuple[str, ...]:
        """Every fixed version the record names, in order."""
        named = {item.fixed for item in self.ranges if item.fixed} | set(self.fixed_in)
        return tuple(sorted(named, key=lambda text: parsed(text) or Version("0")))


def affects(advisory: Advisory, version: str) -> bool:
    """Whether the advisory names the version (the OSV schema's evaluation, in the order of PEP 440).

    A version is named when it is listed or lies in a range. A local version (`2.0+cpu`) is named
    where its public version is. Malware that names no version is every version. A version that is
    not of PEP 440 has no place in an order: it is named when listed, or by a range without bounds.
    """
    if not advisory.names_versions:
        return advisory.is_malware
    if advisory.versions and canonical(version) in advisory.versions:
        return True
    ordered = parsed(version)
    if ordered is None:
        return any(item.unbounded for item in advisory.ranges)
    if ordered.local and advisory.versions and canonical(ordered.public) in advisory.versions:
        return True
    return any(item.holds(ordered) for item in advisory.ranges)


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One hole, however many records tell of it."""

    advisory: Advisory
    """The record with the most to say."""
    records: tuple[Advisory, ...]
    """Every record of the hole, `advisory` first."""
    severity: Severity
    """The highest that a record gives."""
    free: tuple[Version, ...] = field(default=(), compare=False)
    """The fixed versions that records name and that no record of the hole names as affected, in order."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id and alias, the one of `advisory` first."""
        names = {name: None for record in self.records for name in (record.id,)}
        names |= {name: None for record in self.records for name in record.aliases}
        return tuple(names)

    @property
    def is_malware(self) -> bool:
        """Whether one of the records says that the release itself is hostile."""
        return any(record.is_malware for record in self.records)

    def affects(self, version: str) -> bool:
        """Whether one of the records names the version."""
        return any(affects(record, version) for record in self.records)

    def told_of(self, version: str) -> Vulnerability:
        """Return the hole as those records alone tell it that name the version; all where none does."""
        telling = tuple(record for record in self.records if affects(record, version))
        if not telling or len(telling) == len(self.records):
            return self
        return replace(self, advisory=telling[0], records=telling, severity=max(one.severity for one in telling))

    def fixed_after(self, version: str) -> str:
        """Return the nearest later version in which no record of the hole applies; "" where none is known."""
        ordered = parsed(version)
        if ordered is None:
            return ""
        at = bisect_right(self.free, ordered)
        return _spelt(self.free[at]) if at < len(self.free) else ""


def _telling(advisory: Advisory) -> tuple[bool, bool, bool, int, bool, int, str]:
    """Order records by how much they say; ties by id, so that the choice never depends on chance."""
    return (
        advisory.origin is Origin.OSV,
        bool(advisory.ranges),
        bool(advisory.fixes),
        advisory.severity,
        bool(advisory.summary),
        len(advisory.details),
        advisory.id,
    )


def merged(advisories: Iterable[Advisory]) -> tuple[Vulnerability, ...]:
    """Join the records that share an id or an alias, directly or through others.

    Withdrawn records say nothing and join nothing. The order is that of the ids.
    """
    leaders: dict[str, str] = {}

    def leader(name: str) -> str:
        while (above := leaders.setdefault(name, name)) != name:
            leaders[name] = leaders.setdefault(above, above)
            name = above
        return name

    standing = [advisory for advisory in advisories if advisory.withdrawn is None]
    for advisory in standing:
        for alias in advisory.aliases:
            leaders[leader(alias)] = leader(advisory.id)
    groups: dict[str, list[Advisory]] = {}
    for advisory in standing:
        groups.setdefault(leader(advisory.id), []).append(advisory)
    made = []
    for records in groups.values():
        records.sort(key=_telling, reverse=True)
        severity = max(record.severity for record in records)
        made.append(Vulnerability(records[0], tuple(records), severity, _free(records)))
    return tuple(sorted(made, key=lambda hole: hole.advisory.id))


def _free(records: Sequence[Advisory]) -> tuple[Version, ...]:
    named = {text for record in records for text in record.fixes}
    fixes = (parsed(text) for text in named if not any(affects(record, text) for record in records))
    return tuple(sorted(fix for fix in fixes if fix is not None))


class _Places:
    """Which of several records name a version, by the version's place among all their bounds.

    A place is an odd number on a bound and an even one between two; versions of one place lie in the
    same stretches, which are looked through once for all of them.
    """

    def __init__(self, records: Sequence[Advisory]) -> None:
        texts = {t for r in records for s in r.ranges for t in (s.introduced, s.fixed, s.last_affected, s.limit) if t}
        found = {text: version for text in texts if (version := parsed(text)) is not None}
        self._bounds = sorted(set(found.values()))
        self.sound = all(bound.local is None for bound in self._bounds)
        """Whether versions can be placed at all: bounds with a local part are compared in their own way."""
        self._on = {text: 2 * bisect_left(self._bounds, version) + 1 for text, version in found.items()}
        self._listed: dict[str, set[int]] = {}
        self._stretches: list[tuple[int, float, int]] = []
        for number, record in enumerate(records):
            for text in record.versions:
                self._listed.setdefault(text, set()).add(number)
            if record.is_malware and not record.names_versions:
                self._stretches.append((0, math.inf, number))
            self._stretches += ((*self._ends(stretch), number) for stretch in record.ranges)
        self._inside: dict[int, frozenset[int]] = {}

    def _ends(self, stretch: Range) -> tuple[int, float]:
        """Return the first and the last place of a stretch."""
        ends = [self._on[text] - 1 for text in (stretch.fixed, stretch.limit) if text in self._on]
        ends += [self._on[stretch.last_affected]] if stretch.last_affected in self._on else []
        return self._on.get(stretch.introduced, 0), min(ends, default=math.inf)

    def naming(self, version: Version, spelt: str) -> frozenset[int]:
        """Return the numbers of the records that name a version, given parsed and as `canonical` spells it."""
        plain = _public(version)
        at = bisect_left(self._bounds, plain)
        place = 2 * at + (at < len(self._bounds) and self._bounds[at] == plain)
        inside = self._inside.get(place)
        if inside is None:
            inside = frozenset(number for low, high, number in self._stretches if low <= place <= high)
            self._inside[place] = inside
        listed = self._listed.get(spelt, set())
        if version.local:
            listed = listed | self._listed.get(canonical(version.public), set())
        return inside | listed if listed else inside


class ProjectAdvisories(tuple[Advisory, ...]):
    """The standing advisories of one project; what they say of a version is worked out once."""

    _holes: tuple[tuple[Vulnerability, frozenset[int]], ...] | None
    _places: _Places
    _answers: dict[str, tuple[Vulnerability, ...]]
    _malware: tuple[Advisory, ...]
    _fixing: dict[str, tuple[Advisory, ...]] | None
    _remembered: dict[Hashable, Any]

    def __new__(cls, advisories: Iterable[Advisory] = ()) -> ProjectAdvisories:
        """Keep those that are not withdrawn."""
        made = super().__new__(cls, (advisory for advisory in advisories if advisory.withdrawn is None))
        made._holes, made._answers = None, {}
        made._malware = tuple(advisory for advisory in made if advisory.is_malware)
        made._fixing, made._remembered = None, {}
        return made

    def malware(self, version: str) -> tuple[Advisory, ...]:
        """Return the records that call a version malware."""
        return tuple(record for record in self._malware if affects(record, version)) if self._malware else ()

    def fixing(self, version: str) -> tuple[Advisory, ...]:
        """Return the records of vulnerabilities that name a version as a fix."""
        if self._fixing is None:
            found: dict[str, tuple[Advisory, ...]] = {}
            for advisory in self:
                for fix in () if advisory.is_malware else advisory.fixes:
                    found[canonical(fix)] = (*found.get(canonical(fix), ()), advisory)
            self._fixing = found
        return self._fixing.get(canonical(version), ())

    def remembered(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what was made of the advisories before under the same key, or make it."""
        found: T | None = self._remembered.get(key)
        if found is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            found = self._remembered[key] = make()
        return found

    def of(self, version: str) -> tuple[Vulnerability, ...]:
        """Return the holes of a version, each once."""
        key = canonical(version)
        found = self._answers.get(key)
        if found is None:
            if self._holes is None:
                numbers = {id(record): number for number, record in enumerate(self)}
                self._places = _Places(self)
                self._holes = tuple((h, frozenset(numbers[id(r)] for r in h.records)) for h in merged(self))
            ordered = parsed(version)
            if ordered is None or not self._places.sound:
                found = tuple(hole for hole, _ in self._holes if hole.affects(version))
            else:
                naming = self._places.naming(ordered, key)
                found = tuple(hole for hole, records in self._holes if not naming.isdisjoint(records))
            self._answers[key] = found
        return found


def known(advisories: tuple[Advisory, ...]) -> ProjectAdvisories:
    """Return advisories of one project as such, if they are not yet."""
    return advisories if isinstance(advisories, ProjectAdvisories) else ProjectAdvisories(advisories)


def holes(advisories: tuple[Advisory, ...], version: str) -> tuple[Vulnerability, ...]:
    """Return the vulnerabilities and malware records of a version, those of one hole joined."""
    return known(advisories).of(version)
