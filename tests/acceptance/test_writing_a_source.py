"""The source of the guide, served: pip installs from the folder, and the page follows it."""

import asyncio
import contextlib
import hashlib
import importlib.util
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from affineur.app import App
from affineur.config import load
from affineur.errors import FileUnknown
from affineur.model.names import ProjectName
from affineur.storage.catalog.database import Catalog
from affineur.web.hot import HotServer
from affineur.web.server import Server
from tests.support.clients import run
from tests.support.databases import sqlalchemy_url
from tests.support.distributions import metadata_of, wheel_name, write
from tests.support.polling import eventually_in_loop
from tests.support.upstream import Upstream

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "shelf.py"


def load_example():
    import sys

    spec = importlib.util.spec_from_file_location("shelf", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["shelf"] = module
    spec.loader.exec_module(module)
    return module


shelf = load_example()
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


class Shelved(App):
    """The app with the line that the guide adds."""

    def _open_sources(self, pip):
        super()._open_sources(pip)
        self.sources["shelf"] = shelf.Shelf("shelf", self.config.data_path.parent / "folder", self.catalog)


@pytest.fixture
def upstream():
    """A real upstream index on loopback."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "folder"
    made.mkdir()
    write(made, "brie", "1.0", requires_python=">=3.8")
    (made / "notes.txt").write_text("not a wheel")
    (made / "torn-1.0-py3-none-any.whl").write_bytes(b"PK\x03\x04")
    return made


@contextlib.asynccontextmanager
async def served(tmp_path, upstream):
    """Run the app on a port; the name `shelf` is configured as a hosted source, whose place it takes."""
    file = tmp_path / "affineur.toml"
    file.write_text("[hosted.shelf]\n[indexes.main]\nsources = ['shelf', 'public']\n")
    app = Shelved(load(file, {"data": str(tmp_path / "data")}, {}, upstream.url))
    server = Server(app.site)
    runner = web.ServerRunner(HotServer(server.handle, server))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        await app.close()


async def page(session, origin, project):
    async with session.get(f"{origin}/main/simple/{project}/", headers=JSON) as answer:
        return await answer.json(content_type=None) if answer.status == 200 else answer.status


async def test_pip_installs_what_lies_on_the_shelf(folder, tmp_path, upstream):
    upstream.wheel("brie", "9.0")
    upstream.wheel("milk", "1.0")
    async with served(tmp_path, upstream) as origin:
        into = tmp_path / "into"
        arguments = (
            "install",
            "--no-cache-dir",
            "--target",
            into,
            "--index-url",
            f"{origin}/main/simple/",
            "brie",
            "milk",
        )
        await asyncio.to_thread(run, "pip-newest", "python", "-m", "pip", *arguments)
    assert (into / "brie-1.0.dist-info").is_dir()
    assert (into / "milk-1.0.dist-info").is_dir()
    assert upstream.asked("brie") == []


async def test_the_page_follows_the_folder(folder, tmp_path, upstream):
    async with served(tmp_path, upstream) as origin, aiohttp.ClientSession(origin) as session:
        first = await page(session, origin, "brie")
        (row,) = first["files"]
        path = folder / row["filename"]
        assert row["hashes"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (row["size"], row["requires-python"]) == (path.stat().st_size, ">=3.8")
        async with session.get(row["url"], headers={"Range": "bytes=10-19"}) as answer:
            assert (answer.status, await answer.read()) == (206, path.read_bytes()[10:20])
        async with session.get(row["url"] + ".metadata") as answer:
            assert await answer.read() == metadata_of("brie", "1.0", requires_python=">=3.8")
        assert await page(session, origin, "torn") == 404

        write(folder, "brie", "1.1")
        both = [wheel_name("brie", "1.0"), wheel_name("brie", "1.1")]

        async def lists(names):
            return [row["filename"] for row in (await page(session, origin, "brie"))["files"]] == names

        assert await eventually_in_loop(lambda: lists(both))
        second = await page(session, origin, "brie")
        assert second["meta"]["_last-serial"] > first["meta"]["_last-serial"]

        path.unlink()
        assert await eventually_in_loop(lambda: lists(both[1:]))
        async with session.get(row["url"]) as answer:
            assert answer.status == 404


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_wheel_that_was_replaced_is_not_opened(folder, tmp_path, kind):
    with sqlalchemy_url(kind, tmp_path) as url:
        catalog = Catalog.open(url)
        try:
            source = shelf.Shelf("shelf", folder, catalog)
            listed = await source.page(ProjectName("brie"))
            body = await source.open(listed, listed.files[0])
            whole = (folder / listed.files[0].filename).read_bytes()
            assert b"".join([part async for part in body.read()]) == whole
            assert b"".join([part async for part in body.read(5, 9)]) == whole[5:9]
            write(folder, "brie", "1.0", padding=100)
            with pytest.raises(FileUnknown, match="replaced"):
                await source.open(listed, listed.files[0])
            again = shelf.Shelf("shelf", folder, catalog)
            assert (await again.page(ProjectName("brie"))).serial > listed.serial
            assert await again.projects() == {"brie": (await again.page(ProjectName("brie"))).serial}
        finally:
            catalog.close()
