"""What the cloud client has to tell: requests, throttling, and how fresh the observation of each project is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from typing_extensions import override

from ddm_operator.telemetry import catalog
from ddm_operator.telemetry.instruments import Bounded, gauges, histogram


class Pressure(Protocol):
    """How close to its limits the client is; ``cloud.limiter`` has it. The keys are the endpoints' hosts."""

    @property
    def throttled(self) -> Mapping[str, float]:
        """Seconds of quiet that the cloud has asked for, in sum."""

    def saturation(self) -> Mapping[str, float]:
        """0 to 1."""


class CloudCollector(Collector):
    """Counts requests, and asks for the rest when the metrics are read."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = histogram(catalog.REQUESTS, registry)
        self._route = Bounded()
        self._outcome = Bounded()
        self._endpoint = Bounded()
        self._project = Bounded()
        self._seen: dict[tuple[str, str], float] = {}
        self._pressure: Pressure | None = None
        self._monotonic: Callable[[], float] = lambda: 0.0
        self._in_use: Callable[[], Iterable[tuple[str, str]]] = tuple
        registry.register(self)

    def show(
        self,
        pressure: Pressure,
        monotonic: Callable[[], float],
        in_use: Callable[[], Iterable[tuple[str, str]]],
    ) -> None:
        """Begin to tell; the arguments are ``Telemetry.show_cloud``'s."""
        self._pressure, self._monotonic, self._in_use = pressure, monotonic, in_use

    def request(self, route: str, outcome: str, seconds: float) -> None:
        """One request ended."""
        self._requests.labels(self._route.value(route), self._outcome.value(outcome)).observe(seconds)

    def observed(self, region: str, project_id: str, at: float) -> None:
        """The cloud showed an instance of the project."""
        key = region, project_id
        if self._project.value("/".join(key)) != "other":
            self._seen[key] = max(at, self._seen.get(key, at))

    @override
    def collect(self) -> Iterator[Family]:
        throttled = CounterMetricFamily(
            f"{catalog.PREFIX}_{catalog.THROTTLED.name}", catalog.THROTTLED.text, labels=catalog.THROTTLED.labels
        )
        saturation: Mapping[str, float] = {}
        if self._pressure is not None:
            saturation = self._pressure.saturation()
            for endpoint, seconds in self._pressure.throttled.items():
                if self._endpoint.value(endpoint) == endpoint:
                    throttled.add_metric((endpoint,), seconds)
        yield throttled
        yield gauges(
            catalog.SATURATION,
            (
                ((endpoint,), value)
                for endpoint, value in saturation.items()
                if self._endpoint.value(endpoint) != "other"
            ),
        )
        yield gauges(catalog.OBSERVATION_AGE, self._ages())

    def _ages(self) -> Iterable[tuple[tuple[str, ...], float]]:
        """Of the projects that an object lives in: nobody waits for news of another one."""
        now = self._monotonic()
        for key in self._in_use():
            if key in self._seen:
                yield key, max(0.0, now - self._seen[key])
