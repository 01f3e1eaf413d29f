"""What a person put under quarantine here stays held until a person lifts it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from affineur.model.decisions import Effect, Verdict
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts


class Quarantine:
    """Hold the releases that `affineur withdraw quarantine` named."""

    name: ClassVar[str] = "quarantine"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer by the first quarantine that the file falls under."""
        del now
        page, file = facts.page, facts.file
        for one in facts.evidence.quarantines:
            if one.source in {"", page.source} and one.scope.holds(page.project, file.version, file.filename):
                reason = f": {one.reason}" if one.reason else ""
                sentence = f"{one.scope} was quarantined by {one.by or 'the server'} on {one.at:%Y-%m-%d}{reason}"
                whole = not (one.scope.versions or one.source)
                return Verdict(self.name, Effect.HOLD, sentence, whole=whole)
        return None
