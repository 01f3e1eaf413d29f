"""Questions about the mirrored files in the store, on both databases."""

from datetime import UTC, datetime

import pytest

from affineur.storage.catalog import blobs, cache, metadata
from affineur.storage.catalog.cache import Held, Holding, Traffic
from tests.support.downloads import download, record

START = (0.0, "")


def digest(number):
    return f"{number:064x}"


def arrive(catalog, number, *, size=100, source="public", project="cheddar"):
    held = Held(digest(number), size, source, project, f"{project}-{number}.tar.gz")
    catalog.write_now(cache.arrived, held, "m" * 32, "b" * 64)
    return held


def candidates(catalog):
    return [files for _, files in catalog.read_now(cache.least_used, START, 100)]


def use(catalog, number, *, cold=False):
    filename = f"cheddar-{number}.tar.gz"
    given = download(filename, project="cheddar", mirror="public", sha256=digest(number), sent=100)
    record(catalog, (given, datetime.now(UTC), cold))


def test_longest_unused_comes_first(catalog):
    first, second, third = (arrive(catalog, number) for number in (3, 1, 2))
    assert candidates(catalog) == [[first], [second], [third]]
    use(catalog, 3)
    assert candidates(catalog) == [[second], [third], [first]]


def test_pages_of_candidates_leave_out_nothing(catalog):
    files = [arrive(catalog, number) for number in range(7)]
    seen, after = [], START
    while rows := catalog.read_now(cache.least_used, after, 2):
        seen += [held for _, held in rows]
        after = (rows[-1][0], rows[-1][1][0].sha256)
    assert seen == [[file] for file in files]


def test_pinned_files_are_no_candidates_until_the_pin_is_gone(catalog):
    first, second = arrive(catalog, 1), arrive(catalog, 2)
    catalog.write_now(cache.pin, "public", {first.sha256})
    assert candidates(catalog) == [[second]]
    assert catalog.read_now(cache.holdings) == {"public": Holding(2, 200, 1)}
    catalog.write_now(cache.unpin, "public")
    assert candidates(catalog) == [[first], [second]]


def test_uploads_are_no_candidates(catalog):
    catalog.write_now(blobs.record, digest(1), 100, "m" * 32, "b" * 64, "upload")
    assert candidates(catalog) == []
    assert catalog.read_now(cache.total) == 0


def test_eviction_yields_to_a_use_in_between(catalog):
    file = arrive(catalog, 1)
    ((used_at, _),) = catalog.read_now(cache.least_used, START, 10)
    use(catalog, 1)
    assert not catalog.write_now(cache.evict, file.sha256, used_at)
    ((used_at, _),) = catalog.read_now(cache.least_used, START, 10)
    assert catalog.write_now(cache.evict, file.sha256, used_at)
    assert not catalog.write_now(cache.evict, file.sha256, used_at)


def test_evicted_bytes_are_not_counted_and_count_again_once_fetched(catalog):
    file = arrive(catalog, 1)
    ((used_at, _),) = catalog.read_now(cache.least_used, START, 10)
    catalog.write_now(cache.evict, file.sha256, used_at)
    assert catalog.read_now(cache.total) == 0
    assert catalog.read_now(blobs.totals) == {}
    assert catalog.read_now(cache.referenced, [file.sha256]) == set()
    assert catalog.read_now(blobs.digests, [file.sha256])[file.sha256]["md5"] == "m" * 32
    arrive(catalog, 1)
    assert catalog.read_now(cache.total) == 100
    assert catalog.read_now(cache.referenced, [file.sha256]) == {file.sha256}


def test_bytes_that_nobody_noted_are_taken_up(catalog):
    file = Held(digest(1), 100, "public", "cheddar", "cheddar-1.tar.gz")
    catalog.write_now(cache.own, [file])
    assert catalog.read_now(cache.referenced, [file.sha256]) == {file.sha256}
    assert candidates(catalog) == [[file]]


def test_one_digest_in_two_mirrors_is_held_once(catalog):
    first = arrive(catalog, 1)
    second = arrive(catalog, 1, source="other")
    assert catalog.read_now(cache.total) == 100
    assert candidates(catalog) == [[second, first]] or candidates(catalog) == [[first, second]]
    assert set(catalog.read_now(cache.holdings)) == {"public", "other"}


def test_metadata_refers_to_its_blob(catalog):
    catalog.write_now(metadata.record, digest(1), digest(2), "file")
    assert catalog.read_now(cache.referenced, [digest(1), digest(2), digest(3)]) == {digest(2)}


def test_hits_misses_and_bytes_add_up(catalog):
    arrive(catalog, 1, size=1000)
    use(catalog, 1, cold=True)
    use(catalog, 1)
    use(catalog, 1)
    assert catalog.read_now(cache.traffic_of) == {"public": Traffic(2, 1, 200, 1000)}


def test_downloads_that_are_not_to_be_written_are_counted(catalog):
    arrive(catalog, 1)
    record(catalog, (download(mirror="public", sent=7), datetime.now(UTC)), written=False)
    assert catalog.read_now(cache.traffic_of)["public"].bytes_saved == 7


@pytest.mark.parametrize("origin", ["mirror", "upload"])
def test_only_mirrored_bytes_can_be_noted_as_lost(catalog, origin):
    catalog.write_now(blobs.record, digest(1), 100, "", "", origin)
    catalog.write_now(cache.lost, [digest(1)])
    left = catalog.read_now(cache.stored, "", 10)
    assert left == ([] if origin == "mirror" else [(digest(1), "upload")])


def test_files_held_are_told_by_project_without_those_given_up(catalog):
    first, second = arrive(catalog, 1), arrive(catalog, 2)
    arrive(catalog, 3, project="gouda")
    arrive(catalog, 4, source="other")
    catalog.write_now(cache.lost, [second.sha256])
    assert catalog.read_now(cache.held_files, "public") == {
        "cheddar": {first.filename}, "gouda": {"gouda-3.tar.gz"},
    }  # fmt: skip
