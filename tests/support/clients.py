"""Programs that tests run as their users do, each in an environment of its own.

What is in them stands in requirements/clients, pinned by hash, in a folder named for the Python
they want. They are installed at the first use and kept beside this environment.
"""

import fcntl
import functools
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.server import clean_environment
from tests.support.services import lacking

FOLDER = Path(__file__).resolve().parents[2] / "requirements" / "clients"
KEPT = Path(sys.prefix) / "clients"


def python(version):
    """The interpreter of a version such as "3.9": this one, one of pyenv's, or one on the path; else skip."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    kept = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    found = str(kept[-1]) if kept else shutil.which(f"python{version}")
    return found or pytest.skip(f"no Python {version} on this machine")


@functools.cache
def client(name):
    """The folder of the programs of a client such as "bandersnatch-6.8"."""
    (requirements,) = FOLDER.glob(f"*/{name}.txt")
    place, mark = KEPT / name, KEPT / name / "installed"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    KEPT.mkdir(exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (mark.exists() and mark.read_text() == digest):
            _install(requirements, place, name)
            mark.write_text(digest)
    return place / "bin"


def _install(requirements, place, name):
    interpreter = python(requirements.parent.name)
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run([interpreter, "-m", "venv", "--without-pip", place], check=True, timeout=120)
    pip = [sys.executable, "-m", "pip", "--python", place / "bin" / "python", "--disable-pip-version-check", "--quiet"]
    done = subprocess.run(
        [*pip, "install", "--no-deps", "--require-hashes", "-r", requirements],
        capture_output=True,
        text=True,
        timeout=600,
    )
    if done.returncode:
        lacking(f"{name} (its installation failed: {done.stderr.strip()[-300:]})")


def run(name, program, *arguments, check=True, timeout=120, cwd=None, **environment):
    """Run a program of a client, outside this repository; return the finished process with its output as text."""
    done = subprocess.run(
        [client(name) / program, *arguments],
        env=clean_environment(**environment),
        cwd=cwd or tempfile.gettempdir(),
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if check and done.returncode:
        raise AssertionError(f"{name}: {program} {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")
    return done
