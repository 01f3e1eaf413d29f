"""Records are deleted and made anonymous in steps, on each catalog."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from affineur.storage.catalog import record_keeping, usage
from affineur.storage.catalog.record_keeping import anonymise, forget
from affineur.storage.catalog.schema import METADATA, clients, downloads, page_requests, requested_files, requesters
from tests.support.downloads import download, page_request, record

NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)
ADA = {"principal": "ada", "token": "t1"}


def ago(**spans):
    return NOW - timedelta(**spans)


def steps(catalog, step, before):
    """Run a step until nothing is left; return what each did."""
    done = []
    while made := catalog.write_now(step, before):
        done.append(made)
    return done


def rows(catalog, table):
    with catalog.engine.connect() as connection:
        return connection.execute(sa.select(table)).all()


def told(catalog):
    found = catalog.read_now(usage.taken, "gouda").rows
    return sorted((one.requester.principal, one.requester.address, one.times) for one in found)


@pytest.fixture
def small_steps(monkeypatch):
    monkeypatch.setattr(record_keeping, "STEP", 3)


def test_what_is_too_old_goes_with_all_that_stood_behind_it(catalog, small_steps):
    old = download("gouda-0.9.tar.gz", version="0.9", agent="pip/9", **ADA)
    record(catalog, *[(old, ago(days=9, minutes=n)) for n in range(7)], pages=[(page_request(**ADA), ago(days=9))])
    new = download(principal="bob")
    record(catalog, (new, ago(days=1)), pages=[(page_request(principal="bob"), ago(days=1))])
    assert sum(steps(catalog, forget, ago(days=5))) == 8
    assert told(catalog) == [("bob", "", 1)]
    assert [row.times for row in rows(catalog, page_requests)] == [1]
    assert [row.filename for row in rows(catalog, requested_files)] == ["gouda-1.0.tar.gz"]
    assert {row.principal for row in rows(catalog, requesters)} <= {"bob", ""}
    assert len(rows(catalog, clients)) == 1
    assert catalog.read_now(usage.counts, "version")[0].times == 7, "daily counts stay"
    assert steps(catalog, forget, ago(days=5)) == []


def test_what_is_old_enough_says_no_more_who_it_was(catalog, small_steps):
    ada = download(**ADA)
    record(catalog, *[(ada, ago(days=9, minutes=n), "192.0.2.1") for n in range(7)])
    record(catalog, (download(principal="bob"), ago(days=1), "192.0.2.2"))
    pages = [(page_request(**ADA), ago(days=9)), (page_request(), ago(days=9)), (page_request(**ADA), ago(days=1))]
    record(catalog, pages=pages)
    assert sum(steps(catalog, anonymise, ago(days=5))) == 8
    assert told(catalog) == [("", "", 7), ("bob", "192.0.2.2", 1)]
    asked = catalog.read_now(usage.pages_asked, "main", ["gouda"], ago(days=30))["gouda"]
    assert sorted((one.principal, one.times) for one in asked) == [("", 2), ("ada", 1)]
    assert {(row.principal, row.address) for row in rows(catalog, requesters)} == {
        ("", ""), ("bob", "192.0.2.2"), ("ada", ""),
    }  # fmt: skip
    assert sum(steps(catalog, anonymise, ago(days=0))) == 2
    assert told(catalog) == [("", "", 1), ("", "", 7)] or told(catalog) == [("", "", 8)]


def test_records_that_come_late_are_made_anonymous_too(catalog):
    steps(catalog, anonymise, ago(days=5))
    record(catalog, (download(**ADA), ago(days=6)))
    assert steps(catalog, anonymise, ago(days=5)) == [1]
    assert told(catalog) == [("", "", 1)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["ada", "bob", ""]), st.integers(1, 3)), max_size=25),
    st.integers(0, 400),
    st.integers(0, 400),
)
def test_whatever_was_recorded_no_row_points_to_nothing_and_no_old_name_is_left(catalog, given_rows, keep, name):
    with catalog.engine.connect().execution_options(affineur_write=True) as connection, connection.begin():
        for table in METADATA.tables.values():
            connection.execute(sa.delete(table))
    for hours, principal, times in given_rows:
        who = {"principal": principal}
        record(catalog, (download(**who), ago(hours=hours), times), pages=[(page_request(**who), ago(hours=hours))])
    steps(catalog, forget, ago(hours=keep))
    steps(catalog, anonymise, ago(hours=name))
    names = {row.id: row.principal for row in rows(catalog, requesters)}
    left = rows(catalog, downloads)
    assert sum(row.times for row in left) == sum(times for hours, _, times in given_rows if hours <= keep)
    for row in left:
        assert row.file_id in {file.id for file in rows(catalog, requested_files)}
        assert row.client_id in {client.id for client in rows(catalog, clients)}
        assert names[row.requester_id] == "" or row.at >= ago(hours=name).timestamp()
    for row in rows(catalog, page_requests):
        assert row.requester_id in names
        assert row.client_id in {client.id for client in rows(catalog, clients)}
