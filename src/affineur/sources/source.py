"""The one protocol of the pipeline: a page first, and everything else through the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from affineur.model.files import File, Page
from affineur.model.names import ProjectName


class Body(Protocol):
    """The bytes of a file, opened."""

    @property
    def size(self) -> int | None:
        """The length in bytes, where it is known."""
        ...

    @property
    def sha256(self) -> str | None:
        """The digest in hex, where it is known."""
        ...

    @property
    def path(self) -> Path | None:
        """Where the verified bytes lie on this machine, for sendfile; None: read them."""
        ...

    async def wait(self) -> None:
        """Wait until all bytes are here and verified; fails if they are wrong or do not come."""
        ...

    def read(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `stop` (exclusive); fails before the last one if they are wrong."""
        ...


class Source(Protocol):
    """Where pages and files come from; wrappers have the same shape."""

    name: str

    async def owns(self, project: ProjectName) -> bool:
        """Whether the name belongs to this source, so that no later one may supply it."""
        ...

    async def projects(self) -> dict[str, int]:
        """Return the projects held here with the serial of their last change."""
        ...

    async def page(self, project: ProjectName) -> Page:
        """Return the listing of a project.

        Raises:
            ProjectUnknown: the source does not have it.
            UpstreamUnavailable: it cannot be asked and holds nothing.
        """
        ...

    async def held(self, project: ProjectName) -> Page:
        """Return the listing as it is held here, however old; no upstream is asked.

        Raises:
            ProjectUnknown: nothing is held.
        """
        ...

    async def open(self, page: Page, file: File) -> Body:
        """Open a file that `page` lists."""
        ...

    async def metadata(self, page: Page, file: File) -> bytes:
        """Return the core metadata of a file that `page` lists, byte for byte.

        Raises:
            FileUnknown: it has none that could be served.
        """
        ...

    async def signature(self, page: Page, file: File) -> bytes:
        """Return the detached OpenPGP signature of a file."""
        ...

    async def provenance(self, page: Page, file: File) -> bytes:
        """Return the provenance document (PEP 740) of a file."""
        ...
