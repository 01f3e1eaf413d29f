"""Uploads of small wheels, each checked and durable when it is answered."""

import threading
import time

from benchmarks.results import Row
from benchmarks.servers import Ours
from tests.support.distributions import wheel_bytes, wheel_name

_EACH = 150


def measure(folder):
    """Return the rows."""
    server = Ours(folder / "uploads", "http://127.0.0.1:9/simple/").start()
    try:
        token = server.token("internal", "upload")
        return [_row(server, token, 1, 100), _row(server, token, 8, 150)]
    finally:
        server.stop()


def _row(server, token, clients, goal):
    row = Row(f"uploads of 20 KB wheels, {clients} client{'s' if clients > 1 else ''}", "/s", goal, absolute=True)
    for number in range(3):
        row.add("affineur", _rate(server, token, clients, f"up-{clients}-{number}"))
    print(f"  {row.work}: {row.figure('affineur'):.0f}/s", flush=True)
    return row


def _rate(server, token, clients, prefix):
    wheels = [
        [
            (wheel_name(f"{prefix}-{client}", f"1.{n}"), wheel_bytes(f"{prefix}-{client}", f"1.{n}", padding=19_000))
            for n in range(_EACH)
        ]
        for client in range(clients)
    ]

    def send(own):
        for filename, body in own:
            server.upload(filename, body, token=token).raise_for_status()

    threads = [threading.Thread(target=send, args=(own,)) for own in wheels]
    before = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return clients * _EACH / (time.perf_counter() - before)
