"""Work in the background that fails on a real server: seen from outside, begun again, and done in the end."""

import contextlib
import json
import sqlite3
import time

from affineur.client import Client
from tests.support.polling import eventually

JOB = (
    "INSERT INTO jobs (id, kind, arguments, priority, state, added_at, due_at, attempts, owner, problem)"
    " VALUES ('broken', 'job tidy', ?, -5, 'waiting', ?, ?, 0, '', '')"
)
"""One that goes before all others."""


def write(server, statement, *values):
    with contextlib.closing(sqlite3.connect(server.data / "catalog.db", timeout=30)) as database, database:
        database.execute(statement, values)


def failing(server):
    return server.get("/-/ready").json()["failing"]


def figure(server, name, work):
    wanted = f'{name}{{work="{work}"}} '
    return next(
        float(line.removeprefix(wanted))
        for line in server.get("/-/metrics").text.splitlines()
        if line.startswith(wanted)
    )


def test_a_fault_is_told_and_work_goes_on_afterwards(affineur):
    assert failing(affineur) == []
    assert figure(affineur, "affineur_faults_total", "working on jobs") == 0
    write(affineur, JOB, "{ this is not JSON", time.time(), time.time())
    assert eventually(lambda: figure(affineur, "affineur_faults_total", "working on jobs") >= 2, seconds=60)
    assert eventually(lambda: failing(affineur) == ["working on jobs"], seconds=60)
    assert affineur.get("/-/ready").status_code == 200  # what is asked of it, it answers
    assert figure(affineur, "affineur_runs", "sending messages") == 1
    assert "work in the background ended" in affineur.log.read_text()
    write(affineur, "UPDATE jobs SET arguments = '{}' WHERE id = 'broken'")
    client = Client(affineur.url, affineur.token("*", "admin", "root"))
    assert eventually(lambda: "broken" in {job["id"] for job in client.call("job list", state="done")}, seconds=90)
    assert eventually(lambda: failing(affineur) == [], seconds=60)
    assert figure(affineur, "affineur_runs", "working on jobs") == 1


def test_messages_are_sent_after_a_fault_of_the_courier(affineur):
    client = Client(affineur.url, affineur.token("*", "admin", "root"))
    write(
        affineur,
        "INSERT INTO deliveries (id, owner, target, subject, document, state, added_at, due_at, attempts, lease, problem)"
        " VALUES ('broken', 'root', 'webhook:http://127.0.0.1:1/', 's', x'7b', 'waiting', ?, ?, 0, '', '')",
        time.time(),
        time.time(),
    )
    assert eventually(lambda: failing(affineur) == ["sending messages"], seconds=60)
    document = json.dumps({"subject": "s", "text": "t"}).encode()
    write(affineur, "UPDATE deliveries SET document = ? WHERE id = 'broken'", document)
    assert eventually(lambda: client.call("notify list")[0]["attempts"] > 0, seconds=120)
