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
    """The rule has no data to judge by; it says so and lets pass."""
    PENDING = 2
    """The rule speaks once it has seen the file's content."""
    WARN = 3
    HOLD = 4
    DENY = 5

    @property
    def word(self) -> str:
        """The name in lower case, as documents spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a rule found, with its place: a member and line of an archive, an advisory's id, a field."""

    what: str
    where: str = ""
    line: int = 0
    """The line in `where`, counted from 1; 0: none."""
    text: str = ""
    """The text found, cut and printable."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says about one file."""

    rule: str
    effect: Effect
    sentence: str = ""
    """What was found and what would change it, in a sentence for people."""
    until: datetime | None = None
    """The moment at which time alone changes the verdict."""
    findings: tuple[Finding, ...] = ()
    whole: bool = False
    """Whether it is about the project as a whole, whatever the file."""
    hint: str = ""
    """The project that was probably meant."""
    waiver: str = ""
    """What lifted it: a waiver's id, or "lists"; `effect` is then what remains."""
    lifts: bool = False
    """Whether it lifts what other rules say, as far as that can be waived."""


_NO_RULE = Verdict("none", Effect.ALLOW)


def decision_id(index: str, project: str, filename: str) -> str:
    """Return the address of the decision about a file in an index: 80 bits derived from what it is about."""
    return hashlib.sha256(f"{index}\0{project}\0{filename}".encode()).hexdigest()[:20]


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
    watched: bool = False
    """Whether the policy only watches: nothing is refused, all is recorded."""

    @property
    def strictest(self) -> Verdict:
        """The verdict that decides; an allowing one where no rule spoke."""
        return max(self.verdicts, key=lambda verdict: verdict.effect, default=_NO_RULE)

    @property
    def objectionable(self) -> bool:
        """Whether a rule holds or denies the file, be it enforced or only watched."""
        return any(verdict.effect >= Effect.HOLD for verdict in self.verdicts)

    @property
    def refused(self) -> bool:
        """Whether the file may not leave the index."""
        return self.objectionable and not self.watched

    @property
    def pending(self) -> bool:
        """Whether a rule wants to see the content first."""
        return any(verdict.effect is Effect.PENDING for verdict in self.verdicts)

    @property
    def changes_at(self) -> datetime | None:
        """The moment at which time alone may change the decision."""
        return min((v.until for v in self.verdicts if v.until is not None), default=None)

    @property
    def id(self) -> str:
        """The decision's address."""
        return decision_id(self.index, self.project, self.filename)
