"""XML-RPC over HTTP, on both kinds of database: what mirrors and old tools ask."""

import socket
import xmlrpc.client
from xmlrpc.client import Fault, ServerProxy

import pytest
import requests

from tests.support.distributions import metadata_of, wheel_bytes, wheel_name
from tests.support.polling import eventually
from tests.support.upstream import Upstream

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


@pytest.fixture(scope="module")
def upstream():
    made = Upstream()
    made.wheel("brie", "1.0", requires=["milk"])
    extra = (
        "Summary: a soft \x1b cheese\nHome-page: https://example.org/brie\nProject-URL: Docs, https://example.org/d\n\n"
    )
    made.wheel("brie", "2.0", metadata=metadata_of("Brie", "2.0", extra=extra + "Long. " * 1000))
    made.wheel("brie", "3.0rc1")
    made.wheel("zope-brie", "1.0")
    made.wheel("plain", "1.0", keys={"hashes": {}})
    made.wheel("plain", "0.9", metadata=metadata_of("plain", "0.9", extra="Summary: fine\n"))
    made.wheel("bad", "1.0", keys={"hashes": {}}, metadata=metadata_of("bad", "1.0", extra="Summary: hidden\n"))
    made.wheel("gone", "1.0")
    made.statuses["gone"] = {"status": "quarantined", "reason": "bad"}
    yield made
    made.stop()


@pytest.fixture(scope="module")
def seen(affineur):
    """Have the mirror see every project of the upstream; the quarantined one leaves the list in a moment."""
    for name in ("brie", "zope-brie", "plain", "bad", "gone"):
        affineur.page(name)
    assert eventually(lambda: "gone" not in root_serials(affineur)[0]), "a quarantined project stays on the list"


@pytest.fixture(scope="module")
def proxy(affineur, seen):
    with ServerProxy(f"{affineur.url}/main/pypi", allow_none=True, use_builtin_types=True) as made:
        yield made


def root_serials(affineur, index="main"):
    root = affineur.get(f"/{index}/simple/", headers=JSON).json()
    return {row["name"]: row["_last-serial"] for row in root["projects"]}, root["meta"]["_last-serial"]


def upload(affineur, token, name, version):
    answer = affineur.upload(wheel_name(name, version), wheel_bytes(name, version), token=token)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("path", ["/main/pypi", "/main/pypi/", "/main/RPC2", "/pypi", "/pypi/", "/RPC2"])
def test_every_address_answers(affineur, proxy, path):
    with ServerProxy(affineur.url + path) as other:
        assert set(other.list_packages_with_serial()) == set(proxy.list_packages_with_serial()) >= {"brie", "plain"}


def test_list_and_last_serial_agree_with_the_simple_api(affineur, proxy, token):
    upload(affineur, token, "feta", "1.0")
    for _ in range(20):  # what is noted in the background may raise a serial between two questions
        serials, last = root_serials(affineur)
        told = proxy.list_packages_with_serial(), proxy.changelog_last_serial()
        if root_serials(affineur) == (serials, last):
            break
    assert told == (serials, last)
    assert {"brie", "feta"} <= set(serials)
    assert int(affineur.get("/main/simple/feta/").headers["X-PyPI-Last-Serial"]) == serials["feta"]
    assert max(serials.values()) == last


def test_changelog_is_ascending_and_after_the_serial(affineur, proxy, token):
    before = proxy.changelog_last_serial()
    upload(affineur, token, "edam", "1.0")
    upload(affineur, token, "edam", "1.1")
    affineur.command("withdraw", "yank", "edam==1.0", "--reason", "old")
    rows = proxy.changelog_since_serial(before)
    assert [(name, version, action) for name, version, _, action, _ in rows] == [
        ("edam", "1.0", f"add file {wheel_name('edam', '1.0')}"),
        ("edam", "1.1", f"add file {wheel_name('edam', '1.1')}"),
        ("edam", "1.0", "yank release"),
    ]
    serials = [row[4] for row in rows]
    assert serials == sorted(set(serials))
    assert serials[0] > before
    assert serials[-1] == proxy.changelog_last_serial()
    assert proxy.changelog_since_serial(serials[0]) == rows[1:]
    assert proxy.changelog_since_serial(serials[-1]) == []


def test_changelog_never_promises_more_than_the_page_states(affineur, proxy):
    rows = proxy.changelog_since_serial(0)
    assert {row[0] for row in rows} == set(root_serials(affineur)[0])
    for name, serial in {row[0]: row[4] for row in rows}.items():
        assert int(affineur.get(f"/main/simple/{name}/").headers["X-PyPI-Last-Serial"]) >= serial


def test_a_name_of_ours_tells_nothing_of_what_the_mirror_knew(affineur, upstream, proxy, token):
    upstream.wheel("quark", "9.0")
    affineur.page("quark")
    before = proxy.changelog_last_serial()
    assert any(row[0] == "quark" for row in proxy.changelog_since_serial(0))
    affineur.command("index", "claim", "quark")
    upload(affineur, token, "quark", "1.0")
    rows = [row for row in proxy.changelog_since_serial(0) if row[0] == "quark"]
    assert [row[1] for row in rows] == ["1.0"]
    assert rows[0][4] > before
    with ServerProxy(f"{affineur.url}/internal/pypi") as internal:
        assert "brie" not in internal.list_packages_with_serial()
        assert {row[0] for row in internal.changelog_since_serial(0)} <= set(internal.list_packages_with_serial())


