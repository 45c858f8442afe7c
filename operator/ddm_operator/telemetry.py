"""What the operator counts, in Prometheus' words; ``probes`` serves it.

Every label is bounded: an object's name, an instance's or a job's id is never one. Those are in the log and in the
object's status.
"""

from __future__ import annotations

import platform
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

PREFIX = "ddm_operator"

OPERATION_EVENTS = ("begun", "followed", "adopted", "succeeded", "failed", "rejected", "unconfirmed", "abandoned")
"""What may happen to an operation; there from the start with 0, so that the first one shows as an increase."""

MOST_LABEL_VALUES = 64
"""Different values of one label; the ones after that are counted together as ``other``."""

PASS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds. A pass without cloud requests takes milliseconds, one with an enlarge up to its time-out."""

REQUEST_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds. From a fast list to a time-out."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series per counter, which nobody reads


class Telemetry:
    """Implements ``ports.Metrics``, and counts what the cloud client, the queue and the lease have to tell.

    Args:
        version: the operator's own, shown as ``ddm_operator_build_info``.
    """

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        build = Info(f"{PREFIX}_build", "Version of the operator and of Python.", registry=self._registry)
        build.info({"version": version, "python_version": platform.python_version()})
        self._passes = Histogram(
            f"{PREFIX}_pass_duration_seconds",
            "Time that one pass over one object took, by how it ended.",
            ["outcome"],
            buckets=PASS_BUCKETS,
            registry=self._registry,
        )
        self._operations = Counter(
            f"{PREFIX}_operations_total", "What happened to operations.", ["event"], registry=self._registry
        )
        for event in OPERATION_EVENTS:
            self._operations.labels(event)
        self._requests = Histogram(
            f"{PREFIX}_cloud_request_duration_seconds",
            "Time until a request to the cloud was answered or given up, by route and outcome.",
            ["route", "outcome"],
            buckets=REQUEST_BUCKETS,
            registry=self._registry,
        )
        self._pass_outcome = _Bounded()
        self._event = _Bounded()
        self._route = _Bounded()
        self._request_outcome = _Bounded()

    def pass_ended(self, outcome: str, seconds: float) -> None:
        """Count a pass; ``outcome`` is the decision's verb or the kind of error."""
        self._passes.labels(self._pass_outcome.value(outcome)).observe(seconds)

    def operation(self, event: str) -> None:
        """Count what happened to an operation, one of ``OPERATION_EVENTS``."""
        self._operations.labels(self._event.value(event)).inc()

    def request(self, route: str, outcome: str, seconds: float) -> None:
        """Count a request to the cloud.

        Args:
            route: the call's name or its path with the ids left out, such as ``list_jobs``.
            outcome: the HTTP status, or what became of a request without one, such as ``timeout``.
            seconds: from the first byte out until the answer was read or given up.
        """
        self._requests.labels(self._route.value(route), self._request_outcome.value(outcome)).observe(seconds)

    def show_queue(self, depth: Callable[[], float], oldest_age: Callable[[], float]) -> None:
        """Show what waits to be worked on; both are asked whenever the metrics are read."""
        self._gauge("queue_depth", "Objects that wait for a pass.", depth)
        self._gauge("queue_oldest_age_seconds", "How long the object that waits longest has waited.", oldest_age)

    def show_leader(self, held: Callable[[], bool]) -> None:
        """Show whether this replica leads; asked whenever the metrics are read."""
        self._gauge("leader", "1 while this replica holds the Lease.", lambda: float(held()))

    def render(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, text: str, ask: Callable[[], float]) -> None:
        Gauge(f"{PREFIX}_{name}", text, registry=self._registry).set_function(ask)


class _Bounded:
    """The values that one label has had."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def value(self, value: str) -> str:
        if value not in self._seen and len(self._seen) >= MOST_LABEL_VALUES:
            return "other"
        self._seen.add(value)
        return value
