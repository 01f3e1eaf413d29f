"""The search: which well-known names could have been meant by a name.

Everything is found by look-ups in tables of the known spellings, never by comparing with each:
- separators, letter shapes, affixes, word order: a form of the name that they all share;
- one edit in a short name: both names with one letter left out (as the algorithm SymSpell does);
- up to two edits in a long name: of three parts of a name one is whole.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from affineur.policy.lookalikes.spelling import Edit, Kind, one_edit, skeleton, squashed, within_two

_SHORT = 8
"""Letters up to which a name is short: its edits are found by leaving letters out."""
_SHORTEST_AFFIXED = 3
_TWO_EDITS = {6: 300, 7: 600, 8: 1500}
"""The last rank of short names, by their letters, in which two edits are looked for."""
_TWO_EDITS_RANK = 8000
"""That of all others; below, chance makes more of them than attackers."""
_TWO_EDITS_SHORT = min(_TWO_EDITS)
_COMBINED_RANK = 300
_ALIAS = 6
"""Letters from which misspellings of a name that is not the project's own are looked for."""

LANGUAGE = frozenset({"python", "python2", "python3", "py", "py2", "py3"})
"""Words that say no more than "for Python"."""
VERSIONS = frozenset({"2", "3", "4", "v1", "v2", "v3", "x", "ng"})
"""Words that promise a newer generation."""
PARTS = frozenset(
    {"lib", "libs", "library", "api", "sdk", "client", "cli", "core", "util", "utils", "tool", "tools", "kit"}
    | {"helper", "helpers", "wrapper", "lite", "mini", "fast", "plus", "bin", "binary", "upgrade", "install"}
)
"""Words that honest companions of a project bear too."""
RELEASES = frozenset(
    {"dev", "devel", "develop", "new", "latest", "stable", "master", "main", "beta", "alpha", "test", "tests"}
    | {"testing", "official", "original", "real", "fix", "fixed", "fixes", "patch", "pro", "max", "free"}
    | {"update", "updated", "installer", "setup", "pkg", "package", "module"}
)
"""Words that pretend to be another release of the project."""
_FRONTS = LANGUAGE | {
    "pip", "pypi", "lib", "the", "my", "new", "easy", "get", "real", "true", "free", "fast", "install", "official",
}  # fmt: skip
_ENDS = LANGUAGE | VERSIONS | PARTS | RELEASES
_LANGUAGE_ENDS = tuple(sorted(LANGUAGE))
_LONGEST_AFFIX = max(map(len, _FRONTS | _ENDS))


class Target(NamedTuple):
    """A spelling that people mean."""

    spelling: str
    """The normalised name."""
    letters: str
    """The name without separators."""
    project: str
    """What to install: the same name, or the project that is meant by it."""
    rank: int
    """Its place among the popular projects, from 1."""
    mask: int
    """Which letters it has; names within two edits differ in four of them at most."""
    module: bool = False
    """Whether it is a module of the standard library."""


class Match(NamedTuple):
    """A target and in which way the name looks like it."""

    kind: Kind
    target: Target
    edit: Edit | None = None
    affix: str = ""
    """The word that is more (`+dev`) or less (`-python`)."""


_Table = dict[str, list[Target]]


