"""Outside files never stand under a name that a private source owns."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from affineur.model.decisions import Effect, Verdict
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts


class Ownership:
    """Deny mirrored files of projects whose name a hosted source of the index owns."""

    name: ClassVar[str] = "ownership"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Deny when the file is mirrored and the name is owned."""
        del now
        if facts.mirrored and facts.owned:
            sentence = f"{facts.page.project} is a private name here; files from outside are not served under it"
            return Verdict(self.name, Effect.DENY, sentence, whole=True)
        return None
