"""The legacy upload API, as twine, uv and the build tools speak it."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from pathlib import Path
from typing import BinaryIO

from aiohttp import BodyPartReader, web
from aiohttp.web_request import BaseRequest

from affineur.errors import Forbidden, IndexUnknown, InvalidUpload, TooLarge, Unauthenticated
from affineur.model.names import SourceName
from affineur.model.principals import NOBODY
from affineur.operations.publish import Publisher, Received
from affineur.sources.fetch import Hasher
from affineur.web.site import Site

_CHUNK = 256 * 1024
_MOST_FIELDS = 2000
_LARGEST_SIGNATURE = 8 * 2**20


async def upload(site: Site, request: BaseRequest, index: str | None) -> web.StreamResponse:
    """Take one file into the hosted source of an index."""
    name = index or site.config.default_index
    source = site.config.hosted_of(name)
    if source is None:
        if name not in site.indexes:
            raise IndexUnknown(name, sorted(site.indexes))
        raise Forbidden(f"{name} has no hosted source to upload to")
    principal = await site.access.principal(request.headers.get("Authorization"))
    if principal is NOBODY:
        raise Unauthenticated
    staged = site.blobs.staging() / f"{uuid.uuid4().hex}.upload"
    try:
        received = await _receive(site, request, staged)
        publisher = Publisher(SourceName(source), site.catalog, site.blobs, site.config)
        await publisher.publish(received, principal)
    finally:
        await asyncio.to_thread(staged.unlink, missing_ok=True)
    return web.Response(text="", status=200)


async def _receive(site: Site, request: BaseRequest, staged: Path) -> Received:
    """Stream the form to disk, bounded by the settings.

    Raises:
        InvalidUpload: it is not a form, or has no file.
        TooLarge: the file or the other fields are beyond their limits.
    """
    if not request.content_type.startswith("multipart/form-data"):
        raise InvalidUpload("", "an upload is a POST of type multipart/form-data")
    if request.content_length is not None and request.content_length > site.config.max_upload + site.config.max_fields:
        raise TooLarge("the upload", site.config.max_upload, "max_upload")
    fields: dict[str, list[str]] = {}
    found: tuple[str, int, dict[str, str]] | None = None
    signature: bytes | None = None
    left = site.config.max_fields
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name is None:
                raise InvalidUpload("", "nested forms are not taken")
            if part.name == "content":
                found = await _file(part, staged, site.config.max_upload)
                continue
            if part.name == "gpg_signature":
                signature = await _bounded(part, _LARGEST_SIGNATURE)
                continue
            if part.filename:
                raise InvalidUpload(part.name, "this field is not a file")
            raw = await _bounded(part, left)
            left -= len(raw)
            fields.setdefault(part.name, []).append(raw.decode("utf-8"))
            if sum(map(len, fields.values())) > _MOST_FIELDS:
                raise InvalidUpload("", f"more than {_MOST_FIELDS} fields")
    except (ValueError, UnicodeDecodeError, AssertionError) as error:
        raise InvalidUpload("", f"the form cannot be read: {error}") from error
    if found is None:
        raise InvalidUpload("content", "the upload has no file in its field content")
    filename, size, digests = found
    return Received(fields, filename, staged, size, digests, signature)


async def _bounded(part: BodyPartReader, limit: int) -> bytes:
    parts = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        parts += chunk
        if len(parts) > limit:
            raise TooLarge(f"the field {part.name}", limit, "max_fields")
    return bytes(parts)


async def _file(part: BodyPartReader, staged: Path, limit: int) -> tuple[str, int, dict[str, str]]:
    if not part.filename:
        raise InvalidUpload("content", "a file with a file name is wanted")
    if any(c in part.filename for c in "/\\\0") or not part.filename.isprintable():
        raise InvalidUpload("content", "the file name must not hold slashes or control characters")
    hashers: dict[str, Hasher] = {
        "sha256": hashlib.sha256(),
        "md5": hashlib.md5(usedforsecurity=False),
        "blake2_256": hashlib.blake2b(digest_size=32),
    }
    size = 0
    with staged.open("wb") as target:
        while chunk := await part.read_chunk(_CHUNK):
            size += len(chunk)
            if size > limit:
                raise TooLarge("the file", limit, "max_upload")
            await _take(chunk, target, list(hashers.values()))
    return part.filename, size, {name: hasher.hexdigest() for name, hasher in hashers.items()}


async def _take(chunk: bytes, target: BinaryIO, hashers: list[Hasher]) -> None:
    def take() -> None:
        target.write(chunk)
        for hasher in hashers:
            hasher.update(chunk)

    if len(chunk) >= 64 * 1024:
        await asyncio.to_thread(take)
    else:
        take()
