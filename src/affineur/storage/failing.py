"""What the operating system says of a disk, in the errors of this program."""

from __future__ import annotations

import errno

from affineur.errors import StorageFull, StorageUnavailable

_FULL = {errno.ENOSPC, errno.EDQUOT}


def failure(what: str, error: OSError) -> StorageUnavailable:
    """Return the error to raise where `what` could not be written or read."""
    if error.errno in _FULL:
        return StorageFull(0, 0)
    return StorageUnavailable(f"{what}: {error.strerror or error}")
