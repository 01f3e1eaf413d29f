"""affineur as a process of its own, started as a user starts it."""

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from tests.support import forked


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clean_environment(**more):
    """The environment without what would configure pip, uv or affineur from outside."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "AFFINEUR_", "TWINE_"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_CONFIG": "1", **more}


class Affineur:
    """A running server over a data folder; `start` and `stop` as often as a test likes."""

    def __init__(
        self, data: Path, upstream: str = "", *, config: str = "", certificate=None, loaded=True, **environment
    ):
        self.data, self.upstream = data, upstream
        self.loaded = loaded
        """Whether it may be forked from a process that has affineur loaded; not where a start or memory is measured."""
        self.certificate = certificate
        """Paths of a certificate and its key, to serve over TLS."""
        self.port = free_port()
        self.environment = environment
        self.config = None
        if config:
            self.config = data.parent / f"{data.name}.toml"
            self.config.write_text(config)
        self.process = None
        self.wrapper = []
        """A program, with arguments, that starts the server's."""
        self.log = data.parent / f"{data.name}.log"

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    @property
    def trusted(self):
        """What `requests` verifies with."""
        return str(self.certificate[0]) if self.certificate else True

    def index(self, name="main"):
        return f"{self.url}/{name}/simple/"

    def _environment(self):
        return clean_environment(
            **({"AFFINEUR_CONFIG": str(self.config)} if self.config else {}),
            **({"AFFINEUR_UPSTREAM": self.upstream} if self.upstream else {}),
            **{
                "AFFINEUR_DATA": str(self.data),
                "AFFINEUR_PORT": str(self.port),
                "AFFINEUR_MIN_FREE": "0",
                **self.environment,
            },
        )

    def start(self, *arguments):
        if self.certificate:
            arguments = (*arguments, "--tls-cert", self.certificate[0], "--tls-key", self.certificate[1])
        self.process = self._serve(arguments)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended at once:\n{self.log.read_text()}")
            try:
                if requests.get(f"{self.url}/-/health", timeout=1, verify=self.trusted).ok:
                    return self
            except requests.RequestException:
                time.sleep(0.02)
        raise AssertionError(f"the server did not answer:\n{self.log.read_text()}")

    def _serve(self, arguments):
        with self.log.open("ab") as log:
            if self.loaded and not self.wrapper:
                return forked.Forked(
                    ["serve", *arguments], environment=self._environment(), stdout=log, stderr=log, alone=True
                )
            return subprocess.Popen(
                [*self.wrapper, sys.executable, "-m", "affineur", "serve", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,
            )

    def stop(self, number=signal.SIGTERM):
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass
            self.process.wait(20)
            self.process = None

    def kill(self):
        self.stop(signal.SIGKILL)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def command(self, *arguments, check=True, stdin=None, cwd=None, **environment):
        """Run an affineur command on the data folder; return the finished process."""
        result = forked.run(arguments, environment=self._environment() | environment, stdin=stdin, cwd=cwd)
        if check and result.returncode:
            raise AssertionError(f"affineur {' '.join(arguments)}: {result.stdout}{result.stderr}")
        return result

    def used(self, project):
        """The versions of a project whose download is on record."""
        from affineur.config import load
        from affineur.storage.catalog import usage
        from affineur.storage.catalog.database import Catalog

        with contextlib.closing(
            Catalog.open(load(self.config, environment=self._environment()).database_url)
        ) as catalog:
            return catalog.read_now(usage.versions, project)

    def token(self, index="internal", rights="upload", user="ada", *more):
        """Make the user where needed, and a token; return its secret."""
        self.command("user", "add", user, check=False)
        made = self.command("token", "create", "--user", user, "--index", index, "--rights", rights, "--quiet", *more)
        return made.stdout.strip()

    def get(self, path, **options):
        return requests.get(self.url + path, timeout=30, **{"verify": self.trusted, **options})

    def page(self, project, index="main"):
        """A project's page as JSON."""
        answer = self.get(f"/{index}/simple/{project}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        answer.raise_for_status()
        return answer.json()

    def file_url(self, row):
        """The whole address of a file row of a page."""
        return row["url"] if "://" in row["url"] else self.url + row["url"]

    def form(self, filename, body, *, name=None, version=None, **fields):
        """The text fields that twine would send with a file."""
        stem = filename.removesuffix(".tar.gz").removesuffix(".whl")
        return {
            ":action": "file_upload",
            "protocol_version": "1",
            "name": name or stem.split("-")[0],
            "version": version or stem.split("-")[1],
            "filetype": "bdist_wheel" if filename.endswith(".whl") else "sdist",
            "pyversion": "py3" if filename.endswith(".whl") else "source",
            "metadata_version": "2.1",
            "sha256_digest": hashlib.sha256(body).hexdigest(),
            **fields,
        }

    def post(self, form, filename, body, *, index="internal", token=None, headers=None, files=None):
        """Send an upload form with a file; return the answer."""
        return requests.post(
            f"{self.url}/{index}/legacy/",
            data=form,
            files={"content": (filename, body, "application/octet-stream"), **(files or {})},
            auth=("__token__", token) if token else None,
            headers=headers,
            timeout=60,
            verify=self.trusted,
        )

    def upload(self, filename, body, *, index="internal", token=None, fields=None, files=None, name=None, version=None):
        """Upload as twine does; return the answer. A field that is None is left out."""
        form = {**self.form(filename, body, name=name, version=version), **(fields or {})}
        form = {key: value for key, value in form.items() if value is not None}
        return self.post(form, filename, body, index=index, token=token, files=files)
