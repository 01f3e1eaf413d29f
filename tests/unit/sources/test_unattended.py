"""Tasks whose end nobody waits for."""

import asyncio

import pytest
import structlog

from affineur.errors import UpstreamUnavailable
from affineur.sources import unattended


async def fail(error):
    raise error


@pytest.mark.parametrize(
    ("error", "told"), [(RuntimeError("a fault"), ["looking"]), (UpstreamUnavailable("http://x/", "it is gone"), [])]
)
async def test_a_fault_is_logged_with_the_name_of_the_task_and_nothing_else_is(error, told):
    with structlog.testing.capture_logs() as logs:
        task = asyncio.create_task(fail(error), name="looking")
        task.add_done_callback(unattended.ended)
        await asyncio.wait({task})
        await asyncio.sleep(0)
    assert [log["task"] for log in logs] == told
