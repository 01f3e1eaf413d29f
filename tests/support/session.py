"""What the processes of one run of the tests share: a folder, and things that are made once."""

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
from pathlib import Path

_NAME = "TESTS_SESSION"
"""The environment variable that tells the processes which pytest starts where the folder is."""
_TOLD = _NAME in os.environ


@functools.cache
def folder() -> Path:
    """The folder of this run; whoever asks first makes it, and removes it at its end."""
    if _NAME not in os.environ:
        os.environ[_NAME] = tempfile.mkdtemp(prefix="affineur-tests-")
        atexit.register(shutil.rmtree, os.environ[_NAME], ignore_errors=True)
    return Path(os.environ[_NAME])


def begun_here() -> bool:
    """Whether this process made the folder."""
    return folder.cache_info().currsize > 0 and not _TOLD


def first(name: str) -> bool:
    """Whether nobody in this run asked for the name before."""
    try:
        (folder() / f"{name}.first").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@contextlib.contextmanager
def once(name: str):
    """Give the path of a thing that one process makes and the others wait for: it is made where it is not there."""
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder() / name
