"""Prometheus metrics of one server, in a registry of its own."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

MEDIA_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Requests by path, method and status, their seconds, refusals; rows, jobs and seconds of calls."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "setgen_requests",
            "Requests answered.",
            ("path", "method", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "setgen_request_seconds",
            "From the request's head to the answer's end.",
            ("path",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.cancelled = Counter(
            "setgen_requests_cancelled", "Requests whose client left.", registry=self._registry
        )
        self.refused = Counter(
            "setgen_requests_refused", "Requests turned away for lack of room.", registry=self._registry
        )
        self.stopped = Counter(
            "setgen_calls_stopped", "Network calls ended since nobody waited.", registry=self._registry
        )
        self._rows = Histogram(
            "setgen_call_rows", "Climbs in a network call.", buckets=_ROWS, registry=self._registry
        )
        self._jobs = Histogram(
            "setgen_call_jobs", "Requests that share a network call.", buckets=_ROWS, registry=self._registry
        )
        self._call_seconds = Histogram(
            "setgen_call_seconds", "Time of a network call.", buckets=_SECONDS, registry=self._registry
        )
        self._waiting = Gauge("setgen_waiting_rows", "Climbs in the queue.", registry=self._registry)

    def batch(self, jobs: int, rows: int, seconds: float) -> None:
        """Observe one network call."""
        self._jobs.observe(jobs)
        self._rows.observe(rows)
        self._call_seconds.observe(seconds)

    def watch(self, waiting: Callable[[], int]) -> None:
        """Ask `waiting` for the length of the queue whenever metrics are read."""
        self._waiting.set_function(waiting)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)
