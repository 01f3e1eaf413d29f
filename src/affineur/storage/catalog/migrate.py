"""Bringing a database to the present schema, under a lock, as often as one likes.

Migrations go forward only; the way back is a backup. Each runs inside the one transaction, so
that a process which dies halfway leaves the database as it was. Alembic is imported only where
there is something to do: it costs each start and each process too much.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from affineur.errors import StorageUnavailable

_LOCK = 0x0AFF1EA5
_VERSION = sa.table("alembic_version", sa.column("version_num"))


def revisions() -> list[str]:
    """Return the names of every revision, oldest first: what the names of the migrations' files begin with."""
    return sorted(path.name.partition("_")[0] for path in (_folder() / "versions").glob("[0-9]*_*.py"))


def migrate(engine: sa.Engine, to: str = "head") -> None:
    """Apply the migrations that the database lacks, up to a revision.

    A database that lacks none is only read: a command may open it while another process writes.
    Of several processes that start together one migrates, and the others wait for it.

    Raises:
        StorageUnavailable: the database was made by a newer affineur.
    """
    target = revisions()[-1] if to == "head" else to
    with engine.connect() as connection, connection.begin():
        present = _present(connection)
    if present == target:
        return
    _refuse_newer(present)
    with engine.connect().execution_options(affineur_write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        _refuse_newer(_present(connection))
        _apply(connection, target)


def _present(connection: sa.Connection) -> str | None:
    """Return the revision that the database is at, None for an empty one."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(sa.select(_VERSION.c.version_num)).scalar()


def _apply(connection: sa.Connection, target: str) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(_folder()))
    context = MigrationContext.configure(
        connection,
        opts={"fn": lambda revision, _: scripts._upgrade_revs(target, revision)},  # noqa: SLF001 - the documented way has no other name
    )
    with Operations.context(context):
        context.run_migrations()


def _refuse_newer(present: str | None) -> None:
    """Raise where the database stands at a revision that this affineur does not know."""
    known = revisions()
    if present is not None and present not in known:
        raise StorageUnavailable(
            f"the database is of a newer affineur (revision {present}; this one knows {known[-1]} and earlier): "
            "use that version, or a backup from before"
        )


def _folder() -> Path:
    return Path(__file__).parent / "migrations"
