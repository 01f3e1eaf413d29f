"""Locks written, read back and compared."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.version import Version

from affineur.errors import Invalid
from affineur.model.locks import Lock, LockedFile, LockKind, Pin
from affineur.standards.locks.compare import difference
from affineur.standards.locks.merge import merged, without_extras
from affineur.standards.locks.project import read_project
from affineur.standards.locks.read import read_lock
from affineur.standards.locks.write import FILENAMES, of_groups, write_lock

NAMES = st.from_regex(re.compile(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", re.ASCII), fullmatch=True)
VERSIONS = st.sampled_from(["1.0", "2.31.0", "1!2.0", "1.0rc1", "3.0+local.1", "2024.1.post2", "1.0.dev3"])
MARKERS = st.sampled_from(
    ["", 'sys_platform == "win32"', 'python_version < "3.11" and sys_platform != "darwin"',
     'os_name == "nt" or platform_machine == "arm64"']
)  # fmt: skip
HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
ALGORITHMS = st.sampled_from(["sha256", "sha512", "blake2b", "md5"])


@st.composite
def files(draw, name, version):
    stem = f"{name.replace('-', '_')}-{version}"
    made = []
    for tag in draw(st.lists(st.sampled_from(["py3-none-any", "cp311-cp311-win_amd64"]), unique=True)):
        made.append(f"{stem}-{tag}.whl")
    if not made or draw(st.booleans()):
        made.append(f"{stem}.tar.gz")
    for filename in made:
        hashes = draw(st.dictionaries(ALGORITHMS, HEX, min_size=1, max_size=2))
        yield LockedFile(
            filename, tuple(hashes.items()), f"https://packages.example.org/files/{filename}",
            draw(st.none() | st.integers(0, 10**9)),
            draw(st.none() | st.just(datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))),
        )  # fmt: skip


@st.composite
def pins(draw, name, groups):
    version = draw(VERSIONS)
    marker = draw(MARKERS)
    if draw(st.integers(0, 9)) == 0:
        commit = draw(st.text("0123456789abcdef", min_size=40, max_size=40))
        return Pin(name, marker=marker, origin=f"git+https://code.example.org/{name}.git@{commit}")
    return Pin(
        name, version, marker=str(Marker(marker)) if marker else "",
        extras=tuple(draw(st.sets(st.sampled_from(["socks", "tls"])))) if not groups else (),
        files=tuple(draw(files(name, version))),
        groups=tuple(sorted(draw(st.sets(st.sampled_from(groups))))) if groups else (),
        via=tuple(draw(st.lists(st.sampled_from(["-r requirements.in", "gouda"]), unique=True))),
    )  # fmt: skip


@st.composite
def locks(draw, groups=()):
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    entries = [draw(pins(name, groups)) for name in names]
    return Lock(LockKind.PYLOCK, tuple(entries), index_url=draw(st.sampled_from(["", "https://i.example.org/simple/"])))


def hashes_of(lock):
    return {pin.project: set(pin.hashes) for pin in lock.pins}


def told(missing, lock):
    """What is said to be lost of hashes, by project."""
    found = {pin.project: set() for pin in lock.pins}
    for sentence in missing.lost:
        name = sentence.partition(":")[0].split(" ")[0]
        for algorithm, digest in re.findall(r"([a-z0-9]+):([0-9a-f]{64})", sentence):
            found[name].add((algorithm, digest))
    return found


@settings(deadline=None, max_examples=60)
@given(locks(), st.sampled_from([LockKind.REQUIREMENTS, LockKind.PYLOCK]))
def test_no_hash_is_lost_without_being_told(lock, kind):
    written = write_lock(lock, kind)
    again = read_lock(written.text, FILENAMES[kind])
    before, after, lost = hashes_of(lock), hashes_of(again), told(written.missing, lock)
    assert {name: some - lost[name] for name, some in before.items()} == after
    kept = [(pin.project, pin.version, pin.marker, pin.origin) for pin in again.pins]
    assert kept == [(pin.project, pin.version, pin.marker, pin.origin) for pin in lock.pins]


@settings(deadline=None, max_examples=60)
@given(locks())
def test_requirements_file_holds_what_decides(lock):
    written = write_lock(lock, LockKind.REQUIREMENTS)
    assert written.missing.lost == ()
    again = read_lock(written.text, "requirements.txt")
    assert [(pin.extras, pin.via, set(pin.hashes)) for pin in again.pins] == [
        (tuple(sorted(pin.extras)), pin.via, set(pin.hashes)) for pin in lock.pins
    ]
    assert write_lock(again, LockKind.REQUIREMENTS).text == written.text


@settings(deadline=None, max_examples=60)
@given(locks(groups=("dev", "party")))
def test_pylock_holds_groups_and_files_whole(lock):
    written = write_lock(lock, LockKind.PYLOCK)
    again = read_lock(written.text, "pylock.toml")
    assert [pin.groups for pin in again.pins] == [pin.groups for pin in lock.pins]
    assert [sorted(pin.files, key=str) for pin in again.pins] == [sorted(pin.files, key=str) for pin in lock.pins]
    assert not written.missing.lost
    assert write_lock(again, LockKind.PYLOCK).text == written.text


PROJECT = """\
[project]
name = "mine"
version = "0.1"
requires-python = ">=3.9"
dependencies = [{always}]

