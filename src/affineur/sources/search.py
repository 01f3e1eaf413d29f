"""Finding projects by name; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from affineur.model.names import normalize


def search_names(names: Iterable[str], words: Sequence[str]) -> list[str]:
    """Return the normalised names in which any of the words stands, compared after normalisation.

    The nearest come first: the name itself, then names that begin with a word, then the shorter.
    """
    wanted = [word for word in (normalize(word.strip()).strip("-") for word in words) if word]
    found = [name for name in names if any(word in name for word in wanted)]

    def nearness(name: str) -> tuple[bool, bool, int, str]:
        return name not in wanted, not name.startswith(tuple(wanted)), len(name), name

    return sorted(found, key=nearness)
