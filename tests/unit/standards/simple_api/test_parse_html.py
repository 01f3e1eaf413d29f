"""HTML pages of upstreams: read as browsers and pip read them, in time that grows with their length."""

import time
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.errors import InvalidDocument
from affineur.model.files import Status
from affineur.standards.simple_api.parse_html import parse_html

BASE = "https://index.example.org/root/simple/cheddar/"
WHEEL = "cheddar-1.0-py3-none-any.whl"
SHA256 = "ab" * 32


def page(*anchors, head="<title>Links for cheddar</title>"):
    return f"<!DOCTYPE html><html><head>{head}</head><body>{''.join(anchors)}</body></html>".encode()


def parse(*anchors, **options):
    return parse_html(page(*anchors, **options), "cheddar", BASE)


def only(*anchors, **options):
    (file,) = parse(*anchors, **options).files
    return file


def test_an_anchor_with_everything():
    file = only(
        f'<a href="../../files/{WHEEL}#sha256={SHA256.upper()}" data-requires-python="&gt;=3.8,&lt;4" '
        f'data-yanked="b&amp;d" data-core-metadata="sha256={SHA256}" data-gpg-sig="true" '
        f'data-provenance="/prov">{WHEEL}</a>'
    )
    assert file.url == f"https://index.example.org/root/files/{WHEEL}"
    assert file.hashes == {"sha256": SHA256}
    assert (file.filename, file.version, file.requires_python) == (WHEEL, "1.0", ">=3.8,<4")
    assert (file.yanked, file.yanked_reason, file.signed) == (True, "b&d", True)
    assert file.metadata_hashes == {"sha256": SHA256}
    assert file.provenance == "https://index.example.org/prov"
    assert (file.size, file.upload_time) == (None, None)


@pytest.mark.parametrize(
    "anchor",
    [
        f"<a href='{WHEEL}'>x</a>",
        f"<A HREF={WHEEL}>x</A>",
        f'<a\n  rel="internal"\n  href = "{WHEEL}"\n>x',
        f'<a title="a > b" href="{WHEEL}"/>',
        f'<a data-yanked href="{WHEEL}">',
        f'<a class=x href="{WHEEL}#md5=0&amp;egg=cheddar">x</a>',
        f'<a href="{WHEEL}?token=1/2#sha256=zz">x</a>',
        f'<!-- <a href="cheddar-0.9.tar.gz">old</a> --><a href="{WHEEL}">x</a>',
        f'<a href="https://other.example.org/a%20b/{WHEEL}">x</a>',
        f'<a href="//other.example.org/{WHEEL}">x</a>',
        f'<a href="{WHEEL}"><a href="{WHEEL}#twice">x</a>',
    ],
)
def test_odd_spellings_of_an_anchor(anchor):
    assert only(anchor).filename == WHEEL


@pytest.mark.parametrize(
    "anchor",
    [
        "<a>nothing</a>", '<a href="">x</a>', '<a href="../">Parent</a>', '<a href="README.txt">x</a>',
        '<a href="brie-1.0.tar.gz">x</a>', '<a href="cheddar-1.0.tar.gz.asc">x</a>', '<a href="cheddar.tar.gz">x</a>',
        '<a href="a%2Fcheddar-1.0.tar.gz">x</a>', f'<a href="ftp://example.org/{WHEEL}">x</a>',
        f'<a href="file:///etc/{WHEEL}">x</a>', f'<a href="//[/{WHEEL}">x</a>', f'<a href="https:///{WHEEL}">x</a>', f'<abbr href="{WHEEL}">x</abbr>',
        f'<a "href="{WHEEL}',
    ],
)  # fmt: skip
def test_what_is_no_file_of_the_project_is_not_listed(anchor):
    assert parse(anchor).files == ()


def test_a_base_element_moves_relative_addresses():
    file = only(f'<a href="x/{WHEEL}">x</a>', head='<base href="https://cdn.example.org/y/"><title>Links for x</title>')
    assert file.url == f"https://cdn.example.org/y/x/{WHEEL}"


def test_what_no_request_line_can_carry_is_encoded_and_the_rest_left_alone():
    assert only(f'<a href="a b/%2b+/é\n/{WHEEL}">x</a>').url == f"{BASE}a%20b/%2b+/%C3%A9%0A/{WHEEL}"


def test_the_status_and_its_reason():
    head = (
        '<title>Links for x</title><meta name="pypi:project-status" content="archived">'
        '<meta name="pypi:project-status-reason" content="gone &amp; \x1b[1mdone">'
    )
    status = parse(head=head).status
    assert (status.status, status.reason) == (Status.ARCHIVED, "gone &  [1mdone")


