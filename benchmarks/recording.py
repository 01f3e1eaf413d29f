"""What the record of downloads costs the file path: the same server with and without it, in turns.

`python -m benchmarks.recording` prints a table. What is compared is the processor's time that the server takes for
the same requests, which other programs on the machine disturb least.
"""

import asyncio
import os
import re
import socket
import statistics
import tempfile
import time
from pathlib import Path

from affineur.storage.catalog.database import Catalog
from affineur.storage.catalog.downloads import AddressKept, Download
from affineur.web.noted import Noted
from tests.support.server import Affineur
from tests.support.upstream import Upstream

ROUNDS, DIFFERENT = 5, 20_000
AGENT = 'pip/26.3 {"ci":true,"cpu":"x86_64","python":"3.11.7","system":{"name":"Linux","release":"6.1"}}'


def processor_time(pid):
    """Seconds of the processor that a process has taken, for itself and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fetch(server, path, times):
    """Ask for a file so many times on one connection."""
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", f"User-Agent: {AGENT}", "", ""]
    request = "\r\n".join(lines).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        buffer = bytearray(2**20)
        for _ in range(times):
            connection.sendall(request)
            answer = connection.recv(65536)
            head, _, body = answer.partition(b"\r\n\r\n")
            left = int(re.search(rb"(?i)content-length: (\d+)", head)[1]) - len(body)
            while left > 0:
                left -= connection.recv_into(buffer)


def on_the_file_path(folder, upstream, size, times):
    """Return the processor's time with the record over that without it, by round, and microseconds a request without."""
    name = f"padded-{size}"
    upstream.wheel(name, "1.0", padding=size)
    servers = [
        Affineur(folder / f"{name}-{kept}", upstream.url, AFFINEUR_RECORD_DOWNLOADS=kept).start()
        for kept in ("true", "false")
    ]
    paths = [server.file_url(server.page(name)["files"][0]).removeprefix(server.url) for server in servers]
    for server, path in zip(servers, paths, strict=True):
        fetch(server, path, 50)
    ratios, without = [], []
    for turn in range(ROUNDS):
        took = {}
        for at in (0, 1) if turn % 2 else (1, 0):
            before = processor_time(servers[at].process.pid)
            fetch(servers[at], paths[at], times)
            took[at] = processor_time(servers[at].process.pid) - before
        ratios.append(took[0] / took[1])
        without.append(took[1] / times * 1e6)
    for server in servers:
        server.stop()
    return ratios, statistics.median(without)


async def by_record(folder):
    """Return microseconds that noting and writing take for each of many downloads no two of which are alike."""
    catalog = Catalog.open(f"sqlite:///{folder / 'catalog.db'}")
    noted = Noted(catalog, recorded=True, address=AddressKept.NONE)
    given = [
        Download("main", f"p{n % 500}", f"{n}", f"p{n % 500}-{n}.whl", f"u{n % 50}", "t", AGENT, 200)
        for n in range(DIFFERENT)
    ]
    before = time.perf_counter()
    for download in given:
        noted.download(download, "")
    between = time.perf_counter()
    await noted.write()
    after = time.perf_counter()
    catalog.close()
    return (between - before) / DIFFERENT * 1e6, (after - between) / DIFFERENT * 1e6


def main():
    """Print the table."""
    upstream = Upstream()
    with tempfile.TemporaryDirectory() as folder:
        for size, times in ((20_000, 20_000), (1_000_000, 2_000)):
            ratios, without = on_the_file_path(Path(folder), upstream, size, times)
            told = ", ".join(f"{ratio:.3f}" for ratio in ratios)
            print(
                f"| file of {size:,} bytes | {without:.0f} µs | {statistics.median(ratios):.3f} ({told}) |", flush=True
            )
        noting, writing = asyncio.run(by_record(Path(folder)))
        print(
            f"| {DIFFERENT:,} different downloads | noting {noting:.1f} µs, writing {writing:.1f} µs each | |",
            flush=True,
        )
    upstream.stop()


if __name__ == "__main__":
    main()
