"""What a rule is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from affineur.model.decisions import Verdict
from affineur.model.files import File, Page
from affineur.policy.evidence import NOTHING, Evidence, Need


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules may look at: the file, the page that lists it, where both come from, and the evidence."""

    file: File
    page: Page
    mirrored: bool
    """Whether the file comes from outside (a mirror) rather than from a hosted source."""
    owned: bool
    """Whether a hosted source of the index owns the project's name."""
    evidence: Evidence = NOTHING


class Rule(Protocol):
    """One question about a file. Implementations keep no state between files."""

    name: ClassVar[str]
    """As it stands in the configuration."""
    needs: ClassVar[frozenset[Need]]
    """The evidence it must be given; what nobody asks for is not gathered."""

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Return a verdict, or None where the rule has nothing to say (allow)."""
        ...
