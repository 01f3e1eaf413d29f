"""The list of 100,000 projects, the memory that knowing them takes, and the time to start with them."""

import shutil
import statistics
import time

import requests

from benchmarks.known import fill
from benchmarks.load import requests_per_second
from benchmarks.nginx import Nginx
from benchmarks.results import Row
from benchmarks.servers import Ours
from benchmarks.tree_copy import JSON, copy_page
from tests.support.distributions import wheel_bytes, wheel_name

_CHANGES = 7


def resident(server):
    """Return the memory of a server's process in MB."""
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1000


def _started(data, upstream):
    server = Ours(data, upstream)
    before = time.perf_counter()
    server.start()
    return server, time.perf_counter() - before


def measure(folder, upstream, rounds, seconds):
    """Return the rows."""
    data = folder / "known"
    fill(data)
    start = Row("start with 100,000 projects known", "s", 2, at_least=False, absolute=True)
    for _ in range(rounds):
        server, took = _started(data, upstream)
        start.add("affineur", took)
        server.stop()
    server, _ = _started(data, upstream)
    try:
        idle = Row("memory, idle, 100,000 projects known", "MB", 110, at_least=False, absolute=True)
        idle.add("affineur", resident(server))
        first = _first_after_a_change(server)
        following = _following(server, folder, rounds, seconds)
        loaded = Row("memory after that load", "MB", 200, at_least=False, absolute=True)
        loaded.add("affineur", resident(server))
    finally:
        server.stop()
        shutil.rmtree(data)
    return [first, *following, idle, loaded, start]


def _first_after_a_change(server):
    row = Row("list of 100,000 projects, first answer after a change", "s", 0.3, at_least=False, absolute=True)
    token = server.token("internal", "upload,read")
    address, headers = f"{server.url}/main/simple/", {"Accept": JSON}
    requests.get(address, headers=headers, timeout=60)
    for number in range(_CHANGES):
        filename, body = wheel_name("gouda", f"1.{number}"), wheel_bytes("gouda", f"1.{number}")
        server.upload(filename, body, token=token).raise_for_status()
        before = time.perf_counter()
        requests.get(address, headers=headers, timeout=60)
        row.add("affineur", time.perf_counter() - before)
    print(f"  {row.work}: {statistics.median(row.values['affineur']):.2f} s", flush=True)
    return row


def _following(server, folder, rounds, seconds):
    root = folder / "list-root"
    copy_page(server, "/main/simple/", root)
    reference = Nginx(folder / "list-nginx", root).start()
    rows = []
    for encoding in ("identity", "gzip"):
        row = Row(f"the same, next answers, {encoding}, 8 connections", "/s", 0.5)
        for _ in range(rounds):
            for one in (reference, server):
                headers = {"Accept": JSON, "Accept-Encoding": encoding}
                address = f"{one.url}/main/simple/"
                row.add(one.name, requests_per_second(address, connections=8, seconds=seconds, headers=headers))
        rows.append(row)
        print(f"  {row.work}: {row.figure('affineur'):.2f}", flush=True)
    reference.stop()
    return rows
