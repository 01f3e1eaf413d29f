"""Who may upload and who may read: users, tokens, and what a wrong one is answered."""

import re

import pytest
import requests

from affineur.client import Answered, Client
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.polling import eventually
from tests.support.server import Affineur


@pytest.fixture(scope="module")
def settings():
    return {"AFFINEUR_LOGIN_FAILURES": "5"}


@pytest.fixture(scope="module")
def configuration():
    return """
    [indexes.closed]
    sources = ["internal"]
    anonymous = false

    [indexes.other]
    sources = ["internal"]
    anonymous = false
    """


@pytest.fixture(scope="module")
def grant(affineur):
    """Make a token for a user, over the API: far quicker than by a command."""
    client = Client(affineur.url, affineur.token("*", "admin", "root"))
    for user in ("ada", "bea"):
        client.call("user add", name=user)

    def make(index, rights, user="ada", **more):
        return client.call("token create", user=user, index=[index], rights=rights.split(","), **more)["secret"]

    make.client = client
    return make


@pytest.fixture
def file(name):
    return wheel_name(name, "1.0"), wheel_bytes(name, "1.0")


@pytest.fixture
def rested(affineur):
    """A server that remembers no failed login."""
    affineur.stop()
    affineur.start()
    return affineur


def said(answer):
    return answer.status_code, answer.headers.get("WWW-Authenticate", "").partition(",")[0]


def test_first_start_tells_how_to_begin(tmp_path):
    server = Affineur(tmp_path / "data").start()
    assert eventually(lambda: "token create --user NAME --index internal --rights upload" in server.log.read_text())
    assert "affineur user add NAME" in server.log.read_text()
    server.stop()


def test_token_is_shown_once_and_kept_as_a_digest(affineur, grant):
    secret = grant("internal", "upload")
    assert re.fullmatch(r"affineur-[A-Za-z0-9_-]{43}", secret)
    assert secret not in str(grant.client.call("token list")) + str(grant.client.call("ledger log"))
    for path in affineur.data.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()


def test_two_tokens_differ(grant):
    assert grant("internal", "upload") != grant("internal", "upload")


def test_upload_wants_a_token(rested, file):
    answer = rested.upload(*file)
    assert said(answer) == (401, 'Basic realm="affineur"')
    assert "a valid token is needed" in answer.reason
    assert "a valid token is needed" in answer.text


NONE = ["Basic d3Jvbmc6d3Jvbmc=", "Basic !!!", "Basic /w==", "Digest x", "Bearer \xff"]


def test_credentials_that_are_none(rested):
    for header in NONE:
        answer = requests.post(
            f"{rested.url}/internal/legacy/", headers={"Authorization": header.encode("latin-1")}, data=b"x", timeout=30
        )
        assert said(answer) == (401, 'Basic realm="affineur"'), header


def test_every_way_to_present_a_token(affineur, grant, name):
    token = grant("internal", "upload")
    for number, auth in enumerate([("__token__", token), ("ada", token), ("", token)]):
        file = wheel_name(name, f"1.{number}"), wheel_bytes(name, f"1.{number}")
        answer = requests.post(
            f"{affineur.url}/internal/legacy/",
            data=affineur.form(*file),
            files={"content": file},
            auth=auth,
            timeout=30,
        )
        assert answer.status_code == 200, auth[0]
    for number, scheme in enumerate(["Bearer", "bearer", "token"], 3):
        file = wheel_name(name, f"1.{number}"), wheel_bytes(name, f"1.{number}")
        answer = affineur.post(affineur.form(*file), *file, headers={"Authorization": f"{scheme} {token}"})
        assert answer.status_code == 200, scheme


def test_token_for_another_index_or_without_the_right(affineur, grant, file):
    for index, rights in (("public", "upload"), ("internal", "read"), ("internal", "promote"), ("closed", "upload")):
        answer = affineur.upload(*file, token=grant(index, rights))
        assert answer.status_code == 403, (index, rights)
        assert "may not upload" in answer.reason


def test_revoked_and_expired_tokens(rested, grant, file):
    token = grant("internal", "upload")
    assert rested.upload(*file, token=token).status_code == 200
    grant.client.call("token revoke", id=grant.client.call("token list")[-1]["id"])
    assert rested.upload(*file, token=token).status_code == 401
    expired = grant("internal", "upload", days=0)
    assert rested.upload(*file, token=expired).status_code == 401


def test_reading_a_closed_index(rested, grant, name, file):
    rested.upload(*file, token=grant("internal", "upload"))
    reader = grant("closed", "read", "bea")
    stranger = grant("other", "read", "bea")
    page = f"/closed/simple/{name}/"
    row = rested.get(page, headers={"Accept": "application/vnd.pypi.simple.v1+json"}, auth=("__token__", reader)).json()
    address = row["files"][0]["url"]
    paths = ["/closed/simple/", page, address, address + ".metadata", f"/closed/pypi/{name}/json"]
    for path in paths:
        assert said(rested.get(path)) == (401, 'Basic realm="affineur"'), path
        assert rested.get(path, auth=("__token__", stranger)).status_code == 403, path
        assert rested.get(path, auth=("__token__", reader)).status_code == 200, path
        assert rested.get(path, headers={"Authorization": f"Bearer {reader}"}).status_code == 200, path
        with_credentials = rested.url.replace("//", f"//__token__:{reader}@") + path
        assert requests.get(with_credentials, timeout=30).status_code == 200, path
    assert rested.get(f"/internal/simple/{name}/").status_code == 200


def test_too_many_failures_are_throttled_and_a_valid_token_is_not(rested, grant, file):
    token = grant("internal", "upload")
    codes = [rested.upload(*file, token="affineur-wrong").status_code for _ in range(7)]
    assert codes == [401] * 5 + [429] * 2
    answer = rested.get("/closed/simple/", auth=("__token__", "affineur-wrong"))
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "try again in" in answer.reason
    assert rested.get("/internal/simple/").status_code == 200
    assert rested.upload(*file, token=token).status_code == 200


def test_users_and_tokens_are_checked_when_made(grant):
    for operation, fields in (
        ("user add", {"name": "ada"}),
        ("user add", {"name": "two words"}),
        ("token create", {"user": "nobody"}),
        ("token create", {"user": "ada", "rights": ["everything"]}),
        ("token create", {"user": "ada", "index": ["nowhere"]}),
        ("token revoke", {"id": "nothing"}),
    ):
        with pytest.raises(Answered) as caught:
            grant.client.call(operation, **fields)
        assert caught.value.status in {400, 404, 409}, operation
