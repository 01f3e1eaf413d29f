"""A real upstream index on loopback whose every answer a test can change."""

import collections
import contextlib
import hashlib
import json
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote, urlsplit

from tests.support import distributions


def days_ago(days):
    """The moment so many days ago, as pages state it."""
    return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


class Upstream:
    """Projects and files in memory, served as JSON or HTML; `log` holds every request's path."""

    def __init__(self):
        self.projects = {}
        self.bodies = {}
        self.log = []
        self.headers = []
        """path and headers of every request, in order"""
        self.connections = set()
        self.form = "json"
        self.metadata = True
        self.upload_times = True
        self.json_api = False
        self.hashes = True
        self.overrides = {}
        """path -> function(handler) that answers instead."""
        self.delay = 0.0
        self.rate = None
        """Bytes a second at which files are sent; None: at once."""
        self.credentials = None
        self.validators = True
        """True or "ETag", "Last-Modified", or False for none"""
        self.modified = {}
        self.answers = []
        """the status of every answer, in order"""
        self.statuses = {}
        self.rangeless = set()
        """Names of files of which no range is given: whoever asks for one gets everything."""
        self.sent = collections.Counter()
        """Bytes of files sent, by path."""
        handler = type("Handler", (_Handler,), {"upstream": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.port = self._server.server_address[1]
        self._thread = None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/simple/"

    def start(self):
        if self._thread is None:
            self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
            self._thread.start()

    def over_tls(self, context):
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def stop(self):
        """Close the port and every connection: nothing is answered from now on."""
        if self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread = None
            for connection in list(self.connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def restart(self):
        """Listen again on the same port."""
        handler = self._server.RequestHandlerClass
        self._server = _Server(("127.0.0.1", self.port), handler)
        self._thread = None
        self.start()

    def add(self, name, filename, body, *, uploaded="2024-01-02T03:04:05.000000Z", **keys):
        """List a file; `keys` go into its JSON row."""
        row = {
            "filename": filename,
            "url": f"/files/{quote(filename)}",
            "hashes": {"sha256": hashlib.sha256(body).hexdigest()},
            "size": len(body),
            "upload-time": uploaded,
            "yanked": False,
        }
        if filename.endswith(".whl") and (raw := _metadata_in(body)) is not None:
            row["core-metadata"] = {"sha256": hashlib.sha256(raw).hexdigest()}
            self.bodies[filename + ".metadata"] = raw
        row.update(keys)
        if not row.get("core-metadata"):
            self.bodies.pop(filename + ".metadata", None)
        self.projects.setdefault(name, {})[filename] = row
        self.bodies[filename] = body
        return row

    def wheel(self, name, version, *, keys=None, **details):
        """Make and list a wheel; return its file name."""
        filename = distributions.wheel_name(name, version, details.get("tag", "py3-none-any"))
        self.add(name, filename, distributions.wheel_bytes(name, version, **details), **(keys or {}))
        return filename

    def sdist(self, name, version, *, keys=None, **details):
        """Make and list an sdist; return its file name."""
        filename = distributions.sdist_name(name, version)
        self.add(name, filename, distributions.sdist_bytes(name, version, **details), **(keys or {}))
        return filename

    def provenance(self, filename, repository):
        """State that a file was published from a repository; return the address of the statement (PEP 740)."""
        publisher = {"kind": "GitHub", "repository": repository, "workflow": "release.yml", "environment": None}
        document = {"version": 1, "attestation_bundles": [{"publisher": publisher, "attestations": []}]}
        self.overrides[f"/prov/{filename}"] = lambda handler: handler.answer(200, json.dumps(document).encode())
        return f"http://127.0.0.1:{self.port}/prov/{filename}"

    def told(self, part, header):
        """The values of a header in the requests whose path contains `part`."""
        return [headers.get(header) for path, headers in self.headers if part in path]

    def asked(self, part):
        """The requests whose path contains `part`."""
        return [path for path in self.log if part in path]

    def page(self, name):
        rows = []
        for row in self.projects[name].values():
            row = dict(row)
            if not self.metadata:
                row.pop("core-metadata", None)
            if not self.upload_times:
                row.pop("upload-time", None)
            if not self.hashes:
                row["hashes"] = {}
            rows.append(row)
        return rows


def _metadata_in(body):
    import io
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
            return archive.read(name)
    except (zipfile.BadZipFile, StopIteration):
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """Say nothing: clients and tests cut connections on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: Upstream

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.upstream.connections.add(self.connection)

    def finish(self):
        self.upstream.connections.discard(self.connection)
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        up = self.upstream
        up.log.append(self.path)
        up.headers.append((self.path, dict(self.headers)))
        if up.delay:
            time.sleep(up.delay)
        path = unquote(urlsplit(self.path).path)
        try:
            if path in up.overrides:
                up.overrides[path](self)
            elif up.credentials and self.headers.get("Authorization") != up.credentials:
                self.answer(401, b"", {"WWW-Authenticate": 'Basic realm="upstream"'})
            elif path.startswith("/simple/") and path.count("/") == 3 and path.split("/")[2] in up.projects:
                self.page(path.split("/")[2])
            elif path.startswith("/files/") and path[7:] in up.bodies and (up.metadata or path[-9:] != ".metadata"):
                self.file(path, up.bodies[path[7:]])
            elif path.startswith("/pypi/") and up.json_api and path.split("/")[2] in up.projects:
                self.json_api(path.split("/")[2])
            else:
                self.answer(404, b"not here")
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer(self, status, body, headers=None):
        self.upstream.answers.append(status)
        self.send_response(status)
        headers = {"Content-Type": "text/plain", "Content-Length": str(len(body)), **(headers or {})}
        for key, value in headers.items():
            if value is not None:
                self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def page(self, name):
        up = self.upstream
        rows = up.page(name)
        if up.form == "json":
            document = {"meta": {"api-version": "1.4"}, "name": name, "files": rows}
            document["versions"] = sorted(
                {row["filename"].split("-")[1].removesuffix(".tar.gz").removesuffix(".zip") for row in rows}
            )
            if name in up.statuses:
                document["project-status"] = up.statuses[name]
            body, kind = json.dumps(document).encode(), "application/vnd.pypi.simple.v1+json"
        else:
            body, kind = _html(rows), "text/html; charset=utf-8"
        headers = {"Content-Type": kind}
        if up.validators is True or up.validators == "ETag":
            headers["ETag"] = f'"{hashlib.md5(body).hexdigest()}"'
            if self.headers.get("If-None-Match") == headers["ETag"]:
                self.answer(304, b"", headers)
                return
        elif up.validators == "Last-Modified":
            stamp = up.modified.setdefault(body, formatdate(1_700_000_000 + len(up.modified), usegmt=True))
            headers["Last-Modified"] = stamp
            if self.headers.get("If-Modified-Since") == stamp:
                self.answer(304, b"", headers)
                return
        self.answer(200, body, headers)

    def file(self, path, body):
        up = self.upstream
        status, headers = 200, {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        name = path.rpartition("/")[2]
        spec = self.headers.get("Range") if name not in up.rangeless else None
        if name in up.rangeless:
            headers["Accept-Ranges"] = None
        if spec and spec.startswith("bytes="):
            first, _, last = spec[6:].partition("-")
            start = int(first) if first else max(0, len(body) - int(last))
            stop = min(len(body), int(last) + 1) if first and last else len(body)
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
            body, status = body[start:stop], 206
        if self.command != "HEAD":
            up.sent[path] += len(body)
        if up.rate is None:
            self.answer(status, body, headers)
            return
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            if value is not None:
                self.send_header(key, value)
        self.end_headers()
        piece = max(1, up.rate // 50)
        for start in range(0, len(body), piece):
            self.wfile.write(body[start : start + piece])
            time.sleep(piece / up.rate)

    def json_api(self, name):
        rows = self.upstream.projects[name].values()
        releases = {}
        for row in rows:
            releases.setdefault(row["filename"].split("-")[1], []).append(
                {
                    "filename": row["filename"],
                    "upload_time_iso_8601": row["upload-time"],
                    "size": row["size"],
                    "digests": row["hashes"],
                }
            )
        body = json.dumps({"info": {"name": name}, "releases": releases}).encode()
        self.answer(200, body, {"Content-Type": "application/json"})


def _html(rows):
    from html import escape

    anchors = []
    for row in rows:
        digest = row["hashes"].get("sha256")
        href = row["url"] + (f"#sha256={digest}" if digest else "")
        extra = ""
        if row.get("requires-python"):
            extra += f' data-requires-python="{escape(row["requires-python"])}"'
        if row["yanked"]:
            reason = row["yanked"] if isinstance(row["yanked"], str) else ""
            extra += f' data-yanked="{escape(reason)}"'
        if row.get("core-metadata"):
            extra += f' data-core-metadata="sha256={row["core-metadata"]["sha256"]}"'
        anchors.append(f'<a href="{escape(href)}"{extra}>{escape(row["filename"])}</a><br>')
    head = '<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"><title>Links for it</title>'
    return f"{head}</head><body>\n{chr(10).join(anchors)}\n</body></html>".encode()
