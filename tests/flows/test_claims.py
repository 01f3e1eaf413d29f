"""Names that an upload may not take, because people or Python would take them for others."""

import pytest

from tests.support.distributions import metadata_of, wheel_bytes
from tests.support.server import Affineur


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    config = """
[hosted.internal]
owns = ["fontainebleau-*", "reqeusts"]
[hosted.cellar]
owns = ["tilsiter", "beaufort-*"]
"""
    made = Affineur(tmp_path_factory.mktemp("claims") / "data", config=config, AFFINEUR_OFFLINE="true")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def token(server):
    return server.token("*")


def upload(server, token, name, index="internal"):
    safe = name.replace("-", "_").replace(".", "_").lower()
    body = wheel_bytes(safe, "1.0", metadata=metadata_of(name, "1.0"))
    return server.upload(f"{safe}-1.0-py3-none-any.whl", body, token=token, name=name, index=index)


@pytest.mark.parametrize("name", ["urllib2", "distutils", "xml-dom", "lib2to3"])
def test_the_name_of_a_module_is_refused(server, token, name):
    answer = upload(server, token, name)
    assert answer.status_code == 400
    assert f"{name} is the name of a standard-library module" in answer.reason
    assert f"affineur index claim {name}" in answer.reason


@pytest.mark.parametrize(("name", "meant"), [("f1ask", "flask"), ("reqests", "requests"), ("py-yaml", "pyyaml")])
def test_a_name_like_a_popular_one_is_refused(server, token, name, meant):
    answer = upload(server, token, name)
    assert answer.status_code == 400
    assert f"{name} is too similar to {meant}" in answer.reason
    server.command("index", "claim", name)
    assert upload(server, token, name).status_code == 200


@pytest.mark.parametrize("name", ["tilsiter", "beaufort-ham", "Beaufort.Jam", "beaufort"])
def test_a_name_reserved_elsewhere_is_a_conflict(server, token, name):
    answer = upload(server, token, name)
    assert answer.status_code == 409
    assert "is reserved for the hosted source cellar" in answer.reason
    assert upload(server, token, name, "cellar").status_code == 200


@pytest.mark.parametrize("name", ["fontainebleau", "fontainebleau-api", "reqeusts", "dataclasses-cheese"])
def test_reserved_and_ordinary_names_are_taken(server, token, name):
    assert upload(server, token, name).status_code == 200


def test_the_beginning_of_another_word_is_no_namespace(server, token):
    assert upload(server, token, "beaufortian").status_code == 200
