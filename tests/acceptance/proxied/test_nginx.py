"""Behind a real nginx: as the documentation configures it, and as one that rewrites reason phrases."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.support.clients import run
from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.nginx import nginx
from tests.support.server import Affineur, clean_environment, free_port
from tests.support.tls import certificate
from tests.support.upstream import Upstream

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "behind-a-proxy.md"
REWRITING = """
server {
    listen 127.0.0.1:%(port)d;
    location / {
        proxy_pass http://127.0.0.1:8000;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_intercept_errors on;
        error_page 403 @rewritten;
    }
    location @rewritten { return 403; }
}
"""


def documented(port, chain, key):
    """The server block of the documentation, with this machine's port and certificate."""
    (block,) = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    block = block.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    return block.replace("/etc/ssl/packages.pem", str(chain)).replace("/etc/ssl/packages.key", str(key))


@pytest.fixture
def moments():
    """When the young file was uploaded and when three days have passed."""
    uploaded = datetime.now(UTC) - timedelta(days=1)
    return uploaded, uploaded + timedelta(days=3)


@pytest.fixture
def upstream(moments):
    """A real upstream index on loopback with a file that passes and one that is held."""
    made = Upstream()
    made.wheel("old", "1.0", padding=300_000)
    made.wheel("young", "1.0", keys={"uploaded": moments[0].strftime("%Y-%m-%dT%H:%M:%SZ")})
    yield made
    made.stop()


def served(folder, upstream, origin, **settings):
    return Affineur(folder / "data", upstream.url, AFFINEUR_PUBLIC_URL=origin, **settings)


def pip_download(index, name, folder, **environment):
    arguments = ("download", "--no-cache-dir", "--no-deps", "--index-url", index, "-d", folder, name)
    return run("pip-newest", "python", "-m", "pip", *arguments, check=False, **environment)


def test_the_documented_configuration(tmp_path, upstream, moments):
    port = free_port()
    origin = f"https://127.0.0.1:{port}"
    chain, key = certificate(tmp_path)
    with served(tmp_path, upstream, origin) as affineur:
        block = documented(port, chain, key).replace("127.0.0.1:8000", f"127.0.0.1:{affineur.port}")
        with nginx(tmp_path / "nginx", port, block):
            index = f"{origin}/main/simple/"
            got = pip_download(index, "old", tmp_path / "got", REQUESTS_CA_BUNDLE=str(chain))
            assert got.returncode == 0, got.stderr
            name = wheel_name("old", "1.0")
            assert (tmp_path / "got" / name).read_bytes() == upstream.bodies[name]

            refused = pip_download(index, "young", tmp_path / "got", REQUESTS_CA_BUNDLE=str(chain))
            assert "403 Client Error: held by cooldown: " in refused.stderr
            assert f"{moments[1]:%Y-%m-%d}" in refused.stderr
            assert f"; see {origin}/why/" in refused.stderr

            body = wheel_bytes("gouda", "1.0", padding=3_000_000)
            affineur.port, affineur.certificate, direct = port, (chain, key), affineur.port
            try:
                answer = affineur.upload(wheel_name("gouda", "1.0"), body, token=affineur.token())
            finally:
                affineur.port, affineur.certificate = direct, None
            assert answer.status_code == 200, answer.text


def test_uv_tells_over_http2_where_there_are_no_phrases(tmp_path, upstream):
    port = free_port()
    origin = f"https://127.0.0.1:{port}"
    chain, key = certificate(tmp_path)
    with served(tmp_path, upstream, origin) as affineur:
        block = documented(port, chain, key).replace("127.0.0.1:8000", f"127.0.0.1:{affineur.port}")
        with nginx(tmp_path / "nginx", port, block.replace(" ssl;", " ssl http2;")):
            refused = subprocess.run(
                [sys.executable, "-m", "uv", "pip", "install", "--no-cache", "--target", tmp_path / "got",
                 "--default-index", f"{origin}/main/simple/", "young"],
                env=clean_environment(SSL_CERT_FILE=str(chain)), capture_output=True, text=True, timeout=60,
            )  # fmt: skip
    assert refused.returncode != 0
    assert "(403 Forbidden)" in refused.stderr
    assert "Server message: refused, held by cooldown: " in " ".join(refused.stderr.split())


def test_a_redirect_tells_where_phrases_are_rewritten(tmp_path, upstream, moments):
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    with served(tmp_path, upstream, origin, AFFINEUR_EXPLAIN="redirect") as affineur:
        block = (REWRITING % {"port": port}).replace("127.0.0.1:8000", f"127.0.0.1:{affineur.port}")
        with nginx(tmp_path / "nginx", port, block):
            refused = pip_download(f"{origin}/main/simple/", "young", tmp_path / "got")
        assert refused.returncode == 1
        told = re.search(r"403 Client Error: Forbidden for url: (\S+)", refused.stderr)
        assert told, refused.stderr
        assert re.fullmatch(rf"{origin}/why/[0-9a-f]+/held-by-cooldown-until-{moments[1]:%Y-%m-%d}", told[1])


def test_where_a_redirect_leads(tmp_path, upstream, moments):
    with served(tmp_path, upstream, "", AFFINEUR_EXPLAIN="redirect") as affineur:
        row = affineur.page("young")["files"][0]
        for path in (row["url"], row["url"] + ".metadata"):
            for ask in (requests.get, requests.head):
                answer = ask(affineur.url + path, allow_redirects=False, timeout=10)
                assert answer.status_code == 302
                assert answer.headers["Location"].startswith("/why/")
        landed = affineur.get(row["url"])
        assert landed.status_code == 403
        assert landed.reason.startswith("held by cooldown: ")
        assert landed.headers["Content-Type"] == "application/problem+json"
        assert landed.json()["detail"].startswith("held by cooldown: ")
        assert affineur.get("/why/0123456789abcdef0123/held-by-anything").status_code == 403
        assert affineur.get(affineur.page("old")["files"][0]["url"]).status_code == 200
