"""Reading an HTML page (PEP 503) by its anchors, quickly."""

from __future__ import annotations

import re
from html import unescape

from affineur.errors import InvalidDocument
from affineur.model.files import File
from affineur.model.names import ProjectName
from affineur.standards.simple_api.listed import (
    UpstreamPage,
    address_of,
    clean,
    hashes_of,
    name_of,
    requires_python,
    status_of,
    version_of,
)

_ATTRIBUTES = r"((?:[^<>\"']|\"[^\"]*\"|'[^']*')*+)"
"""Possessive, and ended by the next tag: no page makes the search go back and forth."""
_ANCHOR = re.compile(rf"<a\s{_ATTRIBUTES}>", re.IGNORECASE)
_TAG = re.compile(rf"<(base|meta)\s{_ATTRIBUTES}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-zA-Z][\w:-]*)(?:\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+)))?")
_SIGNS = re.compile(r"pypi:repository-version|<title>[^<]*(links for|index of|directory listing)", re.IGNORECASE)


def parse_html(body: bytes, project: ProjectName, base_url: str) -> UpstreamPage:
    """Read a project's HTML page.

    Raises:
        InvalidDocument: it is not such a page, or of a major version this cannot read.
    """
    text = _without_comments(body.decode("utf-8", "replace"))
    metas, base = _head(text, base_url)
    if not metas.get("pypi:repository-version", "1.0").startswith("1."):
        raise InvalidDocument(base_url, f"repository-version {metas['pypi:repository-version']} cannot be read")
    files: dict[str, File] = {}
    for match in _ANCHOR.finditer(text):
        file = _file(_attributes(match[1]), project, base)
        if file is not None:
            files.setdefault(file.filename, file)
    if not files and not _SIGNS.search(text):
        raise InvalidDocument(base_url, "this is not a page of the simple API")
    status = status_of(metas.get("pypi:project-status"), metas.get("pypi:project-status-reason"))
    return UpstreamPage(tuple(files.values()), (), status)


def _without_comments(text: str) -> str:
    parts: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) != -1 and (end := text.find("-->", start + 4)) != -1:
        parts.append(text[at:start])
        at = end + 3
    return "".join([*parts, text[at:]])


def _attributes(text: str) -> dict[str, str]:
    found = {}
    for name, double, single, bare in _ATTRIBUTE.findall(text):
        value = double or single or bare
        found[name.lower()] = unescape(value) if "&" in value else value
    return found


def _head(text: str, base_url: str) -> tuple[dict[str, str], str]:
    metas: dict[str, str] = {}
    base = base_url
    for match in _TAG.finditer(text):
        attributes = _attributes(match[2])
        if match[1].lower() == "base" and "href" in attributes:
            base = address_of(attributes["href"], base_url) or base_url
        elif "name" in attributes:
            metas[attributes["name"].lower()] = attributes.get("content", "")
    return metas, base


def _file(attributes: dict[str, str], project: ProjectName, base: str) -> File | None:
    url, _, fragment = attributes.get("href", "").partition("#")
    filename = name_of(url)
    version = version_of(filename, project)
    address = address_of(url, base)
    if version is None or address is None:
        return None
    algorithm, _, digest = fragment.partition("&")[0].partition("=")
    yanked = attributes.get("data-yanked")
    offered = attributes.get("data-core-metadata", attributes.get("data-dist-info-metadata"))
    provenance = attributes.get("data-provenance")
    signed = attributes.get("data-gpg-sig")
    return File(
        filename=filename,
        version=version,
        hashes=hashes_of({algorithm: digest}),
        requires_python=requires_python(attributes.get("data-requires-python")),
        yanked=yanked is not None,
        yanked_reason=clean(yanked or ""),
        metadata_hashes=_offered(offered),
        provenance=address_of(provenance, base) if provenance else None,
        signed=None if signed is None else signed == "true",
        url=address,
    )


def _offered(stated: str | None) -> dict[str, str] | None:
    if stated is None or stated == "false":
        return None
    algorithm, _, digest = stated.partition("=")
    return hashes_of({algorithm: digest})
