"""The inside of an sdist, read as a stream."""

import gzip
import io
import tarfile
import time
import tracemalloc

import pytest

from tests.support.archives import Entry, tar_gz, tar_member, zip_bytes
from tests.support.distributions import metadata_of, sdist_bytes

TOP = "sample-1.0"
PKG_INFO = ("PKG-INFO", metadata_of("sample", "1.0"))


def tar(*members, **options):
    return tar_gz([PKG_INFO, *members], **options)


@pytest.fixture
def filename():
    return f"{TOP}.tar.gz"


def test_sound(look):
    found = look(tar(("a/b.py", b"x"), ("start.pth", b""), (tar_member(f"{TOP}/a", tarfile.DIRTYPE), b"")))
    assert (found.kind, found.name, found.version, found.members) == ("sdist", "sample", "1.0", 4)
    assert found.metadata == PKG_INFO[1]
    assert found.startup_files == (f"{TOP}/start.pth",)


def test_sdists_of_the_builder_are_sound(look):
    assert look(sdist_bytes("sample", "1.0"))


def test_pkg_info_is_wanted(broken):
    assert "missing" in broken("metadata", tar_gz([("setup.py", b"")]))
    broken("metadata", tar_gz([("src/PKG-INFO", PKG_INFO[1])]))


def test_empty_archive(broken):
    broken("top-level", gzip.compress(b"\0" * 1024))


def test_pkg_info_of_another_release(broken):
    broken("metadata", tar_gz([("PKG-INFO", metadata_of("sample", "1.1"))]))
    broken("metadata", tar_gz([("PKG-INFO", metadata_of("other", "1.0"))]))


def test_licence_file_must_be_there(broken, look):
    info = metadata_of("sample", "1.0", version_of_metadata="2.4", extra="License-File: legal/LICENSE\n")
    broken("licence", tar_gz([("PKG-INFO", info)]))
    assert look(tar_gz([("PKG-INFO", info), ("legal/LICENSE", b"")]))


@pytest.mark.parametrize("name", ["other-1.0/x", "x", "sample-1.0", "pax_global_header"])
def test_member_outside_the_top_folder(broken, name):
    broken("top-level", tar((tar_member(name), b"")))


@pytest.mark.parametrize(
    "name", [f"{TOP}/../x", "../x", "/etc/passwd", "C:/x", f"{TOP}/a\\b", f"{TOP}//x", f"{TOP}/\n"]
)
def test_path_that_leaves_the_tree(broken, name):
    broken("path", tar((tar_member(name), b"")))


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../etc/passwd", "../../other", "a/../../..", "C:x", "a\\b", "sub/../../../x", ""]
)
def test_symbolic_link_out_of_the_tree(broken, target):
    broken("link", tar((tar_member(f"{TOP}/sub/link", tarfile.SYMTYPE, target), b"")))


def test_symbolic_link_through_another(broken):
    broken(
        "link",
        tar(
            (tar_member(f"{TOP}/here", tarfile.SYMTYPE, "sub"), b""),
            (tar_member(f"{TOP}/there", tarfile.SYMTYPE, "here/x"), b""),
        ),
    )


def test_symbolic_link_inside_the_tree(look):
    assert look(tar(("a/x", b""), (tar_member(f"{TOP}/b/link", tarfile.SYMTYPE, "../a/x"), b"")))


def test_hard_links(look, broken):
    assert look(tar(("x", b""), (tar_member(f"{TOP}/y", tarfile.LNKTYPE, f"{TOP}/x"), b"")))
    broken("link", tar((tar_member(f"{TOP}/y", tarfile.LNKTYPE, "/etc/passwd"), b"")))
    broken("link", tar((tar_member(f"{TOP}/y", tarfile.LNKTYPE, f"{TOP}/later"), b""), ("later", b"")))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices(broken, kind):
    broken("member", tar((tar_member(f"{TOP}/odd", kind), b"")))


def test_same_path_twice(broken):
    broken("duplicate", tar(("x", b"1"), ("x", b"2")))
    broken("duplicate", tar(("x", b"1"), ("X", b"2")))
    broken("duplicate", tar(("x", b"1"), ("x/y", b"2")))


def sparse(kind):
    if kind == "old GNU":
        return tar_member(f"{TOP}/holes", tarfile.GNUTYPE_SPARSE)
    versions = {
        "0.0": {"GNU.sparse.size": "10", "GNU.sparse.numblocks": "1"},
        "0.1": {"GNU.sparse.size": "10", "GNU.sparse.map": "0,1"},
        "1.0": {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "10"},
    }
    return tar_member(f"{TOP}/holes", pax_headers=versions[kind], size=512)


