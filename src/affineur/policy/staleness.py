"""What becomes of files when the records that a rule judges by were not renewed for too long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from affineur.model.decisions import Effect, Verdict
from affineur.policy.settings import Force, Period, Settings, in_words


@dataclass(frozen=True)
class StalenessSettings(Settings):
    """Keys of the rules that judge by imported records."""

    stale: Force = Force.OFF
    """What becomes of every file that the rule judges once the records are older than `max_age`."""
    max_age: Period = Period(days=7)


def aged(
    verdict: Verdict | None, rule: str, records: str, settings: StalenessSettings, imported: datetime, now: datetime
) -> Verdict | None:
    """Return the stricter of a rule's verdict and that on the age of its `records` (as people call them).

    Until the records are too old, the moment at which they will be is that of the next change by time.
    """
    stale = settings.stale.effect
    if stale is Effect.ALLOW or (verdict is not None and verdict.effect >= stale):
        return verdict
    fresh = verdict or Verdict(rule, Effect.ALLOW)
    due = imported + settings.max_age.delta
    if now < due:
        return replace(fresh, until=due if fresh.until is None else min(fresh.until, due))
    sentence = f"the records of {records} are {in_words(now - imported)} old; `affineur advisories update` renews them"
    return Verdict(rule, stale, sentence, fresh.until, fresh.findings)