def test_yanked_without_a_reason():
    file = only(f'<a data-yanked="" href="{WHEEL}">x</a>')
    assert (file.yanked, file.yanked_reason) == (True, "")


@pytest.mark.parametrize("stated", ["true", "md5=00", "sha256=short", ""])
def test_metadata_offered_without_a_usable_hash(stated):
    assert only(f'<a href="{WHEEL}" data-core-metadata="{stated}">x</a>').metadata_hashes == {}
    assert only(f'<a href="{WHEEL}" data-dist-info-metadata="{stated}">x</a>').metadata_hashes == {}


def test_metadata_not_offered():
    assert only(f'<a href="{WHEEL}">x</a>').metadata_hashes is None
    assert only(f'<a href="{WHEEL}" data-core-metadata="false">x</a>').metadata_hashes is None


@pytest.mark.parametrize(
    "body", [b"", b"<html><h1>502 Bad Gateway</h1></html>", b"{}", b"\xff\xfe", b"<a href='x'>log in</a>"]
)
def test_a_page_of_something_else_is_refused(body):
    with pytest.raises(InvalidDocument):
        parse_html(body, "cheddar", BASE)


def test_a_page_of_a_later_major_version_is_refused():
    with pytest.raises(InvalidDocument, match=r"2\.0"):
        parse(head='<meta name="pypi:repository-version" content="2.0">')
    assert parse(head='<meta name="pypi:repository-version" content="1.99">').files == ()


@given(st.binary())
def test_no_bytes_break_it(body):
    try:
        read = parse_html(body, "cheddar", BASE)
    except InvalidDocument:
        return
    assert all(file.url.startswith("http") for file in read.files)


_pieces = st.sampled_from(
    ["<a ", "href=", '"', "'", ">", "</a>", "<!--", "-->", "<base ", "<meta ", "name=", "&amp;", "\n", "//[", "#sha256=",
     WHEEL, "data-yanked", "<title>Links for", "%", "é", "\x00", "content=", "javascript:", "?"]
)  # fmt: skip


@given(st.lists(_pieces, max_size=60).map("".join))
def test_no_markup_breaks_it(text):
    try:
        read = parse_html(text.encode(), "cheddar", BASE)
    except InvalidDocument:
        return
    assert all(file.filename == WHEEL or "cheddar" in file.filename.lower() for file in read.files)


@given(
    reason=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=80),
    local=st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
    requires=st.sampled_from([None, ">=3.8", "!=3.0.*,<4", "==3.*", "~=3.9"]),
)
def test_what_is_written_is_read(reason, local, requires):
    filename = f"cheddar-1.0+{local}-py3-none-any.whl"
    attributes = f' data-requires-python="{escape(requires)}"' if requires else ""
    file = only(f'<a href="{filename.replace("+", "%2B")}"{attributes} data-yanked="{escape(reason)}">{filename}</a>')
    assert (file.filename, file.version, file.requires_python) == (filename, f"1.0+{local}", requires)
    assert file.yanked_reason == reason


@pytest.mark.parametrize(
    "piece", ["<a ", "<a '", '<a "', "<!--", "<a href=", "<a x" + " " * 50, "<base ", "<title>", "<a =", '<a "\'', "<", "&amp"]
)  # fmt: skip
def test_a_hostile_page_takes_no_longer_than_a_good_one(piece):
    body = (piece * (1_000_000 // len(piece))).encode()
    begun = time.process_time()
    with pytest.raises(InvalidDocument):
        parse_html(body, "cheddar", BASE)
    assert time.process_time() - begun < 2


def test_ten_thousand_files_are_read_in_less_than_half_a_second():
    names = [f"cheddar-1.{i // 10}.{i % 10}-cp3{i % 9}-cp3{i % 9}-manylinux_2_17_x86_64.whl" for i in range(10_000)]
    body = page(
        *(
            f'<a href="https://files.example.org/packages/ab/cd/{name}#sha256={SHA256}" '
            f'data-requires-python="&gt;=3.{i % 12}" data-core-metadata="sha256={SHA256}">{name}</a><br>\n'
            for i, name in enumerate(names)
        )
    )
    assert min(_seconds(body) for _ in range(3)) < 0.5


def _seconds(body):
    begun = time.process_time()
    assert len(parse_html(body, "cheddar", BASE).files) == 10_000
    return time.process_time() - begun
