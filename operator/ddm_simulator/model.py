"""What the simulated cloud consists of. All of it is immutable; a change is a new version of a record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Fact: TypeAlias = Literal["count", "health", "status", "job"]
"""What becomes true at the end of an operation: the nodes are listed (or gone), they are healthy, the instance is
RUNNING, the job is Completed."""


@dataclass(frozen=True, slots=True)
class Project:
    """A region's part of an account."""

    id: str
    name: str
    zones: tuple[str, ...]
    domain_id: str
    domain_name: str


@dataclass(frozen=True, slots=True)
class User:
    """An IAM user."""

    id: str
    name: str
    domain_id: str
    domain_name: str
    password: str = field(repr=False)
    project_ids: tuple[str, ...] = ()
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair, permanent or temporary."""

    access: str
    user_id: str
    secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)
    expires: float | None = None
    failures: int = 0
    """Wrong signatures in a row."""
    locked_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token with the project it is good for."""

    id: str = field(repr=False)
    user_id: str
    project_id: str | None
    issued: float
    expires: float
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """A cluster whose tokens are trusted, and the user whom they make of a pod."""

    name: str
    urn: str
    agency_urn: str
    issuer: str
    audience: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Flavor:
    """A class of nodes."""

    id: str
    code: str
    iaas_code: str
    vcpus: int
    memory_gb: int
    architecture: Literal["X86", "ARM"]
    zones: tuple[tuple[str, str], ...] = ()
    """Zones where it is not `normal`, each with `unsupported` or `sellout`."""

    def status_in(self, zone: str) -> str:
        """`normal`, `unsupported` or `sellout`."""
        return dict(self.zones).get(zone, "normal")


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a DDM instance."""

    id: str
    name: str
    group_id: str
    zone: str
    subnet_id: str
    private_ip: str
    status: str = "normal"


@dataclass(frozen=True, slots=True)
class Group:
    """A node group; all its nodes have one class."""

    id: str
    name: str
    role: Literal["rw", "r"]
    flavor_id: str
    address: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class DataNode:
    """An RDS for MySQL instance in the same network."""

    id: str
    name: str
    private_ip: str
    zone: str
    status: str = "normal"
    engine_version: str = "5.7"
    error: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """A logical database, spread over data nodes."""

    name: str
    created: float
    data_node_ids: tuple[str, ...]
    status: str = "RUNNING"
    shard_mode: Literal["cluster", "single"] = "cluster"
    shards_per_data_node: int = 8


@dataclass(frozen=True, slots=True)
class Instance:
    """A DDM instance with all that belongs to it."""

    id: str
    project_id: str
    name: str
    engine_version: str
    created: float
    updated: float
    vpc_id: str
    subnet_id: str
    security_group_id: str
    groups: tuple[Group, ...]
    nodes: tuple[Node, ...]
    schemas: tuple[Schema, ...] = ()
    data_nodes: tuple[DataNode, ...] = ()
    status: str = "RUNNING"
    order_id: str = ""
    """Not empty for a yearly/monthly instance."""
    port: int = 5066
    admin_user_name: str = "root"
    enterprise_project_id: str = "0"
    error: str = ""

    def of_group(self, group_id: str) -> tuple[Node, ...]:
        """The nodes of one group."""
        return tuple(node for node in self.nodes if node.group_id == group_id)


@dataclass(frozen=True, slots=True)
class Fate:
    """How a job is going to end."""

    ends: Literal["completes", "fails", "never"] = "completes"
    failed_nodes: int = 0
    """Of the nodes that a failed enlarge added: how many stay, as `enlargefail`."""
    kept_nodes: int = 0
    """Of the nodes that a failed enlarge added: how many stay, healthy."""
    reason: str = ""
    percent: int = 60
    """Where a job that never ends stops."""


@dataclass(frozen=True, slots=True)
class Job:
    """An asynchronous operation."""

    id: str
    name: Literal["EnlargeNode", "ReduceNode"]
    project_id: str
    instance_id: str
    instance_name: str
    created: float
    expected: float
    """When it will end, if nothing comes between."""
    status: Literal["Running", "Completed", "Failed"] = "Running"
    ended: float | None = None
    fail_reason: str = ""
    added: tuple[Node, ...] = ()
    removed: tuple[str, ...] = ()
    fate: Fate = Fate()
    facts: tuple[Fact, ...] = ()
    """What has become true so far."""


@dataclass(frozen=True, slots=True)
class Order:
    """A change of a yearly/monthly instance; it waits for its payment."""

    id: str
    project_id: str
    instance_id: str
    created: float
    added: tuple[Node, ...] = ()
    removed: tuple[str, ...] = ()
    fate: Fate = Fate()
    job_id: str = ""
    """Not empty once it is paid."""
