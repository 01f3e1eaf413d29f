"""Releases with known vulnerabilities are warned of, held or denied by how bad they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from packaging.version import Version

from affineur.model.advisories import ProjectAdvisories, Severity, Vulnerability, canonical, known, parsed
from affineur.model.decisions import Effect, Finding, Verdict
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts
from affineur.policy.settings import Force
from affineur.policy.staleness import StalenessSettings, aged

_MOST_SHOWN = 20


@dataclass(frozen=True)
class Ignored:
    """A vulnerability that does not count here."""

    id: str
    """Its id, or any of its aliases."""
    reason: str
    until: datetime | None = None
    """When it counts again."""


@dataclass(frozen=True)
class VulnerabilitiesSettings(StalenessSettings):
    """Keys of the rule `vulnerabilities`."""

    short: ClassVar[str] = "critical"
    critical: Force = Force.HOLD
    high: Force = Force.WARN
    medium: Force = Force.OFF
    low: Force = Force.OFF
    unrated: Force = Force.WARN
    """What nobody rated; most advisories about Python packages are of that kind."""
    ignore: tuple[Ignored, ...] = ()
    private: bool = False
    """Whether projects of hosted sources are looked up too."""


class Vulnerabilities:
    """Act on the vulnerabilities of a version by their severity."""

    name: ClassVar[str] = "vulnerabilities"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.ADVISORIES, Need.TOLD})

    def __init__(self, settings: VulnerabilitiesSettings) -> None:
        self.settings = settings
        forces = {
            Severity.CRITICAL: settings.critical, Severity.HIGH: settings.high, Severity.MEDIUM: settings.medium,
            Severity.LOW: settings.low, Severity.UNRATED: settings.unrated,
        }  # fmt: skip
        self._effects = {severity: force.effect for severity, force in forces.items()}

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer by the worst hole of the file's version that is not ignored."""
        if not facts.mirrored and not self.settings.private:
            return None
        imported = facts.evidence.advisories_at
        if imported is None:
            return self._told(facts, now)
        verdict = self._known(facts, now) if facts.evidence.advisories else None
        return aged(verdict, self.name, "vulnerabilities", self.settings, imported, now)

    def _told(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer by what the upstream told of the version; wait for that where it was not asked."""
        verdict = self._known(facts, now)
        if verdict is None and canonical(facts.file.version) not in facts.evidence.told_versions:
            return _PENDING
        return verdict

    def _known(self, facts: Facts, now: datetime) -> Verdict | None:
        advisories, version = known(facts.evidence.advisories), facts.file.version
        standing = tuple(entry for entry in self.settings.ignore if entry.until is None or now < entry.until)
        verdict = advisories.remembered(
            (self.settings, standing, canonical(version)),
            lambda: self._verdict(facts, advisories, standing),
        )
        return None if verdict is _CLEAN else verdict

    def _verdict(self, facts: Facts, advisories: ProjectAdvisories, standing: Sequence[Ignored]) -> Verdict:
        """Return what is to be said of a version with these holes, some of which may be ignored."""
        ignored = {entry.id: entry for entry in standing}
        until: datetime | None = None
        acting = []
        for hole in advisories.of(facts.file.version):
            if hole.is_malware:
                continue
            entry = next((ignored[name] for name in hole.ids if name in ignored), None) if ignored else None
            if entry is not None:
                until = min((moment for moment in (until, entry.until) if moment is not None), default=None)
            elif (effect := self._effects[hole.severity]) > Effect.ALLOW:
                acting.append((effect, hole.severity, hole))
        if not acting:
            return Verdict(self.name, Effect.ALLOW, until=until) if until is not None else _CLEAN
        acting.sort(key=lambda item: (-item[0], -item[1], item[2].advisory.id))
        sentence = _sentence(facts, [hole for *_, hole in acting], advisories)
        return Verdict(self.name, acting[0][0], sentence, until, _findings(acting, facts.file.version))


_CLEAN = Verdict(Vulnerabilities.name, Effect.ALLOW)
_PENDING = Verdict(
    Vulnerabilities.name, Effect.PENDING, "no advisories were imported; the upstream is asked when the file is wanted"
)


def _sentence(facts: Facts, acting: Sequence[Vulnerability], advisories: ProjectAdvisories) -> str:
    """Return what is wrong, as briefly as a terminal's line wants it, and what would be right."""
    worst, others = acting[0], len(acting) - 1
    word = "not rated" if worst.severity is Severity.UNRATED else worst.severity.word
    text = f"{facts.page.project} {facts.file.version} has {_known_as(worst)} ({word})"
    text += f" and {others} more" if others else ""
    fixes = [fix for hole in acting if (fix := hole.fixed_after(facts.file.version))]
    if not fixes:
        return f"{text}; no later release without {'them' if others else 'it'} is known"
    latest = max(fixes, key=_order)
    still = {hole.advisory.id for hole in advisories.of(latest)}
    free = "of some" if any(hole.advisory.id in still for hole in acting) else "of them" if others else "of it"
    return f"{text}; {latest} is free {free}"


def _order(version: str) -> Version:
    return parsed(version) or Version("0")


def _known_as(hole: Vulnerability) -> str:
    """Return the name that most people know a hole by: its CVE, where it has one."""
    return next((name for name in hole.ids if name.startswith("CVE-")), hole.advisory.id)


def _findings(acting: Sequence[tuple[Effect, Severity, Vulnerability]], version: str) -> tuple[Finding, ...]:
    """Return the worst holes, each with what is known of it."""
    found = []
    for effect, severity, hole in acting[:_MOST_SHOWN]:
        fix = hole.fixed_after(version)
        what = f"{severity.word}, {effect.word}: {hole.advisory.summary or ', '.join(hole.ids)}"
        found.append(Finding(what + (f"; fixed in {fix}" if fix else ""), hole.advisory.id, text=hole.advisory.link))
    if len(acting) > _MOST_SHOWN:
        found.append(Finding(f"{len(acting) - _MOST_SHOWN} more"))
    return tuple(found)
