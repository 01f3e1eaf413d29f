"""The judge: every rule asked about every file; pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from affineur.model.decisions import Decision, Effect, Verdict
from affineur.model.names import IndexName
from affineur.policy.rule import Facts, Rule


def decide(index: IndexName, revision: str, rules: Sequence[Rule], facts: Facts, now: datetime) -> Decision:
    """Ask every rule and keep every verdict; a rule that fails answers hold (fail closed)."""
    verdicts: list[Verdict] = []
    for rule in rules:
        try:
            verdict = rule.judge(facts, now)
        except Exception as error:  # noqa: BLE001 - whatever a rule raises must hold, never let pass
            verdict = Verdict(rule.name, Effect.HOLD, f"the rule {rule.name} failed: {type(error).__name__}")
        if verdict is not None:
            verdicts.append(verdict)
    return Decision(index, facts.page.project, facts.file.filename, revision, now, tuple(verdicts))
