"""Wheels and sdists, examined without being unpacked.

`inspect` is strict and meant for uploads: it raises on the first rule that is broken.
`read_wheel_metadata` and `looks_like_archive` are tolerant and meant for mirrored files.
"""

from affineur.standards.archives.inspection import inspect
from affineur.standards.archives.tolerant import looks_like_archive, read_wheel_metadata
from affineur.standards.archives.values import Inspection, Limits

__all__ = ["Inspection", "Limits", "inspect", "looks_like_archive", "read_wheel_metadata"]
