"""The legacy upload API, as twine, uv and the build tools speak it."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from pathlib import Path
from typing import BinaryIO

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.web_request import BaseRequest

from affineur.config import Config
from affineur.errors import AffineurError, Forbidden, IndexUnknown, InvalidUpload, TooLarge, Unauthenticated
from affineur.model.names import SourceName
from affineur.model.principals import NOBODY, Right
from affineur.operations.publish import Publisher, Received
from affineur.sources.fetch import Hasher
from affineur.web import problems
from affineur.web.site import Site

_CHUNK = 256 * 1024
_MOST_FIELDS = 2000
_LARGEST_SIGNATURE = 64 * 1024
_LOOK_EVERY = 32 * 2**20
"""Bytes of an upload after which the room on the disk is looked at again."""


async def upload(site: Site, request: BaseRequest, index: str | None) -> web.StreamResponse:
    """Take one file into the hosted source of an index.

    Clients differ in what they show of a refusal: some the reason phrase, some the body as it is,
    uv a problem document. The whole sentence stands in the phrase and in the body.
    """
    try:
        await _upload(site, request, index)
    except AffineurError as error:
        return problems.answer(error, request, plain=not _reads_problems(request))
    return web.Response(text="", status=200)


def _reads_problems(request: BaseRequest) -> bool:
    return "json" in request.headers.get("Accept", "") or request.headers.get("User-Agent", "").startswith("uv/")


async def _upload(site: Site, request: BaseRequest, index: str | None) -> None:
    name = index or site.config.default_index
    source = site.config.hosted_of(name)
    if source is None:
        if name not in site.indexes:
            raise IndexUnknown(name, sorted(site.indexes))
        raise Forbidden(f"{name} has no hosted source to upload to")
    principal = await site.access.principal(request.headers.get("Authorization"), request.remote or "")
    if principal is NOBODY:
        raise Unauthenticated
    if not principal.may(Right.UPLOAD, source):
        raise Forbidden(f"this token may not upload to {source}")
    publisher = Publisher(SourceName(source), site.catalog, site.blobs, site.config, site.examiners)
    staged = site.blobs.staging() / f"{uuid.uuid4().hex}.upload"
    try:
        received = await _Form(site.config, publisher, staged).receive(request)
        await publisher.publish(received, principal)
    finally:
        await asyncio.to_thread(staged.unlink, missing_ok=True)


class _Form:
    """The form of one upload, streamed to disk and bounded by the settings."""

    def __init__(self, config: Config, publisher: Publisher, staged: Path) -> None:
        self._config, self._publisher, self._staged = config, publisher, staged
        self._fields: dict[str, list[str]] = {}
        self._count = 0
        self._left: int = config.max_fields
        self._file: tuple[str, int, dict[str, str]] | None = None
        self._signature: bytes | None = None

    async def receive(self, request: BaseRequest) -> Received:
        """Read the form from a request.

        Raises:
            InvalidUpload: it is not a form, or has no file.
            TooLarge: the file or the other fields are beyond their limits.
            StorageFull: the disk has too little room.
        """
        if not request.content_type.startswith("multipart/form-data"):
            raise InvalidUpload("", "an upload is a POST of type multipart/form-data")
        length = request.content_length or 0
        if length > self._config.max_upload + self._config.max_fields:
            raise TooLarge("the upload", self._config.max_upload, "max_upload")
        await self._publisher.room(length)
        _expect(request)
        try:
            async for part in await request.multipart():
                await self._take(part)
        except (ValueError, UnicodeDecodeError, AssertionError) as error:
            raise InvalidUpload("", f"the form cannot be read: {error}") from error
        if self._file is None:
            raise InvalidUpload("content", "the upload has no file in its field content")
        filename, size, digests = self._file
        return Received(self._fields, filename, self._staged, size, digests, self._signature)

    async def _take(self, part: BodyPartReader | MultipartReader | None) -> None:
        if not isinstance(part, BodyPartReader) or part.name is None:
            raise InvalidUpload("", "nested forms are not taken")
        self._count += 1
        if self._count > _MOST_FIELDS:
            raise InvalidUpload("", f"more than {_MOST_FIELDS} fields")
        if part.name == "content":
            if self._file is not None:
                raise InvalidUpload("content", "is given more than once")
            self._file = await self._receive_file(part)
        elif part.name == "gpg_signature":
            self._signature = await _signature(part)
        elif part.filename:
            raise InvalidUpload(part.name, "this field is not a file")
        else:
            too_large = TooLarge(f"the field {part.name}", self._config.max_fields, "max_fields")
            raw = await _bounded(part, self._left, too_large)
            self._left -= len(raw)
            self._fields.setdefault(part.name, []).append(raw.decode("utf-8"))

    async def _receive_file(self, part: BodyPartReader) -> tuple[str, int, dict[str, str]]:
        if not part.filename:
            raise InvalidUpload("content", "a file with a file name is wanted")
        if any(c in part.filename for c in "/\\\0") or not part.filename.isprintable():
            raise InvalidUpload("content", "the file name must not hold slashes or control characters")
        hashers: dict[str, Hasher] = {
            "sha256": hashlib.sha256(),
            "md5": hashlib.md5(usedforsecurity=False),
            "blake2_256": hashlib.blake2b(digest_size=32),
        }
        size = looked = 0
        with self._staged.open("wb") as target:
            while chunk := await part.read_chunk(_CHUNK):
                size += len(chunk)
                if size > self._config.max_upload:
                    raise TooLarge("the file", self._config.max_upload, "max_upload")
                if size - looked > _LOOK_EVERY:
                    looked = size
                    await self._publisher.room(0)
                await _take(chunk, target, list(hashers.values()))
        return part.filename, size, {name: hasher.hexdigest() for name, hasher in hashers.items()}


def _expect(request: BaseRequest) -> None:
    """Ask a client that waits for it to send the body."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


async def _signature(part: BodyPartReader) -> bytes:
    too_large = InvalidUpload("gpg_signature", f"is larger than {_LARGEST_SIGNATURE} bytes")
    raw = await _bounded(part, _LARGEST_SIGNATURE, too_large)
    if not raw.lstrip().startswith(b"-----BEGIN PGP SIGNATURE-----"):
        raise InvalidUpload("gpg_signature", "is not an armoured OpenPGP signature")
    return raw


async def _bounded(part: BodyPartReader, limit: int, too_large: AffineurError) -> bytes:
    parts = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        parts += chunk
        if len(parts) > limit:
            raise too_large
    return bytes(parts)


async def _take(chunk: bytes, target: BinaryIO, hashers: list[Hasher]) -> None:
    def take() -> None:
        target.write(chunk)
        for hasher in hashers:
            hasher.update(chunk)

    if len(chunk) >= 64 * 1024:
        await asyncio.to_thread(take)
    else:
        take()