class Search:
    """Tables of the targets, made once; asked for many names."""

    def __init__(self, targets: Iterable[Target]) -> None:
        """Take the targets, the most popular first."""
        self._joined: dict[str, Target] = {}
        self._shapes: dict[str, Target] = {}
        self._sorted: dict[tuple[str, ...], Target] = {}
        self._bare: dict[str, tuple[Target, str]] = {}
        self._shortened: dict[str, list[Target]] = {}
        self._parts: dict[int, tuple[_Table, _Table, _Table]] = {}
        for target in targets:
            self._add(target)

    def _add(self, target: Target) -> None:
        letters, size = target.letters, len(target.letters)
        self._joined.setdefault(letters, target)
        self._shapes.setdefault(skeleton(letters), target)
        if target.project != target.spelling and size < _ALIAS:
            return
        if "-" in target.spelling:
            self._sorted.setdefault(tuple(sorted(target.spelling.split("-"))), target)
        for bare, affix in _without_language(letters):
            self._bare.setdefault(bare, (target, affix))
        if size <= _SHORT:
            for shorter in {letters, *_left_out(letters)}:
                self._shortened.setdefault(shorter, []).append(target)
        if _two_edits_count(target):
            third = size // 3
            firsts, middles, lasts = self._parts.setdefault(size, ({}, {}, {}))
            firsts.setdefault(letters[:third], []).append(target)
            middles.setdefault(letters[third:-third], []).append(target)
            lasts.setdefault(letters[-third:], []).append(target)

    def matches(self, name: str) -> Iterator[Match]:
        """Yield the targets that a normalised name may be taken for; the same spelling is none."""
        letters = squashed(name)
        found = self._joined.get(letters)
        if found is not None and found.project != found.spelling:
            yield Match(Kind.IMPORT_NAME, found)
            return
        if found is not None and found.spelling != name:
            yield Match(Kind.SEPARATOR, found)
        found = self._shapes.get(skeleton(letters))
        if found is not None and found.letters != letters:
            yield Match(Kind.HOMOGLYPH, found)
        yield from self._edits(letters)
        yield from self._affixes(letters)
        if "-" in name:
            yield from self._words(name)

    def _edits(self, letters: str) -> Iterator[Match]:
        size = len(letters)
        near: list[Target] = []
        if size <= _SHORT + 1:
            shortened = self._shortened
            for shorter in (letters, *_left_out(letters)):
                if shorter in shortened:
                    near += shortened[shorter]
        if size >= _TWO_EDITS_SHORT - 2:
            near += self._with_a_part(letters)
        if not near:
            return
        mask = _mask(letters)
        tried = set[str]()
        for target in [some for some in near if (some.mask ^ mask).bit_count() <= 4]:
            meant = target.letters
            if meant in tried:
                continue
            tried.add(meant)
            edit = one_edit(letters, meant)
            if edit is not None:
                yield Match(edit.kind, target, edit)
            elif _two_edits(letters, target):
                yield Match(Kind.EDITS, target)

    def _with_a_part(self, letters: str) -> list[Target]:
        """Return the long targets that have one of their three parts in common with a name, where it belongs."""
        size, near = len(letters), list[Target]()
        for length in range(size - 2 if size > _TWO_EDITS_SHORT + 2 else _TWO_EDITS_SHORT, size + 3):
            if length not in self._parts:
                continue
            firsts, middles, lasts = self._parts[length]
            third = length // 3
            end = length - third
            if (part := letters[:third]) in firsts:
                near += firsts[part]
            if (part := letters[-third:]) in lasts:
                near += lasts[part]
            for move in (-1, 0, 1):
                if (part := letters[third + move : end + move]) in middles:
                    near += middles[part]
        return near

    def _affixes(self, letters: str) -> Iterator[Match]:
        joined = self._joined
        for count in range(1, min(_LONGEST_AFFIX, len(letters) - _SHORTEST_AFFIXED) + 1):
            if letters[:count] in _FRONTS and (found := joined.get(letters[count:])):
                yield Match(Kind.AFFIX, found, affix="+" + letters[:count])
            if letters[-count:] in _ENDS and (found := joined.get(letters[:-count])):
                yield Match(Kind.AFFIX, found, affix="+" + letters[-count:])
        for bare in (letters, *(bare for bare, _ in _without_language(letters))):
            if bare in self._bare:
                target, affix = self._bare[bare]
                if target.letters != letters:
                    yield Match(Kind.AFFIX, target, affix="-" + affix)

    def _words(self, name: str) -> Iterator[Match]:
        words = name.split("-")
        found = self._sorted.get(tuple(sorted(words)))
        if found is not None and found.spelling != name:
            yield Match(Kind.ORDER, found)
        if len(words) == 2:
            pair = [found for word in words if (found := self._joined.get(word)) and found.rank <= _COMBINED_RANK]
            if len(pair) == 2 and min(map(len, words)) > _SHORTEST_AFFIXED:
                yield Match(Kind.COMBINATION, pair[0], affix="+" + words[1])


_BITS = {letter: 1 << place for place, letter in enumerate(string.ascii_lowercase + string.digits)}


def _mask(letters: str) -> int:
    mask = 0
    for letter in letters:
        mask |= _BITS.get(letter, 0)
    return mask


def _left_out(letters: str) -> list[str]:
    return [letters[:at] + letters[at + 1 :] for at in range(len(letters))]


def _without_language(letters: str) -> list[tuple[str, str]]:
    """Return a spelling without the word for Python at its beginning or end, with that word."""
    longest = len(letters) - _SHORTEST_AFFIXED
    found = []
    if letters.startswith("py"):
        found = [(letters[len(w) :], w) for w in LANGUAGE if len(w) <= longest and letters.startswith(w)]
    if letters.endswith(_LANGUAGE_ENDS):
        found += [(letters[: -len(w)], w) for w in LANGUAGE if len(w) <= longest and letters.endswith(w)]
    return found


def _two_edits_count(target: Target) -> bool:
    size = len(target.letters)
    return size > _SHORT or target.rank <= _TWO_EDITS.get(size, 0)


def _two_edits(letters: str, target: Target) -> bool:
    wanted = target.rank <= _TWO_EDITS_RANK and letters != target.letters and _two_edits_count(target)
    return wanted and within_two(letters, target.letters)


def target(spelling: str, rank: int, project: str = "", *, module: bool = False) -> Target:
    """Make a target of a normalised name; `project` where another name is to be installed."""
    letters = squashed(spelling)
    return Target(spelling, letters, project or spelling, rank, _mask(letters), module)
