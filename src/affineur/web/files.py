"""Files and what stands beside them: bytes, ranges, metadata, signatures, provenance."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import BytesMissing, FileUnknown, NotFound
from affineur.model.filenames import candidate_projects
from affineur.model.files import File
from affineur.model.names import IndexName, ProjectName, project_name
from affineur.model.principals import Principal
from affineur.policy.gate import Screened
from affineur.sources.fetch import Arriving
from affineur.sources.rendered import PageEntry
from affineur.sources.source import Body
from affineur.sources.stored import Stored
from affineur.standards.simple_api.negotiate import encoding
from affineur.standards.user_agents import LONGEST
from affineur.storage.catalog.downloads import Download
from affineur.web import hot
from affineur.web.simple import matches
from affineur.web.site import Site

_SIDES = {
    ".metadata": ("metadata", "application/octet-stream"),
    ".asc": ("signature", "application/pgp-signature"),
    ".provenance": ("provenance", "application/vnd.pypi.integrity.v1+json"),
}
_SMALL = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Place:
    """A file where it is listed: the page's entry in memory, and the way to it."""

    index: IndexName
    project: ProjectName
    entry: PageEntry
    file: File
    reader: Principal

    @property
    def key(self) -> tuple[IndexName, ProjectName]:
        return self.index, self.project


async def _locate(site: Site, index: IndexName, reader: Principal, place: str, filename: str) -> _Place:
    """Find a file by its address on the page that lists it.

    Raises:
        FileUnknown: no page lists it under that digest.
    """
    kind, _, rest = place.partition("/")
    candidates = [project_name(rest)] if kind == "unhashed" else list(candidate_projects(filename))
    for project in candidates:
        try:
            entry = await site.rendered.entry(index, project)
        except NotFound:
            continue
        listed = entry.files.get(filename)
        if listed is not None and (kind == "unhashed" or listed.sha256 == place.replace("/", "")):
            return _Place(index, project, entry, listed, reader)
    raise FileUnknown(filename, index)


def _range(header: str, size: int) -> tuple[int, int] | None:
    """Parse a single byte range as (start, stop); None: serve it whole.

    Raises:
        ValueError: the range lies outside the file.
    """
    unit, _, spec = header.partition("=")
    first, dash, last = spec.strip().partition("-")
    digits = (first + last).isascii() and (first + last).isdigit()
    if unit.strip().lower() != "bytes" or not dash or not digits or "," in spec:
        return None
    if not first:
        if int(last) == 0:
            raise ValueError
        return max(0, size - int(last)), size
    start, stop = int(first), min(size, int(last) + 1 if last else size)
    if last and int(last) < start:
        return None
    if start >= size:
        raise ValueError
    return start, stop


async def file(site: Site, request: BaseRequest, index: str, place: str, filename: str) -> web.StreamResponse:
    """A distribution file, or what stands beside it."""
    name = site.index(index)
    reader = await site.reader(request, name)
    for suffix, (kind, content_type) in _SIDES.items():
        if filename.endswith(suffix):
            found = await _locate(site, name, reader, place, filename.removesuffix(suffix))
            return await _side(site, request, found, kind, content_type)
    found = await _locate(site, name, reader, place, filename)
    site.indexes[name].admit(found.entry.screened, found.file)
    etag = f'"{found.file.sha256}"' if found.file.sha256 else None
    if etag and matches(request.headers.get("If-None-Match"), etag):
        response = web.Response(status=304, headers={"ETag": etag, **site.caching(name)})
        return hot.last(response, hot.lasting(found.key, found.entry, reader))
    if request.method == "HEAD" and found.file.sha256 and found.file.size is not None:
        # The listing tells it all, and whoever only looks makes nobody fetch.
        body = Stored(site.blobs, found.file.sha256, found.file.size)
        return hot.last(
            await _send(request, body, None, site.caching(name), filename), hot.lasting(found.key, found.entry, reader)
        )
    return await _whole(site, request, found)


async def _whole(site: Site, request: BaseRequest, found: _Place) -> web.StreamResponse:
    """Answer with the bytes of a file, and note the download."""
    entry, filename, caching = found.entry, found.file.filename, site.caching(found.index)
    try:
        body, cold = await _opened(site, found)
        response = await _send(request, body, entry.small.get(filename), caching, filename)
    except (FileNotFoundError, BytesMissing):
        # Its bytes were dropped to make room, or cut, since the file was opened.
        entry.bodies.pop(filename, None)
        if request.writer.output_size:
            raise
        body, cold = await _opened(site, found)
        response = await _send(request, body, None, caching, filename)
    told = request.method == "GET" and response.status < 400
    given = _note(site, request, found, response) if told else None
    if given is not None:
        given(request.remote or "", cold=cold)
    if filename not in entry.bodies:
        return response
    whole = response.body if isinstance(response, web.Response) and response.status == 200 else None
    if isinstance(whole, bytes) and filename not in entry.small:
        entry.small[filename] = whole
        site.rendered.memory.add(found.key, entry, len(whole))
    return hot.last(response, hot.lasting(found.key, entry, found.reader, given))


async def _opened(site: Site, found: _Place) -> tuple[Body, bool]:
    """Open a file; say whether that made an upstream send it.

    One that lies in the store stays open to later requests while its page is kept.
    """
    filename = found.file.filename
    body = found.entry.bodies.get(filename)
    if body is not None:
        return body, False
    body = await site.indexes[found.index].deliver(found.entry.screened, found.file)
    if isinstance(body, Stored):
        found.entry.bodies[filename] = body
    return body, isinstance(body, Stored | Arriving) and body.cold


