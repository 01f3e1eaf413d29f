"""Writing pages: JSON (PEP 691, 700) and HTML (PEP 503, frozen at 1.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from html import escape
from typing import Any

import msgspec

from affineur.model.files import File, Page, ProjectStatus

_VERSION = "1.4"
Link = Callable[[File], str]
ProvenanceLink = Callable[[File], str | None]


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _json_file(file: File, link: Link, provenance: ProvenanceLink, refusal: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {"filename": file.filename, "url": link(file), "hashes": file.hashes}
    if file.requires_python:
        row["requires-python"] = file.requires_python
    if file.size is not None:
        row["size"] = file.size
    if file.upload_time is not None:
        row["upload-time"] = _moment(file.upload_time)
        row["_upload_time_source"] = file.upload_time_source
    row["yanked"] = refusal or ((file.yanked_reason or True) if file.yanked else False)
    row["core-metadata"] = (file.metadata_hashes or True) if file.metadata_hashes is not None else False
    row["provenance"] = provenance(file)
    if file.signed is not None:
        row["gpg-sig"] = file.signed
    if refusal:
        row["_refused"] = refusal
    if file.tombstone:
        row["_affineur"] = "tombstone"
    if file.conflict:
        row["_conflict"] = file.conflict
    if file.vanished is not None:
        row["_vanished"] = _moment(file.vanished)
    return row


def versions_of(page: Page) -> list[str]:
    """Return every version of a page once, those of files first."""
    return list(dict.fromkeys([*(f.version for f in page.files if f.version), *page.versions]))


def _status(status: ProjectStatus) -> dict[str, str]:
    row = {"status": status.status.value}
    return {**row, "reason": status.reason} if status.reason else row


def render_json(page: Page, link: Link, provenance: ProvenanceLink, yanks: Mapping[str, str]) -> bytes:
    """Write a project's JSON page; `yanks` are the files shown as yanked because the gate refuses them."""
    return msgspec.json.encode(
        {
            "meta": {"api-version": _VERSION, "_last-serial": page.serial},
            "name": page.project,
            "project-status": _status(page.status),
            "versions": versions_of(page),
            "files": [_json_file(file, link, provenance, yanks.get(file.filename)) for file in page.files],
        }
    )


def _html_file(file: File, link: Link, provenance: ProvenanceLink, refusal: str | None) -> str:
    digest = next((f"#{name}={file.hashes[name]}" for name in ("sha256", *file.hashes) if name in file.hashes), "")
    parts = [f'<a href="{escape(link(file))}{digest}"']
    if file.requires_python:
        parts.append(f'data-requires-python="{escape(file.requires_python)}"')
    if refusal is not None or file.yanked:
        parts.append(f'data-yanked="{escape(refusal or file.yanked_reason)}"')
    if file.metadata_hashes is not None:
        sha256 = file.metadata_hashes.get("sha256")
        offered = f"sha256={sha256}" if sha256 else "true"
        parts.append(f'data-core-metadata="{offered}" data-dist-info-metadata="{offered}"')
    if file.signed is not None:
        parts.append(f'data-gpg-sig="{"true" if file.signed else "false"}"')
    if address := provenance(file):
        parts.append(f'data-provenance="{escape(address)}"')
    return f"{' '.join(parts)}>{escape(file.filename)}</a><br>"


def _html(title: str, metas: str, lines: Iterable[str], serial: int) -> bytes:
    head = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="pypi:repository-version" content="{_VERSION}">\n{metas}<title>{title}</title>\n</head>\n<body>\n'
    )
    return f"{head}<h1>{title}</h1>\n{chr(10).join(lines)}\n</body>\n</html>\n<!--SERIAL {serial}-->\n".encode()


def render_html(page: Page, link: Link, provenance: ProvenanceLink, yanks: Mapping[str, str]) -> bytes:
    """Write a project's HTML page; `yanks` as in `render_json`."""
    metas = f'<meta name="pypi:project-status" content="{page.status.status.value}">\n'
    if page.status.reason:
        metas += f'<meta name="pypi:project-status-reason" content="{escape(page.status.reason)}">\n'
    lines = [_html_file(file, link, provenance, yanks.get(file.filename)) for file in page.files]
    return _html(f"Links for {page.project}", metas, lines, page.serial)


class RootForm(Enum):
    """The forms of the list of projects; it is written in pieces, because it is long and changes little."""

    JSON = "json"
    HTML = "html"

    def rows(self, projects: Iterable[tuple[str, int]]) -> bytes:
        """Write some projects with their serials; normalised names need no escaping."""
        if self is RootForm.JSON:
            return msgspec.json.encode([{"name": name, "_last-serial": last} for name, last in projects])[1:-1]
        return "\n".join([f'<a href="{name}/">{name}</a><br>' for name, _ in projects]).encode()

    def frame(self, serial: int) -> tuple[bytes, bytes, bytes]:
        """Return what stands before, between and after the pieces."""
        if self is RootForm.JSON:
            meta = msgspec.json.encode({"api-version": _VERSION, "_last-serial": serial})
            return b'{"meta":' + meta + b',"projects":[', b",", b"]}"
        head, _, tail = _html("Simple index", "", ["\0"], serial).partition(b"\0")
        return head, b"\n", tail
