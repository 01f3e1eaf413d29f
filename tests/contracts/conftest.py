"""Each implementation of a protocol, one after the other."""

import pytest

from affineur.storage.catalog.database import Catalog
from tests.support.databases import sqlalchemy_url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """The address of an empty database."""
    with sqlalchemy_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def catalog(database_url):
    """An open, empty catalog."""
    opened = Catalog.open(database_url)
    yield opened
    opened.close()
