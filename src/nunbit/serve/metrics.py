"""Numbers that a server counts, for Prometheus. All labels are from closed sets."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """Counters of one server."""

    def __init__(self, *, waiting: Callable[[], float], ready: Callable[[], float]) -> None:
        """Begin at zero; `waiting` and `ready` are asked whenever the numbers are read."""
        self._registry = registry = CollectorRegistry()
        self.requests = Counter(
            "nunbit_requests",
            "Requests that were answered",
            ["route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "nunbit_request_seconds",
            "Seconds from a request's first line to its answer",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.refusals = Counter(
            "nunbit_refusals",
            "Requests, and pictures within requests, that were refused",
            ["reason"],
            registry=registry,
        )
        self.pictures = Counter("nunbit_pictures", "Pictures that were answered", registry=registry)
        self.batches = Histogram(
            "nunbit_batch_pictures",
            "Pictures that shared a pass of the network",
            buckets=(1, 2, 4, 8),
            registry=registry,
        )
        self.reloads = Counter(
            "nunbit_reloads", "Times that a model was loaded again", ["result"], registry=registry
        )
        queue = Gauge(
            "nunbit_pictures_waiting",
            "Pictures that are decoded or wait for an answer",
            registry=registry,
        )
        queue.set_function(waiting)
        state = Gauge("nunbit_ready", "1 where the server takes requests", registry=registry)
        state.set_function(ready)

    def text(self) -> bytes:
        """All numbers in Prometheus's text format."""
        return generate_latest(self._registry)
