"""Upstreams on bad days, seen by clients of a running server."""

import base64
import concurrent.futures
import hashlib
import socket
import time
from pathlib import Path

import pytest
import requests

from tests.support import misbehaviour as bad
from tests.support.polling import eventually, until
from tests.support.server import Affineur

BIG = 20 * 2**20


@pytest.fixture
def serving(tmp_path, upstream):
    """Start servers over the upstream with given settings; all are stopped afterwards."""
    started = []

    def start(*arguments, address=None, config="", **settings):
        environment = {f"AFFINEUR_{name.upper()}": str(value) for name, value in settings.items()}
        server = Affineur(tmp_path / "data", address or upstream.url, config=config, **environment)
        started.append(server)
        return server.start(*arguments)

    yield start
    for server in started:
        server.stop()


def timed(call):
    began = time.monotonic()
    answer = call()
    return answer, time.monotonic() - began


def fetch(server, row):
    return requests.get(server.file_url(row), timeout=60)


# pages


@pytest.mark.parametrize("accept", ["application/vnd.pypi.simple.v1+json", "text/html"])
def test_page_held_is_served_stale_and_says_so(serving, upstream, accept):
    server = serving(fresh_for=0)
    upstream.wheel("cheddar", "1.0")
    fresh = server.get("/main/simple/cheddar/", headers={"Accept": accept})
    assert "X-Affineur-Stale" not in fresh.headers
    upstream.stop()
    stale = server.get("/main/simple/cheddar/", headers={"Accept": accept})
    assert stale.status_code == 200
    assert stale.headers["X-Affineur-Stale"]
    assert stale.headers["Warning"].startswith("110 ")
    assert "cheddar-1.0" in stale.text
    upstream.restart()
    until(
        lambda: "X-Affineur-Stale" not in server.get("/main/simple/cheddar/").headers,
        wanted="an upstream that is back is asked again",
    )


def test_silent_upstream_neither_hangs_clients_nor_looks_like_absence(serving, upstream):
    server = serving(fresh_for=0, patience=0.3, answer_timeout=1, connect_timeout=1)
    upstream.wheel("cheddar", "1.0")
    server.page("cheddar")
    upstream.overrides["/simple/cheddar/"] = upstream.overrides["/simple/cold/"] = bad.silent(5)
    page, took = timed(lambda: server.get("/main/simple/cheddar/"))
    assert (page.status_code, took < 2) == (200, True)
    cold, took = timed(lambda: server.get("/main/simple/cold/"))
    assert (cold.status_code, took < 4) == (504, True)
    assert cold.headers["Content-Type"] == "application/problem+json"
    assert "cannot be reached" in cold.reason


@pytest.mark.parametrize("code", [500, 502, 503])
def test_errors_of_the_upstream_are_not_absence(serving, upstream, code):
    server = serving()
    upstream.overrides["/simple/cold/"] = bad.status(code)
    assert server.get("/main/simple/cold/").status_code == 504
    upstream.overrides["/simple/cold/"] = bad.status(404)
    assert eventually(lambda: server.get("/main/simple/cold/").status_code == 404)


def test_page_of_100_megabytes_is_refused_in_little_memory(serving, upstream):
    server = serving()
    upstream.overrides["/simple/huge/"] = bad.endless(100, "application/vnd.pypi.simple.v1+json", stated=False)
    upstream.overrides["/simple/bomb/"] = bad.bomb(100, "text/html")
    for name in ("huge", "bomb"):
        answer = server.get(f"/main/simple/{name}/")
        assert answer.status_code == 502
        assert "larger than" in answer.reason
    upstream.wheel("cheddar", "1.0")
    assert server.page("cheddar")["files"]
    assert peak_memory(server) < 350 * 2**20


