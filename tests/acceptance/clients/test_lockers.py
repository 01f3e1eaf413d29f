"""Programs that lock a project and install what they locked: poetry, pdm, pipenv, pip-tools."""

import json
import tomllib

import pytest

from tests.acceptance.clients.conftest import installed
from tests.support.clients import run

pytestmark = pytest.mark.long

EVERYTHING = {"quince": "1.1", "medlar": "1.2", "sorbus-aria": "1.5", "rowan": "1.0", "azarole": "1.0+gpu.1"}
INSTALLED = {f"{name.replace('-', '_')}-{version}" for name, version in EVERYTHING.items()}
PROJECT = """
[project]
name = "orchard"
version = "0"
requires-python = ">=3.11,<4"
dependencies = ["quince[more]", "azarole"]
"""


@pytest.fixture
def hashes(affineur, index):
    """The hash of every file of the projects that are locked."""
    return {row["hashes"]["sha256"] for name in EVERYTHING for row in affineur.page(name)["files"]}


def stated(text):
    """The digests in a lock file."""
    return {part[:64] for part in text.split("sha256:")[1:]}


def site_packages(project):
    return next(project.glob(".venv/lib/*/site-packages"))


def test_poetry(index, upstream, hashes, tmp_path, monkeypatch):
    source = f'[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = "a"\nurl = "{index}"\npriority = "primary"\n'
    (tmp_path / "pyproject.toml").write_text(PROJECT + source)
    monkeypatch.chdir(tmp_path)

    def poetry(*arguments, cache="cache"):
        return run(
            "poetry-newest", "poetry", *arguments, "-n", "-C", tmp_path, timeout=300, POETRY_VIRTUALENVS_IN_PROJECT="true",
            POETRY_CACHE_DIR=str(tmp_path / cache), PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring",
        )  # fmt: skip

    poetry("lock")
    lock = (tmp_path / "poetry.lock").read_text()
    assert {p["name"]: p["version"] for p in tomllib.loads(lock)["package"]} == EVERYTHING
    assert stated(lock) <= hashes
    poetry("install")
    assert installed(site_packages(tmp_path)) >= INSTALLED
    upstream.stop()
    try:
        poetry("sync", cache="another-cache")
        poetry("lock", "--regenerate", cache="another-cache")
    finally:
        upstream.restart()
    assert (tmp_path / "poetry.lock").read_text() == lock


def test_pdm(index, hashes, tmp_path):
    source = (
        f'[tool.pdm]\ndistribution = false\n[[tool.pdm.source]]\nname = "pypi"\nurl = "{index}"\nverify_ssl = false\n'
    )
    (tmp_path / "pyproject.toml").write_text(PROJECT + source)

    def pdm(*arguments):
        return run(
            "pdm", "pdm", *arguments, "-p", tmp_path, timeout=300, PDM_CHECK_UPDATE="0",
            PDM_CACHE_DIR=str(tmp_path / "cache"), XDG_STATE_HOME=str(tmp_path / "state"), PDM_IGNORE_SAVED_PYTHON="1",
        )  # fmt: skip

    pdm("lock", "-q")
    lock = (tmp_path / "pdm.lock").read_text()
    # pdm writes a version with its local part or without, as it finds that the local part matters.
    packages = tomllib.loads(lock)["package"]
    locked = {p["name"]: p["version"].partition("+")[0] for p in packages}
    assert locked == {name: version.partition("+")[0] for name, version in EVERYTHING.items()}
    assert {file["hash"].removeprefix("sha256:") for p in packages for file in p["files"]} <= hashes
    pdm("sync", "-q")
    assert installed(site_packages(tmp_path)) >= INSTALLED


def test_pipenv(index, hashes, tmp_path, monkeypatch):
    (tmp_path / "Pipfile").write_text(
        f'[[source]]\nurl = "{index}"\nverify_ssl = false\nname = "a"\n'
        '[packages]\nquince = {extras = ["more"], version = "*"}\nazarole = "==1.0+gpu.1"\n'
    )
    monkeypatch.chdir(tmp_path)

    def pipenv(*arguments):
        return run(
            "pipenv", "pipenv", *arguments, timeout=300, PIPENV_VENV_IN_PROJECT="1", PIPENV_IGNORE_VIRTUALENVS="1",
            PIPENV_PIPFILE=str(tmp_path / "Pipfile"), PIPENV_CACHE_DIR=str(tmp_path / "cache"), PIPENV_NOSPIN="1",
        )  # fmt: skip

    pipenv("lock")
    lock = (tmp_path / "Pipfile.lock").read_text()
    assert {name: row["version"].removeprefix("==") for name, row in json.loads(lock)["default"].items()} == EVERYTHING
    assert {h.removeprefix("sha256:") for row in json.loads(lock)["default"].values() for h in row["hashes"]} <= hashes
    pipenv("sync")
    assert installed(site_packages(tmp_path)) >= INSTALLED


def test_pip_tools(index, hashes, tmp_path):
    (tmp_path / "r.in").write_text("quince[more]\nazarole\n")
    run(
        "pip-tools", "pip-compile", "-q", "--generate-hashes", "--strip-extras", "-i", index, "-o", tmp_path / "r.txt",
        tmp_path / "r.in", "--cache-dir", tmp_path / "cache",
    )  # fmt: skip
    text = (tmp_path / "r.txt").read_text()
    pins = dict(line.split()[0].split("==") for line in text.splitlines() if line[:1].isalpha())
    assert pins == EVERYTHING
    assert stated(text) <= hashes
