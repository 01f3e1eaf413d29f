"""JSON pages of upstreams: what is odd about a file costs that file or that key, never the page."""

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.errors import InvalidDocument
from affineur.model.files import Page, Status
from affineur.sources.pinned import Listing, merge
from affineur.standards.simple_api.parse_json import parse_json
from affineur.standards.simple_api.render import render_html, render_json

BASE = "https://index.example.org/simple/cheddar/"
WHEEL = "cheddar-1.0-py3-none-any.whl"
SHA256 = "ab" * 32


def document(*files, **keys):
    return json.dumps({"meta": {"api-version": "1.4"}, "name": "cheddar", "files": list(files), **keys}).encode()


def row(**keys):
    return {"filename": WHEEL, "url": f"../../files/{WHEEL}", "hashes": {"sha256": SHA256}, **keys}


def only(**keys):
    (file,) = parse_json(document(row(**keys)), "cheddar", BASE).files
    return file


def test_a_file_with_everything():
    file = only(
        **{
            "requires-python": ">=3.8", "size": 12, "upload-time": "2024-01-02T03:04:05.6Z", "yanked": "bad",
            "core-metadata": {"sha256": SHA256}, "provenance": "https://index.example.org/p", "gpg-sig": False,
            "_unknown": {"x": [1]}, "dist-info-metadata": False,
        }
    )  # fmt: skip
    assert file.url == f"https://index.example.org/files/{WHEEL}"
    assert (file.size, file.requires_python, file.yanked, file.yanked_reason) == (12, ">=3.8", True, "bad")
    assert file.upload_time == datetime(2024, 1, 2, 3, 4, 5, 600_000, UTC)
    assert file.metadata_hashes == {"sha256": SHA256}
    assert (file.provenance, file.signed) == ("https://index.example.org/p", False)


@pytest.mark.parametrize(
    ("key", "value", "field", "wanted"),
    [
        ("size", -1, "size", None),
        ("size", "12", "size", None),
        ("size", True, "size", None),
        ("size", 10**30, "size", None),
        ("size", 1.5, "size", None),
        ("hashes", None, "hashes", {}),
        ("hashes", {"sha256": "zz" * 32, "md5": 1}, "hashes", {}),
        ("hashes", {"sha256": SHA256.upper(), "sha1": "00"}, "hashes", {"sha256": SHA256}),
        ("requires-python", "three", "requires_python", None),
        ("requires-python", ["3"], "requires_python", None),
        ("yanked", None, "yanked", False),
        ("yanked", "", "yanked", False),
        ("yanked", True, "yanked_reason", ""),
        ("core-metadata", True, "metadata_hashes", {}),
        ("core-metadata", False, "metadata_hashes", None),
        ("core-metadata", "yes", "metadata_hashes", None),
        ("dist-info-metadata", {"sha256": SHA256}, "metadata_hashes", {"sha256": SHA256}),
        ("provenance", None, "provenance", None),
        ("provenance", 3, "provenance", None),
        ("upload-time", 3, "upload_time", None),
        ("url", f"a b/{WHEEL}#sha256=00", "url", f"{BASE}a%20b/{WHEEL}"),
    ],
)
def test_odd_values(key, value, field, wanted):
    assert getattr(only(**{key: value}), field) == wanted


@pytest.mark.parametrize(
    "odd",
    [
        {"filename": "brie-1.0.tar.gz"}, {"filename": "../cheddar-1.0.tar.gz"}, {"filename": "cheddar-1.0\n.tar.gz"},
        {"filename": "cheddar-1.0.txt"}, {"url": "file:///etc/passwd"}, {"url": "//["}, {"url": "javascript:1"},
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_one_of_the_project_is_left_out(odd):
    page = parse_json(document({**row(), **odd}, row(filename="cheddar-2.0.tar.gz")), "cheddar", BASE)
    assert [file.filename for file in page.files] == ["cheddar-2.0.tar.gz"]


def test_the_first_of_two_files_of_a_name_stands():
    page = parse_json(document(row(size=1), row(size=2)), "cheddar", BASE)
    assert [file.size for file in page.files] == [1]


def test_versions_and_status():
    page = parse_json(
        document(versions=["1.0", 2, None], **{"project-status": {"status": "quarantined", "reason": "x\ny"}}),
        "cheddar",
        BASE,
    )
    assert page.versions == ("1.0",)
    assert (page.status.status, page.status.reason) == (Status.QUARANTINED, "x y")
    in_meta = b'{"meta": {"project-status": {"status": "archived"}}, "files": []}'
    assert parse_json(in_meta, "cheddar", BASE).status.status is Status.ARCHIVED


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"{}", b'{"files": null}', b'{"files": [1]}', b'{"files": [{"filename": "x"}]}',
        b'{"files": [], "meta": 1}', b"<html>", b'{"files": [{"filename": "\\ud800", "url": ""}]}', b'\xff{"files": []}',
        b'{"meta": {"api-version": "2.0"}, "files": []}', b'{"files": [], "meta": {"x": ' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_page_is_refused(body):
    with pytest.raises(InvalidDocument):
        parse_json(body, "cheddar", BASE)


_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
_values = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3))  # fmt: skip
_keys = st.sampled_from(
    ["hashes", "requires-python", "size", "upload-time", "yanked", "core-metadata", "dist-info-metadata", "provenance",
     "gpg-sig", "_x"]
)  # fmt: skip
_times = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat()) | st.text(max_size=30)
_rows = st.builds(
    lambda version, url, keys, when: row(
        filename=f"cheddar-{version}.tar.gz", url=url, **{"upload-time": when, **keys}
    ),
    st.text(min_size=1, max_size=12),
    st.text(max_size=30) | st.just(WHEEL),
    st.dictionaries(_keys, _values, max_size=5),
    _times,
)


@given(st.lists(_rows, max_size=5), _values, _values)
def test_any_page_is_read_kept_and_written_again(rows, status, versions):
    body = document(*rows, versions=versions, **{"project-status": status})
    read = parse_json(body, "cheddar", BASE)
    listing, _ = merge(Listing(), read, datetime(2024, 1, 1, tzinfo=UTC))
    page = Page("cheddar", listing.files, versions=listing.versions, status=listing.status)
    written = json.loads(render_json(page, lambda file: f"/{file.filename}", lambda _: None, {}))
    assert [file["filename"] for file in written["files"]] == [file.filename for file in read.files]
    for file in written["files"]:
        assert file["yanked"] != ""
        assert file["upload-time"].endswith("Z")
    assert render_html(page, lambda _: "/x", lambda _: None, {}).count(b"<a href=") == len(read.files)


@given(st.binary())
def test_no_bytes_break_it(body):
    try:
        parse_json(body, "cheddar", BASE)
    except InvalidDocument:
        pass


@pytest.mark.long
def test_ten_thousand_files_are_read_in_less_than_a_fifth_of_a_second():
    rows = [
        row(
            filename=f"cheddar-1.{i // 10}.{i % 10}-cp3{i % 9}-cp3{i % 9}-manylinux_2_17_x86_64.whl",
            size=i,
            **{
                "requires-python": f">=3.{i % 12}",
                "upload-time": f"2024-01-02T03:04:05.{i:06}Z",
                "core-metadata": {"sha256": SHA256},
                "yanked": False,
            },
        )
        for i in range(10_000)
    ]
    body = document(*rows)
    assert min(_seconds(body) for _ in range(3)) < 0.2


def _seconds(body):
    begun = time.process_time()
    assert len(parse_json(body, "cheddar", BASE).files) == 10_000
    return time.process_time() - begun
