"""What a project's page says: the same in JSON (PEP 691, 700, 792) and in HTML (PEP 503)."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.support import distributions

JSON = "application/vnd.pypi.simple.v1+json"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
ODD_REASON = 'broken <b>"badly"</b> & more'


class Anchors(HTMLParser):
    """Anchors of a page as (text, attributes), and its metas."""

    def __init__(self, text):
        super().__init__()
        self.found, self.metas, self._open = [], {}, False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.found.append(["", dict(attrs)])
            self._open = True
        elif tag == "meta" and "name" in dict(attrs):
            self.metas[dict(attrs)["name"]] = dict(attrs)["content"]

    def handle_endtag(self, tag):
        self._open = False if tag == "a" else self._open

    def handle_data(self, data):
        if self._open:
            self.found[-1][0] += data


@pytest.fixture(scope="module", autouse=True)
def projects(upstream):
    """Files of every kind under one name; each test looks at them from its side."""
    upstream.wheel("variety", "1.0", keys={"requires-python": ">=3.8,<4"})
    upstream.wheel("variety", "1.0.post1", keys={"requires-python": "about three"})
    upstream.wheel("variety", "1.1", keys={"yanked": True})
    upstream.wheel("variety", "1.2", keys={"yanked": ODD_REASON})
    upstream.wheel("variety", "1.3", keys={"yanked": ""})
    upstream.wheel("variety", "1.4+cu.1")
    upstream.wheel("variety", "1.5", keys={"upload-time": "2024-05-06T07:08:09Z"})
    upstream.wheel("variety", "1.5", tag="cp313-cp313-manylinux_2_28_x86_64", keys={"requires-python": "!=3.9.*"})
    upstream.add("variety", "variety-1.5.tar.gz", distributions.sdist_bytes("variety", "1.5"))
    upstream.add("variety", "variety-0.1.zip", distributions.wheel_bytes("variety", "0.1"))


@pytest.fixture
def page(affineur):
    return affineur.page("variety")


@pytest.fixture
def html(affineur):
    return Anchors(affineur.get("/main/simple/variety/").text)


def test_every_upstream_file_is_listed_with_what_the_upstream_stated(page, upstream):
    assert {row["filename"] for row in page["files"]} == set(upstream.projects["variety"])
    for row in page["files"]:
        stated = upstream.projects["variety"][row["filename"]]
        assert row["hashes"]["sha256"] == stated["hashes"]["sha256"]
        assert row["size"] == stated["size"]
        assert type(row["size"]) is int
        assert TIME.fullmatch(row["upload-time"])
        assert row["upload-time"].removesuffix("Z").rstrip("0").rstrip(".") == (
            stated["upload-time"].removesuffix("Z").rstrip("0").rstrip(".")
        )


def test_versions_name_each_version_once(page):
    assert len(page["versions"]) == len(set(page["versions"]))
    assert set(page["versions"]) == {"0.1", "1.0", "1.0.post1", "1.1", "1.2", "1.3", "1.4+cu.1", "1.5"}


def test_the_name_is_normalised(affineur, upstream):
    upstream.wheel("two-words", "1.0")
    assert affineur.page("Two.Words")["name"] == "two-words"


def test_addresses_resolve_and_end_in_the_file_name(affineur, page):
    for row in page["files"]:
        address = urljoin(affineur.index() + "variety/", row["url"])
        assert unquote(urlsplit(address).path.rpartition("/")[2]) == row["filename"]
        assert affineur.get(urlsplit(address).path).status_code == 200


def test_requires_python_passes_where_it_can_be_read(page):
    stated = {row["filename"]: row.get("requires-python") for row in page["files"]}
    assert stated["variety-1.0-py3-none-any.whl"] == ">=3.8,<4"
    assert stated["variety-1.0.post1-py3-none-any.whl"] is None
    assert stated["variety-1.1-py3-none-any.whl"] is None


def test_yanks_pass_with_their_reason_and_are_never_an_empty_text(page):
    stated = {row["filename"].split("-")[1]: row["yanked"] for row in page["files"]}
    assert stated["1.1"] is True
    assert stated["1.2"] == ODD_REASON
    assert stated["1.0"] is False
    assert stated["1.3"] is False


def test_html_says_what_json_says(page, html):
    assert [text for text, _ in html.found] == [row["filename"] for row in page["files"]]
    for row, (_, anchor) in zip(page["files"], html.found, strict=True):
        address, _, fragment = anchor["href"].partition("#")
        assert address == row["url"]
        assert fragment == f"sha256={row['hashes']['sha256']}"
        assert anchor.get("data-requires-python") == row.get("requires-python")
        yanked = anchor.get("data-yanked", False)
        assert (True if yanked == "" else yanked) == row["yanked"]
        offered = f"sha256={row['core-metadata']['sha256']}" if row["core-metadata"] else None
        assert anchor.get("data-core-metadata") == offered
        assert anchor.get("data-dist-info-metadata") == offered


def test_html_escapes_what_packages_say(affineur):
    text = affineur.get("/main/simple/variety/").text
    assert 'data-requires-python="&gt;=3.8,&lt;4"' in text
    assert "broken &lt;b&gt;&quot;badly&quot;&lt;/b&gt; &amp; more" in text


def test_json_has_no_dist_info_metadata_which_breaks_older_pips(page):
    for row in page["files"]:
        assert "dist-info-metadata" not in row
        assert "data-dist-info-metadata" not in row


def test_keys_that_no_standard_knows_begin_with_an_underscore(affineur, page):
    root = affineur.get("/main/simple/", headers={"Accept": JSON}).json()
    page_keys = {"meta", "name", "project-status", "versions", "files", "alternate-locations", "tracks"}
    file_keys = {
        "filename", "url", "hashes", "requires-python", "size", "upload-time", "yanked", "core-metadata",
        "provenance", "gpg-sig",
    }  # fmt: skip
    assert {key for key in page if key[0] != "_"} <= page_keys
    assert {key for key in root if key[0] != "_"} <= {"meta", "projects"}
    for document in (page, root):
        assert {key for key in document["meta"] if key[0] != "_"} == {"api-version"}
    assert {key for row in page["files"] for key in row if key[0] != "_"} <= file_keys
    assert {key for row in root["projects"] for key in row if key[0] != "_"} == {"name"}


def test_the_status_of_a_project_passes_with_its_reason(affineur, upstream):
    upstream.wheel("elderly", "1.0")
    upstream.statuses["elderly"] = {"status": "deprecated", "reason": "use \x1b[31myounger\n& <newer>"}
    page = affineur.page("elderly")
    assert page["project-status"] == {"status": "deprecated", "reason": "use  [31myounger & <newer>"}
    metas = Anchors(affineur.get("/main/simple/elderly/").text).metas
    assert metas["pypi:project-status"] == "deprecated"
    assert metas["pypi:project-status-reason"] == page["project-status"]["reason"]


def test_a_status_nobody_knows_counts_as_active(affineur, upstream):
    upstream.wheel("novel", "1.0")
    upstream.statuses["novel"] = {"status": "haunted", "reason": "no"}
    assert affineur.page("novel")["project-status"] == {"status": "active"}


def test_a_yank_and_its_end_are_seen_at_the_next_request(affineur, upstream):
    filename = upstream.wheel("moody", "1.0")
    row = upstream.projects["moody"][filename]
    tags = []
    for stated in (False, "bad day", False):
        row["yanked"] = stated
        answer = affineur.get("/main/simple/moody/", headers={"Accept": JSON})
        assert answer.json()["files"][0]["yanked"] == stated
        tags.append(answer.headers["ETag"])
    assert tags[0] != tags[1] != tags[2]


def test_links_are_absolute_under_the_public_address_and_never_under_the_host_header(tmp_path, upstream):
    from tests.support.server import Affineur

    upstream.wheel("variety", "1.0", keys={"requires-python": ">=3.8,<4"})
    with Affineur(tmp_path / "data", upstream.url, AFFINEUR_PUBLIC_URL="https://packages.example.org/") as server:
        answer = server.get(
            "/main/simple/variety/",
            headers={"Accept": JSON, "Host": "evil.example", "X-Forwarded-Host": "evil.example"},
        )
        assert "evil.example" not in answer.text
        for row in answer.json()["files"]:
            assert row["url"].startswith("https://packages.example.org/packages/main/")
            assert server.get(urlsplit(row["url"]).path).status_code == 200


def test_what_the_upstream_says_in_html_is_said_again(tmp_path, upstream):
    from tests.support.server import Affineur

    filename = upstream.wheel("plain", "1.0", keys={"requires-python": ">=3.8", "yanked": ODD_REASON})
    upstream.form = "html"
    try:
        with Affineur(tmp_path / "data", upstream.url) as server:
            (row,) = server.page("plain")["files"]
    finally:
        upstream.form = "json"
    stated = upstream.projects["plain"][filename]
    assert row["hashes"] == stated["hashes"]
    assert row["requires-python"] == ">=3.8"
    assert row["yanked"] == ODD_REASON
    assert row["core-metadata"] == stated["core-metadata"]


def test_what_the_upstream_does_not_state_of_a_file_is_told_once_the_file_is_here(affineur, upstream):
    filename = upstream.wheel("untold", "1.0", keys={"size": None, "core-metadata": False})
    (row,) = affineur.page("untold")["files"]
    assert "size" not in row
    assert affineur.get(row["url"]).status_code == 200
    (row,) = affineur.page("untold")["files"]
    assert row["size"] == len(upstream.bodies[filename])
    assert row["core-metadata"]["sha256"]
