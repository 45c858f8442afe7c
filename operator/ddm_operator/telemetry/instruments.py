"""Prometheus' instruments, made from the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from ddm_operator.telemetry.catalog import MOST_LABEL_VALUES, PREFIX, Metric


class Bounded:
    """The values that one label has had."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def value(self, value: str) -> str:
        """The value, or ``other`` when there are too many."""
        if value not in self._seen and len(self._seen) >= MOST_LABEL_VALUES:
            return "other"
        self._seen.add(value)
        return value


def counter(metric: Metric, registry: CollectorRegistry) -> Counter:
    """A number that only rises."""
    return Counter(f"{PREFIX}_{metric.name}", metric.text, metric.labels, registry=registry)


def histogram(metric: Metric, registry: CollectorRegistry) -> Histogram:
    """How long things took."""
    return Histogram(f"{PREFIX}_{metric.name}", metric.text, metric.labels, buckets=metric.buckets, registry=registry)


def asked(metric: Metric, registry: CollectorRegistry, ask: Callable[[], float]) -> None:
    """A gauge without labels; ``ask`` is called whenever the metrics are read."""
    Gauge(f"{PREFIX}_{metric.name}", metric.text, registry=registry).set_function(ask)


def gauges(metric: Metric, samples: Iterable[tuple[tuple[str, ...], float]]) -> Family:
    """The samples of a gauge as they are now, by the values of its labels."""
    family = GaugeMetricFamily(f"{PREFIX}_{metric.name}", metric.text, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, value)
    return family
