"""Work in the background is begun again, after longer and longer pauses, and says how it stands."""

import asyncio
import contextlib
import itertools

from structlog.testing import capture_logs

from affineur.operations.background import Background
from tests.support.polling import eventually_in_loop


async def ended(task):
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_what_fails_is_begun_again_and_told():
    begun = []
    going = asyncio.Event()

    async def work():
        begun.append(asyncio.get_running_loop().time())
        if len(begun) <= 3:
            raise RuntimeError("no luck")
        going.set()
        await asyncio.Event().wait()

    background = Background(first_pause=0.05)
    with capture_logs() as logs:
        task = background.begin("trying", work)
        assert await eventually_in_loop(lambda: background.failing == ["trying"])
        await asyncio.wait_for(going.wait(), 30)
    standing = background.standing["trying"]
    assert (standing.faults, standing.runs, background.failing) == (3, True, [])
    await ended(task)
    assert background.standing == {}
    pauses = [after - before for before, after in itertools.pairwise(begun)]
    assert [told["again_in"] for told in logs] == [0.05, 0.1, 0.2]
    assert all(pause >= wanted for pause, wanted in zip(pauses, (0.05, 0.1, 0.2), strict=True))
    assert {told["task"] for told in logs} == {"trying"}
    assert isinstance(logs[0]["exc_info"], RuntimeError)


async def test_what_merely_returns_is_begun_again_too():
    times = []

    async def work():
        times.append(1)

    task = Background(first_pause=0.001).begin("short", work)
    assert await eventually_in_loop(lambda: len(times) >= 3)
    await ended(task)
