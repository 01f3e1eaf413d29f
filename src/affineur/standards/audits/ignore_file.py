"""The ignore file of an audit (TOML): what is excepted, why, and until when.

[[ignore]]
id = "CVE-2021-33203"     # an id or alias of an advisory, or the kind of a finding (`yanked`)
project = "django"        # optional: of this project alone
reason = "admindocs is not installed here"
end = 2026-12-31          # optional: the day from which on it counts again
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from affineur.errors import InvalidDocument, InvalidName
from affineur.model.names import ProjectName, project_name

_KEYS = {"id", "project", "reason", "end"}


@dataclass(frozen=True, slots=True)
class Exemption:
    """One entry of the file."""

    id: str
    reason: str
    project: ProjectName | None = None
    """None: whatever project."""
    end: date | None = None

    def stands(self, today: date) -> bool:
        """Whether it has not ended."""
        return self.end is None or today < self.end

    def covers(self, ids: Sequence[str], name: str) -> bool:
        """Whether it is about something with these ids in a project."""
        return self.id.lower() in {one.lower() for one in ids} and self.project in {None, name}

    def __str__(self) -> str:
        return f"{self.id} in {self.project}" if self.project else self.id


def read_ignore_file(text: str, name: str = "the ignore file") -> tuple[Exemption, ...]:
    """Read an ignore file.

    Raises:
        InvalidDocument: it is no TOML, or an entry lacks its id or reason or has a key that means nothing.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidDocument(name, str(error)) from None
    rows = document.pop("ignore", [])
    if document or not isinstance(rows, list):
        raise InvalidDocument(name, "tables [[ignore]] are wanted, and nothing else", next(iter(document), "ignore"))
    return tuple(_entry(row, f"ignore[{number}]", name) for number, row in enumerate(rows))


def _entry(row: Any, where: str, name: str) -> Exemption:
    if not isinstance(row, dict):
        raise InvalidDocument(name, "a table is wanted", where)
    if strange := sorted(row.keys() - _KEYS):
        raise InvalidDocument(
            name, f"there is no such key; there are {', '.join(sorted(_KEYS))}", f"{where}.{strange[0]}"
        )
    for key in ("id", "reason"):
        if not isinstance(row.get(key), str) or not row[key].strip():
            raise InvalidDocument(name, "a text is wanted: say what is excepted, and why", f"{where}.{key}")
    end = row.get("end")
    if isinstance(end, datetime):
        end = end.date()
    if end is not None and not isinstance(end, date):
        raise InvalidDocument(name, "a date is wanted, such as 2026-12-31, without quotes", f"{where}.end")
    try:
        project = project_name(str(row["project"])) if "project" in row else None
    except InvalidName as error:
        raise InvalidDocument(name, error.sentence, f"{where}.project") from None
    return Exemption(row["id"].strip(), row["reason"].strip(), project, end)
