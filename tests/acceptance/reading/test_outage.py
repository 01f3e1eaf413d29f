"""An upstream that is gone: what is held here goes on being served, marked as stale; the rest is never a 404."""

import time

import pytest

from tests.support.polling import until

JSON = "application/vnd.pypi.simple.v1+json"


@pytest.fixture(scope="module")
def settings():
    return {"AFFINEUR_PATIENCE": "0.3", "AFFINEUR_CONNECT_TIMEOUT": "2", "AFFINEUR_ANSWER_TIMEOUT": "2"}


def dead(upstream):
    upstream.stop()


def failing(upstream):
    upstream.overrides = {path: lambda handler: handler.answer(503, b"sorry") for path in _addresses(upstream)}


def silent(upstream):
    upstream.overrides = {path: lambda _handler: time.sleep(5) for path in _addresses(upstream)}


def talking_html(upstream):
    page = b"<!DOCTYPE html><html><title>Captive portal</title><a href='/login'>log in</a></html>"
    upstream.overrides = {
        path: lambda handler: handler.answer(200, page, {"Content-Type": "text/html"}) for path in _addresses(upstream)
    }


def _addresses(upstream):
    return [f"/simple/{name}/" for name in (*upstream.projects, "never-seen")] + [
        f"/files/{f}" for f in upstream.bodies
    ]


@pytest.fixture(params=[dead, failing, silent, talking_html], ids=lambda way: way.__name__)
def outage(request, upstream):
    """Makes the upstream fail in one of several ways; it is well again afterwards."""
    yield lambda: request.param(upstream)
    upstream.overrides = {}
    if request.param is dead:
        upstream.restart()


def test_pages_and_files_held_here_are_served_and_marked_stale(affineur, upstream, outage, request):
    name = f"held-{request.node.callspec.id.replace('_', '-')}"
    filename = upstream.wheel(name, "1.0")
    _until_asked(affineur, upstream)
    (row,) = affineur.page(name)["files"]
    assert affineur.get(row["url"]).content == upstream.bodies[filename]
    metadata = affineur.get(row["url"] + ".metadata").content
    outage()
    for form in (JSON, "text/html"):
        begun = time.monotonic()
        answer = affineur.get(f"/main/simple/{name}/", headers={"Accept": form})
        assert time.monotonic() - begun < 3
        assert answer.status_code == 200
        assert answer.headers["X-Affineur-Stale"]
        assert answer.headers["Warning"].startswith("110 ")
        assert filename in answer.text
    assert affineur.get(row["url"]).content == upstream.bodies[filename]
    assert affineur.get(row["url"] + ".metadata").content == metadata
    assert affineur.get("/main/simple/").status_code == 200


def test_a_name_never_seen_is_an_error_of_the_gateway_and_never_a_404(affineur, upstream, outage):
    upstream.wheel("never-seen", "1.0")
    _until_asked(affineur, upstream)
    outage()
    begun = time.monotonic()
    answer = affineur.get("/main/simple/never-seen/")
    assert answer.status_code in (502, 504)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert time.monotonic() - begun < 10


def test_it_is_noticed_when_the_upstream_is_back(affineur, upstream):
    name = f"back-{affineur.port}"
    upstream.wheel(name, "1.0")
    upstream.stop()
    assert affineur.get(f"/main/simple/{name}/").status_code == 504
    upstream.restart()
    _until_asked(affineur, upstream)
    answer = affineur.get(f"/main/simple/{name}/")
    assert answer.status_code == 200
    assert "X-Affineur-Stale" not in answer.headers


def _until_asked(affineur, upstream):
    """Wait until the server asks the upstream again, which it leaves alone for a while after failures."""
    upstream.projects.setdefault("probe", {}) or upstream.wheel("probe", "1.0")

    def asked():
        answer = affineur.get("/public/simple/probe/")
        return answer.status_code == 200 and "X-Affineur-Stale" not in answer.headers

    until(asked, wanted="a question to the upstream")
