"""What an expression is worth: a constant where it can be worked out, a name, and where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final


class Origin(Enum):
    """Where a value came from; it clings to whatever is made of the value."""

    DECODED = auto()
    """Out of base64, compression, encryption, a cipher over characters."""
    NETWORK = auto()
    FILE = auto()
    """Out of a file that is not known otherwise."""
    MACHINE = auto()
    """What tells this machine or user from others."""
    ENVIRONMENT = auto()
    """The environment as a whole."""
    SECRET = auto()
    """A credential, or the file that holds one."""
    BYTECODE = auto()


class _Unknown:
    """Stands where no constant is known."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
NOTHING: Final[frozenset[Origin]] = frozenset()


@dataclass(frozen=True, slots=True)
class Value:
    """The worth of an expression."""

    const: Any = UNKNOWN
    """The constant it always is, or `UNKNOWN`; lists are tuples."""
    name: str = ""
    """What it refers to, with dots: a module, a function, `module.Class()` for an instance."""
    origins: frozenset[Origin] = NOTHING

    @property
    def known(self) -> bool:
        """Whether it is a constant."""
        return self.const is not UNKNOWN

    @property
    def text(self) -> str | None:
        """The constant as text, where it is text or bytes that read as text."""
        if isinstance(self.const, str):
            return self.const
        if isinstance(self.const, bytes):
            return self.const.decode("utf-8", "replace")
        return None

    def marked(self, *origins: Origin) -> Value:
        """Return the value with more origins."""
        return Value(self.const, self.name, self.origins | set(origins))

    def joined(self, other: Value) -> Value:
        """Return what is known when it may be either."""
        same = type(self.const) is type(other.const) and self.const == other.const
        return Value(self.const if same else UNKNOWN, self.name or other.name, self.origins | other.origins)


def from_all(values: Iterable[Value]) -> frozenset[Origin]:
    """Return the origins of several values together."""
    found: frozenset[Origin] = NOTHING
    for value in values:
        found |= value.origins
    return found


class Exhausted(Exception):
    """The code is larger than what is read of one module; the message says by what measure."""


class Budget:
    """How many steps may still be taken."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Take steps.

        Raises:
            Exhausted: none are left.
        """
        self.left -= steps
        if self.left < 0:
            raise Exhausted("it has more code than is read")
