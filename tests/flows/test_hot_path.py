"""An answer given again is the same answer, costs nothing, and is never given when something has changed."""

import asyncio
import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.in_process import JSON, InProcess, head, undated
from tests.support.polling import eventually_in_loop

ACCEPT = f"Accept: {JSON}"


@pytest.fixture
async def served(tmp_path, upstream):
    upstream.wheel("cheddar", "1.0", padding=20_000)
    upstream.wheel("cheddar", "1.1", padding=300_000)
    for minor in range(30):
        upstream.wheel("gouda", f"1.{minor}")
    async with InProcess(tmp_path / "data", upstream.url) as server:
        yield server


def body_of(answer):
    return answer.partition(b"\r\n\r\n")[2]


async def rows_of(served, project, index="main"):
    return json.loads(body_of(await served.ask(head(f"/{index}/simple/{project}/", ACCEPT))))["files"]


async def etag_of(served, path, *lines):
    return re.search(rb"ETag: ([^\r]+)", await served.ask(head(path, *lines)))[1].decode()


async def settled(served, *paths):
    """Ask until nothing is fetched, found out or written any more."""
    while True:
        before = len(served.statements)
        for path in paths:
            await served.ask(head(path, "X-Settling: yes"))
        await asyncio.sleep(0.1)
        if len(served.statements) == before:
            return


async def requests_of(served):
    """Requests of every kind that is remembered, for files that were fetched."""
    page, (small, large) = "/main/simple/gouda/", [row["url"] for row in await rows_of(served, "cheddar")]
    await settled(served, page, small, large, small + ".metadata")
    return {
        "json": head(page, ACCEPT),
        "html": head(page),
        "gzip": head(page, ACCEPT, "Accept-Encoding: gzip"),
        "zstd": head(page, "Accept-Encoding: zstd"),
        "not modified": head(page, ACCEPT, f"If-None-Match: {await etag_of(served, page, ACCEPT)}"),
        "head of a page": head(page, ACCEPT, method="HEAD"),
        "default index": head("/simple/gouda/", ACCEPT),
        "format": head(page + "?format=" + JSON.replace("+", "%2B")),
        "root": head("/main/simple/", ACCEPT),
        "root, gzip": head("/main/simple/", "Accept-Encoding: gzip"),
        "small file": head(small),
        "small file, head": head(small, method="HEAD"),
        "range of a small file": head(small, "Range: bytes=5-99"),
        "range of a large file": head(large, "Range: bytes=-100"),
        "outside of a file": head(small, "Range: bytes=900000-"),
        "file not modified": head(small, f"If-None-Match: {await etag_of(served, small)}"),
        "metadata": head(small + ".metadata"),
        "kept alive by name": head(page, "Connection: keep-alive"),
    }


async def test_both_ways_answer_the_same_bytes_and_the_hot_one_asks_nothing(served):
    for name, request in (await requests_of(served)).items():
        ordinary = await served.ask(request)
        await served.settled()
        await served.ask(request)
        await served.ask(request)
        handled, statements = served.handled, len(served.statements)
        hot = await served.ask(request)
        assert undated(hot) == undated(ordinary), name
        assert b"\r\nDate: " in hot, name
        assert served.handled == handled, name
        assert len(served.statements) == statements, name


async def test_the_ordinary_way_without_change_runs_no_statement(served):
    for name, request in (await requests_of(served)).items():
        await served.ask(request)
        await served.settled()
        await served.ask(request)
        handled, statements = served.handled, len(served.statements)
        await served.ask(request.replace(b"\r\n\r\n", b"\r\nX-Other: client\r\n\r\n"))
        assert served.handled == handled + 1, name
        assert len(served.statements) == statements, name


async def test_the_date_is_the_moment_of_the_answer(served):
    request = head("/main/simple/gouda/", ACCEPT)
    dates = set()

    async def three():
        dates.add(re.search(rb"Date: ([^\r]+)", await served.ask(request))[1])
        return len(dates) == 3

    assert await eventually_in_loop(three)


@pytest.mark.parametrize("path", ["/main/simple/gouda", "/main/simple/nothing-here/", "/-/health"])
async def test_what_was_not_marked_as_lasting_is_answered_anew(served, path):
    for _ in range(3):
        handled = served.handled
        await served.ask(head(path))
        assert served.handled == handled + 1


async def test_downloads_and_requests_are_counted_on_both_ways(served):
    url = (await rows_of(served, "cheddar"))[0]["url"]
    requests = served.site.counts.requests
    for _ in range(5):
        await served.ask(head(url, "User-Agent: pip/26"))
    await served.ask(head(url, "User-Agent: pip/26", method="HEAD"))
    noted = Counter()
    for (given, *_), times in served.site.noted.batch.downloads.items():
        noted[given.filename, given.agent, given.status] += times
    assert noted == {("cheddar-1.0-py3-none-any.whl", "pip/26", 200): 5}
    assert served.site.counts.requests == requests + 6


