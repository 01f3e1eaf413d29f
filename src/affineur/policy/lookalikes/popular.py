"""The list of popular projects: shipped with the program, or refreshed into the data folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from affineur.errors import InvalidDocument, InvalidName
from affineur.model.names import project_name

SHIPPED = Path(__file__).parent / "data" / "popular.txt"
_FEWEST = 100
"""A list of fewer names is taken for a mistake: it would leave nearly everything unprotected."""
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Popular:
    """Names of projects, the most downloaded first, with where and when they were counted."""

    names: tuple[str, ...]
    """Normalised names (PEP 503) in the order of their downloads."""
    ranks: dict[str, int]
    """The place of each name, from 1."""
    source: str
    date: str
    """The day of the counts as YYYY-MM-DD; empty where the list does not tell."""

    def __contains__(self, name: str) -> bool:
        return name in self.ranks

    def rank(self, name: str) -> int | None:
        """Return the place of a normalised name, from 1, or None for a name that is not listed."""
        return self.ranks.get(name)


def refreshed(data: Path) -> Path:
    """Return where a refreshed list lies in a data folder."""
    return data / "names" / "popular.txt"


def popular(data: Path | None = None) -> Popular:
    """Return the list in force: the data folder's where there is one, else the shipped one.

    Raises:
        InvalidDocument: the list in the data folder cannot be read.
    """
    path = refreshed(data) if data is not None else SHIPPED
    try:
        state = path.stat()
    except FileNotFoundError:
        path, state = SHIPPED, SHIPPED.stat()
    return _read(path, state.st_mtime_ns, state.st_size)


@cache
def _read(path: Path, changed: int, size: int) -> Popular:
    del changed, size  # part of the key, so that a refreshed list is read again
    head: dict[str, str] = {}
    names: list[str] = []
    try:
        lines = path.read_text(encoding="ascii").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidDocument(str(path), f"cannot be read ({error}); `affineur names update` writes it anew") from error
    for line in lines:
        if line.startswith("# "):
            key, _, value = line[2:].partition(": ")
            head[key] = value
        elif line:
            names.append(line)
    return made(names, head.get("source", ""), head.get("date", ""))


def made(names: Iterable[str], source: str = "", date: str = "") -> Popular:
    """Make a list of normalised names, the most popular first; repeated names keep their first place."""
    ranks: dict[str, int] = {}
    for name in names:
        ranks.setdefault(name, len(ranks) + 1)
    return Popular(tuple(ranks), ranks, source, date)


def parse(text: str, source: str, date: str = "") -> Popular:
    """Read a list as published: a CSV with a column `name` or `project`, or one name a line.

    Raises:
        InvalidDocument: a name is malformed (its line is told), or there are too few or too many.
    """
    lines = text.lstrip("\ufeff").splitlines()
    start, column = _columns(lines)
    names: list[str] = []
    for number, line in enumerate(lines[start:], start + 1):
        cells = line.split(",")
        cell = cells[column].strip().strip('"') if len(cells) > column else ""
        if line.lstrip().startswith("#") or not line.strip():
            continue
        try:
            names.append(project_name(cell))
        except InvalidName as error:
            raise InvalidDocument(source, error.sentence, f"line {number}") from error
    found = made(names, " ".join(source.split()), date)
    if not _FEWEST <= len(found.names) <= _MOST:
        problem = f"{len(found.names)} names, {_FEWEST} to {_MOST} are wanted"
        raise InvalidDocument(source, problem)
    return found


def _columns(lines: list[str]) -> tuple[int, int]:
    """Return the first line of names and the column they stand in."""
    head = [cell.strip().strip('"').lower() for cell in lines[0].split(",")] if lines else []
    for title in ("name", "project"):
        if len(head) > 1 and title in head:
            return 1, head.index(title)
    return 0, 0


def write(found: Popular, path: Path) -> None:
    """Write a list whole or not at all.

    Raises:
        OSError: the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    date = found.date or datetime.now(UTC).strftime("%Y-%m-%d")
    text = f"# source: {found.source}\n# date: {date}\n" + "".join(f"{name}\n" for name in found.names)
    handle, staged = tempfile.mkstemp(dir=path.parent, prefix=".popular-")
    try:
        with os.fdopen(handle, "w", encoding="ascii", errors="replace") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(staged).chmod(0o644)
        Path(staged).replace(path)
    except BaseException:
        Path(staged).unlink(missing_ok=True)
        raise
