"""Uploads of small wheels a second, fully validated and durable.

    python benchmarks/uploads.py                     1 and 8 clients, an empty index
    python benchmarks/uploads.py --held 50000        the same with so many files in the index before

The clients keep their connections and send forms that were made beforehand, with the fields twine sends.
"""

import argparse
import contextlib
import hashlib
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from affineur.model.events import Event
from affineur.model.files import File, UploadTimeSource
from affineur.model.names import ProjectName
from affineur.storage.catalog import hosted
from affineur.storage.catalog.database import Catalog, Change
from tests.support.distributions import metadata_of, wheel_bytes, wheel_name
from tests.support.server import Affineur

SIZE = 20_000
BOUNDARY = "----affineur-benchmark"
CLASSIFIERS = [
    "Development Status :: 5 - Production/Stable",
    "Intended Audience :: Developers",
    "License :: OSI Approved :: MIT License",
    "Programming Language :: Python :: 3",
    "Programming Language :: Python :: 3.11",
    "Programming Language :: Python :: 3.12",
]


def form_of(name: str, version: str) -> bytes:
    """A whole multipart body, as twine makes it for a wheel of about 20 KB."""
    extra = "Summary: A sample\nAuthor-email: ada@example.org\nRequires-Python: >=3.9\n"
    extra += "".join(f"Classifier: {classifier}\n" for classifier in CLASSIFIERS)
    extra += "Requires-Dist: attrs>=23\nRequires-Dist: packaging\n\n" + "A sample of some words. " * 60
    modules = {f"{name}/module_{number}.py": b"def answer():\n    return 42\n" * 20 for number in range(8)}
    body = wheel_bytes(
        name, version, files=modules, padding=SIZE - 4000, metadata=metadata_of(name, version, extra=extra)
    )
    fields = [
        (":action", "file_upload"), ("protocol_version", "1"), ("name", name), ("version", version),
        ("filetype", "bdist_wheel"), ("pyversion", "py3"), ("metadata_version", "2.1"), ("summary", "A sample"),
        ("author_email", "ada@example.org"), ("requires_python", ">=3.9"), ("requires_dist", "attrs>=23"),
        ("requires_dist", "packaging"), ("description", "A sample of some words. " * 60),
        ("sha256_digest", hashlib.sha256(body).hexdigest()),
        ("blake2_256_digest", hashlib.blake2b(body, digest_size=32).hexdigest()),
        *(("classifiers", classifier) for classifier in CLASSIFIERS),
    ]  # fmt: skip
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="content"; filename="{wheel_name(name, version)}"\r\n'
    parts.append(head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + body + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def hold(server: Affineur, count: int) -> None:
    """Put so many files into `internal`, 25 to a project, as uploads would have."""
    catalog = Catalog.open(f"sqlite:///{server.data / 'catalog.db'}")

    def add(change: Change, start: int) -> None:
        for number in range(start, min(start + 1000, count)):
            project, version = ProjectName(f"held-{number // 25}"), f"1.{number % 25}"
            digest = hashlib.sha256(f"{number}".encode()).hexdigest()
            now = datetime.now(UTC)
            file = File(
                wheel_name(project, version), version, {"sha256": digest}, SIZE, now, UploadTimeSource.UPLOAD,
                metadata_hashes={"sha256": digest}, first_seen=now,
            )  # fmt: skip
            hosted.add(change, "internal", project, file, "ada", {"metadata": digest})
            change.enter(Event("file.uploaded", "internal", project, "ada", {"filename": file.filename}))

    for start in range(0, count, 1000):
        catalog.write_now(add, start)
    catalog.close()


class Client(threading.Thread):
    """One connection that sends forms one after the other."""

    def __init__(self, port: int, token: str, forms: list[bytes]) -> None:
        super().__init__()
        self.port, self.forms = port, forms
        self.headers = {
            "Authorization": "Basic " + b64encode(f"__token__:{token}".encode()).decode(),
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        self.times: list[float] = []
        self.problem = ""

    def run(self) -> None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            for form in self.forms:
                started = time.perf_counter()
                connection.request("POST", "/internal/legacy/", form, self.headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.problem = f"{answer.status} {answer.reason}"
                    return
                self.times.append(time.perf_counter() - started)


def measure(server: Affineur, token: str, clients: int, uploads: int, mark: str) -> dict[str, float]:
    """Upload so many wheels, four releases to a project, with so many clients; return rate and latencies."""
    forms = [form_of(f"bench_{mark}_{number // 4}", f"1.{number % 4}") for number in range(uploads)]
    running = [Client(server.port, token, forms[number::clients]) for number in range(clients)]
    started = time.perf_counter()
    for client in running:
        client.start()
    for client in running:
        client.join()
    elapsed = time.perf_counter() - started
    if problems := [client.problem for client in running if client.problem]:
        raise SystemExit(f"an upload failed: {problems[0]}")
    times = sorted(moment for client in running for moment in client.times)
    return {
        "uploads a second": round(uploads / elapsed, 1),
        "median ms": round(1000 * statistics.median(times), 2),
        "99 % ms": round(1000 * times[int(len(times) * 0.99)], 2),
    }


def run(held: int = 0, uploads: int = 800, rounds: int = 3) -> dict[str, dict[str, float]]:
    """Measure 1 and 8 clients on a new server; each figure is from the round with the median rate."""
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        server = Affineur(Path(folder) / "data", AFFINEUR_OFFLINE="1")
        server.start()
        try:
            token = server.token()
            hold(server, held)
            measure(server, token, 2, 40, "warm")
            for clients in (1, 8):
                found = [measure(server, token, clients, uploads, f"{clients}_{n}") for n in range(rounds)]
                found.sort(key=lambda figures: figures["uploads a second"])
                results[f"{clients} clients, {held} files held"] = found[rounds // 2]
        finally:
            server.stop()
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held", type=int, default=0)
    parser.add_argument("--uploads", type=int, default=800)
    parser.add_argument("--rounds", type=int, default=3)
    print(json.dumps(run(**vars(parser.parse_args())), indent=2))


if __name__ == "__main__":
    main()
