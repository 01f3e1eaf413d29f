"""What a person reads in the output of a real client when the gate refuses something, and what is installed."""

import sys

import pytest

from tests.support import clients
from tests.support.distributions import wheel_name
from tests.support.upstream import days_ago

CONFIG = """
[policies.standard.lists]
deny = [{ match = "sour", reason = "it smells" }, { match = "ghost", reason = "nobody registered it" }]
"""
HELD = "held by cooldown: 2.0 is 1 day old, 3 days are asked; free on "
FRESH = "held by cooldown: 1.0 is 1 day old, 3 days are asked; free on "
SOUR = "denied by lists: sour is on the list of what is denied: it smells"
GHOST = "denied by lists: ghost is on the list of what is denied: nobody registered it"
LONG = pytest.mark.long
INSTALLERS = [
    "pip-newest",
    "uv-newest",
    *(pytest.param(name, marks=LONG) for name in ("pip-23.2", "pip-25.3", "uv-0.9")),
]


@pytest.fixture(scope="module")
def configuration():
    return CONFIG


@pytest.fixture(scope="module", params=["sqlite"])
def database():
    """What clients print does not depend on the database."""
    return ""


@pytest.fixture(scope="module", autouse=True)
def projects(upstream):
    upstream.wheel("aging", "1.0", keys={"upload-time": days_ago(50)})
    upstream.wheel("aging", "2.0", keys={"upload-time": days_ago(1)})
    upstream.wheel("fresh", "1.0", keys={"upload-time": days_ago(1)})
    upstream.wheel("sour", "1.0", keys={"upload-time": days_ago(50)})
    upstream.wheel("wants-fresh", "1.0", requires=["fresh"], keys={"upload-time": days_ago(50)})
    upstream.wheel("wants-sour", "1.0", requires=["sour"], keys={"upload-time": days_ago(50)})


@pytest.fixture(params=INSTALLERS)
def installer(request, affineur, tmp_path):
    """Install requirements into an empty folder; return the exit code, what was printed, and what is there."""
    name = request.param
    target = tmp_path / "target"

    def install(*wanted, file=None):
        arguments = ["install", "--target", target, "--index-url", affineur.index()]
        if file is not None:
            requirements = tmp_path / "requirements.txt"
            requirements.write_text(file)
            wanted = ("--require-hashes", "-r", requirements)
        if name.startswith("uv"):
            arguments = [
                "pip",
                *arguments,
                "--python",
                sys.executable,
                "--cache-dir",
                tmp_path / "cache",
                "--color",
                "never",
            ]
        else:
            arguments += ["--no-cache-dir", "--progress-bar", "off", "--no-input"]
        # A terminal as wide as a log, so that sentences are not broken into lines.
        done = clients.run(name, name.partition("-")[0], *arguments, *wanted, check=False, COLUMNS="500")
        there = sorted(path.name.removesuffix(".dist-info") for path in target.glob("*.dist-info"))
        return done.returncode, " ".join((done.stdout + done.stderr).split()), there

    install.client = name
    return install


def is_pip(installer):
    return installer.client.startswith("pip")


def refused(installer, *wanted, **more):
    """Install what must not be had; return what was printed."""
    code, said, there = installer(*wanted, **more)
    assert code
    assert there == []
    return said


def test_unpinned_takes_the_newest_that_passes_and_says_nothing(installer):
    code, said, there = installer("aging")
    assert code == 0
    assert there == ["aging-1.0"]
    assert "held" not in said


def test_a_range_that_only_a_refused_release_meets(installer):
    said = refused(installer, "aging>=2.0")
    # pip names the yanked version here, and has no place for the reason.
    assert ("2.0" in said and "1.0" in said) if is_pip(installer) else HELD in said


def test_a_pin(installer):
    said = refused(installer, "aging==2.0")
    assert HELD in said
    assert "/why/" in said


def test_a_pin_with_its_hash(installer, affineur):
    (row,) = [row for row in affineur.page("aging")["files"] if row["filename"] == wheel_name("aging", "2.0")]
    said = refused(installer, file=f"aging==2.0 --hash=sha256:{row['hashes']['sha256']}\n")
    assert HELD in said


@pytest.mark.parametrize("wanted", ["fresh", "fresh==1.0", "wants-fresh"])
def test_every_version_is_refused(installer, wanted):
    said = refused(installer, wanted)
    assert FRESH in said


@pytest.mark.parametrize("wanted", ["sour", "sour==1.0", "wants-sour"])
def test_the_whole_project_is_refused(installer, wanted):
    said = refused(installer, wanted)
    assert SOUR in said


@pytest.mark.parametrize("wanted", ["ghost", "ghost==2.31.0", "ghost>=2"])
def test_a_refused_name_that_nobody_registered(installer, wanted):
    said = refused(installer, wanted)
    if is_pip(installer) and wanted != "ghost":
        assert "(from versions: 0+held.by.policy)" in said
    else:
        assert GHOST in said


@LONG
@pytest.mark.parametrize(
    ("wanted", "reason"),
    [("aging = '2.0'", HELD), ("fresh = '*'", FRESH), ("sour = '*'", SOUR)],
    ids=["pin", "all", "whole"],
)
def test_poetry(affineur, tmp_path, wanted, reason):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.poetry]\nname = 'probe'\nversion = '1'\ndescription = ''\nauthors = []\npackage-mode = false\n"
        f"[tool.poetry.dependencies]\npython = '>=3.11'\n{wanted}\n"
        f"[[tool.poetry.source]]\nname = 'main'\nurl = '{affineur.index()}'\npriority = 'primary'\n"
    )
    environment = {"POETRY_CACHE_DIR": str(tmp_path / "cache"), "POETRY_VIRTUALENVS_IN_PROJECT": "1", "COLUMNS": "500"}
    done = clients.run("poetry-newest", "poetry", "install", "-n", check=False, cwd=tmp_path, **environment)
    assert done.returncode
    assert reason in " ".join((done.stdout + done.stderr).split())
