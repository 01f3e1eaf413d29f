"""Pages in memory and the changes that make them untrue."""

import asyncio

import pytest

from affineur.model.names import IndexName, ProjectName
from tests.support.in_process import InProcess
from tests.support.polling import eventually_in_loop

MAIN, CHEDDAR = IndexName("main"), ProjectName("cheddar")


@pytest.fixture
async def served(tmp_path, upstream):
    upstream.wheel("cheddar", "1.0")
    async with InProcess(tmp_path / "data", upstream.url) as server:
        yield server


async def test_a_page_knows_of_the_refresh_it_was_made_by(served):
    first = await served.site.rendered.entry(MAIN, CHEDDAR)
    await served.site.catch_up()
    assert await served.site.rendered.entry(MAIN, CHEDDAR) is first


@pytest.mark.parametrize(("place", "later"), [("public", 1), ("internal", 0), ("internal", -1), ("", 0)])
async def test_a_page_does_not_know_of_later_changes_nor_of_other_sources(served, place, later):
    first = await served.site.rendered.entry(MAIN, CHEDDAR)
    served.site.rendered.forget(CHEDDAR, (place, first.screened.page.serial + later))
    assert await served.site.rendered.entry(MAIN, CHEDDAR) is not first


async def test_a_page_that_was_being_made_while_another_source_changed_is_not_kept(served, upstream):

    upstream.delay = 0.3
    making = asyncio.create_task(served.site.rendered.entry(MAIN, CHEDDAR))
    assert await eventually_in_loop(lambda: (MAIN, CHEDDAR) in served.site.rendered._making)
    served.site.rendered.forget(CHEDDAR, ("internal", 1))
    first = await making
    assert await served.site.rendered.entry(MAIN, CHEDDAR) is not first
