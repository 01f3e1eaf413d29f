"""Signatures and provenance of a mirror's files: asked of the upstream, and kept for when it is gone."""

from __future__ import annotations

from affineur.errors import FileUnknown, UpstreamBroken, UpstreamUnavailable
from affineur.model.files import File
from affineur.sources.upstream import Upstream
from affineur.storage.blobs import small
from affineur.storage.blobs.store import Blobs
from affineur.storage.catalog import attached
from affineur.storage.catalog.database import Catalog

_LARGEST = 16 * 2**20


class Attached:
    """What was attached to the files of one mirror by those who made them."""

    def __init__(self, mirror: str, upstream: Upstream, catalog: Catalog, blobs: Blobs) -> None:
        self.mirror, self.upstream, self.catalog, self.blobs = mirror, upstream, catalog, blobs

    async def signature(self, file: File) -> bytes:
        """Return the detached OpenPGP signature.

        Raises:
            FileUnknown: it has none.
            UpstreamUnavailable: the upstream cannot be asked, and none was kept.
        """
        return await self._get(file, "signature", f"{file.url}.asc" if file.signed else None)

    async def provenance(self, file: File) -> bytes:
        """Return the provenance document (PEP 740).

        Raises:
            FileUnknown: it has none.
            UpstreamUnavailable: the upstream cannot be asked, and none was kept.
        """
        return await self._get(file, "provenance", file.provenance)

    async def _get(self, file: File, kind: str, address: str | None) -> bytes:
        if address is None:
            raise FileUnknown(file.filename, self.mirror, f"no {kind}")
        held = await self.catalog.read(attached.find, self.mirror, file.sha256, kind) if file.sha256 else None
        try:
            raw = await self.upstream.side_file(address, _LARGEST)
        except (UpstreamUnavailable, UpstreamBroken):
            if held is None:
                raise
            raw = None
        if raw is None:
            raw = await small.whole(self.blobs, held) if held is not None else None
        elif file.sha256 is not None and (digest := await small.keep(self.blobs, raw)) != held:
            await self.catalog.write(attached.record, self.mirror, file.sha256, kind, digest)
        if raw is None:
            raise FileUnknown(file.filename, self.mirror, f"no {kind}")
        return raw
