"""For each verdict, every address by which bytes or metadata could leave, and every index that layers another."""

import json
import xmlrpc.client
from urllib.parse import unquote

import pytest

from tests.support.distributions import sdist_bytes, sdist_name, wheel_name
from tests.support.upstream import days_ago

CONFIG = """
[policies.standard.lists]
deny = ["sour"]
[policies.narrow]
lists = { deny = ["plain==2.0"] }
[indexes.team]
sources = ["main"]
policy = "open"
[indexes.narrow]
sources = ["public"]
policy = "narrow"
[indexes.over-narrow]
sources = ["narrow"]
policy = "open"
"""


@pytest.fixture(scope="module")
def configuration():
    return CONFIG


@pytest.fixture(scope="module", autouse=True)
def projects(upstream):
    upstream.wheel("sour", "1.0", keys={"upload-time": days_ago(50)})
    upstream.add("sour", sdist_name("sour", "1.0"), sdist_bytes("sour", "1.0"), uploaded=days_ago(50))
    upstream.wheel("fresh", "1.0", keys={"upload-time": days_ago(1)})
    upstream.wheel("aging", "1.0", keys={"upload-time": days_ago(50)})
    upstream.wheel("aging", "2.0", keys={"upload-time": days_ago(1)})
    upstream.wheel("plain", "1.0", keys={"upload-time": days_ago(50)})
    upstream.wheel("plain", "2.0", keys={"upload-time": days_ago(50)})
    upstream.wheel("bad", "1.0", keys={"upload-time": days_ago(50)})
    upstream.statuses["bad"] = {"status": "quarantined", "reason": "malware"}


REFUSED = [
    ("sour", wheel_name("sour", "1.0")),
    ("sour", sdist_name("sour", "1.0")),
    ("fresh", wheel_name("fresh", "1.0")),
    ("aging", wheel_name("aging", "2.0")),
    ("bad", wheel_name("bad", "1.0")),
]
WAYS = ({}, {"Range": "bytes=0-15"}, {"Range": "bytes=-16"}, {"If-Range": '"x"', "Range": "bytes=0-"})


def digest_of(affineur, project, filename, index):
    (row,) = [row for row in affineur.page(project, index)["files"] if row["filename"] == filename]
    return row["hashes"]["sha256"]


def addresses(index, digest, filename):
    """Every spelling of a file's address that a client, or somebody who guesses, may try."""
    place = f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"
    for name in (filename, filename.replace("-", "%2D", 1), filename.upper()):
        yield f"/packages/{index}/{place}/{name}"
        yield f"/packages/{index}/{place.upper()}/{name}"
        yield f"/packages/{index}/unhashed/{filename.partition('-')[0]}/{name}"
        yield f"/{index}/packages/{index}/{place}/{name}"
        yield f"/packages/{index}/../{index}/{place}/{name}"
    yield f"/packages/{place}/{filename}"
    yield f"/blobs/{place}"


@pytest.fixture(scope="module")
def in_cache(affineur, projects):
    """Have the mirror hold every byte, fetched through an index that refuses nothing."""
    for project, filename in REFUSED:
        if project == "bad":
            continue
        digest = digest_of(affineur, project, filename, "public")
        place = f"{digest[:2]}/{digest[2:4]}/{digest[4:]}"
        assert affineur.get(f"/packages/public/{place}/{filename}").status_code == 200


@pytest.mark.parametrize(("project", "filename"), REFUSED)
@pytest.mark.parametrize("index", ["main", "team"])
def test_no_address_gives_the_bytes(affineur, upstream, in_cache, project, filename, index):
    body = upstream.bodies[filename]
    digest = upstream.projects[project][filename]["hashes"]["sha256"]
    some_pass = project == "aging"
    for number, address in enumerate(addresses(index, digest, filename)):
        for suffix in ("", ".metadata", ".asc", ".provenance") if number < 2 else ("",):
            for headers in WAYS if number < 1 else ({},):
                answer = affineur.get(address + suffix, headers=headers, allow_redirects=False)
                if suffix == ".metadata" and some_pass and index == "main" and answer.status_code == 200:
                    continue
                assert answer.status_code in {403, 404}, address
                assert body[:16] not in answer.content


@pytest.mark.parametrize(("project", "filename"), REFUSED)
def test_a_conditional_request_tells_nothing_of_a_refused_file(affineur, upstream, in_cache, project, filename):
    digest = upstream.projects[project][filename]["hashes"]["sha256"]
    address = f"/packages/main/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{filename}"
    assert affineur.get(address, headers={"If-None-Match": f'"{digest}"'}).status_code == 403
    assert affineur.get(address, headers={"If-None-Match": "*"}).status_code == 403


@pytest.mark.parametrize("project", ["sour", "fresh", "bad"])
def test_other_interfaces_offer_no_refused_file(affineur, in_cache, project):
    document = affineur.get(f"/main/pypi/{project}/json")
    if document.status_code == 200:
        assert document.json()["urls"] == []
        assert all(files == [] for files in document.json()["releases"].values())
    server = xmlrpc.client.ServerProxy(f"{affineur.url}/main/pypi")
    try:
        assert server.release_urls(project, "1.0") == []
    except xmlrpc.client.Fault:
        pass


def test_an_index_over_another_takes_its_gate_with_it(affineur):
    filenames = [row["filename"] for row in affineur.page("plain", "over-narrow")["files"]]
    assert filenames == [wheel_name("plain", "1.0")]
    digest = digest_of(affineur, "plain", wheel_name("plain", "2.0"), "public")
    for index in ("narrow", "over-narrow"):
        address = f"/packages/{index}/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{wheel_name('plain', '2.0')}"
        assert affineur.get(address).status_code in {403, 404}
    address = f"/packages/public/{digest[:2]}/{digest[2:4]}/{digest[4:]}/{wheel_name('plain', '2.0')}"
    assert affineur.get(address).status_code == 200


def test_the_digest_of_one_file_does_not_open_another(affineur):
    allowed = digest_of(affineur, "aging", wheel_name("aging", "1.0"), "main")
    place = f"{allowed[:2]}/{allowed[2:4]}/{allowed[4:]}"
    assert affineur.get(f"/packages/main/{place}/{wheel_name('aging', '1.0')}").status_code == 200
    assert affineur.get(f"/packages/main/{place}/{wheel_name('aging', '2.0')}").status_code == 404
    assert affineur.get(f"/packages/main/{place}/{wheel_name('sour', '1.0')}").status_code == 404


def test_both_forms_of_a_page_agree_on_what_is_refused(affineur):
    for project in ("sour", "fresh", "aging", "bad"):
        rows = affineur.page(project)["files"]
        html = affineur.get(f"/main/simple/{project}/", headers={"Accept": "text/html"}).text
        for row in rows:
            anchor = next(line for line in html.splitlines() if f">{row['filename']}<" in line)
            assert bool(row["yanked"]) == ("data-yanked" in anchor)
            assert unquote(row["url"]) in unquote(anchor)
    assert json.dumps(affineur.page("sour")["files"]).count('"yanked":') == 2
