"""A project, the index it is installed from, and the tools that lock it."""

import sys
from pathlib import Path

from tests.support import clients
from tests.support.upstream import Upstream

PYPROJECT = """\
[project]
name = "Cheese-Board"
version = "0.1"
requires-python = ">=3.10"
dependencies = ["gouda[rind]>=1", 'edam>=2 ; sys_platform == "win32"']

[project.optional-dependencies]
party = ["brie"]

[dependency-groups]
dev = ["feta", {{include-group = "taste"}}]
taste = ["salt"]

[[tool.uv.index]]
url = "{url}"
default = true

[tool.poetry]
package-mode = false
requires-poetry = ">=2"

[[tool.poetry.source]]
name = "here"
url = "{url}"

[[tool.pdm.source]]
name = "pypi"
url = "{url}"
"""

PIPFILE = """\
[[source]]
url = "{url}"
verify_ssl = false
name = "here"

[packages]
gouda = {{extras = ["rind"], version = ">=1"}}
edam = {{version = ">=2", markers = "sys_platform != 'win32'"}}

[dev-packages]
feta = "*"
salt = "*"

[requires]
python_version = "3.11"
"""

IN = 'gouda[rind]>=1\nedam>=2 ; sys_platform == "win32"\n'

MILK = ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-macosx_11_0_arm64", "cp311-cp311-win_amd64")


def index():
    """An upstream with everything that the project may need, in several releases."""
    upstream = Upstream()
    extra = "Provides-Extra: rind\n"
    needs = [
        "milk>=1",
        'colour ; sys_platform == "win32"',
        'tomato ; python_version < "3.11"',
        'rennet ; extra == "rind"',
    ]
    for version in ("1.0", "1.5"):
        upstream.wheel("gouda", version, requires=needs, extra=extra, requires_python=">=3.8")
        upstream.sdist("gouda", version, requires=needs, extra=extra, requires_python=">=3.8")
    for version in ("1.0", "2.0"):
        for tag in MILK:
            upstream.wheel("milk", version, tag=tag)
        upstream.wheel("milk", version)
        upstream.sdist("milk", version)
    for name, version, requires in (
        ("edam", "2.1", ["milk"]), ("colour", "0.4.6", []), ("tomato", "2.0", []), ("rennet", "3.0", []),
        ("brie", "1.2", ["milk", "cream"]), ("cream", "1.0", []), ("feta", "4.0", ["milk", "salt"]), ("salt", "1.0", []),
    ):  # fmt: skip
        upstream.wheel(name, version, requires=requires)
        upstream.sdist(name, version, requires=requires)
    return upstream


class Place:
    """A folder with the project, in which tools are run."""

    def __init__(self, folder, upstream):
        self.folder, self.upstream = Path(folder), upstream
        self.url = upstream.url
        self.write("pyproject.toml", PYPROJECT.format(url=self.url))
        self.write("requirements.in", IN)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def read(self, name):
        return (self.folder / name).read_text()

    def run(self, client, program, *arguments, check=True, **environment):
        """Run a tool here; it finds no settings and no index but ours, and keeps what it keeps here."""
        home = self.folder / ".home"
        home.mkdir(exist_ok=True)
        return clients.run(
            client, program, *arguments, check=check, cwd=self.folder, timeout=300,
            HOME=str(home), XDG_CONFIG_HOME=str(home), XDG_CACHE_HOME=str(home / "cache"),
            XDG_CONFIG_DIRS=str(home), XDG_DATA_HOME=str(home / "data"), PIP_CONFIG_FILE="/dev/null", PIP_INDEX_URL=self.url,
            PIP_DISABLE_PIP_VERSION_CHECK="1", UV_CACHE_DIR=str(home / "uv"), UV_PYTHON=sys.executable,
            UV_PYTHON_DOWNLOADS="never", UV_NO_CONFIG="0", PDM_CHECK_UPDATE="0", PDM_IGNORE_SAVED_PYTHON="1",
            POETRY_VIRTUALENVS_IN_PROJECT="true", PIPENV_VENV_IN_PROJECT="1", PIPENV_IGNORE_VIRTUALENVS="1",
            PIPENV_YES="1", PIPENV_NOSPIN="1", PIPENV_PYTHON=sys.executable, NO_COLOR="1", **environment,
        )  # fmt: skip


def by_uv(place):
    place.run("uv-newest", "uv", "lock")
    return "uv.lock"


def by_uv_pip_compile(place):
    place.run(
        "uv-newest", "uv", "pip", "compile", "requirements.in", "--universal", "--generate-hashes",
        "--emit-index-url", "--index-url", place.url, "-o", "requirements.txt",
    )  # fmt: skip
    return "requirements.txt"


def by_uv_export(place):
    place.run("uv-newest", "uv", "lock")
    place.run(
        "uv-newest", "uv", "export", "--format", "pylock.toml", "--all-groups", "--all-extras", "-o", "pylock.toml"
    )
    return "pylock.toml"


def by_pip(place):
    place.run("pip-newest", "python", "-m", "pip", "lock", "-r", "requirements.in", "-o", "pylock.toml")
    return "pylock.toml"


def by_pip_tools(place):
    place.run("pip-tools", "pip-compile", "--generate-hashes", "-q", "-i", place.url, "requirements.in")
    return "requirements.txt"


def by_poetry(place):
    place.run("poetry-newest", "poetry", "lock")
    return "poetry.lock"


def by_pdm(place):
    place.run("pdm", "pdm", "lock", "-G:all")
    return "pdm.lock"


def by_pipenv(place):
    place.write("Pipfile", PIPFILE.format(url=place.url))
    place.run("pipenv", "pipenv", "lock")
    return "Pipfile.lock"


LOCKERS = (by_uv, by_uv_pip_compile, by_uv_export, by_pip, by_pip_tools, by_poetry, by_pdm, by_pipenv)
