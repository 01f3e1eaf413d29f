"""What a server takes: the time to be ready, and memory. Time is counted in seconds of the processor."""

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from affineur.model.events import Event
from affineur.storage.catalog.database import Catalog
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.server import Affineur

MB = 2**20
JSON = "application/vnd.pypi.simple.v1+json"


def processor_time(process):
    """Seconds of the processor that a process took so far, its threads included."""
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(process):
    """Bytes of memory that a process takes now."""
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024


def report(**figures):
    print("; ".join(f"{name.replace('_', ' ')} {figure}" for name, figure in figures.items()))


@pytest.mark.long
def test_a_second_start_is_ready_in_under_two_seconds(tmp_path, upstream):
    server = Affineur(tmp_path / "data", upstream.url, loaded=False)
    server.start()
    server.stop()
    began = time.monotonic()
    server.start()
    waited, took = time.monotonic() - began, processor_time(server.process)
    server.stop()
    report(ready_after=f"{waited:.2f} s", processor=f"{took:.2f} s")
    assert took < 2.0


@pytest.mark.long
def test_a_start_with_100_000_projects_known_is_ready_in_under_two_seconds(tmp_path, upstream):
    server = Affineur(tmp_path / "data", upstream.url, loaded=False)
    server.start()
    server.stop()
    catalog = Catalog.open(f"sqlite:///{server.data / 'catalog.db'}")

    def know(change, start):
        for number in range(start, start + 10_000):
            change.enter(Event("page.refreshed", "public", f"project-{number}", data={"added": ["a"] * 3}))

    for start in range(0, 100_000, 10_000):
        catalog.write_now(know, start)
    catalog.close()
    upstream.wheel("cheddar", "1.0")
    began = time.monotonic()
    server.start()
    assert server.get("/-/ready").json()["serial"] >= 100_000
    ready, took = time.monotonic() - began, processor_time(server.process)
    assert server.page("cheddar")["files"]
    page = processor_time(server.process) - took
    before = memory(server.process)
    root = server.get("/main/simple/", headers={"Accept": JSON}).json()
    after = memory(server.process)
    server.stop()
    report(
        ready_after=f"{ready:.2f} s", processor=f"{took:.2f} s", first_page=f"{page:.2f} s",
        memory=f"{before / MB:.0f} MB, {after / MB:.0f} MB after the list of all",
    )  # fmt: skip
    assert len(root["projects"]) == 100_001
    assert took < 2.0
    assert page < 0.5


def burden(server, upstream):
    """Pages of every size in every form, files cold and warm, uploads; eight clients at once."""
    token = server.token()
    for number in range(60):
        for version in range(30):
            body = b"%d %d" % (number, version)
            upstream.add(f"many{number}", wheel_name(f"many{number}", f"{version}.0"), body)
    for name, files in (("long", 2_000), ("longest", 10_000)):
        for version in range(files):
            upstream.add(name, wheel_name(name, f"{version}.0"), b"%d" % version)
    for number in range(6):
        upstream.wheel(f"big{number}", "1.0", padding=8 * MB)
    addresses = [f"/main/simple/{name}/" for name in ("long", "longest", *(f"many{n}" for n in range(60)))]
    asked = [
        (address, {"Accept": accept, "Accept-Encoding": encoding})
        for address in addresses
        for accept in (JSON, "text/html")
        for encoding in ("gzip", "zstd", "identity")
    ]

    def ask(item):
        return server.get(item[0], headers=item[1]).status_code

    def fetch(number):
        row = server.page(f"big{number % 6}")["files"][0]
        return len(requests.get(server.file_url(row), timeout=60).content) > 8 * MB

    def upload(number):
        name = f"kept-{number}"
        body = wheel_bytes(name, "1.0", padding=100_000)
        return server.upload(wheel_name(name, "1.0"), body, token=token).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, asked * 2)) == {200}
        assert all(pool.map(fetch, range(24)))
        assert set(pool.map(upload, range(24))) == {200}


def test_memory_at_rest_and_after_load(tmp_path, upstream):
    server = Affineur(tmp_path / "data", upstream.url, loaded=False)
    server.start()
    time.sleep(2.0)
    idle = memory(server.process)
    burden(server, upstream)
    time.sleep(1.0)
    loaded = memory(server.process)
    server.stop()
    report(idle=f"{idle / MB:.0f} MB", after_load=f"{loaded / MB:.0f} MB")
    assert idle <= 110 * MB
    assert loaded <= 200 * MB
