"""A name that is easily taken for another is refused, and the person's own tool says what was meant."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import distributions
from tests.support.polling import eventually
from tests.support.server import Affineur, clean_environment

OLD = "2019-03-01T10:00:00Z"


def pip(server, *wanted, index="main"):
    return subprocess.run(
        [sys.executable, "-m", "pip", "download", "--no-deps", "--index-url", server.index(index), *wanted],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=server.data.parent,
        env=clean_environment(),
    )


def publish(upstream, name, *versions, uploaded=OLD):
    for version in versions:
        upstream.wheel(name, version, keys={"upload-time": uploaded})


@pytest.mark.parametrize("wanted", ["reqeusts", "reqeusts==2.31.0", "reqeusts>=2"])
def test_a_typo_that_nobody_registered_is_answered_with_what_was_meant(affineur, wanted):
    done = pip(affineur, wanted)
    assert done.returncode == 1
    assert "did you mean requests" in (done.stdout + done.stderr).replace(".", " ")


def test_a_lookalike_upstream_has_is_refused_and_the_project_meant_is_served(affineur, upstream):
    publish(upstream, "requests", "2.31.0")
    publish(upstream, "colourama", "1.0", uploaded=f"{datetime.now(UTC) - timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}")
    refused = pip(affineur, "colourama")
    assert refused.returncode == 1
    assert "denied by lookalikes: did you mean colorama? colourama looks like it (one letter more)" in refused.stderr
    assert pip(affineur, "requests").returncode == 0
    assert not [path for path in upstream.log if "colourama" in path and path.startswith("/files")]


def test_the_open_index_lets_it_through(affineur, upstream):
    publish(upstream, "colourama", "1.0")
    assert pip(affineur, "colourama", index="public").returncode == 0


def test_an_old_and_busy_project_passes(affineur, upstream):
    publish(upstream, "colourama", *(f"1.{n}" for n in range(6)))
    assert pip(affineur, "colourama").returncode == 0


def test_a_standard_library_module_is_refused(affineur, upstream):
    publish(upstream, "urllib2", "1.0", "2.0")
    refused = pip(affineur, "urllib2")
    assert refused.returncode == 1
    assert "denied by stdlib_names: urllib2 is the name of a module that comes with Python" in refused.stderr
    publish(upstream, "dataclasses", "0.8")
    assert pip(affineur, "dataclasses").returncode == 0


def test_the_neighbours_of_names_owned_here_are_refused(tmp_path, upstream):
    config = '[hosted.internal]\nowns = ["fontainebleau-*"]\n'
    server = Affineur(tmp_path / "data", upstream.url, config=config)
    server.start()
    try:
        token = server.token()
        body = distributions.wheel_bytes("cambozola_billing", "1.0")
        assert server.upload("cambozola_billing-1.0-py3-none-any.whl", body, token=token).status_code == 200
        for name in ("cambozola-biling", "fontainebleu-tools"):
            publish(upstream, name, "1.0")
        first, second = pip(server, "cambozola-biling"), pip(server, "fontainebleu-tools")
        assert "did you mean cambozola-billing?" in first.stderr
        assert "did you mean fontainebleau-tools?" in second.stderr
        assert pip(server, "cambozola-billing").returncode == 0
    finally:
        server.stop()


def test_a_near_miss_seen_before_the_name_was_claimed_is_refused_soon_after(tmp_path, upstream):
    server = Affineur(tmp_path / "data", upstream.url)
    server.start()
    try:
        names = "cambozola-biling", "roquefort"
        for name in names:
            publish(upstream, name, "1.0")
        near, other = (server.page(name)["files"][0]["url"] + ".metadata" for name in names)
        assert [server.get(address).status_code for address in (near, other)] == [200, 200]
        body = distributions.wheel_bytes("cambozola_billing", "1.0")
        made = server.upload("cambozola_billing-1.0-py3-none-any.whl", body, token=server.token())
        assert made.status_code == 200
        assert eventually(lambda: server.get(near).status_code == 403)
        assert "did you mean cambozola-billing?" in server.get(near).reason
        assert server.get(other).status_code == 200
        compared = json.loads(server.command("ledger", "log", "--kind", "claim.compared", "--format", "json").stdout)
        assert [entry["data"]["projects"] for entry in compared] == [["cambozola-biling"]]
        quarantined = eventually(
            lambda: json.loads(server.command("ledger", "log", "--kind", "file.quarantined", "--format", "json").stdout)
        )
        assert {entry["project"] for entry in quarantined} == {"cambozola-biling"}
    finally:
        server.stop()


def test_settings_make_it_milder(tmp_path, upstream):
    config = '[policies.standard]\nlookalikes = "warn"\nstdlib_names = "off"\n'
    server = Affineur(tmp_path / "data", upstream.url, config=config)
    server.start()
    try:
        publish(upstream, "colourama", "1.0")
        publish(upstream, "urllib2", "1.0")
        assert pip(server, "colourama").returncode == 0
        assert pip(server, "urllib2").returncode == 0
    finally:
        server.stop()


def test_a_newer_list_counts_at_once(affineur, upstream, tmp_path):
    publish(upstream, "gorgonzolla", "1.0")
    assert affineur.get("/main/simple/gorgonzolla/").status_code == 200
    path = tmp_path / "list.txt"
    path.write_text("\n".join(["gorgonzola", *(f"project-{n}" for n in range(200))]))
    made = json.loads(affineur.command("names", "update", str(path), "--format", "json").stdout)
    assert made["names"] == 201
    assert "did you mean gorgonzola?" in pip(affineur, "gorgonzolla").stderr


def test_what_people_here_use_already_is_not_taken_from_them(affineur, upstream):
    publish(upstream, "colourama", "1.0")
    assert pip(affineur, "colourama").returncode == 1
    assert pip(affineur, "colourama", index="public").returncode == 0
    affineur.stop()
    affineur.start()
    assert pip(affineur, "colourama").returncode == 0


def test_uv_says_what_was_meant(affineur):
    done = subprocess.run(
        [
            Path(sys.executable).parent / "uv",
            "pip",
            "install",
            "--dry-run",
            "--system",
            "--index-url",
            affineur.index(),
            "reqeusts",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(UV_CACHE_DIR=str(affineur.data.parent / "uv")),
    )
    assert done.returncode != 0
    assert "did you mean requests? reqeusts looks like it" in " ".join(done.stderr.split())
