"""The form of an upload, streamed to disk and bounded by the settings."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import BinaryIO

from aiohttp.web_request import BaseRequest
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from affineur.config import Config
from affineur.errors import AffineurError, InvalidUpload, TooLarge
from affineur.operations.publish import Publisher, Received
from affineur.sources.fetch import Hasher

_MOST_FIELDS = 2000
_LARGEST_SIGNATURE = 64 * 1024
_LOOK_EVERY = 32 * 2**20
"""Bytes of a file after which the room on the disk is looked at again."""
_WORTH_A_THREAD = 64 * 1024


class Form:
    """The form of one upload."""

    def __init__(self, config: Config, publisher: Publisher, staged: Path) -> None:
        self._config, self._publisher, self._staged = config, publisher, staged
        self._left: int = config.max_fields
        self._fields: dict[str, list[str]] = {}
        self._signature: bytes | None = None
        self._file: _StagedFile | None = None
        self._part: _Text | _StagedFile | None = None

    async def receive(self, request: BaseRequest) -> Received:
        """Read the form from a request.

        Raises:
            InvalidUpload: it is not a form, or has no file.
            TooLarge: the file or the other fields are beyond their limits.
            StorageFull: the disk has too little room.
        """
        kind, options = parse_options_header(request.headers.get("Content-Type", ""))
        if kind != "multipart/form-data" or not options.get("boundary"):
            raise InvalidUpload("", "an upload is a POST of type multipart/form-data")
        length = request.content_length or 0
        most: int = self._config.max_upload + self._config.max_fields
        if length > most:
            raise TooLarge("the upload", self._config.max_upload, "max_upload")
        self._publisher.room(length)
        _expect(request)
        try:
            await self._read(request, options["boundary"], most)
        except ParserLimitReached:
            raise InvalidUpload("", f"the form has more than {_MOST_FIELDS} fields, or headers without end") from None
        except MultipartError as error:
            raise InvalidUpload("", f"the form cannot be read: {str(error)[:100]}") from None
        finally:
            if self._file is not None:
                self._file.close()
        if self._file is None:
            raise InvalidUpload("content", "the upload has no file in its field content")
        file = self._file
        return Received(self._fields, file.filename, self._staged, file.size, file.digests(), self._signature)

    async def _read(self, request: BaseRequest, boundary: str, most: int) -> None:
        parser = PushMultipartParser(boundary, max_segment_count=_MOST_FIELDS)
        while not parser.closed:
            chunk = await request.content.readany()
            most -= len(chunk)
            if most < 0:
                raise TooLarge("the upload", self._config.max_upload, "max_upload")
            for event in parser.parse(chunk):
                if isinstance(event, MultipartSegment):
                    self._part = self._begin(event)
                elif event is None:
                    self._end()
                elif self._part is not None:
                    await self._part.take(bytes(event))

    def _begin(self, segment: MultipartSegment) -> _Text | _StagedFile:
        if segment.name == "content":
            if self._file is not None:
                raise InvalidUpload("content", "is given more than once")
            self._file = _StagedFile(segment.filename or "", self._staged, self._config.max_upload, self._publisher)
            return self._file
        if segment.name == "gpg_signature":
            too_large: AffineurError = InvalidUpload("gpg_signature", f"is larger than {_LARGEST_SIGNATURE} bytes")
            return _Text(segment.name, _LARGEST_SIGNATURE, too_large)
        if segment.filename:
            raise InvalidUpload(segment.name, "this field is not a file")
        too_large = TooLarge(f"the form up to the field {segment.name[:80]}", self._config.max_fields, "max_fields")
        return _Text(segment.name, self._left, too_large)

    def _end(self) -> None:
        part, self._part = self._part, None
        if not isinstance(part, _Text):
            return
        if part.name == "gpg_signature":
            self._signature = _signature(bytes(part.raw))
            return
        self._left -= len(part.raw)
        try:
            text = part.raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidUpload(part.name, "is not UTF-8") from None
        self._fields.setdefault(part.name, []).append(text)


class _Text:
    """A field that is kept in memory, up to a limit in bytes."""

    def __init__(self, name: str, limit: int, too_large: AffineurError) -> None:
        self.name, self.raw = name, bytearray()
        self._limit, self._too_large = limit, too_large

    async def take(self, chunk: bytes) -> None:
        """Add a chunk."""
        self.raw += chunk
        if len(self.raw) > self._limit:
            raise self._too_large


class _StagedFile:
    """The uploaded file, written and hashed as it comes."""

    def __init__(self, filename: str, staged: Path, limit: int, publisher: Publisher) -> None:
        if not filename:
            raise InvalidUpload("content", "a file with a file name is wanted")
        if any(c in filename for c in "/\\\0") or not filename.isprintable():
            raise InvalidUpload("content", "the file name must not hold slashes or control characters")
        self.filename, self.size = filename, 0
        self._limit, self._publisher = limit, publisher
        self._looked = 0
        self._target: BinaryIO = staged.open("wb")
        self._hashers: dict[str, Hasher] = {
            "sha256": hashlib.sha256(),
            "md5": hashlib.md5(usedforsecurity=False),
            "blake2_256": hashlib.blake2b(digest_size=32),
        }

    async def take(self, chunk: bytes) -> None:
        """Write and hash a chunk."""
        self.size += len(chunk)
        if self.size > self._limit:
            raise TooLarge("the file", self._limit, "max_upload")
        if self.size - self._looked > _LOOK_EVERY:
            self._looked = self.size
            self._publisher.room(0)
        if len(chunk) >= _WORTH_A_THREAD:
            await asyncio.to_thread(self._take, chunk)
        else:
            self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        self._target.write(chunk)
        for hasher in self._hashers.values():
            hasher.update(chunk)

    def digests(self) -> dict[str, str]:
        """Return the digests in hex by algorithm."""
        return {name: hasher.hexdigest() for name, hasher in self._hashers.items()}

    def close(self) -> None:
        """Hand everything written to the system."""
        self._target.close()


def _expect(request: BaseRequest) -> None:
    """Ask a client that waits for it to send the body."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _signature(raw: bytes) -> bytes:
    if not raw.lstrip().startswith(b"-----BEGIN PGP SIGNATURE-----"):
        raise InvalidUpload("gpg_signature", "is not an armoured OpenPGP signature")
    return raw
