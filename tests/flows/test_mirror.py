"""The mirror: kept, verified, served when the upstream is gone."""

import hashlib

import requests


def test_cold_file_streams_and_stays_when_upstream_is_gone(affineur, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=300_000)
    row = affineur.page("cheddar")["files"][0]
    assert row["filename"] == filename
    body = requests.get(affineur.file_url(row), timeout=10).content
    assert body == upstream.bodies[filename]
    assert hashlib.sha256(body).hexdigest() == row["hashes"]["sha256"]
    upstream.stop()
    assert requests.get(affineur.file_url(row), timeout=10).content == body
    assert affineur.page("cheddar")["files"][0]["filename"] == filename


def test_wrong_bytes_are_never_completed_nor_stored(affineur, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=300_000)
    good = upstream.bodies[filename]
    upstream.bodies[filename] = good[:-1] + bytes([good[-1] ^ 1])
    row = affineur.page("cheddar")["files"][0]
    try:
        body = requests.get(affineur.file_url(row), timeout=10).content
    except requests.RequestException:
        body = b""
    assert len(body) < len(good)
    upstream.bodies[filename] = good
    assert requests.get(affineur.file_url(row), timeout=10).content == good


def test_cold_name_while_upstream_is_down_is_504(affineur, upstream):
    upstream.stop()
    assert affineur.get("/main/simple/cheddar/").status_code == 504


def test_unknown_name_is_404(affineur):
    assert affineur.get("/main/simple/nothing-of-that-name/").status_code == 404
