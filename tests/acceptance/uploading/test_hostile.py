"""Uploads that would stall or exhaust the server: refused, while everything else goes on."""

import functools
import gzip
import os
import signal
import socket
import threading
import time
from base64 import b64encode
from pathlib import Path

import pytest
import requests

from tests.support.archives import Entry, recorded, tar_gz, tar_member, zip_bytes
from tests.support.distributions import metadata_of, sdist_name, wheel_bytes, wheel_name
from tests.support.polling import eventually

MEGABYTE = 2**20


@pytest.fixture(scope="module")
def settings():
    return {
        "AFFINEUR_INSPECTION_TIME": "1",
        "AFFINEUR_MAX_UPLOAD": str(12 * MEGABYTE),
        "AFFINEUR_MAX_FIELDS": "200000",
    }


class Pages(threading.Thread):
    """Somebody who reads a page again and again."""

    def __init__(self, server):
        super().__init__()
        self.address = f"{server.url}/internal/simple/"
        self.longest, self.count, self.stop = 0.0, 0, threading.Event()

    def run(self):
        with requests.Session() as session:
            while not self.stop.is_set():
                started = time.monotonic()
                assert session.get(self.address, timeout=30).ok
                self.longest = max(self.longest, time.monotonic() - started)
                self.count += 1
                time.sleep(0.005)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.join()


