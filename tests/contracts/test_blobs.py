"""The contract of blob stores, on the disk and on an object store spoken to over HTTP."""

import asyncio
import hashlib
import os
import time

import pytest

from affineur.errors import StorageUnavailable
from affineur.storage.blobs import small
from affineur.storage.blobs.disk import DiskBlobs
from affineur.storage.blobs.object_store import ObjectStoreBlobs
from tests.support.object_store import object_store

BODY = hashlib.shake_256(b"gouda").digest(1_000_003)
DIGEST = hashlib.sha256(BODY).hexdigest()
MISSING = "0" * 64


@pytest.fixture(scope="module")
def address():
    with object_store() as (bucket, environment):
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        yield bucket
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@pytest.fixture(params=["disk", "object store"])
def blobs(request, tmp_path):
    if request.param == "disk":
        return DiskBlobs(tmp_path / "blobs")
    folder = f"{request.getfixturevalue('address')}/{tmp_path.name}"
    return ObjectStoreBlobs(folder, tmp_path / "staging")


def staged(blobs, body, name="one.part"):
    path = blobs.staging() / name
    path.write_bytes(body)
    return path


async def kept(blobs, body):
    digest = hashlib.sha256(body).hexdigest()
    await blobs.put(staged(blobs, body), digest)
    return digest


async def whole(blobs, digest, *span):
    return b"".join([part async for part in blobs.read(digest, *span)])


async def test_what_was_put_is_there_and_the_staged_file_is_gone(blobs):
    assert await blobs.has(DIGEST) is None
    path = staged(blobs, BODY)
    await blobs.put(path, DIGEST)
    assert not path.exists()
    assert await blobs.has(DIGEST) == len(BODY)
    assert await whole(blobs, DIGEST) == BODY


async def test_another_store_over_the_same_place_has_it(blobs):
    await kept(blobs, BODY)
    if isinstance(blobs, DiskBlobs):
        other = DiskBlobs(blobs.folder)
    else:
        other = ObjectStoreBlobs(blobs.address, blobs.staging())
    assert await whole(other, DIGEST) == BODY


@pytest.mark.parametrize(
    "span", [(0, 1), (0, 1_000_003), (1, 2), (999_999, 1_000_003), (500_000,), (1_000_002,), (262_144, 786_432), (7, 7)]
)
async def test_ranges_are_exact(blobs, span):
    await kept(blobs, BODY)
    assert await whole(blobs, DIGEST, *span) == BODY[slice(*span) if len(span) == 2 else slice(span[0], None)]


async def test_an_empty_blob(blobs):
    digest = await kept(blobs, b"")
    assert await blobs.has(digest) == 0
    assert await whole(blobs, digest) == b""


async def test_the_same_again_changes_nothing(blobs):
    await kept(blobs, BODY)
    await kept(blobs, BODY)
    assert await whole(blobs, DIGEST) == BODY
    assert [digest async for digest in blobs.walk()] == [DIGEST]


async def test_many_at_once(blobs):
    bodies = [b"%d" % number * 1000 for number in range(40)]

    async def put(number, body):
        digest = hashlib.sha256(body).hexdigest()
        await blobs.put(staged(blobs, body, f"{number}.part"), digest)
        return digest

    digests = await asyncio.gather(*(put(number, body) for number, body in enumerate(bodies)))
    assert sorted([digest async for digest in blobs.walk()]) == sorted(digests)
    assert await asyncio.gather(*(whole(blobs, digest) for digest in digests)) == bodies


async def test_the_same_put_twice_at_once(blobs):
    puts = [blobs.put(staged(blobs, BODY, f"{number}.part"), DIGEST) for number in range(4)]
    await asyncio.gather(*puts)
    assert await whole(blobs, DIGEST) == BODY
    assert list(blobs.staging().iterdir()) == []


async def test_removed_is_gone_and_removing_again_is_nothing(blobs):
    await kept(blobs, BODY)
    await blobs.remove(DIGEST)
    await blobs.remove(DIGEST)
    assert await blobs.has(DIGEST) is None
    assert [digest async for digest in blobs.walk()] == []


async def test_what_is_not_there_is_said_with_a_sentence(blobs):
    for span in [(), (0, 10)]:
        with pytest.raises(StorageUnavailable, match="missing from the store"):
            await whole(blobs, MISSING, *span)
    assert blobs.path(MISSING) is None


async def test_partial_files_are_not_among_what_is_held(blobs):
    staged(blobs, b"half of it")
    assert [digest async for digest in blobs.walk()] == []


async def test_since_when_it_is_held(blobs):
    assert await blobs.kept_since(MISSING) is None
    await kept(blobs, BODY)
    since = await blobs.kept_since(DIGEST)
    assert abs(since - time.time()) < 5, "object stores tell whole seconds"


async def test_where_the_bytes_lie(blobs):
    await kept(blobs, BODY)
    path = blobs.path(DIGEST)
    if isinstance(blobs, DiskBlobs):
        assert path.read_bytes() == BODY
    else:
        assert path is None


async def test_a_large_blob_goes_in_parts_and_comes_back_as_it_was(blobs):
    body = hashlib.shake_256(b"large").digest(1000) * 12_000
    digest = await kept(blobs, body)
    hasher = hashlib.sha256()
    async for part in blobs.read(digest):
        hasher.update(part)
    assert hasher.hexdigest() == digest


async def test_a_store_that_does_not_answer_is_said_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name, value in {"ALLOW_HTTP": "true", "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "REGION": "x"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    gone = ObjectStoreBlobs("s3://nowhere/files", tmp_path / "staging", patience=0.5)
    path = staged(gone, BODY)
    with pytest.raises(StorageUnavailable, match="could not be stored"):
        await gone.put(path, DIGEST)
    assert path.exists()
    with pytest.raises(StorageUnavailable, match="does not answer"):
        await gone.has(DIGEST)
    with pytest.raises(StorageUnavailable, match="does not answer"):
        await gone.kept_since(DIGEST)
    with pytest.raises(StorageUnavailable, match="does not answer"):
        await whole(gone, DIGEST)
    with pytest.raises(StorageUnavailable, match="does not answer"):
        await gone.remove(DIGEST)
    with pytest.raises(StorageUnavailable, match="does not answer"):
        [digest async for digest in gone.walk()]


async def test_a_disk_that_cannot_be_written_is_said_with_a_sentence(tmp_path):
    blobs = DiskBlobs(tmp_path / "blobs")
    path = staged(blobs, BODY)
    (blobs.folder / DIGEST[:2]).write_text("a file where a folder must be")
    with pytest.raises(StorageUnavailable, match="could not be stored"):
        await blobs.put(path, DIGEST)


@pytest.mark.parametrize("broken", [BODY[:1000], b"x" * len(BODY)], ids=["cut", "changed"])
async def test_what_stands_beside_files_is_not_given_out_of_a_broken_blob_and_mended_when_it_comes_again(blobs, broken):
    assert await small.keep(blobs, BODY) == DIGEST
    assert await small.whole(blobs, DIGEST) == BODY
    await blobs.put(staged(blobs, broken), DIGEST)
    assert await small.whole(blobs, DIGEST) is None
    assert await small.keep(blobs, BODY) == DIGEST
    assert await small.whole(blobs, DIGEST) == BODY
