"""Whatever the bytes are: an answer, soon, in bounded memory, and never another one than other readers give."""

import gzip
import io
import os
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affineur.errors import InvalidArchive
from affineur.standards.archives import Limits, inspect
from tests.support.archives import Entry, recorded, tar_gz, tar_member, zip_bytes
from tests.support.distributions import metadata_of

INFO = "sample-1.0.dist-info"
TOP = "sample-1.0"
BASIC = {
    "sample/__init__.py": b"x = 1\n" * 50,
    f"{INFO}/METADATA": metadata_of("sample", "1.0", requires=["attrs"]),
    f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
}
WHEEL = zip_bytes([Entry(path, body) for path, body in recorded(BASIC, INFO).items()])
SDIST = tar_gz([("PKG-INFO", metadata_of("sample", "1.0")), ("a/b.py", b"x" * 700), ("c", b"")])
LIMITS = Limits(unpacked=32 * 2**20, members=2000)
SECONDS = 5.0

short = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
thorough = settings(short, max_examples=30_000)


def judged(body, filename):
    """Inspect bytes; return the inspection, or None where they are refused. Any other error fails the test."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as staged:
        staged.write(body)
        staged.flush()
        started = time.monotonic()
        try:
            return inspect(Path(staged.name), filename, LIMITS)
        except InvalidArchive as error:
            assert error.rule and error.problem
            return None
        finally:
            assert time.monotonic() - started < SECONDS


def wheel(body):
    """Judge a wheel; what is accepted must be what the standard library reads."""
    found = judged(body, f"{TOP}-py3-none-any.whl")
    if found is None:
        return
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names)) == found.members
        assert archive.testzip() is None
        assert archive.read(f"{INFO}/METADATA") == found.metadata
        assert not [name for name in names if name.startswith("/") or ".." in name.split("/")]


def sdist(body):
    """Judge an sdist; what is accepted must unpack by the safe filter, and stay in its folder."""
    found = judged(body, f"{TOP}.tar.gz")
    if found is None:
        return
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        archive.extractall(folder, filter="data")
        assert os.listdir(folder) == [TOP]
        assert Path(folder, TOP, "PKG-INFO").read_bytes() == found.metadata


@st.composite
def damaged(draw, whole):
    """The bytes of a sound archive with a few changes."""
    body = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body) - 1))
        kind = draw(st.sampled_from(["set", "cut", "insert", "repeat", "end"]))
        if kind == "set":
            body[at] = draw(st.integers(0, 255))
        elif kind == "cut":
            del body[at : at + draw(st.integers(1, 50))]
        elif kind == "insert":
            body[at:at] = draw(st.binary(min_size=1, max_size=40))
        elif kind == "repeat":
            body[at:at] = body[at : at + draw(st.integers(1, 200))]
        else:
            del body[at:]
        if not body:
            break
    return bytes(body)


header_fields = st.fixed_dictionaries(
    {},
    optional={
        "name": st.binary(max_size=12),
        "flags": st.integers(0, 0xFFFF),
        "method": st.sampled_from([0, 8, 9, 12, 14, 93]),
        "crc": st.integers(0, 2**32 - 1),
        "packed": st.sampled_from([0, 1, 100, 0xFFFFFFFF]),
        "size": st.sampled_from([0, 1, 100, 0xFFFFFFFF]),
        "extra": st.binary(max_size=40),
        "comment": st.binary(max_size=3),
        "offset": st.integers(0, 2000),
    },
)
entry = st.builds(
    Entry,
    name=st.one_of(
        st.sampled_from([*BASIC, f"{INFO}/RECORD", "a", "a/", "A", "../x", "/x", "a/b"]),
        st.text(min_size=1, max_size=8, alphabet=st.characters(exclude_categories=["Cs"])),
        st.binary(min_size=1, max_size=8),
    ),
    data=st.binary(max_size=30),
    method=st.sampled_from([0, 8]),
    mode=st.sampled_from([0, 0o100644, 0o120777, 0o040755]),
    local=st.one_of(st.just({}), header_fields),
    central=st.one_of(st.just({}), header_fields),
    in_local=st.integers(0, 9).map(bool),
    in_central=st.integers(0, 9).map(bool),
)
ends = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "count": st.integers(0, 0xFFFF),
            "here": st.integers(0, 0xFFFF),
            "size": st.integers(0, 0xFFFFFFFF),
            "offset": st.integers(0, 0xFFFFFFFF),
        },
    ),
)
members = st.tuples(
    st.builds(
        tar_member,
        st.one_of(
            st.sampled_from([TOP, f"{TOP}/a", f"{TOP}/a/b", f"{TOP}/../x", "/x"]),
            st.text(min_size=1, max_size=8).map(lambda text: f"{TOP}/{text}"),
        ),
        st.sampled_from([b"0", b"1", b"2", b"3", b"5", b"6", b"7", b"L", b"K", b"x", b"g", b"S", b"X", b"V", b"\0"]),
        st.one_of(st.just(""), st.sampled_from([f"{TOP}/PKG-INFO", "../x", "/etc", "a", "a/../../b"])),
        size=st.sampled_from([0, 1, 512, 1000]),
        pax_headers=st.dictionaries(
            st.sampled_from(["path", "size", "GNU.sparse.major", "GNU.sparse.map", "linkpath", "mtime", "hdrcharset"]),
            st.text(max_size=12, alphabet=st.characters(exclude_categories=["Cs"])),
            max_size=2,
        ),
    ),
    st.binary(min_size=1000, max_size=1000),
)


def properties(chosen):
    """The properties, each with so many examples."""

    @chosen
    @given(damaged(WHEEL))
    def damaged_wheel(body):
        wheel(body)

    @chosen
    @given(st.lists(entry, max_size=6), st.booleans(), ends, st.one_of(st.none(), st.just({})))
    def made_wheel(entries, sound, end, end64):
        basis = [Entry(path, body) for path, body in recorded(BASIC, INFO).items()] if sound else []
        wheel(zip_bytes([*basis, *entries], end=end, end64=end64))

    @chosen
    @given(damaged(SDIST))
    def damaged_sdist(body):
        sdist(body)

    @chosen
    @given(damaged(gzip.decompress(SDIST)))
    def damaged_tar(body):
        sdist(gzip.compress(body, 1))

    @chosen
    @given(st.lists(members, max_size=5), st.binary(max_size=3))
    def made_sdist(given_members, tail):
        try:
            body = tar_gz([("PKG-INFO", metadata_of("sample", "1.0")), *given_members], tail=tail)
        except (ValueError, UnicodeError):
            return  # the writer refuses it
        sdist(body)

    @chosen
    @given(st.binary(max_size=2000))
    def noise(body):
        wheel(body)
        sdist(body)
        sdist(gzip.compress(body, 1))

    return [damaged_wheel, made_wheel, damaged_sdist, damaged_tar, made_sdist, noise]


@pytest.mark.parametrize("check", properties(short), ids=lambda check: check.__name__)
def test_property(check):
    check()


@pytest.mark.long
@pytest.mark.parametrize("check", properties(thorough), ids=lambda check: check.__name__)
def test_property_at_length(check):
    check()
