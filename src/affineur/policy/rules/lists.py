"""Names written down by people: what always passes, and what never does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from affineur.errors import Invalid
from affineur.model.decisions import Effect, Verdict
from affineur.model.names import normalize
from affineur.model.waivers import Scope
from affineur.policy.evidence import Need
from affineur.policy.rule import Facts
from affineur.policy.settings import Entry, Settings
from affineur.standards.requirement_lists import read_requirement_list


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

    def __str__(self) -> str:
        tagged = f" tagged {self.tag}" if self.tag else ""
        return f"{self.match}{tagged}" + (f" from {self.source}" if self.source else "")

    def meets(self, facts: Facts, now: datetime) -> bool:
        """Whether the entry is about the file and still counts."""
        file = facts.file
        return (
            self.stands(now)
            and self.match.holds(facts.page.project, file.version, file.filename)
            and (not self.tag or fnmatchcase(file.filename.removesuffix(".whl"), self.tag))
            and (not self.source or facts.page.source == self.source)
        )


class Lock(str):
    """The path of a lock file, with what it names: read once, when the configuration is read."""

    __slots__ = ("scopes",)
    scopes: Mapping[str, SpecifierSet]

    def __new__(cls, path: str) -> Lock:
        """Read the file.

        Raises:
            Invalid: it cannot be read.
        """
        made = super().__new__(cls, path)
        made.scopes = _scopes(path) if path else {}
        return made

    def names(self, project: str, version: str) -> bool:
        """Whether a release is named."""
        wanted = self.scopes.get(project)
        try:
            return wanted is not None and wanted.contains(Version(version), prereleases=True)
        except InvalidVersion:
            return False


def _scopes(path: str) -> dict[str, SpecifierSet]:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {error}") from error
    scopes: dict[str, SpecifierSet] = {}
    for requirement in read_requirement_list(text, path).requirements:
        name = normalize(requirement.name)
        scopes[name] = scopes.get(name, SpecifierSet()) & requirement.specifier
    return scopes


@dataclass(frozen=True)
class ListsSettings(Settings):
    """Keys of the rule `lists`."""

    short: ClassVar[str] = "deny"
    allow: tuple[Listed, ...] = ()
    """What passes whatever other rules say, as far as they can be waived."""
    deny: tuple[Listed, ...] = ()
    """What never passes; it goes before `allow`."""
    nothing_else: bool = False
    """Whether `allow` and `lock` are all that passes."""
    lock: Lock = Lock("")  # noqa: RUF009 - a constant, and never changed
    """A lock file, or requirements file, whose requirements are all that passes besides `allow`."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that entries name; a name of none would be an entry that meets nothing."""
        return tuple(dict.fromkeys(entry.source for entry in (*self.deny, *self.allow) if entry.source))

    @property
    def fingerprint(self) -> str:
        """What the policy's revision follows besides its text."""
        return " ".join(f"{name}{versions}" for name, versions in sorted(self.lock.scopes.items()))


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
        lock = self.settings.lock
        if lock.names(facts.page.project, facts.file.version):
            return None
        if self.settings.nothing_else or lock:
            named = facts.page.project in lock.scopes
            whole = not named and not any(fnmatchcase(facts.page.project, e.match.project) for e in self.settings.allow)
            what = facts.page.project if whole else f"{facts.page.project} {facts.file.version}"
            sentence = f"{what} is not on the list, and nothing else passes here"
            return Verdict(self.name, Effect.DENY, sentence, whole=whole)
        return None

    def _verdict(self, effect: Effect, words: str, entry: Listed, *, lifts: bool = False) -> Verdict:
        end = f" until {entry.until:%Y-%m-%d}" if entry.until else ""
        reason = f": {entry.reason}" if entry.reason else ""
        whole = not (entry.match.versions or entry.match.filename or entry.tag or entry.source)
        return Verdict(
            self.name,
            effect,
            f"{entry} {words}{end}{reason}",
            entry.until,
            whole=whole and not lifts,
            lifts=lifts,
        )
