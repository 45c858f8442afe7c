"""Every metric there is, in Prometheus' words. ``docs/monitoring.md`` is made from this, and so is each instrument.

Every label is bounded. The name of an object is one only while that object is Stalled; an instance's or a job's id is
never one: those are in the log and in the object's status.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

PREFIX: Final = "ddm_operator"


@dataclass(frozen=True)
class Metric:
    """One family.

    Args:
        name: in full; a counter's without ``_total``, which is part of its samples.
        kind: Prometheus' type.
        text: one sentence.
        labels: names.
        buckets: upper bounds of a histogram.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    text: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def shown(self) -> str:
        """The name that a query uses."""
        suffix = {"counter": "_total", "info": "_info"}.get(self.kind, "")
        return f"{PREFIX}_{self.name}{suffix}"


BUILD: Final = Metric("build", "info", "Version of the operator and of Python.", ("version", "python_version"))
LEADER: Final = Metric("leader", "gauge", "1 while this replica holds the Lease, 0 while it does not.")
LEASE_AGE: Final = Metric(
    "lease_answer_age_seconds",
    "gauge",
    "How long ago the API server last told this replica who leads; seconds on a replica that could take over.",
)

PASSES: Final = Metric(
    "pass_duration_seconds",
    "histogram",
    "Time that one pass over one object took, by how it ended.",
    ("outcome",),
    (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
QUEUE_DEPTH: Final = Metric("queue_depth", "gauge", "Objects that wait for a pass.")
QUEUE_AGE: Final = Metric(
    "queue_oldest_age_seconds", "gauge", "How long the object that waits longest for a pass has waited."
)

WATCHED: Final = Metric("watched_objects", "gauge", "DDMInstance objects that the leader knows.")
OBJECTS: Final = Metric(
    "objects", "gauge", "Objects by condition, its status and its reason.", ("condition", "status", "reason")
)
STALLED: Final = Metric(
    "object_stalled",
    "gauge",
    "1 for each object that waits for a person, of 500 at most; gone when it no longer does.",
    ("namespace", "name", "reason"),
)

OPERATIONS: Final = Metric("operations", "counter", "What happened to operations.", ("event",))
OPERATION_DURATION: Final = Metric(
    "operation_duration_seconds",
    "histogram",
    "Time from the request of an operation until it was closed, by how it ended.",
    ("outcome",),
    (30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400),
)
OPEN: Final = Metric("open_operations", "gauge", "Operations that are under way, by phase.", ("phase",))
OPEN_AGE: Final = Metric(
    "open_operation_oldest_age_seconds", "gauge", "How long ago the oldest operation that is under way began; 0: none."
)

REQUESTS: Final = Metric(
    "cloud_request_duration_seconds",
    "histogram",
    "Time until a request to the cloud ended, by route and outcome: the HTTP status, timeout, or no_answer.",
    ("route", "outcome"),
    (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
THROTTLED: Final = Metric(
    "cloud_throttled_seconds", "counter", "Time for which the cloud has asked for quiet (HTTP 429).", ("host",)
)
SATURATION: Final = Metric(
    "cloud_limiter_saturation_ratio",
    "gauge",
    "How much of the operator's own limit of requests is used up: at 1 requests wait for their turn.",
    ("host",),
)
OBSERVATION_AGE: Final = Metric(
    "last_observation_age_seconds",
    "gauge",
    "How long ago the cloud last showed an instance of the project.",
    ("region", "project_id"),
)

CATALOG: Final = (
    BUILD,
    LEADER,
    LEASE_AGE,
    PASSES,
    QUEUE_DEPTH,
    QUEUE_AGE,
    WATCHED,
    OBJECTS,
    STALLED,
    OPERATIONS,
    OPERATION_DURATION,
    OPEN,
    OPEN_AGE,
    REQUESTS,
    THROTTLED,
    SATURATION,
    OBSERVATION_AGE,
)

OPERATION_EVENTS: Final = (
    "begun",
    "followed",
    "adopted",
    "succeeded",
    "failed",
    "rejected",
    "unconfirmed",
    "abandoned",
)
"""What may happen to an operation; there from the start with 0, so that the first one shows as an increase."""

MOST_LABEL_VALUES: Final = 64
"""Different values of one label; the ones after that are counted together as ``other``."""

MOST_STALLED: Final = 500
"""Series that name an object. When everything is Stalled at once its reason says more than ten thousand names."""
