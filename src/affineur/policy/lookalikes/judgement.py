"""The judgement: how likely a name that looks like another was made to be taken for it.

Edits are weighed by a logistic model. Its weights were fitted by `benchmarks/name_guard.py fit` on edits
generated from popular names and on popular names that happen to lie near others; it and the limits
below are explained, with what they reach, in docs/name-guard.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from math import log
from types import MappingProxyType

from affineur.policy.lookalikes.aliases import IMITATED
from affineur.policy.lookalikes.search import LANGUAGE, PARTS, RELEASES, VERSIONS, Match
from affineur.policy.lookalikes.spelling import Edit, Kind
from affineur.policy.lookalikes.usage import Usage


class Level(IntEnum):
    """What to do about a name, in order of strictness."""

    NONE = 0
    WARN = 1
    DENY = 2


WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "constant": -1.75,
        "rank": -0.52,
        "rank beyond 1000": -0.57,
        "rank of a short name": -0.04,
        "often imitated": 1.08,
        "length": 0.29,
        "short": -0.24,
        "letters: 4": -0.02,
        "letters: 5": 0.16,
        "letters: 6": 0.52,
        "letters: 7": -0.91,
        "letters: 8": -1.00,
        "letters: other": -0.50,
        "within a family": 1.81,
        "strange letters": 0.27,
        "usual letters": -0.71,
        "usual letters of the target": -1.02,
        "a known word": -2.51,
        "first letter": -1.15,
        "last letter": -0.64,
        "same hyphens": 0.68,
        "other hyphens": -2.03,
        "edit: swap": 1.97,
        "edit: doubled": 2.33,
        "edit: neighbour": 1.35,
        "edit: omission": 1.46,
        "edit: insertion": -0.28,
        "edit: substitution": -0.71,
        "edit: alike": -0.78,
        "edit: plural": -0.47,
        "edit: digit": -2.54,
        "edit: last digit": -4.09,
    }
)
WEIGHTS_OF_TWO: Mapping[str, float] = MappingProxyType(
    {
        "constant": -4.45,
        "rank": -0.57,
        "rank beyond 1000": -0.83,
        "often imitated": 1.83,
        "length": 0.28,
        "short": -0.51,
        "within a family": 1.18,
        "strange letters": 0.37,
        "usual letters": -0.52,
        "usual letters of the target": -2.04,
        "known words": -2.23,
        "first letter": -0.88,
        "last letter": -0.65,
        "last digit": -1.19,
        "same hyphens": 1.43,
        "other hyphens": -2.22,
        "a word more": -1.33,
        "more after it": -2.58,
        "more before it": -1.73,
        "only a part of it": -1.20,
        "letters more: -2": 0.56,
        "letters more: -1": -0.47,
        "letters more: 0": -1.63,
        "letters more: 1": -1.14,
        "letters more: 2": -1.77,
    }
)
WARN_FROM = -0.4
"""From this score on a name is warned of, and from `DENY_FROM` on denied."""
DENY_FROM = 0.5
WARN_TWO_FROM = 1.4
DENY_TWO_FROM = 2.5
"""The same for two edits."""

_SHORT_LENGTHS = range(4, 9)
"""Lengths of targets that have a weight of their own."""
_KNOWN = 3
"""A word is known when so many popular names contain it."""
_TINY = 3
"""Names of so few letters lie near each other by necessity."""
_ALIKE = frozenset(map(frozenset, ("0o", "1l", "1i", "il", "5s", "uv", "vw", "mn", "ij", "gq", "ck", "sz", "iy", "ao")))
"""Pairs of letters that differ in many honest names: other sounds, other shapes."""


_AFFIXED = {LANGUAGE: 500, VERSIONS: 500, PARTS: 500, RELEASES: 3000}
"""The last rank of targets that an affix is looked for at; honest companions of small projects are many."""


def features(name: str, match: Match, usage: Usage) -> dict[str, float]:
    """Return what is weighed about a name one edit away from a target."""
    target, edit = match.target, match.edit
    assert edit is not None
    words, meant = name.split("-"), target.spelling.split("-")
    length, family = _length_that_counts(words, meant, len(target.letters), usage)
    rank = log(target.rank)
    own, wanted = usage.likelihood(name), usage.likelihood(target.spelling)
    same = len(words) == len(meant)
    other = [word for word in words if word not in meant]
    known = same and len(other) == 1 and usage.words[other[0]] >= _KNOWN
    return {
        "constant": 1.0,
        "rank": rank,
        "rank beyond 1000": max(0.0, rank - log(1000)),
        "often imitated": float(target.project in IMITATED or target.spelling in IMITATED),
        "length": float(min(length, 14)),
        "short": float(max(0, 8 - length)),
        "rank of a short name": rank * max(0, 7 - length),
        "within a family": float(family),
        f"letters: {size}" if (size := len(target.letters)) in _SHORT_LENGTHS else "letters: other": 1.0,
        "strange letters": max(-6.0, min(12.0, wanted - own)),
        "usual letters": own / (len(name) + 1),
        "usual letters of the target": wanted / (len(target.spelling) + 1),
        "first letter": float(edit.at == 0 and edit.kind is not Kind.SWAP),
        "last letter": float(edit.at >= len(target.letters) - 1),
        "same hyphens": float(same and len(meant) > 1),
        "other hyphens": float(not same),
        "a known word": float(known),
        f"edit: {edit_class(edit, len(target.letters))}": 1.0,
    }


def features_of_two(name: str, match: Match, usage: Usage) -> dict[str, float]:
    """Return what is weighed about a name two edits away from a target."""
    target, letters, meant = match.target, name.replace("-", ""), match.target.letters
    words, wanted_words = name.split("-"), target.spelling.split("-")
    length, family = _length_that_counts(words, wanted_words, len(meant), usage)
    rank = log(target.rank)
    own, wanted = usage.likelihood(name), usage.likelihood(target.spelling)
    same = len(words) == len(wanted_words)
    return {
        "constant": 1.0,
        "rank": rank,
        "rank beyond 1000": max(0.0, rank - log(1000)),
        "often imitated": float(target.spelling in IMITATED),
        "length": float(min(length, 16)),
        "short": float(max(0, 9 - length)),
        "within a family": float(family),
        "strange letters": max(-10.0, min(25.0, wanted - own)),
        "usual letters": own / (len(name) + 1),
        "usual letters of the target": wanted / (len(target.spelling) + 1),
        "first letter": float(letters[0] != meant[0]),
        "last letter": float(letters[-1] != meant[-1]),
        "last digit": float(letters[-1].isdigit() != meant[-1].isdigit()),
        "same hyphens": float(same and len(wanted_words) > 1),
        "other hyphens": float(not same),
        "known words": float(same and all(usage.words[word] for word in words)),
        "a word more": float(set(words) > set(wanted_words)),
        "more after it": float(letters.startswith(meant)),
        "more before it": float(letters.endswith(meant)),
        "only a part of it": float(meant.startswith(letters) or meant.endswith(letters)),
        f"letters more: {len(letters) - len(meant)}": 1.0,
    }


def _length_that_counts(words: list[str], meant: list[str], whole: int, usage: Usage) -> tuple[int, bool]:
    """Return the length of the part in which the names differ, where they share the first words of a family."""
    shared = 0
    while shared < min(len(words), len(meant)) - 1 and words[shared] == meant[shared]:
        shared += 1
    if shared and tuple(meant[:shared]) in usage.families:
        return sum(map(len, meant[shared:])), True
    return whole, False


def edit_class(edit: Edit, length: int) -> str:
    """Return the class of edits that share a weight."""
    letters = edit.lost + edit.gained
    last = edit.at >= length - 1
    if letters.isdigit():
        return "last digit" if last else "digit"
    if last and letters == "s" and edit.kind is not Kind.SWAP:
        return "plural"
    if edit.kind is Kind.SUBSTITUTION and frozenset(letters) in _ALIKE:
        return "alike"
    return edit.kind.value


def score(name: str, match: Match, usage: Usage) -> float:
    """Return the logarithm of the odds, up to a constant, that an edit was made to mislead."""
    return _weighed(features(name, match, usage), WEIGHTS)


def _weighed(found: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return sum(weights[feature] * value for feature, value in found.items())


def level(name: str, match: Match, usage: Usage) -> Level:
    """Judge a match by the name alone."""
    if match.edit is not None:
        if len(match.target.letters) <= _TINY and match.target.rank > 100:
            return Level.NONE
        return _by(score(name, match, usage), DENY_FROM, WARN_FROM)
    rank, size = match.target.rank, len(match.target.letters)
    match match.kind:
        case Kind.SEPARATOR:
            return Level.DENY
        case Kind.HOMOGLYPH:
            return Level.DENY if size > 4 or rank <= 1000 else Level.WARN
        case Kind.ORDER:
            return Level.DENY if rank <= 1000 else Level.WARN
        case Kind.EDITS:
            return _by(_weighed(features_of_two(name, match, usage), WEIGHTS_OF_TWO), DENY_TWO_FROM, WARN_TWO_FROM)
        case Kind.IMPORT_NAME:
            return Level.WARN
        case Kind.AFFIX:
            return _affix(match)
        case Kind.COMBINATION:
            # Plug-ins are named like this: pytest-django, celery-redis.
            return Level.NONE if (match.target.spelling,) in usage.families else Level.WARN
    return Level.NONE


def _by(value: float, deny: float, warn: float) -> Level:
    return Level.DENY if value >= deny else Level.WARN if value >= warn else Level.NONE


def _affix(match: Match) -> Level:
    word, target = match.affix[1:], match.target
    bare = len(target.letters) - (len(word) if match.affix[0] == "-" else 0)
    kind = next((known for known in _AFFIXED if word in known), RELEASES)
    return Level.WARN if bare > _TINY and target.rank <= _AFFIXED[kind] else Level.NONE
