"""Jobs on both databases: the row is the truth, whoever dies."""

import asyncio
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from affineur.errors import Conflict, Invalid, NotFound
from affineur.model.jobs import State
from affineur.storage.catalog import jobs
from affineur.storage.catalog.database import Catalog
from affineur.worker import TIMETABLE, Worker
from tests.support.in_process import InProcess
from tests.support.moments import START
from tests.support.polling import eventually_in_loop, until
from tests.support.server import clean_environment

LEASE = jobs.LEASE.total_seconds()


def found(catalog, identifier):
    return catalog.read_now(jobs.find, identifier)


def test_a_job_goes_from_waiting_to_done(at, catalog):
    identifier = at(0, jobs.add, "inspect", {"sha256": "ab"})
    assert found(catalog, identifier).state is State.WAITING
    assert catalog.read_now(jobs.due, START)
    job = at(1, jobs.claim)
    assert (job.id, job.kind, job.arguments, job.state, job.attempts) == (
        identifier, "inspect", {"sha256": "ab"}, State.RUNNING, 1,
    )  # fmt: skip
    assert at(2, jobs.claim) is None
    assert at(3, jobs.finish, job)
    done = found(catalog, identifier)
    assert (done.state, done.ended_at) == (State.DONE, START + timedelta(seconds=3))
    assert not catalog.read_now(jobs.due, START + timedelta(days=1))


def test_priority_then_age_decides_and_a_delay_is_kept(at):
    at(0, jobs.add, "late", priority=5)
    at(1, jobs.add, "first", priority=1)
    at(2, jobs.add, "second", priority=1)
    at(3, jobs.add, "delayed", priority=0, delay=timedelta(seconds=60))
    assert [at(4, jobs.claim).kind for _ in range(3)] == ["first", "second", "late"]
    assert at(62, jobs.claim).kind != "delayed"
    assert at(63, jobs.claim).kind == "delayed"


def test_of_one_key_only_one_waits_or_runs(at):
    assert at(0, jobs.add, "refresh", key="refresh gouda")
    assert at(0, jobs.add, "refresh", key="refresh gouda") is None
    job = at(1, jobs.claim)
    assert at(1, jobs.add, "refresh", key="refresh gouda") is None
    at(2, jobs.finish, job)
    assert at(3, jobs.add, "refresh", key="refresh gouda")
    assert at(3, jobs.add, "refresh") and at(3, jobs.add, "refresh")


def test_a_job_is_added_with_its_change_or_not_at_all(catalog):
    def fails(change):
        jobs.add(change, "inspect")
        raise Invalid("no")

    with pytest.raises(Invalid):
        catalog.write_now(fails)
    assert catalog.read_now(jobs.listed) == []


def test_a_silent_worker_loses_its_job_and_its_late_writes_change_nothing(at, catalog):
    at(0, jobs.add, "inspect")
    slow = at(0, jobs.claim)
    assert at(LEASE - 1, jobs.claim) is None
    other = at(LEASE, jobs.claim)
    assert (other.id, other.attempts) == (slow.id, 2)
    assert not at(LEASE + 1, jobs.prolong, slow)
    assert not at(LEASE + 1, jobs.finish, slow)
    assert at(LEASE + 1, jobs.fail, slow, "too late") is None

    def write_something(change):
        jobs.add(change, "made by the slow one")
        jobs.fence(change, slow)

    with pytest.raises(Conflict, match="given to another worker"):
        at(LEASE + 2, write_something)
    assert [job.kind for job in catalog.read_now(jobs.listed)] == ["inspect"]
    at(LEASE + 2, jobs.fence, other)
    assert at(LEASE + 3, jobs.finish, other)


def test_a_worker_that_prolongs_keeps_its_job(at):
    at(0, jobs.add, "inspect")
    job = at(0, jobs.claim)
    for second in range(10, 200, 10):
        assert at(second, jobs.prolong, job)
        assert at(second, jobs.claim) is None


def test_a_failed_attempt_is_tried_again_after_pauses_that_double_until_none_is_left(at, catalog):
    identifier = at(0, jobs.add, "inspect", key="inspect ab")
    now, pauses = 0.0, []
    for attempt in range(1, jobs.MOST_ATTEMPTS + 1):
        job = at(now, jobs.claim)
        assert job.attempts == attempt
        state = at(now, jobs.fail, job, f"attempt {attempt} failed")
        due = found(catalog, identifier).due_at
        if state is State.WAITING:
            pauses.append((due - START).total_seconds() - now)
            assert at(now + pauses[-1] - 0.1, jobs.claim) is None
            now = (due - START).total_seconds()
    assert pauses == [5, 10, 20, 40]
    job = found(catalog, identifier)
    assert (job.state, job.problem) == (State.FAILED, "attempt 5 failed")
    assert at(now + 10**6, jobs.claim) is None
    assert at(now, jobs.add, "inspect", key="inspect ab"), "a failed job's key must be free again"


