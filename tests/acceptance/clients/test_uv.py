"""uv, the newest and one a year old: it installs, locks, syncs and compiles."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.clients.conftest import installed
from tests.support.clients import client
from tests.support.server import clean_environment

PROJECT = """
[project]
name = "orchard"
version = "0"
requires-python = ">=3.11"
dependencies = ["quince[more]", "azarole", "our-own"]

[[tool.uv.index]]
name = "affineur"
url = "{index}"
default = true
"""
EVERYTHING = {"quince-1.1", "medlar-1.2", "sorbus_aria-1.5", "rowan-1.0", "azarole-1.0+gpu.1", "our_own-1.1"}


@pytest.fixture(params=["newest", pytest.param("uv-0.9", marks=pytest.mark.long)])
def uv(request, tmp_path):
    """Runs uv with a cache of its own and returns what it printed."""

    def call(*arguments, check=True, cwd=tmp_path, stdin=None, **environment):
        program = Path(sys.executable).with_name("uv") if request.param == "newest" else client("uv-0.9") / "uv"
        wanted = {"UV_CACHE_DIR": str(tmp_path / "uv-cache"), "UV_PYTHON": sys.executable, **environment}
        kept = {k: v for k, v in clean_environment(**wanted).items() if k not in ("UV_NO_CONFIG", "VIRTUAL_ENV")}
        done = subprocess.run(
            [program, *arguments], cwd=cwd, env=kept, capture_output=True, text=True, timeout=120, input=stdin
        )
        if check and done.returncode:
            raise AssertionError(f"uv {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")
        return done

    return call


def test_it_installs_wheels_and_sdists_with_what_they_need(uv, index, tmp_path):
    uv(
        "pip",
        "install",
        "-q",
        "--target",
        tmp_path / "t",
        "--default-index",
        index,
        "our-own",
        "quince[more]",
        "azarole",
    )
    assert installed(tmp_path / "t") == EVERYTHING


def test_compile_writes_hashes(uv, affineur, index):
    done = uv(
        "pip", "compile", "-q", "--generate-hashes", "--default-index", index, "-", stdin="quince[more]\nazarole\n"
    )
    for project in ("quince", "medlar", "rowan", "azarole", "sorbus-aria"):
        assert f"\n{project}" in done.stdout
    (row,) = affineur.page("rowan")["files"]
    assert f"--hash=sha256:{row['hashes']['sha256']}" in done.stdout


def test_exclude_newer_finds_the_time_of_every_file(uv, index):
    done = uv(
        "pip", "compile", "-q", "--exclude-newer", "2025-01-01", "--default-index", index, "-", stdin="sorbus-aria\n"
    )
    assert "sorbus-aria==1.0" in done.stdout
    later = uv(
        "pip", "compile", "-q", "--exclude-newer", "2200-01-01", "--default-index", index, "-", stdin="our-own\n"
    )
    assert "our-own==1.1" in later.stdout


def test_a_lock_is_synced_again_after_the_upstream_is_gone(uv, upstream, index, tmp_path):
    project = tmp_path / "orchard"
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT.format(index=index))
    uv("lock", "-q", cwd=project)
    uv("sync", "-q", "--frozen", cwd=project)
    assert EVERYTHING <= installed(next(project.glob(".venv/lib/*/site-packages")))
    upstream.stop()
    try:
        uv("sync", "-q", "--locked", "--reinstall", cwd=project, UV_CACHE_DIR=str(tmp_path / "other-cache"))
    finally:
        upstream.restart()
    exported = uv("export", "-q", "--format", "pylock.toml", cwd=project).stdout
    assert exported.count("upload-time") >= len(EVERYTHING)


def test_metadata_is_used_and_files_are_not_fetched_to_resolve(uv, upstream, index):
    upstream.wheel("bullace", "1.0", padding=500_000)
    uv("pip", "compile", "-q", "--default-index", index, "-", stdin="bullace\n")
    assert upstream.sent.get("/files/bullace-1.0-py3-none-any.whl", 0) == 0


def test_a_wheel_without_metadata_is_read_by_ranges(uv, upstream, index):
    name = f"loquat-{abs(hash(uv)) % 10**6}"
    filename = upstream.wheel(name, "1.0", keys={"core-metadata": False}, padding=3_000_000)
    uv("pip", "compile", "-q", "--default-index", index, "-", stdin=f"{name}\n")
    assert upstream.sent[f"/files/{filename}"] > 0


def test_a_token_in_the_environment_opens_a_closed_index(uv, affineur, projects, tmp_path):
    token = affineur.token("closed", "read")
    address = f"affineur={affineur.url}/closed/simple/"
    uv(
        "pip", "install", "-q", "--target", tmp_path / "t", "--default-index", address, "sorbus-aria",
        UV_INDEX_AFFINEUR_USERNAME="__token__", UV_INDEX_AFFINEUR_PASSWORD=token,
    )  # fmt: skip
    assert installed(tmp_path / "t") == {"sorbus_aria-1.5"}
    refused = uv("pip", "install", "--target", tmp_path / "u", "--default-index", address, "sorbus-aria", check=False)
    assert "401" in refused.stderr


def test_a_name_never_seen_while_the_upstream_is_down_is_an_error_and_not_an_absence(uv, upstream, index, tmp_path):
    upstream.stop()
    try:
        done = uv(
            "pip",
            "install",
            "--target",
            tmp_path / "t",
            "--default-index",
            index,
            "unseen",
            check=False,
            UV_HTTP_RETRIES="0",
        )
    finally:
        upstream.restart()
    assert done.returncode == 2
    assert "504" in done.stderr
    assert "was not found in the package registry" not in done.stderr
