"""Whether whoever took a lease is still there, as far as this machine can tell.

A lease in the database ends by time, since its holder may be on another machine. A holder on this one
also locks a file that is named after the lease: the system lets go of the lock when a process ends,
however it ends, so that the others need not wait for the time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from affineur.storage.failing import failure


@contextlib.contextmanager
def shown(folder: Path, lease: str) -> Iterator[None]:
    """Show in a folder that the holder of a lease is there, for as long as the block runs.

    Raises:
        StorageUnavailable: nothing can be written there.
    """
    path = _path(folder, lease)
    try:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise failure("no lease can be held", error) from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(held)


def has_gone(folder: Path, lease: str) -> bool:
    """Whether the holder of a lease showed itself in a folder and is gone; False where it never did."""
    return bool(lease) and is_held(_path(folder, lease)) is False


def is_held(path: Path) -> bool | None:
    """Whether a process of this machine holds the lock of a file; None: there is no such file."""
    try:
        left = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(left)
    return False


def forget(folder: Path, lease: str) -> None:
    """Remove what a holder that is gone left behind."""
    _path(folder, lease).unlink(missing_ok=True)


def _path(folder: Path, lease: str) -> Path:
    return folder / f"lookout-{lease}.lease"