def test_a_failed_job_is_tried_again_when_asked(at):
    identifier = at(0, jobs.add, "inspect")
    at(0, jobs.fail, at(0, jobs.claim), "broken for good", final=True)
    assert at(1, jobs.claim) is None
    at(2, jobs.retry, identifier)
    assert at(2, jobs.claim).attempts == 1
    with pytest.raises(NotFound, match="no failed job"):
        at(3, jobs.retry, identifier)


def test_a_job_that_kills_its_worker_each_time_is_given_up(at, catalog):
    identifier = at(0, jobs.add, "inspect")
    for attempt in range(jobs.MOST_ATTEMPTS):
        assert at(attempt * LEASE, jobs.claim).attempts == attempt + 1
    assert at(10 * LEASE, jobs.claim) is None
    job = found(catalog, identifier)
    assert (job.state, job.problem) == (State.FAILED, "whoever did it died each time")


def test_a_job_given_back_is_begun_by_another_at_once_and_no_attempt_is_lost(at):
    at(0, jobs.add, "inspect")
    at(1, jobs.give_back, at(1, jobs.claim))
    assert at(1, jobs.claim).attempts == 1


def test_a_clock_set_back_leaves_no_job_behind(at):
    at(0, jobs.add, "inspect")
    at(86400, jobs.claim)
    assert at(3600, jobs.claim).attempts == 2, "its lease ends a day later than any lease taken now"
    assert at(0, jobs.fall_due, "tidy", timedelta(hours=1))
    assert at(86400, jobs.fall_due, "tidy", timedelta(hours=1))
    assert not at(0, jobs.fall_due, "tidy", timedelta(hours=1)), "it is set anew, not run"
    assert at(3601, jobs.fall_due, "tidy", timedelta(hours=1))


def test_a_lease_taken_by_a_clock_that_is_ahead_is_respected(at):
    at(0, jobs.add, "inspect")
    job = at(1, jobs.claim)
    assert at(0, jobs.claim) is None
    at(LEASE, jobs.prolong, job)
    assert at(1, jobs.claim) is None


def test_the_timetable_falls_due_once_a_period_and_once_when_missed(at):
    every = timedelta(hours=1)
    due = [second for second in range(0, 4 * 3600, 600) if at(second, jobs.fall_due, "tidy", every)]
    assert due == [0, 3600, 7200, 10800]
    assert [at(50 * 3600 + second, jobs.fall_due, "tidy", every) for second in (0, 1)] == [True, False]


def test_ended_jobs_are_forgotten_after_a_while(at, catalog):
    at(0, jobs.add, "old")
    at(0, jobs.finish, at(0, jobs.claim))
    at(100, jobs.add, "waiting")
    assert at(100, jobs.tidy, START + timedelta(seconds=50)) == 1
    assert [job.kind for job in catalog.read_now(jobs.listed)] == ["waiting"]
    assert catalog.read_now(jobs.counts) == {State.WAITING: 1}
    assert catalog.read_now(jobs.listed, State.DONE) == []


def test_whoever_waits_is_woken_after_the_commit(catalog):
    woken = []
    catalog.on_jobs(lambda identifiers: woken.extend((i, catalog.read_now(jobs.find, i).state) for i in identifiers))
    identifier = catalog.write_now(jobs.add, "inspect")
    assert woken == [(identifier, State.WAITING)]
    catalog.write_now(jobs.claim)
    assert len(woken) == 1


def test_many_workers_of_several_catalogs_do_each_job_once(database_url):
    opened = [Catalog.open(database_url) for _ in range(3)]
    for number in range(60):
        opened[0].write_now(jobs.add, "inspect", {"number": number})

    def drain(catalog):
        mine = []
        while (job := catalog.write_now(jobs.claim)) is not None:
            mine.append(job.arguments["number"])
            assert catalog.write_now(jobs.finish, job)
        return mine

    with ThreadPoolExecutor(3) as pool:
        shares = list(pool.map(drain, opened))
    assert sorted(number for share in shares for number in share) == list(range(60))
    assert opened[0].read_now(jobs.counts) == {State.DONE: 60}
    for catalog in opened:
        catalog.close()


