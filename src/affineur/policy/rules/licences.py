"""Releases are let through by the licence that they state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from affineur.errors import Invalid
from affineur.model.decisions import Effect, Finding, Verdict
from affineur.model.licences import Stated
from affineur.model.printable import printable
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts
from affineur.policy.settings import Force, Settings
from affineur.standards.licences import admits, canonical, expression_of, touches


class Licence(str):
    """An entry of a list of licences: an SPDX identifier, perhaps with its exception, or a pattern of identifiers."""

    __slots__ = ()

    def __new__(cls, text: str) -> Licence:
        """Check the entry.

        Raises:
            Invalid: no licence could be meant.
        """
        words = text.split()
        single = len(words) == 1 or (len(words) == 3 and words[1].upper() == "WITH")
        if not single or not ("*" in text or "?" in text or canonical(text)):
            raise Invalid(f"{text!r} is no SPDX identifier, nor a pattern such as BSD-*")
        return super().__new__(cls, text)


@dataclass(frozen=True)
class LicencesSettings(Settings):
    """Keys of the rule `licences`. Entries are SPDX identifiers or patterns of them, in any case."""

    short: ClassVar[str] = "allow"
    allow: tuple[Licence, ...] = ()
    """Licences that pass; empty: all that are neither in `deny` nor in `warn`."""
    deny: tuple[Licence, ...] = ()
    """Licences that never pass, unless the release offers another one to choose."""
    warn: tuple[Licence, ...] = ()
    other: Force = Force.DENY
    """What is not in `allow`, where that is not empty."""
    unknown: Force = Force.WARN
    """Releases that state no licence, or none that can be told."""
    private: bool = False
    """Whether files of hosted sources are judged too."""


class Licences:
    """Act on the licence that core metadata states."""

    name: ClassVar[str] = "licences"
    needs: ClassVar[frozenset[Need]] = frozenset({Need.LICENCE})

    def __init__(self, settings: LicencesSettings) -> None:
        self.settings = settings

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer by the expression stated; pending until the metadata are here."""
        del now
        if facts.file.tombstone or not (facts.mirrored or self.settings.private):
            return None
        stated = facts.evidence.licences.get(facts.file.sha256 or "")
        if stated is None:
            return _PENDING
        expression = expression_of(stated)
        effect, why = self._answer(expression)
        if effect is Effect.ALLOW:
            return None
        what = f"{facts.page.project} {facts.file.version}"
        said = f"{what} states {expression}" if expression else f"{what} states no licence that can be told"
        return Verdict(self.name, effect, f"{said}; {why}", findings=_findings(stated))

    def _answer(self, expression: str) -> tuple[Effect, str]:
        settings = self.settings
        if not expression:
            return settings.unknown.effect, "the policy asks for one"
        if settings.deny and touches(settings.deny, expression):
            return Effect.DENY, "the policy denies it"
        if settings.allow and admits(settings.allow, expression):
            return Effect.ALLOW, ""
        if settings.warn and touches(settings.warn, expression):
            return Effect.WARN, "the policy warns of it"
        if settings.allow and not admits([*settings.allow, *settings.warn], expression):
            return settings.other.effect, f"the policy allows {', '.join(settings.allow[:5])}"
        return Effect.ALLOW, ""


_PENDING = Verdict(Licences.name, Effect.PENDING, "its metadata were not read yet")


def _findings(stated: Stated) -> tuple[Finding, ...]:
    fields = (("License-Expression", stated.expression), ("License", stated.text[:200]))
    found = [Finding("stated", name, text=printable(text)) for name, text in fields if text]
    return (*found, *(Finding("stated", "Classifier", text=printable(text)) for text in stated.classifiers))
