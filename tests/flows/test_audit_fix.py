"""`affineur audit --fix` and `--write`: the smallest set of upgrades, put into real files."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.pylock import Pylock

from tests.support.advisories import osv
from tests.support.audits import FOUND, audited, told, written
from tests.support.distributions import metadata_of, wheel_name
from tests.support.server import Affineur


@pytest.fixture
def board(upstream, tmp_path):
    """An index with a chain of releases, and a requirements file with hashes in which one has a hole."""
    digests = {}
    for name, version, needs in (
        ("brie", "1.0", "curd>=1"), ("brie", "1.1", "curd>=2"), ("brie", "1.2", "curd>=2"), ("brie", "2.0", "curd>=2"),
        ("curd", "1.0", ""), ("curd", "2.0", "salt"), ("curd", "3.0", "salt"), ("feta", "1.0", ""), ("feta", "2.0", ""),
        ("salt", "5.0", ""),
    ):  # fmt: skip
        told_ = metadata_of(name, version, extra=f"Requires-Dist: {needs}\n" if needs else "")
        filename = upstream.wheel(name, version, metadata=told_)
        digests[name, version] = upstream.projects[name][filename]["hashes"]["sha256"]
    # 1.1 is too young to pass the gate.
    upstream.projects["brie"][wheel_name("brie", "1.1")]["upload-time"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    here = Affineur(tmp_path / "data", upstream=upstream.url)
    told(here, tmp_path / "feed", osv("PYSEC-1", "brie", fixed="1.1"))
    lines = ["# what we serve", ""]
    for name in ("brie", "curd", "feta"):
        lines += [f"{name}==1.0 \\", f"    --hash=sha256:{digests[name, '1.0']}", f"    # why we need {name}"]
    return here, written(tmp_path / "requirements.txt", *lines), digests


def test_a_fix_is_proposed_and_nothing_is_written(board):
    here, file, _ = board
    before = Path(file).read_text()
    report = audited(here, file, "--fix", code=FOUND)
    assert {(row["name"], row["old_version"], row["new_version"]) for row in report["fixes"]} == {
        ("brie", "1.0", "1.2"), ("curd", "1.0", report["fixes"][1]["new_version"]), ("salt", "", "5.0"),
    }  # fmt: skip
    assert report["fixes"][0]["clears"] == ["PYSEC-1"]
    assert Path(file).read_text() == before


def test_a_fix_is_written_with_hashes_and_nothing_else_changes(board):
    here, file, digests = board
    report = audited(here, file, "--write", code=0)
    assert [row["vulns"] for row in report["dependencies"]] == [[]] * 4
    curd = next(row["new_version"] for row in report["fixes"] if row["name"] == "curd")
    expected = ["# what we serve", ""]
    for name, version in (("brie", "1.2"), ("curd", curd), ("feta", "1.0")):
        expected += [
            f"{name}=={version} \\",
            f"    --hash=sha256:{digests[name, version]}",
            f"    # why we need {name}",
        ]
    expected += ["salt==5.0 \\", f"    --hash=sha256:{digests['salt', '5.0']}", "    # via curd"]
    assert Path(file).read_text().splitlines() == expected
    assert here.command("hashes", "verify", file, check=False).returncode == 0
    assert audited(here, file, "--fix", code=0)["fixes"] == []


def test_a_project_that_is_pinned_by_markers_stands_in_nobodys_way(board, tmp_path):
    here, _, _ = board
    forked = ['feta==1.0 ; python_version < "3.10"', 'feta==2.0 ; python_version >= "3.10"']
    file = written(
        tmp_path / "forked.txt",
        *forked,
        'brie==1.0 ; sys_platform == "win32"',
        'brie==1.0 ; sys_platform != "win32"',
        "curd==2.0",
        "salt==5.0",
    )
    report = audited(here, file, "--write", code=0)
    assert [(row["name"], row["old_version"], row["new_version"]) for row in report["fixes"]] == [
        ("brie", "1.0", "1.2")
    ]
    assert Path(file).read_text().splitlines() == [
        *forked, 'brie==1.2 ; sys_platform == "win32"', 'brie==1.2 ; sys_platform != "win32"', "curd==2.0", "salt==5.0",
    ]  # fmt: skip
    several = written(
        tmp_path / "several.txt", 'brie==1.0 ; sys_platform == "win32"', 'brie==1.2 ; sys_platform != "win32"'
    )
    assert "brie is pinned to several versions" in audited(here, several, "--fix", code=FOUND)["fix_problems"][0]


PYLOCK = """\
# by hand
lock-version = "1.0"
environments = ["sys_platform == 'linux'"]
requires-python = ">=3.9"
extras = ["party"]
dependency-groups = ["dev"]
default-groups = ["dev"]
created-by = "another-tool"

[[packages]]
name = "brie"
version = "1.0"
marker = "'party' in extras or 'dev' in dependency_groups"
index = "https://example.org/simple/"
wheels = [{{name = "{wheel}", url = "https://example.org/{wheel}", hashes = {{sha256 = "{brie}"}}}}]
[[packages.dependencies]]
name = "curd"
version = "1.0"
[packages.tool.board]
why = "we like it"

