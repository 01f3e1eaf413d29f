"""Fixtures shared by every kind of test."""

import pytest

from tests.support import databases, session
from tests.support.server import Affineur
from tests.support.upstream import Upstream


def pytest_configure():
    """Make the folder that the processes of this run share before there are more of them than one."""
    session.folder()


def pytest_unconfigure():
    """Drop the databases of this process, and at the end of the run what they were copied from."""
    databases.drop_own()


@pytest.fixture
def upstream():
    """A real upstream index on loopback."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def affineur(tmp_path, upstream):
    """A running server over an empty data folder and the upstream."""
    server = Affineur(tmp_path / "data", upstream.url)
    server.start()
    yield server
    server.stop()