class _Note(Protocol):
    """Writes down that a client at an address was given a file."""

    def __call__(self, address: str, *, cold: bool = False) -> None: ...


def _note(site: Site, request: BaseRequest, found: _Place, response: web.StreamResponse) -> _Note:
    """Return what writes down that a client at an address was given this file."""
    page, file, sent = found.entry.screened.page, found.file, response.content_length or 0
    download = Download(
        found.index,
        found.project,
        file.version,
        file.filename,
        found.reader.name,
        found.reader.token_id,
        request.headers.get("User-Agent", "")[:LONGEST],
        response.status,
        mirror=page.source if page.mirrored else "",
        sha256=file.sha256 or "",
        sent=sent,
    )
    noted, counts = site.noted, site.counts

    def note(address: str, *, cold: bool = False) -> None:
        noted.download(download, address, cold=cold)
        counts.bytes_sent += sent

    return note


async def _side(site: Site, request: BaseRequest, found: _Place, kind: str, content_type: str) -> web.StreamResponse:
    gated, file = site.indexes[found.index], found.file
    gated.admit_side(found.entry.screened, file)

    async def make(screened: Screened) -> tuple[bytes, bool]:
        return await gated.tell(screened, file, kind), True

    coding = encoding(request.headers.get("Accept-Encoding"))
    made = await site.rendered.made(found.key, found.entry, (kind, file.filename, coding), content_type, coding, make)
    headers = {"ETag": made.etag, "Content-Type": content_type, **site.caching(found.index, "Accept-Encoding")}
    if matches(request.headers.get("If-None-Match"), made.etag):
        response = web.Response(status=304, headers=headers)
    else:
        if made.encoding != "identity":
            headers["Content-Encoding"] = made.encoding
        response = web.Response(body=made.body, headers=headers)
    return hot.last(response, hot.lasting(found.key, found.entry, found.reader))


async def _send(
    request: BaseRequest, body: Body, held: bytes | None, caching: dict[str, str], filename: str
) -> web.StreamResponse:
    """Send a file or a range of it: from memory where it is `held` there, from the disk, or as it arrives."""
    asked = request.headers.get("Range")
    if asked and body.path is None:
        await body.wait()
    size = body.size
    headers = {
        "Accept-Ranges": "bytes",
        **caching,
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{filename}"'
        if filename.isascii() and '"' not in filename
        else "attachment",
    }
    if body.sha256:
        headers["ETag"] = f'"{body.sha256}"'
    start, stop, status = 0, size, 200
    condition = request.headers.get("If-Range")
    if asked and size is not None and (condition is None or condition == headers.get("ETag")):
        try:
            span = _range(asked, size)
        except ValueError:
            headers["Content-Range"] = f"bytes */{size}"
            return web.Response(status=416, headers=headers)
        if span is not None:
            start, stop = span
            status = 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    if size is not None:
        headers["Content-Length"] = str((stop or 0) - start)
    if request.method == "HEAD":
        return web.Response(status=status, headers=headers)
    if held is not None:
        return web.Response(status=status, headers=headers, body=held[start:stop])
    return await _stream(request, body, (start, stop), status, headers)


async def _stream(
    request: BaseRequest, body: Body, span: tuple[int, int | None], status: int, headers: dict[str, str]
) -> web.StreamResponse:
    """Send part of a body, (start, stop), in the cheapest way that it allows."""
    start, stop = span
    path = body.path
    if stop is not None and stop - start <= _SMALL and isinstance(body, Stored):
        held = _read(path, start, stop) if path else b"".join([part async for part in body.read(start, stop)])
        if len(held) != stop - start:
            raise BytesMissing(body.sha256 or "")
        return web.Response(status=status, headers=headers, body=held)
    response = web.StreamResponse(status=status, headers=headers)
    if path is not None and stop is not None:
        with path.open("rb") as source:
            return await _sendfile(request, response, source, _at_once(start, stop))
    if stop is not None and isinstance(body, Arriving) and (growing := await asyncio.to_thread(body.open)) is not None:
        with growing:
            return await _sendfile(request, response, growing, body.spans(start, stop))
    chunks = body.read(start, stop)
    first = await anext(chunks, b"")  # before the head is sent: bytes that were dropped can be fetched again until then
    try:
        await response.prepare(request)
        await response.write(first)
        async for chunk in chunks:
            await response.write(chunk)
        await response.write_eof()
    except ConnectionError:
        with contextlib.suppress(Exception):
            await chunks.aclose()  # type: ignore[attr-defined]
        raise
    return response


def _read(path: Path, start: int, stop: int) -> bytes:
    with path.open("rb") as source:
        source.seek(start)
        return source.read(stop - start)


async def _at_once(start: int, stop: int) -> AsyncIterator[tuple[int, int]]:
    """Yield the span of a file that is all here."""
    yield start, stop


async def _sendfile(
    request: BaseRequest, response: web.StreamResponse, source: BinaryIO, spans: AsyncIterator[tuple[int, int]]
) -> web.StreamResponse:
    """Send spans of an opened file as they may be given out, without copying them through the process.

    Raises:
        BytesMissing: the file is shorter than it was.
    """
    writer = await response.prepare(request)
    if writer is None or request.transport is None:
        return response
    writer.send_headers()
    loop = asyncio.get_running_loop()
    async for start, stop in spans:
        if await loop.sendfile(request.transport, source, start, stop - start) != stop - start:
            raise BytesMissing(Path(source.name).name)
    await response.write_eof()
    return response
