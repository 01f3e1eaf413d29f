"""Installers for flows."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import clean_environment

_UV = Path(sys.executable).with_name("uv")


@pytest.fixture(params=["pip", "uv"])
def installer(request, tmp_path):
    """Install from an index as a new user would: nothing cached, an empty target each time."""
    runs = []

    def install(index, *requirements):
        target = tmp_path / f"installed-{len(runs)}"
        runs.append(target)
        if request.param == "pip":
            command = [sys.executable, "-m", "pip", "install", "--no-cache-dir", "--retries", "0", "--quiet"]
        else:
            command = [str(_UV), "pip", "install", "--no-cache", "--python", sys.executable]
        return subprocess.run(
            [*command, "--target", str(target), "--index-url", index, *requirements],
            env=clean_environment(UV_HTTP_RETRIES="0", HOME=str(tmp_path)),
            capture_output=True,
            text=True,
            timeout=120,
        )

    return install
