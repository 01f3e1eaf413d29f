"""Names written down by people: what always passes, and what never does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import ClassVar

from affineur.model.decisions import Effect, Verdict
from affineur.model.waivers import Scope
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts
from affineur.policy.settings import Entry, Settings


@dataclass(frozen=True)
class Listed(Entry):
    """An entry of the rule `lists`."""

    short: ClassVar[str] = "match"
    match: Scope
    """`name`, `acme-*`, `name==1.0`, `name>=2,<3` or a file name."""
    reason: str = ""
    until: datetime | None = None
    """The day on which the entry ends."""
    tag: str = ""
    """A pattern for the end of a wheel's name, such as `*-win_amd64`."""
    source: str = ""
    """The mirror or hosted source the file must come from."""

    def meets(self, facts: Facts, now: datetime) -> bool:
        """Whether the entry is about the file and still counts."""
        file = facts.file
        return (
            self.stands(now)
            and self.match.holds(facts.page.project, file.version, file.filename)
            and (not self.tag or fnmatchcase(file.filename.removesuffix(".whl"), self.tag))
            and (not self.source or facts.page.source == self.source)
        )


@dataclass(frozen=True)
class ListsSettings(Settings):
    """Keys of the rule `lists`."""

    short: ClassVar[str] = "deny"
    allow: tuple[Listed, ...] = ()
    """What passes whatever other rules say, as far as they can be waived."""
    deny: tuple[Listed, ...] = ()
    """What never passes; it goes before `allow`."""
    nothing_else: bool = False
    """Whether `allow` is all that passes."""


class Lists:
    """Deny what is listed as denied; lift other rules for what is listed as allowed."""

    name: ClassVar[str] = "lists"
    needs: ClassVar[frozenset[Need]] = frozenset()

    def __init__(self, settings: ListsSettings) -> None:
        self.settings = settings

    def judge(self, facts: Facts, now: datetime) -> Verdict | None:
        """Answer by the first entry that meets the file, denials first."""
        for entry in self.settings.deny:
            if entry.meets(facts, now):
                return self._verdict(Effect.DENY, "is on the list of what is denied", entry)
        for entry in self.settings.allow:
            if entry.meets(facts, now):
                return self._verdict(Effect.ALLOW, "is on the list of what is allowed", entry, lifts=True)
        if self.settings.nothing_else:
            sentence = f"{facts.page.project} {facts.file.version} is not on the list, and nothing else passes here"
            whole = not any(e.match.project in {facts.page.project, "*"} for e in self.settings.allow)
            return Verdict(self.name, Effect.DENY, sentence, whole=whole)
        return None

    def _verdict(self, effect: Effect, words: str, entry: Listed, *, lifts: bool = False) -> Verdict:
        end = f" until {entry.until:%Y-%m-%d}" if entry.until else ""
        reason = f": {entry.reason}" if entry.reason else ""
        whole = not (entry.match.versions or entry.match.filename or entry.tag or entry.source)
        return Verdict(
            self.name,
            effect,
            f"{entry.match} {words}{end}{reason}",
            entry.until,
            whole=whole and not lifts,
            lifts=lifts,
        )
