"""The way by which a program that an operation started asks the indexes."""

import aiohttp
import pytest

from affineur.model.principals import Principal, Right
from tests.support.in_process import InProcess

CONFIG = """
public_url = "https://packages.example.org"
[indexes.closed]
sources = ["public"]
anonymous = false
"""
RITA = Principal("rita", "t1", frozenset({"main"}), frozenset({Right.READ}))


@pytest.fixture
async def inside(tmp_path, upstream):
    upstream.wheel("gouda", "1.0")
    path = tmp_path / "affineur.toml"
    path.write_text(CONFIG)
    async with InProcess(tmp_path / "data", upstream.url, path=path) as made:
        yield made


async def get(address, secret=None, *, raw=False):
    headers = {"Authorization": f"Bearer {secret}"} if secret is not None else {}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(address) as answer:
        return answer.status, await answer.json(
            content_type=None
        ) if answer.status == 200 and not raw else await answer.read()


async def test_pages_and_files_are_given_to_who_has_the_secret_and_to_nobody_else(inside):
    async with inside.site.reach(inside.site, RITA, held_only=False) as reached:
        page = f"{reached.origin}/main/simple/gouda/"
        assert (await get(page))[0] == 401
        assert (await get(page, "guessed"))[0] == 401
        status, document = await get(page, reached.secret)
        assert status == 200
        (file,) = document["files"]
        assert file["url"].startswith("/packages/main/"), "public_url need not lead here"
        _, metadata = await get(f"{reached.origin}{file['url']}.metadata", reached.secret, raw=True)
        assert b"Name: gouda" in metadata
        for other in (
            "/api/v1/token/list",
            "/-/metrics",
            "/main/pypi/gouda/json",
            "/main/simple/",
            "/main/simple/%2e%2e/",
        ):
            assert (await get(reached.origin + other, reached.secret))[0] in {400, 404}, other


async def test_it_has_the_rights_of_who_asked_and_no_more(inside):
    async with inside.site.reach(inside.site, RITA, held_only=False) as reached:
        assert (await get(f"{reached.origin}/closed/simple/gouda/", reached.secret))[0] == 403
    allowed = Principal("rita", "t1", frozenset({"closed"}), frozenset({Right.READ}))
    async with inside.site.reach(inside.site, allowed, held_only=False) as reached:
        assert (await get(f"{reached.origin}/closed/simple/gouda/", reached.secret))[0] == 200


async def test_the_secret_opens_no_other_port(inside):
    allowed = Principal("rita", "t1", frozenset({"*"}), frozenset(Right))
    async with (
        inside.site.reach(inside.site, allowed, held_only=False) as reached,
        inside.site.reach(inside.site, allowed, held_only=False) as another,
    ):
        for path in ("/closed/simple/gouda/", "/api/v1/token/list"):
            assert (await get(f"http://127.0.0.1:{inside.port}{path}", reached.secret))[0] == 401
        assert (await get(f"{another.origin}/closed/simple/gouda/", reached.secret))[0] == 401
        assert (await get(f"{reached.origin}/closed/simple/gouda/", reached.secret))[0] == 200


async def test_afterwards_the_port_is_closed(inside):
    allowed = Principal("rita", "t1", frozenset({"closed"}), frozenset({Right.READ}))
    async with inside.site.reach(inside.site, allowed, held_only=False) as reached:
        assert (await get(f"{reached.origin}/closed/simple/gouda/", reached.secret))[0] == 200
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(f"{reached.origin}/closed/simple/gouda/", reached.secret)


async def test_held_files_alone(inside, upstream):
    upstream.wheel("gouda", "2.0")
    async with inside.site.reach(inside.site, RITA, held_only=True) as reached:
        page = f"{reached.origin}/main/simple/gouda/"
        assert (await get(page, reached.secret))[1]["files"] == []
        whole = await get(
            f"http://127.0.0.1:{inside.port}/main/simple/gouda/?format=application/vnd.pypi.simple.v1%2Bjson"
        )
        first = next(row for row in whole[1]["files"] if row["filename"].startswith("gouda-1.0-"))
        local = first["url"].replace("https://packages.example.org", f"http://127.0.0.1:{inside.port}")
        assert (await get(local, raw=True))[0] == 200
        listed = (await get(page, reached.secret))[1]["files"]
        assert [row["filename"] for row in listed] == ["gouda-1.0-py3-none-any.whl"]
