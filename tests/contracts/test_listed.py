"""A page and the serial it states, while others change what it lists."""

import asyncio
import hashlib

from affineur.model.events import Event
from affineur.model.files import File
from affineur.model.names import ProjectName
from affineur.sources.hosted import Hosted
from affineur.storage.blobs.disk import DiskBlobs
from affineur.storage.catalog import hosted

UPLOADS = 60


def upload(change, number):
    name = f"gouda-1.{number}-py3-none-any.whl"
    made = File(name, f"1.{number}", {"sha256": hashlib.sha256(name.encode()).hexdigest()}, size=10)
    hosted.add(change, "internal", "gouda", made, "ada", {})
    change.enter(Event("file.uploaded", "internal", "gouda"))


async def test_a_page_shows_every_change_up_to_the_serial_it_states(catalog, tmp_path):
    """Whoever renders it keeps it until a later change: a serial ahead of the files would hide an upload for ever."""
    source = Hosted("internal", ["gouda"], catalog, DiskBlobs(tmp_path / "blobs"))

    async def uploading():
        for number in range(UPLOADS):
            await catalog.write(upload, number)

    writing = asyncio.create_task(uploading())
    behind = []
    while not writing.done():
        page = await source.page(ProjectName("gouda"))
        if len(page.files) < page.serial:
            behind.append((len(page.files), page.serial))
    await writing
    assert behind == []
    assert len((await source.page(ProjectName("gouda"))).files) == UPLOADS
