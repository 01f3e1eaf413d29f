"""An index with releases to be locked, and the ways to lock them."""

import pytest

from tests.support.distributions import BACKEND
from tests.support.locking import LINUX, MAC, WINDOWS, post
from tests.support.upstream import days_ago

CONFIG = """
[indexes.closed]
sources = ["public"]
policy = "standard"
anonymous = false
[policies.hard]
extends = "standard"
[policies.hard.lists]
deny = ["roquefort"]
[indexes.hard]
sources = ["public"]
policy = "hard"
"""


@pytest.fixture(scope="module")
def database():
    """What is locked does not depend on the database; keeping a lock is tested on both in tests/contracts."""
    return ""


@pytest.fixture(scope="module")
def configuration():
    return CONFIG


@pytest.fixture(scope="module", autouse=True)
def projects(upstream):
    upstream.wheel("fondue", "1.0", requires=["gruyere>=1,<3", 'kirsch; sys_platform == "win32"'])
    for version in ("1.0", "2.0", "3.0"):
        upstream.wheel("gruyere", version, keys={"upload-time": days_ago(100 - 10 * float(version))})
    upstream.wheel("gruyere", "2.5", keys={"upload-time": days_ago(1)})
    upstream.wheel("kirsch", "1.0")
    upstream.wheel("raclette", "1.0", requires_python=">=3.8")
    for platform in (LINUX, WINDOWS, MAC):
        for python in ("cp311", "cp313"):
            upstream.wheel("curds", "1.0", tag=f"{python}-{python}-{platform}")
    upstream.wheel("curd-knife", "1.0", tag=f"py3-none-{WINDOWS}")
    upstream.wheel("knife-block", "1.0", tag=f"py3-none-{LINUX}")
    upstream.sdist("knife-block", "1.0")
    upstream.wheel("rake", "1.0", tag=f"py3-none-{WINDOWS}")
    upstream.wheel("curds", "1.1", tag=f"cp311-cp311-{LINUX}")
    upstream.sdist("rennet", "1.0", files={"backend.py": BACKEND})
    upstream.wheel("roquefort", "1.0")


@pytest.fixture
def lock(affineur, tmp_path):
    """Run `affineur lock` in a folder of its own; return the finished process."""

    def run(*arguments, text=None, name="requirements.in", check=True, **environment):
        if text is not None:
            (tmp_path / name).write_text(text)
            arguments = (name, *arguments)
        return affineur.command("lock", *arguments, cwd=tmp_path, check=check, **environment)

    run.folder = tmp_path
    return run


@pytest.fixture
def reader(affineur):
    """A token that may read `main` and `closed`."""
    return affineur.token("main,closed", "read", "rita")


@pytest.fixture
def made(affineur, reader):
    """Make a lock on the server; return its text, or why there is none."""

    def ask(text, **fields):
        answer = post(affineur, reader, text, **fields)
        return answer.json()["document"]["text"] if answer.ok else answer.json()["detail"]

    return ask
