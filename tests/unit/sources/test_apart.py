"""Processes that look into files, there before the first file is wanted."""

import asyncio
import os
from pathlib import Path

import pytest

from affineur.model.names import IndexName, ProjectName
from tests.support.in_process import InProcess
from tests.support.polling import eventually_in_loop


def scanners():
    """The processes of this one that scan."""
    found = []
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"startup_code.program" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


@pytest.fixture
async def served(tmp_path, upstream):
    configuration = tmp_path / "gate.toml"
    configuration.write_text('[policies.standard]\nlists = { deny = ["soft==2.0"] }\n')
    upstream.wheel("soft", "1.0")
    upstream.wheel("soft", "2.0")
    async with InProcess(tmp_path / "data", upstream.url, path=configuration) as server:
        yield server


async def tell(server, index, version):
    gated = server.site.indexes[IndexName(index)]
    screened = await gated.screened(ProjectName("soft"))
    file = next(file for file in screened.page.files if file.version == version)
    await gated.tell(screened, file, "metadata")
    return gated, screened, file


async def test_a_scanner_is_started_when_the_metadata_of_a_file_are_asked_for_that_will_be_scanned(served):
    await tell(served, "public", "1.0")
    await tell(served, "main", "2.0")
    assert scanners() == [], "nothing is scanned there, or the file is refused anyway"
    gated, screened, file = await tell(served, "main", "1.0")
    await asyncio.gather(*(tell(served, "main", "1.0") for _ in range(10)))
    assert await eventually_in_loop(scanners)
    (scanner,) = scanners()
    await gated.deliver(screened, file)
    assert scanners() == [scanner], "it does the first job"
    assert not (await gated.screened(ProjectName("soft"))).decisions[file.filename].pending
    await tell(served, "main", "1.0")
    assert scanners() == [scanner]
