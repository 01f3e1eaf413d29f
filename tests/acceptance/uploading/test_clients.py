"""Real clients upload a wheel and an sdist to `internal`; pip installs both from `main`."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.uploading.test_beside import attestation
from tests.support.clients import client
from tests.support.distributions import metadata_of, sdist_bytes, sdist_name, wheel_bytes, wheel_name
from tests.support.server import clean_environment

BACKEND = """
import hashlib, base64, pathlib, zipfile

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    info = pathlib.Path("PKG-INFO").read_text()
    fields = dict(line.split(": ", 1) for line in info.partition("\\n\\n")[0].splitlines())
    stem = fields["Name"].replace("-", "_") + "-" + fields["Version"]
    members = {stem + ".dist-info/METADATA": info, stem + ".dist-info/WHEEL": "Wheel-Version: 1.0\\nTag: py3-none-any\\n"}
    with zipfile.ZipFile(pathlib.Path(wheel_directory, stem + "-py3-none-any.whl"), "w") as wheel:
        for path, text in members.items():
            wheel.writestr(path, text)
        wheel.writestr(stem + ".dist-info/RECORD", "".join(path + ",,\\n" for path in members))
    return stem + "-py3-none-any.whl"
"""
PYPROJECT = """
[project]
name = "{name}"
version = "{version}"
description = "A sample"
requires-python = ">=3.8"
keywords = ["one", "two"]
classifiers = ["Private :: Do Not Upload", "Programming Language :: Python :: 3"]
authors = [{{name = "Ada", email = "ada@example.org"}}]
dependencies = ["{dependency}>=1.0; python_version >= '3.8'"]

[project.optional-dependencies]
Fancy_Extra = ["{dependency}[more]"]

[project.urls]
Homepage = "https://example.org/{name}"

