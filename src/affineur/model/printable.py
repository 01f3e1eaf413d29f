"""Text as it may stand on a terminal, in a header or in a mail: that of packages and people, and numbers of things."""

from __future__ import annotations

from collections.abc import Iterable


def printable(text: str) -> str:
    """Return the text with a space for each control character, line end and invisible mark."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def printable_lines(lines: Iterable[str]) -> str:
    """Return lines as text for a terminal; what would end one within is a space."""
    return "\n".join(map(printable, lines))


def in_one_line(text: str) -> str:
    """Return the text in one printable line, with single spaces."""
    return " ".join(printable(text).split())


def counted(number: int, word: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {word if number == 1 else many or word + 's'}"
