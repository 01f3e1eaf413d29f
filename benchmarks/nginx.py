"""nginx: the yardstick, and the upstream that mirrors ask."""

import shutil
import subprocess
import time
from pathlib import Path

import requests

from tests.support.server import free_port

_CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; server_tokens off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  types {{ application/vnd.pypi.simple.v1+json json; text/html html; }}
  default_type application/octet-stream;
  map $http_accept $form {{ default html; "~json" json; }}
  {http}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    {server}
  }}
}}
"""
_STATIC = """
    root {root};
    gzip_static on;
    location ~ ^(?<page>.*/simple(?:/[^/]+)?)/$ {{ try_files $page/index.$form =404; }}
"""
_CACHE = """
    location / {{
      proxy_pass {upstream}; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache kept; proxy_cache_lock on; proxy_cache_key $uri$http_accept; proxy_cache_valid 200 10m;
    }}
"""


class Nginx:
    """An nginx of one process over a folder, or as a cache before an upstream."""

    name = "nginx"

    def __init__(self, folder: Path, root: Path | None = None, *, upstream: str = ""):
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True)
        self.caching = bool(upstream)
        http, server = "", _STATIC.format(root=root)
        if upstream:
            http = f"proxy_cache_path {folder}/cache keys_zone=kept:10m max_size=4g;"
            server = _CACHE.format(upstream=upstream)
        text = _CONFIGURATION.format(folder=folder, port=self.port, http=http, server=server)
        (folder / "nginx.conf").write_text(text)
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def page(self, project):
        """The address of a project's page: the paths of affineur, or those of the upstream that is cached."""
        prefix = "/simple" if self.caching else "/main/simple"
        return f"{self.url}{prefix}/{project}/"

    def start(self):
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [program, "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", "nginx.conf"]
        self.process = subprocess.Popen(command, cwd=self.folder)
        for _ in range(200):
            try:
                requests.get(self.url, timeout=1)
                return self
            except requests.ConnectionError:
                time.sleep(0.02)
        raise RuntimeError(f"nginx does not answer: {(self.folder / 'error.log').read_text()}")

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None
