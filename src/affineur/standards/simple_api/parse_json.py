"""Reading a JSON page (PEP 691)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from affineur.errors import InvalidDocument
from affineur.model.files import File
from affineur.model.names import ProjectName
from affineur.standards.simple_api.listed import (
    UpstreamPage,
    address_of,
    clean,
    hashes_of,
    requires_python,
    size_of,
    status_of,
    time_of,
    version_of,
)

__all__ = ["UpstreamPage", "parse_json"]


class _File(msgspec.Struct, rename="kebab"):
    filename: str
    url: str
    hashes: Any = None
    requires_python: Any = None
    size: Any = None
    upload_time: Any = None
    yanked: Any = False
    core_metadata: Any = None
    dist_info_metadata: Any = None
    provenance: Any = None
    gpg_sig: Any = None


class _Page(msgspec.Struct, rename="kebab"):
    files: list[_File]
    meta: dict[str, Any] = {}
    versions: Any = None
    project_status: Any = None


_DECODER = msgspec.json.Decoder(_Page)


def parse_json(body: bytes, project: ProjectName, base_url: str) -> UpstreamPage:
    """Read a project's JSON page.

    Raises:
        InvalidDocument: it is not such a page, or of a major version this cannot read.
    """
    try:
        page = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidDocument(base_url, str(error)) from error
    if not str(page.meta.get("api-version", "1.0")).startswith("1."):
        raise InvalidDocument(base_url, f"api-version {page.meta['api-version']} cannot be read", "meta")
    files: dict[str, File] = {}
    for raw in page.files:
        if raw.filename not in files and (file := _file(raw, project, base_url)) is not None:
            files[raw.filename] = file
    versions = page.versions if isinstance(page.versions, list) else []
    status = page.project_status or page.meta.get("project-status")
    status = status if isinstance(status, dict) else {}
    return UpstreamPage(
        tuple(files.values()),
        tuple(v for v in versions if isinstance(v, str)),
        status_of(_text(status.get("status")), _text(status.get("reason"))),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _file(raw: _File, project: ProjectName, base_url: str) -> File | None:
    version = version_of(raw.filename, project)
    address = address_of(raw.url.partition("#")[0], base_url)
    if version is None or address is None:
        return None
    return File(
        filename=raw.filename,
        version=version,
        hashes=hashes_of(raw.hashes) if isinstance(raw.hashes, dict) else {},
        size=size_of(raw.size),
        upload_time=_time(raw.upload_time),
        requires_python=requires_python(_text(raw.requires_python)),
        yanked=bool(raw.yanked),
        yanked_reason=clean(raw.yanked) if isinstance(raw.yanked, str) else "",
        metadata_hashes=_offered(raw.core_metadata if raw.core_metadata is not None else raw.dist_info_metadata),
        provenance=address_of(raw.provenance, base_url) if isinstance(raw.provenance, str) and raw.provenance else None,
        signed=raw.gpg_sig if isinstance(raw.gpg_sig, bool) else None,
        url=address,
    )


def _offered(stated: object) -> dict[str, str] | None:
    if isinstance(stated, dict):
        return hashes_of(stated)
    return {} if stated is True else None


def _time(stated: object) -> datetime | None:
    return time_of(stated) if isinstance(stated, str) else None
