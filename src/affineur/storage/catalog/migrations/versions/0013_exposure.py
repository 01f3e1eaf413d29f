"""The record of downloads says with what and by which token, and answers by release however long it is.

Files, requesters and clients stand in tables of their own under ids made from what they are, so
that a row of the record is numbers alone. Page requests are counted by the hour, downloads by the day.
"""

import hashlib
from typing import Any

import sqlalchemy as sa
from alembic import op

from affineur.model.filenames import version_in
from affineur.model.names import ProjectName
from affineur.standards.user_agents import read_user_agent

revision = "0013"
down_revision = "0012"

_SERIAL = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_AT_ONCE = 5_000


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False)


def _number(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=key, nullable=False, autoincrement=False)


def _words(*names: str, key: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String, primary_key=key, nullable=False) for name in names]


def upgrade() -> None:
    """Make the tables, and bring over what was recorded."""
    op.create_table("requesters", _id(), *_words("principal", "token", "address"), _number("used_at"))
    ci = sa.Column("ci", sa.Boolean, nullable=False)
    op.create_table("clients", _id(), *_words("name", "version", "python", "platform"), ci, _number("used_at"))
    files = _words("index_name", "project", "version", "filename")
    op.create_table("requested_files", _id(), *files, _number("used_at"))
    op.create_index("requested_files_by_project", "requested_files", ["project", "version"])
    op.create_table(
        "downloads_anew",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        *(_number(name) for name in ("at", "file_id", "requester_id", "client_id")),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
    )
    _page_requests()
    _counts()
    _bring_over(op.get_bind())
    op.drop_table("downloads")
    op.rename_table("downloads_anew", "downloads")
    columns = ["file_id", "requester_id", "client_id", "at", "status", "times"]
    op.create_index("downloads_by_file", "downloads", columns)
    op.create_index("downloads_by_time", "downloads", ["at"])


def _page_requests() -> None:
    op.create_table(
        "page_requests",
        *_words("index_name", "project", key=True),
        *(_number(name, key=True) for name in ("hour", "requester_id", "client_id")),
        _number("times"),
    )
    op.create_index("page_requests_by_time", "page_requests", ["hour"])


def _counts() -> None:
    op.create_table(
        "daily_downloads",
        *_words("project", key=True),
        _number("day", key=True),
        *_words("index_name", "version", "client", "python", "platform", key=True),
        sa.Column("ci", sa.Boolean, primary_key=True),
        _number("times"),
    )
    op.create_index("daily_downloads_by_day", "daily_downloads", ["day"])
    op.create_table(
        "record_gaps",
        sa.Column("id", _SERIAL, primary_key=True, autoincrement=True),
        *(_number(name) for name in ("since", "until", "times")),
    )
    op.create_table("record_marks", *_words("name", key=True), _number("at"))


def _bring_over(connection: sa.Connection) -> None:
    tables = sa.MetaData()
    tables.reflect(connection, only=["downloads", "downloads_anew", "requesters", "clients", "requested_files"])
    before, after = tables.tables["downloads"], tables.tables["downloads_anew"]
    known: dict[str, set[int]] = {"requesters": set(), "clients": set(), "requested_files": set()}
    last = None
    while True:
        query = sa.select(before).order_by(before.c.id).limit(_AT_ONCE)
        rows = connection.execute(query if last is None else query.where(before.c.id > last)).all()
        if not rows:
            break
        last = rows[-1].id
        made = [_brought(row) for row in rows]
        for name, ids in known.items():
            fresh = {one[name]["id"]: one[name] for one in made if one[name]["id"] not in ids}
            if fresh:
                connection.execute(sa.insert(tables.tables[name]), list(fresh.values()))
                ids.update(fresh)
        connection.execute(sa.insert(after), [one["downloads"] for one in made])
    if last is not None and connection.dialect.name == "postgresql":
        connection.execute(
            sa.text("SELECT setval(pg_get_serial_sequence('downloads_anew', 'id'), :last)"), {"last": last}
        )


def _brought(row: Any) -> dict[str, dict[str, Any]]:
    """Return what a row of the old record becomes, by table."""
    at = int(row.at)
    client = read_user_agent(row.client)
    told = (client.name, client.version, client.python, client.platform)
    version = version_in(row.filename, ProjectName(row.project)) or ""
    file = (row.index_name, row.project, version, row.filename)
    requester = (row.principal, "", row.address)
    ids = {
        "file_id": _identity(*file),
        "requester_id": _identity(*requester),
        "client_id": _identity(*told, "ci" if client.ci else ""),
    }
    return {
        "requested_files": {
            "id": ids["file_id"], **dict(zip(("index_name", "project", "version", "filename"), file, strict=True)),
            "used_at": at,
        },
        "requesters": {
            "id": ids["requester_id"], **dict(zip(("principal", "token", "address"), requester, strict=True)),
            "used_at": at,
        },
        "clients": {
            "id": ids["client_id"], **dict(zip(("name", "version", "python", "platform"), told, strict=True)),
            "ci": client.ci, "used_at": at,
        },
        "downloads": {"id": row.id, "at": at, **ids, "status": row.status, "times": 1},
    }  # fmt: skip


def _identity(*parts: str) -> int:
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest()[:8], "big") >> 1