def memory(server):
    """Resident bytes of the serving process."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def examiners(server):
    """The processes in which uploads are examined now."""
    found = []
    for task in Path(f"/proc/{server.process.pid}/task").iterdir():
        try:
            for child in (task / "children").read_text().split():
                if b"affineur.standards.examination" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.fixture
def calm(affineur, token):
    """Send a hostile file while pages are read; the server must answer, refuse, and stay as small as it was."""
    assert affineur.upload(wheel_name("calm", "1.0"), wheel_bytes("calm", "1.0"), token=token).status_code == 200
    time.sleep(0.2)

    def send(filename, body, **options):
        before = memory(affineur)
        with Pages(affineur) as pages:
            started = time.monotonic()
            answer = affineur.upload(filename, body, token=token, **options)
            elapsed = time.monotonic() - started
        assert answer.status_code == 400, answer.text
        assert elapsed < 20
        assert pages.longest < 2.0, f"a page took {pages.longest:.2f} s"
        assert memory(affineur) - before < 64 * MEGABYTE
        assert not list((affineur.data / "blobs" / "staging").iterdir())
        return answer

    return send


def test_zip_bomb(calm, name):
    answer = calm(wheel_name(name, "1.0"), wheel_bytes(name, "1.0", files={"zeros.bin": b"\0" * 70 * MEGABYTE}))
    assert "50 times its size" in answer.reason


def test_zip_bomb_with_small_words(calm, name):
    """Headers that promise little and data that unpack to much."""
    stem = name.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    members = {
        "zeros.bin": b"\0" * 100 * MEGABYTE,
        f"{info}/METADATA": metadata_of(name, "1.0"),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\n",
    }
    promise = {"size": 100}
    entries = [Entry(path, body) for path, body in recorded(members, info).items()]
    entries[0].local = entries[0].central = promise
    assert "more than its header says" in calm(wheel_name(name, "1.0"), zip_bytes(entries)).reason


def test_tar_bomb(calm, name):
    stem = f"{name.replace('-', '_')}-1.0"
    big = tar_member(f"{stem}/zeros", size=100 * MEGABYTE)
    body = tar_gz([("PKG-INFO", metadata_of(name, "1.0")), (big, b"\0" * 100 * MEGABYTE)], stem=stem)
    assert "50 times its size" in calm(sdist_name(name, "1.0"), body).reason


@functools.cache
def long_to_examine():
    """Many members, and much to unpack within the ratio that is allowed."""
    info = "affineur_sample_long-1.0.dist-info"
    members = {
        "zeros.bin": b"\0" * 300 * 10**6,
        **{f"many/{number}": b"x" for number in range(90_000)},
        f"{info}/METADATA": metadata_of("affineur-sample-long", "1.0"),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\n",
    }
    return zip_bytes([Entry(path, body) for path, body in recorded(members, info).items()], end64={})


def test_file_that_takes_long(calm):
    answer = calm(wheel_name("affineur-sample-long", "1.0"), long_to_examine())
    assert "takes more than 1 seconds to examine" in answer.reason


def test_headers_that_keep_the_interpreter_locked(calm, name):
    """On a Python that reads digits in the square of their number this ends by the clock, on others at once."""
    stem = f"{name.replace('-', '_')}-1.0"
    one = tar_member("x", b"x", size=30_000).tobuf() + b"1" * 30_000 + b"\0" * 208 + tar_member(f"{stem}/x").tobuf()
    calm(sdist_name(name, "1.0"), gzip.compress(one * 200))


def test_file_that_wants_much_memory(calm, name):
    """A RECORD of very many rows, and folders below folders."""
    stem = name.replace("-", "_")
    rows = "".join(f"{number},,\n" for number in range(2_000_000)).encode()
    info = f"{stem}-1.0.dist-info"
    members = {f"{info}/METADATA": metadata_of(name, "1.0"), f"{info}/WHEEL": b"Wheel-Version: 1.0\n"}
    calm(wheel_name(name, "1.0"), zip_bytes([Entry(p, b) for p, b in {**members, f"{info}/RECORD": rows}.items()]))
    deep = "/".join("abcdefghij" * 40)
    folders = [(tar_member(f"{stem}-1.0/{number}/{deep}"), b"") for number in range(3000)]
    calm(sdist_name(name, "1.0"), tar_gz(folders))


def test_process_that_is_killed(affineur, token, name):
    filename, body = wheel_name(name, "1.0"), wheel_bytes(name, "1.0")
    affineur.upload(wheel_name(name, "0.9"), wheel_bytes(name, "0.9"), token=token)
    waiting = examiners(affineur)
    for process in waiting:
        os.kill(process, signal.SIGSTOP)

    def kill():
        time.sleep(0.5)
        for process in waiting:
            os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    answer = affineur.upload(filename, body, token=token)
    killer.join()
    assert answer.status_code == 400
    assert "the process that read it ended" in answer.reason
    assert affineur.upload(filename, body, token=token).status_code == 200


def test_examining_processes_are_few(affineur, token, name):
    threads = [
        threading.Thread(
            target=affineur.upload,
            args=(wheel_name(name, f"1.{number}"), wheel_bytes(name, f"1.{number}")),
            kwargs={"token": token},
        )
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(affineur.page(name)["files"]) == 20
    assert 1 <= len(examiners(affineur)) <= 4


def test_too_large_is_refused_before_it_is_read(affineur, token, name):
    credentials = b64encode(f"__token__:{token}".encode()).decode()
    with socket.create_connection(("127.0.0.1", affineur.port), timeout=10) as connection:
        connection.sendall(
            f"POST /internal/legacy/ HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {credentials}\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {2**40}\r\n\r\n--x\r\n".encode()
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 the upload is larger than 12582912 bytes")


def test_too_large_without_a_length(affineur, token, name, nothing_stored):
    filename = wheel_name(name, "1.0")
    whole = requests.Request(
        "POST", affineur.url, data=affineur.form(filename, b""), files={"content": (filename, b"")}
    ).prepare()
    head = whole.body[: whole.body.rindex(b"\r\n--")]
    answer = requests.post(
        f"{affineur.url}/internal/legacy/",
        data=(piece for piece in [head, *[b"x" * MEGABYTE] * 13]),
        headers={"Content-Type": whole.headers["Content-Type"]},
        auth=("__token__", token),
        timeout=30,
    )
    assert answer.status_code == 413
    assert "larger than 12582912 bytes (setting max_upload)" in answer.reason
    nothing_stored(name)


def test_fields_without_end(affineur, token, name, nothing_stored):
    answer = affineur.upload(
        wheel_name(name, "1.0"), wheel_bytes(name, "1.0"), token=token, fields={"description": "x" * 300_000}
    )
    assert answer.status_code == 413
    assert "max_fields" in answer.reason
    nothing_stored(name)


def test_client_that_hangs_up(affineur, token, name, nothing_stored):
    filename, body = wheel_name(name, "1.0"), wheel_bytes(name, "1.0", padding=MEGABYTE)
    whole = requests.Request(
        "POST",
        affineur.url + "/internal/legacy/",
        data=affineur.form(filename, body),
        files={"content": (filename, body)},
        auth=("__token__", token),
    ).prepare()
    head = "".join(f"{key}: {value}\r\n" for key, value in whole.headers.items())
    staging = affineur.data / "blobs" / "staging"
    with socket.create_connection(("127.0.0.1", affineur.port), timeout=10) as connection:
        connection.sendall(f"POST /internal/legacy/ HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        connection.sendall(whole.body[: MEGABYTE // 2])
        assert eventually(lambda: list(staging.iterdir()))
    assert eventually(lambda: not list(staging.iterdir()))
    nothing_stored(name)