async def test_addresses_are_written_down_only_where_configured(tmp_path, upstream):
    upstream.wheel("cheddar", "1.0")
    async with InProcess(tmp_path / "data", upstream.url, record_address="full") as served:
        url = (await rows_of(served, "cheddar"))[0]["url"]
        for _ in range(3):
            await served.ask(head(url))
        assert {address for _, address, *_ in served.site.noted.batch.downloads} == {"127.0.0.1"}


async def test_pipelined_requests_are_all_answered_in_order(served):
    first, second = head("/main/simple/gouda/", ACCEPT), head("/main/simple/cheddar/", ACCEPT)
    alone = [undated(await served.ask(request)) for request in (first, second, first, second)]
    async with served.connection() as client:
        client.writer.write(first + second)
        client.writer.write(first)
        await asyncio.sleep(0.05)
        client.writer.write(second)
        assert [undated(await client.answer()) for _ in range(4)] == alone


async def test_a_head_in_pieces_is_answered_once_and_right(served):
    request = head("/main/simple/gouda/", ACCEPT)
    whole = undated(await served.ask(request))
    async with served.connection() as client:
        for cut in (1, 20, len(request) - 2):
            client.writer.write(request[:cut])
            await asyncio.sleep(0.05)
            client.writer.write(request[cut:])
            assert undated(await client.answer()) == whole
        assert undated(await client.ask(request)) == whole


async def test_bytes_that_could_be_read_as_two_requests_are_not_remembered_as_one(served):
    """Line ends without a carriage return, a body in a GET, and what follows them."""
    inner = head("/main/simple/cheddar/", ACCEPT)
    for outer in (
        b"GET /main/simple/gouda/ HTTP/1.1\nHost: a\n\n" + inner,
        head("/main/simple/gouda/", f"Content-Length: {len(inner)}") + inner,
        head("/main/simple/gouda/", "Content-Length: 0"),
        head("/main/simple/gouda/", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    ):
        answers = []
        for _ in range(3):
            handled = served.handled
            async with served.connection() as client:
                client.writer.write(outer)
                answers.append(undated(await client.answer()))
            assert served.handled > handled or b" 400 " in answers[-1]
        assert len(set(answers)) == 1


async def test_a_client_that_does_not_read_makes_nothing_pile_up(served):
    request = head("/main/simple/gouda/", ACCEPT)
    size = len(await served.ask(request))
    async with served.connection() as client:
        for _ in range(2000):
            client.writer.write(request)
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)
        waiting = [c.transport.get_write_buffer_size() for c in served.hot.connections if c.transport]
        assert max(waiting) < 64 * 1024 + 4 * size


async def test_one_projects_change_leaves_the_others_remembered(served, upstream):
    gouda, cheddar = head("/main/simple/gouda/", ACCEPT), head("/main/simple/cheddar/", ACCEPT)
    for _ in range(3):
        await served.ask(gouda)
        await served.ask(cheddar)
    upstream.wheel("brie", "1.0")
    await rows_of(served, "brie")
    await served.ask(head("/-/health"))
    handled = served.handled
    await served.ask(gouda)
    await served.ask(cheddar)
    assert served.handled == handled


async def test_a_token_counts_on_the_hot_way_as_on_the_ordinary(affineur, upstream):
    upstream.wheel("cheddar", "1.0")
    affineur.stop()
    affineur.config = affineur.data.parent / "closed.toml"
    affineur.config.write_text('[indexes.closed]\nsources = ["public"]\nanonymous = false\n')
    affineur.start()
    secret = affineur.token("closed", "read")
    made = affineur.command("token", "list", "--format", "json").stdout
    asked = {"headers": {"Accept": JSON}, "auth": ("__token__", secret)}
    for _ in range(3):
        assert affineur.get("/closed/simple/cheddar/", **asked).status_code == 200
        assert affineur.get("/closed/simple/cheddar/", headers={"Accept": JSON}).status_code == 401
        assert affineur.get("/closed/simple/cheddar/", auth=("__token__", "x" + secret)).status_code == 401
    affineur.command("token", "revoke", json.loads(made)[0]["id"])
    assert affineur.get("/closed/simple/cheddar/", **asked).status_code == 401


def fresh_answers(affineur, path):
    """Ask so often that the last answer is a remembered one."""
    for _ in range(3):
        answer = affineur.get(path, headers={"Accept": JSON})
    return answer


def test_every_change_is_seen_by_the_next_request(affineur, upstream):
    from tests.support.distributions import wheel_bytes, wheel_name

    token = affineur.token("internal", "upload,read")
    for minor in range(3):
        filename = wheel_name("gouda", f"1.{minor}")
        answer = affineur.upload(filename, wheel_bytes("gouda", f"1.{minor}"), token=token)
        assert answer.status_code == 200, answer.text
        files = fresh_answers(affineur, "/main/simple/gouda/").json()["files"]
        assert [row["filename"] for row in files][-1] == filename
        listed = fresh_answers(affineur, "/main/simple/").json()
        assert [row["name"] for row in listed["projects"]] == ["gouda"]
        assert (
            listed["meta"]["_last-serial"]
            == fresh_answers(affineur, "/main/simple/gouda/").json()["meta"]["_last-serial"]
        )
    affineur.command("withdraw", "yank", "gouda==1.0", "--reason", "broken")
    assert affineur.page("gouda")["files"][0]["yanked"] == "broken"


