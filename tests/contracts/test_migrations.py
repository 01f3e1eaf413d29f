"""Migrations: from every earlier revision to exactly the present schema, with the data kept."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from affineur.errors import StorageUnavailable
from affineur.storage.catalog import database, ledger
from affineur.storage.catalog.database import Catalog
from affineur.storage.catalog.migrate import migrate, revisions
from affineur.storage.catalog.schema import METADATA
from tests.support.server import clean_environment


@pytest.fixture
def engine(empty_database_url):
    made = sa.create_engine(empty_database_url)
    if empty_database_url.startswith("sqlite"):
        sa.event.listen(made, "connect", database._prepare_sqlite)
        sa.event.listen(made, "begin", database._begin_sqlite)
    yield made
    made.dispose()


def differences(engine):
    """How the database differs from the schema: tables, columns, types, nullability, indexes, keys."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        found = list(compare_metadata(context, METADATA))
        inspector = sa.inspect(connection)
        for name, table in METADATA.tables.items():
            there = set(inspector.get_pk_constraint(name)["constrained_columns"])
            if there != {column.name for column in table.primary_key}:
                found.append(("primary key", name, there))
    return found


def value_for(column, number):
    if isinstance(column.type, sa.LargeBinary):
        return b"%d" % number
    if isinstance(column.type, sa.Boolean):
        return bool(number % 2)
    if isinstance(column.type, sa.DateTime):
        return datetime(2026, 1, 1, tzinfo=UTC)
    if isinstance(column.type, sa.Integer | sa.Float | sa.Numeric):
        return number
    return str(number)


def fill(engine):
    """Write two rows into every table there is; return them by table."""
    reflected = sa.MetaData()
    rows = {}
    with engine.connect().execution_options(affineur_write=True) as connection, connection.begin():
        reflected.reflect(connection)
        for table in reflected.sorted_tables:
            if table.name == "alembic_version":
                continue
            rows[table.name] = [{c.name: value_for(c, n) for c in table.columns} for n in (1, 2)]
            connection.execute(sa.insert(table), rows[table.name])
    return rows


def lost(engine, rows):
    """The rows, reduced to the columns there still are, that are not there any more."""
    reflected = sa.MetaData()
    gone = []
    with engine.connect() as connection:
        reflected.reflect(connection)
        for name, wanted in rows.items():
            if name not in METADATA.tables:
                continue
            there = [dict(row._mapping) for row in connection.execute(sa.select(reflected.tables[name]))]
            for row in wanted:
                kept = {key: value for key, value in row.items() if key in reflected.tables[name].columns}
                if not any(kept.items() <= other.items() for other in there):
                    gone.append((name, row))
    return gone


def test_files_are_named_for_their_revisions_in_one_line():
    from alembic.script import ScriptDirectory

    from affineur.storage.catalog.migrate import _folder

    scripts = [script.revision for script in ScriptDirectory(str(_folder())).walk_revisions()]
    assert revisions() == scripts[::-1]


def test_an_empty_database_gets_exactly_the_schema(engine):
    migrate(engine)
    assert differences(engine) == []


@pytest.mark.parametrize("revision", revisions())
def test_from_every_revision_to_exactly_the_schema_with_the_data_kept(engine, revision):
    migrate(engine, revision)
    rows = fill(engine)
    migrate(engine)
    assert differences(engine) == []
    assert lost(engine, rows) == []


def test_again_changes_nothing(engine):
    migrate(engine)
    rows = fill(engine)
    migrate(engine)
    assert lost(engine, rows) == []


def test_a_newer_database_is_refused_with_a_sentence(engine, empty_database_url):
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageUnavailable, match=r"newer affineur \(revision 9999; this one knows"):
        Catalog.open(empty_database_url)


def test_a_step_that_fails_leaves_the_database_as_it_was(engine, monkeypatch):
    from alembic.operations import Operations

    def fail(*_, **__):
        raise RuntimeError("no more room")

    monkeypatch.setattr(Operations, "create_index", fail)
    with pytest.raises(RuntimeError):
        migrate(engine)
    monkeypatch.undo()
    assert sa.inspect(engine).get_table_names() == []
    migrate(engine)
    assert differences(engine) == []


def test_several_processes_start_on_an_empty_database_at_once(empty_database_url):
    program = f"""
from affineur.storage.catalog.database import Catalog
from affineur.storage.catalog import ledger
from affineur.model.events import Event
catalog = Catalog.open({empty_database_url!r})
for number in range(5):
    catalog.write_now(lambda change: change.enter(Event("file.uploaded", "internal", "gouda")))
catalog.close()
"""
    started = [
        subprocess.Popen([sys.executable, "-c", program], env=clean_environment(), stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ends = [(process.communicate(timeout=60)[1], process.returncode) for process in started]
    assert ends == [("", 0)] * 4
    catalog = Catalog.open(empty_database_url)
    assert catalog.read_now(ledger.head) == 20
    assert catalog.read_now(ledger.first_broken) is None
    catalog.close()


def test_a_database_at_the_present_revision_opens_while_another_process_writes(engine, empty_database_url):
    migrate(engine)
    with engine.connect().execution_options(affineur_write=True) as connection, connection.begin():
        connection.execute(sa.text("UPDATE projects SET serial = 1"))
        catalog = Catalog.open(empty_database_url)
        assert catalog.read_now(ledger.head) == 0
        catalog.close()
