"""Pages over time: revalidated, refreshed beside requests, served stale, and nothing forgotten."""

import asyncio
import time

import pytest

from affineur.errors import ProjectUnknown, UpstreamUnavailable
from tests.support import misbehaviour as bad
from tests.support.polling import eventually_in_loop


async def test_fresh_page_is_not_asked_for_again(mirror, upstream):
    upstream.wheel("cheddar", "1.0")
    for _ in range(5):
        await mirror.page("cheddar")
    assert len(upstream.log) == 1


@pytest.mark.parametrize("validator", ["ETag", "Last-Modified"])
async def test_old_page_is_revalidated(mirror, upstream, validator):
    upstream.wheel("cheddar", "1.0")
    upstream.validators = validator
    await mirror.page("cheddar")
    await mirror.stale("cheddar")
    page = await mirror.page("cheddar")
    asked = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}[validator]
    assert [value is not None for value in upstream.told("/simple/", asked)] == [False, True]
    assert upstream.answers == [200, 304]
    assert page.stale_since is None
    assert len(page.files) == 1
    assert len(await mirror.events("page.refreshed")) == 1


async def test_new_release_is_seen_after_the_refresh(mirror, upstream):
    upstream.wheel("cheddar", "1.0")
    await mirror.page("cheddar")
    upstream.wheel("cheddar", "2.0")
    assert len((await mirror.page("cheddar")).files) == 1
    await mirror.stale("cheddar")
    assert len((await mirror.page("cheddar")).files) == 2


async def lists(mirror, name, count):
    try:
        return len((await mirror.page(name)).files) == count
    except ProjectUnknown:
        return False


async def test_slow_upstream_delays_nobody_and_is_heard_in_the_end(mirror, upstream):
    upstream.wheel("cheddar", "1.0")
    await mirror.page("cheddar")
    await mirror.stale("cheddar")
    upstream.wheel("cheddar", "2.0")
    upstream.delay = 0.5
    began = time.monotonic()
    page = await mirror.page("cheddar")
    assert time.monotonic() - began < 0.5
    assert page.stale_since is not None
    assert len(page.files) == 1
    assert await eventually_in_loop(lambda: lists(mirror, "cheddar", 2))
    assert len(upstream.log) <= 3


async def test_dead_upstream_is_served_from_what_is_held(mirror, upstream):
    filename = upstream.wheel("cheddar", "1.0")
    body = await mirror.read("cheddar", filename)
    await mirror.stale("cheddar")
    upstream.stop()
    page = await mirror.page("cheddar")
    assert page.stale_since is not None
    assert await mirror.read("cheddar", filename) == body
    with pytest.raises(UpstreamUnavailable):
        await mirror.page("gouda")


async def test_unknown_name_is_remembered_for_a_while(mirrors, upstream):
    mirror = mirrors(upstream.url, unknown_for=0.3)
    for _ in range(5):
        with pytest.raises(ProjectUnknown):
            await mirror.page("nothing")
    assert len(upstream.log) == 1
    upstream.wheel("nothing", "1.0")
    assert await eventually_in_loop(lambda: lists(mirror, "nothing", 1))


async def test_memory_for_unknown_names_is_bounded(mirror, monkeypatch):
    monkeypatch.setattr("affineur.sources.mirrored._MOST_UNKNOWN_NAMES", 10)
    for number in range(30):
        mirror.source._remember_unknown(f"name{number}")
    assert len(mirror.source._unknown) == 10


@pytest.mark.parametrize("gone", ["file", "project"])
async def test_file_deleted_upstream_stays_installable_and_says_so(mirror, upstream, gone):
    filename = upstream.wheel("cheddar", "1.0")
    upstream.wheel("cheddar", "2.0")
    body = await mirror.read("cheddar", filename)
    if gone == "file":
        del upstream.projects["cheddar"][filename]
    else:
        del upstream.projects["cheddar"]
    del upstream.bodies[filename]
    await mirror.stale("cheddar")
    file = (await mirror.page("cheddar")).file(filename)
    assert file.vanished is not None
    assert await mirror.read("cheddar", filename) == body
    assert filename in (await mirror.events("page.refreshed"))[-1].data["vanished"]
    assert len(await mirror.events("page.refreshed")) == 2


async def test_one_request_for_all_who_want_a_page(mirror, upstream):
    upstream.wheel("cheddar", "1.0")
    upstream.delay = 0.2
    pages = await asyncio.gather(*(mirror.page("cheddar") for _ in range(50)))
    assert len(upstream.log) == 1
    assert {len(page.files) for page in pages} == {1}


async def test_a_client_that_leaves_does_not_end_the_refresh(mirror, upstream):
    upstream.wheel("cheddar", "1.0")
    upstream.delay = 0.2
    leaving = asyncio.create_task(mirror.page("cheddar"))
    staying = asyncio.create_task(mirror.page("cheddar"))
    assert await eventually_in_loop(lambda: upstream.log)
    leaving.cancel()
    assert (await staying).files


async def test_offline_asks_nobody(mirrors, upstream):
    filename = upstream.wheel("cheddar", "1.0")
    body = await mirrors(upstream.url).read("cheddar", filename)
    asked = len(upstream.log)
    offline = mirrors(upstream.url, offline=True, fresh_for=0)
    assert await offline.read("cheddar", filename) == body
    with pytest.raises(UpstreamUnavailable):
        await offline.page("gouda")
    assert len(upstream.log) == asked


async def test_errors_of_one_project_are_not_the_word_on_another(mirror, upstream):
    upstream.overrides["/simple/broken/"] = bad.error_page()
    upstream.wheel("cheddar", "1.0")
    for _ in range(5):
        with pytest.raises(Exception, match="not a page"):
            await mirror.page("broken")
    assert (await mirror.page("cheddar")).files
