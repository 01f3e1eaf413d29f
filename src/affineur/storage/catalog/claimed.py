"""The names that uploads claimed, asked of the database directly.

For commands that must start at once: SQLAlchemy alone takes as long to load as they may take in all.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote, unquote

from affineur.errors import StorageUnavailable

_QUESTION = "SELECT DISTINCT project FROM hosted_projects ORDER BY project"
_PATIENCE = 5
_SQLITE = "sqlite:///"


def claimed_names(address: str) -> list[str]:
    """Return every name that was claimed by an upload; none where there is no catalog yet.

    `address` is the database's as SQLAlchemy writes it.

    Raises:
        StorageUnavailable: there is a catalog, and it cannot be read.
    """
    if address.startswith(_SQLITE):
        return _of_sqlite(Path(unquote(address.removeprefix(_SQLITE))))
    return _of_postgresql(address.replace("+psycopg", "", 1))


def _of_sqlite(path: Path) -> list[str]:
    if not path.exists():
        return []
    try:
        opened = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=_PATIENCE)
        with contextlib.closing(opened) as connection:
            return [name for (name,) in connection.execute(_QUESTION)]
    except sqlite3.Error as error:
        raise StorageUnavailable(f"the database {path} cannot be read: {error}") from error


def _of_postgresql(address: str) -> list[str]:
    import psycopg

    try:
        with psycopg.connect(address, connect_timeout=_PATIENCE) as connection:
            return [name for (name,) in connection.execute(_QUESTION)]
    except psycopg.errors.UndefinedTable:
        return []
    except psycopg.Error as error:
        raise StorageUnavailable(f"the database cannot be read: {' '.join(str(error).split())}") from error
