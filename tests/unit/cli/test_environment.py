"""What is installed in an environment, as an audit takes it."""

import json
import sys
import venv

import pytest

from affineur.cli.environment import installed
from affineur.errors import Invalid
from affineur.operations.operation import Installed


@pytest.fixture
def environment(tmp_path):
    """A virtual environment without pip, with three distributions and the rest of a broken one."""
    folder = tmp_path / "env"
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")

    def add(name, version, direct=None):
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        if direct is not None:
            (info / "direct_url.json").write_text(json.dumps(direct))

    add("Brie", "1.0")
    add("curd-tools", "2.0", {"url": "https://git.example.org/curd", "vcs_info": {"vcs": "git", "commit_id": "abc"}})
    add("feta", "3.0+local", {"url": "file:///src/feta", "dir_info": {"editable": True}})
    (site / "broken-1.0.dist-info").mkdir()
    return folder


def test_what_is_installed_with_where_it_came_from(environment):
    expected = [
        Installed("Brie", "1.0"),
        Installed("curd-tools", "2.0", "git+https://git.example.org/curd@abc"),
        Installed("feta", "3.0+local", "file:///src/feta", editable=True),
    ]
    assert installed(str(environment)) == expected
    assert installed(str(environment / "bin" / "python")) == expected


def test_the_active_environment_is_taken_first(environment, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", str(environment))
    assert [row.name for row in installed()] == ["Brie", "curd-tools", "feta"]
    monkeypatch.delenv("VIRTUAL_ENV")
    assert {"affineur", "pytest"} <= {row.name for row in installed()}


def test_what_lies_in_the_working_directory_is_not_installed(environment, tmp_path, monkeypatch):
    (tmp_path / "gouda-1.0.dist-info").mkdir()
    (tmp_path / "gouda-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: gouda\nVersion: 1.0\n")
    monkeypatch.chdir(tmp_path)
    assert "gouda" not in {row.name for row in installed("env")}


def test_an_interpreter_that_is_none_is_named(tmp_path):
    with pytest.raises(Invalid, match="no-python"):
        installed(str(tmp_path / "no-python"))
    with pytest.raises(Invalid, match="cannot be asked"):
        installed("/bin/false" if sys.platform != "win32" else "hostname")
