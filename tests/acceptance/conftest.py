"""One upstream and one server for the tests of a file, on each kind of database in turn.

Tests here share them, so each uses project names of its own and leaves the upstream as it was.
"""

import contextlib

import pytest

from tests.support import databases
from tests.support.server import Affineur
from tests.support.upstream import Upstream


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request):
    """The setting `database`: empty for SQLite in the data folder."""
    with databases.setting(request.param) as address:
        yield address


@pytest.fixture(scope="module")
def upstream(database):
    """A real upstream index on loopback, new for each kind of database."""
    del database
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def settings():
    """Settings of the server as environment variables; a file of tests may say its own."""
    return {}


@pytest.fixture(scope="module")
def configuration():
    """The configuration file; a file of tests may say its own."""
    return ""


@pytest.fixture(scope="module")
def affineur(tmp_path_factory, upstream, database, settings, configuration):
    """A running server that asks for an upstream's page at every look."""
    environment = {"AFFINEUR_DATABASE": database} if database else {}
    environment |= {"AFFINEUR_FRESH_FOR": "0", "AFFINEUR_PATIENCE": "10", **settings}
    server = Affineur(tmp_path_factory.mktemp("affineur") / "data", upstream.url, config=configuration, **environment)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def token(affineur):
    """A token that may upload to `internal`."""
    return affineur.token("internal", "upload,read")


@pytest.fixture
def raw(affineur):
    """Send a request exactly as written and return status, reason, headers and body."""

    def ask(path, *, method="GET", headers=None):
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", affineur.port, timeout=30)
        with contextlib.closing(connection):
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer, answer.read()

    return ask
