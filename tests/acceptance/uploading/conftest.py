"""One server for the tests of a file, on each kind of database in turn; tests use names of their own."""

import itertools

import pytest

from tests.support.databases import postgresql
from tests.support.server import Affineur
from tests.support.upstream import Upstream

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def upstream():
    """A real upstream index on loopback."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request):
    """The setting `database`: empty for SQLite in the data folder."""
    if request.param == "sqlite":
        yield ""
        return
    with postgresql() as address:
        yield address


@pytest.fixture(scope="module")
def settings():
    """Settings of the server as environment variables; a file of tests may say its own."""
    return {}


@pytest.fixture(scope="module")
def affineur(tmp_path_factory, upstream, database, settings):
    """A running server."""
    environment = {"AFFINEUR_DATABASE": database} if database else {}
    environment |= {"AFFINEUR_FRESH_FOR": "0", "AFFINEUR_PATIENCE": "10", **settings}
    server = Affineur(tmp_path_factory.mktemp("affineur") / "data", upstream.url, **environment)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def token(affineur):
    """A token that may upload to `internal`."""
    return affineur.token("internal", "upload,read")


@pytest.fixture
def name():
    """A project name that no other test uses."""
    return f"affineur-sample-{next(_numbers)}"


@pytest.fixture
def nothing_stored(affineur):
    """Assert that a refusal left nothing of a project behind."""

    def check(project):
        answer = affineur.get(f"/internal/simple/{project}/")
        assert answer.status_code == 404, answer.text
        assert not list((affineur.data / "blobs" / "staging").iterdir())

    return check