def peak_memory(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def memory(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


# files


@pytest.mark.parametrize("workers", [1, 2])
def test_32_clients_make_one_copy(serving, upstream, workers):
    server = serving("--workers", str(workers))
    filename = upstream.wheel("cheddar", "1.0", padding=3_000_000)
    upstream.rate = 6_000_000
    row = server.page("cheddar")["files"][0]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        bodies = list(pool.map(lambda _: fetch(server, row).content, range(32)))
    assert {hashlib.sha256(body).hexdigest() for body in bodies} == {row["hashes"]["sha256"]}
    assert len([path for path in upstream.asked(filename) if path.endswith(".whl")]) == 1


def opened(server, path):
    """A connection on which a file was asked for and nothing was read yet."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return connection


def test_client_that_hangs_up_does_not_end_the_fetch_of_the_others(serving, upstream):
    server = serving()
    filename = upstream.wheel("cheddar", "1.0", padding=2_000_000)
    upstream.rate = 2_000_000
    row = server.page("cheddar")["files"][0]
    leaving = opened(server, server.file_url(row).removeprefix(server.url))
    assert leaving.recv(4096).startswith(b"HTTP/1.1 200")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        staying = pool.submit(fetch, server, row)
        time.sleep(0.2)
        leaving.close()
        assert staying.result().content == upstream.bodies[filename]
    assert len([path for path in upstream.asked(filename) if path.endswith(".whl")]) == 1


@pytest.mark.parametrize("cold", [True, False])
def test_256_slow_readers_neither_stop_others_nor_fill_the_memory(serving, upstream, cold):
    server = serving()
    filename = upstream.wheel("cheddar", "1.0", padding=BIG)
    upstream.wheel("brie", "1.0")
    row = server.page("cheddar")["files"][0]
    if not cold:
        fetch(server, row)
    before = memory(server)
    path = server.file_url(row).removeprefix(server.url)
    readers = [opened(server, path) for _ in range(256)]
    try:
        for reader in readers:
            assert reader.recv(1024).startswith(b"HTTP/1.1 200")
        page, took = timed(lambda: server.page("brie"))
        assert page["files"]
        assert took < 3
        whole, took = timed(lambda: fetch(server, row).content)
        assert hashlib.sha256(whole).hexdigest() == row["hashes"]["sha256"]
        assert took < 20
        assert memory(server) - before < 200 * 2**20
        patient = readers[0]
        length = len(drained(patient)) + 1024
        assert length > len(upstream.bodies[filename])
    finally:
        for reader in readers:
            reader.close()


def drained(connection):
    parts = []
    while part := connection.recv(2**20):
        parts.append(part)
    return b"".join(parts)


# installers


def install(pip, server, *arguments, ok=True):
    done = pip(server.index(), *arguments)
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("death", ["cut", "reset", "other bytes", "error page", "500"])
def test_installers_fail_on_a_dying_upstream_and_succeed_afterwards(serving, upstream, installer, death):
    server = serving()
    filename = upstream.wheel("cheddar", "1.0", padding=400_000)
    good = upstream.bodies[filename]
    upstream.overrides[f"/files/{filename}"] = {
        "cut": bad.cut(good, 300_000),
        "reset": bad.reset(good, 300_000),
        "other bytes": bad.other_bytes(good[:-9] + b"123456789"),
        "error page": bad.error_page(),
        "500": bad.status(500),
    }[death]
    failed = installer(server.index(), "cheddar")
    assert failed.returncode != 0
    assert "Traceback" not in failed.stderr
    del upstream.overrides[f"/files/{filename}"]
    assert eventually(lambda: installer(server.index(), "cheddar").returncode == 0)


def test_installers_wait_for_a_slow_upstream(serving, upstream, installer):
    server = serving()
    upstream.wheel("cheddar", "1.0", padding=400_000, requires=["brie"])
    upstream.wheel("brie", "1.0", padding=100_000)
    upstream.delay, upstream.rate = 0.3, 300_000
    done = installer(server.index(), "cheddar")
    assert done.returncode == 0, done.stdout + done.stderr


def test_installers_work_on_when_the_upstream_is_dead(serving, upstream, installer):
    server = serving(fresh_for=0)
    upstream.wheel("cheddar", "1.0", requires=["brie"])
    upstream.wheel("brie", "1.0")
    assert installer(server.index(), "cheddar").returncode == 0
    upstream.stop()
    done = installer(server.index(), "cheddar")
    assert done.returncode == 0, done.stdout + done.stderr


# upstreams that want to know who asks


def guarded(upstream):
    upstream.credentials = "Basic " + base64.b64encode(b"me:secret").decode()
    upstream.wheel("cheddar", "1.0")
    return upstream.url.replace("//", "//me:secret@")


def test_index_over_a_guarded_upstream_wants_a_token(serving, upstream):
    server = serving(address=guarded(upstream))
    for index in ("public", "main"):
        assert server.get(f"/{index}/simple/cheddar/").status_code == 401
    assert server.get("/internal/simple/").status_code == 200
    token = server.token("main", "read")
    page = server.get("/main/simple/cheddar/", auth=("__token__", token))
    assert "cheddar-1.0" in page.text
    assert "secret" not in page.text
    assert "reading needs a token: public, main" in server.log.read_text()
    assert "secret" not in server.log.read_text()


def test_index_over_a_guarded_upstream_is_open_where_it_is_told_to_be(serving, upstream):
    config = '[indexes.main]\nsources = ["internal", "public"]\nanonymous = true\n'
    server = serving(address=guarded(upstream), config=config)
    assert server.get("/main/simple/cheddar/").status_code == 200
    assert server.get("/public/simple/cheddar/").status_code == 401


def test_what_of_pips_configuration_is_left_out_is_said(tmp_path, upstream):
    (tmp_path / "pip.conf").write_text(
        f"[global]\nindex-url = {upstream.url}\nextra-index-url = https://other.example.org/simple\n"
    )
    upstream.wheel("cheddar", "1.0")
    server = Affineur(tmp_path / "data", PIP_CONFIG_FILE=str(tmp_path / "pip.conf"))
    server.start()
    try:
        assert server.page("cheddar")["files"]
        told = "not taken over from pip's configuration: extra-index-url"
        assert told in server.log.read_text()
        assert told in server.command("check").stdout
    finally:
        server.stop()
