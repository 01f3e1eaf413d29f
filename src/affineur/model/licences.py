"""What a release states about its licence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stated:
    """The fields of core metadata that are about the licence, as written and cut to a bound."""

    expression: str = ""
    """License-Expression (PEP 639)."""
    text: str = ""
    """License: free text, often the name of a licence, sometimes all of it."""
    classifiers: tuple[str, ...] = ()
    """The classifiers that begin with "License ::"."""
