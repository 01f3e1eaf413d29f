"""What the owner of a project, or its upstream, says of it: quarantined, archived, deprecated (PEP 792)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from affineur.model.decisions import Verdict
from affineur.model.files import Status as ProjectState
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts
from affineur.policy.settings import Force, Settings


@dataclass(frozen=True)
class StatusSettings(Settings):
    """Keys of the rule `status`."""

    short: ClassVar[str] = "quarantined"
    quarantined: Force = Force.HOLD
    """Projects that the upstream quarantined: files kept here are held too."""
    archived: Force = Force.WARN
    deprecated: Force = Force.WARN


class Status:
    """Act on the project's status as its source gives it."""

    name: ClassVar[str] = "status"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def __init__(self, settings: StatusSettings) -> None:
        self._force = {
            ProjectState.QUARANTINED: settings.quarantined,
            ProjectState.ARCHIVED: settings.archived,
            ProjectState.DEPRECATED: settings.deprecated,
        }

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer for the whole project."""
        del now
        status = facts.page.status
        force = self._force.get(status.status, Force.OFF)
        if force is Force.OFF:
            return None
        who = "the upstream" if facts.mirrored else "its owner"
        reason = f": {status.reason}" if status.reason else ""
        sentence = f"{who} marked {facts.page.project} as {status.status.value}{reason}"
        return Verdict(self.name, force.effect, sentence, whole=True)
