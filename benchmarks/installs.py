"""What uv takes to install and to resolve a set of 60 projects, warm server and cold client."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import ABSENT, Row
from benchmarks.tree import set_names
from tests.support.server import clean_environment

_PATIENCE = 5.0
"""Seconds from which on one time stands for all rounds."""
_UV = Path(sys.executable).with_name("uv")


def uv(index, *command):
    """Run uv against an index with an empty cache; return the seconds it took."""
    folder = Path(tempfile.mkdtemp(prefix="uv-"))
    environment = clean_environment(UV_CACHE_DIR=str(folder / "cache"), UV_LINK_MODE="copy", UV_HTTP_TIMEOUT="120")
    try:
        started = time.perf_counter()
        subprocess.run(
            [_UV, "pip", *command, "--default-index", index, "--python", sys.executable],
            input=set_names()[0], text=True, env=environment, check=True, capture_output=True, cwd=folder, timeout=300,
        )  # fmt: skip
        return time.perf_counter() - started
    finally:
        shutil.rmtree(folder)


def install(index):
    """Install the set into a folder of its own."""
    return uv(index, "install", "--target", "site", set_names()[0])


def resolve(index):
    """Resolve the set."""
    return uv(index, "compile", "-", "--no-header")


def _index(server):
    return server.page("").rstrip("/") + "/"


def _warmed(row, act, servers):
    """Let each server work once; return the time of those that fail or that are too slow to be asked again."""
    slow = {}
    for server in servers:
        try:
            took = act(_index(server))
        except subprocess.SubprocessError as error:
            row.note += f"{server.name}: {getattr(error, 'stderr', error)}"[:300]
            took = ABSENT
        if not took < _PATIENCE:
            slow[server.name] = took
    return slow


def measure(reference, servers, rounds):
    """Return the rows of times against nginx."""
    rows = []
    for row, act in (
        (Row("uv pip install of 60 projects, warm server, time", "s", 1.15, at_least=False), install),
        (Row("uv pip compile of the same, time", "s", 1.3, at_least=False), resolve),
    ):
        slow = _warmed(row, act, (reference, *servers))
        for _ in range(rounds):
            for server in (reference, *servers):
                value = slow[server.name] if server.name in slow else act(_index(server))
                row.add(server.name, value)
        rows.append(row)
        print(f"  {row.work}: {row.figure('affineur'):.2f}", flush=True)
    return rows
