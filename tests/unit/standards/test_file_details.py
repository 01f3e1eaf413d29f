"""What is odd in an upstream's JSON API costs that key or that document, nothing more."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affineur.errors import InvalidDocument
from affineur.standards.file_details import FileDetails, file_details


def read(*files):
    return file_details(json.dumps({"info": {}, "releases": {"1.0": list(files)}}).encode(), "x")


def test_everything_stated():
    stated = read({"filename": "f", "upload_time_iso_8601": "2024-01-02T03:04:05.6Z", "upload_time": "2001-01-01T00:00:00",
                   "size": 12, "digests": {"sha256": "ab", "md5": "cd"}})  # fmt: skip
    assert stated == {"f": FileDetails(datetime(2024, 1, 2, 3, 4, 5, 600_000, UTC), 12, "ab")}


def test_the_older_key_has_no_zone():
    assert read({"filename": "f", "upload_time": "2001-01-01T00:00:00"})["f"].upload_time == datetime(
        2001, 1, 1, tzinfo=UTC
    )


def test_a_document_without_releases_states_nothing():
    assert file_details(b'{"info": {}, "urls": []}', "x") == {}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"releases": null}', b'{"releases": {"1": 3}}', b"<html>", b'{"x":' + b"[" * 99_999]
)
def test_what_is_no_such_document_is_refused(body):
    with pytest.raises(InvalidDocument):
        file_details(body, "x")


_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=30)
)
_keys = st.sampled_from(["upload_time_iso_8601", "upload_time", "size", "digests"])


@given(
    st.dictionaries(_keys, _scalars | st.lists(_scalars, max_size=2) | st.dictionaries(st.text(max_size=6), _scalars))
)
def test_no_value_breaks_it(row):
    details = read({"filename": "f", **row})["f"]
    assert details.size is None or details.size >= 0
    assert details.upload_time is None or details.upload_time.tzinfo is UTC
