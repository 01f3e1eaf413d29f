"""A file at an address: how it is reached, and what is told of it."""

import pytest

from affineur.errors import Invalid, UpstreamBroken, UpstreamUnavailable
from affineur.sources.feed import download, without_secrets
from affineur.sources.pip_settings import PipSettings

PIP = PipSettings("http://127.0.0.1/simple/")


def ignored(_done, _whole):
    """Hear nothing of the progress."""


def records(handler):
    handler.answer(200, b'{"id": "X-1"}', {"ETag": '"one"'})


async def test_a_file_is_written_with_its_etag(upstream, tmp_path):
    upstream.overrides["/feed.json"] = records
    address = upstream.url.replace("/simple/", "/feed.json")
    assert await download(address, "", tmp_path / "feed", PIP, ignored) == '"one"'
    assert (tmp_path / "feed").read_bytes() == b'{"id": "X-1"}'


async def test_the_proxy_of_pip_may_lack_its_scheme(upstream, tmp_path):
    address = "http://feed.example.org/feed.json"
    upstream.overrides["/feed.json"] = records
    pip = PipSettings(address, proxy=f"127.0.0.1:{upstream.port}")
    await download(address, "", tmp_path / "feed", pip, ignored)
    assert upstream.log == [address]


async def test_certificates_of_pip_may_be_a_folder_and_are_named_where_they_cannot_be_read(upstream, tmp_path):
    upstream.overrides["/feed.json"] = records
    address = upstream.url.replace("/simple/", "/feed.json")
    await download(address, "", tmp_path / "feed", PipSettings(address, cert=str(tmp_path)), ignored)
    with pytest.raises(UpstreamUnavailable, match=r"/nowhere/ca\.pem"):
        await download(address, "", tmp_path / "feed", PipSettings(address, cert="/nowhere/ca.pem"), ignored)


@pytest.mark.parametrize("address", ["ftp://ada:secret@127.0.0.1/x", "https://ada:secret@/x"])
async def test_an_address_of_another_kind_is_refused_without_telling_its_password(tmp_path, address):
    with pytest.raises(Invalid, match="https://") as refused:
        await download(address, "", tmp_path / "feed", PIP, ignored)
    assert "secret" not in refused.value.sentence


async def test_an_error_of_the_host_is_told_without_credentials(upstream, tmp_path):
    address = f"http://ada:secret@127.0.0.1:{upstream.port}/nothing?key=secret"
    with pytest.raises(UpstreamBroken, match="404") as refused:
        await download(address, "", tmp_path / "feed", PIP, ignored)
    assert "secret" not in refused.value.sentence


def test_what_may_be_shown_of_an_address():
    assert without_secrets("https://ada:secret@example.org:8443/a/b?key=c#d") == "https://example.org:8443/a/b"
