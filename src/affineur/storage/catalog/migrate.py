"""Bringing a database to the present schema, under a lock, as often as one likes."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

_LOCK = 0x0AFF1EA5


def migrate(engine: sa.Engine) -> None:
    """Apply the migrations that the database lacks."""
    script = ScriptDirectory(_folder())
    with engine.connect().execution_options(affineur_write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        context = MigrationContext.configure(
            connection,
            opts={"fn": lambda revision, _: script._upgrade_revs("head", revision)},  # noqa: SLF001 - the documented way has no other name
        )

        with Operations.context(context):
            context.run_migrations()


def _folder() -> str:

    return str(Path(__file__).parent / "migrations")