def test_a_refresh_of_the_upstream_is_seen_by_the_next_request(tmp_path, upstream):
    from tests.support.server import Affineur

    server = Affineur(tmp_path / "data", upstream.url, AFFINEUR_FRESH_FOR="1", AFFINEUR_PATIENCE="10").start()
    try:
        upstream.wheel("cheddar", "1.0")
        assert len(fresh_answers(server, "/main/simple/cheddar/").json()["files"]) == 1
        upstream.wheel("cheddar", "1.1")
        asyncio.run(asyncio.sleep(1.1))
        assert len(server.page("cheddar")["files"]) == 2
    finally:
        server.stop()


async def test_a_remembered_page_changes_at_the_moment_time_changes_it(tmp_path, upstream):
    moment = datetime.now(UTC) + timedelta(seconds=4)
    upstream.wheel("cheddar", "1.0")
    uploaded = (moment - timedelta(days=1)).isoformat().replace("+00:00", "Z")
    upstream.wheel("cheddar", "1.1", keys={"upload-time": uploaded})
    configuration = tmp_path / "held.toml"
    configuration.write_text("[policies.standard]\ncooldown = { days = 1 }\n")
    async with InProcess(tmp_path / "data", upstream.url, path=configuration) as served:
        page = head("/main/simple/cheddar/", ACCEPT)
        rows = await rows_of(served, "cheddar")
        while datetime.now(UTC) < moment - timedelta(seconds=0.3):
            answer = json.loads(body_of(await served.ask(page)))["files"][1]
            assert answer["yanked"]
            assert b" 403 " in (await served.ask(head(rows[1]["url"]))).partition(b"\r\n")[0]
            await asyncio.sleep(0.1)
        handled = served.handled
        await served.ask(page)
        assert served.handled == handled, "what changes is a remembered answer"
        await asyncio.sleep((moment - datetime.now(UTC)).total_seconds() + 0.05)
        assert json.loads(body_of(await served.ask(page)))["files"][1]["yanked"] is False
        assert b" 200 " in (await served.ask(head(rows[1]["url"]))).partition(b"\r\n")[0]


async def test_bytes_dropped_from_the_store_are_fetched_again(served, upstream):
    url = (await rows_of(served, "cheddar"))[1]["url"]
    whole = body_of(await served.ask(head(url)))
    await served.ask(head(url))
    for blob in (served.app.config.data_path / "blobs").rglob("*"):
        if blob.is_file() and blob.stat().st_size == len(whole):
            blob.unlink()
    assert body_of(await served.ask(head(url, "X-Again: 1"))) == whole


async def test_a_page_asked_for_by_many_at_once_is_made_and_rendered_once(served, upstream):
    request = head("/main/simple/gouda/", ACCEPT, "Accept-Encoding: gzip")
    answers = await asyncio.gather(*[served.ask(request) for _ in range(32)])
    assert len({undated(answer) for answer in answers}) == 1
    assert len(upstream.asked("/simple/gouda/")) == 1
    entry = await served.site.rendered.entry("main", "gouda")
    (rendering,) = entry.renderings.values()
    (answer,) = [answer for answer in served.site.rendered.memory._answers.values() if answer.key == ("main", "gouda")]
    hanging = len(rendering.body) + answer.weight
    assert entry.weight == 1600 * 31 + hanging


def test_every_process_of_the_machine_sees_a_change_at_once(tmp_path, upstream):
    from tests.support.distributions import wheel_bytes, wheel_name
    from tests.support.server import Affineur

    server = Affineur(tmp_path / "data", upstream.url).start("--workers", "3")
    try:
        token = server.token("internal", "upload,read")
        for minor in range(3):
            filename = wheel_name("gouda", f"1.{minor}")
            server.upload(filename, wheel_bytes("gouda", f"1.{minor}"), token=token).raise_for_status()
            # Each look is a connection of its own, so that all processes have their turn.
            seen = [len(server.page("gouda")["files"]) for _ in range(30)]
            assert seen == [minor + 1] * 30
    finally:
        server.stop()


def test_a_file_that_is_refused_from_now_on_is_not_given_once_more(affineur, upstream, tmp_path):
    from tests.support.advisories import malware, raw

    for version in ("1.0", "1.1"):
        upstream.wheel("cheddar", version)
    good, bad = affineur.page("cheddar")["files"]
    for _ in range(4):
        assert affineur.get(bad["url"]).status_code == affineur.get(bad["url"] + ".metadata").status_code == 200
    feed = tmp_path / "feed.json"
    feed.write_bytes(raw(malware("MAL-2026-1", "cheddar", ["1.1"])))
    affineur.command("advisories", "import", str(feed))
    assert affineur.get(bad["url"]).status_code == 403
    assert [bool(row["yanked"]) for row in affineur.page("cheddar")["files"]] == [False, True]
    assert affineur.get(good["url"]).status_code == 200
