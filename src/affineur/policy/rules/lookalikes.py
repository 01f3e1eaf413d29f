"""Names that are easily taken for a popular project or for one of yours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from affineur.model.decisions import Effect, Finding, Verdict
from affineur.policy.evidence import Need
from affineur.policy.lookalikes.guard import Standing
from affineur.policy.lookalikes.judgement import Level
from affineur.policy.lookalikes.spelling import Kind
from affineur.policy.rule import Facts
from affineur.policy.settings import Force, Settings

_HOW = {
    Kind.SEPARATOR: "only hyphens differ",
    Kind.HOMOGLYPH: "letters that look alike",
    Kind.DOUBLED: "a letter twice, or once instead of twice",
    Kind.SWAP: "two letters swapped",
    Kind.NEIGHBOUR: "a key beside the right one",
    Kind.INSERTION: "one letter more",
    Kind.OMISSION: "one letter less",
    Kind.SUBSTITUTION: "one letter differs",
    Kind.EDITS: "two letters differ",
    Kind.IMPORT_NAME: "that is what it is imported as",
    Kind.AFFIX: "a word more or less",
    Kind.ORDER: "the same words in another order",
    Kind.COMBINATION: "its name with another joined to it",
}


@dataclass(frozen=True)
class LookalikesSettings(Settings):
    """Keys of the rule `lookalikes`."""

    force: Force = Force.DENY
    """What becomes of names made to be mistaken, as far as a name can tell."""
    doubtful: Force = Force.WARN
    """What becomes of those that may be innocent; never more than `force`."""


class Lookalikes:
    """Deny projects from outside whose name looks like another's, whatever the file."""

    name: ClassVar[str] = "lookalikes"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.NAME, Need.USE})

    def __init__(self, settings: LookalikesSettings) -> None:
        doubtful = min(settings.force, settings.doubtful, key=lambda force: force.effect)
        self._effects = {Level.DENY: settings.force.effect, Level.WARN: doubtful.effect}

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer for the whole project; its age, its releases and its use here make the answer milder."""
        likeness = facts.evidence.likeness
        outside = facts.mirrored or facts.file.tombstone
        if likeness is None or not outside or facts.owned or not likeness.finding.flagged:
            return None
        finding = likeness.finding
        if finding.kind == Kind.STDLIB:
            return None
        days = (now - likeness.since).total_seconds() / 86400 if likeness.since else 0.0
        standing = Standing(days, likeness.releases, bool(facts.evidence.used_versions))
        level = standing.softened(Level[str(finding.level).upper()])
        effect = self._effects.get(level, Effect.ALLOW)
        if effect is Effect.ALLOW:
            return None
        target, how = str(finding.target), _HOW[Kind(str(finding.kind))]
        said = f"did you mean {target}? {facts.page.project} looks like it ({how})"
        known = Finding(f"{likeness.releases} releases, the first {days:.0f} days old")
        return Verdict(self.name, effect, said, findings=(known,), whole=True, hint=target)
