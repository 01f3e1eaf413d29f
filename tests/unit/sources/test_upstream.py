"""Reaching an upstream: whatever it speaks, as whom, through what, and what is refused."""

import asyncio
import base64
import ssl
import time

import pytest
import trustme

from affineur.errors import ProjectUnknown, UpstreamBroken, UpstreamUnavailable
from affineur.sources.pip_settings import PipSettings
from tests.support import misbehaviour as bad
from tests.support.polling import eventually_in_loop
from tests.support.upstream import Upstream


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture
def elsewhere():
    """A second host."""
    made = Upstream()
    yield made
    made.stop()


# what it speaks


async def test_metadata_that_are_not_kept_yet_are_had_although_the_upstream_is_gone(mirror, upstream, monkeypatch):
    filename = upstream.wheel("cheddar", "1.0")
    page = await mirror.page("cheddar")
    may_keep, put = asyncio.Event(), mirror.blobs.put

    async def delayed(*arguments):
        await may_keep.wait()
        await put(*arguments)

    monkeypatch.setattr(mirror.blobs, "put", delayed)
    first = await mirror.source.metadata(page, page.file(filename))
    upstream.stop()
    assert await mirror.source.metadata(page, page.file(filename)) == first
    may_keep.set()
    await asyncio.gather(*mirror.source.beside._keeping.values())
    assert await mirror.source.metadata(page, page.file(filename)) == first
    assert len(upstream.asked(".metadata")) == 1


@pytest.mark.parametrize("form", ["json", "html"])
@pytest.mark.parametrize("metadata", [True, False])
async def test_pages_in_either_form_with_and_without_metadata(mirror, upstream, form, metadata):
    upstream.form, upstream.metadata = form, metadata
    filename = upstream.wheel("cheddar", "1.0", requires=["gouda>=2"])
    page = await mirror.page("cheddar")
    raw = await mirror.source.metadata(page, page.file(filename))
    assert raw == upstream.bodies[filename + ".metadata"]
    assert await mirror.read("cheddar", filename) == upstream.bodies[filename]


async def test_files_lie_on_another_host_and_the_page_is_redirected(mirror, upstream, elsewhere):
    filename = upstream.wheel("cheddar", "1.0")
    upstream.projects["cheddar"][filename]["url"] = f"http://127.0.0.1:{elsewhere.port}/deep/{filename}"
    elsewhere.overrides[f"/deep/{filename}"] = bad.redirect("../files/it.whl", 307)
    elsewhere.overrides["/files/it.whl"] = bad.other_bytes(upstream.bodies[filename])
    upstream.projects["moved"] = upstream.projects.pop("cheddar")
    upstream.overrides["/simple/cheddar/"] = bad.redirect("/simple/moved/", 301)
    assert await mirror.read("cheddar", filename) == upstream.bodies[filename]


async def test_links_relative_to_where_the_page_was_in_the_end(mirror, upstream, elsewhere):
    filename = upstream.wheel("cheddar", "1.0")
    row = upstream.projects["cheddar"][filename]
    row["url"] = f"../../files/{filename}"
    elsewhere.projects, elsewhere.bodies = upstream.projects, upstream.bodies
    upstream.overrides["/simple/cheddar/"] = bad.redirect(f"{elsewhere.url}cheddar/")
    assert await mirror.read("cheddar", filename) == upstream.bodies[filename]
    assert elsewhere.asked("/files/")


@pytest.mark.parametrize(
    "target", ["ftp://127.0.0.1/simple/cheddar/", "file:///etc/passwd", "http://", "/simple/cheddar/"]
)
async def test_redirects_to_nowhere_and_in_circles_end(mirror, upstream, target):
    upstream.overrides["/simple/cheddar/"] = bad.redirect(target)
    with pytest.raises(UpstreamBroken):
        await mirror.page("cheddar")
    assert len(upstream.log) < 12


# as whom


