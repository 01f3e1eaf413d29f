"""The record of downloads and page requests as a server keeps it: real clients, bounds, sudden deaths."""

import contextlib
import os
import platform
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests

from affineur.errors import StorageUnavailable
from affineur.model.names import ProjectName
from affineur.storage.catalog import usage
from affineur.storage.catalog.database import Catalog
from affineur.storage.catalog.downloads import AddressKept
from affineur.web.noted import Noted
from tests.support.downloads import download, page_request
from tests.support.polling import eventually
from tests.support.server import Affineur

OLD = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture
def affineur(tmp_path, upstream):
    server = Affineur(tmp_path / "data", upstream.url)
    yield server.start()
    server.stop()


@contextlib.contextmanager
def opened(server):
    catalog = Catalog.open(f"sqlite:///{server.data / 'catalog.db'}")
    try:
        yield catalog
    finally:
        catalog.close()


def taken(server, project="cheddar"):
    with opened(server) as catalog:
        return catalog.read_now(usage.taken, project).rows


def fetch(server, project="cheddar", **options):
    (row,) = server.page(project)["files"]
    answer = requests.get(server.file_url(row), timeout=30, **options)
    assert answer.status_code in {200, 206}


@pytest.mark.parametrize("index", ["main", "guarded"])
def test_real_clients_are_recorded_with_who_and_what_they_are(tmp_path, upstream, installer, index):
    upstream.wheel("cheddar", "1.0")
    guarded = '[indexes.guarded]\nsources = ["public"]\nanonymous = false\n'
    with Affineur(tmp_path / "data", upstream.url, config=guarded) as affineur:
        token = affineur.token(index, "read", "ada")
        done = installer(affineur.index(index).replace("://", f"://ada:{token}@"), "cheddar==1.0")
        assert done.returncode == 0, done.stderr
        (one,) = eventually(lambda: taken(affineur))
        with opened(affineur) as catalog:
            (asked,) = eventually(lambda: catalog.read_now(usage.pages_asked, index, ["cheddar"], OLD))["cheddar"]
    assert one.client.name in {"pip", "uv"}
    assert one.client.version
    assert one.client.python.startswith("3.11")
    assert one.client.platform == f"linux-{platform.machine()}"
    assert one.client.ci is bool({"CI", "BUILD_BUILDID", "BUILD_ID", "PIP_IS_CI"} & os.environ.keys())
    assert (one.index, one.version, one.times, one.partly) == (index, "1.0", 1, 0)
    assert asked.client == one.client.product
    if index == "guarded" or one.client.name == "pip":  # uv sends what it was not asked for with pages at most
        assert (one.requester.principal, one.requester.address) == ("ada", "")
        assert one.requester.token
        assert asked.principal == "ada"


def test_a_token_that_is_not_valid_reads_where_none_is_needed_and_is_nobody(affineur, upstream):
    upstream.wheel("cheddar", "1.0")
    fetch(affineur, auth=("ada", "affineur-wrong"), headers={"User-Agent": "pip/26"})
    (one,) = eventually(lambda: taken(affineur))
    assert one.requester == usage.Requester()


def test_pages_of_unknown_projects_are_recorded_too(affineur):
    for _ in range(3):
        assert affineur.get("/main/simple/reqeusts/", headers={"User-Agent": "pip/26"}).status_code in {200, 404}
    with opened(affineur) as catalog:

        def times():
            found = catalog.read_now(usage.pages_asked, "main", ["reqeusts"], OLD)
            return sum(one.times for one in found.get("reqeusts", []))

        assert eventually(lambda: times() == 3)


@pytest.mark.parametrize(("setting", "address"), [("none", ""), ("network", "127.0.0.0/24"), ("full", "127.0.0.1")])
def test_the_address_is_recorded_as_far_as_configured(tmp_path, upstream, setting, address):
    upstream.wheel("cheddar", "1.0")
    with Affineur(tmp_path / "data", upstream.url, AFFINEUR_RECORD_ADDRESS=setting) as server:
        for _ in range(3):
            fetch(server)
        records = eventually(lambda: (found := taken(server)) and sum(one.times for one in found) == 3 and found)
        assert {one.requester.address for one in records} == {address}


def test_a_wrong_word_for_the_address_is_told(tmp_path):
    server = Affineur(tmp_path / "data", AFFINEUR_RECORD_ADDRESS="true")
    told = server.command("check", check=False).stderr
    assert "record_address: 'none', 'network' or 'full' is wanted" in told


def test_only_the_last_second_is_lost_when_the_server_is_killed(affineur, upstream):
    upstream.wheel("cheddar", "1.0")
    fetch(affineur)
    eventually(lambda: taken(affineur))
    finished = []
    end = time.monotonic() + 3
    while time.monotonic() < end:
        fetch(affineur)
        finished.append(time.monotonic())
    affineur.kill()
    killed = time.monotonic()
    affineur.start()
    assert sum(one.times for one in taken(affineur)) >= 1 + sum(moment < killed - 1 for moment in finished)


async def test_what_does_not_fit_is_counted_told_and_kept_as_a_gap(tmp_path, monkeypatch):
    catalog = Catalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")
    noted = Noted(catalog, recorded=True, address=AddressKept.FULL, most=3)
    given = download()

    async def gone(*_, **__):
        raise StorageUnavailable("gone")

    with monkeypatch.context() as broken:
        broken.setattr(catalog, "write", gone)
        for number in range(5):
            noted.download(given, f"192.0.2.{number}")
        with pytest.raises(StorageUnavailable):
            await noted.write()
        noted.download(given, "192.0.2.0")
        noted.download(given, "192.0.2.9")
        noted.page(page_request())
        with pytest.raises(StorageUnavailable):
            await noted.write()
    assert noted.lost == 3
    await noted.write()
    assert not noted.batch
    records = catalog.read_now(usage.taken, "gouda").rows
    assert sum(one.times for one in records) == 4
    assert {one.requester.address for one in records} == {f"192.0.2.{number}" for number in range(3)}
    assert catalog.read_now(usage.gaps) == 3
    assert list(catalog.read_now(usage.pages_asked, "main", [ProjectName("gouda")], OLD)) == ["gouda"]
    catalog.close()
