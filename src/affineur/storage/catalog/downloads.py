"""The record of downloads and of page requests: which file or page, when, by whom, with what.

A row is a file, a requester and a client, by their numbers, at a second. The numbers are made from
what they stand for, so that a batch is written without reading anything.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from affineur.standards.user_agents import Client, read_user_agent
from affineur.storage.catalog import cache
from affineur.storage.catalog.database import Change
from affineur.storage.catalog.schema import (
    clients,
    daily_downloads,
    downloads,
    page_requests,
    record_gaps,
    requested_files,
    requesters,
)
from affineur.storage.catalog.upsert import insert

HOUR, DAY = 3600, 86400
"""Seconds."""
_REMEMBERED = 8192
LAG = HOUR
"""Seconds by which the last use of a file, requester or client may be later than its row says."""


class AddressKept(StrEnum):
    """What is written down of a client's address."""

    NONE = "none"
    NETWORK = "network"
    """The first 24 bits of an IPv4 address, 48 of an IPv6 one."""
    FULL = "full"


@dataclass(frozen=True, slots=True, eq=False)
class Download:
    """What stays the same each time an answer with a file's bytes is given again."""

    index: str
    project: str
    version: str
    """As the file's name spells it."""
    filename: str
    principal: str
    token: str
    """The token's id; empty: none was presented."""
    agent: str
    """The User-Agent header."""
    status: int
    mirror: str = ""
    """The mirror that the file came from; empty for uploads."""
    sha256: str = ""
    sent: int = 0
    """Bytes of the answer."""


@dataclass(frozen=True, slots=True, eq=False)
class PageRequest:
    """What stays the same each time a project's page is asked for in the same way."""

    index: str
    project: str
    principal: str
    token: str
    agent: str


Given = tuple[Download, str, int, bool]
"""A download with the client's address, the second (Unix time), and whether it made the mirror fetch the file."""


@dataclass
class Batch:
    """What was noted since the last batch was written, each with how often."""

    downloads: dict[Given, int] = field(default_factory=dict)
    pages: dict[tuple[PageRequest, int], int] = field(default_factory=dict)
    """Page requests by the hour (Unix time of its beginning)."""
    lost: int = 0
    """How many could not be noted."""
    lost_since: int = 0
    lost_until: int = 0

    def __bool__(self) -> bool:
        return bool(self.downloads or self.pages or self.lost)


@lru_cache(_REMEMBERED)
def _identity(*parts: str) -> int:
    """Return the number of what the parts name: 63 bits of their SHA-256."""
    return int.from_bytes(hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1


NOBODY = _identity("", "", "")
"""The requester of whom nothing is known, and that of records made anonymous."""


@lru_cache(_REMEMBERED)
def _client(agent: str) -> tuple[Client, int, tuple[tuple[str, str | bool], ...]]:
    """Return the client that a User-Agent header tells of, its number, and its columns."""
    client = read_user_agent(agent)
    number = _identity(client.name, client.version, client.python, client.platform, "ci" if client.ci else "")
    return client, number, tuple(asdict(client).items())


@lru_cache(_REMEMBERED)
def _kept(address: str, kept: AddressKept) -> str:
    """Return as much of an address as is to be written down."""
    if kept is AddressKept.NONE or not address:
        return ""
    if kept is AddressKept.FULL:
        return address
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if ip.version == 6 and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))


def append(change: Change, batch: Batch, *, written: bool = True, address: AddressKept = AddressKept.NONE) -> None:
    """Write a batch (where wanted), note what was used, and count what mirrors saved."""
    if written:
        _record(change, batch, address)
    given = batch.downloads
    cache.touch(change, {one[0].sha256 for one in given if one[0].mirror and one[0].sha256})
    more: dict[str, cache.Traffic] = {}
    for (download, _, _, cold), times in given.items():
        if download.mirror:
            before = more.get(download.mirror, cache.Traffic())
            more[download.mirror] = cache.Traffic(
                before.hits + (0 if cold else times),
                before.misses + (times if cold else 0),
                before.bytes_saved + (0 if cold else download.sent * times),
            )
    cache.add_traffic(change, more)


