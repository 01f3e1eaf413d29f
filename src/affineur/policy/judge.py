"""The judge: every rule asked about every file; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from affineur.model.decisions import Effect, Verdict
from affineur.model.names import IndexName
from affineur.model.waivers import Waiver
from affineur.policy.rule import Facts, Rule

_LIKE_AN_ATTACK = "what it refuses cannot be told from an attack"
NEVER_WAIVED = {
    "ownership": _LIKE_AN_ATTACK,
    "stated-hash": _LIKE_AN_ATTACK,
    "quarantine": "`affineur withdraw activate` lifts it",
}
"""Rules that no exception lifts, and why."""

UNSAFE = frozenset({"known_malware"})
"""Rules that a list of allowed names does not lift: that takes a waiver of their own, by an administrator."""


def verdicts_of(rules: Sequence[Rule], facts: Facts, now: datetime) -> list[Verdict]:
    """Ask every rule and keep every verdict; one that fails or lacks its evidence answers hold (fail closed)."""
    verdicts: list[Verdict] = []
    failed = facts.evidence.failed
    for rule in rules:
        if failed and (lacking := [need for need in rule.needs if need in failed]):
            problem = "; ".join(failed[need] for need in lacking)
            verdicts.append(Verdict(rule.name, Effect.HOLD, f"what the rule {rule.name} needs is missing: {problem}"))
            continue
        try:
            verdict = rule.judge(facts, now)
        except Exception as error:  # noqa: BLE001 - whatever a rule raises must hold, never let pass
            verdict = Verdict(rule.name, Effect.HOLD, f"the rule {rule.name} failed: {type(error).__name__}")
        if verdict is not None:
            verdicts.append(verdict)
    return verdicts


def lifted(verdicts: list[Verdict], facts: Facts, index: IndexName, now: datetime) -> tuple[Verdict, ...]:
    """Return the verdicts as they stand after lists and waivers; what was lifted says by what."""
    if all(verdict.effect < Effect.HOLD for verdict in verdicts):
        return tuple(verdicts)
    allowed = next((verdict for verdict in verdicts if verdict.lifts), None)
    standing = [waiver for waiver in facts.evidence.waivers if waiver.stands(now)]
    if allowed is None and not standing:
        return tuple(verdicts)
    return tuple(_lifted(verdict, facts, index, allowed, standing) for verdict in verdicts)


def _lifted(
    verdict: Verdict, facts: Facts, index: IndexName, allowed: Verdict | None, standing: Iterable[Waiver]
) -> Verdict:
    if verdict.effect < Effect.HOLD or verdict.rule in NEVER_WAIVED:
        return verdict
    for waiver in standing:
        if _covers(waiver, verdict, facts, index):
            return replace(verdict, effect=Effect.ALLOW, waiver=waiver.id, until=waiver.ends_at)
    if allowed is not None and verdict.rule not in UNSAFE and verdict.rule != allowed.rule:
        return replace(verdict, effect=Effect.ALLOW, waiver=allowed.rule, until=allowed.until)
    return verdict


def _covers(waiver: Waiver, verdict: Verdict, facts: Facts, index: IndexName) -> bool:
    if waiver.index not in {"*", index}:
        return False
    if waiver.rule != verdict.rule and not (waiver.rule == "*" and verdict.rule not in UNSAFE):
        return False
    return waiver.scope.holds(facts.page.project, facts.file.version, facts.file.filename)