@pytest.mark.parametrize("kind", ["old GNU", "0.0", "0.1", "1.0"])
def test_sparse_members(broken, kind):
    body = b"" if kind == "old GNU" else b"1\n0\n1\n".ljust(512, b"\0")
    assert "sparse" in broken("sparse", tar((sparse(kind), body)))


def test_zip_that_is_a_gzip_too(broken):
    body = tar(("x", b""))
    broken("polyglot", body + zip_bytes([Entry("x", b"")], shift=len(body)))


@pytest.mark.parametrize("body", [b"", b"PK\x03\x04", b"BZh9", b"\x1f\x8b", b"\x1f\x8b\x08" + b"\0" * 7, b"<html>"])
def test_no_gzip(broken, body):
    broken("framing", body)


def test_cut_short_at_every_kind_of_place(broken):
    whole = tar(("x", b"x" * 3000))
    for size in (5, 11, 50, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        broken("framing", whole[:size])


def test_bytes_after_the_gzip_stream(broken):
    broken("framing", tar() + b"x")
    broken("framing", tar() + gzip.compress(b""))


def test_data_after_the_end_of_the_tar(broken, look):
    assert look(tar(tail=b"\0" * 10_240))
    broken("framing", tar(tail=b"x"))


def test_wrong_checksum_of_a_header(broken):
    raw = bytearray(gzip.decompress(tar(("x", b"abc"))))
    raw[1024 + 150] ^= 1
    broken("framing", gzip.compress(bytes(raw)))


def test_body_that_ends_in_the_middle(broken):
    raw = gzip.decompress(tar(("x", b"x" * 5000)))
    broken("framing", gzip.compress(raw[:2048]))


def bounded(broken, rule, body, **limits):
    """Assert a refusal within a few seconds and some 64 MB."""
    tracemalloc.start()
    started = time.monotonic()
    try:
        broken(rule, body, **limits)
        assert time.monotonic() - started < 20
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def zeros(size):
    """Zeros as gzip, without ever holding them."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed:
        header = tar_member(f"{TOP}/PKG-INFO", size=size).tobuf()
        packed.write(header)
        for _ in range(size // 2**20):
            packed.write(b"\0" * 2**20)
    return out.getvalue()


def test_bomb_of_one_member(broken):
    bounded(broken, "bomb", zeros(200 * 2**20))


def test_bomb_of_members(broken):
    header = tar_member(f"{TOP}/x").tobuf()
    bounded(broken, "duplicate", gzip.compress(header * 100_000))
    many = [(tar_member(f"{TOP}/{number}"), b"") for number in range(3000)]
    bounded(broken, "bomb", tar(*many), members=2000)


def test_bomb_of_folders(broken):
    deep = "/".join("abcdefghij" * 40)
    many = [(tar_member(f"{TOP}/{number}/{deep}"), b"") for number in range(500)]
    bounded(broken, "bomb", tar(*many), members=20_000)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_bomb_of_headers(broken, kind):
    size = 50 * 2**20
    header = tar_member("x", kind, size=size).tobuf(tarfile.GNU_FORMAT)
    bounded(broken, "bomb", gzip.compress(header + b"1" * size, 1))


def test_many_global_headers(broken):
    size = 30_000
    text = f"{size} comment=".encode()
    record = text + b"x" * (size - len(text) - 1) + b"\n"
    one = tar_member("g", tarfile.XGLTYPE, size=size).tobuf() + record + b"\0" * (-size % 512)
    bounded(broken, "bomb", gzip.compress(one * 100))


def test_header_that_makes_a_regular_expression_slow(broken):
    """Digits without end cost the standard library's reader the square of their number."""
    size = 30_000
    header = tar_member("x", tarfile.XHDTYPE, size=size).tobuf(tarfile.USTAR_FORMAT)
    started = time.monotonic()
    broken("metadata", gzip.compress(header + b"1" * size + b"\0" * (-size % 512) + tar_member(f"{TOP}/x").tobuf()))
    assert time.monotonic() - started < 10


def test_metadata_that_is_too_large(broken):
    broken("bomb", tar_gz([("PKG-INFO", PKG_INFO[1] + b"\n" + b"x" * 5000)]), metadata=1000)
