"""Fixtures shared by every kind of test."""

import pytest

from tests.support.server import Affineur
from tests.support.upstream import Upstream


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
