"""Everything that a decision may look at, gathered in one value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ddm_operator.domain.model import (
    Desired,
    Flavor,
    Group,
    GroupStatus,
    InstanceDetail,
    InstanceRow,
    Job,
    Node,
    Resource,
    Schema,
    Status,
)

HEALTHY_NODE = frozenset({"normal", "running"})
"""Node statuses, lower case: list-nodes says ``normal``, some details say ``RUNNING``."""

FAILED_NODE = frozenset({"enlargefail", "createfail"})
"""Node statuses that never end by themselves."""

ENDED_JOB = frozenset({"Completed", "Failed"})
"""Job statuses that are an end; a status that nobody knows is none."""

SCALING_JOBS = frozenset({"EnlargeNode", "ReduceNode"})
"""Names of the cloud's jobs that change the number of nodes."""


@dataclass(frozen=True)
class Limits:
    """How long and how much; the operator's settings, in seconds unless the name says otherwise."""

    poll: float = 15.0
    resync: float = 300.0
    recheck: float = 300.0
    settle: float = 180.0
    unconfirmed: float = 1800.0
    deadline: float = 3600.0
    job_missing: float = 60.0
    send: float = 10.0
    max_step: int = 8
    max_attempts: int = 3


@dataclass(frozen=True)
class Ages:
    """How long something has been so (seconds), measured monotonically by this process.

    Every age ends at the *start* of the read that is judged, never later.
    """

    operation: float = 0.0
    """Since this process first saw the journal's operation."""
    closed: float = 0.0
    """Since this process first saw the journal's operation closed."""
    nodes_unchanged: float = 0.0
    """Since the group's node ids are what they are, with the instance RUNNING all the while."""
    job_missing: float = 0.0
    """Since the operation's job is not to be found."""
    nodes_missed: float = 0.0
    """Since reads miss nodes that the journal knows."""
    jobs_ended: dict[str, float] = field(default_factory=dict)
    """Per ended job of this instance: since this process knows that it ended."""
    clock_step: float = 0.0
    """How far the wall clock was set forward (or back, negative) since this process first saw the operation."""


@dataclass(frozen=True)
class Observed:
    """What the cloud showed. None means "not asked", never "nothing there"."""

    row: InstanceRow | None
    """None: the cloud says that there is no such instance."""
    tally: tuple[GroupStatus, ...] = ()
    """The groups with their counts."""
    region: str = ""
    project_id: str = ""
    nodes: tuple[Node, ...] | None = None
    groups: tuple[Group, ...] | None = None
    jobs: tuple[Job, ...] | None = None
    """Scaling jobs of this instance."""
    schemas: tuple[Schema, ...] | None = None
    flavors: tuple[Flavor, ...] | None = None
    complete: bool = False
    """All of the above was read afresh, after the object itself: good enough to begin on."""

    def group(self, group_id: str) -> GroupStatus | None:
        """The group of that id."""
        return next((group for group in self.tally if group.id == group_id), None)

    def node_ids(self, group_id: str) -> frozenset[str]:
        """Ids of the group's nodes; only with ``nodes``."""
        return frozenset(node.id for node in self.nodes or () if node.group_id == group_id)

    def unhealthy(self, group_id: str = "") -> tuple[Node, ...]:
        """Nodes that do not serve, of one group or of all."""
        return tuple(
            node
            for node in self.nodes or ()
            if node.status.lower() not in HEALTHY_NODE and group_id in ("", node.group_id)
        )


@dataclass(frozen=True)
class Case:
    """One object at one moment."""

    desired: Desired
    status: Status
    observed: Observed
    now: datetime
    limits: Limits
    ages: Ages = field(default_factory=Ages)
    rivals: tuple[Resource, ...] = ()
    """Other objects that name the same instance."""
    never_sent: bool = False
    """This process wrote the journal's intent and knows that the call did not leave."""


MOST_NAMED = 8
"""Nodes that one sentence names; the console has the others."""


def named(nodes: Sequence[Node]) -> str:
    """Nodes for people: the ids, and what the cloud says of each."""
    listed = ", ".join(f"{node.id} ({node.status or 'no status'})" for node in nodes[:MOST_NAMED])
    return listed + (f" and {len(nodes) - MOST_NAMED} more" if len(nodes) > MOST_NAMED else "")


def tally(detail: InstanceDetail, groups: Iterable[Group], desired: Desired) -> tuple[GroupStatus, ...]:
    """Count the nodes of each group; a node's group is what the instance detail says."""
    nodes = Counter(node.group_id for node in detail.nodes)
    sick = Counter(node.group_id for node in detail.nodes if node.status.lower() not in HEALTHY_NODE)
    known = {group.id: group for group in groups}
    chosen = desired.group_id or (next(iter(known)) if len(known) == 1 else "")
    return tuple(
        GroupStatus(
            id=group.id,
            name=group.name,
            role=group.role,
            nodes=nodes[group.id],
            desired_nodes=desired.nodes if group.id == chosen else None,
            unhealthy_nodes=sick[group.id],
        )
        for group in known.values()
    )
