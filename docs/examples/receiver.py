"""A receiver of webhooks: takes what affineur signed with the secret, prints it, and refuses the rest."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

_LARGEST = 1 << 20
_OLDEST = 300
"""Seconds after which a message is taken for one that somebody recorded and sends again."""


def signed(secret: str, identifier: str, timestamp: str, body: bytes, signatures: str) -> bool:
    """Whether one of the signatures is that of a message (Standard Webhooks)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(made).decode()
    return any(hmac.compare_digest(wanted, given) for given in signatures.split())


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to a message that is genuine and fresh, 401 to any other."""

    secret = ""

    def do_POST(self) -> None:
        """Take a message."""
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _LARGEST))
        identifier, timestamp = self.headers.get("webhook-id", ""), self.headers.get("webhook-timestamp", "")
        fresh = timestamp.isdigit() and abs(time.time() - int(timestamp)) < _OLDEST
        genuine = signed(self.secret, identifier, timestamp, body, self.headers.get("webhook-signature", ""))
        if fresh and genuine:
            for item in json.loads(body).get("items", ()):
                print(item["news"], item["kind"], item["project"], item["version"], *item["ids"], flush=True)
        self.send_response(204 if fresh and genuine else 401)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""


if __name__ == "__main__":
    Receiver.secret = sys.argv[2]
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
