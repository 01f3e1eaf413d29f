"""Outdated projects are named with what to use instead: backports, given-up projects, mistaken names."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import ClassVar

from affineur.model.decisions import Verdict
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts
from affineur.policy.settings import Force, Settings

OUTDATED = Path(__file__).parents[1] / "data" / "outdated.toml"


@dataclass(frozen=True)
class AdviceSettings(Settings):
    """Keys of the rule `advice`."""

    force: Force = Force.WARN


@dataclass(frozen=True, slots=True)
class Instead:
    """What to use instead of a project."""

    instead: str
    since: str = ""
    """The Python that has it in its standard library."""
    mistaken: bool = False
    """Whether another project of a similar name is probably meant."""


@cache
def outdated() -> Mapping[str, Instead]:
    """Return the table of outdated projects by their normalised names."""
    return {name: Instead(**row) for name, row in tomllib.loads(OUTDATED.read_text(encoding="utf-8")).items()}


class Advice:
    """Say what to use instead of an outdated project."""

    name: ClassVar[str] = "advice"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def __init__(self, settings: AdviceSettings) -> None:
        self.settings = settings

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer by the project's name; what one hosts oneself needs no advice."""
        del now
        row = outdated().get(facts.page.project)
        if row is None or not facts.mirrored:
            return None
        name = facts.page.project
        if row.since:
            sentence = f"{name} is not needed since Python {row.since}: use {row.instead}"
        elif row.mistaken:
            sentence = f"{name} is probably not what is meant: {row.instead} is the usual project of that module"
        else:
            sentence = f"{name} is no longer maintained: use {row.instead}"
        return Verdict(self.name, self.settings.force.effect, sentence)
