import gzip
import json
import zipfile

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from affineur.errors import Invalid, InvalidDocument
from affineur.standards.osv import parse_record
from affineur.standards.osv_files import OsvFiles
from tests.support.advisories import osv

RECORDS = [osv(f"PYSEC-2024-{number}", details="é\n" * number) for number in range(5)]


def ids(path):
    return [parse_record(document.raw, document.where).id for document in OsvFiles(path)]


WANTED = [record["id"] for record in RECORDS]
FORMS = {
    "lines": "\n".join(json.dumps(r) for r in RECORDS),
    "lines with gaps": "\n\n" + "\r\n\n".join(json.dumps(r) for r in RECORDS) + "\n\n",
    "list": json.dumps(RECORDS),
    "list over lines": json.dumps(RECORDS, indent=2),
    "answer of the OSV API": json.dumps({"vulns": RECORDS}),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_every_form_in_every_packing(tmp_path, text, pack):
    path = tmp_path / "feed"
    path.write_bytes(pack(text.encode()))
    assert ids(path) == WANTED


@pytest.mark.parametrize("indent", [None, 2])
def test_one_record_alone(tmp_path, indent):
    (tmp_path / "one.json").write_text(json.dumps(RECORDS[0], indent=indent))
    assert ids(tmp_path / "one.json") == WANTED[:1]


def test_zip_of_one_file_a_record_as_feeds_are(tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in RECORDS:
            archive.writestr(f"{record['id']}.json", json.dumps(record))
        archive.writestr("README.md", "not a record")
    files = OsvFiles(path)
    assert sorted(parse_record(d.raw).id for d in files) == WANTED
    assert files.done == files.total == path.stat().st_size


def test_folder_with_folders_in_every_form(tmp_path):
    inner = tmp_path / "vulns" / "acme"
    inner.mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.json").write_text("not a record")
    (tmp_path / "README.md").write_text("not a record")
    (inner / "a.json").write_text(json.dumps(RECORDS[0], indent=1))
    (inner / "b.jsonl.gz").write_bytes(gzip.compress(FORMS["lines"].encode()))
    assert ids(tmp_path) == [WANTED[0], *WANTED]


def test_places_are_named(tmp_path):
    (tmp_path / "feed.jsonl").write_text(FORMS["lines"])
    assert [d.where for d in OsvFiles(tmp_path / "feed.jsonl")][:2] == ["feed.jsonl:1", "feed.jsonl:2"]


@pytest.mark.parametrize(
    "damaged",
    [
        gzip.compress(FORMS["lines"].encode())[:-30],
        zstandard.compress(FORMS["lines"].encode() * 2000)[:200],
        b"PK\x03\x04 no zip",
    ],
    ids=["gzip", "zstd", "zip"],
)
def test_a_damaged_file_is_an_error_with_its_name(tmp_path, damaged):
    (tmp_path / "feed").write_bytes(damaged)
    with pytest.raises(InvalidDocument, match="feed: "):
        list(OsvFiles(tmp_path / "feed"))


def test_a_packing_inside_a_packing_is_refused(tmp_path):
    (tmp_path / "feed.gz").write_bytes(gzip.compress(gzip.compress(b"x" * 1000)))
    with pytest.raises(InvalidDocument, match="packed more than once"):
        list(OsvFiles(tmp_path / "feed.gz"))


def test_a_zip_without_members_holds_no_record(tmp_path):
    zipfile.ZipFile(tmp_path / "all.zip", "w").close()
    assert ids(tmp_path / "all.zip") == []


def test_a_byte_order_mark_is_no_part_of_a_record(tmp_path):
    (tmp_path / "feed").write_bytes(b"\xef\xbb\xbf" + FORMS["lines"].encode())
    assert ids(tmp_path / "feed") == WANTED


def test_a_long_first_line_is_a_record_like_any_other(tmp_path):
    long = json.dumps(osv("PYSEC-2024-9", details="x" * 17 * 2**20))
    (tmp_path / "feed").write_text(f"{long}\n{FORMS['lines']}")
    assert ids(tmp_path / "feed") == ["PYSEC-2024-9", *WANTED]


@pytest.mark.parametrize("broken", ["{not json", "[{]", "null", "\0"])
def test_a_file_that_is_no_json_is_one_record_that_cannot_be_read(tmp_path, broken):
    (tmp_path / "broken.json").write_text(broken)
    (tmp_path / "feed.json").write_text(FORMS["list"])
    first, *others = OsvFiles(tmp_path)
    assert [parse_record(document.raw).id for document in others] == WANTED
    with pytest.raises(InvalidDocument, match="broken"):
        parse_record(first.raw, first.where)


def test_nothing_there(tmp_path):
    with pytest.raises(Invalid, match="no such file"):
        OsvFiles(tmp_path / "missing")
    with pytest.raises(Invalid, match="no file of OSV records"):
        OsvFiles(tmp_path)


@given(st.binary(max_size=300))
def test_any_bytes_are_records_or_an_error_that_says_where(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("feeds") / "feed"
    path.write_bytes(raw)
    try:
        documents = list(OsvFiles(path))
    except InvalidDocument as error:
        assert "feed" in error.sentence
    else:
        assert all("feed" in document.where for document in documents)
