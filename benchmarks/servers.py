"""Servers under test: started over a tree, each with the addresses under which it serves it."""

import subprocess
import time
from pathlib import Path

import requests

from benchmarks.venvs import programs
from tests.support.server import Affineur, clean_environment, free_port


class Ours(Affineur):
    """affineur, one process, as it is started by default."""

    name = "affineur"
    served = "main"

    def page(self, project):
        """The address of a project's page."""
        return f"{self.url}/{self.served}/simple/{project}/"


class _Peer:
    name: str

    def __init__(self, folder: Path, venvs: Path):
        self.folder, self.port = folder, free_port()
        self.bin = programs(self.name, venvs)
        folder.mkdir(parents=True)
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _run(self, command, **environment):
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [str(part) for part in command], stdout=log, stderr=log, env=clean_environment(**environment)
        )
        for _ in range(600):
            try:
                requests.get(self.url, timeout=5)
                return self
            except requests.ConnectionError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise RuntimeError(f"{self.name} does not answer: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None


class Proxpi(_Peer):
    """proxpi, a caching proxy, under gunicorn with one process."""

    name = "proxpi"

    def start(self, _tree, upstream):
        return self._run(
            [self.bin / "gunicorn", "-w1", "--threads=8", f"-b127.0.0.1:{self.port}", "proxpi.server:app"],
            PROXPI_INDEX_URL=upstream,
            PROXPI_CACHE_DIR=str(self.folder / "cache"),
        )

    def page(self, project):
        return f"{self.url}/index/{project}/"


class Pypiserver(_Peer):
    """pypiserver over a folder, with the backend that does not deadlock."""

    name = "pypiserver"

    def start(self, tree, _upstream):
        program = self.bin / "pypi-server"
        return self._run(
            [
                program,
                "run",
                "-i",
                "127.0.0.1",
                "-p",
                self.port,
                "--backend",
                "simple-dir",
                "--disable-fallback",
                tree.files,
            ]
        )

    def page(self, project):
        return f"{self.url}/simple/{project}/"


class Devpi(_Peer):
    """devpi-server with a mirror index."""

    name = "devpi-server"

    def start(self, _tree, upstream):
        data = self.folder / "data"
        subprocess.run(
            [self.bin / "devpi-init", "--no-root-pypi", "--serverdir", data],
            check=True,
            capture_output=True,
            timeout=120,
        )
        self._run([self.bin / "devpi-server", "--serverdir", data, "--host", "127.0.0.1", "--port", self.port])
        login = requests.post(f"{self.url}/+login", json={"user": "root", "password": ""}, timeout=30).json()["result"]
        import base64

        token = base64.b64encode(f"root:{login['password']}".encode()).decode()
        made = requests.put(
            f"{self.url}/root/mirror",
            json={"type": "mirror", "mirror_url": upstream},
            headers={"X-Devpi-Auth": token},
            timeout=30,
        )
        made.raise_for_status()
        return self

    def page(self, project):
        return f"{self.url}/root/mirror/+simple/{project}/"


PEERS = {peer.name: peer for peer in (Devpi, Pypiserver, Proxpi)}
