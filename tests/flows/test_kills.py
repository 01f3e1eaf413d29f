"""Killed at random moments during uploads and cold fetches, and started again, on one data folder.

Nothing acknowledged is lost, nothing unverified is served, the ledger stays whole. The seed of a run
is printed where it fails; AFFINEUR_SEED repeats its choices (the moments are the machine's).
"""

import contextlib
import hashlib
import json
import os
import random
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import sqlalchemy as sa

from affineur.storage.catalog import schema
from tests.support.beside import Beside
from tests.support.databases import sqlalchemy_url
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.server import Affineur

ROUNDS_OF_A_LONG_RUN = int(os.environ.get("AFFINEUR_KILLS", "1000"))
WRONG = 0.2
"""The share of upstream files whose bytes are not what the upstream's page states."""


class Clients(Beside):
    """Uploads and downloads without a pause, through every death of the server."""

    def __init__(self, server, upstream, token, chance):
        self.server, self.upstream, self.token, self.chance = server, upstream, token, chance
        self.acknowledged, self.unknown, self.problems = {}, {}, []
        self.whole = self.cut = 0
        self._number = 0
        super().__init__(self._upload, self._fetch, self._fetch)

    def _turns(self):
        """Go on while not stopped, whenever the server listens."""
        while not self.stopped.is_set():
            with socket.socket() as probe:
                listens = probe.connect_ex(("127.0.0.1", self.server.port)) == 0
            if listens:
                yield
            else:
                time.sleep(0.02)

    def _upload(self):
        for _ in self._turns():
            self._number += 1
            name = f"kept-{self._number}"
            filename = wheel_name(name, "1.0")
            body = wheel_bytes(name, "1.0", padding=self.chance.choice((0, 20_000, 300_000)))
            try:
                answer = self.server.upload(filename, body, token=self.token)
            except requests.RequestException:
                self.unknown[filename] = body
                continue
            if answer.status_code == 200:
                self.acknowledged[filename] = body
            else:
                self.problems.append(f"upload of {filename}: {answer.status_code} {answer.reason}")

    def _fetch(self):
        for _ in self._turns():
            filename = self.chance.choice(list(self.upstream.bodies))
            try:
                self._fetch_one(filename)
            except requests.RequestException as error:
                self.cut += 1
                if error.response is not None and error.response.status_code == 500:
                    self.problems.append(f"{filename}: {error.response.text}")

    def _fetch_one(self, filename):
        row = self.server.page(filename.split("-")[0])["files"][0]
        answer = self.server.get(row["url"])
        body = answer.content
        if answer.status_code == 500:
            self.problems.append(f"{filename}: {answer.text}")
        elif hashlib.sha256(body).hexdigest() == row["hashes"]["sha256"]:
            self.whole += 1
        elif len(body) >= row["size"]:
            self.problems.append(f"{filename}: {len(body)} bytes that are not what was promised")
        else:
            self.cut += 1


def stock(upstream, chance):
    """Cold files, some of which come with other bytes than their page states."""
    for number in range(300):
        filename = upstream.wheel(f"cold{number}", "1.0", padding=chance.choice((0, 100_000, 1_000_000)))
        if chance.random() < WRONG:
            body = bytearray(upstream.bodies[filename])
            body[chance.randrange(len(body))] ^= 1
            upstream.bodies[filename] = bytes(body)
    upstream.rate = 4_000_000


def one_life(server, chance, clients):
    """Start the server and kill it: while it starts, after a moment, or after something came through."""
    if chance.random() < 0.2:
        with server.log.open("ab") as log:
            server.process = subprocess.Popen(
                [sys.executable, "-m", "affineur", "serve"],
                stdout=log, stderr=subprocess.STDOUT, env=server._environment(), start_new_session=True,
            )  # fmt: skip
        time.sleep(chance.uniform(0.2, 1.5))
    else:
        server.start()
        if chance.random() < 0.7:
            count = chance.choice((lambda: len(clients.acknowledged), lambda: clients.whole))
            before, deadline = count(), time.monotonic() + 20
            while count() == before and time.monotonic() < deadline:
                time.sleep(0.002)
            time.sleep(chance.uniform(0.0, 0.1))
        else:
            time.sleep(chance.uniform(0.05, 1.0))
    server.kill()


def wrong_blobs(data, seen):
    """Blobs whose bytes are not what their name says, among those not looked at before."""
    wrong = []
    for path in (data / "blobs").glob("??/??/*"):
        if path.name not in seen:
            seen.add(path.name)
            if hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
                wrong.append(path.name)
    return wrong


