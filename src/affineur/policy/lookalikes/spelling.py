"""How two spellings differ: separators, shapes of letters, one edit, two edits."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from affineur.model.names import normalize


class Kind(StrEnum):
    """In which way one name is taken for another."""

    STDLIB = "stdlib"
    """The name of a standard-library module."""
    SEPARATOR = "separator"
    """Only hyphens differ: `py-yaml`."""
    HOMOGLYPH = "homoglyph"
    """Letters and digits that look alike: `f1ask`, `nurnpy`."""
    DOUBLED = "doubled"
    """A letter typed twice, or once instead of twice: `reqquests`, `pilow`."""
    SWAP = "swap"
    """Two neighbouring letters in the wrong order: `reqeusts`."""
    NEIGHBOUR = "neighbour"
    """A key beside the right one: `requesrs`."""
    INSERTION = "insertion"
    OMISSION = "omission"
    SUBSTITUTION = "substitution"
    EDITS = "edits"
    """Two of the edits above in a long name."""
    IMPORT_NAME = "import-name"
    """What the project is imported as, not what it is called: `cv2`, `sklearn`."""
    AFFIX = "affix"
    """A word more or less at one end: `python-requests`, `requests2`, `dateutil`."""
    ORDER = "order"
    """The same words in another order: `learn-scikit`."""
    COMBINATION = "combination"
    """Two very popular names joined: `numpy-pandas`."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit that turns the meant spelling into the one written."""

    kind: Kind
    at: int
    """Where, in the meant spelling."""
    lost: str
    """The letter that is missing or replaced; empty for an insertion."""
    gained: str
    """The letter that came in; empty for an omission."""


_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_KEYS = {key: (row, column + row / 2) for row, keys in enumerate(_ROWS) for column, key in enumerate(keys)}
NEIGHBOURS = {
    key: frozenset(
        other
        for other, (row, column) in _KEYS.items()
        if other != key and abs(row - at[0]) <= 1 and abs(column - at[1]) <= 1
    )
    for key, at in _KEYS.items()
}
"""The keys that touch each key of an English keyboard."""

_SHAPES = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s"})
_LETTERS = {
    "а": "a", "в": "b", "е": "e", "к": "k", "м": "m", "н": "h", "о": "o", "р": "p", "с": "c", "т": "t", "у": "y",
    "х": "x", "і": "i", "ј": "j", "ѕ": "s", "ԁ": "d", "ԛ": "q", "ԝ": "w", "һ": "h", "ӏ": "l", "ո": "n", "ս": "u",
    "α": "a", "ε": "e", "ι": "i", "κ": "k", "ν": "v", "ο": "o", "ρ": "p", "τ": "t", "υ": "u", "χ": "x", "γ": "y",
    "ı": "i", "ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ɑ": "a", "ɡ": "g", "ⅼ": "l",
}  # fmt: skip
"""Letters of other scripts that look like Latin ones (a selection of Unicode's confusables)."""


def squashed(name: str) -> str:
    """Return a normalised name without its separators."""
    return name.replace("-", "")


def skeleton(spelling: str) -> str:
    """Return a squashed name with every shape that is taken for another drawn the same way."""
    return spelling.replace("rn", "m").replace("vv", "w").translate(_SHAPES)


def folded(text: str) -> str:
    """Return a name as a reader takes it: letters of other scripts and with accents become Latin ones."""
    if text.isascii():
        return normalize(text.strip())
    plain = unicodedata.normalize("NFKD", text.strip()).casefold()
    return normalize("".join(_LETTERS.get(c, c) for c in plain if not unicodedata.combining(c)))


def one_edit(written: str, meant: str) -> Edit | None:
    """Return the edit that turns `meant` into `written`, or None where it takes none or more than one."""
    difference = len(written) - len(meant)
    if not -1 <= difference <= 1 or written == meant:
        return None
    at = _shared(written, meant)
    if difference == 1:
        return _inserted(written, meant, at) if written[at + 1 :] == meant[at:] else None
    if difference == -1:
        return _omitted(written, meant, at) if meant[at + 1 :] == written[at:] else None
    if written[at + 1 :] == meant[at + 1 :]:
        near = written[at] in NEIGHBOURS.get(meant[at], ())
        return Edit(Kind.NEIGHBOUR if near else Kind.SUBSTITUTION, at, meant[at], written[at])
    if written[at + 2 :] == meant[at + 2 :] and written[at] == meant[at + 1] and written[at + 1] == meant[at]:
        return Edit(Kind.SWAP, at, meant[at], written[at])
    return None


def _shared(one: str, other: str) -> int:
    """Return the length of the common beginning."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _inserted(written: str, meant: str, at: int) -> Edit:
    letter = written[at]
    twice = at > 0 and written[at - 1] == letter
    return Edit(Kind.DOUBLED if twice else Kind.INSERTION, at, "", letter)


def _omitted(written: str, meant: str, at: int) -> Edit:
    letter = meant[at]
    twice = at > 0 and meant[at - 1] == letter
    return Edit(Kind.DOUBLED if twice else Kind.OMISSION, at, letter, "")


def within_two(written: str, meant: str) -> bool:
    """Whether at most two edits (insertion, omission, substitution, swap of neighbours) lie between."""
    at = _shared(written, meant)
    rest, wanted = written[at:], meant[at:]
    if not -2 <= len(rest) - len(wanted) <= 2:
        return False
    if _within_one(rest[1:], wanted[1:]) or _within_one(rest[1:], wanted) or _within_one(rest, wanted[1:]):
        return True
    return rest[:2] == wanted[1::-1] and _within_one(rest[2:], wanted[2:])


def _within_one(written: str, meant: str) -> bool:
    return written == meant or one_edit(written, meant) is not None
