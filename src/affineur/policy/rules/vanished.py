"""Files that vanished from their upstream: young ones are held, since that is how malware is removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from affineur.model.decisions import Effect, Verdict
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts
from affineur.policy.settings import Force, Period, Settings, in_words


@dataclass(frozen=True)
class VanishedSettings(Settings):
    """Keys of the rule `vanished`."""

    short: ClassVar[str] = "young"
    young: Force = Force.HOLD
    """Files that were younger than `age` when the upstream stopped listing them."""
    age: Period = Period(days=30)
    older: Force = Force.WARN
    """Files that were older: they stay installable, unless this says otherwise."""


class Vanished:
    """Hold what the upstream took away soon after its upload, until someone decides."""

    name: ClassVar[str] = "vanished"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def __init__(self, settings: VanishedSettings) -> None:
        self.settings = settings

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer by the age the file had when it vanished."""
        del now
        gone = facts.file.vanished
        if gone is None:
            return None
        since = facts.file.upload_time or facts.file.first_seen or gone
        young = gone - since < self.settings.age.delta
        force = self.settings.young if young else self.settings.older
        if force.effect is Effect.ALLOW:
            return None
        sentence = f"{facts.file.filename} vanished from the upstream on {gone:%Y-%m-%d}"
        if young:
            sentence += f", {in_words(gone - since)} after its upload; a waiver lets it pass"
        return Verdict(self.name, force.effect, sentence)