async def test_credentials_of_the_address(mirrors, upstream):
    upstream.credentials = basic("me@work", "p:ss/word")
    filename = upstream.wheel("cheddar", "1.0")
    mirror = mirrors(upstream.url.replace("//", "//me%40work:p%3Ass%2Fword@"))
    assert await mirror.read("cheddar", filename) == upstream.bodies[filename]
    assert "word" not in mirror.upstream.base
    assert mirror.upstream.credentials.needed


async def test_credentials_of_netrc(mirrors, upstream, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\ndefault login other password known\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    upstream.credentials = basic("me", "secret")
    filename = upstream.wheel("cheddar", "1.0")
    mirror = mirrors(upstream.url)
    assert await mirror.read("cheddar", filename) == upstream.bodies[filename]
    assert mirror.upstream.credentials.needed


async def test_default_entry_of_netrc_goes_to_nobody(mirrors, upstream, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("default login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    upstream.wheel("cheddar", "1.0")
    mirror = mirrors(upstream.url)
    await mirror.page("cheddar")
    assert upstream.told("/simple/", "Authorization") == [None]
    assert not mirror.upstream.credentials.needed


async def test_credentials_never_cross_hosts(mirrors, upstream, elsewhere):
    upstream.credentials = basic("me", "secret")
    filename = upstream.wheel("cheddar", "1.0")
    other = upstream.wheel("cheddar", "2.0")
    upstream.projects["cheddar"][filename]["url"] = f"http://127.0.0.1:{elsewhere.port}/files/{filename}"
    upstream.overrides[f"/files/{other}"] = bad.redirect(f"http://127.0.0.1:{elsewhere.port}/files/{other}")
    elsewhere.bodies = upstream.bodies
    mirror = mirrors(upstream.url.replace("//", "//me:secret@"))
    assert await mirror.read("cheddar", filename) == upstream.bodies[filename]
    assert await mirror.read("cheddar", other) == upstream.bodies[other]
    assert upstream.told("/simple/", "Authorization") == [basic("me", "secret")]
    assert set(elsewhere.told("/", "Authorization")) == {None}


async def test_wrong_credentials_do_not_look_like_an_absent_project(mirrors, upstream):
    upstream.credentials = basic("me", "secret")
    upstream.wheel("cheddar", "1.0")
    with pytest.raises(UpstreamUnavailable, match="401"):
        await mirrors(upstream.url).page("cheddar")


# through what


async def test_proxy_of_pip(mirrors, upstream, elsewhere):
    upstream.wheel("cheddar", "1.0")
    address = "http://index.example.org/simple/"
    elsewhere.overrides["/simple/cheddar/"] = lambda handler: upstream_page(handler, upstream)
    mirror = mirrors(address, pip=PipSettings(address, proxy=f"127.0.0.1:{elsewhere.port}"))
    assert (await mirror.page("cheddar")).files
    assert elsewhere.log[0] == "http://index.example.org/simple/cheddar/"


def upstream_page(handler, upstream):
    import json

    body = json.dumps({"meta": {"api-version": "1.4"}, "name": "cheddar", "files": upstream.page("cheddar")}).encode()
    handler.answer(200, body, {"Content-Type": "application/vnd.pypi.simple.v1+json"})


async def test_proxy_of_the_environment_and_its_exceptions(mirrors, upstream, elsewhere, monkeypatch):
    filename = upstream.wheel("cheddar", "1.0")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{elsewhere.port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert (await mirrors(upstream.url).page("cheddar")).file(filename)
    assert elsewhere.log == []
    with pytest.raises(ProjectUnknown):
        await mirrors("http://index.example.org/simple/").page("gouda")
    assert elsewhere.log == ["http://index.example.org/simple/gouda/"]


@pytest.fixture
def authority(tmp_path):
    """A certificate authority and the files that its own make of it."""
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    made.issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(tmp_path / "me.pem")
    return made, str(tmp_path / "ca.pem"), str(tmp_path / "me.pem")


def over_tls(upstream, authority, *, client=False):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    if client:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    upstream.over_tls(context)
    return upstream.url.replace("http:", "https:")


async def test_tls_is_verified_against_the_certificates_of_pip(mirrors, upstream, authority, monkeypatch):
    made, ca, _ = authority
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    filename = upstream.wheel("cheddar", "1.0")
    address = over_tls(upstream, made)
    with pytest.raises(UpstreamUnavailable, match=r"(?i)certificate"):
        await mirrors(address).page("cheddar")
    mirror = mirrors(address, pip=PipSettings(address, cert=ca))
    assert await mirror.read("cheddar", filename) == upstream.bodies[filename]


async def test_client_certificate_of_pip(mirrors, upstream, authority):
    made, ca, me = authority
    upstream.wheel("cheddar", "1.0")
    address = over_tls(upstream, made, client=True)
    with pytest.raises(UpstreamUnavailable):
        await mirrors(address, pip=PipSettings(address, cert=ca)).page("cheddar")
    assert (await mirrors(address, pip=PipSettings(address, cert=ca, client_cert=me)).page("cheddar")).files


async def test_redirect_out_of_tls_is_refused(mirrors, upstream, elsewhere, authority):
    made, ca, _ = authority
    elsewhere.wheel("cheddar", "1.0")
    address = over_tls(upstream, made)
    upstream.overrides["/simple/cheddar/"] = bad.redirect(f"{elsewhere.url}cheddar/")
    with pytest.raises(UpstreamBroken, match="from https to http"):
        await mirrors(address, pip=PipSettings(address, cert=ca)).page("cheddar")
    assert elsewhere.log == []


async def test_certificates_that_cannot_be_read_are_named(mirrors, upstream):
    mirror = mirrors(upstream.url, pip=PipSettings(upstream.url, cert="/nowhere/ca.pem"))
    with pytest.raises(UpstreamUnavailable, match=r"/nowhere/ca\.pem"):
        await mirror.page("cheddar")


# bounds

PAGE = "application/vnd.pypi.simple.v1+json"
NO_PAGES = {
    "100 MB, stated": (bad.endless(100, PAGE, stated=True), UpstreamBroken),
    "100 MB, not stated": (bad.endless(100, PAGE, stated=False), UpstreamBroken),
    "100 MB in HTML": (bad.endless(100, "text/html", stated=False), UpstreamBroken),
    "small, 100 MB inside": (bad.bomb(100, PAGE), UpstreamBroken),
    "HTML error page": (bad.error_page(), UpstreamBroken),
    "gzip in silence": (bad.zipped_in_silence(b'{"files": []}', PAGE), UpstreamBroken),
    "gzip in silence, HTML": (bad.zipped_in_silence(b"<!DOCTYPE html><a href=a>a</a>", "text/html"), UpstreamBroken),
    "not JSON": (bad.lying(b'{"files": [', 99), UpstreamBroken),
    "other JSON": (lambda h: h.answer(200, b'{"message": "hello"}', {"Content-Type": PAGE}), UpstreamBroken),
    "version 2": (
        lambda h: h.answer(200, b'{"meta": {"api-version": "2.0"}, "files": []}', {"Content-Type": PAGE}),
        UpstreamBroken,
    ),
    "another type": (lambda h: h.answer(200, b"hello", {"Content-Type": "text/plain"}), UpstreamBroken),
    "500": (bad.status(500), UpstreamUnavailable),
    "503": (bad.status(503), UpstreamUnavailable),
    "429": (bad.status(429, Retry_After="5"), UpstreamUnavailable),
    "403": (bad.status(403), UpstreamUnavailable),
    "silence": (bad.silent(2), UpstreamUnavailable),
    "cut short": (bad.cut(b'{"files": []}', 5), UpstreamBroken),
    "reset": (bad.reset(b'{"files": []}', 5), UpstreamBroken),
}


@pytest.mark.parametrize("case", NO_PAGES)
async def test_what_is_no_page_is_refused_and_the_page_held_stays(mirror, upstream, case):
    answer, error = NO_PAGES[case]
    upstream.overrides["/simple/cold/"] = upstream.overrides["/simple/cheddar/"] = answer
    with pytest.raises((error, UpstreamUnavailable)):
        await mirror.page("cold")
    del upstream.overrides["/simple/cheddar/"]
    filename = upstream.wheel("cheddar", "1.0")
    mirror.upstream._breakers.clear()
    held = await mirror.page("cheddar")
    upstream.overrides["/simple/cheddar/"] = answer
    await mirror.stale("cheddar")
    page = await mirror.page("cheddar")
    assert page.stale_since is not None
    assert [(f.filename, f.vanished) for f in page.files] == [(filename, None)]
    assert page.serial == held.serial


@pytest.mark.parametrize("case", [case for case in NO_PAGES if "100 MB" in case])
async def test_page_that_is_too_large_is_given_up_early(mirror, upstream, case):
    upstream.overrides["/simple/cheddar/"] = NO_PAGES[case][0]
    with pytest.raises(UpstreamBroken, match="larger than 67108864 bytes"):
        await mirror.page("cheddar")


async def test_a_page_that_stalls_is_given_up(mirror, upstream):
    upstream.overrides["/simple/cheddar/"] = bad.stall(b'{"files": []}', 5, 3)
    began = time.monotonic()
    with pytest.raises((UpstreamUnavailable, UpstreamBroken)):
        await mirror.page("cheddar")
    assert time.monotonic() - began < 2


async def test_slow_but_steady_is_not_a_stall(mirror, upstream):
    filename = upstream.wheel("cheddar", "1.0", padding=100_000)
    upstream.rate = 60_000
    assert await mirror.read("cheddar", filename) == upstream.bodies[filename]


async def test_connections_to_a_host_are_limited(mirrors, upstream):
    names = [f"cheese{number}" for number in range(12)]
    files = {name: upstream.wheel(name, "1.0", padding=60_000) for name in names}
    upstream.rate = 200_000
    mirror = mirrors(upstream.url, connections_per_host=3)
    peak = 0

    async def watch():
        nonlocal peak
        while True:
            peak = max(peak, len(upstream.connections))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(mirror.read(name, files[name]) for name in names))
    watching.cancel()
    assert 1 < peak <= 3


# the breaker


async def found(mirror, name):
    try:
        return bool((await mirror.page(name)).files)
    except UpstreamUnavailable:
        return False


async def test_a_dead_upstream_costs_nothing_after_a_few_failures(mirror, upstream):
    upstream.overrides.update({f"/simple/cheese{n}/": bad.status(500) for n in range(20)})
    for number in range(20):
        with pytest.raises(UpstreamUnavailable):
            await mirror.page(f"cheese{number}")
    assert len(upstream.log) == 3
    upstream.wheel("cheddar", "1.0")
    assert await eventually_in_loop(lambda: found(mirror, "cheddar"))
    assert (await mirror.page("cheddar")).files


async def test_a_dead_file_host_does_not_stop_pages(mirror, upstream, elsewhere):
    filename = upstream.wheel("cheddar", "1.0")
    upstream.projects["cheddar"][filename]["url"] = f"http://127.0.0.1:{elsewhere.port}/files/{filename}"
    elsewhere.stop()
    for _ in range(5):
        with pytest.raises(UpstreamUnavailable):
            await mirror.read("cheddar", filename)
    upstream.wheel("gouda", "1.0")
    assert (await mirror.page("gouda")).files


async def test_a_server_that_is_gone_is_told_without_the_insides_of_the_program(mirror, upstream):
    upstream.stop()
    with pytest.raises(UpstreamUnavailable) as caught:
        await mirror.page("cheddar")
    assert "ssl" not in caught.value.problem
    assert "0x" not in caught.value.problem
    assert str(upstream.port) in caught.value.problem
