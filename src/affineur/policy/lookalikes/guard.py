"""The library call: is this name easily taken for another?

guard = Guard(popular())
guard.check("reqeusts")
# Finding(name='reqeusts', flagged=True, target='requests', kind='swap', level='deny')
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from affineur.model.names import ProjectName, matches
from affineur.policy.lookalikes import aliases
from affineur.policy.lookalikes.judgement import Level, level
from affineur.policy.lookalikes.popular import Popular, popular
from affineur.policy.lookalikes.search import Match, Search, Target, target
from affineur.policy.lookalikes.spelling import Kind, folded, squashed
from affineur.policy.lookalikes.stdlib_names import is_taken_for_stdlib, stdlib_names
from affineur.policy.lookalikes.usage import Usage

_MODULE_RANK = 1000
"""The rank of modules whose names are misspelt."""
_SHORTEST_MODULE = 6
_OWNED_RANK = 20
"""The rank that counts for names owned here."""
_SHORTEST_OWNED = 3
"""Letters of a namespace from which on its misspellings are looked for."""


_INNOCENT = aliases.IMITATED - aliases.IMPORT_NAMES.keys()
"""Never flagged, although they may not be on the list of popular names."""


class Finding(msgspec.Struct, frozen=True):
    """What was found about a name."""

    name: str
    """As it was given."""
    flagged: bool
    target: str | None = None
    """The project, module or reserved name that was probably meant."""
    kind: str | None = None
    """In which way the name looks like the target: a `Kind`."""
    level: str | None = None
    """`deny` or `warn`."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the project that bears the name; it speaks for an old and busy one."""

    days: float = 0.0
    """Days since its first file was published."""
    releases: int = 0
    used: bool = False
    """Whether people here use it already."""

    def softened(self, strict: Level) -> Level:
        """Return the level that is left of a judgement by the name alone."""
        steps = int(self.used)
        steps += int(self.releases >= 5 and self.days >= 2 * 365)
        steps += int(self.releases >= 20 and self.days >= 5 * 365)
        return Level(max(strict - steps, Level.NONE))


class Owned:
    """The names that hosted sources own, and the patterns of those they reserve."""

    def __init__(self, names: Iterable[str], patterns: Iterable[str] = ()) -> None:
        self.patterns = tuple(sorted(pattern.lower() for pattern in patterns))
        heads = {pattern.removesuffix("*").rstrip("-"): pattern for pattern in self.patterns}
        self._heads = {h: pattern for h, pattern in heads.items() if len(h) >= _SHORTEST_OWNED and "*" not in h}
        self.names = frozenset(names)
        self.empty = not self.names and not self.patterns
        self._search = Search(target(name, _OWNED_RANK) for name in sorted(self.names))
        self._prefixes = Search(target(head, _OWNED_RANK) for head in sorted(self._heads))

    def __contains__(self, name: str) -> bool:
        return name in self.names or (bool(self.patterns) and matches(ProjectName(name), self.patterns))

    def matches(self, name: str) -> Iterator[tuple[str, Match]]:
        """Yield what a name may be taken for, each with the part of the name that is compared."""
        yield from ((name, match) for match in self._search.matches(name))
        words = name.split("-")
        for head in self._heads:
            part = "-".join(words[: head.count("-") + 1])
            for match in self._prefixes.matches(part):
                whole = match.target.spelling + name[len(part) :]
                yield part, match._replace(target=match.target._replace(project=whole))


NOBODY = Owned(())


def near_misses(project: ProjectName, names: Iterable[str]) -> list[str]:
    """Return those of some normalised names that may be taken for a project, or are made of its name and another."""
    owned, word = Owned((project,)), squashed(project)
    return [
        name
        for name in names
        if name != project and (word in name.split("-") or any(True for _ in owned.matches(name)))
    ]


def targets(known: Popular) -> list[Target]:
    """Return what can be meant, the most popular first.

    These are the popular projects, those often imitated, what projects are imported as, and modules.
    """
    imitated = aliases.IMITATED - known.ranks.keys() - aliases.IMPORT_NAMES.keys()
    ranks = known.ranks | dict.fromkeys(sorted(imitated), aliases.IMITATED_RANK)
    ranks |= {name: min(ranks[name], aliases.IMITATED_RANK) for name in sorted(aliases.IMITATED & known.ranks.keys())}
    also = {name: project for name, project in aliases.IMPORT_NAMES.items() if name not in known and project in known}
    modules = (name for name in stdlib_names() if "-" not in name and len(name) >= _SHORTEST_MODULE)
    rows = [target(name, rank) for name, rank in ranks.items()]
    rows += [target(name, ranks[project], project) for name, project in also.items()]
    rows += [target(name, _MODULE_RANK, module=True) for name in sorted(modules) if name not in known]
    return sorted(rows, key=lambda row: row.rank)


def judged(name: str, found: Iterable[tuple[str, Match]], usage: Usage) -> tuple[Level, Match | None]:
    """Return the strictest judgement of some matches, of those as strict the one with the best known target."""
    worst: tuple[Level, Match | None] = (Level.NONE, None)
    for compared, match in found:
        strict = level(compared, match, usage)
        if match.target.module:
            strict = min(strict, Level.WARN) if _misspelt(match) else Level.NONE
        best = worst[1]
        if strict > worst[0] or (best is not None and strict is worst[0] and match.target.rank < best.target.rank):
            worst = strict, match
    return worst


def _misspelt(match: Match) -> bool:
    """Whether a match is a slip; other first letters and words beside it make good names of their own."""
    return match.edit.at > 0 if match.edit is not None else match.kind in {Kind.SEPARATOR, Kind.HOMOGLYPH}


class Guard:
    """Judges names against the popular projects, the standard library and what is owned here."""

    def __init__(self, known: Popular) -> None:
        self.known = known
        self._usage = Usage(known.names)

    @cached_property
    def _search(self) -> Search:
        return Search(targets(self.known))

    def prepare(self) -> None:
        """Make the tables that the first unknown name would wait for (0.1 s)."""
        _ = self._search
        self._usage.prepare()

    def check(self, name: str, standing: Standing | None = None, owned: Owned = NOBODY) -> Finding:
        """Judge a name as written by a person, normalised or not; malformed names are judged by their letters.

        A name of the popular list, one often imitated and one owned here are never flagged.
        """
        normal = folded(name)
        if normal in owned or normal in self.known or normal in _INNOCENT:
            if name.isascii():
                return Finding(name, False)
            return Finding(name, True, normal, Kind.HOMOGLYPH.value, "deny")
        if is_taken_for_stdlib(normal):
            return Finding(name, True, normal, Kind.STDLIB.value, "deny")
        return self._judged(name, normal, standing or Standing(), owned)

    def _judged(self, name: str, normal: str, standing: Standing, owned: Owned) -> Finding:
        strict, match = (Level.NONE, None) if owned.empty else judged(normal, owned.matches(normal), self._usage)
        if match is None:
            strict, match = judged(normal, ((normal, found) for found in self._search.matches(normal)), self._usage)
        if match is None or (strict := standing.softened(strict)) is Level.NONE:
            return Finding(name, False)
        return Finding(name, True, match.target.project, match.kind.value, strict.name.lower())


_made: list[Guard] = []


def guard(data: Path) -> Guard:
    """Return the guard over the list in force in a data folder; it is made once for each list.

    Raises:
        InvalidDocument: the refreshed list in the data folder cannot be read.
    """
    known = popular(data)
    if not _made or _made[0].known is not known:
        _made[:] = [Guard(known)]
    return _made[0]