class _Rows:
    """The rows of a batch, those alike together."""

    def __init__(self, address: AddressKept) -> None:
        self._address = address
        self.files: dict[int, dict[str, Any]] = {}
        self.requesters: dict[int, dict[str, Any]] = {}
        self.clients: dict[int, dict[str, Any]] = {}
        self.downloads: dict[tuple[int, int, int, int, int], int] = {}
        self.days: dict[tuple[Any, ...], int] = {}
        self.pages: dict[tuple[Any, ...], int] = {}

    def take(self, download: Download, address: str, second: int, times: int) -> None:
        """Add a download."""
        place = (download.index, download.project, download.version, download.filename)
        file = _identity(*place)
        names = ("index_name", "project", "version", "filename")
        _use(self.files, file, second, zip(names, place, strict=True))
        requester = self._requester((download.principal, download.token, _kept(address, self._address)), second)
        client, number = self._client(download.agent, second)
        key = (second, file, requester, number, download.status)
        self.downloads[key] = self.downloads.get(key, 0) + times
        python = ".".join(client.python.split(".")[:2])
        day = (*place[:3], second // DAY, client.name, python, client.platform, client.ci)
        self.days[day] = self.days.get(day, 0) + times

    def ask(self, page: PageRequest, hour: int, times: int) -> None:
        """Add a page request. Addresses are left out: behind one index there are too many of them."""
        requester = self._requester((page.principal, page.token, ""), hour)
        _, number = self._client(page.agent, hour)
        key = (page.index, page.project, hour, requester, number)
        self.pages[key] = self.pages.get(key, 0) + times

    def _requester(self, who: tuple[str, str, str], second: int) -> int:
        number = _identity(*who)
        _use(self.requesters, number, second, zip(("principal", "token", "address"), who, strict=True))
        return number

    def _client(self, agent: str, second: int) -> tuple[Client, int]:
        client, number, told = _client(agent)
        _use(self.clients, number, second, told)
        return client, number


def _use(rows: dict[int, dict[str, Any]], number: int, second: int, values: Iterable[tuple[str, Any]]) -> None:
    """Have a row under a number, used last at the latest of the seconds."""
    row = rows.get(number)
    if row is None:
        rows[number] = {"id": number, **dict(values), "used_at": second}
    else:
        row["used_at"] = max(row["used_at"], second)


def _record(change: Change, batch: Batch, address: AddressKept) -> None:
    rows = _Rows(address)
    for (download, where, second, _), times in batch.downloads.items():
        rows.take(download, where, second, times)
    for (page, hour), times in batch.pages.items():
        rows.ask(page, hour, times)
    connection = change.connection
    for table, seen in ((requested_files, rows.files), (requesters, rows.requesters), (clients, rows.clients)):
        _see(connection, table, seen)
    if rows.downloads:
        columns = ("at", "file_id", "requester_id", "client_id", "status")
        connection.execute(
            sa.insert(downloads),
            [{**dict(zip(columns, key, strict=True)), "times": times} for key, times in rows.downloads.items()],
        )
    _count(connection, page_requests, ("index_name", "project", "hour", "requester_id", "client_id"), rows.pages)
    names = ("index_name", "project", "version", "day", "client", "python", "platform", "ci")
    _count(connection, daily_downloads, names, rows.days)
    if batch.lost:
        connection.execute(
            sa.insert(record_gaps).values(since=batch.lost_since, until=batch.lost_until, times=batch.lost)
        )


def _see(connection: sa.Connection, table: sa.Table, rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Have rows in one of the tables that the record points to, and move their last use on, once an hour."""
    if not rows:
        return
    adding = insert(connection, table)
    used_at = adding.excluded.used_at
    connection.execute(
        adding.on_conflict_do_update(
            index_elements=[table.c.id], set_={"used_at": used_at}, where=table.c.used_at < used_at - LAG
        ),
        [rows[number] for number in sorted(rows)],  # in one order, so that servers do not wait for each other in a ring
    )


def _count(
    connection: sa.Connection, table: sa.Table, names: Sequence[str], counts: Mapping[tuple[Any, ...], int]
) -> None:
    """Add to counts that stand under a key of several columns."""
    if not counts:
        return
    adding = insert(connection, table)
    connection.execute(
        adding.on_conflict_do_update(
            index_elements=list(table.primary_key.columns), set_={"times": table.c.times + adding.excluded.times}
        ),
        [{**dict(zip(names, key, strict=True)), "times": counts[key]} for key in sorted(counts)],
    )
