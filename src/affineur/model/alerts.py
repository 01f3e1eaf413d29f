"""Alerts: what is wrong, since when, with a release that somebody's lock holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from affineur.model.advisories import Severity


class AlertKind(StrEnum):
    """What an alert is about."""

    MALWARE = "malware"
    """A record calls the release malware."""
    ADVISORY = "advisory"
    """A record says that the release has a vulnerability."""
    QUARANTINED = "quarantined"
    """The project is in quarantine (PEP 792)."""
    REFUSED = "refused"
    """The index lets none of the release's files pass any more."""
    MISSING = "missing"
    """The release was deleted, or is not listed any more."""
    YANKED = "yanked"
    """The author withdrew the release."""
    DEPRECATED = "deprecated"
    """The project is deprecated (PEP 792)."""
    ARCHIVED = "archived"
    """The project is archived: its end of life (PEP 792)."""
    PUBLISHER = "publisher"
    """The newest release lost the attestation of who published it."""


class AlertState(StrEnum):
    """How an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody took care of it; changes are still told."""
    MUTED = "muted"
    """Nothing more is told of it."""
    CLOSED = "closed"
    """The lock does not hold the release any more, or the cause is gone."""


class News(StrEnum):
    """What happened to an alert."""

    OPENED = "opened"
    CHANGED = "changed"
    """What is known of it changed: its severity, or the versions that fix it."""
    SECURITY_RELEASE = "security-release"
    """A release appeared that fixes it."""
    FIX_FREE = "fix-free"
    """The release that fixes it was held, and passes now."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Fix:
    """The nearest later release without the vulnerabilities of the one locked."""

    version: str
    listed: bool = False
    """Whether the index lists it; before, it is only named by a record."""
    held: str = ""
    """What the gate has against it, in a sentence; empty: it passes."""
    free_at: datetime | None = None
    """When time alone lets it pass."""

    @property
    def passes(self) -> bool:
        """Whether it can be installed now."""
        return self.listed and not self.held


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong with a release, as far as it is known now."""

    kind: AlertKind
    sentence: str
    """What is told of it; it may quote text of packages."""
    ids: tuple[str, ...] = ()
    """What it is known by: an advisory's id and aliases, the one with the most to say first."""
    severity: Severity = Severity.UNRATED
    urgent: bool = False
    fix: Fix | None = None
    link: str = ""

    @property
    def key(self) -> str:
        """What sets it apart from other causes of its kind."""
        return min(self.ids, default="")

    def is_as(self, other: Cause) -> bool:
        """Whether both are the same thing, however much is known of it."""
        return self.kind is other.kind and (self.ids == other.ids or not set(self.ids).isdisjoint(other.ids))


@dataclass(frozen=True, slots=True)
class Alert:
    """A cause in a lock."""

    id: str
    lock: str
    owner: str
    index: str
    project: str
    version: str
    cause: Cause
    state: AlertState
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None = None
    end: str = field(default="")
    """Why it was closed."""


def alert_id(lock: str, project: str, version: str, cause: Cause) -> str:
    """Return the id of an alert: 80 bits derived from what it is about."""
    text = f"{lock}\0{project}\0{version}\0{cause.kind.value}\0{cause.key}"
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def news_of(before: Cause, now: Cause) -> News | None:
    """Return what is new about a cause; None where nothing is that is worth telling."""
    known, fix = before.fix, now.fix
    if fix is not None and fix.listed and (known is None or not known.listed):
        return News.SECURITY_RELEASE
    if fix is not None and known is not None and fix.passes and not known.passes:
        return News.FIX_FREE
    if (before.severity, before.urgent) != (now.severity, now.urgent) or _named(before) != _named(now):
        return News.CHANGED
    return None


def _named(cause: Cause) -> str:
    """What a cause says, leaving out moments, which come closer by themselves."""
    return cause.fix.version if cause.fix is not None else ""
