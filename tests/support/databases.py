"""Databases for tests: empty tables of the present schema, or nothing at all; gone when the run ends.

Migrating, making and dropping a database take PostgreSQL a second or more, so they are copies of one that was
migrated once, and each process of tests uses those it has again.
"""

import atexit
import contextlib
import shutil
import uuid

from affineur.storage.catalog.database import Catalog
from tests.support import session
from tests.support.services import lacking

SERVER = "postgresql://postgres@127.0.0.1:5432"
_TEMPLATE = "postgresql-template"
_VERSION = "alembic_version"
_spare = []
"""Names of databases of this process that no test uses now."""

_SHAPE = """
SELECT md5(string_agg(told, ' ' ORDER BY told)) FROM (
    SELECT concat_ws(' ', relname, attname, atttypid, attnotnull, attidentity, pg_get_expr(adbin, adrelid)) AS told
      FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT setconfig::text FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase
               WHERE datname = current_database()
    UNION ALL SELECT version_num FROM alembic_version
) AS shape
"""
"""What of a database is not its rows, in a word."""


def _connect(name="postgres"):
    import psycopg

    try:
        return psycopg.connect(f"{SERVER}/{name}", autocommit=True, connect_timeout=30)
    except psycopg.OperationalError:
        lacking("PostgreSQL")


def _ask(*statements):
    with _connect() as connection:
        for statement in statements:
            connection.execute(statement)


def _filled(connection):
    """The tables that have rows."""
    tables = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    questions = (f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in tables)
    return [name for (name,) in connection.execute(" UNION ALL ".join(questions))]


def _migrate(url):
    Catalog.open(url).close()


def _sqlalchemy(address):
    return address.replace("postgresql://", "postgresql+psycopg://")


def _template():
    """The name of the database that the others are copied from."""
    with session.once(_TEMPLATE) as kept:
        if not kept.exists():
            name = f"affineur_template_{uuid.uuid4().hex}"
            _ask(f"CREATE DATABASE {name}")
            _migrate(_sqlalchemy(f"{SERVER}/{name}"))
            with _connect(name) as connection:
                assert _filled(connection) == [_VERSION], (
                    "a row that a migration writes is gone at a database's second use"
                )
            kept.write_text(name)
            atexit.register(drop_own)
        return kept.read_text()


def _new(template):
    """Make a database whose commits do not wait for the disk: what a killed PostgreSQL keeps is not the subject."""
    name = f"affineur_{uuid.uuid4().hex}"
    _ask(f"CREATE DATABASE {name} TEMPLATE {template}", f"ALTER DATABASE {name} SET synchronous_commit = off")
    return name


def _drop(name):
    _ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _empty(connection):
    """Take every row away, and every connection but this one."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    if filled := [name for name in _filled(connection) if name != _VERSION]:
        connection.execute(f"TRUNCATE {', '.join(filled)}")
    connection.execute(
        "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
    )


@contextlib.contextmanager
def postgresql(*, migrated=True):
    """Lend a database of this machine's PostgreSQL: give its address, and take back what a test left in it."""
    if not migrated:
        name = _new("template1")
        try:
            yield f"{SERVER}/{name}"
        finally:
            _drop(name)
        return
    name = _spare.pop() if _spare else _new(_template())
    with _connect(name) as connection:
        (shape,) = connection.execute(_SHAPE).fetchone()
    try:
        yield f"{SERVER}/{name}"
    finally:
        with _connect(name) as connection:
            as_it_was = connection.execute(_SHAPE).fetchone() == (shape,)
            if as_it_was:
                _empty(connection)
        if as_it_was:
            _spare.append(name)
        else:
            _drop(name)


@contextlib.contextmanager
def setting(kind):
    """The setting `database` for a server: empty for SQLite in the data folder."""
    if kind == "sqlite":
        yield ""
        return
    with postgresql() as address:
        yield address


def drop_spare():
    """Drop the databases of this process."""
    while _spare:
        _drop(_spare.pop())


def drop_template():
    """Drop what the databases of a run were copied from."""
    with session.once(_TEMPLATE) as kept:
        if kept.exists():
            _drop(kept.read_text())
            kept.unlink()


def drop_own():
    """Drop the databases of this process, and where the run is its own, what they were copied from."""
    drop_spare()
    if session.begun_here():
        drop_template()


def _copy_of_sqlite(path):
    with session.once("catalog.db") as kept:
        if not kept.exists():
            _migrate(f"sqlite:///{kept}")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, path)


@contextlib.contextmanager
def sqlalchemy_url(kind, folder, *, migrated=True):
    """The address of a database of a kind, as SQLAlchemy writes it."""
    if kind == "sqlite":
        if migrated:
            _copy_of_sqlite(folder / "catalog.db")
        yield f"sqlite:///{folder / 'catalog.db'}"
        return
    with postgresql(migrated=migrated) as address:
        yield _sqlalchemy(address)
