"""Reading mirrored files, whose faults are not ours to refuse."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from affineur.errors import InvalidArchive

_LARGEST_METADATA = 32 * 1024 * 1024
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x1f\x9d")
_MAGIC: dict[str, tuple[bytes, ...]] = {
    ".whl": _ZIP,
    ".zip": _ZIP,
    ".egg": _ZIP,
    ".exe": (b"MZ",),
    ".msi": (b"\xd0\xcf\x11\xe0",),
    ".rpm": (b"\xed\xab\xee\xdb",),
    ".deb": (b"!<arch>",),
}
_TAR_NAMES = (".gz", ".tgz", ".bz2", ".xz", ".Z", ".tar")


def read_wheel_metadata(source: Path | IO[bytes], filename: str) -> bytes:
    """Return METADATA of a wheel, byte for byte; `filename` is what errors call it.

    Raises:
        InvalidArchive: the file is no ZIP file, or holds no readable METADATA.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            return _read_metadata(archive, filename)
    except (
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError,
    ) as error:  # fmt: skip
        raise InvalidArchive(filename, "metadata", f"METADATA cannot be read: {str(error)[:200]}") from None


def _read_metadata(archive: zipfile.ZipFile, filename: str) -> bytes:
    for info in archive.infolist():
        folder, slash, rest = info.filename.partition("/")
        if slash and rest == "METADATA" and folder.endswith(".dist-info"):
            with archive.open(info) as handle:
                raw = handle.read(_LARGEST_METADATA + 1)
            if len(raw) > _LARGEST_METADATA:
                raise InvalidArchive(filename, "metadata", f"METADATA is larger than {_LARGEST_METADATA} bytes")
            return raw
    raise InvalidArchive(filename, "metadata", "METADATA is missing")


def looks_like_archive(path: Path, filename: str) -> bool:
    """Whether the file begins as one of its name does; an error page in its place does not."""
    with path.open("rb") as handle:
        start = handle.read(512)
    for suffix, magic in _MAGIC.items():
        if filename.lower().endswith(suffix):
            return start.startswith(magic)
    if filename.endswith(_TAR_NAMES):
        return start.startswith(_COMPRESSED) or _is_tar_header(start)
    return bool(start) and start.lstrip()[:1] != b"<"


def _is_tar_header(block: bytes) -> bool:
    if block[257:262] == b"ustar":
        return True
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
