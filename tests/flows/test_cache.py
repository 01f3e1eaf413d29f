"""The cache: counted, shown, kept within its limit, put in order."""

import json
import os
import re
import time

import pytest
import requests

from affineur.model.names import IndexName, ProjectName
from affineur.sources.rendered import file_path
from affineur.storage.catalog import ledger
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.polling import eventually
from tests.support.server import Affineur

SIZE = 50_000


def fetch(server, project, index="public"):
    """Download every file of a project."""
    for row in server.page(project, index)["files"]:
        assert requests.get(server.file_url(row), timeout=30).status_code == 200


def report(server, source="public"):
    rows = json.loads(server.command("report", "cache", "--format", "json").stdout)
    return next(row for row in rows if row["source"] == source)


def figures(server):
    text = server.get("/-/metrics").text
    return {name: float(value) for name, value in re.findall(r'^(\w+)\{mirror="public"\} (\S+)$', text, re.MULTILINE)}


def held(server):
    """The digests in the blob folder."""
    return {path.name for path in (server.data / "blobs").glob("??/??/*")}


def test_hits_misses_and_bytes_are_counted_and_shown(affineur, upstream):
    body = upstream.bodies[upstream.wheel("cheddar", "1.0", padding=SIZE)]
    for _ in range(3):
        fetch(affineur, "cheddar")
    assert eventually(lambda: figures(affineur).get("affineur_cache_hits_total") == 2)
    assert report(affineur) == {
        "source": "public", "files": 1, "bytes": len(body), "pinned": 0,
        "hits": 2, "misses": 1, "bytes_saved": 2 * len(body), "bytes_fetched": len(body),
    }  # fmt: skip
    shown = figures(affineur)
    assert shown["affineur_cache_hits_total"] == 2
    assert shown["affineur_cache_misses_total"] == 1
    assert shown["affineur_cache_bytes_saved_total"] == 2 * len(body)
    assert shown["affineur_cache_bytes"] == len(body)
    assert "cheddar" not in affineur.command("report", "cache").stdout


def test_cache_is_kept_within_its_limit_by_what_was_used_last(affineur, upstream):
    files = {name: upstream.wheel(name, "1.0", padding=SIZE) for name in ("brie", "cheddar", "gouda")}
    sizes = [len(upstream.bodies[name]) for name in files.values()]
    for name in files:
        fetch(affineur, name)
        time.sleep(1.1)
    fetch(affineur, "brie")
    assert eventually(lambda: figures(affineur).get("affineur_cache_hits_total") == 1)
    out = affineur.command("prune", "--keep", str(sum(sizes) - 1), "--older-than", "0", "--yes").stdout
    assert f"file {files['cheddar']} given up" in out
    assert report(affineur)["files"] == 2
    assert report(affineur)["bytes"] == sum(sizes) - sizes[1]
    asked = len(upstream.asked("/files/"))
    fetch(affineur, "cheddar")
    assert len(upstream.asked("/files/")) == asked + 1
    assert report(affineur)["files"] == 3


@pytest.fixture
def attentive(tmp_path, upstream):
    """A server that asks the upstream for every page."""
    server = Affineur(tmp_path / "data", upstream.url, AFFINEUR_FRESH_FOR="0", AFFINEUR_PATIENCE="20")
    yield server.start()
    server.stop()


def test_what_the_upstream_offers_no_more_goes_only_by_command(attentive, upstream):
    affineur = attentive
    gone = upstream.wheel("cheddar", "1.0", padding=SIZE)
    offered = upstream.wheel("cheddar", "2.0", padding=SIZE)
    fetch(affineur, "cheddar")
    del upstream.projects["cheddar"][gone]
    vanished = {row["filename"]: "_vanished" in row for row in affineur.page("cheddar", "public")["files"]}
    assert vanished == {gone: True, offered: False}
    assert offered in affineur.command("prune", "--keep", "0", "--yes").stdout
    assert report(affineur)["files"] == 1
    fetch(affineur, "cheddar")
    assert gone in affineur.command("prune", "--keep", "0", "--vanished", "--yes").stdout
    assert report(affineur)["files"] == 0


