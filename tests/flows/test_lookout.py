"""The lookout goes on where one that was killed left off, without waiting for its lease."""

import subprocess
import sys

import pytest

from affineur.operations import monitor
from affineur.operations.lookout import Lookout
from affineur.operations.monitor import MonitorAdd
from affineur.operations.operation import Document
from affineur.storage import presence
from affineur.storage.catalog import ledger, lookout
from tests.support.in_process import InProcess

HOLDER = """
import sys
from pathlib import Path
from affineur.storage import presence

with presence.shown(Path(sys.argv[1]), sys.argv[2]):
    print("there", flush=True)
    sys.stdin.read()
"""
LEASE = "a" * 32


@pytest.fixture
async def inside(tmp_path, upstream):
    upstream.wheel("gouda", "1.0")
    async with InProcess(tmp_path / "data", upstream.url) as made:
        yield made


async def test_a_pass_whose_process_was_killed_is_taken_over_at_once(inside):
    context = inside.app.context()
    folder, catalog = context.blobs.staging(), context.catalog
    await monitor.add(context, MonitorAdd("shop", (Document("requirements.txt", "gouda==1.0\n"),), owner="ada"))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), LEASE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"there\n"
    await catalog.write(lookout.claim, LEASE)
    assert not await Lookout(context).look(), "it is at work"
    assert await catalog.read(lookout.leased) == LEASE
    holder.kill()
    holder.communicate()
    assert presence.has_gone(folder, LEASE)
    assert await Lookout(context).look()
    assert await catalog.read(lookout.leased) == ""
    assert await catalog.read(lookout.serial) == await catalog.read(ledger.head)
    assert list(folder.glob("*.lease")) == []
