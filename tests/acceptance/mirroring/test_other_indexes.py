"""Upstreams of other kinds: another affineur, and a folder that a plain web server lists."""

import functools
import hashlib
import http.server
import subprocess
import sys
import threading

import pytest

from tests.support import distributions
from tests.support.server import Affineur, clean_environment

OPEN = '[indexes.main]\nsources = ["internal", "public"]\npolicy = "open"\n'


def install(index, *names, target):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--target", target, "-i", index, *names],
        env=clean_environment(PIP_NO_CACHE_DIR="1"),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {path.name.removesuffix(".dist-info") for path in target.glob("*.dist-info")}


def test_another_affineur_says_again_all_that_the_first_says(affineur, upstream, tmp_path):
    upstream.wheel("stilton", "1.0", requires=["shropshire"], keys={"yanked": "too strong", "requires-python": ">=3.8"})
    upstream.wheel("stilton", "0.9", requires=["shropshire"], keys={"core-metadata": False, "upload-time": None})
    upstream.wheel("shropshire", "1.0+blue")
    first = affineur.page("stilton", "public")["files"]
    with Affineur(tmp_path / "data", affineur.index("public"), config=OPEN) as second:
        again = second.page("stilton")["files"]
        for one, other in zip(first, again, strict=True):
            told = {
                key: value for key, value in one.items() if key not in ("url", "_upload_time_source", "core-metadata")
            }
            assert {key: other[key] for key in told} == told
            assert second.get(other["url"]).content == upstream.bodies[other["filename"]]
        assert install(second.index(), "stilton", target=tmp_path / "there") == {"stilton-0.9", "shropshire-1.0+blue"}


@pytest.fixture
def listed(tmp_path):
    """A folder of wheels as a plain web server lists it: no hashes, no times, no ranges."""
    for name in ("edam", "leerdam"):
        folder = tmp_path / "tree" / "simple" / name
        folder.mkdir(parents=True)
        details = {"requires": ["leerdam"]} if name == "edam" else {}
        distributions.write(folder, name, "1.0", **details)
        distributions.write(folder, name, "1.1+lo.cal", **details)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=tmp_path / "tree")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/simple/"
    server.shutdown()
    server.server_close()


def test_a_listed_folder_is_an_index_too_where_the_first_sight_is_trusted(listed, tmp_path):
    with Affineur(tmp_path / "data", listed, config=OPEN, AFFINEUR_UNHASHED_FILES="find-out") as server:
        assert install(server.index(), "edam", target=tmp_path / "there") == {"edam-1.1+lo.cal", "leerdam-1.1+lo.cal"}
        old, new = server.page("edam")["files"]
        body = (tmp_path / "tree" / "simple" / "edam" / new["filename"]).read_bytes()
        assert new["hashes"] == {"sha256": hashlib.sha256(body).hexdigest()}
        assert new["size"] == len(body)
        assert new["core-metadata"]["sha256"]
        assert new["_upload_time_source"] == old["_upload_time_source"] == "first-seen"
        assert old["core-metadata"] is False


def test_files_without_a_hash_are_refused_otherwise_and_said_to_be(listed, tmp_path):
    with Affineur(tmp_path / "data", listed, config=OPEN) as server:
        row = server.page("edam")["files"][0]
        answer = server.get(row["url"])
        assert answer.status_code == 403
        assert "hash" in answer.reason
