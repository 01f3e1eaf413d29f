"""The settings of a rule, read from a table of the configuration with every problem named."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Union

from affineur.errors import Invalid
from affineur.model.decisions import Effect
from affineur.model.waivers import Scope, scope_of


class Force(StrEnum):
    """What a rule does about what it finds."""

    OFF = "off"
    WARN = "warn"
    HOLD = "hold"
    DENY = "deny"

    @property
    def effect(self) -> Effect:
        """The effect of its verdicts."""
        return Effect.ALLOW if self is Force.OFF else Effect[self.name]


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time; its parts are added."""

    days: float = 0.0
    hours: float = 0.0

    @property
    def delta(self) -> timedelta:
        """The period as a difference of times."""
        return timedelta(days=self.days, hours=self.hours)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a list: which files, why, and until when."""

    match: Scope
    reason: str = ""
    until: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Whether the entry counts at the moment."""
        return self.until is None or now < self.until


class Settings:
    """The settings of one rule: a frozen dataclass whose fields are the keys of its table.

    `short` names the field that a value which is no table stands for (`lookalikes = "deny"`).
    """

    short: typing.ClassVar[str] = "force"


def suggestion(word: str, known: typing.Iterable[str]) -> str:
    """Return " (did you mean ...?)" where a known word is close, else nothing."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {str(close[0])!r}?)" if close else ""


_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))


def in_words(period: timedelta, *, exactly: bool = False) -> str:
    """Return a length of time as people say it, rounded down: "3 days", "12 hours", "40 minutes".

    With `exactly` in the largest unit that leaves nothing over: "36 hours".
    """
    seconds = int(period.total_seconds())
    for unit, length in _UNITS:
        if seconds >= length and not (exactly and seconds % length):
            return f"{seconds // length} {unit}{'' if seconds // length == 1 else 's'}"
    return "less than a minute"


_LARGEST = 1_000_000
"""Of any number: more days than this, and a date lies beyond those that can be written."""


class _Wrong(Exception):
    """A value is not what its field wants."""


def _number(raw: Any) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _Wrong("a number is wanted")
    if raw < 0:
        raise _Wrong("it must not be negative")
    if not raw <= _LARGEST:
        raise _Wrong(f"at most {_LARGEST} is wanted")
    return float(raw)


def _whole(raw: Any) -> int:
    if _number(raw) != int(raw):
        raise _Wrong("a whole number is wanted")
    return int(raw)


def _flag(raw: Any) -> bool:
    if not isinstance(raw, bool):
        raise _Wrong("true or false is wanted")
    return raw


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise _Wrong("a text is wanted")
    return raw


def _moment(raw: Any) -> datetime:
    if isinstance(raw, str):
        try:
            raw = datetime.fromisoformat(raw)
        except ValueError:
            raise _Wrong("a date is wanted, such as 2026-12-31") from None
    if isinstance(raw, date) and not isinstance(raw, datetime):
        raw = datetime(raw.year, raw.month, raw.day, tzinfo=UTC)
    if not isinstance(raw, datetime):
        raise _Wrong("a date is wanted, such as 2026-12-31")
    return raw if raw.tzinfo else raw.replace(tzinfo=UTC)


def _scope(raw: Any) -> Scope:
    try:
        return scope_of(_text(raw))
    except Invalid as error:
        raise _Wrong(error.sentence) from error


_READERS: Mapping[type, Callable[[Any], Any]] = {
    float: _number, int: _whole, bool: _flag, str: _text, datetime: _moment, Scope: _scope,
}  # fmt: skip


def _hints(kind: type) -> dict[str, Any]:
    return {
        name: hint
        for name, hint in typing.get_type_hints(kind).items()
        if typing.get_origin(hint) is not typing.ClassVar
    }


def _value(where: str, raw: Any, kind: Any, problems: list[str]) -> Any:
    """Read one value of an annotated type; what is wrong goes to `problems`."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        if raw is False and type(None) in arguments:
            return None
        return _value(where, raw, next(one for one in arguments if one is not type(None)), problems)
    if origin is tuple:
        if not isinstance(raw, list):
            raise _Wrong("a list is wanted")
        return tuple(read(f"{where}[{at}]", item, arguments[0], problems) for at, item in enumerate(raw))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        raw = "off" if raw is False else raw
        if raw not in list(kind):
            raise _Wrong(f"one of {', '.join(kind)} is wanted" + suggestion(str(raw), kind))
        return kind(raw)
    if dataclasses.is_dataclass(kind) and kind not in _READERS:
        return _table(where, raw, typing.cast("type[Any]", kind), problems)
    if isinstance(kind, type) and issubclass(kind, str) and kind is not str:
        return _made(kind, _text(raw))
    return _READERS[kind](raw)


def _made(kind: type[str], text: str) -> str:
    """Make a text of a kind that checks itself."""
    try:
        return kind(text)
    except Invalid as error:
        raise _Wrong(error.sentence) from error


def _table(where: str, raw: Any, kind: type[Any], problems: list[str]) -> Any:
    hints = _hints(kind)
    if not isinstance(raw, dict):
        short = "match" if kind is Entry else getattr(kind, "short", "")
        if not short:
            raise _Wrong(f"a table with {', '.join(hints)} is wanted")
        raw = {short: raw}
    given: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in hints:
            problems.append(f"{where}.{key}: no such key{suggestion(key, hints)}; there are {', '.join(hints)}")
            continue
        given[key] = read(f"{where}.{key}", value, hints[key], problems)
    lacking = [
        field.name
        for field in dataclasses.fields(kind)
        if field.name not in raw
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if lacking:
        raise _Wrong(f"{', '.join(lacking)} is missing")
    if any(value is _NOTHING for value in given.values()):
        return _NOTHING
    return kind(**given)


_NOTHING: Any = object()
"""What stands for a value that could not be read; its problem was noted."""


def read(where: str, raw: Any, kind: Any, problems: list[str]) -> Any:
    """Read a value of the annotated type `kind`; what is wrong is noted in `problems`, and `_NOTHING` returned."""
    try:
        return _value(where, raw, kind, problems)
    except _Wrong as error:
        problems.append(f"{where}: {error}")
        return _NOTHING


def read_settings(where: str, raw: Any, kind: type[Any], problems: list[str]) -> Any | None:
    """Read a rule's settings of class `kind` from a value of the configuration.

    Returns None where something is wrong; every problem is appended to `problems` with its place.
    """
    made = kind() if raw is True else read(where, raw, kind, problems)
    return None if made is _NOTHING else made
