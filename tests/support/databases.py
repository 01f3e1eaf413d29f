"""Databases for tests: a new one each time, gone afterwards."""

import contextlib
import uuid

from tests.support.services import lacking

SERVER = "postgresql://postgres@127.0.0.1:5432"


def _ask(*statements, server=SERVER):
    import psycopg

    with psycopg.connect(f"{server}/postgres", autocommit=True, connect_timeout=5) as connection:
        for statement in statements:
            connection.execute(statement)


@contextlib.contextmanager
def postgresql():
    """Make a database on this machine's PostgreSQL, give its address, drop it afterwards."""
    import psycopg

    name = f"affineur_{uuid.uuid4().hex}"
    try:
        _ask(f"CREATE DATABASE {name}")
    except psycopg.OperationalError:
        lacking("PostgreSQL")
    try:
        yield f"{SERVER}/{name}"
    finally:
        _ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextlib.contextmanager
def sqlalchemy_url(kind, folder):
    """The address of a new database of a kind, as SQLAlchemy writes it."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'catalog.db'}"
        return
    with postgresql() as address:
        yield address.replace("postgresql://", "postgresql+psycopg://")
