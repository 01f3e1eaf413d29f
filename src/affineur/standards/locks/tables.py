"""Tables of a TOML or JSON document, taken apart with their place, so that a mistake names where it is."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from affineur.errors import InvalidDocument


class Table:
    """A table; each question about a key checks the type of its value."""

    __slots__ = ("document", "values", "where")

    def __init__(self, values: Mapping[str, Any], document: str, where: str = "") -> None:
        self.values, self.document, self.where = values, document, where

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def wrong(self, key: str, problem: str) -> InvalidDocument:
        """Return the error about a key."""
        return InvalidDocument(self.document, problem, self.place(key))

    def place(self, key: str) -> str:
        """Return the path of a key."""
        return f"{self.where}.{key}" if self.where else key

    def text(self, key: str) -> str:
        """Return a string; "" where it is missing."""
        value = self.values.get(key, "")
        if not isinstance(value, str):
            raise self.wrong(key, "a string is wanted")
        return value

    def needed(self, key: str) -> str:
        """Return a string that must be there."""
        if not (value := self.text(key)):
            raise self.wrong(key, "it is missing")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; empty where it is missing."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "a list of strings is wanted")
        return tuple(value)

    def number(self, key: str) -> int | None:
        """Return a whole number; None where it is missing."""
        value = self.values.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise self.wrong(key, "a whole number is wanted")
        return value

    def flag(self, key: str) -> bool:
        """Return true or false; false where it is missing."""
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false is wanted")
        return value

    def table(self, key: str) -> Table:
        """Return a table; an empty one where it is missing."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "a table is wanted")
        return Table(value, self.document, self.place(key))

    def tables(self, key: str) -> list[Table]:
        """Return a list of tables; empty where it is missing."""
        value = self.values.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, "a list of tables is wanted")
        made = []
        for number, item in enumerate(value):
            if not isinstance(item, dict):
                raise self.wrong(f"{key}[{number}]", "a table is wanted")
            made.append(Table(item, self.document, f"{self.place(key)}[{number}]"))
        return made

    def named_tables(self) -> Iterator[tuple[str, Table]]:
        """Yield every key, whose values must be tables."""
        for key in self.values:
            yield key, self.table(key)


def read_toml(text: str, document: str) -> Table:
    """Read a TOML document.

    Raises:
        InvalidDocument: it is none.
    """
    try:
        return Table(tomllib.loads(text), document)
    except tomllib.TOMLDecodeError as error:
        raise InvalidDocument(document, str(error)) from None
    except RecursionError:
        raise InvalidDocument(document, "it is nested too deeply") from None


def read_json(text: str, document: str) -> Table:
    """Read a JSON object.

    Raises:
        InvalidDocument: it is none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidDocument(document, str(error)[:200] or "it is nested too deeply") from None
    if not isinstance(value, dict):
        raise InvalidDocument(document, "an object is wanted")
    return Table(value, document)
