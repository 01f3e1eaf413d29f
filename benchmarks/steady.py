"""Pages and files that were asked for before: requests a second under steady load."""

import re
from dataclasses import dataclass, field
from urllib.parse import urljoin

import requests

from benchmarks.load import requests_per_second
from benchmarks.results import ABSENT, Row
from benchmarks.tree import BIG, FEW, MANY
from benchmarks.tree_copy import JSON

_SHORT, _LONG = 32, 4


@dataclass
class Work:
    """A request, and what an answer to it must look like to count."""

    row: Row
    address: str
    """Which of a server's addresses: the page of a project, or a file."""
    connections: int = _SHORT
    headers: dict[str, str] = field(default_factory=dict)
    conditional: bool = False
    status: int = 200
    bytes: int = 0
    """The least length of a right body."""


def _works():
    json, html = {"Accept": JSON}, {"Accept": "text/html"}
    per_second = "/s"
    return [
        Work(Row("page of 30 files, JSON, 32 connections", per_second, 0.15), f"page {FEW}", headers=json, bytes=2000),
        Work(Row("page of 30 files, HTML, 32 connections", per_second, 0.15), f"page {FEW}", headers=html, bytes=2000),
        Work(Row("page of 30 files, JSON, 1 connection", per_second, 0.4), f"page {FEW}", 1, json, bytes=2000),
        Work(
            Row("page of 2,000 files, JSON, gzip", per_second, 0.7),
            f"page {MANY}", headers={**json, "Accept-Encoding": "gzip"}, bytes=20_000,
        ),
        Work(
            Row("the same, not modified (304)", per_second, 0.15),
            f"page {MANY}", headers={**json, "Accept-Encoding": "gzip"}, conditional=True, status=304,
        ),
        Work(Row("file of 20 KB", per_second, 0.12), f"file {FEW}", bytes=15_000),
        Work(
            Row("range of 16 KB of a file of 50 MB", per_second, 0.12),
            f"file {BIG}", headers={"Range": "bytes=40000000-40016383"}, status=206, bytes=16_384,
        ),
        Work(Row("core metadata of a wheel", per_second, 0.12), f"metadata {FEW}", bytes=50),
        Work(Row("file of 50 MB, 4 connections", per_second, 0.9), f"file {BIG}", _LONG, bytes=50_000_000),
    ]  # fmt: skip


def _addresses(server):
    """Return the address of each page, of a file on it and of that file's metadata, as the server lists them."""
    found = {}
    for project in (FEW, MANY, BIG):
        page = server.page(project)
        found[f"page {project}"] = page
        text = requests.get(page, headers={"Accept": "text/html"}, timeout=120).text
        file = urljoin(page, re.findall(r'href="([^"#]+\.whl)', text)[0])
        found[f"file {project}"], found[f"metadata {project}"] = file, f"{file}.metadata"
    return found


def _asked(work, url):
    """Return the headers to ask with, or None where the server does not offer this work."""
    headers = dict(work.headers)
    if work.conditional:
        etag = requests.get(url, headers=headers, timeout=120).headers.get("ETag")
        if etag is None:
            return None
        headers["If-None-Match"] = etag
    with requests.get(url, headers={"Accept-Encoding": "identity", **headers}, timeout=120, stream=True) as answer:
        body = len(answer.raw.read())
        return headers if answer.status_code == work.status and body >= work.bytes else None


def measure(reference, servers, rounds, seconds):
    """Put every server under the same load in turn, round by round; return the rows."""
    addresses = {server.name: _addresses(server) for server in (reference, *servers)}
    works = _works()
    for work in works:
        asked = {name: _asked(work, found[work.address]) for name, found in addresses.items()}
        for _ in range(rounds):
            for name, found in addresses.items():
                headers = asked[name]
                if headers is None:
                    work.row.add(name, ABSENT)
                    continue
                url = found[work.address]
                rate = requests_per_second(url, connections=work.connections, seconds=seconds, headers=headers)
                work.row.add(name, rate)
        print(f"  {work.row.work}: {work.row.figure('affineur'):.2f}", flush=True)
    return [work.row for work in works]
