"""The record of downloads and page requests, and what is asked of it, on each catalog."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from affineur.standards.user_agents import Client
from affineur.storage.catalog import usage
from affineur.storage.catalog.downloads import AddressKept
from affineur.storage.catalog.schema import downloads
from affineur.storage.catalog.usage import Asked, Count
from tests.support.downloads import PIP, download, page_request, record

NOW = datetime(2026, 11, 18, 10, 0, tzinfo=UTC)


def at(minutes=0, seconds=0):
    return NOW + timedelta(minutes=minutes, seconds=seconds)


def told(catalog, project="gouda", **between):
    return list(catalog.read_now(usage.taken, project, **between).rows)


def test_who_took_a_file_with_what_and_when(catalog):
    ada = download(principal="ada", token="t1", agent=PIP)
    record(catalog, (ada, at(1), "192.0.2.77"), (ada, at(9), "192.0.2.77", 3))
    record(catalog, (download(agent="uv/0.9.2"), at(5)))
    mine, other = sorted(told(catalog), key=lambda one: one.times, reverse=True)
    assert (mine.first, mine.last, mine.times) == (at(1), at(9), 4)
    assert (mine.requester.principal, mine.requester.token, mine.requester.address) == ("ada", "t1", "192.0.2.77")
    assert mine.client == Client("pip", "26.3", "3.11.7", "linux-x86_64", ci=True)
    assert (mine.index, mine.version) == ("main", "1.0")
    assert (other.client.product, other.requester.principal, other.times) == ("uv/0.9.2", "", 1)


def test_equal_headers_of_different_requests_are_one_client(catalog):
    for number in range(3):
        record(catalog, (download(agent=PIP[:-1] + f', "n": {number}}}'), at(number)))
    (one,) = told(catalog)
    assert one.times == 3


def test_a_moment_belongs_to_the_span_that_begins_with_it(catalog):
    record(catalog, *[(download(), at(minutes)) for minutes in (0, 1, 2)])
    assert [one.times for one in told(catalog, since=at(1))] == [2]
    assert [one.times for one in told(catalog, until=at(1))] == [1]
    assert [one.times for one in told(catalog, since=at(0), until=at(2))] == [2]
    assert told(catalog, since=at(3)) == []


def test_parts_of_files_are_told_apart(catalog):
    record(catalog, (download(), at()), (download(status=206), at(), 5))
    (one,) = told(catalog)
    assert (one.times, one.partly) == (6, 5)


def test_the_newest_come_first_and_the_rest_is_counted(catalog):
    for number in range(5):
        record(catalog, (download(principal=f"user-{number}"), at(number), 2))
        record(catalog, (download(f"gouda-{number}.whl", version=str(number), index="other"), at(-10)))
    made = catalog.read_now(usage.taken, "gouda", ["1.0", "3"], limit=2)
    assert [(one.requester.principal, one.times) for one in made.rows] == [("user-4", 2), ("user-3", 2)]
    assert (made.more, made.times, made.requesters, made.first, made.last) == (4, 11, 6, at(-10), at(4))
    assert len(told(catalog)) == 10
    assert [one.version for one in told(catalog, versions=["3"])] == ["3"]
    assert len(told(catalog, index="other")) == 5
    assert catalog.read_now(usage.taken, "brie") == usage.Taking()


@pytest.mark.parametrize(
    ("kept", "address", "written"),
    [
        (AddressKept.NONE, "192.0.2.77", ""),
        (AddressKept.FULL, "192.0.2.77", "192.0.2.77"),
        (AddressKept.NETWORK, "192.0.2.77", "192.0.2.0/24"),
        (AddressKept.NETWORK, "2001:db8:1:2:3::4", "2001:db8:1::/48"),
        (AddressKept.NETWORK, "::ffff:192.0.2.77", "192.0.2.0/24"),
        (AddressKept.NETWORK, "fe80::1%eth0", "fe80::/48"),
        (AddressKept.NETWORK, "no address", ""),
    ],
)
def test_of_an_address_no_more_is_kept_than_wanted(catalog, kept, address, written):
    record(catalog, (download(), at(), address), address=kept)
    assert [one.requester.address for one in told(catalog)] == [written]


def test_downloads_of_an_hour_are_told_together(catalog):
    ada, bob = download(principal="ada"), download("gouda-2.0.tar.gz", version="2.0", principal="bob")
    record(catalog, *[(ada, at(minutes)) for minutes in (1, 5, 70, -90)], (bob, at(6)))
    files = catalog.read_now(usage.of_index, "main", NOW)
    rows = catalog.read_now(usage.asked, files, NOW)["gouda"]
    assert sorted(rows, key=lambda one: (one.filename, one.times)) == [
        Asked("gouda-1.0.tar.gz", "ada", "pip/26", at(70), at(70), 1),
        Asked("gouda-1.0.tar.gz", "ada", "pip/26", at(1), at(5), 2),
        Asked("gouda-2.0.tar.gz", "bob", "pip/26", at(6), at(6), 1),
    ]
    assert catalog.read_now(usage.of_index, "other", NOW) == []
    assert catalog.read_now(usage.versions, "gouda") == {"1.0", "2.0"}
    assert catalog.read_now(usage.of_index, "main", NOW + timedelta(days=1)) == []


def test_an_hour_ends_with_its_last_second(catalog):
    moments = [at(0, -1), at(0), at(29, 59), at(30), at(59, 59), at(60)]
    record(catalog, *[(download(), moment) for moment in moments])
    files = catalog.read_now(usage.of_index, "main", at(-60))
    rows = catalog.read_now(usage.asked, files, at(-60))["gouda"]
    assert sorted((one.first, one.last, one.times) for one in rows) == [
        (at(0, -1), at(0, -1), 1), (at(0), at(59, 59), 4), (at(60), at(60), 1),
    ]  # fmt: skip


def test_page_requests_add_up_by_the_hour(catalog):
    ada = page_request(principal="ada")
    for moments in ([1, 2], [59, 61]):
        record(catalog, pages=[(ada, at(minutes)) for minutes in moments])
    record(catalog, pages=[(page_request("brie"), at()), (page_request(index="other"), at())])
    assert catalog.read_now(usage.pages_of_index, "main", NOW) == ["brie", "gouda"]
    rows = catalog.read_now(usage.pages_asked, "main", ["gouda", "brie"], NOW)
    assert sorted((one.principal, one.first, one.times) for one in rows["gouda"]) == [
        ("ada", at(0), 3), ("ada", at(60), 1),
    ]  # fmt: skip
    assert [one.times for one in rows["brie"]] == [1]
    assert catalog.read_now(usage.pages_asked, "main", ["gouda"], at(61))["gouda"][0].first == at(60)


def test_downloads_are_counted_by_the_day(catalog):
    for days, agent in ((0, PIP), (0, "uv/0.9.2"), (1, PIP)):
        record(catalog, (download(agent=agent), NOW + timedelta(days=days)))
    record(catalog, (download("brie-3.tar.gz", project="brie", version="3", index="other"), NOW, 7))
    today, next_day = date(2026, 11, 18), date(2026, 11, 19)

    def counted(by, **more):
        return catalog.read_now(usage.counts, by, **more)

    assert counted("project") == [Count("brie", 7, today, today), Count("gouda", 3, today, next_day)]
    assert counted("project", limit=1) == [Count("brie", 7, today, today)]
    assert counted("client", project="gouda") == [Count("pip", 2, today, next_day), Count("uv", 1, today, today)]
    assert [(row.what, row.times) for row in counted("python", project="gouda")] == [("3.11", 2), ("", 1)]
    assert [(row.what, row.times) for row in counted("ci", project="gouda")] == [("yes", 2), ("no", 1)]
    assert counted("index", index="other") == [Count("other", 7, today, today)]
    assert counted("version", project="gouda", since=NOW + timedelta(days=1)) == [Count("1.0", 1, next_day, next_day)]
    assert counted("version", project="gouda", until=datetime(2026, 11, 19, tzinfo=UTC)) == [
        Count("1.0", 2, today, today)
    ]


def test_what_could_not_be_written_down_is_known(catalog):
    second = int(NOW.timestamp())
    record(catalog, lost=(12, second, second + 60))
    assert catalog.read_now(usage.gaps) == 12
    assert catalog.read_now(usage.gaps, at(1), None) == 12
    assert catalog.read_now(usage.gaps, at(2), None) == 0
    assert catalog.read_now(usage.gaps, None, at(0)) == 0


def test_what_is_not_to_be_recorded_leaves_nothing(catalog):
    record(catalog, (download(principal="ada"), at()), pages=[(page_request(), at())], written=False)
    with catalog.engine.connect() as connection:
        assert connection.execute(sa.select(downloads)).all() == []
    assert catalog.read_now(usage.versions, "gouda") == frozenset()
    assert catalog.read_now(usage.counts, "project") == []
