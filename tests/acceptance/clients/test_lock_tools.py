"""Locks made by the real tools, converted, and taken by the real tools."""

import pytest

from affineur.errors import Invalid
from affineur.model.locks import LockKind
from affineur.standards.locks.project import read_project
from affineur.standards.locks.read import read_lock
from affineur.standards.locks.write import FILENAMES, of_groups, write_lock
from tests.support import lockers
from tests.support.server import Affineur

pytestmark = pytest.mark.long

ALWAYS = {"gouda": "1.5", "milk": "2.0", "rennet": "3.0", "colour": "0.4.6", "tomato": "2.0", "edam": "2.1"}
PARTY, DEV, TASTE = {"brie": "1.2", "cream": "1.0"}, {"feta": "4.0"}, {"salt": "1.0"}
ALL = ALWAYS | PARTY | DEV | TASTE


@pytest.fixture(scope="module")
def cellar():
    made = lockers.index()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def made(cellar, tmp_path_factory):
    """Return the lock that a tool makes, made once."""
    kept = {}

    def make(locker):
        if locker not in kept:
            place = lockers.Place(tmp_path_factory.mktemp(locker.__name__), cellar)
            name = locker(place)
            kept[locker] = read_lock(place.read(name), name)
        return kept[locker]

    return make


@pytest.fixture
def place(cellar, tmp_path):
    return lockers.Place(tmp_path, cellar)


def hashes_upstream(cellar, project, version):
    rows = cellar.projects[project].items()
    return {
        ("sha256", row["hashes"]["sha256"]) for name, row in rows if f"-{version}-" in name or f"-{version}.tar" in name
    }


@pytest.mark.parametrize("locker", lockers.LOCKERS, ids=lambda locker: locker.__name__)
def test_lock_of_the_real_tool_is_read_whole(made, cellar, locker):
    lock = made(locker)
    versions = {pin.project: pin.version for pin in lock.pins}
    here = {name: version for name, version in ALL.items() if name in versions}
    assert versions == here
    assert {"gouda", "milk", "rennet"} <= versions.keys()
    assert not lock.unread
    for pin in lock.pins:
        expected = hashes_upstream(cellar, pin.project, pin.version)
        # `pip lock` names the one file that it would install.
        assert set(pin.hashes) == expected or (locker is lockers.by_pip and set(pin.hashes) < expected)
    if locker in {lockers.by_uv, lockers.by_poetry, lockers.by_pdm}:
        groups = {pin.project: pin.groups for pin in lock.pins}
        assert groups == dict.fromkeys(ALWAYS, ()) | dict.fromkeys(PARTY, ("party",)) | {
            "feta": ("dev",), "salt": ("dev", "taste"),
        }  # fmt: skip
        markers = {pin.project: pin.marker for pin in lock.pins if pin.marker}
        assert markers.keys() == {"colour", "tomato", "edam"}
        assert markers["edam"] == markers["colour"] == 'sys_platform == "win32"'


@pytest.mark.parametrize("locker", lockers.LOCKERS, ids=lambda locker: locker.__name__)
def test_pip_installs_from_the_requirements_file_by_hash(made, place, locker):
    lock = of_groups(made(locker), ())
    written = write_lock(lock, LockKind.REQUIREMENTS)
    assert not written.missing.lost
    place.write("requirements.txt", written.text)
    done = place.run(
        "pip-newest", "python", "-m", "pip", "install", "--dry-run", "--require-hashes", "--no-deps",
        "--ignore-installed", "-r", "requirements.txt",
    )  # fmt: skip
    assert "gouda-1.5 milk-2.0 rennet-3.0" in done.stdout.partition("Would install ")[2]


TAKEN = {
    LockKind.UV: [("uv-newest", "uv", "lock", "--check"), ("uv-newest", "uv", "sync", "--locked", "--dry-run")],
    LockKind.POETRY: [
        ("poetry-newest", "poetry", "check", "--lock"),
        ("poetry-newest", "poetry", "install", "--all-groups", "--all-extras"),
    ],
    LockKind.PDM: [
        ("pdm", "pdm", "lock", "--check"),
        ("pdm", "pdm", "install", "--check", "-G:all", "--dry-run"),
    ],
    LockKind.PIPFILE: [("pipenv", "pipenv", "verify"), ("pipenv", "pipenv", "install", "--deploy", "--dev")],
    LockKind.PYLOCK: [
        ("pip-newest", "python", "-m", "pip", "install", "--dry-run", "--ignore-installed", "-r", "pylock.toml"),
        ("uv-newest", "uv", "pip", "install", "--dry-run", "--target", "site", "-r", "pylock.toml"),
    ],
}


