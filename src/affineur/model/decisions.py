"""Verdicts of rules and the decision about a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from affineur.model.names import IndexName, ProjectName


class Effect(IntEnum):
    """What a verdict asks for, in order of strictness: the strictest verdict is the decision."""

    ALLOW = 0
    INACTIVE = 1
    PENDING = 2
    WARN = 3
    HOLD = 4
    DENY = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says about one file."""

    rule: str
    effect: Effect
    sentence: str = ""
    """What was found and what would change it, in a sentence for people."""
    until: datetime | None = None
    """The moment at which time alone changes the verdict."""
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The judgement of one file in one index: every verdict, and the strictest of them."""

    index: IndexName
    project: ProjectName
    filename: str
    revision: str
    """The policy's revision."""
    at: datetime
    verdicts: tuple[Verdict, ...] = ()

    @property
    def strictest(self) -> Verdict:
        """The verdict that decides; an allowing one where no rule spoke."""
        return max(self.verdicts, key=lambda verdict: verdict.effect, default=Verdict("none", Effect.ALLOW))

    @property
    def refused(self) -> bool:
        """Whether the file may not leave the index."""
        return self.strictest.effect >= Effect.HOLD

    @property
    def changes_at(self) -> datetime | None:
        """The moment at which time alone may change the decision."""
        return min((v.until for v in self.verdicts if v.until is not None), default=None)

    @property
    def id(self) -> str:
        """An address for the decision: 80 bits derived from what it is about."""
        material = f"{self.index}\0{self.project}\0{self.filename}\0{self.strictest.rule}"
        return hashlib.sha256(material.encode()).hexdigest()[:20]
