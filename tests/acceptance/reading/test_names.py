"""Addresses of projects: every spelling leads to one page, and nothing else leads anywhere."""

import subprocess
import sys

import pytest

from tests.support.polling import eventually
from tests.support.server import Affineur, clean_environment

ODD_NAMES = [
    "foo%0Abar", "foo%0D%0Abar", "foo%0A", "%00", "foo%00", "..", "%2E%2E", "foo%2Fbar", "..%2F..%2Fetc", "foo%5Cbar",
    "%D9%A1%D9%A2", "f%C3%A9e", "%E2%84%AA", "%FF%FE", "foo%20bar", "-foo", "foo-", "_", "a" * 300, "foo%3Fx", "foo%23x",
    "foo%25", "%", "%zz", "foo;bar", "foo@1", "foo+bar", "%EF%BC%91",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def project(upstream):
    upstream.wheel("foo-bar", "1.0")


@pytest.mark.parametrize("prefix", ["", "/main", "/public", "/internal"])
def test_the_root_without_its_slash_is_redirected(affineur, prefix):
    answer = affineur.get(f"{prefix}/simple?x=1", allow_redirects=False)
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"].endswith(f"{prefix}/simple/?x=1")


@pytest.mark.parametrize("prefix", ["", "/main"])
def test_a_project_without_its_slash_is_redirected(affineur, prefix):
    answer = affineur.get(f"{prefix}/simple/foo-bar", allow_redirects=False)
    assert answer.status_code in (301, 308)
    assert answer.headers["Location"] == f"{prefix}/simple/foo-bar/"
    assert affineur.get(f"{prefix}/simple/foo-bar").status_code == 200


@pytest.mark.parametrize("prefix", ["", "/main"])
@pytest.mark.parametrize("written", ["Foo_Bar", "foo--.__bar", "FOO.BAR", "foo_bar"])
def test_other_spellings_are_redirected_with_their_query(affineur, prefix, written):
    answer = affineur.get(f"{prefix}/simple/{written}/?format=x&y=%2F", allow_redirects=False)
    assert answer.status_code == 301
    assert answer.headers["Location"] == f"{prefix}/simple/foo-bar/?format=x&y=%2F"
    assert affineur.get(f"{prefix}/simple/{written}/").status_code == 200


def test_slashes_too_many_are_taken_out(affineur):
    for path in ("/main/simple//foo-bar/", "/main//simple/foo-bar/", "/main/simple/foo-bar//", "/main/simple//"):
        answer = affineur.get(path + "?x=1", allow_redirects=False)
        assert answer.status_code == 301
        assert answer.headers["Location"] == path.replace("//", "/") + "?x=1"
        assert affineur.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["//example.org/simple", "/main//example.org/simple/x", "/simple//example.org", r"//\example.org/simple"]
)
def test_a_redirect_stays_on_the_host(raw, path):
    answer, _ = raw(path)
    assert answer.status == 301
    # As browsers read it: a backslash is a slash.
    assert not answer.headers["Location"].replace("\\", "/").startswith(("//", "http"))


@pytest.mark.parametrize("index", ["main", "public", "internal"])
def test_an_unknown_name_is_404_and_says_so(affineur, index):
    answer = affineur.get(f"/{index}/simple/nobody-has-this/")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "nobody-has-this" in answer.json()["detail"]
    assert answer.reason == answer.json()["detail"]
    assert answer.headers["Cache-Control"] == "no-cache"


def test_an_unknown_name_appears_soon_after_the_upstream_has_it(tmp_path, upstream):
    with Affineur(tmp_path / "data", upstream.url, AFFINEUR_UNKNOWN_FOR="0.2") as server:
        assert server.get("/main/simple/late/").status_code == 404
        upstream.wheel("late", "1.0")
        assert eventually(lambda: server.get("/main/simple/late/").status_code == 200)


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("tail", ["/", ""])
def test_what_is_not_a_name_is_refused_and_never_asked_of_the_upstream(raw, upstream, name, tail):
    before = len(upstream.log)
    answer, _ = raw(f"/main/simple/{name}{tail}")
    if tail == "" and answer.status in (301, 308):
        answer, _ = raw(answer.headers["Location"])
    assert answer.status in (400, 404), answer.status
    assert len(upstream.log) == before


def test_reserved_names_cannot_be_indexes_and_are_named_together(tmp_path):
    places = ["simple", "legacy", "pypi", "rss", "packages", "project", "badge", "api", "namespace", "namespaces", "static",
              "RPC2", "Why", "-x", "_x", ".x", "a@b"]  # fmt: skip
    config = tmp_path / "affineur.toml"
    config.write_text("".join(f'[indexes."{place}"]\nsources = ["internal"]\n' for place in places))
    ended = subprocess.run(
        [sys.executable, "-m", "affineur", "serve", "--config", str(config)],
        env=clean_environment(AFFINEUR_DATA=str(tmp_path / "data"), AFFINEUR_PORT="0"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode != 0
    said = " ".join(ended.stderr.split())
    for place in places:
        assert f"'{place}' is not a valid index name" in said


def test_an_index_that_is_not_configured_is_404_and_names_those_that_are(affineur):
    answer = affineur.get("/nowhere/simple/foo-bar/")
    assert answer.status_code == 404
    assert "main" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["/main/simple/", "/main/simple/foo-bar/", "/main/simple", "/main/simple/Foo_Bar/", "/main/simple/nobody-has-this/",
     "/-/health", "/nowhere", "/main/simple/foo%00/"],
)  # fmt: skip
def test_head_is_get_without_a_body(raw, path):
    got, body = raw(path)
    head, nothing = raw(path, method="HEAD")
    assert nothing == b""
    assert (head.status, head.reason) == (got.status, got.reason)
    changing = {"date"} if body else {"date", "content-length"}
    assert {k.lower(): v for k, v in head.getheaders() if k.lower() not in changing} == {
        k.lower(): v for k, v in got.getheaders() if k.lower() not in changing
    }
    assert "Date" in head.headers
    if got.status == 200:
        assert int(head.headers["Content-Length"]) == len(body)


@pytest.mark.parametrize("path", ["/main/simple/", "/main/simple/foo-bar/"])
def test_other_methods_are_405_and_say_which_are_possible(affineur, path):
    import requests

    answer = requests.post(affineur.url + path, timeout=10)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    asked = requests.options(affineur.url + path, timeout=10)
    assert asked.status_code == 204
    assert asked.headers["Access-Control-Allow-Origin"] == "*"


def test_the_default_index_answers_at_the_root_of_the_host(affineur):
    there, here = affineur.get("/main/simple/foo-bar/"), affineur.get("/simple/foo-bar/")
    assert here.content == there.content
    assert affineur.get("/simple/").content == affineur.get("/main/simple/").content


def test_five_requests_need_one_connection(affineur):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", affineur.port, timeout=10)
    connection.connect()
    socket = connection.sock
    for path in ("/main/simple/", "/main/simple/foo-bar/", "/main/simple/nobody-has-this/", "/nowhere", "/-/health"):
        connection.request("GET", path)
        connection.getresponse().read()
        assert connection.sock is socket
    connection.close()
