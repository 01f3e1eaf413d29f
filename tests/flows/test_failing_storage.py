"""Disks and databases that fail while the server runs: said in a sentence, reads go on, and all is well after."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
import requests

from tests.support.databases import postgresql
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.polling import eventually, until
from tests.support.proxy import Proxy
from tests.support.server import Affineur, clean_environment

ROOM = 48 * 2**20


def upload(server, token, name, padding=0):
    return server.upload(wheel_name(name, "1.0"), wheel_bytes(name, "1.0", padding=padding), token=token)


def holds(server, upstream, *names):
    """Have mirrored files here; return their addresses with what they must answer."""
    held = {}
    for name in names:
        filename = upstream.wheel(name, "1.0", padding=200_000)
        url = server.file_url(server.page(name)["files"][0])
        held[url] = upstream.bodies[filename]
        assert requests.get(url, timeout=20).content == held[url]
    return held


def reads_go_on(server, held, *projects):
    for url, body in held.items():
        answer = requests.get(url, timeout=20)
        assert (answer.status_code, answer.content == body) == (200, True), answer.reason
        part = requests.get(url, timeout=20, headers={"Range": "bytes=1000-1999"})
        assert (part.status_code, part.content == body[1000:2000]) == (206, True)
    for project in projects:
        assert server.page(project)["files"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a known size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder, leave):
    """Fill a file system with one file up to `leave` bytes; return the file."""
    filler = folder / "filler"
    with filler.open("wb") as target:
        free = shutil.disk_usage(folder).free
        os.posix_fallocate(target.fileno(), 0, max(1, free - leave))
    return filler


def test_the_reserve_is_kept_and_uploads_are_refused_before_the_disk_is_full(small_disk, upstream):
    reserve = 12 * 2**20
    server = Affineur(small_disk / "data", upstream.url, AFFINEUR_MIN_FREE=str(reserve))
    server.start()
    try:
        token = server.token()
        held = holds(server, upstream, "cheddar")
        answers = []
        for number in range(12):
            answers.append(upload(server, token, f"gouda-{number}", padding=5_000_000))
            assert shutil.disk_usage(small_disk).free >= reserve - 2**20
        statuses = [answer.status_code for answer in answers]
        accepted = statuses.count(200)
        assert 3 <= accepted < 12
        assert statuses == [200] * accepted + [507] * (12 - accepted)
        assert answers[-1].reason.startswith("not enough room: ")
        assert "must stay free (setting min_free)" in answers[-1].reason
        assert list((small_disk / "data" / "blobs" / "staging").iterdir()) == []
        upstream.wheel("brie", "1.0", padding=20_000_000)
        cold = requests.get(server.file_url(server.page("brie")["files"][0]), timeout=20)
        assert (cold.status_code, cold.reason[:16]) == (507, "not enough room:")
        reads_go_on(server, held, "gouda-0", "cheddar")
    finally:
        server.stop()


def test_a_disk_that_is_full_to_the_last_byte(small_disk, upstream):
    server = Affineur(small_disk / "data", upstream.url)
    server.start()
    try:
        token = server.token()
        held = holds(server, upstream, "cheddar")
        assert upload(server, token, "gouda").status_code == 200
        filler = fill(small_disk, 2_000_000)
        refused = upload(server, token, "brie", padding=5_000_000)
        assert (refused.status_code, refused.reason) == (507, "not enough room: the disk is full")
        assert list((small_disk / "data" / "blobs" / "staging").iterdir()) == []
        reads_go_on(server, held, "gouda", "cheddar")
        more = small_disk / "more"
        with more.open("wb") as target:
            target.write(b"\0" * 2_500_000) if shutil.disk_usage(small_disk).free > 2_500_000 else None
            while shutil.disk_usage(small_disk).free:
                target.write(b"\0" * 4096)
                target.flush()
        assert upload(server, token, "edam").status_code == 507
        reads_go_on(server, held, "gouda", "cheddar")
        assert eventually(lambda: "the database fails" in server.log.read_text())
        filler.unlink()
        more.unlink()
        assert eventually(lambda: "the database is back" in server.log.read_text())
        assert upload(server, token, "brie", padding=5_000_000).status_code == 200
        assert upload(server, token, "edam").status_code == 200
        assert server.command("ledger", "verify").returncode == 0
    finally:
        server.stop()


@pytest.fixture
def obeys():
    """What starts a program that obeys the permissions of files even where root runs the tests."""
    if os.getuid():
        return []
    wrapper = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
    if shutil.which("setpriv") is None or subprocess.run([*wrapper, "true"], capture_output=True).returncode:
        pytest.skip("root cannot give up its rights over files here")
    return wrapper


def protect(folder, *, writable):
    for path in [folder, *folder.rglob("*")]:
        path.chmod((0o755 if writable else 0o555) if path.is_dir() else (0o644 if writable else 0o444))


def test_a_folder_that_becomes_read_only(tmp_path, upstream, obeys):
    server = Affineur(tmp_path / "data", upstream.url)
    server.wrapper = obeys
    server.start()
    try:
        token = server.token()
        assert upload(server, token, "gouda").status_code == 200
        held = holds(server, upstream, "cheddar")
        upstream.wheel("brie", "1.0", padding=100_000)
        cold = server.file_url(server.page("brie")["files"][0])
        protect(server.data, writable=False)
        refused = upload(server, token, "edam")
        assert (refused.status_code, refused.reason) == (503, "the storage fails: Permission denied")
        answer = requests.get(cold, timeout=20)
        assert (answer.status_code, "Permission denied" in answer.reason) == (503, True)
        reads_go_on(server, held, "gouda", "cheddar")
        protect(server.data, writable=True)
        assert upload(server, token, "edam").status_code == 200
        assert requests.get(cold, timeout=20).status_code == 200
    finally:
        server.stop()


def test_a_start_on_a_read_only_folder_is_refused_with_a_sentence(tmp_path, obeys):
    (tmp_path / "data").mkdir(mode=0o555)
    ended = subprocess.run(
        [*obeys, sys.executable, "-m", "affineur", "serve", "--data", str(tmp_path / "data")],
        env=clean_environment(), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "the data folder" in ended.stderr and "Permission denied" in ended.stderr
    assert "Traceback" not in ended.stderr


class Lock:
    """Another program that holds the write lock of a SQLite database."""

    def __init__(self, path):
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
        self.connection.execute("BEGIN IMMEDIATE")

    def release(self):
        self.connection.execute("ROLLBACK")
        self.connection.close()


def test_a_database_locked_for_a_moment_is_waited_for(affineur, upstream):
    token = affineur.token()
    held = holds(affineur, upstream, "cheddar")
    lock = Lock(affineur.data / "catalog.db")
    timer = threading.Timer(2.0, lock.release)
    timer.start()
    began = time.monotonic()
    reads_go_on(affineur, held, "cheddar")
    assert time.monotonic() - began < 1.5
    assert upload(affineur, token, "gouda").status_code == 200
    assert time.monotonic() - began >= 2.0
    timer.join()


def test_a_database_locked_for_long_refuses_writes_and_not_reads(affineur, upstream):
    token = affineur.token()
    held = holds(affineur, upstream, "cheddar")
    lock = Lock(affineur.data / "catalog.db")
    answers = []
    writer = threading.Thread(target=lambda: answers.append(upload(affineur, token, "gouda")))
    writer.start()
    while writer.is_alive():
        reads_go_on(affineur, held, "cheddar")
        time.sleep(0.2)
    assert (answers[0].status_code, answers[0].reason) == (503, "the database cannot be written: database is locked")
    lock.release()
    assert upload(affineur, token, "gouda").status_code == 200
    affineur.command("ledger", "verify")


@pytest.fixture
def far_database(tmp_path, upstream):
    """A server whose PostgreSQL is reached over a network that can fail."""
    with postgresql() as address:
        proxy = Proxy(5432)
        through = address.replace(":5432/", f":{proxy.port}/")
        server = Affineur(tmp_path / "data", upstream.url, AFFINEUR_DATABASE=through)
        server.start()
        yield server, proxy, address
        server.stop()
        proxy.stop()


def test_a_database_that_is_gone_for_a_while(far_database, upstream):
    server, proxy, _ = far_database
    token = server.token()
    assert upload(server, token, "gouda").status_code == 200
    held = holds(server, upstream, "cheddar")
    reads_go_on(server, held, "gouda", "cheddar")
    proxy.stop()
    for _ in range(3):
        reads_go_on(server, held, "gouda", "cheddar")
        refused = upload(server, token, "brie")
        assert (refused.status_code, refused.reason[:13]) == (503, "the database ")
        assert server.get("/-/health").status_code == 200
        assert server.get("/-/ready").status_code == 503
        time.sleep(0.7)
    proxy.start()
    assert upload(server, token, "brie").status_code == 200
    assert server.get("/-/ready").status_code == 200
    assert [file["filename"] for file in server.page("brie")["files"]] == [wheel_name("brie", "1.0")]
    assert server.process.poll() is None
    log = server.log.read_text()
    assert "Traceback" not in log
    assert log.count("the database fails") == 1
    until(lambda: "the database is back" in server.log.read_text())


def test_connections_that_the_database_ends_are_made_again(far_database):
    import psycopg

    server, _, address = far_database
    token = server.token()
    statuses = []
    with psycopg.connect(address, autocommit=True) as connection:
        for number in range(5):
            statuses.append(upload(server, token, f"gouda-{number}").status_code)
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    assert statuses == [200] * 5
    assert all(server.page(f"gouda-{number}")["files"] for number in range(5))
    assert "Traceback" not in server.log.read_text()


def test_a_start_without_the_database_is_refused_with_a_sentence(tmp_path):
    server = Affineur(tmp_path / "data", AFFINEUR_DATABASE="postgresql://postgres@127.0.0.1:9/nothing")
    for workers in ("1", "2"):
        ended = server.command("serve", "--workers", workers, check=False)
        assert ended.returncode == 1
        assert "the database cannot be opened" in ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("padding", [20_000, 300_000])
def test_a_file_that_was_cut_on_the_disk_is_never_given_as_if_it_were_whole(affineur, upstream, padding):
    filename = upstream.wheel("cheddar", "1.0", padding=padding)
    url = affineur.file_url(affineur.page("cheddar")["files"][0])
    for _ in range(2):  # fetched, then opened in the store
        assert requests.get(url, timeout=20).content == upstream.bodies[filename]
    (stored,) = [p for p in (affineur.data / "blobs").glob("??/??/*") if p.stat().st_size > padding]
    os.truncate(stored, padding // 2)
    with contextlib.suppress(requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        assert requests.get(url, timeout=5).content == upstream.bodies[filename]
    assert requests.get(url, timeout=5).content == upstream.bodies[filename]


def test_an_upload_that_was_cut_on_the_disk_is_refused_with_a_sentence(affineur):
    token = affineur.token()
    upload(affineur, token, "gouda", padding=300_000)
    url = affineur.file_url(affineur.page("gouda")["files"][0])
    (stored,) = [p for p in (affineur.data / "blobs").glob("??/??/*") if p.stat().st_size > 300_000]
    os.truncate(stored, 1000)
    answer = requests.get(url, timeout=5)
    assert (answer.status_code, "were cut there" in answer.reason) == (404, True)


def test_after_a_clock_was_set_back_pages_are_asked_for_again(affineur, upstream):
    upstream.wheel("cheddar", "1.0")
    assert len(affineur.page("cheddar")["files"]) == 1
    affineur.stop()
    with sqlite3.connect(affineur.data / "catalog.db") as ahead:
        ahead.execute("UPDATE listings SET checked_at = checked_at + 86400 * 365")
        ahead.execute("UPDATE timetable SET due_at = due_at + 86400 * 365")
    ahead.close()
    upstream.wheel("cheddar", "2.0")
    affineur.start()
    assert len(affineur.page("cheddar")["files"]) == 2

    def latest():
        with contextlib.closing(sqlite3.connect(affineur.data / "catalog.db")) as now:
            return now.execute("SELECT max(due_at) FROM timetable").fetchone()[0]

    until(lambda: latest() < time.time() + 2 * 86400, wanted="a timetable that does not wait a year")
