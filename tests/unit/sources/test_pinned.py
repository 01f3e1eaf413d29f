"""What an upstream lists now, merged with what was seen before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from affineur.model.files import File, ProjectStatus, Status, UploadTimeSource
from affineur.sources.pinned import Delta, Listing, merge
from affineur.standards.simple_api.parse_json import UpstreamPage

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
ONE = File("brie-1.0.tar.gz", "1.0", {"sha256": "a" * 64}, size=10)
TWO = File("brie-2.0.tar.gz", "2.0", {"sha256": "b" * 64}, size=20)


def page(*files, status=Status.ACTIVE):
    return UpstreamPage(files, tuple(file.version for file in files), ProjectStatus(status))


def first(*files):
    return merge(Listing(), page(*files), NOW)[0]


def test_the_same_page_again_changes_nothing():
    before = first(ONE, TWO)
    assert merge(before, page(ONE, TWO), LATER) == (before, Delta())
    assert not Delta()


def test_each_kind_of_change_is_told_by_name():
    three = File("brie-3.0.tar.gz", "3.0", {"sha256": "c" * 64})
    before = first(ONE, TWO, three)
    other = replace(TWO, hashes={"sha256": "f" * 64})
    new = File("brie-4.0.tar.gz", "4.0", {"sha256": "d" * 64})
    listing, delta = merge(before, page(replace(ONE, yanked=True), other, new), LATER)
    assert delta == Delta((new.filename,), (ONE.filename,), (three.filename,), (TWO.filename,))
    kept = {file.filename: file for file in listing.files}
    assert kept[TWO.filename].hashes == TWO.hashes
    assert kept[three.filename].vanished == LATER


def test_a_status_is_told_also_where_files_came_with_it():
    for files in ([ONE], [ONE, TWO]):
        listing, delta = merge(first(ONE), page(*files, status=Status.QUARANTINED), LATER)
        assert (listing.status.status, delta.status, bool(delta)) == (Status.QUARANTINED, Status.QUARANTINED, True)


def test_a_time_first_seen_gives_way_to_one_that_the_upstream_states():
    before = first(ONE)
    assert (before.files[0].upload_time, before.files[0].upload_time_source) == (NOW, UploadTimeSource.FIRST_SEEN)
    stated = replace(ONE, upload_time=NOW - timedelta(days=9))
    after, _ = merge(before, page(stated), LATER)
    assert (after.files[0].upload_time, after.files[0].first_seen) == (NOW - timedelta(days=9), NOW)
    again, _ = merge(after, page(ONE), LATER)
    assert again.files[0].upload_time == NOW - timedelta(days=9)
