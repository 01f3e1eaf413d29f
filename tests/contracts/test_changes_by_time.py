"""What time alone changes is judged again at its moment, without a request, on both databases."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from affineur.model.names import IndexName, ProjectName
from affineur.model.waivers import Scope, Waiver, WaiverState
from affineur.storage.catalog import decisions, jobs, ledger, waivers
from affineur.storage.catalog.database import Catalog
from affineur.worker import Worker
from tests.support.in_process import InProcess
from tests.support.moments import START
from tests.support.polling import eventually_in_loop

HOUR, SOON = timedelta(hours=1), timedelta(seconds=3)
MAIN = IndexName("main")


def outcome(project="gouda", *, index="main", changes_at=None, **more):
    return decisions.Outcome(index, project, "r1", START, {"a.whl": "too young"}, changes_at=changes_at, **more)


def waiting(catalog):
    return [job.arguments for job in catalog.read_now(jobs.listed) if job.kind == "reevaluate"]


def test_a_project_falls_due_at_its_moment_and_once(catalog, at):
    at(START, decisions.record, [outcome(changes_at=START + HOUR), outcome("brie")], {})
    assert not catalog.read_now(decisions.changing, START + HOUR - timedelta(seconds=1))
    assert at(START + HOUR - timedelta(seconds=1), decisions.fall_due) == 0
    assert catalog.read_now(decisions.changing, START + HOUR)
    assert at(START + HOUR, decisions.fall_due) == 1
    assert waiting(catalog) == [{"index": "main", "projects": ["gouda"]}]
    assert not catalog.read_now(decisions.changing, START + 2 * HOUR)
    assert at(START + 2 * HOUR, decisions.fall_due) == 0


def test_the_moment_follows_the_last_judgement_though_nothing_else_changed(catalog, at):
    at(START, decisions.record, [outcome(changes_at=START + HOUR)], {})
    at(START, decisions.record, [outcome(changes_at=START + 3 * HOUR)], {})
    assert not catalog.read_now(decisions.changing, START + 2 * HOUR)
    assert catalog.read_now(decisions.changing, START + 3 * HOUR)
    at(START, decisions.record, [outcome()], {})
    assert not catalog.read_now(decisions.changing, START + 3 * HOUR)
    assert catalog.read_now(ledger.head) == 0


def test_those_that_fall_due_together_share_a_job_of_each_index(catalog, at):
    made = [
        outcome(f"cheese-{n:03}", index=index, changes_at=START) for n in range(150) for index in ("main", "public")
    ]
    at(START, decisions.record, made, {})
    assert at(START, decisions.fall_due) + at(START, decisions.fall_due) == 300
    assert not catalog.read_now(decisions.changing, START)
    told = [(job["index"], project) for job in waiting(catalog) for project in job["projects"]]
    assert sorted(told) == sorted((one.index, one.project) for one in made)
    assert len(waiting(catalog)) <= 4


def test_several_workers_have_each_judged_once(database_url, catalog, at):
    at(START, decisions.record, [outcome(f"cheese-{n:03}", changes_at=START) for n in range(300)], {})
    opened = [Catalog.open(database_url) for _ in range(3)]
    try:
        with ThreadPoolExecutor(3) as pool:
            made = list(pool.map(lambda one: sum(one.write_now(decisions.fall_due) for _ in range(3)), opened))
    finally:
        for one in opened:
            one.close()
    assert sum(made) == 300
    told = [project for job in waiting(catalog) for project in job["projects"]]
    assert len(told) == len(set(told)) == 300


@contextlib.asynccontextmanager
async def working(server):
    task = asyncio.create_task(Worker(server.app.context(), timetable=()).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def told(server, kind, project):
    """Wait for the ledger's entry of a kind about a project, and return what it says."""
    entries = await eventually_in_loop(lambda: server.app.catalog.read(ledger.after, 0, 1000, project, kind))
    return entries[0].event.data


def served(tmp_path, upstream, database_url):
    return InProcess(tmp_path / "data", upstream.url, database=database_url.replace("+psycopg", ""))


def upload(upstream, version, moment):
    return upstream.wheel("soft", version, keys={"upload-time": f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"})


async def refused(server):
    """What the index refuses of the project, judged now and noted."""
    screened = await server.site.rendered.screened(MAIN, ProjectName("soft"))
    await server.site.write_noted()
    return set(screened.refused)


async def test_a_file_whose_cooldown_ends_is_free_in_the_ledger_without_a_request(database_url, upstream, tmp_path):
    upstream.wheel("soft", "1.0")
    async with served(tmp_path, upstream, database_url) as server:
        young = upload(upstream, "2.0", datetime.now(UTC) - timedelta(days=3) + SOON)
        assert await refused(server) == {young}
        asked = len(upstream.log)
        async with working(server):
            assert (await told(server, "file.released", "soft"))["files"] == [young]
        assert len(upstream.log) == asked


async def test_a_file_whose_waiver_ends_is_refused_in_the_ledger_without_a_request(database_url, upstream, tmp_path):
    async with served(tmp_path, upstream, database_url) as server:
        now = datetime.now(UTC)
        young = upload(upstream, "2.0", now)
        waiver = Waiver("w1", Scope("soft", "==2.0"), "cooldown", "main", "ada", "wanted", now, now + SOON)
        await server.app.catalog.write(waivers.ask, waiver)
        await server.app.catalog.write(waivers.decide, "w1", WaiverState.GRANTED, "root", "")
        assert await refused(server) == set()
        async with working(server):
            assert list((await told(server, "file.quarantined", "soft"))["files"]) == [young]
