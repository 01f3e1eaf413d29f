"""What names of projects usually look like, learnt from the popular ones.

A slip of the fingers makes letter sequences that hardly any name has (`reqeusts`); a name that
somebody chose consists of usual ones (`unicorn`), however near it is to a popular name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from math import log

_LETTERS = 38
"""Letters, digits, the hyphen and the end of a name."""
_UNSEEN = 0.2
"""What a sequence that never occurred counts (additive smoothing)."""
_EDGE = "\n\n"
_FAMILY = 4
"""So many names with the same first words make a family (`types-...`, `google-cloud-...`)."""


class Usage:
    """Counts over a list of normalised names."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)

    @cached_property
    def _sequences(self) -> tuple[Counter[str], Counter[str]]:
        text = _EDGE + _EDGE.join(self._names) + _EDGE
        triples = Counter([text[i : i + 3] for i in range(len(text) - 2)])
        pairs: Counter[str] = Counter()
        for triple, times in triples.items():
            pairs[triple[:2]] += times
        return triples, pairs

    @cached_property
    def words(self) -> Counter[str]:
        """How many names contain each word."""
        return Counter(word for name in self._names for word in set(name.split("-")))

    @cached_property
    def families(self) -> frozenset[tuple[str, ...]]:
        """The first words that many names share."""
        counts: Counter[tuple[str, ...]] = Counter()
        for name in self._names:
            words = tuple(name.split("-"))
            counts.update(words[:count] for count in range(1, len(words)))
        return frozenset(first for first, count in counts.items() if count >= _FAMILY)

    def prepare(self) -> None:
        """Count everything now."""
        _ = self._sequences, self.words, self.families

    def likelihood(self, name: str) -> float:
        """Return the logarithm of the probability of a name, letter after letter."""
        triples, pairs = self._sequences
        text = f"{_EDGE}{name}\n"
        return sum(
            log((triples[text[i : i + 3]] + _UNSEEN) / (pairs[text[i : i + 2]] + _UNSEEN * _LETTERS))
            for i in range(len(text) - 2)
        )
