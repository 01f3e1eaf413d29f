"""What is noted in memory until it is written: who was given which file, and asked for which page.

Noting costs a request a look-up and an addition: what an answer has in common with the next one
like it is made once, and headers are read when the batch is written.
"""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

import structlog

from affineur.errors import StorageUnavailable
from affineur.storage.catalog import downloads
from affineur.storage.catalog.database import Catalog
from affineur.storage.catalog.downloads import HOUR, AddressKept, Batch, Download, PageRequest

_log = structlog.get_logger("affineur")
_MOST = 50_000
"""Different downloads, and different page requests, that wait while the database cannot be written."""

K = TypeVar("K")


class Noted:
    """Notes of downloads and page requests, bounded; what no longer fits is counted, told and recorded as a gap."""

    def __init__(self, catalog: Catalog, *, recorded: bool, address: AddressKept, most: int = _MOST) -> None:
        self.catalog, self.recorded, self.address, self._most = catalog, recorded, address, most
        self._unaddressed = address is AddressKept.NONE
        self.batch = Batch()
        self.lost = 0
        """Downloads and page requests that were not recorded since the start, for want of room."""

    def download(self, download: Download, address: str, *, cold: bool = False) -> None:
        """Note that a client at an address was given a file."""
        self._note(self.batch.downloads, (download, "" if self._unaddressed else address, int(time.time()), cold))

    def page(self, page: PageRequest) -> None:
        """Note that a project's page was asked for."""
        if self.recorded:
            self._note(self.batch.pages, (page, int(time.time()) // HOUR * HOUR))

    def _note(self, noted: dict[K, int], key: K) -> None:
        if key in noted:
            noted[key] += 1
        elif len(noted) < self._most:
            noted[key] = 1
        else:
            self._lose()

    def _lose(self, times: int = 1) -> None:
        batch, now = self.batch, int(time.time())
        if not batch.lost:
            _log.error("the record of downloads is full; what comes now is not recorded", most=self._most)
            batch.lost_since = now
        batch.lost += times
        batch.lost_until = now
        self.lost += times

    async def write(self) -> None:
        """Write what was noted since the last time.

        Raises:
            StorageUnavailable: the database cannot be written; it is kept for the next time.
        """
        if not self.batch:
            return
        batch, self.batch = self.batch, Batch()
        try:
            await asyncio.shield(
                self.catalog.write(downloads.append, batch, written=self.recorded, address=self.address)
            )
        except StorageUnavailable:
            self._put_back(batch)
            raise
        if batch.lost:
            _log.error("part of the record of downloads was lost", times=batch.lost)

    def _put_back(self, batch: Batch) -> None:
        """Keep a batch that could not be written, and what was noted meanwhile as far as there is room."""
        later, self.batch = self.batch, batch
        dropped = self._merge(batch.downloads, later.downloads) + self._merge(batch.pages, later.pages)
        if dropped + later.lost:
            self.lost -= later.lost
            self._lose(dropped + later.lost)

    def _merge(self, kept: dict[K, int], more: dict[K, int]) -> int:
        """Add what fits to what is kept; return how many did not."""
        dropped = 0
        for key, times in more.items():
            if key in kept or len(kept) < self._most:
                kept[key] = kept.get(key, 0) + times
            else:
                dropped += times
        return dropped