[build-system]
requires = {requires}
build-backend = "{backend}"
"""
EXTRA = (
    "Summary: A sample\nKeywords: one,two\nAuthor-email: Ada <ada@example.org>\n"
    "Classifier: Private :: Do Not Upload\nClassifier: Programming Language :: Python :: 3\n"
    "Project-URL: Homepage, https://example.org/sample\nProvides-Extra: fancy-extra\n"
    "Description-Content-Type: text/markdown\n\n# A *sample*\n\nÜmläute – and more\n"
)
VERSION = "1.0+acme.1"


class Project:
    """A project with a wheel and an sdist in `dist`, and somebody to upload them."""

    def __init__(self, server, token, name, folder, dependency):
        self.server, self.token, self.name, self.folder = server, token, name, folder
        self.dist = folder / "dist"
        self.dist.mkdir()
        requires = [f"{dependency}>=1.0", f"{dependency}[more]; extra == 'fancy-extra'"]
        details = {"requires": requires, "requires_python": ">=3.8", "extra": EXTRA, "version_of_metadata": "2.2"}
        metadata = metadata_of(name, VERSION, **details)
        self.wheel = self.dist / wheel_name(name, VERSION)
        self.wheel.write_bytes(wheel_bytes(name, VERSION, metadata=metadata))
        self.sdist = self.dist / sdist_name(name, VERSION)
        self.sdist.write_bytes(sdist_bytes(name, VERSION, metadata=metadata, files={"backend.py": BACKEND.encode()}))
        self.pyproject("backend", "[]")

    def pyproject(self, backend, requires):
        text = PYPROJECT.format(
            name=self.name, version=VERSION, backend=backend, requires=requires, dependency="affineur-sample-base"
        )
        (self.folder / "pyproject.toml").write_text(text)

    @property
    def address(self):
        return f"{self.server.url}/internal/legacy/"

    @property
    def files(self):
        return [str(self.wheel), str(self.sdist)]

    def run(self, program, *arguments, check=True, **environment):
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        done = subprocess.run(
            [program, *arguments],
            env=clean_environment(HOME=str(home), XDG_CONFIG_HOME=str(home), CI="1", **environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=180,
        )
        if check and done.returncode:
            raise AssertionError(f"{program} {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done

    def twine(self, program, *more, check=True, files=None):
        return self.run(
            program, "upload", "--non-interactive", "--disable-progress-bar", "--repository-url", self.address,
            "-u", "__token__", "-p", self.token, *more, *(files or self.files), check=check,
        )  # fmt: skip

    def uv(self, *more, check=True, files=None):
        return self.run(
            str(Path(sys.prefix) / "bin" / "uv"), "publish", "--publish-url", self.address, "--token", self.token,
            "--no-cache", *more, *(files or self.files), check=check,
        )  # fmt: skip

    def installs(self):
        """Install with pip from `main`: the wheel, then the sdist built anew."""
        rows = {row["filename"]: row for row in self.server.page(self.name)["files"]}
        assert set(rows) == {self.wheel.name, self.sdist.name}
        for path in (self.wheel, self.sdist):
            body = self.server.get(rows[path.name]["url"]).content
            assert hashlib.sha256(body).hexdigest() == rows[path.name]["hashes"]["sha256"]
        for number, more in enumerate(([], ["--no-binary", self.name])):
            target = self.folder / f"installed-{number}"
            self.run(
                sys.executable, "-m", "pip", "install", "--no-cache-dir", "--index-url", self.server.index(),
                "--target", str(target), *more, f"{self.name}=={VERSION}",
            )  # fmt: skip
            assert (target / f"{self.name.replace('-', '_')}-{VERSION}.dist-info" / "METADATA").exists()


@pytest.fixture(scope="module")
def dependency(affineur, token):
    project = "affineur-sample-base"
    affineur.upload(wheel_name(project, "1.0"), wheel_bytes(project, "1.0"), token=token)
    return project


@pytest.fixture
def project(affineur, token, name, tmp_path, dependency):
    return Project(affineur, token, name, tmp_path, dependency)


TWINE = str(Path(sys.prefix) / "bin" / "twine")


def test_twine(project, upstream):
    project.twine(TWINE)
    project.installs()
    assert upstream.asked(project.name) == []
    project.twine(TWINE)


def test_twine_shows_the_reason(project):
    project.twine(TWINE)
    project.wheel.write_bytes(wheel_bytes(project.name, VERSION, padding=9))
    refused = project.twine(TWINE, check=False, files=[str(project.wheel)])
    assert refused.returncode == 1
    said = " ".join((refused.stdout + refused.stderr).replace("\n", " ").split())
    assert "400" in said and "File already exists" in said


def test_twine_brings_signature_and_attestations(project):
    (project.dist / f"{project.wheel.name}.asc").write_text("-----BEGIN PGP SIGNATURE-----\nabc\n")
    for path in (project.wheel, project.sdist):
        made = json.dumps(attestation(path.name, path.read_bytes()))
        (project.dist / f"{path.name}.publish.attestation").write_text(made)
    files = [*project.files, *(f"{file}.publish.attestation" for file in project.files), f"{project.wheel}.asc"]
    project.twine(TWINE, "--attestations", files=files)
    rows = {row["filename"]: row for row in project.server.page(project.name)["files"]}
    assert all(row["provenance"] for row in rows.values())
    assert rows[project.wheel.name]["gpg-sig"] is True


def test_uv(project):
    project.uv()
    project.installs()
    assert "File already exists" not in project.uv().stderr


def test_uv_with_check_url(project):
    project.uv()
    again = project.uv("--check-url", project.server.index("internal"))
    assert "already exists, skipping" in again.stderr
    project.wheel.write_bytes(wheel_bytes(project.name, VERSION, padding=9))
    other = project.uv("--check-url", project.server.index("internal"), check=False, files=[str(project.wheel)])
    assert other.returncode != 0


def test_uv_shows_the_reason(project):
    project.uv(files=[str(project.wheel)])
    project.wheel.write_bytes(wheel_bytes(project.name, VERSION, padding=9))
    refused = project.uv(check=False, files=[str(project.wheel)])
    assert refused.returncode != 0
    assert "File already exists" in " ".join(refused.stderr.split())


def test_uv_brings_attestations(project):
    made = json.dumps(attestation(project.wheel.name, project.wheel.read_bytes()))
    (project.dist / f"{project.wheel.name}.publish.attestation").write_text(made)
    project.uv(files=[str(path) for path in project.dist.glob("*.whl*")])
    [row] = project.server.page(project.name)["files"]
    assert row["provenance"]
    assert project.server.get(row["url"] + ".provenance").json()["attestation_bundles"][0]["attestations"]


@pytest.mark.parametrize("program", [TWINE, "uv"])
def test_wrong_token_is_told(project, program):
    project.token = "affineur-wrong"
    refused = project.twine(TWINE, check=False) if program == TWINE else project.uv(check=False)
    assert refused.returncode != 0
    assert "401" in refused.stdout + refused.stderr


@pytest.mark.long
def test_twine_6(project):
    project.twine(str(client("twine-6") / "twine"))
    project.installs()
    project.twine(str(client("twine-6") / "twine"))


@pytest.mark.long
def test_hatch(project):
    program = str(client("hatch") / "hatch")
    project.run(program, "publish", "-r", project.address, "-u", "__token__", "-a", project.token, *project.files)
    project.installs()


@pytest.mark.long
def test_poetry(project):
    program = str(client("poetry-newest") / "poetry")
    environment = {
        "POETRY_REPOSITORIES_OURS_URL": project.address,
        "POETRY_HTTP_BASIC_OURS_USERNAME": "__token__",
        "POETRY_HTTP_BASIC_OURS_PASSWORD": project.token,
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }
    project.run(program, "publish", "-n", "-r", "ours", **environment)
    project.installs()
    project.run(program, "publish", "-n", "-r", "ours", "--skip-existing", **environment)


@pytest.mark.long
def test_pdm(project):
    program = str(client("pdm") / "pdm")
    project.run(
        program, "publish", "--no-build", "-r", project.address, "-u", "__token__", "-P", project.token,
        PDM_CHECK_UPDATE="0",
    )  # fmt: skip
    project.installs()


@pytest.mark.long
def test_flit(project):
    """It builds what it uploads."""
    (project.folder / f"{project.name.replace('-', '_')}.py").write_text('"""A sample."""\n__version__ = "1.0"\n')
    project.pyproject("flit_core.buildapi", '["flit_core"]')
    for path in project.dist.iterdir():
        path.unlink()
    project.run(
        str(client("flit") / "flit"), "publish",
        FLIT_NO_NETWORK="1", FLIT_INDEX_URL=project.address, FLIT_USERNAME="__token__", FLIT_PASSWORD=project.token,
    )  # fmt: skip
    rows = project.server.page(project.name)["files"]
    assert {row["filename"] for row in rows} == {path.name for path in project.dist.iterdir()}
    assert len(rows) == 2
    target = project.folder / "installed"
    project.run(
        sys.executable, "-m", "pip", "install", "--no-cache-dir", "--index-url", project.server.index(),
        "--target", str(target), "--only-binary", ":all:", f"{project.name}=={VERSION}",
    )  # fmt: skip
    assert (target / f"{project.name.replace('-', '_')}.py").exists()
