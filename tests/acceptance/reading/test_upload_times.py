"""When a file was uploaded (PEP 700): what the upstream states, else what its JSON API does, else when it was seen."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.support import distributions


@pytest.fixture(autouse=True)
def as_before(upstream):
    yield
    upstream.form, upstream.json_api, upstream.upload_times = "json", False, True


def moment(row):
    return datetime.fromisoformat(row["upload-time"])


def is_now(row):
    return abs(datetime.now(UTC) - moment(row)) < timedelta(seconds=60)


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ("2023-04-05T06:07:08.123456Z", "2023-04-05T06:07:08.123456Z"),
        ("2023-04-05T06:07:08Z", "2023-04-05T06:07:08Z"),
        ("2023-04-05T08:07:08+02:00", "2023-04-05T06:07:08Z"),
        ("2023-04-05T06:07:08.5", "2023-04-05T06:07:08.500000Z"),
        ("2023-04-05 06:07:08", "2023-04-05T06:07:08Z"),
    ],
)
def test_a_time_on_the_upstreams_page_passes(affineur, upstream, stated, wanted):
    name = f"stated-{abs(hash(stated))}"
    upstream.wheel(name, "1.0", keys={"upload-time": stated})
    (row,) = affineur.page(name)["files"]
    assert row["upload-time"] == wanted
    assert row["_upload_time_source"] == "upstream"


@pytest.mark.parametrize("stated", ["yesterday", "", 12, None, "2023-99-99T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_cannot_be_read_counts_as_none(affineur, upstream, stated):
    name = f"unread-{abs(hash(repr(stated)))}"
    upstream.wheel(name, "1.0", keys={"upload-time": stated})
    (row,) = affineur.page(name)["files"]
    assert is_now(row)
    assert row["_upload_time_source"] == "first-seen"


@pytest.mark.parametrize("form", ["json", "html"])
def test_else_the_json_api_of_the_upstream_is_asked(affineur, upstream, form):
    upstream.form, upstream.json_api, upstream.upload_times = form, True, False
    name = f"asked-{form}"
    upstream.wheel(name, "1.0", keys={"upload-time": "2022-02-03T04:05:06.789000Z"})
    (row,) = affineur.page(name)["files"]
    assert row["upload-time"] == "2022-02-03T04:05:06.789000Z"
    assert row["_upload_time_source"] == "json-api"
    assert upstream.asked(f"/pypi/{name}/json")


def test_the_json_api_tells_the_size_too_where_it_means_the_same_bytes(affineur, upstream):
    upstream.form, upstream.json_api = "html", True
    names = {version: upstream.wheel("weighed", version) for version in ("1.0", "2.0")}
    sizes = {version: len(upstream.bodies[name]) for version, name in names.items()}
    other = {
        "filename": names["2.0"],
        "size": 1,
        "upload_time_iso_8601": "2001-01-01T00:00:00Z",
        "digests": {"sha256": "0" * 64},
    }
    same = {"filename": names["1.0"], "size": sizes["1.0"], "upload_time_iso_8601": None, "digests": None}
    body = json.dumps({"releases": {"1.0": [same], "2.0": [other]}}).encode()
    upstream.overrides["/pypi/weighed/json"] = lambda handler: handler.answer(200, body)
    first, second = affineur.page("weighed")["files"]
    assert first["size"] == sizes["1.0"]
    assert "size" not in second
    assert first["_upload_time_source"] == second["_upload_time_source"] == "first-seen"


@pytest.mark.parametrize("form", ["json", "html"])
def test_else_it_is_when_the_file_was_first_seen_and_stays_that(affineur, upstream, form):
    upstream.form, upstream.upload_times = form, False
    name = f"seen-{form}"
    upstream.wheel(name, "1.0")
    (first,) = affineur.page(name)["files"]
    assert is_now(first)
    assert first["_upload_time_source"] == "first-seen"
    upstream.wheel(name, "1.1")
    again = affineur.page(name)["files"]
    assert first in again


def test_what_the_upstream_states_later_is_taken(affineur, upstream):
    upstream.upload_times = False
    upstream.wheel("later", "1.0", keys={"upload-time": "2021-01-01T00:00:00Z"})
    (row,) = affineur.page("later")["files"]
    assert row["_upload_time_source"] == "first-seen"
    upstream.upload_times = True
    (row,) = affineur.page("later")["files"]
    assert (row["upload-time"], row["_upload_time_source"]) == ("2021-01-01T00:00:00Z", "upstream")


def test_what_the_json_api_said_stays_when_it_is_silent_later(affineur, upstream):
    upstream.form, upstream.json_api = "html", True
    upstream.wheel("silent", "1.0", keys={"upload-time": "2021-01-01T00:00:00Z"})
    assert affineur.page("silent")["files"][0]["_upload_time_source"] == "json-api"
    upstream.json_api = False
    upstream.wheel("silent", "1.1")
    old, new = affineur.page("silent")["files"]
    assert (old["upload-time"], old["_upload_time_source"]) == ("2021-01-01T00:00:00Z", "json-api")
    assert new["_upload_time_source"] == "first-seen"


def test_a_broken_json_api_costs_nothing(affineur, upstream):
    upstream.upload_times = False
    for at, body in enumerate((b"<html>", b"[]", b'{"releases": []}', b'{"releases": {"1.0": [{"upload_time_iso_8601": "x"}]}}',
                               b'{"releases": {"1.0": 3}}', b'{"releases": null}')):  # fmt: skip
        name = f"broken-{at}"
        upstream.wheel(name, "1.0")
        upstream.overrides[f"/pypi/{name}/json"] = lambda handler, body=body: handler.answer(200, body)
        (row,) = affineur.page(name)["files"]
        assert row["_upload_time_source"] == "first-seen"


def test_the_time_of_a_private_file_is_that_of_its_upload(affineur, token):
    name = distributions.wheel_name("private", "1.0")
    before = datetime.now(UTC) - timedelta(seconds=1)
    assert affineur.upload(name, distributions.wheel_bytes("private", "1.0"), token=token).status_code == 200
    (row,) = affineur.page("private")["files"]
    assert before <= moment(row) <= datetime.now(UTC) + timedelta(seconds=1)
    assert row["_upload_time_source"] == "upload"


def test_fetching_a_file_does_not_change_its_time(affineur, upstream):
    upstream.wheel("cached", "1.0", keys={"upload-time": "2020-01-01T00:00:00Z"})
    (row,) = affineur.page("cached")["files"]
    assert affineur.get(row["url"]).status_code == 200
    assert affineur.page("cached")["files"] == [row]
