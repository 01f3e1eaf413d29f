"""What the JSON API of an index states of files and an HTML page cannot: upload time and size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from affineur.errors import InvalidDocument
from affineur.standards.simple_api.listed import size_of, time_of


@dataclass(frozen=True, slots=True)
class FileDetails:
    """What is stated of one file; the size in bytes, the digest in hex, None where nothing is."""

    upload_time: datetime | None
    size: int | None
    sha256: str | None


class _File(msgspec.Struct):
    filename: str = ""
    upload_time_iso_8601: Any = None
    upload_time: Any = None
    size: Any = None
    digests: Any = None


class _Document(msgspec.Struct):
    releases: dict[str, list[_File]] = {}


_DECODER = msgspec.json.Decoder(_Document)


def file_details(document: bytes, address: str) -> dict[str, FileDetails]:
    """Return what a project's JSON document states of each file, by its name; `address` is for errors.

    Raises:
        InvalidDocument: it is not such a document.
    """
    try:
        releases = _DECODER.decode(document).releases
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidDocument(address, str(error)) from error
    return {file.filename: _details(file) for files in releases.values() for file in files}


def _details(file: _File) -> FileDetails:
    written = file.upload_time_iso_8601 or file.upload_time
    sha256 = file.digests.get("sha256") if isinstance(file.digests, dict) else None
    return FileDetails(
        time_of(written) if isinstance(written, str) else None,
        size_of(file.size),
        sha256 if isinstance(sha256, str) else None,
    )