[[packages]]
name = "curd"
version = "1.0"
marker = "'party' in extras"
index = "https://example.org/simple/"
wheels = [{{url = "https://example.org/curd-1.0-py3-none-any.whl", hashes = {{sha256 = "{curd}"}}}}]

[[packages]]
name = "mine"
directory = {{path = "./mine", editable = true}}

[tool.board]
since = 2026-01-02T03:04:05Z
"""


def test_a_fix_is_written_into_a_pylock_and_what_it_says_besides_stays(board, tmp_path):
    here, _, digests = board
    path = tmp_path / "pylock.toml"
    path.write_text(
        PYLOCK.format(wheel=wheel_name("brie", "1.0"), brie=digests["brie", "1.0"], curd=digests["curd", "1.0"])
    )
    before = tomllib.loads(path.read_text())
    report = audited(here, str(path), "--fix", code=FOUND)
    raised = {row["name"]: row["new_version"] for row in report["fixes"]}
    assert raised == {"brie": "1.2", "curd": raised["curd"], "salt": "5.0"}
    assert tomllib.loads(path.read_text()) == before
    report = audited(here, str(path), "--write", code=FOUND)
    assert [row["vulns"] for row in report["dependencies"]] == [[]] * 4
    # Only the folder is left to be told.
    assert {row["kind"] for row in report["findings"] if row["level"] != "note"} == {"editable"}
    assert path.read_text().startswith("# by hand\nlock-version")
    made = tomllib.loads(path.read_text())
    Pylock.from_dict(made)
    assert {key: value for key, value in made.items() if key != "packages"} == {
        key: value for key, value in before.items() if key != "packages"
    }
    brie, curd, mine, salt = made["packages"]
    assert mine == before["packages"][2]
    assert (brie["version"], brie["marker"], brie["tool"]) == (
        "1.2",
        before["packages"][0]["marker"],
        {"board": {"why": "we like it"}},
    )
    assert brie["dependencies"] == [{"name": "curd"}]
    assert brie["wheels"][0]["hashes"] == {"sha256": digests["brie", "1.2"]}
    assert brie["wheels"][0]["url"].startswith("http://127.0.0.1:") and brie["index"].endswith("/main/simple/")
    assert (curd["version"], salt["version"]) == (raised["curd"], "5.0")
    assert curd["marker"] == before["packages"][1]["marker"]
    assert salt["marker"] == curd["marker"].replace("'", '"')
    assert audited(here, str(path), "--fix", code=FOUND)["fixes"] == []
    assert " 3 hashes are right, 0 are not" in here.command("hashes", "verify", str(path), check=False).stdout


def test_what_cannot_be_fixed_is_told_and_left(board, tmp_path):
    here, _, _ = board
    file = written(tmp_path / "r.txt", "brie==2.0")
    told(here, tmp_path / "more", osv("PYSEC-2", "brie", introduced="2.0"))
    report = audited(here, file, "--write", code=FOUND)
    assert (report["fixes"], report["written"]) == ([], [])
    assert "no later brie than 2.0" in report["fix_problems"][0]
    lock = written(
        tmp_path / "poetry.lock", '[[package]]', 'name = "brie"', 'version = "1.0"', "files = []", "[metadata]",
        'lock-version = "2.0"', 'python-versions = ">=3.8"', 'content-hash = "0"',
    )  # fmt: skip
    report = audited(here, lock, "--write", code=FOUND)
    assert "brie==1.2: poetry update --lock brie" in report["fix_problems"][0]


def test_what_a_constraints_file_pins_is_audited_and_raised_there(board, tmp_path):
    here, _, _ = board
    limits = written(tmp_path / "limits.txt", "brie==1.0", "curd==2.0", "salt<9")
    file = written(tmp_path / "top.txt", "-c limits.txt", "feta==1.0")
    found = audited(here, file, code=FOUND)
    assert [(row["name"], Path(row["file"]).name) for row in found["dependencies"] if row["vulns"]] == [
        ("brie", "limits.txt")
    ]
    report = audited(here, file, "--write", code=0)
    assert [(row["name"], row["new_version"]) for row in report["fixes"] if row["old_version"]] == [("brie", "1.2")]
    assert Path(limits).read_text().splitlines() == ["brie==1.2", "curd==2.0", "salt<9"]


def test_what_cannot_be_had_keeps_nothing_else_from_being_raised(board, tmp_path):
    here, _, _ = board
    file = written(tmp_path / "more.txt", "nobody-has-this==1.0", "brie==1.0", "curd==2.0", "salt==5.0")
    report = audited(here, file, "--write", code=FOUND)
    assert [(row["name"], row["new_version"]) for row in report["fixes"]] == [("brie", "1.2")]
    assert any("nobody-has-this 1.0 cannot be had here" in problem for problem in report["fix_problems"])
    assert Path(file).read_text().splitlines()[:2] == ["nobody-has-this==1.0", "brie==1.2"]
