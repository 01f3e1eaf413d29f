"""Files and what stands beside them: bytes, ranges, metadata, signatures, provenance."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from aiohttp import web
from aiohttp.web_request import BaseRequest

from affineur.errors import AffineurError, FileUnknown, NotFound
from affineur.model.filenames import candidate_projects
from affineur.model.files import File
from affineur.model.names import IndexName, ProjectName, project_name
from affineur.policy.gate import Screened
from affineur.sources.rendered import compress
from affineur.sources.source import Body
from affineur.sources.stored import Stored
from affineur.standards.simple_api.negotiate import encoding
from affineur.storage.catalog.downloads import Download
from affineur.web.simple import matches
from affineur.web.site import Site

_SIDES = {
    ".metadata": ("metadata", "application/octet-stream"),
    ".asc": ("signature", "application/pgp-signature"),
    ".provenance": ("provenance", "application/vnd.pypi.integrity.v1+json"),
}
_SMALL = 64 * 1024


async def _locate(site: Site, index: IndexName, place: str, filename: str) -> tuple[Screened, File]:
    """Find a file by its address on the page that lists it.

    Raises:
        FileUnknown: no page lists it under that digest.
    """
    kind, _, rest = place.partition("/")
    candidates = [project_name(rest)] if kind == "unhashed" else list(candidate_projects(filename))
    for project in candidates:
        found = await _listed(site, index, project, filename)
        if found is not None and (kind == "unhashed" or found[1].sha256 == place.replace("/", "")):
            return found
    raise FileUnknown(filename, index)


async def _listed(site: Site, index: IndexName, project: ProjectName, filename: str) -> tuple[Screened, File] | None:
    try:
        screened = await site.rendered.screened(index, project)
    except NotFound:
        return None
    file = screened.page.file(filename)
    return (screened, file) if file is not None else None


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
    principal = await site.reader(request, name)
    filename = unquote(filename)
    for suffix, (kind, content_type) in _SIDES.items():
        if filename.endswith(suffix):
            return await _side(site, request, (name, place, filename.removesuffix(suffix)), kind, content_type)
    screened, listed = await _locate(site, name, place, filename)
    gated = site.indexes[name]
    gated.admit(screened, listed)
    etag = f'"{listed.sha256}"' if listed.sha256 else None
    if etag and matches(request.headers.get("If-None-Match"), etag):
        return web.Response(status=304, headers={"ETag": etag, "Cache-Control": "no-cache"})
    if request.method == "HEAD" and listed.sha256 and listed.size is not None:
        # The listing tells it all, and whoever only looks makes nobody fetch.
        return await _send(request, Stored(site.blobs, listed.sha256, listed.size), filename)
    body = await gated.open(screened.page, listed)
    response = await _send(request, body, filename)
    if request.method == "GET":
        address = request.remote or "" if site.config.record_address else ""
        client = request.headers.get("User-Agent", "")[:300]
        site.downloaded(
            Download(
                datetime.now(UTC),
                name,
                screened.page.project,
                filename,
                principal.name,
                client,
                address,
                response.status,
            )
        )
    return response


async def _side(
    site: Site, request: BaseRequest, where: tuple[IndexName, str, str], kind: str, content_type: str
) -> web.StreamResponse:
    index, place, filename = where
    screened, listed = await _locate(site, index, place, filename)
    gated = site.indexes[index]
    gated.admit(screened, listed)
    raw: bytes = await getattr(gated, kind)(screened.page, listed)
    coding = encoding(request.headers.get("Accept-Encoding")) if len(raw) > 512 else "identity"
    etag = f'"{hashlib.sha256(raw).hexdigest()[:32]}-{coding}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "Content-Type": content_type, "Vary": "Accept-Encoding"}
    if matches(request.headers.get("If-None-Match"), etag):
        return web.Response(status=304, headers=headers)
    if coding != "identity":
        headers["Content-Encoding"] = coding
    return web.Response(body=compress(raw, coding), headers=headers)


async def _send(request: BaseRequest, body: Body, filename: str) -> web.StreamResponse:
    """Send a file: whole or a range of it, from the disk or as it arrives."""
    asked = request.headers.get("Range")
    if asked and body.path is None and (wait := getattr(body, "wait", None)) is not None:
        await wait()
    size = body.size
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-cache",
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{filename}"' if filename.isascii() else "attachment",
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
    return await _stream(request, body, (start, stop), status, headers)


async def _stream(
    request: BaseRequest, body: Body, span: tuple[int, int | None], status: int, headers: dict[str, str]
) -> web.StreamResponse:
    start, stop = span
    path = body.path
    if path is not None and stop is not None:
        if stop - start <= _SMALL:
            return web.Response(status=status, headers=headers, body=_read(path, start, stop))
        return await _sendfile(request, path, (start, stop), status, headers)
    chunks = body.read(start, stop)
    response = web.StreamResponse(status=status, headers=headers)
    try:
        await response.prepare(request)
        async for chunk in chunks:
            await response.write(chunk)
        await response.write_eof()
    except AffineurError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError from None
    except ConnectionResetError:
        with contextlib.suppress(Exception):
            await chunks.aclose()  # type: ignore[attr-defined]
        raise
    return response


def _read(path: Path, start: int, stop: int) -> bytes:
    with path.open("rb") as source:
        source.seek(start)
        return source.read(stop - start)


async def _sendfile(
    request: BaseRequest, path: Path, span: tuple[int, int], status: int, headers: dict[str, str]
) -> web.StreamResponse:
    """Send a file's bytes without copying them through the process."""
    response = web.StreamResponse(status=status, headers=headers)
    source = await asyncio.to_thread(path.open, "rb")
    try:
        writer = await response.prepare(request)
        if writer is None or request.transport is None:
            return response
        writer.send_headers()
        await asyncio.get_running_loop().sendfile(request.transport, source, span[0], span[1] - span[0])
        await response.write_eof()
    finally:
        source.close()
    return response
