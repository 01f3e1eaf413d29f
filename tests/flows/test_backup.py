"""A backup made by hand of a running server, as the documentation says, is whole."""

import json
import shutil
import sqlite3
import threading

from tests.support.distributions import wheel_bytes, wheel_name
from tests.support.server import Affineur


def test_a_copy_of_a_running_server_is_whole(affineur, upstream, tmp_path):
    token = affineur.token()
    upstream.wheel("cheddar", "1.0", padding=100_000)
    affineur.get(affineur.page("cheddar")["files"][0]["url"])
    stopped, kept = threading.Event(), []

    def upload():
        while not stopped.is_set():
            name = f"gouda-{len(kept)}"
            body = wheel_bytes(name, "1.0", padding=10_000)
            assert affineur.upload(wheel_name(name, "1.0"), body, token=token).status_code == 200
            kept.append((name, body))

    uploads = threading.Thread(target=upload)
    uploads.start()
    while len(kept) < 5:
        stopped.wait(0.05)
    before = len(kept)
    backup = tmp_path / "backup"
    backup.mkdir()
    database = sqlite3.connect(affineur.data / "catalog.db")
    database.execute("VACUUM INTO ?", [str(backup / "catalog.db")])
    database.close()
    while len(kept) < before + 3:
        stopped.wait(0.05)
    shutil.copytree(affineur.data / "blobs", backup / "blobs", ignore=shutil.ignore_patterns("staging"))
    stopped.set()
    uploads.join()
    affineur.stop()

    restored = Affineur(backup, upstream.url)
    told = restored.command("prune", "--check", "--older-than", "0", "--format", "json", check=False)
    assert json.loads(told.stdout)["lost"] == []
    assert "the chain is whole" in restored.command("ledger", "verify").stdout
    restored.start()
    try:
        for name, body in kept[:before]:
            row = restored.page(name)["files"][0]
            assert restored.get(row["url"]).content == body
    finally:
        restored.stop()
