"""What operators ask: health, readiness, metrics."""

from __future__ import annotations

from aiohttp import web
from aiohttp.web_request import BaseRequest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily

from affineur.storage.catalog import ledger
from affineur.web.site import Site


async def health(site: Site, request: BaseRequest) -> web.StreamResponse:
    """The process answers."""
    del site, request
    return web.json_response({"status": "ok"})


async def ready(site: Site, request: BaseRequest) -> web.StreamResponse:
    """The database answers."""
    del request
    serial = await site.catalog.read(ledger.head)
    return web.json_response({"status": "ready", "serial": serial})


class _Counts:
    """The counts of this process as a collector of metrics."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def collect(self) -> list[CounterMetricFamily]:
        """Return the counters with their present values."""
        counts = self.site.counts
        rows = (
            ("affineur_requests", "Requests answered", counts.requests),
            ("affineur_file_hits", "Files served from the store", counts.hits),
            ("affineur_file_misses", "Files fetched from an upstream", counts.misses),
        )
        return [CounterMetricFamily(name, text, value) for name, text, value in rows]


async def metrics(site: Site, request: BaseRequest) -> web.StreamResponse:
    """The counts of this process in Prometheus' text form."""
    del request
    registry = CollectorRegistry()
    registry.register(_Counts(site))
    return web.Response(body=generate_latest(registry), headers={"Content-Type": "text/plain; version=0.0.4"})
