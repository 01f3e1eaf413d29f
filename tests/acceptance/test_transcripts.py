"""The commands of the documentation, run as they stand there."""

import os
import sys
import venv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.clients import client
from tests.support.distributions import metadata_of, wheel_bytes, wheel_name
from tests.support.server import Affineur, clean_environment
from tests.support.transcripts import replay
from tests.support.upstream import Upstream

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "127.0.0.1:8000"


@pytest.fixture
def upstream():
    """The upstream that the pages speak of."""
    made = Upstream()
    made.wheel("brie", "0.9", keys={"yanked": "sour"})
    told = metadata_of("brie", "1.0", extra="Summary: a soft cheese\nLicense-Expression: MIT\n")
    made.wheel("brie", "1.0", metadata=told)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    made.wheel("brie", "2.0", keys={"uploaded": yesterday.strftime("%Y-%m-%dT%H:%M:%SZ")})
    made.wheel("requests", "2.34.2")
    yield made
    made.stop()


@pytest.fixture
def shell(tmp_path):
    """A folder with `dist/`, and an environment in which the programs of the pages are found."""
    folder = tmp_path / "shell"
    (folder / "dist").mkdir(parents=True)
    (folder / "dist" / wheel_name("gouda", "1.0")).write_bytes(wheel_bytes("gouda", "1.0"))
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    here = Path(sys.executable).parent
    for place in (
        *(here / name for name in ("affineur", "twine", "uv", "python3")),
        client("pip-newest") / "pip",
        client("hashin") / "hashin",
    ):
        (programs / place.name).write_text(f'#!/bin/sh\nexec {place} "$@"\n')
        (programs / place.name).chmod(0o755)
    return folder, clean_environment(
        PATH=f"{programs}:{os.environ['PATH']}",
        PIP_TARGET=str(tmp_path / "installed"),
        PIP_NO_CACHE_DIR="1",
        UV_NO_CACHE="1",
        VIRTUAL_ENV=str(environment),
        COLUMNS="120",
        TERM="dumb",
    )


@pytest.mark.parametrize(
    "page",
    ["docs/apis.md", "docs/auditing.md", "docs/lock-files.md", "docs/locking.md", "docs/quick-start.md", "README.md"],
)
def test_commands_print_what_the_page_says(page, tmp_path, upstream, shell):
    folder, environment = shell
    text = (ROOT / page).read_text(encoding="utf-8")
    with Affineur(tmp_path / "data", upstream.url) as server:
        here = f"127.0.0.1:{server.port}"
        environment |= {"AFFINEUR_DATA": str(server.data), "AFFINEUR_UPSTREAM": upstream.url}
        done = replay(text, folder, environment, [(ADDRESS, here)])
    wrong = [
        f"{page}:{step.line}: {step.command}\n--- the page says\n{step.told}--- it printed ({step.status})\n{step.printed}"
        for step in done
        if not step.as_told
    ]
    assert not wrong, "\n\n".join(wrong)
