"""What looking after locks costs when advisories change: by how much changed, and by how much is watched.

`python -m benchmarks.monitoring` prints a table. Nothing is fetched and nothing is sent: the pass ends
where messages lie in the outbox.
"""

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime

import sqlalchemy as sa

from affineur.app import App
from affineur.model.advisories import Advisory, Range, Severity
from affineur.model.locks import LockKind
from affineur.model.names import normalize
from affineur.operations.lookout import Lookout
from affineur.policy.policies import configured
from affineur.storage.catalog import advisories, ledger, locks, lookout, outbox
from affineur.storage.catalog.locks import KeptLock, Pinned
from affineur.storage.catalog.schema import alerts
from benchmarks.judging import fill

PROJECTS, FILES, PINS, RECIPIENTS = 3000, 20, 300, 50
YOUNG = 4
"""How many releases of each project the cooldown still holds: no lock pins them."""
CASES = ((1000, 500), (1000, 50), (1000, 5), (100, 500), (100, 50), (100, 5))
"""How many locks are watched, how many advisories change."""


def watch(change, numbers, chance):
    """Keep locks of random pins, each with one of the recipients."""
    now = datetime.now(UTC)
    for number in numbers:
        lock = KeptLock(
            f"lock-{number}", f"owner-{number % RECIPIENTS}", "main", LockKind.REQUIREMENTS, "requirements.txt", b"",
            (f"mail:team-{number % RECIPIENTS}@example.org",), now, now, "ci",
        )  # fmt: skip
        chosen = chance.sample(range(PROJECTS), PINS)
        locks.keep(change, lock, [Pinned(name_of(each), f"1.{chance.randrange(FILES - YOUNG) + 1}") for each in chosen])


def name_of(number):
    return normalize(f"project-{number}")


def publish(change, numbers, round_number):
    """Take advisories about some projects, each of which names half of the versions."""
    now = datetime.now(UTC)
    records = {
        f"B-{round_number}-{number}": [
            Advisory(
                f"B-{round_number}-{number}", name_of(number), severity=Severity.HIGH, summary="a hole",
                ranges=(Range(fixed=f"1.{(FILES - YOUNG) // 2 + 1}"),), modified=now, published=now,
            )
        ]
        for number in numbers
    }  # fmt: skip
    advisories.store(change, advisories.Feed("bench", now, now, now, len(records), 0, ""), records)


def number_of_alerts(connection):
    return connection.execute(sa.select(sa.func.count()).select_from(alerts)).scalar()


async def measured(watched, changed):
    """Return the seconds of the pass, those of the processor, the alerts and the messages it made."""
    chance = random.Random(4)
    with tempfile.TemporaryDirectory() as folder:
        app = App(configured(None, {"data": folder, "offline": True}, {}, "http://127.0.0.1:9/simple/"))
        try:
            await app.catalog.write(fill, {name_of(number): FILES for number in range(PROJECTS)})
            for start in range(0, watched, 50):
                await app.catalog.write(watch, range(start, min(start + 50, watched)), chance)
            await app.catalog.write(publish, [], 0)
            head = await app.catalog.read(ledger.head)
            lease = await app.catalog.write(lookout.claim)
            await app.catalog.write(lookout.done, lease, head)
            await app.catalog.write(publish, range(changed), 1)
            watcher = Lookout(app.context())
            began, worked = time.perf_counter(), time.process_time()
            while await watcher.look():
                pass
            spent = time.perf_counter() - began, time.process_time() - worked
            return (
                *spent,
                await app.catalog.read(number_of_alerts),
                sum((await app.catalog.read(outbox.counts)).values()),
            )
        finally:
            await app.close()


def main():
    """Measure each case in a process of its own."""
    if len(sys.argv) > 1:
        seconds, worked, made, messages = asyncio.run(measured(int(sys.argv[1]), int(sys.argv[2])))
        print(f"| {sys.argv[1]} | {sys.argv[2]} | {seconds:.1f} s | {worked:.1f} s | {made} | {messages} |", flush=True)
        return
    print(f"| locks of {PINS} pins | advisories that change | the pass | of which processor | alerts | messages |")
    print("|---|---|---|---|---|---|", flush=True)
    for watched, changed in CASES:
        subprocess.run([sys.executable, "-m", "benchmarks.monitoring", str(watched), str(changed)], check=True)


if __name__ == "__main__":
    main()
