"""What is said of the data when a server starts, and by `affineur check`."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from affineur.app import App
from affineur.config import Config
from affineur.operations.advisories import alarm
from affineur.storage.catalog import advisories, principals


async def stale_advisories(app: App) -> str:
    """Return what is wrong with the advisories held, in a sentence; "" when nothing is."""
    feeds = await app.catalog.read(advisories.feeds)
    return alarm(feeds, app.config.advisories_max_age, datetime.now(UTC))


async def greet(app: App) -> None:
    """Tell where the server is and how to begin."""
    config = app.config
    origin = config.address
    print(
        f"affineur serves {origin}/{config.default_index}/simple/  (data in {config.data_path.absolute()})", flush=True
    )
    print(f"  pip install --index-url {origin}/{config.default_index}/simple/ NAME", flush=True)
    if text := await stale_advisories(app):
        print(f"  {text}", flush=True)
    if app.pip.ignored and any(mirror.upstream == "pip" for mirror in config.mirrors.values()):
        print(f"  not taken over from pip's configuration: {', '.join(app.pip.ignored)}", flush=True)
    if guarded := [index.name for index in config.indexes.values() if not index.anonymous]:
        print(f"  reading needs a token: {', '.join(guarded)}", flush=True)
    if not await app.catalog.read(principals.users):
        print("  to upload, make a user and a token first:", flush=True)
        print(f"  affineur user add NAME --data {config.data_path}", flush=True)
        print(
            f"  affineur token create --user NAME --index internal --rights upload --data {config.data_path}",
            flush=True,
        )


def check_data(config: Config) -> list[str]:
    """Return what is wrong with the data that rules judge by, a sentence each."""

    async def ask() -> list[str]:
        app = App(config)
        try:
            text = await stale_advisories(app)
        finally:
            await app.close()
        return [text] if text else []

    return asyncio.run(ask())
