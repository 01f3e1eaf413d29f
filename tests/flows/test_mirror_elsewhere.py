"""A mirror whose files lie in an object store and whose catalog is PostgreSQL."""

import concurrent.futures

import pytest
import requests

from tests.support.databases import postgresql
from tests.support.object_store import object_store
from tests.support.server import Affineur


@pytest.fixture
def affineur(tmp_path, upstream):
    with postgresql() as database, object_store() as (blobs, environment):
        server = Affineur(
            tmp_path / "data", upstream.url, AFFINEUR_DATABASE=database, AFFINEUR_BLOBS=blobs, **environment
        )
        yield server.start()
        server.stop()


def test_cold_files_are_fetched_once_and_served_when_the_upstream_is_gone(affineur, upstream):
    upstream.metadata = False
    filename = upstream.wheel("cheddar", "1.0", padding=2_000_000)
    upstream.rate = 4_000_000
    row = affineur.page("cheddar")["files"][0]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda _: requests.get(affineur.file_url(row), timeout=60).content, range(8)))
    assert set(bodies) == {upstream.bodies[filename]}
    upstream.stop()
    assert requests.get(affineur.file_url(row), timeout=30).content == upstream.bodies[filename]
    whole = requests.get(affineur.file_url(row) + ".metadata", timeout=30)
    assert whole.content == upstream.bodies[filename + ".metadata"]
    assert "cheddar" in affineur.command("mirror", "add", "cheddar", check=False).stdout
    assert affineur.command("prune", "--check", "--older-than", "0").returncode == 0
    pruned = affineur.command("prune", "--keep", "0", "--yes").stdout
    assert f"file {filename} given up" in pruned
    assert requests.get(affineur.file_url(row), timeout=30).status_code == 504
    upstream.restart()
    assert requests.get(affineur.file_url(row), timeout=30).content == upstream.bodies[filename]
