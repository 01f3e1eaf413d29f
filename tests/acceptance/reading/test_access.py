"""Who may read: an index that is not for everybody asks for a token, in every way clients present one."""

import http.server
import threading

import pytest
import requests

from tests.support import distributions

NAME = "cellar"


@pytest.fixture(scope="module")
def settings():
    return {"AFFINEUR_LOGIN_FAILURES": "1000"}


@pytest.fixture(scope="module")
def configuration():
    return '[indexes.closed]\nsources = ["internal", "public"]\nanonymous = false\n'


@pytest.fixture(scope="module")
def reading(affineur):
    """A token that may read `closed`, and what it protects."""
    upload = affineur.token("internal", "upload")
    name = distributions.wheel_name(NAME, "1.0")
    assert affineur.upload(name, distributions.wheel_bytes(NAME, "1.0"), token=upload).status_code == 200
    return affineur.token("closed", "read")


@pytest.fixture(scope="module")
def paths(affineur, reading):
    page = affineur.get(
        f"/closed/simple/{NAME}/?format=application/vnd.pypi.simple.v1+json", auth=("__token__", reading)
    )
    address = page.json()["files"][0]["url"]
    return [
        "/closed/simple/", f"/closed/simple/{NAME}/", address, f"{address}.metadata", f"{address}.provenance",
        f"{address}.asc", f"/closed/pypi/{NAME}/json", f"/closed/pypi/{NAME}/1.0/json",
    ]  # fmt: skip


def test_without_a_token_the_answer_is_401_and_says_how(affineur, paths):
    for path in paths:
        for method in ("GET", "HEAD"):
            answer = requests.request(method, affineur.url + path, timeout=10)
            assert answer.status_code == 401, path
            assert answer.headers["WWW-Authenticate"].startswith('Basic realm="')
            assert answer.headers["Content-Type"] == "application/problem+json"
        assert "token" in affineur.get(path).json()["detail"]


def test_a_wrong_token_is_401(affineur, paths):
    for path in paths:
        assert affineur.get(path, auth=("__token__", "affineur-wrong")).status_code == 401
        assert affineur.get(path, headers={"Authorization": "Bearer affineur-wrong"}).status_code == 401
        assert affineur.get(path, headers={"Authorization": "Basic !!!"}).status_code == 401
        assert affineur.get(path, headers={"Authorization": "Digest x"}).status_code == 401


def test_a_token_for_something_else_is_403(affineur, paths):
    for other in (affineur.token("internal", "upload,read"), affineur.token("closed", "upload")):
        for path in paths:
            assert affineur.get(path, auth=("__token__", other)).status_code == 403


def test_a_token_is_taken_from_the_address_from_basic_and_as_bearer(affineur, reading, paths):
    for path in paths[:4]:
        address = affineur.url.replace("http://", f"http://__token__:{reading}@") + path
        assert requests.get(address, timeout=10).status_code == 200
        assert affineur.get(path, auth=("__token__", reading)).status_code == 200
        assert affineur.get(path, auth=("ada", reading)).status_code == 200
        assert affineur.get(path, headers={"Authorization": f"Bearer {reading}"}).status_code == 200
        assert affineur.get(path, headers={"Authorization": f"bearer {reading}"}).status_code == 200


def test_a_page_that_depends_on_who_asks_says_so(affineur, reading, paths):
    for path in paths[:4]:
        answer = affineur.get(path, auth=("__token__", reading))
        assert "Authorization" in [name.strip() for name in answer.headers["Vary"].split(",")], path
    assert "Authorization" not in affineur.get(f"/main/simple/{NAME}/").headers["Vary"]


def test_an_open_index_does_not_mind_a_token_of_another_server(affineur, reading):
    answer = affineur.get(f"/main/simple/{NAME}/", auth=("someone", "secret-of-another-place"))
    assert answer.status_code == 200


def test_files_are_sent_from_here_so_that_a_token_goes_nowhere_else(affineur, reading, paths):
    answer = affineur.get(paths[2], auth=("__token__", reading), allow_redirects=False)
    assert answer.status_code == 200


def test_a_revoked_token_is_401_at_the_next_request(affineur, paths):
    token = affineur.token("closed", "read", "eve")
    assert affineur.get(paths[0], auth=("__token__", token)).status_code == 200
    listed = affineur.command("token", "list", "--format", "json").stdout
    import json

    number = next(str(row["id"]) for row in json.loads(listed) if row["user"] == "eve")
    affineur.command("token", "revoke", number)
    assert affineur.get(paths[0], auth=("__token__", token)).status_code == 401


@pytest.fixture
def elsewhere():
    """A host of files that notes the credentials it is sent."""
    seen = []
    body = distributions.wheel_bytes("abroad", "1.0")

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            seen.append(self.headers.get("Authorization"))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/abroad-1.0-py3-none-any.whl", seen
    server.shutdown()
    server.server_close()


def test_the_token_of_a_client_is_never_sent_on(affineur, upstream, reading, elsewhere):
    address, seen = elsewhere
    upstream.wheel("abroad", "1.0", keys={"url": address, "core-metadata": False})
    page = affineur.get(
        "/closed/simple/abroad/?format=application/vnd.pypi.simple.v1+json", auth=("__token__", reading)
    )
    assert affineur.get(page.json()["files"][0]["url"], auth=("__token__", reading)).status_code == 200
    assert seen
    assert set(seen) == {None}
