"""Bringing a database to the present schema, under a lock, as often as one likes.

Migrations go forward only; the way back is a backup. Each runs inside the one transaction, so
that a process which dies halfway leaves the database as it was.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from affineur.errors import StorageUnavailable

_LOCK = 0x0AFF1EA5


def revisions() -> list[str]:
    """Return the names of every revision, oldest first."""
    return [script.revision for script in reversed(list(_scripts().walk_revisions()))]


def migrate(engine: sa.Engine, to: str = "head") -> None:
    """Apply the migrations that the database lacks, up to a revision.

    A database that lacks none is only read: a command may open it while another process writes.
    Of several processes that start together one migrates, and the others wait for it.

    Raises:
        StorageUnavailable: the database was made by a newer affineur.
    """
    scripts = _scripts()
    target = scripts.get_current_head() if to == "head" else to
    with engine.connect() as connection, connection.begin():
        present = MigrationContext.configure(connection).get_current_revision()
    if present == target:
        return
    _refuse_newer(present)
    with engine.connect().execution_options(affineur_write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        context = MigrationContext.configure(
            connection,
            opts={"fn": lambda revision, _: scripts._upgrade_revs(to, revision)},  # noqa: SLF001 - the documented way has no other name
        )
        _refuse_newer(context.get_current_revision())
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


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent / "migrations"))
