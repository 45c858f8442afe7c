"""What the objects say, counted while they change: what is asked for here costs the same however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Protocol

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from typing_extensions import override

from ddm_operator.domain import reasons
from ddm_operator.domain.conditions import AVAILABLE, READY, RECONCILING, STALLED
from ddm_operator.domain.model import Phase
from ddm_operator.telemetry import catalog
from ddm_operator.telemetry.instruments import gauges

OTHER = "other"

KNOWN = (
    frozenset({READY, RECONCILING, STALLED, AVAILABLE}),
    frozenset({"True", "False", "Unknown"}),
    reasons.CONDITION_REASONS | reasons.AVAILABLE_REASONS,
)
"""Types, statuses and reasons; a status may hold what another version wrote, or anybody."""

PHASES = frozenset(map(str, Phase))


class Objects(Protocol):
    """Who counts them; ``kube.census`` does."""

    @property
    def said(self) -> Mapping[tuple[str, str, str], int]:
        """Conditions: how many objects have one of this type, status and reason."""

    @property
    def stalled(self) -> Mapping[tuple[str, str], str]:
        """Namespace and name of what waits for a person, and the reason."""

    @property
    def opened(self) -> Mapping[tuple[str, str], tuple[str, datetime | None]]:
        """Phase and begin of what is under way."""

    def __len__(self) -> int:
        """How many objects there are."""


class ObjectsCollector(Collector):
    """Asks when the metrics are read."""

    def __init__(self, objects: Objects, now: Callable[[], datetime]) -> None:
        self._objects = objects
        self._now = now

    @override
    def collect(self) -> Iterator[Family]:
        yield gauges(catalog.WATCHED, [((), float(len(self._objects)))])
        yield gauges(catalog.OBJECTS, self._said())
        yield gauges(catalog.STALLED, self._stalled())
        yield gauges(catalog.OPEN, self._phases())
        yield gauges(catalog.OPEN_AGE, [((), self._oldest())])

    def _said(self) -> Iterable[tuple[tuple[str, ...], float]]:
        counted: Counter[tuple[str, ...]] = Counter()
        for said, count in self._objects.said.items():
            counted[tuple(_known(word, words) for word, words in zip(said, KNOWN, strict=True))] += count
        return counted.items()

    def _stalled(self) -> Iterable[tuple[tuple[str, ...], float]]:
        for (namespace, name), reason in islice(self._objects.stalled.items(), catalog.MOST_STALLED):
            yield (namespace, name, _known(reason, KNOWN[2])), 1.0

    def _phases(self) -> Iterable[tuple[tuple[str, ...], float]]:
        phases = Counter(_known(phase, PHASES) for phase, _ in self._objects.opened.values())
        return (((phase,), float(count)) for phase, count in phases.items())

    def _oldest(self) -> float:
        begins = [began for _, began in self._objects.opened.values() if began is not None]
        return max(0.0, (self._now() - min(begins)).total_seconds()) if begins else 0.0


def _known(word: str, words: frozenset[str]) -> str:
    return word if word in words else OTHER
