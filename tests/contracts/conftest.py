"""Each implementation of a protocol, one after the other."""

import pytest

from affineur.storage.catalog.database import Catalog
from tests.support.databases import sqlalchemy_url
from tests.support.moments import changing


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """The address of a database with the present schema and no rows."""
    with sqlalchemy_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request, tmp_path):
    """The address of a database without a schema."""
    with sqlalchemy_url(request.param, tmp_path, migrated=False) as url:
        yield url


@pytest.fixture
def catalog(database_url):
    """An open, empty catalog."""
    opened = Catalog.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def at(catalog):
    """Make a change as if at a moment, or so many seconds after the start."""
    return changing(catalog)
