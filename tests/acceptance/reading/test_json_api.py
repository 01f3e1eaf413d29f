"""The JSON API over HTTP: what tools that know the public index read."""

import gzip
import hashlib

import pytest
import requests
import zstandard

from tests.support.advisories import osv
from tests.support.advisories import raw as raw_record
from tests.support.distributions import metadata_of, sdist_bytes, sdist_name, wheel_bytes, wheel_name
from tests.support.server import Affineur
from tests.support.upstream import Upstream

SUMMARY = "Summary: a soft cheese\nHome-page: https://example.org/brie\nDescription-Content-Type: text/plain\n"


@pytest.fixture(scope="module")
def upstream():
    made = Upstream()
    made.wheel("brie", "1.0", requires=["milk"], requires_python=">=3.8")
    made.wheel("brie", "2.0", metadata=metadata_of("Brie", "2.0", extra=SUMMARY))
    made.add("brie", sdist_name("brie", "2.0"), sdist_bytes("brie", "2.0"))
    made.wheel("brie", "3.0rc1")
    made.wheel("brie", "2.1", keys={"yanked": "sour"})
    made.wheel("gone", "1.0")
    made.statuses["gone"] = {"status": "quarantined", "reason": "bad"}
    made.wheel("plain", "1.0", keys={"hashes": {}})
    made.wheel("plain", "0.9")
    made.wheel("bad", "1.0", keys={"hashes": {}}, metadata=metadata_of("bad", "1.0", extra="Summary: hidden\n"))
    yield made
    made.stop()


def test_project_form(affineur, upstream):
    answer = affineur.get("/main/pypi/brie/json")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    made = answer.json()
    assert made["info"]["version"] == "2.0"
    assert made["info"]["name"] == "Brie"
    assert made["info"]["summary"] == "a soft cheese"
    assert set(made["releases"]) == {"1.0", "2.0", "2.1", "3.0rc1"}
    assert {row["filename"] for row in made["urls"]} == {wheel_name("brie", "2.0"), sdist_name("brie", "2.0")}
    assert made["releases"]["2.1"][0]["yanked_reason"] == "sour"
    assert made["last_serial"] == int(answer.headers["X-PyPI-Last-Serial"])
    row = made["releases"]["1.0"][0]
    assert row["url"].startswith(f"{affineur.url}/packages/main/")
    assert requests.get(row["url"], timeout=10).content == upstream.bodies[row["filename"]]


def test_release_form_has_no_releases_and_knows_its_versions_spellings(affineur):
    one = affineur.get("/main/pypi/brie/1.0/json").json()
    assert "releases" not in one
    assert one["info"]["requires_dist"] == ["milk"]
    assert one["info"]["version"] == "1.0"
    assert affineur.get("/main/pypi/brie/1.0.0/json").json() == one
    assert affineur.get("/main/pypi/brie/9.9/json").status_code == 404


@pytest.mark.parametrize("path", ["/pypi/brie/json", "/pypi/brie/json/", "/main/pypi/brie/json/"])
def test_the_default_index_answers_at_the_root_and_a_last_slash_is_no_matter(affineur, path):
    assert affineur.get(path).json() == affineur.get("/main/pypi/brie/json").json()


