"""Uploads of small wheels a second, each checked and durable when it is answered.

    python -m benchmarks.uploads     these rows alone, without the comparison

Clients keep their connection and send forms that were made beforehand, as twine makes them: what is
measured is the server.
"""

import contextlib
import hashlib
import http.client
import tempfile
import threading
import time
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

from affineur.model.events import Event
from affineur.model.files import File, UploadTimeSource
from affineur.model.names import ProjectName
from affineur.storage.catalog import hosted
from affineur.storage.catalog.database import Catalog, Change
from benchmarks.results import Row
from benchmarks.servers import Ours
from tests.support.distributions import metadata_of, wheel_bytes, wheel_name

_ROUNDS = 3
_UPLOADS = 600
_HELD = 50_000
_SIZE = 20_000
_BOUNDARY = "----affineur-benchmark"
_CLASSIFIERS = [
    "Development Status :: 5 - Production/Stable",
    "Intended Audience :: Developers",
    "License :: OSI Approved :: MIT License",
    "Programming Language :: Python :: 3",
    "Programming Language :: Python :: 3.11",
    "Programming Language :: Python :: 3.12",
]
_DESCRIPTION = "A sample of some words. " * 60


def measure(folder):
    """Return the rows: 1 and 8 clients, into an empty index and into one of 50,000 files."""
    rows = []
    for held in (0, _HELD):
        server = Ours(folder / f"uploads-{held}", "http://127.0.0.1:9/simple/").start()
        try:
            token = server.token("internal", "upload")
            hold(server, held)
            _rate(server, token, 2, 40, f"warm-{held}")
            rows += [_row(server, token, clients, held) for clients in (1, 8)]
        finally:
            server.stop()
    return rows


def _row(server, token, clients, held):
    work = f"uploads of 20 KB wheels, {clients} client{'s' if clients > 1 else ''}"
    work += f", {held:,} files held" if held else ""
    row = Row(work, "/s", 100 if clients == 1 else 150, absolute=True)
    for number in range(_ROUNDS):
        row.add("affineur", _rate(server, token, clients, _UPLOADS, f"{clients}-{held}-{number}"))
    print(f"  {row.work}: {row.figure('affineur'):.0f}/s", flush=True)
    return row


def _rate(server, token, clients, uploads, mark):
    """Upload so many wheels, four releases to a project; return how many a second."""
    forms = [form_of(f"bench-{mark}-{number // 4}", f"1.{number % 4}") for number in range(uploads)]
    running = [_Client(server.port, token, forms[number::clients]) for number in range(clients)]
    started = time.perf_counter()
    for client in running:
        client.start()
    for client in running:
        client.join()
    elapsed = time.perf_counter() - started
    if problems := [client.problem for client in running if client.problem]:
        raise RuntimeError(f"an upload failed: {problems[0]}")
    return uploads / elapsed


class _Client(threading.Thread):
    """One connection that sends forms one after the other."""

    def __init__(self, port, token, forms):
        super().__init__()
        self.port, self.forms, self.problem = port, forms, ""
        self.headers = {
            "Authorization": "Basic " + b64encode(f"__token__:{token}".encode()).decode(),
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        }

    def run(self):
        try:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
                for form in self.forms:
                    connection.request("POST", "/internal/legacy/", form, self.headers)
                    answer = connection.getresponse()
                    answer.read()
                    if answer.status != 200:
                        raise RuntimeError(f"{answer.status} {answer.reason}")
        except Exception as error:
            self.problem = str(error)


def form_of(name, version):
    """Return a whole multipart body, as twine makes it for a wheel of about 20 KB."""
    extra = "Summary: A sample\nAuthor-email: ada@example.org\nRequires-Python: >=3.9\n"
    extra += "".join(f"Classifier: {classifier}\n" for classifier in _CLASSIFIERS)
    extra += f"Requires-Dist: attrs>=23\nRequires-Dist: packaging\n\n{_DESCRIPTION}"
    modules = {f"sample/module_{number}.py": b"def answer():\n    return 42\n" * 20 for number in range(8)}
    metadata = metadata_of(name, version, extra=extra)
    body = wheel_bytes(name, version, files=modules, padding=_SIZE - 4000, metadata=metadata)
    fields = [
        (":action", "file_upload"), ("protocol_version", "1"), ("name", name), ("version", version),
        ("filetype", "bdist_wheel"), ("pyversion", "py3"), ("metadata_version", "2.1"), ("summary", "A sample"),
        ("author_email", "ada@example.org"), ("requires_python", ">=3.9"), ("requires_dist", "attrs>=23"),
        ("requires_dist", "packaging"), ("description", _DESCRIPTION),
        ("sha256_digest", hashlib.sha256(body).hexdigest()),
        ("blake2_256_digest", hashlib.blake2b(body, digest_size=32).hexdigest()),
        *(("classifiers", classifier) for classifier in _CLASSIFIERS),
    ]  # fmt: skip
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields
    ]
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="{wheel_name(name, version)}"\r\n'
    )
    parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + body + b"\r\n")
    return b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()


def hold(server, count):
    """Put so many files into `internal`, 25 to a project, as uploads would have."""
    catalog = Catalog.open(f"sqlite:///{server.data / 'catalog.db'}")

    def add(change: Change, start: int) -> None:
        for number in range(start, min(start + 1000, count)):
            project, version = ProjectName(f"held-{number // 25}"), f"1.{number % 25}"
            digest = hashlib.sha256(f"{number}".encode()).hexdigest()
            now = datetime.now(UTC)
            file = File(
                wheel_name(project, version), version, {"sha256": digest}, _SIZE, now, UploadTimeSource.UPLOAD,
                metadata_hashes={"sha256": digest}, first_seen=now,
            )  # fmt: skip
            hosted.add(change, "internal", project, file, "ada", {"metadata": digest})
            change.enter(Event("file.uploaded", "internal", project, "ada", {"filename": file.filename}))

    for start in range(0, count, 1000):
        catalog.write_now(add, start)
    catalog.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        measure(Path(temporary))
