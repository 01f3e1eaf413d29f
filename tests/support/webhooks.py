"""A receiver of webhooks that verifies them as Standard Webhooks says, written apart from what signs them."""

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.support.server import free_port


class Hooks:
    """Listens while it is `open`; keeps what arrived. `secret` as its owner was shown it."""

    def __init__(self, secret=""):
        self.port, self.secret = free_port(), secret
        self.got, self.status, self.location, self.pause = [], 204, "", 0
        self._server = None

    @property
    def target(self):
        return f"webhook:http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self):
        return [headers["webhook-id"] for headers, _ in self.got]

    @property
    def bodies(self):
        return [json.loads(body) for _, body in self.got]

    def open(self):
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hooks.got.append((dict(self.headers), body))
                time.sleep(hooks.pause)
                self.send_response(hooks.status)
                if hooks.location:
                    self.send_header("Location", hooks.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def close(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self):
        return self.open()

    def __exit__(self, *_):
        self.close()

    def verified(self, number=-1):
        """Whether the signature of a message is that of its id, time and body."""
        headers, body = self.got[number]
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        fresh = abs(time.time() - int(headers["webhook-timestamp"])) < 60
        return fresh and hmac.compare_digest(wanted, headers["webhook-signature"])
