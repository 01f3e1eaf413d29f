"""Young files are held until they have aged: most hijacked releases are found within days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from affineur.model.decisions import Effect, Finding, Verdict
from affineur.model.scans import Level
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts
from affineur.policy.settings import Period, Settings, in_words

TOOLS = frozenset(
    {
        "pip", "setuptools", "wheel", "uv", "uv-build", "build", "installer", "virtualenv", "pipx", "packaging",
        "pyproject-hooks", "hatchling", "hatch-vcs", "hatch-fancy-pypi-readme", "flit-core", "poetry-core", "pdm-backend",
        "pdm-pep517", "setuptools-scm", "setuptools-rust", "scikit-build-core", "scikit-build", "meson-python", "maturin",
        "cython", "cffi", "pybind11", "nanobind", "pbr", "versioneer", "editables", "pathspec", "trove-classifiers",
        "certifi",
    }
)  # fmt: skip
"""Installers and build backends, with what they need to start: other tools fetch them from the index by themselves."""


@dataclass(frozen=True)
class CooldownSettings(Settings):
    """Keys of the rule `cooldown`."""

    short: ClassVar[str] = "days"
    days: float = 3.0
    """Days from the upload of a file to the day it is free."""
    hours: float = 0.0
    """Hours added to `days`."""
    tools: Period = Period(days=1)
    """The same for installers and build backends."""
    private: bool = False
    """Whether files of hosted sources are held too."""
    security_fixes: Period | None = Period(hours=12)
    """The same for a release that an advisory names as the fix of a version in use here; false: no fast lane."""


class Cooldown:
    """Hold a file until so much time has passed since its own upload."""

    name: ClassVar[str] = "cooldown"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.ADVISORIES, Need.PUBLISHER, Need.SCAN, Need.USE})

    def __init__(self, settings: CooldownSettings) -> None:
        self.settings = settings
        self._age = Period(settings.days, settings.hours).delta

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Hold while the file is younger than asked; an upload time nobody states counts from the first sight."""
        if not (facts.mirrored or self.settings.private):
            return None
        since = facts.file.upload_time or facts.file.first_seen
        if since is None:
            return Verdict(self.name, Effect.HOLD, f"nobody knows how old {facts.file.filename} is")
        asked, lane = self._asked(facts)
        free = since + asked
        if now >= free:
            early = asked < self._usual(facts) and now < since + self._usual(facts)
            return (
                Verdict(self.name, Effect.PENDING, _INSPECTED_FIRST, findings=lane)
                if early and _unseen(facts)
                else None
            )
        return Verdict(self.name, Effect.HOLD, _sentence(facts, now - since, asked, free), free, lane)

    def _usual(self, facts: Facts) -> timedelta:
        """Return what is asked of the project's releases without the fast lane."""
        return min(self._age, self.settings.tools.delta) if facts.page.project in TOOLS else self._age

    def _asked(self, facts: Facts) -> tuple[timedelta, tuple[Finding, ...]]:
        asked = self._usual(facts)
        if self.settings.security_fixes is None or asked <= self.settings.security_fixes.delta:
            return asked, ()
        fixed = facts.evidence.fixed_by(facts.file.version)
        if fixed is None:
            return asked, ()
        if objection := _objection(facts):
            return asked, (Finding(f"it fixes {fixed}, but takes no fast lane: {objection}"),)
        return self.settings.security_fixes.delta, (Finding(f"it fixes {fixed}, so it takes the fast lane"),)


_INSPECTED_FIRST = "it takes the fast lane once it was inspected"


def _unseen(facts: Facts) -> bool:
    """Whether nobody has looked into the file yet."""
    return (facts.file.sha256 or "") not in facts.evidence.scans


def _objection(facts: Facts) -> str:
    """Return why a security fix must wait like any other release, or "".

    A hijacker can have an advisory written, so the release itself must be beyond doubt.
    """
    evidence = facts.evidence
    if any(advisory.is_malware for advisory in evidence.advisories):
        return "a malware record touches the project"
    scan = evidence.scans.get(facts.file.sha256 or "")
    if scan is not None and (scan.level >= Level.WARN or scan.problem):
        return "something was found in its code"
    return evidence.publisher_change(facts.page, facts.file)


def _sentence(facts: Facts, age: timedelta, asked: timedelta, free: datetime) -> str:
    what = facts.file.version or facts.file.filename
    moment = f"{free:%Y-%m-%d}" if asked - age > timedelta(days=2) else f"{free:%Y-%m-%d %H:%M} UTC"
    return (
        f"{what} is {in_words(max(age, timedelta()))} old, {in_words(asked, exactly=True)} are asked; free on {moment}"
    )