def named_by_uploads(url):
    """The digests that the catalog's rows of uploads name."""
    engine = sa.create_engine(url)
    table = schema.hosted_files
    columns = (table.c.sha256, table.c.metadata_sha256, table.c.signature_sha256, table.c.provenance_sha256)
    with engine.connect() as connection:
        named = {digest for row in connection.execute(sa.select(*columns)) for digest in row if digest}
    engine.dispose()
    return named


def named_by_anything(url):
    """Every SHA-256 that stands anywhere in the catalog, as text or inside what it keeps."""
    engine = sa.create_engine(url)
    found = named_by_uploads(url)
    with engine.connect() as connection:
        for column in (schema.blobs.c.sha256, schema.metadata.c.metadata_sha256):
            found |= set(connection.execute(sa.select(column)).scalars())
    engine.dispose()
    return found


def kept(data):
    """The digests of what lies in the store, and the names of what was left in the making."""
    blobs = {path.name for path in (data / "blobs").glob("??/??/*")}
    return blobs, {path.name for path in (data / "blobs" / "staging").iterdir()}


def order_can_be_made(server, url):
    """What belongs to nothing is found by prune, and nothing else; after it there is none."""
    blobs, leftovers = kept(server.data)
    assert named_by_uploads(url) <= blobs
    told = server.command("prune", "--check", "--older-than", "0", "--format", "json", check=False)
    found = json.loads(told.stdout)
    assert set(found["orphans"]) == blobs - named_by_anything(url)
    assert set(found["leftovers"]) == leftovers
    assert found["lost"] == []
    assert kept(server.data) == (blobs, leftovers), "a check removes nothing"
    server.command("prune", "--older-than", "0", "--yes")
    assert kept(server.data) == (blobs - set(found["orphans"]), set())
    return f"{len(found['orphans'])} orphans, {len(found['leftovers'])} leftovers"


def everything_is_there(server, clients):
    """Every acknowledged upload is listed and its bytes come back; every other can be sent again."""

    def check(item):
        filename, body = item
        project = filename.split("-")[0].replace("_", "-")
        row = server.page(project)["files"][0]
        return (row["filename"], server.get(row["url"]).content == body) == (filename, True)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, clients.acknowledged.items()))
    assert clients.acknowledged, "the kills must leave some uploads time to be acknowledged"
    for filename, body in clients.unknown.items():
        assert server.upload(filename, body, token=clients.token).status_code == 200
        clients.acknowledged[filename] = body
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(check, clients.acknowledged.items()))


def kill_often(tmp_path, upstream, url, rounds):
    seed = int(os.environ.get("AFFINEUR_SEED", random.randrange(10**6)))
    print(f"AFFINEUR_SEED={seed}")
    chance = random.Random(seed)
    stock(upstream, chance)
    address = {} if url.startswith("sqlite") else {"AFFINEUR_DATABASE": url.replace("+psycopg", "")}
    server = Affineur(tmp_path / "data", upstream.url, **address)
    token = server.token()
    seen = set()
    with Clients(server, upstream, token, random.Random(seed + 1)) as clients, contextlib.ExitStack() as stack:
        stack.callback(server.kill)
        for _ in range(rounds):
            one_life(server, chance, clients)
            assert wrong_blobs(server.data, seen) == []
            assert clients.problems == []
    server.start()
    try:
        everything_is_there(server, clients)
        proved = server.command("ledger", "verify")
    finally:
        server.stop()
    ordered = order_can_be_made(server, url)
    assert wrong_blobs(server.data, set()) == []
    assert "Traceback" not in server.log.read_text()
    print(
        f"{rounds} kills: {len(clients.acknowledged)} uploads kept ({len(clients.unknown)} of them cut and sent again), "
        f"{clients.whole} files whole, {clients.cut} cut; {ordered}; {proved.stdout.strip()}"
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    (tmp_path / "data").mkdir()
    with sqlalchemy_url(request.param, tmp_path / "data") as url:
        yield url


def test_killed_at_random_moments(tmp_path, upstream, database):
    kill_often(tmp_path, upstream, database, 14 if database.startswith("sqlite") else 6)


@pytest.mark.long
def test_killed_very_often(tmp_path, upstream, database):
    kill_often(tmp_path, upstream, database, ROUNDS_OF_A_LONG_RUN // 2)
