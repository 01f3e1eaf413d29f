"""The framing of ZIP files: every reader must see the same members."""

import io
import re
import struct
import tarfile
import zlib

import pytest

from tests.support.archives import STORED, Entry, recorded, zip_bytes
from tests.unit.standards.archives.test_wheels import BASIC, INFO


def entries(**more):
    return [Entry(path, body) for path, body in recorded({**BASIC, **more}, INFO).items()]


def changed(number=0, **fields):
    """The entries of a sound wheel, one of them with other fields."""
    kept = entries()
    for key, value in fields.items():
        setattr(kept[number], key, value)
    return kept


def test_sound_whichever_way_it_is_packed(look):
    assert look(zip_bytes(entries()))
    assert look(zip_bytes(changed(method=STORED)))
    assert look(zip_bytes(entries(), end64={}))


def test_wide_sizes_in_extra_fields(look):
    kept = entries()
    size, packed = len(kept[0].data), len(kept[0].body())
    wide = {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF, "extra": struct.pack("<HHQQ", 1, 16, size, packed)}
    kept[0].local = kept[0].central = wide
    assert look(zip_bytes(kept))
    kept[0].central = {**wide, "extra": wide["extra"] * 2}
    with pytest.raises(Exception, match="twice"):
        look(zip_bytes(kept))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prefix": b"x"}, "does not end where|no member"),
        ({"prefix": b"MZ" * 50, "shift": -100}, "does not end"),
        ({"suffix": b"x"}, "end record"),
        ({"between": b"x"}, "between"),
        ({"end": {"comment": b"hello"}}, "end record"),
        ({"end": {"count": 3}}, "several files"),
        ({"end": {"count": 3, "here": 3}}, "more than"),
        ({"end": {"count": 5, "here": 5}}, "fewer|not an entry"),
        ({"end": {"disk": 1}}, "several files"),
        ({"end": {"offset": 0}}, "does not end"),
        ({"end": {"size": 1}}, "does not end"),
        ({"end64": {"extra": b"xxxx", "record": 48}}, "ZIP64"),
        ({"end64": {"at": 0}}, "locator"),
        ({"end64": {"total_disks": 2}}, "locator"),
        ({"end64": {"here": 2}}, "several files"),
        ({"end64": {}, "end": {"count": 2, "here": 2, "size": 0xFFFFFFFF}}, "contradict"),
    ],
)
def test_records_at_the_end(broken, options, said):
    assert re.search(said, broken("framing", zip_bytes(entries(), **options)))


def test_two_end_records(broken):
    whole = zip_bytes(entries())
    broken("framing", whole + zip_bytes([]))
    broken("framing", whole + whole)


@pytest.mark.parametrize("size", [0, 1, 21, 22, 100])
def test_cut_short(broken, size):
    broken("framing", zip_bytes(entries())[:size])


def test_duplicate_names(broken):
    kept = entries()
    broken("duplicate", zip_bytes([*kept, Entry(kept[0].name, b"other")]))


def test_listed_without_data(broken):
    broken("framing", zip_bytes([*entries(), Entry("ghost", b"boo", in_local=False)]))


def test_data_that_is_not_listed(broken):
    broken("framing", zip_bytes([Entry("ghost", b"boo", in_central=False), *entries()]))
    broken("framing", zip_bytes([*entries(), Entry("ghost", b"boo", in_central=False)]))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"local": {"name": b"sample/__init__.pY"}}, "another name"),
        ({"local": {"size": 7}}, "other sizes"),
        ({"local": {"packed": 7}}, "other sizes"),
        ({"local": {"crc": 7}}, "other sizes"),
        ({"local": {"method": 0}}, "other flags"),
        ({"local": {"flags": 2}}, "other flags"),
        ({"flags": 1}, "encrypted"),
        ({"flags": 0x2000}, "unsupported flags"),
        ({"central": {"comment": b"hello"}}, "comment"),
        ({"central": {"disk": 1}}, "several files"),
        ({"central": {"offset": 1}}, ""),
        ({"central": {"extra": b"\x01\x00\xff"}}, "malformed extra"),
        ({"central": {"extra": struct.pack("<HH", 1, 100)}}, "malformed extra"),
        ({"central": {"extra": struct.pack("<HHQ", 1, 8, 5)}}, "ZIP64"),
        ({"central": {"extra": struct.pack("<HHBL", 0x7075, 8, 1, 0) + b"xyz"}}, "second, different name"),
    ],
)
def test_headers_that_contradict(broken, fields, said):
    assert said in broken("framing", zip_bytes(changed(**fields)))


def test_data_descriptor(broken):
    kept = changed(flags=8, local={"crc": 0, "size": 0, "packed": 0})
    kept[0].descriptor = struct.pack(
        "<4s3L", b"PK\x07\x08", zlib.crc32(kept[0].data), len(kept[0].body()), len(kept[0].data)
    )
    assert "data descriptor" in broken("framing", zip_bytes(kept))


def test_overlapping_members(broken):
    kept = entries()
    kept[1].central = {"offset": 0}
    broken("framing", zip_bytes(kept))


@pytest.mark.parametrize("method", [1, 9, 12, 14, 93, 95, 99])
def test_other_compressions(broken, method):
    broken("compression", zip_bytes(changed(method=method)))


def test_wrong_checksum(broken):
    kept = changed(local={"crc": 1}, central={"crc": 1})
    assert "checksum" in broken("framing", zip_bytes(kept))


@pytest.mark.parametrize("packed", [b"", b"\xff\xff\xff", b"\x03\x00", zlib.compress(b"x = 1\n")])
def test_damaged_data(broken, packed):
    broken("framing", zip_bytes(changed(packed=packed)))


def test_bytes_after_the_compressed_data(broken):
    kept = entries()
    kept[0].packed = kept[0].body() + b"more"
    broken("framing", zip_bytes(kept))


def test_stored_with_two_sizes(broken):
    kept = changed(method=STORED)
    kept[0].local = kept[0].central = {"size": 5}
    broken("framing", zip_bytes(kept))


def test_data_beyond_what_the_header_says(broken):
    size = {"size": 100}
    kept = changed(data=b"\0" * 10_000, local=size, central=size)
    assert "more than its header" in broken("bomb", zip_bytes(kept))


def test_folder_with_data(broken):
    broken("framing", zip_bytes([Entry("sample/", b"x", mode=0o040755), *entries()]))


def test_tar_that_is_a_zip_too(broken):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("sample-1.0/x"))
    start = raw.getvalue()
    broken("polyglot", zip_bytes(entries(), prefix=start))


def test_too_many_members(broken):
    many = {f"sample/{number}": b"" for number in range(200)}
    broken("bomb", zip_bytes(entries(**many)), members=100)


def test_ratio(broken, look):
    much = zip_bytes(entries(**{"sample/zeros": b"\0" * 2_000_000}))
    assert look(much)
    broken("bomb", much, ratio_from=1_000_000)
    broken("bomb", much, unpacked=1_999_999)