def test_package_releases(proxy):
    assert proxy.package_releases("Brie") == ["2.0"]
    assert proxy.package_releases("brie", True) == ["3.0rc1", "2.0", "1.0"]
    assert proxy.package_releases("brie", 1) == ["3.0rc1", "2.0", "1.0"]
    for name in ("unknown", "gone", "no name!"):
        assert proxy.package_releases(name) == []


def test_release_data_and_urls(affineur, proxy, upstream):
    data = proxy.release_data("brie", "2.0")
    assert (data["name"], data["version"]) == ("Brie", "2.0")
    assert data["summary"] == "a soft \ufffd cheese"
    assert data["project_url"] == ["Docs, https://example.org/d"]
    assert data["classifiers"] == []
    assert proxy.release_data("brie", "1.0.0")["requires_dist"] == ["milk"]
    assert proxy.release_data("brie", "7") == proxy.release_data("unknown", "1") == {}
    (row,) = proxy.release_urls("BRIE", "1.0.0")
    assert row["filename"] == wheel_name("brie", "1.0")
    told = affineur.get("/main/pypi/brie/1.0/json").json()["urls"][0]
    assert row == {**told, "sha256_digest": told["digests"]["sha256"]}
    assert requests.get(row["url"], timeout=10).content == upstream.bodies[row["filename"]]
    assert proxy.release_urls("brie", "7") == proxy.release_urls("unknown", "1") == []


def test_search_as_pip_asks(proxy):
    hits = proxy.search({"name": ["Zope_Brie"], "summary": ["Zope_Brie"]}, "or")
    assert [(hit["name"], hit["version"]) for hit in hits] == [("zope-brie", "1.0")]
    hits = proxy.search({"name": "bri"})
    assert [hit["name"] for hit in hits] == ["Brie", "zope-brie"]
    assert hits[0]["summary"].startswith("a soft")
    assert [hit["name"] for hit in proxy.search({"name": "bri", "summary": "SOFT"}, "and")] == ["Brie"]
    assert proxy.search({"name": "nothing-of-that-name"}) == []


def test_refused_files_are_not_told_of(affineur, proxy):
    assert {row["filename"] for row in affineur.page("plain")["files"] if row["yanked"]} == {wheel_name("plain", "1.0")}
    assert proxy.release_urls("plain", "1.0") == []
    assert proxy.package_releases("plain", True) == proxy.package_releases("plain") == ["0.9"]
    assert proxy.release_data("plain", "1.0")["summary"] == ""
    assert proxy.release_data("bad", "1.0")["summary"] == ""
    assert [hit["summary"] for hit in proxy.search({"name": "bad"})] == [""]
    assert proxy.package_releases("bad", True) == []
    assert proxy.search({"name": "gone"}) == []
    assert proxy.release_urls("gone", "1.0") == []


@pytest.mark.parametrize("method", ["updated_releases", "user_packages", "top_packages", "changelog", "list_packages"])
def test_removed_methods_are_faults_with_a_sentence(proxy, method):
    with pytest.raises(Fault, match="was removed") as caught:
        getattr(proxy, method)(1)
    assert caught.value.faultCode == -32601


@pytest.mark.parametrize(
    ("method", "parameters", "told"),
    [
        ("no_such", (), "there is no such method"),
        ("system.multicall", ([],), "there is no such method"),
        ("changelog_since_serial", (), "missing|at least"),
        ("changelog_since_serial", ("1",), "int"),
        ("changelog_last_serial", (1,), "at most"),
        ("package_releases", ({"a": 1},), "str"),
        ("search", ("brie",), "object"),
        ("search", ({"summary": "soft"},), "a name is wanted"),
        ("search", ({"name": "brie"}, "xor"), "'and' or 'or'"),
    ],
)
def test_wrong_calls_are_faults_that_say_why(proxy, method, parameters, told):
    with pytest.raises(Fault, match=told):
        getattr(proxy, method)(*parameters)


def post(affineur, body, **headers):
    return requests.post(f"{affineur.url}/main/pypi", data=body, headers=headers, timeout=10)


def test_hostile_bodies(affineur):
    bomb = b'<!DOCTYPE a [<!ENTITY b "cc">]><methodCall><methodName>&b;</methodName></methodCall>'
    answer = post(affineur, bomb)
    assert answer.status_code == 200
    with pytest.raises(Fault, match="DTDForbidden"):
        xmlrpc.client.loads(answer.content)
    assert post(affineur, b"<methodCall>" + b"<a>" * 80_000).status_code == 200
    number = b"<params><param><value><int>" + b"9" * 30 + b"</int></value></param></params>"
    answer = post(affineur, b"<methodCall><methodName>changelog_since_serial</methodName>" + number + b"</methodCall>")
    assert answer.status_code == 200
    with pytest.raises(Fault, match="int"):
        xmlrpc.client.loads(answer.content)
    assert post(affineur, b" " * 300_000).status_code == 413


def test_a_body_that_is_too_long_is_refused_unread(affineur):
    with socket.create_connection(("127.0.0.1", affineur.port), 10) as connection:
        connection.sendall(b"POST /main/pypi HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["/main/pypi", "/pypi/", "/RPC2", "/main/RPC2"])
def test_only_post(affineur, path):
    answer = affineur.get(path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert affineur.get("/nowhere/RPC2").status_code == 405


def test_long_answers_come_compressed(affineur, proxy):
    body = xmlrpc.client.dumps(("brie", "2.0"), "release_data").encode()
    plain = post(affineur, body, **{"Accept-Encoding": "identity"})
    small = post(affineur, body, **{"Accept-Encoding": "gzip"})
    assert plain.content == small.content
    assert "Content-Encoding" not in plain.headers
    assert len(plain.content) > 4096
    assert small.headers["Content-Encoding"] == "gzip"
