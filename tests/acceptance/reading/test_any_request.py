"""Whatever is asked, the answer is one that was meant, and the next request on the connection is answered too."""

import http.client

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

JSON = "application/vnd.pypi.simple.v1+json"
LETTERS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=" #"), max_size=12)
HEADER = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)


@pytest.fixture(scope="module")
def connection(affineur, upstream):
    upstream.wheel("cheddar", "1.0", padding=1000)
    row = affineur.page("cheddar")["files"][0]
    assert affineur.get(row["url"]).status_code == 200
    opened = http.client.HTTPConnection("127.0.0.1", affineur.port, timeout=20)
    opened._validate_path = lambda _path: None  # what no client would send is what is to be sent
    yield opened, row["url"]
    opened.close()


_segments = st.sampled_from(
    ["simple", "main", "internal", "public", "cheddar", "Ched_dar", "packages", "unhashed", "pypi", "json", "1.0", "why", "api",
     "v1", "legacy", "", ".", "..", "%2e%2e", "%2F", "%00", "%0d%0a", "%ff", "aa", "bb", "c" * 60, "-", "ready", "RPC2",
     "cheddar-1.0-py3-none-any.whl", "cheddar-1.0-py3-none-any.whl.metadata", "x.tar.gz", "a-b-c-d-e-f-g-1.0.tar.gz"]
)  # fmt: skip
_paths = st.lists(_segments | LETTERS, min_size=1, max_size=7).map(lambda parts: "/" + "/".join(parts))
_headers = st.fixed_dictionaries(
    {},
    optional={
        "Accept": HEADER | st.sampled_from([JSON, "text/html", "*/*", "image/png"]),
        "Accept-Encoding": HEADER | st.sampled_from(["gzip", "zstd", "*;q=0"]),
        "Range": HEADER
        | st.sampled_from(["bytes=0-0", "bytes=-1", "bytes=9-", "bytes=99999-", "bytes=1-0", "bytes=0-0,2-3"]),
        "If-None-Match": HEADER | st.just("*"),
        "If-Range": HEADER,
        "Authorization": HEADER | st.sampled_from(["Basic eDp5", "Basic !", "Bearer x", "Basic"]),
    },
)


@pytest.mark.parametrize("place", ["anywhere", "file"])
def test_no_request_makes_an_error_of_ours(connection, place):
    opened, address = connection

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(["GET", "HEAD", "OPTIONS", "PUT"]), _paths, st.text("?&=%ab+/", max_size=8), _headers)
    def ask(method, path, query, headers):
        if place == "file":
            path = address
        opened.putrequest(method, path + ("?" + query if query else ""), skip_accept_encoding=True)
        for name, value in headers.items():
            opened.putheader(name, value.strip())
        opened.endheaders()
        answer = opened.getresponse()
        body = answer.read()
        assert answer.status < 500, (method, path, headers)
        if (
            answer.status in (400, 404, 405, 406)
            and method != "HEAD"
            and answer.headers["Content-Type"] != "text/plain; charset=utf-8"
        ):
            assert answer.headers["Content-Type"] == "application/problem+json", (method, path)
        if method == "HEAD":
            assert body == b""

    ask()