def test_prune_finds_what_belongs_to_nothing_and_leaves_the_rest(affineur, upstream):
    upstream.wheel("cheddar", "1.0")
    fetch(affineur, "cheddar")
    token = affineur.token()
    affineur.upload(wheel_name("gouda", "1.0"), wheel_bytes("gouda", "1.0"), token=token)
    before = held(affineur)
    assert affineur.command("prune", "--check", "--older-than", "0").returncode == 0
    orphan = "ab" * 32
    place = affineur.data / "blobs" / "ab" / "ab" / orphan
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"orphan")
    leftover = affineur.data / "blobs" / "staging" / "x.part"
    leftover.write_bytes(b"left")
    folder = leftover.with_name("lock-x")
    (folder / "cache").mkdir(parents=True)
    assert affineur.command("prune", "--check").returncode == 0, "what is young may be in use"
    checked = affineur.command("prune", "--check", "--older-than", "0", check=False)
    assert checked.returncode == 3
    assert f"orphan {orphan} would be removed" in checked.stdout
    assert "leftover x.part would be removed" in checked.stdout
    assert place.exists()
    affineur.command("prune", "--older-than", "0", "--yes")
    assert held(affineur) == before
    assert not leftover.exists()
    assert not folder.exists()
    assert affineur.command("prune", "--check", "--older-than", "0").returncode == 0
    fetch(affineur, "cheddar")
    fetch(affineur, "gouda", "internal")


def test_prune_asks_before_it_removes(affineur):
    refused = affineur.command("prune", check=False, stdin="n\n")
    assert refused.returncode == 1


def test_bytes_that_are_lost_are_found_and_fetched_again(affineur, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=SIZE)
    fetch(affineur, "cheddar")
    digest = affineur.page("cheddar")["files"][0]["hashes"]["sha256"]
    os.unlink(affineur.data / "blobs" / digest[:2] / digest[2:4] / digest)
    checked = affineur.command("prune", "--check", check=False)
    assert checked.returncode == 3
    assert digest in checked.stdout
    affineur.command("prune", "--yes", check=False)
    fetch(affineur, "cheddar")
    assert len(upstream.asked(filename)) >= 2
    assert affineur.command("prune", "--check").returncode == 0


def test_cold_file_is_refused_while_the_disk_is_short_and_warm_ones_are_served(tmp_path, upstream):
    upstream.wheel("cheddar", "1.0")
    upstream.wheel("gouda", "1.0")
    server = Affineur(tmp_path / "data", upstream.url)
    server.start()
    fetch(server, "cheddar")
    server.stop()
    server.environment["AFFINEUR_MIN_FREE"] = str(2**60)
    server.start()
    fetch(server, "cheddar")
    answer = requests.get(server.file_url(server.page("gouda")["files"][0]), timeout=10)
    server.stop()
    assert answer.status_code == 507
    assert "min_free" in answer.reason


async def test_the_timetable_keeps_the_cache_within_its_limit(tmp_path, upstream):
    from affineur.operations.prune import CacheTrim, trim
    from affineur.storage.catalog import cache
    from affineur.worker import TIMETABLE
    from tests.support.in_process import InProcess, head

    assert "cache trim" in {row.operation for row in TIMETABLE}
    sizes = {}
    for name in ("brie", "cheddar", "gouda"):
        sizes[name] = len(upstream.bodies[upstream.wheel(name, "1.0", padding=SIZE)])
    limit = sum(sizes.values()) - 1
    async with InProcess(tmp_path / "data", upstream.url, cache_limit=limit) as served:
        context = served.app.context()
        for name in sizes:
            page = await served.site.rendered.entry(IndexName("public"), ProjectName(name))
            (file,) = page.screened.page.files
            await served.ask(head(file_path("public", name, file)))
            await served.settled()
            await trim(context, CacheTrim())
        assert 0 < await context.catalog.read(cache.total) <= limit * 0.9
        (event,) = [e.event for e in await context.catalog.read(ledger.after, 0, 1000, "", "cache.evicted")]
        assert event.data == {"files": 1, "bytes": sizes["brie"]}
