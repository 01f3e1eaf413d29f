"""The inside of a wheel: what must be there, and what RECORD says of it."""

import base64
import hashlib

import pytest

from tests.support.archives import Entry, recorded, zip_bytes
from tests.support.distributions import metadata_of, wheel_bytes

INFO = "sample-1.0.dist-info"
WHEEL = b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
BASIC = {"sample/__init__.py": b"x = 1\n", f"{INFO}/METADATA": metadata_of("sample", "1.0"), f"{INFO}/WHEEL": WHEEL}


def made(members=None, *, drop=(), extra=None, modes=None, **changes):
    """A wheel from the basic members, its RECORD written last."""
    kept = {**BASIC, **(members or {})}
    kept = {path: body for path, body in kept.items() if path not in drop}
    whole = {**recorded(kept, INFO, **changes), **(extra or {})}
    whole = {path: body for path, body in whole.items() if path not in drop}
    return zip_bytes([Entry(path, body, mode=(modes or {}).get(path, 0o100644)) for path, body in whole.items()])


def test_sound_wheel(look):
    found = look(made({f"{INFO}/sboms/sample.cdx.json": b"{}", "sample.pth": b"import os\n", "a/b.start": b""}))
    assert (found.kind, found.name, found.version, found.tags) == ("bdist_wheel", "sample", "1.0", ("py3-none-any",))
    assert found.metadata == BASIC[f"{INFO}/METADATA"]
    assert found.startup_files == ("sample.pth",)
    assert found.sboms == (f"{INFO}/sboms/sample.cdx.json",)
    assert (found.members, found.unpacked > 100) == (7, True)


def test_wheels_of_the_builder_are_sound(look):
    assert look(wheel_bytes("sample", "1.0", padding=100_000)).version == "1.0"


def test_startup_files_in_data_folders(look):
    found = look(made({"sample-1.0.data/purelib/run.start": b"", "sample-1.0.data/data/lib/x.pth": b""}))
    assert len(found.startup_files) == 2


@pytest.mark.parametrize("missing", ["METADATA", "WHEEL", "RECORD"])
def test_missing_file_of_the_dist_info(broken, missing):
    assert "is missing" in broken("dist-info", made(drop=[f"{INFO}/{missing}"]))


@pytest.mark.parametrize("folder", ["sample-1.1.dist-info", "other-1.0.dist-info", "sample-1.0.DIST-INFO"])
def test_dist_info_of_another_name(broken, folder):
    members = {path.replace(INFO, folder): body for path, body in BASIC.items()}
    body = zip_bytes([Entry(path, body) for path, body in recorded(members, folder).items()])
    broken("dist-info", body)


def test_two_dist_infos(broken):
    broken("dist-info", made({"other-1.0.dist-info/METADATA": b""}))


def test_no_dist_info(broken):
    broken("dist-info", zip_bytes([Entry("sample/__init__.py", b"")]))


@pytest.mark.parametrize("version", ["2.0", "0.9", "", "1", "1.x"])
def test_wheel_version(broken, version):
    broken("wheel-version", made({f"{INFO}/WHEEL": f"Wheel-Version: {version}\n".encode()}))


def test_newer_minor_wheel_version(look):
    assert look(made({f"{INFO}/WHEEL": b"Wheel-Version: 1.9\nTag: py3-none-any\n"}))


def test_member_not_in_record(broken):
    assert "not listed" in broken("record", made({"sample/more.py": b""}, without=["sample/more.py"]))


def test_record_row_without_member(broken):
    assert "missing" in broken("record", made(rows={"sample/gone.py": "sample/gone.py,sha256=abc,1"}))


@pytest.mark.parametrize(
    "row",
    [
        "{path},sha256=" + base64.urlsafe_b64encode(b"x" * 32).rstrip(b"=").decode() + ",6",
        "{path},sha256=not base64!,6",
        "{path},sha256=,6",
        "{path},,",
        "{path},md5=" + base64.urlsafe_b64encode(hashlib.md5(b"x = 1\n").digest()).decode() + ",6",
        "{path},sha1=abc,6",
        "{path},sha256={right},7",
        "{path},sha256={right}",
        "{path},sha256={right},6,more",
        '"{path},sha256={right},6',
    ],
)
def test_wrong_record_row(broken, row):
    path = "sample/__init__.py"
    right = base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).rstrip(b"=").decode()
    broken("record", made(rows={path: row.format(path=path, right=right)}))


def test_path_recorded_twice(broken):
    digest = base64.urlsafe_b64encode(hashlib.sha256(b"x = 1\n").digest()).rstrip(b"=").decode()
    row = f"sample/__init__.py,sha256={digest},6"
    broken("record", made(rows={"sample/__init__.py": f"{row}\n{row}"}))


