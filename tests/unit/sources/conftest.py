"""Mirrors over the loopback upstream."""

import pytest

from tests.support.mirrors import Mirror


@pytest.fixture
async def mirrors(tmp_path):
    """Make mirrors over one data folder, as several processes would; all are closed afterwards."""
    opened = []

    def make(address, **settings):
        opened.append(Mirror(tmp_path / "data", address, **settings))
        return opened[-1]

    yield make
    for mirror in opened:
        await mirror.close()


@pytest.fixture
async def mirror(mirrors, upstream):
    """A mirror with short timeouts over an empty data folder."""
    return mirrors(upstream.url)