def test_other_spellings_redirect(affineur):
    for asked, wanted in [
        ("/main/pypi/Foo_Bar/json?a=1", "/main/pypi/foo-bar/json?a=1"),
        ("/pypi/Foo_Bar/json/", "/pypi/foo-bar/json/"),
        ("/main/pypi/Foo.Bar/1.0+a/json", "/main/pypi/foo-bar/1.0%2Ba/json"),
    ]:
        answer = affineur.get(asked, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (301, wanted)


@pytest.mark.parametrize("name", ["unknown", "gone"])
def test_unknown_and_quarantined_are_404(affineur, name):
    answer = affineur.get(f"/main/pypi/{name}/json")
    assert answer.status_code == 404
    assert name in answer.json()["detail"]


@pytest.mark.parametrize("path", ["%00", "..%2f..", "a%0ab", "%FF", "é", "x" * 300])
def test_names_that_are_none_are_never_500(affineur, path):
    for place in (f"/main/pypi/{path}/json", f"/main/pypi/brie/{path}/json"):
        assert affineur.get(place).status_code in {400, 404}


def test_validators_encodings_and_head(affineur):
    plain = affineur.get("/main/pypi/brie/json", headers={"Accept-Encoding": "identity"})
    assert plain.headers["Cache-Control"] == "no-cache"
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert plain.headers["Access-Control-Allow-Origin"] == "*"
    assert "Date" in plain.headers
    tags = {plain.headers["ETag"]}
    for coding, decoded in (("gzip", gzip.decompress), ("zstd", zstandard.ZstdDecompressor().decompress)):
        answer = affineur.get("/main/pypi/brie/json", headers={"Accept-Encoding": coding}, stream=True)
        assert answer.headers["Content-Encoding"] == coding
        raw = answer.raw.read(decode_content=False)
        assert decoded(raw) == plain.content
        tags.add(answer.headers["ETag"])
    assert len(tags) == 3
    again = {"Accept-Encoding": "identity", "If-None-Match": plain.headers["ETag"]}
    assert affineur.get("/main/pypi/brie/json", headers=again).status_code == 304
    head = requests.head(f"{affineur.url}/main/pypi/brie/json", headers={"Accept-Encoding": "identity"}, timeout=10)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == plain.headers["ETag"]
    assert head.headers["Content-Length"] == plain.headers["Content-Length"]


def test_refused_files_stand_apart_with_the_reason_on_the_page(affineur):
    page = {row["filename"]: row for row in affineur.page("plain")["files"]}
    made = affineur.get("/main/pypi/plain/json").json()
    assert made["info"]["version"] == "0.9"
    assert set(made["releases"]) == {"0.9"}
    (refused,) = made["_refused"]
    assert (refused["filename"], refused["version"]) == (wheel_name("plain", "1.0"), "1.0")
    assert refused["reason"] == page[refused["filename"]]["yanked"]
    alone = affineur.get("/main/pypi/plain/1.0/json").json()
    assert (alone["urls"], alone["_refused"]) == ([], [refused])


def test_a_project_with_nothing_but_refused_files(affineur):
    made = affineur.get("/main/pypi/bad/json").json()
    assert (made["releases"], made["urls"]) == ({}, [])
    assert made["info"]["version"] == "1.0"
    assert made["info"]["summary"] == ""
    assert made["info"]["yanked_reason"] == made["_refused"][0]["reason"]


def test_upload_is_seen_at_once_with_every_digest(affineur, token):
    for version in ("1.0", "1.1"):
        metadata = metadata_of("gouda", version, extra="Summary: firm\n")
        body = wheel_bytes("gouda", version, metadata=metadata)
        answer = affineur.upload(wheel_name("gouda", version), body, token=token)
        assert answer.status_code == 200, answer.text
        made = affineur.get("/main/pypi/gouda/json").json()
        assert (made["info"]["version"], made["info"]["summary"]) == (version, "firm")
        row = made["urls"][0]
        assert row["md5_digest"] == row["digests"]["md5"] == hashlib.md5(body).hexdigest()
        assert row["digests"]["sha256"] == hashlib.sha256(body).hexdigest()
        assert row["digests"]["blake2b_256"] == hashlib.blake2b(body, digest_size=32).hexdigest()
    affineur.command("withdraw", "yank", "gouda==1.1", "--reason", "holes")
    made = affineur.get("/main/pypi/gouda/json").json()
    assert made["info"]["version"] == "1.0"
    assert affineur.get("/main/pypi/gouda/1.1/json").json()["info"]["yanked_reason"] == "holes"


def test_metadata_that_cannot_be_had_now_is_asked_for_again(affineur, upstream):
    name = upstream.wheel("late", "1.0", metadata=metadata_of("late", "1.0", extra="Summary: at last\n"))
    upstream.overrides[f"/files/{name}.metadata"] = lambda handler: handler.answer(503, b"")
    try:
        first = affineur.get("/main/pypi/late/json")
        assert (first.status_code, first.json()["info"]["summary"]) == (200, "")
    finally:
        del upstream.overrides[f"/files/{name}.metadata"]
    assert affineur.get("/main/pypi/late/json").json()["info"]["summary"] == "at last"


def test_an_index_that_is_not_anonymous_wants_a_token(tmp_path):
    server = Affineur(tmp_path / "data", config="[indexes.internal]\nsources = ['internal']\nanonymous = false\n")
    server.start()
    try:
        reader = server.token("internal", "read")
        assert server.get("/internal/pypi/brie/json").status_code == 401
        assert server.get("/internal/pypi/brie/json", auth=("__token__", reader)).status_code == 404
    finally:
        server.stop()


def test_what_is_known_against_a_release(affineur, upstream, tmp_path):
    for version in ("1.0", "2.0"):
        upstream.wheel("holey", version)
    assert affineur.get("/main/pypi/holey/1.0/json").json()["vulnerabilities"] == []
    more = {"aliases": ["CVE-2024-1"], "summary": "holes", "details": "Large ones."}
    records = [
        osv("PYSEC-2024-1", "Holey", fixed="2.0", **more),
        osv("GHSA-x", "holey", fixed="2.0", aliases=["CVE-2024-1"]),
    ]
    (tmp_path / "feed.jsonl").write_bytes(b"\n".join(raw_record(record) for record in records))
    affineur.command("advisories", "import", str(tmp_path / "feed.jsonl"))
    (hole,) = affineur.get("/main/pypi/holey/1.0/json").json()["vulnerabilities"]
    assert (hole["id"], hole["fixed_in"], hole["summary"]) == ("PYSEC-2024-1", ["2.0"], "holes")
    assert set(hole["aliases"]) == {"CVE-2024-1", "GHSA-x"}
    assert affineur.get("/main/pypi/holey/2.0/json").json()["vulnerabilities"] == []
    assert affineur.get("/main/pypi/holey/json").json()["vulnerabilities"] == []
