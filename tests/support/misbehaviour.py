"""What an upstream on a bad day answers: each makes an entry for `Upstream.overrides`."""

import gzip
import socket
import struct
import time

BINARY = {"Content-Type": "application/octet-stream"}
ERROR_PAGE = b"<!DOCTYPE html><html><body><h1>We will be back soon</h1></body></html>"


def _head(handler, length, **headers):
    handler.send_response(200)
    for name, value in {**BINARY, **{name.replace("_", "-"): value for name, value in headers.items()}}.items():
        handler.send_header(name, value)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


def status(code, body=b"", **headers):
    """Answer with a status."""
    return lambda handler: handler.answer(code, body, {k.replace("_", "-"): v for k, v in headers.items()})


def error_page():
    """Answer 200 with a page for people, whatever was asked."""
    return lambda handler: handler.answer(200, ERROR_PAGE, {"Content-Type": "text/html"})


def other_bytes(body):
    """Answer with another file."""
    return lambda handler: handler.answer(200, body, BINARY)


def cut(body, at):
    """State the whole length, send a part and close."""

    def answer(handler):
        _head(handler, len(body))
        handler.wfile.write(body[:at])
        handler.close_connection = True

    return answer


def reset(body, at):
    """Send a part, then reset the connection."""

    def answer(handler):
        _head(handler, len(body))
        handler.wfile.write(body[:at])
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
        handler.close_connection = True

    return answer


def stall(body, at, seconds):
    """Send a part, then nothing for a while."""

    def answer(handler):
        _head(handler, len(body))
        handler.wfile.write(body[:at])
        handler.wfile.flush()
        time.sleep(seconds)
        handler.close_connection = True

    return answer


def silent(seconds):
    """Take the request and say nothing for a while."""

    def answer(handler):
        time.sleep(seconds)
        handler.close_connection = True

    return answer


def lying(body, stated):
    """State a length that is not that of the body."""

    def answer(handler):
        _head(handler, stated)
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def without_length(body):
    """Send a body that ends with the connection."""

    def answer(handler):
        _head(handler, None, Connection="close")
        handler.wfile.write(body)
        handler.close_connection = True

    return answer


def zipped_in_silence(body, kind):
    """Send gzip under the type of what is inside, without a Content-Encoding."""
    return lambda handler: handler.answer(200, gzip.compress(body), {"Content-Type": kind})


def endless(megabytes, kind, *, stated):
    """Send a page that does not want to end; `stated` says whether its length is told before."""
    piece = b" " * 2**20

    def answer(handler):
        _head(handler, megabytes * 2**20 if stated else None, Content_Type=kind)
        for _ in range(megabytes):
            handler.wfile.write(piece)
        handler.close_connection = True

    return answer


def bomb(megabytes, kind):
    """Send a small compressed page that is large inside."""
    body = gzip.compress(b" " * (megabytes * 2**20))
    return lambda handler: handler.answer(200, body, {"Content-Type": kind, "Content-Encoding": "gzip"})


def redirect(target, code=302):
    """Send elsewhere."""
    return lambda handler: handler.answer(code, b"", {"Location": target})
