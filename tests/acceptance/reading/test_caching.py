"""What makes a page cheap to ask for again, and visible at once when it changed."""

import gzip
import re
from email.utils import parsedate_to_datetime

import pytest
import zstandard

JSON = "application/vnd.pypi.simple.v1+json"
HTML_V1 = "application/vnd.pypi.simple.v1+html"
FORMS = [JSON, HTML_V1, "text/html"]
CODINGS = ["identity", "gzip", "zstd"]
STRONG = re.compile(r'"[!#-~]+"')


@pytest.fixture(scope="module", autouse=True)
def project(upstream):
    for minor in range(8):
        upstream.wheel("cheddar", f"1.{minor}")


def unpack(body, coding):
    if coding == "gzip":
        return gzip.decompress(body)
    return zstandard.ZstdDecompressor().decompress(body, 2**20) if coding == "zstd" else body


@pytest.mark.parametrize("path", ["/main/simple/cheddar/", "/main/simple/", "/main/pypi/cheddar/json"])
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("form", FORMS)
def test_what_has_not_changed_is_304(raw, path, form, coding):
    asked = {"Accept": form, "Accept-Encoding": coding}
    first, body = raw(path, headers=asked)
    assert first.status == 200
    assert STRONG.fullmatch(first.headers["ETag"])
    for tag in (first.headers["ETag"], "W/" + first.headers["ETag"], f'"other", {first.headers["ETag"]}', "*"):
        again, nothing = raw(path, headers={**asked, "If-None-Match": tag})
        assert again.status == 304
        assert nothing == b""
        assert "Content-Encoding" not in again.headers
        for name in ("ETag", "Cache-Control", "Vary", "Date"):
            assert name in again.headers, name
            assert name == "Date" or again.headers[name] == first.headers[name]
    other, whole = raw(path, headers={**asked, "If-None-Match": '"other"'})
    assert other.status == 200
    assert whole == body


def test_every_form_and_coding_has_its_own_tag(raw):
    tags = {}
    for form in FORMS:
        for coding in CODINGS:
            answer, body = raw("/main/simple/cheddar/", headers={"Accept": form, "Accept-Encoding": coding})
            assert answer.headers.get("Content-Encoding", "identity") == coding
            tags[form, coding] = answer.headers["ETag"]
            plain, wanted = raw("/main/simple/cheddar/", headers={"Accept": form})
            assert unpack(body, coding) == wanted
            assert plain.headers["ETag"] == tags[form, "identity"]
    assert len(set(tags.values())) == len(tags)


ACCEPTED = [
    (None, "identity"),
    ("", "identity"),
    ("identity", "identity"),
    ("gzip, deflate", "gzip"),
    ("gzip, deflate, zstd", "zstd"),
    ("zstd,gzip,deflate", "zstd"),
    ("gzip, deflate, zstd;q=0", "gzip"),
    ("zstd;q=0, gzip;q=0", "identity"),
    ("gzip;q=0.5, zstd;q=0.4", "gzip"),
    ("br", "identity"),
    ("deflate", "identity"),
    ("*", "zstd"),
    ("*;q=0", "identity"),
    ("zstd;q=0, *", "gzip"),
    ("GZIP", "gzip"),
    ("gzip;q=x", "identity"),
]


@pytest.mark.parametrize(("accepted", "wanted"), ACCEPTED)
def test_pages_and_metadata_come_compressed_as_accepted(affineur, raw, accepted, wanted):
    headers = {} if accepted is None else {"Accept-Encoding": accepted}
    answer, _ = raw("/main/simple/cheddar/", headers=headers)
    assert answer.headers.get("Content-Encoding", "identity") == wanted
    assert "Accept-Encoding" in [name.strip() for name in answer.headers["Vary"].split(",")]


@pytest.mark.parametrize(
    "path",
    [
        "/main/simple/",
        "/main/simple/cheddar/",
        "/main/simple/cheddar",
        "/main/simple/nothing-there/",
        "/x",
        "/-/health",
    ],
)
def test_every_answer_has_a_date(raw, path):
    answer, _ = raw(path)
    assert parsedate_to_datetime(answer.headers["Date"]).tzinfo is not None


def test_pages_are_asked_for_again_before_they_are_used(raw):
    for path in ("/main/simple/", "/main/simple/cheddar/"):
        answer, _ = raw(path)
        assert answer.headers["Cache-Control"] == "no-cache"


def test_an_upload_is_on_the_page_at_once(affineur, token):
    from tests.support import distributions

    tags = []
    for version in ("1.0", "1.1"):
        name = distributions.wheel_name("gouda", version)
        assert affineur.upload(name, distributions.wheel_bytes("gouda", version), token=token).status_code == 200
        answer = affineur.get("/main/simple/gouda/", headers={"Accept": JSON})
        assert name in [row["filename"] for row in answer.json()["files"]]
        tags.append(answer.headers["ETag"])
    assert tags[0] != tags[1]
    affineur.command("withdraw", "yank", "gouda==1.1", "--source", "internal", "--reason", "too hard")
    assert affineur.page("gouda")["files"][1]["yanked"] == "too hard"
    affineur.command("withdraw", "unyank", "gouda==1.1", "--source", "internal")
    assert affineur.page("gouda")["files"][1]["yanked"] is False
