"""The nouns: what is desired, what the journal says, what the cloud shows. Values only, all immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

MAX_NODES = 32
"""Nodes of one instance over all its groups (the cloud's limit, user guide of DDM)."""

MAX_HISTORY = 5
"""Operations kept in ``status.history`` besides the latest one."""

MAX_TEXT = 1024
"""Characters of any one text that is written; no bound of the schema is below it, so no write fails by its length."""


class Phase(StrEnum):
    """Phases of an operation. A phase that is not listed here was written by another version and counts as open."""

    REQUESTING = "Requesting"
    UNCONFIRMED = "Unconfirmed"
    RUNNING = "Running"
    VERIFYING = "Verifying"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    REJECTED = "Rejected"
    ABANDONED = "Abandoned"


NOTHING: Mapping[str, Any] = MappingProxyType({})
"""Shared by all that hold nothing that is not understood: thousands of empty dictionaries are memory too."""

CLOSED = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.REJECTED, Phase.ABANDONED})
KNOWN_TYPES = frozenset({"ScaleOut"})


@dataclass(frozen=True, slots=True)
class Desired:
    """What ``spec`` and the user's annotations ask for."""

    uid: str
    namespace: str
    name: str
    generation: int
    created: str
    """``metadata.creationTimestamp`` as the API server spells it; sorts by time."""
    instance_id: str
    nodes: int | None = None
    """Desired nodes of the group; None: observe only."""
    group_id: str | None = None
    flavor_id: str | None = None
    region: str | None = None
    project_id: str | None = None
    paused: bool = False
    reconcile_requested_at: str = ""
    resolve: str = ""
    """Value of the resolve annotation, ``<operation id>=retry|abandon``, unparsed."""
    key: str = field(init=False, repr=False, compare=False)
    """``namespace/name``; one text for all that is kept under it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.namespace}/{self.name}")


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Operation:
    """One entry of the journal. Times are RFC 3339 in UTC; empty strings and None mean "not known (yet)"."""

    id: str
    type: str
    phase: str
    group_id: str = ""
    flavor_id: str = ""
    region: str = ""
    project_id: str = ""
    from_nodes: int | None = None
    to_nodes: int | None = None
    baseline_node_ids: tuple[str, ...] = ()
    baseline_job_ids: tuple[str, ...] = ()
    final_node_ids: tuple[str, ...] = ()
    generation: int = 0
    job_id: str = ""
    order_id: str = ""
    progress_percent: int | None = None
    request_time: datetime | None = None
    start_time: datetime | None = None
    completion_time: datetime | None = None
    deadline_time: datetime | None = None
    attempt: int = 1
    failures: int | None = None
    """Jobs in a row that failed for this change before this request; None: none did."""
    reason: str = ""
    """Why the operation is in its phase, one of ``reasons``; empty while all goes as planned."""
    error_code: str = ""
    message: str = ""
    extra: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    """Fields that another version of the operator wrote; carried along untouched."""

    @property
    def open(self) -> bool:
        """Whether the operation still runs, or may; what another version's words mean is not known here."""
        return self.phase not in CLOSED or self.type not in KNOWN_TYPES

    @property
    def understood(self) -> bool:
        """Whether this version knows the operation's type and phase."""
        return self.type in KNOWN_TYPES and self.phase in set(Phase)


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """One entry of ``status.groups``."""

    id: str
    name: str = ""
    role: str = ""
    nodes: int = 0
    desired_nodes: int | None = None
    unhealthy_nodes: int = 0


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """``status.instance``: what was last observed of the cloud instance, in the cloud's own words."""

    name: str = ""
    region: str = ""
    project_id: str = ""
    status: str = ""
    engine_version: str = ""
    flavor: str = ""
    charge_mode: str = ""
    node_count: int = 0


@dataclass(frozen=True, slots=True)
class Condition:
    """A Kubernetes condition."""

    type: str
    status: str
    reason: str
    message: str
    last_transition_time: datetime | None = None
    observed_generation: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """The whole of ``status``; written as one value."""

    observed_generation: int = -1
    last_handled_reconcile_at: str = ""
    last_handled_resolve: str = ""
    nodes: int | None = None
    selector: str = ""
    instance: InstanceStatus | None = None
    groups: tuple[GroupStatus, ...] = ()
    operation: Operation | None = None
    history: tuple[Operation, ...] = ()
    conditions: tuple[Condition, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def nodes_of(self, group_id: str) -> frozenset[str]:
        """Ids of the nodes that the latest operation of a group has left there, or found; empty when none tells."""
        past = (*((self.operation,) if self.operation else ()), *self.history)
        latest = next((operation for operation in past if operation.group_id == group_id), None)
        return frozenset(latest.final_node_ids or latest.baseline_node_ids) if latest is not None else frozenset()


@dataclass(frozen=True, slots=True)
class Resource:
    """A ``DDMInstance`` as it was read: the desired state, the status, and the version that both belong to."""

    desired: Desired
    status: Status
    resource_version: str
    deleting: bool = False
    seen_at: float = 0.0
    """When this process knew this version to be stored (monotonic seconds); set by whoever read it."""
    problem: str = ""
    """What is wrong with the spec; nothing may be done on a desired state that could not be read."""
    had_seen: bool = False
    """Whether its status, which is empty now, had shown the instance: its credential has seen it."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the instance detail shows it."""

    id: str
    group_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Group:
    """A node group with the ids of its nodes (v3 groups)."""

    id: str
    name: str
    role: str
    node_ids: tuple[str, ...]
    zones: tuple[str, ...] = ()
    cpu: int | None = None
    """vCPUs of each node."""
    memory_gb: int | None = None
    """Memory of each node (GB)."""


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """A row of the instance list (v1): cheap, and enough to see that nothing changed."""

    id: str
    name: str
    status: str
    node_status: str
    node_count: int
    flavor: str
    engine_version: str
    order_id: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InstanceDetail(InstanceRow):
    """The detail of one instance (v1), with its nodes."""

    nodes: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A task of the cloud's task centre (v3 jobs).

    ``ended_ago`` is how long ago the job ended by the cloud's own clock (seconds; its end time against the ``Date`` of
    the same answer), None while it runs or when the two cannot be compared.
    """

    id: str
    name: str
    status: str
    instance_id: str
    progress_percent: int | None = None
    fail_reason: str = ""
    ended_ago: float | None = None
    created: datetime | None = None
    """By the cloud's clock; None when the answer does not tell."""
    took: float | None = None
    """Seconds from its beginning to its end by the cloud's clock; None while it runs, or when that is not told."""


@dataclass(frozen=True, slots=True)
class Flavor:
    """A node class: ``zones`` maps a zone's code to ``normal``, ``unsupported`` or ``sellout``."""

    id: str
    code: str
    zones: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DataNode:
    """An RDS instance that a schema of the DDM instance uses."""

    id: str
    name: str
    status: str


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema (logical database) of the instance with its data nodes."""

    name: str
    status: str
    data_nodes: tuple[DataNode, ...]
