"""A cold file: one fetch for all, verified before its last byte, pinned for ever."""

import asyncio
import contextlib
import hashlib

import pytest

from affineur.errors import AffineurError, DigestMismatch, UpstreamBroken, UpstreamUnavailable
from affineur.model.files import File
from affineur.sources.fetch import Fetch
from tests.support import misbehaviour as bad
from tests.support.distributions import wheel_bytes
from tests.support.polling import eventually_in_loop

SIZE = 400_000


async def drained(body, into):
    """Read a body into a list, so that what came before a failure can be looked at."""
    async for chunk in body.read():
        into.append(chunk)


async def settled(mirror, kind, count=1):
    """Wait for entries of the ledger that are made in the background."""
    for _ in range(200):
        if len(found := await mirror.events(kind)) >= count:
            return found
        await asyncio.sleep(0.01)
    return found


async def test_one_fetch_for_all_who_ask(mirror, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    upstream.rate = 4_000_000
    bodies = await asyncio.gather(*(mirror.read("cheddar", filename) for _ in range(32)))
    assert set(bodies) == {upstream.bodies[filename]}
    assert len(upstream.asked("/files/")) == 1
    assert len(upstream.asked("/simple/")) == 1


async def test_first_bytes_arrive_long_before_the_last(mirror, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    upstream.rate = SIZE
    body = await mirror.open("cheddar", filename)
    first = await anext(body.read())
    assert 0 < len(first) < SIZE / 4
    assert len(await mirror.held()) == 0


async def test_the_fetch_outlives_the_client_that_hangs_up(mirror, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    upstream.rate = SIZE
    reading = (await mirror.open("cheddar", filename)).read()
    await anext(reading)
    await reading.aclose()
    assert await mirror.read("cheddar", filename) == upstream.bodies[filename]
    assert len(upstream.asked("/files/")) == 1


def flipped(good):
    return good[: len(good) // 2] + bytes([good[len(good) // 2] ^ 1]) + good[len(good) // 2 + 1 :]


WRONG = {
    "one bit": lambda good: bad.other_bytes(flipped(good)),
    "last byte": lambda good: bad.other_bytes(good[:-1] + b"?"),
    "cut short": lambda good: bad.cut(good, len(good) - 1),
    "cut in the middle": lambda good: bad.cut(good, len(good) // 2),
    "reset": lambda good: bad.reset(good, len(good) // 2),
    "stalling": lambda good: bad.stall(good, len(good) // 2, 3),
    "ends early without a length": lambda good: bad.without_length(good[:-9]),
    "more than promised": lambda good: bad.without_length(good + b"more"),
    "states too much": lambda good: bad.lying(good, len(good) + 9),
    "states too little": lambda good: bad.lying(good, len(good) - 9),
    "error page": lambda good: bad.error_page(),
    "gzip in silence": lambda good: bad.zipped_in_silence(good, "application/octet-stream"),
    "forbidden": lambda good: bad.status(403, b"no"),
    "gone": lambda good: bad.status(404, b"no"),
    "nothing": lambda good: bad.other_bytes(b""),
}


@pytest.mark.parametrize("form", ["json", "html"])
@pytest.mark.parametrize("case", WRONG)
async def test_wrong_bytes_are_not_completed_nor_stored_and_the_next_request_tries_again(mirror, upstream, case, form):
    upstream.form = form
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    good = upstream.bodies[filename]
    upstream.overrides[f"/files/{filename}"] = WRONG[case](good)
    came = []
    with pytest.raises(UpstreamBroken):
        await drained(await mirror.open("cheddar", filename), came)
    assert b"".join(came) != good
    assert await mirror.held() == set()
    assert list(mirror.blobs.staging().iterdir()) == []
    (told,) = await settled(mirror, "fetch.failed")
    assert told.data["filename"] == filename
    del upstream.overrides[f"/files/{filename}"]
    assert await mirror.read("cheddar", filename) == good


async def test_the_ledger_names_both_hashes_and_does_not_repeat_itself(mirror, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    good, wrong = upstream.bodies[filename], flipped(upstream.bodies[filename])
    upstream.bodies[filename] = wrong
    for _ in range(3):
        with pytest.raises(DigestMismatch):
            await mirror.read("cheddar", filename)
    (told,) = await settled(mirror, "fetch.failed")
    assert hashlib.sha256(good).hexdigest() in told.data["problem"]
    assert hashlib.sha256(wrong).hexdigest() in told.data["problem"]


class FaultInTheMiddle:
    """An upstream connection that fails, in a way nobody foresaw, within a body of unknown length."""

    base = "http://127.0.0.1/"
    status, content_length = 200, None

    @contextlib.asynccontextmanager
    async def get(self, address, headers, *, raw):
        yield self

    @property
    def content(self):
        return self

    async def iter_any(self):
        yield b"PK\x03\x04" + bytes(100)
        raise RuntimeError("a fault of ours")


async def test_a_fault_that_nobody_foresaw_does_not_end_a_file_as_if_it_were_whole(tmp_path):
    async def keep(fetch, *, arrived):
        return None

    file = File("cheddar-1.0-py3-none-any.whl", "1.0", {"sha256": "0" * 64}, url="http://127.0.0.1/x")
    fetch = Fetch(FaultInTheMiddle(), file, tmp_path / "x.part", keep)
    with pytest.raises(AffineurError, match=r"cheddar-1\.0"):
        await drained(fetch, [])
    with pytest.raises(AffineurError, match=r"cheddar-1\.0"):
        await fetch.wait()
    assert list(tmp_path.iterdir()) == []


async def test_a_dead_file_host_is_unavailable_not_broken(mirror, upstream):
    filename = upstream.wheel("cheddar", "1.0")
    await mirror.page("cheddar")
    upstream.stop()
    with pytest.raises(UpstreamUnavailable):
        await mirror.read("cheddar", filename)
    assert await mirror.events("fetch.failed") == []


async def test_file_without_a_stated_length_or_size_arrives(mirror, upstream):
    upstream.form = "html"
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    upstream.overrides[f"/files/{filename}"] = bad.without_length(upstream.bodies[filename])
    assert await mirror.read("cheddar", filename) == upstream.bodies[filename]


async def test_an_announced_encoding_of_an_archive_is_left_alone(mirror, upstream):
    filename = upstream.sdist("cheddar", "1.0")
    body = upstream.bodies[filename]
    upstream.overrides[f"/files/{filename}"] = lambda h: h.answer(200, body, {"Content-Encoding": "gzip"})
    assert await mirror.read("cheddar", filename) == body


async def test_size_learnt_with_the_file_is_on_the_page(mirror, upstream):
    upstream.form = "html"
    filename = upstream.wheel("cheddar", "1.0")
    assert (await mirror.page("cheddar")).file(filename).size is None
    await mirror.read("cheddar", filename)
    assert (await mirror.page("cheddar")).file(filename).size == len(upstream.bodies[filename])


# what was seen once


async def test_another_hash_is_refused_reported_and_the_first_bytes_go_on(mirror, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    first = await mirror.read("cheddar", filename)
    upstream.add("cheddar", filename, wheel_bytes("cheddar", "1.0", files={"evil.py": b"1"}))
    await mirror.stale("cheddar")
    file = (await mirror.page("cheddar")).file(filename)
    assert file.sha256 == hashlib.sha256(first).hexdigest()
    assert "first one seen stands" in file.conflict
    assert (await mirror.events("page.refreshed"))[-1].data["conflicting"] == [filename]
    assert await mirror.read("cheddar", filename) == first


async def test_the_pin_outlives_the_bytes(mirror, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    first = await mirror.read("cheddar", filename)
    await mirror.blobs.remove(hashlib.sha256(first).hexdigest())
    upstream.add("cheddar", filename, wheel_bytes("cheddar", "1.0", files={"evil.py": b"1"}))
    await mirror.stale("cheddar")
    with pytest.raises(UpstreamBroken):
        await mirror.read("cheddar", filename)
    upstream.add("cheddar", filename, first)
    assert await mirror.read("cheddar", filename) == first


async def test_hash_found_out_is_pinned_like_a_stated_one(mirror, upstream):
    upstream.form, upstream.hashes = "html", False
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    first = await mirror.read("cheddar", filename)
    file = (await mirror.page("cheddar")).file(filename)
    assert (file.sha256, file.size) == (hashlib.sha256(first).hexdigest(), len(first))
    await mirror.blobs.remove(file.sha256)
    upstream.bodies[filename] = wheel_bytes("cheddar", "1.0", files={"evil.py": b"1"}, padding=SIZE)
    with pytest.raises(UpstreamBroken):
        await mirror.read("cheddar", filename)


async def test_hash_found_out_survives_a_refresh_that_began_before(mirror, upstream):
    upstream.form, upstream.hashes = "html", False
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    await mirror.page("cheddar")
    upstream.wheel("cheddar", "2.0")
    upstream.delay = 0.2
    asked = len(upstream.log)
    refresh = asyncio.create_task(mirror.source.refresh("cheddar"))
    assert await eventually_in_loop(lambda: len(upstream.log) > asked)
    upstream.delay = 0
    first = await mirror.read("cheddar", filename)
    await refresh
    page = await mirror.page("cheddar")
    assert len(page.files) == 2
    assert page.file(filename).sha256 == hashlib.sha256(first).hexdigest()


async def test_what_a_page_says_of_an_unhashed_file_is_not_taken_from_an_error_page(mirror, upstream):
    upstream.form, upstream.hashes = "html", False
    filename = upstream.wheel("cheddar", "1.0")
    upstream.overrides[f"/files/{filename}"] = bad.error_page()
    with pytest.raises(UpstreamBroken):
        await mirror.read("cheddar", filename)
    assert (await mirror.page("cheddar")).file(filename).sha256 is None


# several processes: each mirror stands for one


async def test_processes_of_a_machine_share_a_fetch(mirrors, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    upstream.rate = 2_000_000
    both = [mirrors(upstream.url) for _ in range(3)]
    bodies = await asyncio.gather(*(mirror.read("cheddar", filename) for mirror in both for _ in range(4)))
    assert set(bodies) == {upstream.bodies[filename]}
    assert len(upstream.asked("/files/")) == 1


async def test_followers_of_a_fetch_get_bytes_as_they_come(mirrors, upstream):
    upstream.form = "html"
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    upstream.rate = SIZE
    leader, follower = mirrors(upstream.url), mirrors(upstream.url)
    await anext((await leader.open("cheddar", filename)).read())
    body = await follower.open("cheddar", filename)
    first = await anext(body.read())
    assert 0 < len(first) < SIZE / 2
    assert len(upstream.asked("/files/")) == 1


async def test_a_follower_goes_on_where_the_process_before_it_died(mirrors, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    upstream.rate = SIZE
    leader, follower = mirrors(upstream.url), mirrors(upstream.url)
    await anext((await leader.open("cheddar", filename)).read())
    body = await follower.open("cheddar", filename)
    came = []
    reading = asyncio.create_task(drained(body, came))
    await asyncio.sleep(0.3)
    (fetch,) = leader.source.files._fetching.values()
    fetch.task.cancel()
    await reading
    assert b"".join(came) == upstream.bodies[filename]
    assert [spec is not None for spec in upstream.told("/files/", "Range")] == [False, True]


@pytest.mark.parametrize("ranges", [True, False])
async def test_what_a_dead_process_left_is_continued(mirror, upstream, ranges):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    good = upstream.bodies[filename]
    if not ranges:
        upstream.overrides[f"/files/{filename}"] = bad.other_bytes(good)
    partial = mirror.blobs.staging() / f"{hashlib.sha256(good).hexdigest()}.part"
    partial.write_bytes(good[:100_000])
    assert await mirror.read("cheddar", filename) == good
    assert upstream.told("/files/", "Range") == ["bytes=100000-"]


@pytest.mark.parametrize("left", [100_000, SIZE + 100_000, None])
async def test_what_a_dead_process_left_is_never_trusted(mirror, upstream, left):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    good = upstream.bodies[filename]
    partial = mirror.blobs.staging() / f"{hashlib.sha256(good).hexdigest()}.part"
    partial.write_bytes(b"\0" * (left or len(good)))
    with pytest.raises(UpstreamBroken):
        await mirror.read("cheddar", filename)
    assert await mirror.read("cheddar", filename) == good


async def test_a_whole_file_left_behind_needs_no_second_transfer(mirror, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    good = upstream.bodies[filename]
    (mirror.blobs.staging() / f"{hashlib.sha256(good).hexdigest()}.part").write_bytes(good)
    assert await mirror.read("cheddar", filename) == good
    assert upstream.asked("/files/") == []


async def test_followers_of_a_fetch_that_fails_fail_too(mirrors, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    good = upstream.bodies[filename]
    upstream.bodies[filename] = flipped(good)
    upstream.rate = SIZE * 2
    leader, follower = mirrors(upstream.url), mirrors(upstream.url)
    results = await asyncio.gather(
        *(mirror.read("cheddar", filename) for mirror in (leader, follower)), return_exceptions=True
    )
    assert all(isinstance(result, AffineurError) for result in results)
    assert await leader.held() == set()
