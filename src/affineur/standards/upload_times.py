"""Reading the upload times of files from the JSON API of an index."""

from __future__ import annotations

from datetime import datetime

import msgspec

from affineur.errors import InvalidDocument
from affineur.standards.simple_api.listed import time_of


class _File(msgspec.Struct):
    filename: str = ""
    upload_time_iso_8601: str | None = None
    upload_time: str | None = None


class _Document(msgspec.Struct):
    releases: dict[str, list[_File]] = {}


_DECODER = msgspec.json.Decoder(_Document)


def upload_times(document: bytes, address: str) -> dict[str, datetime]:
    """Return the upload times stated in a project's JSON document, by file name; `address` is for errors.

    Raises:
        InvalidDocument: it is not such a document.
    """
    try:
        releases = _DECODER.decode(document).releases
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidDocument(address, str(error)) from error
    uploaded = [file for files in releases.values() for file in files]
    moments = {file.filename: time_of(file.upload_time_iso_8601 or file.upload_time or "") for file in uploaded}
    return {filename: moment for filename, moment in moments.items() if moment is not None}