@pytest.mark.parametrize("algorithm", ["sha384", "sha512", "blake2b"])
def test_stronger_hashes(look, algorithm):
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, b"x = 1\n").digest()).rstrip(b"=").decode()
    assert look(made(rows={"sample/__init__.py": f"sample/__init__.py,{algorithm}={digest},6"}))


def test_signatures_of_record_need_no_row(look):
    assert look(made(extra={f"{INFO}/RECORD.jws": b"{}"}))


def test_record_that_is_not_utf8(broken):
    broken("record", made(extra={f"{INFO}/RECORD": b"\xff\xfe\n"}))


@pytest.mark.parametrize("script", ["../evil", "a/b", "a b", "", "..", "."])
def test_script_name(broken, script):
    text = f"[console_scripts]\n{script} = sample:main\n"
    broken("entry-points", made({f"{INFO}/entry_points.txt": text.encode()}))


@pytest.mark.parametrize("text", ["no section = 1\n", "[console_scripts\nx = y:z\n", "[a]\nb = c\nb = d\n"])
def test_entry_points_that_cannot_be_read(broken, text):
    broken("entry-points", made({f"{INFO}/entry_points.txt": text.encode()}))


def test_good_entry_points(look):
    text = "[console_scripts]\nsample-run.py = sample:main [extra]\n\n[pytest11]\n../free = sample.plugin\n"
    assert look(made({f"{INFO}/entry_points.txt": text.encode()}))


def licensed(*, expression="MIT", files=("LICENSE",), present=("LICENSE",), version="2.4"):
    extra = f"License-Expression: {expression}\n" + "".join(f"License-File: {f}\n" for f in files)
    metadata = metadata_of("sample", "1.0", version_of_metadata=version, extra=extra)
    return made({f"{INFO}/METADATA": metadata, **{f"{INFO}/licenses/{f}": b"text" for f in present}})


def test_licence_file_must_be_there(look, broken):
    assert look(licensed())
    assert "License-File" in broken("licence", licensed(present=()))
    assert "License-File" in broken("licence", licensed(files=("LICENSE", "more/NOTICE")))


@pytest.mark.parametrize("path", ["../LICENSE", "/LICENSE", "LICEN*", "a\\b"])
def test_licence_path_is_plain(broken, path):
    broken("metadata", licensed(files=(path,), present=()))


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (metadata_of("other", "1.0"), "Name"),
        (metadata_of("sample", "1.1"), "Version"),
        (metadata_of("sample", "1.0", version_of_metadata="9.9"), "Metadata-Version"),
        (b"", "Metadata-Version"),
        (b"\xff\xfe\x00", ""),
        (metadata_of("sample", "1.0", extra="Version: 1.0\n"), "Version"),
    ],
)
def test_metadata_must_be_of_this_release(broken, metadata, said):
    assert said in broken("metadata", made({f"{INFO}/METADATA": metadata}))


@pytest.mark.parametrize(
    "path", ["../x", "/x", "a/../../x", "C:/x", "c:x", "a\\b", "a//b", "./a", "a/.", "a\nb", "a\x7fb", "x" * 2000]
)
def test_path_that_leaves_the_tree(broken, path):
    broken("path", made({path: b""}))


def test_name_that_is_neither_ascii_nor_utf8(broken):
    broken("path", zip_bytes([Entry(b"caf\xe9", b"", local={"flags": 0}, central={"flags": 0})]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sample/A.py", "sample/a.py"),
        ("sample/stra\u00dfe", "sample/strasse"),
        ("sample/caf\u00e9", "sample/cafe\u0301"),
        ("sample/x", "Sample/X"),
    ],
)
def test_paths_that_collide_on_some_disks(broken, one, other):
    broken("duplicate", made({one: b"1", other: b"2"}))


@pytest.mark.parametrize("inner", ["sample/x/y", "sample/X/y"])
def test_file_that_is_also_a_folder(broken, inner):
    broken("duplicate", made({"sample/x": b"", inner: b""}))


@pytest.mark.parametrize(
    ("mode", "said"), [(0o120777, "link"), (0o020644, "device"), (0o060644, "device"), (0o010644, "special")]
)
def test_links_and_devices(broken, mode, said):
    assert said in broken("member", made({"sample/link": b"/etc/passwd"}, modes={"sample/link": mode}))


def test_folders_are_fine(look):
    members = recorded(BASIC, INFO)
    assert look(zip_bytes([Entry("sample/", mode=0o040755), *(Entry(p, b) for p, b in members.items())]))
