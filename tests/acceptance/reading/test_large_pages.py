"""Pages of thousands of files."""

import gzip
import hashlib
import statistics
import time

import pytest
import zstandard

JSON = "application/vnd.pypi.simple.v1+json"
FILES = 2000


@pytest.fixture(scope="module", autouse=True)
def project(upstream):
    rows = {}
    for number in range(FILES):
        filename = f"plenty-1.{number}-py3-none-any.whl"
        rows[filename] = {
            "filename": filename,
            "url": f"/files/{filename}",
            "hashes": {"sha256": hashlib.sha256(filename.encode()).hexdigest()},
            "size": 1000 + number,
            "upload-time": "2024-01-02T03:04:05.000000Z",
            "requires-python": ">=3.8",
            "yanked": False,
            "core-metadata": {"sha256": hashlib.sha256(b"m" + filename.encode()).hexdigest()},
        }
    upstream.projects["plenty"] = rows


@pytest.fixture(scope="module")
def settings():
    return {"AFFINEUR_FRESH_FOR": "600"}


@pytest.mark.parametrize("coding", ["identity", "gzip", "zstd"])
def test_a_page_of_2000_files_is_served_warm_in_less_than_50_ms(raw, coding):
    asked = {"Accept": JSON, "Accept-Encoding": coding}
    _, body = raw("/main/simple/plenty/", headers=asked)
    if coding == "gzip":
        body = gzip.decompress(body)
    elif coding == "zstd":
        body = zstandard.ZstdDecompressor().decompress(body, 2**24)
    assert body.count(b'"filename"') == FILES
    taken = []
    for _ in range(9):
        begun = time.perf_counter()
        raw("/main/simple/plenty/", headers=asked)
        taken.append(time.perf_counter() - begun)
    assert statistics.median(taken) < 0.05


def test_the_same_page_in_html_lists_every_file(raw):
    _, body = raw("/main/simple/plenty/")
    assert body.count(b"<a href=") == FILES