[project.optional-dependencies]
party = [{party}]

[dependency-groups]
dev = [{dev}]
"""
PIPFILE = '[[source]]\nname = "here"\nurl = "https://i.example.org/simple/"\n[packages]\n[dev-packages]\n'


def project_of(lock, kind):
    """A project that asks for every entry of a lock."""
    if kind is LockKind.PIPFILE:
        return read_project(PIPFILE, "Pipfile")

    def asked(wanted):
        return ", ".join(f"'{pin.project}=={pin.version}'" for pin in lock.pins if wanted in (pin.groups or ("",)))

    return read_project(PROJECT.format(always=asked(""), party=asked("party"), dev=asked("dev")), "pyproject.toml")


@settings(deadline=None, max_examples=120)
@given(
    locks(groups=("dev", "party")),
    st.sampled_from([LockKind.PIPFILE, LockKind.POETRY, LockKind.UV, LockKind.PDM]),
)
def test_locks_of_projects_come_back_as_they_were_up_to_what_is_told(lock, kind):
    lock = replace(
        lock, pins=tuple(pin for pin in lock.pins if not pin.origin), index_url="https://i.example.org/simple/",
        extras=("party",),
    )  # fmt: skip
    written = write_lock(lock, kind, project_of(lock, kind))
    again = read_lock(written.text, FILENAMES[kind])
    held = {pin.project: pin for pin in without_extras(merged(again.pins))}
    lost = told(written.missing, lock)
    said = "\n".join(written.missing.lost)
    assert held.keys() == {pin.project for pin in lock.pins}
    for pin in lock.pins:
        found = held[pin.project]
        assert set(found.hashes) == set(pin.hashes) - lost[pin.project]
        assert Version(found.version) == Version(pin.version)
        assert sorted(found.groups) == sorted(pin.groups)
        # uv.lock has markers where one entry asks for another, and here nothing does.
        assert found.marker == pin.marker or f"{pin.project} {pin.version}: the marker" in said
        if kind is not LockKind.PIPFILE:
            kept = {file.filename for file in found.files}
            assert kept == {file.filename for file in pin.files if not set(file.hashes) <= lost[pin.project]}
    assert write_lock(again, kind, project_of(lock, kind)).text == written.text or written.missing.lost


@pytest.mark.parametrize("kind", [LockKind.PIPFILE, LockKind.POETRY, LockKind.UV, LockKind.PDM])
def test_locks_of_projects_want_the_project(kind):
    with pytest.raises(Invalid, match="give it with --project"):
        write_lock(Lock(LockKind.UV, ()), kind)


def test_a_lock_of_something_else_is_not_made_one_of_the_project():
    project = read_project(PROJECT.format(always="'gouda>=2'", party="", dev=""), "pyproject.toml")
    file = LockedFile("gouda-1.0.tar.gz", (("sha256", "aa"),), "https://x.example.org/gouda-1.0.tar.gz")
    lock = Lock(LockKind.PDM, (Pin("gouda", "1.0", files=(file,)),))
    with pytest.raises(Invalid, match=r"does not hold gouda>=2, which the project asks for: it holds 1\.0"):
        write_lock(lock, LockKind.POETRY, project)


def test_groups_that_include_others_and_themselves():
    text = PROJECT.format(always="", party="", dev="'a', {include-group = 'Test-It'}") + "test_it = ['b']\n"
    assert read_project(text, "pyproject.toml").root.groups == (("dev", ("a", "b")), ("test_it", ("b",)))
    with pytest.raises(Invalid, match="it includes itself"):
        read_project(PROJECT.format(always="", party="", dev="{include-group = 'dev'}"), "pyproject.toml")
    with pytest.raises(Invalid, match="which there is not"):
        read_project(PROJECT.format(always="", party="", dev="{include-group = 'x'}"), "pyproject.toml")
    with pytest.raises(Invalid, match="neither a pyproject"):
        read_project("[tool.poetry]\n", "pyproject.toml")


def test_difference_names_everything():
    file = LockedFile("gouda-1.0.tar.gz", (("sha256", "aa"), ("md5", "bb")), "https://x.example.org/g", 3)
    before = Lock(
        LockKind.UV,
        (
            Pin("gouda", "1.0", marker='os_name == "nt"', extras=("rind",), files=(file,), groups=("dev",)),
            Pin("brie", "2.0", files=(LockedFile(hashes=(("sha256", "cc"),)),)),
        ),
        index_url="https://user:secret@i.example.org/simple",
        find_links=("./wheels",),
        unread=("conflicts",),
        requires_python=">=3.9",
    )
    after = Lock(LockKind.REQUIREMENTS, (Pin("gouda", "1.0", files=(LockedFile(hashes=(("sha256", "aa"),)),)),))
    made = difference(before, after)
    assert made.lost == (
        "conflicts",
        "gouda 1.0: the hashes md5:bb",
        'gouda 1.0: the marker os_name == "nt"',
        "gouda 1.0: the groups dev",
        "brie 2.0: the whole entry the hashes sha256:cc",
        "places of files: ./wheels",
        "addresses of indexes: https://i.example.org/simple",
    )
    assert "sizes of files" in made.left_out
    assert "which Pythons the lock is for" in made.left_out


def test_groups_that_are_chosen_are_no_condition_any_more():
    lock = Lock(LockKind.UV, (Pin("a", "1"), Pin("b", "1", groups=("dev",)), Pin("c", "1", groups=("docs",))))
    assert [(pin.project, pin.groups) for pin in of_groups(lock, ["dev"]).pins] == [("a", ()), ("b", ())]
    assert [pin.project for pin in of_groups(lock, []).pins] == ["a"]
    assert of_groups(lock, ["*"]) == lock


@pytest.mark.parametrize(
    ("pin", "problem"),
    [
        (Pin("gouda", specifier=">=1"), "not pinned"),
        (Pin("gouda", "1.0", files=(LockedFile(hashes=(("sha256", "aa"),)),)), "name is not in the source"),
        (Pin("gouda", "1.0", files=(LockedFile("gouda-1.0.tar.gz", (("sha256", "aa"),)),)), "address is not"),
        (Pin("gouda", "1.0"), "Exactly one of"),
        (Pin("", origin="./gouda"), "wants a name"),
        (Pin("gouda", origin="git+https://code.example.org/gouda.git"), "wants the commit"),
        (Pin("gouda", origin="https://x.example.org/gouda-1.0.zip"), "wants a hash"),
        (Pin("gouda", origin="file:///x/gouda-1.0-py3-none-any.whl"), "wants a hash"),
        (Pin("gouda", "1.0-weird", files=(LockedFile("gouda-1.0.tar.gz", (("md5", "a"),), "https://x"),)), "gouda"),
    ],
)
def test_what_pylock_cannot_hold_is_refused(pin, problem):
    with pytest.raises(Invalid, match=problem):
        write_lock(Lock(LockKind.REQUIREMENTS, (pin,)), LockKind.PYLOCK)
