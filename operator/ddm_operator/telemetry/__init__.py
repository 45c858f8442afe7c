"""What the operator counts, in Prometheus' words; ``probes`` serves it. ``catalog`` has every metric."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Info, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from ddm_operator.telemetry import catalog
from ddm_operator.telemetry.catalog import MOST_LABEL_VALUES, OPERATION_EVENTS, PREFIX
from ddm_operator.telemetry.cloud import CloudCollector, Pressure
from ddm_operator.telemetry.instruments import Bounded, asked, counter, histogram
from ddm_operator.telemetry.objects import Objects, ObjectsCollector

__all__ = ["MOST_LABEL_VALUES", "OPERATION_EVENTS", "Telemetry"]

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
        build = Info(f"{PREFIX}_{catalog.BUILD.name}", catalog.BUILD.text, registry=self._registry)
        build.info({"version": version, "python_version": platform.python_version()})
        self._passes = histogram(catalog.PASSES, self._registry)
        self._operations = counter(catalog.OPERATIONS, self._registry)
        for event in OPERATION_EVENTS:
            self._operations.labels(event)
        self._durations = histogram(catalog.OPERATION_DURATION, self._registry)
        self._cloud = CloudCollector(self._registry)
        self._pass_outcome = Bounded()
        self._event = Bounded()
        self._operation_outcome = Bounded()

    def pass_ended(self, outcome: str, seconds: float) -> None:
        """Count a pass; ``outcome`` is the decision's verb or the kind of error."""
        self._passes.labels(self._pass_outcome.value(outcome)).observe(seconds)

    def operation(self, event: str) -> None:
        """Count what happened to an operation, one of ``OPERATION_EVENTS``."""
        self._operations.labels(self._event.value(event)).inc()

    def operation_ended(self, outcome: str, seconds: float) -> None:
        """Count an operation that was closed.

        Args:
            outcome: ``succeeded``, ``failed``, ``rejected`` or ``abandoned``.
            seconds: since it was requested.
        """
        self._durations.labels(self._operation_outcome.value(outcome)).observe(seconds)

    def observed(self, region: str, project_id: str, at: float) -> None:
        """Remember that the cloud showed an instance of the project at ``at`` (monotonic seconds)."""
        self._cloud.observed(region, project_id, at)

    def request(self, route: str, outcome: str, seconds: float) -> None:
        """Count a request to the cloud.

        Args:
            route: the call's name or its path with the ids left out, such as ``list_jobs``.
            outcome: the HTTP status, or what became of a request without one: ``timeout`` or ``no_answer``.
            seconds: from the first byte out until the answer was read or given up.
        """
        self._cloud.request(route, outcome, seconds)

    def show_queue(self, depth: Callable[[], float], oldest_age: Callable[[], float]) -> None:
        """Show what waits to be worked on; both are asked whenever the metrics are read."""
        asked(catalog.QUEUE_DEPTH, self._registry, depth)
        asked(catalog.QUEUE_AGE, self._registry, oldest_age)

    def show_leader(self, held: Callable[[], bool], answer_age: Callable[[], float]) -> None:
        """Show whether this replica leads, and how long ago it last heard who does (seconds); asked at each reading."""
        asked(catalog.LEADER, self._registry, lambda: float(held()))
        asked(catalog.LEASE_AGE, self._registry, answer_age)

    def show_objects(self, objects: Objects, now: Callable[[], datetime]) -> None:
        """Show what the objects say; asked whenever the metrics are read."""
        self._registry.register(ObjectsCollector(objects, now))

    def show_cloud(
        self,
        pressure: Pressure,
        monotonic: Callable[[], float],
        in_use: Callable[[], Iterable[tuple[str, str]]],
    ) -> None:
        """Show how close to its limits the cloud client is, and how fresh what it saw.

        Args:
            pressure: of the limiters.
            monotonic: the clock of ``observed`` (seconds).
            in_use: region and id of each project that an object lives in.
        """
        self._cloud.show(pressure, monotonic, in_use)

    def render(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
