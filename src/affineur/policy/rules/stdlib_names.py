"""Projects that bear the name of a standard-library module."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from affineur.model.decisions import Effect, Verdict
from affineur.policy.evidence import Need
from affineur.policy.lookalikes.stdlib_names import is_taken_for_stdlib
from affineur.policy.rule import Facts
from affineur.policy.settings import Force, Settings


@dataclass(frozen=True)
class StdlibNamesSettings(Settings):
    """Keys of the rule `stdlib_names`."""

    force: Force = Force.DENY
    """What becomes of projects from outside under the name of a module that is no known backport."""


class StdlibNames:
    """Deny projects from outside under the name of a module of any Python version since 2.6."""

    name: ClassVar[str] = "stdlib_names"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def __init__(self, settings: StdlibNamesSettings) -> None:
        self._effect = settings.force.effect

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer for the whole project."""
        del now
        outside = facts.mirrored or facts.file.tombstone
        if self._effect is Effect.ALLOW or not outside or facts.owned or not is_taken_for_stdlib(facts.page.project):
            return None
        said = f"{facts.page.project} is the name of a module that comes with Python; there is nothing to install"
        return Verdict(self.name, self._effect, said, whole=True)
