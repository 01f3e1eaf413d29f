"""Files: addresses that stay, ranges, and the bytes that the page promised."""

import hashlib
import http.client
import threading
from urllib.parse import quote, unquote, urljoin

import pytest
import requests

from tests.support import distributions

SIZE = 300_000


@pytest.fixture(scope="module", autouse=True)
def project(upstream):
    upstream.wheel("cheddar", "1.0", padding=SIZE)
    upstream.wheel("local", "1.0+cu.1")
    upstream.add("local", "local-1.0+cu.1.tar.gz", distributions.sdist_bytes("local", "1.0+cu.1"))


@pytest.fixture
def row(affineur):
    """The row of a file that is held here."""
    found = affineur.page("cheddar")["files"][0]
    assert requests.get(affineur.url + found["url"], timeout=10).status_code == 200
    return found


@pytest.fixture
def body(upstream, row):
    return upstream.bodies[row["filename"]]


def test_a_file_has_the_hash_and_size_of_its_page(affineur, row, body):
    answer = affineur.get(row["url"])
    assert answer.content == body
    assert hashlib.sha256(answer.content).hexdigest() == row["hashes"]["sha256"]
    assert int(answer.headers["Content-Length"]) == row["size"] == len(body)
    assert answer.headers["ETag"] == f'"{row["hashes"]["sha256"]}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("accepted", ["gzip, deflate", "gzip, deflate, zstd", "*", "identity", "br"])
def test_a_file_never_has_a_content_encoding(raw, row, body, accepted):
    answer, received = raw(row["url"], headers={"Accept-Encoding": accepted})
    assert "Content-Encoding" not in answer.headers
    assert received == body


def test_head_tells_everything_and_sends_nothing(raw, row):
    answer, nothing = raw(row["url"], method="HEAD")
    assert answer.status == 200
    assert nothing == b""
    assert int(answer.headers["Content-Length"]) == row["size"]
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == f'"{row["hashes"]["sha256"]}"'
    assert "Date" in answer.headers


def test_a_file_the_client_has_is_304(raw, row):
    answer, nothing = raw(row["url"], headers={"If-None-Match": f'"{row["hashes"]["sha256"]}"'})
    assert (answer.status, nothing) == (304, b"")
    assert "Date" in answer.headers


RANGES = [
    ("bytes=0-0", 0, 1),
    ("bytes=0-", 0, None),
    ("bytes=-1", -1, None),
    ("bytes=-22", -22, None),
    ("bytes=10-99", 10, 100),
    ("bytes=100-", 100, None),
    ("bytes=0-999999999", 0, None),
    ("bytes=-999999999", 0, None),
    ("BYTES=5-6", 5, 7),
]


@pytest.mark.parametrize(("asked", "start", "stop"), RANGES)
def test_a_range_is_206(raw, row, body, asked, start, stop):
    answer, part = raw(row["url"], headers={"Range": asked})
    assert answer.status == 206
    assert part == body[start:stop]
    first, last, whole = start % len(body), (stop or len(body)) - 1, len(body)
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{whole}"
    assert int(answer.headers["Content-Length"]) == len(part)


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=999999998-999999999", "bytes=-0"])
def test_a_range_beyond_the_end_is_416(raw, row, body, asked):
    answer, _ = raw(row["url"], headers={"Range": asked})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(body)}"


@pytest.mark.parametrize(
    "asked", ["bytes=5-4", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "lines=0-1", "0-1", "bytes=٣-٤", "bytes=+1-2", "bytes=0-1,3-4"]
)  # fmt: skip
def test_a_range_that_cannot_be_read_is_answered_with_all(affineur, row, body, asked):
    connection = http.client.HTTPConnection("127.0.0.1", affineur.port, timeout=10)
    connection.request("GET", row["url"], headers={"Range": asked.encode()})
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.read() == body
    connection.close()


def test_a_range_of_another_version_is_answered_with_all(raw, row, body):
    tag = f'"{row["hashes"]["sha256"]}"'
    for condition, status in (
        (tag, 206), ('"other"', 200), (f"W/{tag}", 200), ("Sat, 21 Nov 2026 00:00:00 GMT", 200),
    ):  # fmt: skip
        answer, received = raw(row["url"], headers={"Range": "bytes=0-9", "If-Range": condition})
        assert answer.status == status
        assert received == (body[:10] if status == 206 else body)


def test_a_cut_download_goes_on_where_it_ended(affineur, row, body):
    first = requests.get(affineur.url + row["url"], headers={"Range": "bytes=0-99999"}, timeout=10)
    rest = requests.get(
        affineur.url + row["url"],
        headers={"Range": "bytes=100000-", "If-Range": first.headers["ETag"]},
        timeout=10,
    )
    assert rest.status_code == 206
    assert first.content + rest.content == body


def test_a_range_of_a_file_that_is_not_here_yet_is_right(affineur, upstream):
    filename = upstream.wheel("ranged", "1.0", padding=SIZE)
    row = affineur.page("ranged")["files"][0]
    answer = requests.get(affineur.url + row["url"], headers={"Range": "bytes=-100"}, timeout=10)
    assert answer.status_code == 206
    assert answer.content == upstream.bodies[filename][-100:]


