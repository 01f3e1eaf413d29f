"""Long lists in portions, since a statement takes only so many parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def portions(values: Sequence[T], most: int = 500) -> Iterator[Sequence[T]]:
    """Yield the values in order, at most so many at a time."""
    return (values[start : start + most] for start in range(0, len(values), most))
