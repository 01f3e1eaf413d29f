"""Code that runs at installation or at the start of Python is read before the file leaves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from affineur.model.decisions import Effect, Finding, Verdict
from affineur.model.scans import Level, Scan
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts
from affineur.policy.settings import Force, Settings


@dataclass(frozen=True)
class StartupCodeSettings(Settings):
    """Keys of the rule `startup_code`."""

    short: ClassVar[str] = "clear"
    clear: Force = Force.HOLD
    """What ordinary packages never do: hidden or fetched code, data sent away."""
    doubtful: Force = Force.WARN
    """What may have its reasons: the network, other programs, code that runs at every start."""
    unscanned: Force = Force.HOLD
    """Files that could not be read to the end."""
    private: bool = False
    """Whether files of hosted sources are read too."""


class StartupCode:
    """Act on what was found in the code that runs by itself."""

    name: ClassVar[str] = "startup_code"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.SCAN})

    def __init__(self, settings: StartupCodeSettings) -> None:
        self.settings = settings

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer by the scan of the file; pending until there is one."""
        del now
        if facts.file.tombstone or not (facts.mirrored or self.settings.private):
            return None
        scan = facts.evidence.scans.get(facts.file.sha256 or "")
        if scan is None:
            return _PENDING
        level = scan.level
        effect = {Level.HOLD: self.settings.clear.effect, Level.WARN: self.settings.doubtful.effect}.get(
            level, Effect.ALLOW
        )
        findings = tuple(Finding(f.sentence, f.member, f.line, f.text) for f in scan.findings)
        if scan.problem and self.settings.unscanned.effect >= effect:
            return Verdict(self.name, self.settings.unscanned.effect, _unread(facts, scan), findings=findings)
        if effect is Effect.ALLOW:
            return Verdict(self.name, Effect.ALLOW, findings=findings) if findings else None
        return Verdict(self.name, effect, _sentence(scan), findings=findings)


_PENDING = Verdict(StartupCode.name, Effect.PENDING, "not inspected yet")


def _unread(facts: Facts, scan: Scan) -> str:
    return f"{facts.file.filename} could not be read to its end: {scan.problem}; a waiver lets it pass"


def _sentence(scan: Scan) -> str:
    first = scan.findings[0]
    same = sum(1 for finding in scan.findings if finding.level is first.level) - 1
    return f"{first.place} {first.sentence}" + (f" (and {same} more findings)" if same else "")
