"""What a mirror adds when it holds nothing yet."""

import threading
import time

import requests

from benchmarks.installs import install
from benchmarks.nginx import Nginx
from benchmarks.results import Row
from benchmarks.servers import PEERS, Ours
from benchmarks.slow_upstream import SlowUpstream
from benchmarks.tree import BIG

_ROUNDS = 3
_CLIENTS = 32


def measure(folder, tree, peers, venvs):
    """Return the rows; each round starts with empty mirrors."""
    rows = [_installing(folder, tree, peers, venvs, delay, goal) for delay, goal in ((0.0, 1.3), (0.05, 1.1))]
    rows.append(_scanning(folder, tree))
    return [*rows, *_one_file(folder, tree), _first_byte(folder, tree)]


def _installing(folder, tree, peers, venvs, delay, goal):
    work = f"uv pip install through an empty mirror, upstream +{delay * 1000:.0f} ms, time against going direct"
    row = Row(work, "s", goal, at_least=False)
    with SlowUpstream(tree.folder, delay=delay) as upstream:
        index = f"{upstream.url}/simple/"
        install(index)
        for number in range(_ROUNDS):
            place = folder / f"cold-{delay}-{number}"
            row.add("nginx", install(index))
            for name in ("affineur", "nginx proxy_cache", *peers):
                server = _empty(name, place / name.replace(" ", "-"), tree, upstream, venvs)
                try:
                    row.add(name, install(server.page("").rstrip("/") + "/"))
                finally:
                    server.stop()
    row.note = "the column nginx is going direct"
    print(f"  {row.work}: {row.figure('affineur'):.2f}", flush=True)
    return row


def _scanning(folder, tree):
    """Measure the index `main` too: its policy reads the content of every file before anybody gets it."""
    row = Row("the same (+0 ms) through `main`, which scans every wheel first", "s", None, at_least=False)
    with SlowUpstream(tree.folder) as upstream:
        for number in range(_ROUNDS):
            row.add("nginx", install(f"{upstream.url}/simple/"))
            server = _empty("affineur", folder / f"scanned-{number}", tree, upstream, None)
            server.served = "main"
            try:
                row.add("affineur", install(server.page("").rstrip("/") + "/"))
            finally:
                server.stop()
    print(f"  {row.work}: {row.figure('affineur'):.2f}", flush=True)
    return row


def _empty(name, folder, tree, upstream, venvs):
    """Start a mirror that holds nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if name == "affineur":
        server = Ours(folder, f"{upstream.url}/simple/").start()
        server.served = "public"  # peers look into nothing, so the mirror alone is compared
        return server
    if name == "nginx proxy_cache":
        return Nginx(folder, upstream=upstream.url).start()
    return PEERS[name](folder, venvs).start(tree, f"{upstream.url}/simple/")


def _address(server, upstream):
    """Return where a server has the big file; asking for the page fetches nothing of it."""
    if isinstance(server, Nginx):
        return f"{server.url}{upstream.file(BIG)}"
    listed = requests.get(server.page(BIG), headers={"Accept": "application/vnd.pypi.simple.v1+json"}, timeout=60)
    return server.url + listed.json()["files"][0]["url"]


def _one_file(folder, tree):
    time_row = Row(
        f"{_CLIENTS} clients, one cold file of 50 MB, time against nginx proxy_cache", "s", 1.5, at_least=False
    )
    copies = Row("the same, copies fetched from the upstream", "copies", 1, at_least=False, absolute=True)
    for number in range(_ROUNDS):
        for name in ("nginx", "affineur"):
            with SlowUpstream(tree.folder) as upstream:
                kind = "nginx proxy_cache" if name == "nginx" else name
                server = _empty(kind, folder / f"one-{number}-{name}", tree, upstream, None)
                try:
                    address = _address(server, upstream)
                    time_row.add(name, _together(address))
                    copies.add(name, float(upstream.fetched(BIG)))
                finally:
                    server.stop()
    print(f"  {time_row.work}: {time_row.figure('affineur'):.2f}", flush=True)
    return [time_row, copies]


def _together(address):
    """Return the seconds until all clients have the whole file."""
    lengths = []

    def read():
        with requests.get(address, stream=True, timeout=120) as answer:
            lengths.append(sum(len(chunk) for chunk in answer.iter_content(2**20)))

    clients = [threading.Thread(target=read) for _ in range(_CLIENTS)]
    before = time.perf_counter()
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    if len(set(lengths)) != 1 or len(lengths) != _CLIENTS:
        raise RuntimeError(f"{address}: not every client got the file: {lengths}")
    return time.perf_counter() - before


def _first_byte(folder, tree):
    row = Row("cold file of 50 MB at 25 MB/s, first byte", "ms", 30, at_least=False, absolute=True)
    for number in range(_ROUNDS):
        with SlowUpstream(tree.folder, rate=25_000_000) as upstream:
            server = _empty("affineur", folder / f"first-{number}", tree, upstream, None)
            try:
                address = _address(server, upstream)
                before = time.perf_counter()
                with requests.get(address, stream=True, timeout=60) as answer:
                    next(answer.iter_content(1))
                    row.add("affineur", (time.perf_counter() - before) * 1000)
            finally:
                server.stop()
    print(f"  {row.work}: {row.figure('affineur'):.0f} ms", flush=True)
    return row
