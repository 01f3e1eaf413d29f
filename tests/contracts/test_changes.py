"""The counter by which the processes of a machine tell each other that something changed."""

import subprocess
import sys
import time

from affineur.storage.changes import ChangeCounter
from tests.support.server import clean_environment

OTHER = """
import sys
from pathlib import Path
from affineur.storage.changes import ChangeCounter
counter = ChangeCounter(Path(sys.argv[1]))
for line in sys.stdin:
    counter.bump()
    print(counter.read(), flush=True)
"""


class Other:
    """A process that changes something when asked."""

    def __init__(self, path):
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, str(path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment(),
        )  # fmt: skip

    def bump(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self):
        self.process.communicate(timeout=10)


def test_a_change_of_another_process_is_seen_at_once_and_never_looks_like_none(tmp_path):
    path = tmp_path / "changes"
    mine, first, second = ChangeCounter(path), Other(path), Other(path)
    values = [mine.read()]
    for number in range(200):
        told = None
        if number % 3 == 0:
            mine.bump()
        else:
            told = (first if number % 3 == 1 else second).bump()
        values.append(mine.read())
        assert told is None or values[-1] == told
    first.end()
    second.end()
    assert len(set(values)) == len(values), "a value came twice: a change would look like none"


def test_it_goes_on_after_a_restart(tmp_path):
    path = tmp_path / "changes"
    before = ChangeCounter(path)
    before.bump()
    value = before.read()
    after = ChangeCounter(path)
    assert after.read() == value
    after.bump()
    assert before.read() == after.read() != value


def test_a_file_cut_short_by_a_crash_is_mended(tmp_path):
    path = tmp_path / "changes"
    path.write_bytes(b"\x01\x02")
    counter = ChangeCounter(path)
    value = counter.read()
    counter.bump()
    assert counter.read() != value


def test_reading_costs_next_to_nothing(tmp_path):
    counter = ChangeCounter(tmp_path / "changes")
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(10_000):
            counter.read()
        best = min(best, (time.perf_counter() - began) / 10_000)
    assert best < 2e-6