def test_one_key_is_added_once_by_several_catalogs(database_url):
    opened = [Catalog.open(database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for number in range(20):
            made = list(pool.map(lambda c: c.write_now(jobs.add, "refresh", key=f"refresh {number}"), opened))
            assert sum(identifier is not None for identifier in made) == 1
    for catalog in opened:
        catalog.close()


WORKER = """
import asyncio, os, signal, sys
from pathlib import Path
import msgspec
from affineur.app import App
from affineur.config import load
from affineur.operations.operation import Operation
from affineur import worker

class Slow(msgspec.Struct, frozen=True):
    seconds: float
    marker: str

async def slow(context, request):
    with Path(request.marker).open("a") as marker:
        marker.write(f"{os.getpid()} begun\\n")
    await asyncio.sleep(request.seconds)
    with Path(request.marker).open("a") as marker:
        marker.write(f"{os.getpid()} done\\n")

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background

async def main():
    worker.OPERATIONS["slow"] = Operation("slow", Slow, slow)
    app = App(load(None, {"data": sys.argv[1], "database": sys.argv[2]}, {}))
    try:
        await worker.Worker(app.context(), timetable=()).run()
    finally:
        await app.close()

asyncio.run(main())
"""


class Workers:
    def __init__(self, data, address):
        self.data, self.address, self.processes = data, address, []

    def start(self):
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(self.data), self.address], env=clean_environment()
        )
        self.processes.append(process)
        return process

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def workers(tmp_path, database_url):
    sqlite = database_url.startswith("sqlite")
    made = Workers(tmp_path, "" if sqlite else database_url.replace("+psycopg", ""))
    yield made
    made.stop()


async def test_a_worker_that_is_told_to_stop_gives_its_job_to_another(workers, catalog, tmp_path):
    marker = tmp_path / "marker"
    first = workers.start()
    identifier = catalog.write_now(jobs.add, "slow", {"seconds": 600, "marker": str(marker)})
    assert await eventually_in_loop(lambda: marker.exists())
    first.send_signal(2)
    first.wait(10)
    assert found(catalog, identifier).state is State.WAITING
    second = workers.start()
    assert await eventually_in_loop(lambda: f"{second.pid} begun" in marker.read_text())
    assert found(catalog, identifier).attempts == 1


async def test_a_job_claimed_while_the_worker_is_told_to_stop_is_given_back(
    database_url, catalog, tmp_path, monkeypatch
):
    claim, claimed, told = jobs.claim, threading.Event(), threading.Event()

    def slowly(change):
        job = claim(change)
        claimed.set()
        told.wait(10)
        return job

    monkeypatch.setattr(jobs, "claim", slowly)
    address = database_url.replace("+psycopg", "")
    async with InProcess(tmp_path, "", database="" if address.startswith("sqlite") else address) as server:
        identifier = catalog.write_now(jobs.add, "job tidy")
        working = asyncio.create_task(Worker(server.app.context(), timetable=()).run())
        assert await eventually_in_loop(claimed.is_set)
        working.cancel()
        await asyncio.sleep(0)
        told.set()
        await asyncio.gather(working, return_exceptions=True)
    job = found(catalog, identifier)
    assert (job.state, job.attempts) == (State.WAITING, 0)


@pytest.mark.long
async def test_a_job_of_a_killed_worker_is_done_by_another_when_the_lease_ends(workers, catalog, tmp_path):
    marker = tmp_path / "marker"
    first, identifier = workers.start(), catalog.write_now(
        jobs.add, "slow", {"seconds": 3, "marker": str(marker)}
    )  # fmt: skip
    assert await eventually_in_loop(lambda: marker.exists())
    first.kill()
    first.wait()
    second = workers.start()
    assert await eventually_in_loop(lambda: found(catalog, identifier).state is State.DONE, seconds=LEASE + 20)
    lines = marker.read_text().splitlines()
    assert lines == [f"{first.pid} begun", f"{second.pid} begun", f"{second.pid} done"]


def test_the_server_runs_jobs_and_the_timetable(affineur):
    """Each row of the timetable has become one job, and it is done: the first time is now."""
    wanted = {row.operation for row in TIMETABLE}

    def listed():
        return json.loads(affineur.command("job", "list", "--format", "json").stdout)

    until(lambda: wanted <= {row["kind"] for row in listed() if row["state"] == "done"}, seconds=60)
    told = [(row["kind"], row["state"], row["attempts"]) for row in listed() if row["kind"] in wanted]
    assert sorted(told) == sorted((name, "done", 1) for name in wanted)
