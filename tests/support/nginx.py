"""nginx in front of a server, run from a folder of its own."""

import contextlib
import shutil
import socket
import subprocess
import time

from tests.support.services import lacking

WHOLE = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


@contextlib.contextmanager
def nginx(folder, port, server):
    """Run nginx with a `server` block that listens on a port, until the block ends."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        lacking("nginx")
    folder.mkdir()
    configuration = folder / "nginx.conf"
    configuration.write_text(WHOLE.format(folder=folder, server=server))
    running = subprocess.Popen([program, "-p", folder, "-c", configuration, "-e", folder / "start.log"])
    try:
        _wait(running, port, folder)
        yield
    finally:
        running.terminate()
        running.wait(10)


def _wait(running, port, folder):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if running.poll() is not None:
            break
        time.sleep(0.02)
    told = "".join(path.read_text() for path in folder.glob("*.log"))
    raise AssertionError(f"nginx did not start:\n{told}")
