"""What operators ask: health, readiness, metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aiohttp import web
from aiohttp.web_request import BaseRequest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from affineur.storage.catalog import cache, ledger
from affineur.web.site import Site


async def health(site: Site, request: BaseRequest) -> web.StreamResponse:
    """The process answers."""
    del site, request
    return web.json_response({"status": "ok"})


async def ready(site: Site, request: BaseRequest) -> web.StreamResponse:
    """The database answers; `failing` names work in the background that ended for a fault and is begun again."""
    del request
    serial = await site.catalog.read(ledger.head)
    return web.json_response({"status": "ready", "serial": serial, "failing": site.background.failing})


_CACHE = (
    ("hits", "Answers with a mirrored file that needed no transfer of their own"),
    ("misses", "Answers with a mirrored file that made the mirror fetch it"),
    ("bytes_saved", "Bytes of the hits"),
    ("bytes_fetched", "Bytes of the files fetched from the upstream"),
)


class _Figures:
    """The figures of a moment as a collector of metrics."""

    def __init__(self, site: Site, traffic: Mapping[str, cache.Traffic], held: Mapping[str, cache.Holding]) -> None:
        self.site, self.traffic, self.held = site, traffic, held

    def collect(self) -> Iterator[Metric]:
        """Yield the counters of this process, then those of the mirrors, which all processes share."""
        site, counts = self.site, self.site.counts
        yield CounterMetricFamily("affineur_requests", "Requests answered by this process", counts.requests)
        yield CounterMetricFamily("affineur_bytes_sent", "Bytes of files sent by this process", counts.bytes_sent)
        lost = site.noted.lost
        yield CounterMetricFamily("affineur_unrecorded", "Requests that this process could not record", lost)
        faults = CounterMetricFamily("affineur_faults", "Faults that ended work in the background", labels=["work"])
        runs = GaugeMetricFamily("affineur_runs", "Whether work in the background runs", labels=["work"])
        for work, standing in sorted(site.background.standing.items()):
            faults.add_metric([work], standing.faults)
            runs.add_metric([work], standing.runs)
        yield faults
        yield runs
        for name, text in _CACHE:
            family = CounterMetricFamily(f"affineur_cache_{name}", text, labels=["mirror"])
            for mirror, told in sorted(self.traffic.items()):
                family.add_metric([mirror], getattr(told, name))
            yield family
        for name, text in (("files", "Mirrored files held"), ("bytes", "Bytes of the mirrored files held")):
            gauge = GaugeMetricFamily(f"affineur_cache_{name}", text, labels=["mirror"])
            for mirror, here in sorted(self.held.items()):
                gauge.add_metric([mirror], getattr(here, name))
            yield gauge


async def metrics(site: Site, request: BaseRequest) -> web.StreamResponse:
    """Figures in Prometheus' text form."""
    del request
    registry = CollectorRegistry()
    registry.register(
        _Figures(site, await site.catalog.read(cache.traffic_of), await site.catalog.read(cache.holdings))
    )
    return web.Response(body=generate_latest(registry), headers={"Content-Type": "text/plain; version=0.0.4"})