def test_head_fetches_nothing(affineur, upstream):
    filename = upstream.wheel("looked-at", "1.0", padding=SIZE)
    row = affineur.page("looked-at")["files"][0]
    answer = requests.head(affineur.url + row["url"], timeout=10)
    assert answer.status_code == 200
    assert int(answer.headers["Content-Length"]) == row["size"]
    assert answer.headers["ETag"] == f'"{row["hashes"]["sha256"]}"'
    assert upstream.asked(f"/files/{filename}") == []


@pytest.mark.parametrize("index", ["main", "public"])
def test_the_plus_of_a_local_version_may_be_encoded_or_not(affineur, raw, upstream, index):
    for row in affineur.page("local", index)["files"]:
        folder = row["url"].rpartition("/")[0]
        for written in (row["filename"], quote(row["filename"], safe=""), quote(row["filename"]).replace("%2B", "%2b")):
            answer, received = raw(f"{folder}/{written}")
            assert answer.status == 200, written
            assert received == upstream.bodies[row["filename"]]
        twice, _ = raw(f"{folder}/{quote(quote(row['filename']))}")
        assert twice.status == 404


@pytest.mark.parametrize("written", ["+", "%2B"])
def test_the_upstream_is_asked_for_the_address_it_listed(affineur, upstream, written):
    name = "asked-raw" if written == "+" else "asked-encoded"
    address = f"/files/{name.replace('-', '_')}-1.0{written}a-py3-none-any.whl"
    filename = upstream.wheel(name, "1.0+a", keys={"url": address})
    row = affineur.page(name)["files"][0]
    assert row["filename"] == filename
    assert affineur.get(row["url"]).content == upstream.bodies[filename]
    assert upstream.asked("/files/" + name.replace("-", "_")) == [address]


def test_a_local_version_is_uploaded_and_had_again(affineur, raw, token):
    body = distributions.wheel_bytes("ours", "1.0+gpu.2")
    name = distributions.wheel_name("ours", "1.0+gpu.2")
    assert affineur.upload(name, body, token=token).status_code == 200
    row = affineur.page("ours")["files"][0]
    assert row["url"].endswith("%2Bgpu.2-py3-none-any.whl")
    for written in (row["url"], unquote(row["url"])):
        assert raw(written)[1] == body


def test_a_file_is_had_only_at_the_address_of_its_page(affineur, raw, row):
    _, packages, index, a, b, rest, name = row["url"].split("/")
    assert packages == "packages"
    wrong = ("0" if rest[0] != "0" else "1") + rest[1:]
    for path in (
        f"/packages/{index}/{a}/{b}/{wrong}/{name}",
        f"/packages/{index}/{a}/{b}/{rest}/other-1.0-py3-none-any.whl",
        f"/packages/internal/{a}/{b}/{rest}/{name}",
        f"/packages/nowhere/{a}/{b}/{rest}/{name}",
        f"/packages/{index}/unhashed/cheddar/other-1.0-py3-none-any.whl",
        f"/packages/{index}/{a}/{b}/{rest}/..%2F{name}",
        f"/packages/{index}/{a}/{b}/{rest}/%00{name}",
        f"/packages/{index}/{a}/{b}/{rest}/..%2F..%2Fsecret-1.0-py3-none-any.whl",
        f"/packages/{index}/{a}/{b}/{rest}/evil%3Fx%23-1.0.tar.gz",
    ):
        answer, _ = raw(path)
        assert answer.status == 404, path


def test_a_made_up_file_name_never_makes_up_an_upstream_address(affineur, raw, upstream):
    place = f"/packages/main/aa/bb/{'c' * 60}"
    before = len(upstream.log)
    for name in ("..%2F..%2Fsecret-1.0-py3-none-any.whl", "a%3Fb-1.0.tar.gz", "a%20b-1.0.zip", "%0D%0A-1.0.tar.gz"):
        assert raw(f"{place}/{name}")[0].status == 404
    assert upstream.log[before:] == []


def test_fifty_requests_for_one_cold_file_are_one_fetch(affineur, upstream):
    filename = upstream.wheel("wanted", "1.0", padding=SIZE)
    row = affineur.page("wanted")["files"][0]
    upstream.rate = 2_000_000
    received = []

    def get():
        received.append(requests.get(affineur.url + row["url"], timeout=30).content)

    threads = [threading.Thread(target=get) for _ in range(50)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    finally:
        upstream.rate = None
    assert received == [upstream.bodies[filename]] * 50
    assert upstream.asked(f"/files/{filename}") == [f"/files/{filename}"]


@pytest.mark.parametrize("harm", ["flipped", "short", "long", "page"])
def test_a_wrong_body_is_never_completed_nor_kept(affineur, upstream, harm):
    filename = upstream.wheel(f"harmed-{harm}", "1.0", padding=SIZE)
    good = upstream.bodies[filename]
    upstream.bodies[filename] = {
        "flipped": good[:-1] + bytes([good[-1] ^ 1]),
        "short": good[:-1000],
        "long": good + b"x",
        "page": b"<!DOCTYPE html><html><title>Sorry</title></html>",
    }[harm]
    row = affineur.page(f"harmed-{harm}")["files"][0]
    for _ in range(2):
        try:
            answer = requests.get(urljoin(affineur.url, row["url"]), timeout=30)
            assert not answer.ok
        except requests.RequestException:
            pass
    upstream.bodies[filename] = good
    assert requests.get(affineur.url + row["url"], timeout=30).content == good


def test_a_file_comes_with_a_name_to_save_it_under_and_without_a_type_to_render(affineur, row):
    answer = affineur.get(row["url"])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert row["filename"] in answer.headers["Content-Disposition"]