@pytest.mark.parametrize(
    ("locker", "kind"),
    [
        (lockers.by_uv, LockKind.UV),
        (lockers.by_uv, LockKind.POETRY),
        (lockers.by_uv, LockKind.PDM),
        (lockers.by_uv, LockKind.PIPFILE),
        (lockers.by_uv, LockKind.PYLOCK),
        (lockers.by_poetry, LockKind.PDM),
        (lockers.by_poetry, LockKind.PIPFILE),
        (lockers.by_pdm, LockKind.POETRY),
        (lockers.by_pdm, LockKind.PIPFILE),
        (lockers.by_pip, LockKind.PYLOCK),
    ],
    ids=str,
)
def test_real_tool_takes_what_is_written(made, place, locker, kind):
    lock = made(locker)
    if kind is LockKind.PIPFILE:
        place.write("Pipfile", lockers.PIPFILE.format(url=place.url))
    project = "Pipfile" if kind is LockKind.PIPFILE else "pyproject.toml"
    written = write_lock(lock, kind, read_project(place.read(project), project))
    assert not written.missing.lost
    name = FILENAMES[kind]
    place.write(name, written.text)
    for client, *arguments in TAKEN[kind]:
        place.run(client, *arguments)
    assert place.read(name) == written.text
    again = read_lock(place.read(name), name)
    assert {pin.project: set(pin.hashes) for pin in again.pins} == {pin.project: set(pin.hashes) for pin in lock.pins}


def test_real_tool_notices_a_wrong_hash_in_what_is_written(made, place):
    """The proof that the check above would fail: the hashes written are those that count."""
    project = read_project(place.read("pyproject.toml"), "pyproject.toml")
    written = write_lock(made(lockers.by_uv), LockKind.POETRY, project).text
    (wheel,) = [name for name in place.upstream.projects["rennet"] if name.endswith(".whl")]
    right = place.upstream.projects["rennet"][wheel]["hashes"]["sha256"]
    place.write("poetry.lock", written.replace(right, "0" * 64))
    done = place.run("poetry-newest", "poetry", "install", "--no-cache", check=False)
    assert done.returncode


@pytest.mark.parametrize(
    ("locker", "kind", "reason"),
    [
        (lockers.by_pip_tools, LockKind.PYLOCK, "name is not in the source"),
        (lockers.by_poetry, LockKind.PYLOCK, "address is not in the source"),
        (lockers.by_pdm, LockKind.UV, "wants the addresses of files"),
        (lockers.by_uv_export, LockKind.UV, "the source does not say it of"),
        (lockers.by_pip_tools, LockKind.POETRY, "does not hold edam"),
        (lockers.by_pipenv, LockKind.PDM, "does not hold brie"),
    ],
    ids=str,
)
def test_what_a_tool_would_refuse_is_refused_with_the_reason(made, place, locker, kind, reason):
    project = read_project(place.read("pyproject.toml"), "pyproject.toml")
    with pytest.raises(Invalid, match=reason):
        write_lock(made(locker), kind, project)


ONLY_MAIN = """\
[project]
name = "Cheese-Board"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["gouda[rind]>=1", 'edam>=2 ; sys_platform == "win32"']

[[tool.uv.index]]
url = "{url}"
default = true

[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = "here"
url = "{url}"

[[tool.pdm.source]]
name = "pypi"
url = "{url}"
"""


@pytest.mark.parametrize("kind", [LockKind.UV, LockKind.POETRY, LockKind.PDM, LockKind.PYLOCK])
def test_an_index_fills_in_what_a_requirements_file_does_not_say(cellar, tmp_path, kind):
    folder = tmp_path / "project"
    folder.mkdir()
    with Affineur(tmp_path / "data", cellar.url) as server:
        place = lockers.Place(folder, cellar)
        place.url = f"{server.url}/main/simple/"
        place.write("pyproject.toml", ONLY_MAIN.format(url=place.url))
        lockers.by_uv_pip_compile(place)
        name = FILENAMES[kind]
        run = server.command(
            "convert", str(folder / "requirements.txt"), str(folder / name), "--index", "main", "--server", server.url,
            "--token", server.token(index="main", rights="read"), "--project", str(folder / "pyproject.toml"), check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
        for client, *arguments in TAKEN[kind]:
            place.run(client, *arguments)
        assert {pin.project for pin in read_lock(place.read(name), name).pins} >= {"gouda", "milk", "rennet", "edam"}
