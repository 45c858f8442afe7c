"""A healthy instance of two nodes and one object that declares four: what tests of the domain start from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ddm_operator.domain.case import Ages, Case, Limits, Observed, tally
from ddm_operator.domain.model import (
    DataNode,
    Desired,
    Flavor,
    Group,
    InstanceDetail,
    InstanceStatus,
    Job,
    Node,
    Operation,
    Phase,
    Resource,
    Schema,
    Status,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INSTANCE = "28e8841d0b9c4f6a9a30742ee60e1068in09"
GROUP = "f080abf2010d45118068c28c8958f5fcgr09"
OTHER_GROUP = "b4153b807b1a4f83870bf868fcc4f4eagr09"
FLAVOR = "8f2e696c-a9c1-30bd-af90-25522bc67606"
CODE = "ddm.c6.xlarge.2"
JOB = "1eb697c0-1842-43a3-8671-f562d0385cb9"
LIMITS = Limits()
LONG = 10 * LIMITS.settle


def nodes(count: int, group: str = GROUP, status: str = "normal", first: int = 1) -> tuple[Node, ...]:
    return tuple(Node(f"{group[:4]}-{number}no09", group, status) for number in range(first, first + count))


def ids(count: int, group: str = GROUP) -> tuple[str, ...]:
    return tuple(node.id for node in nodes(count, group))


def desired(count: int | None = 4, **changes: Any) -> Desired:
    base = Desired("uid-1", "shop", "orders", 7, "2026-01-01T00:00:00Z", INSTANCE, nodes=count)
    return replace(base, **changes)


def observed(
    members: tuple[Node, ...] | None = None,
    status: str = "RUNNING",
    jobs: tuple[Job, ...] = (),
    wish: Desired | None = None,
    **changes: Any,
) -> Observed:
    """Everything read afresh. Groups are those that the nodes name."""
    members = nodes(2) if members is None else members
    row: dict[str, Any] = {
        "id": INSTANCE,
        "name": "ddm-test",
        "status": status,
        "node_status": "RUNNING",
        "node_count": len(members),
        "flavor": CODE,
        "engine_version": "3.0.8",
        "order_id": "",
        "zones": ("cn-north-4a", "cn-north-4b"),
    }
    row |= {key: changes.pop(key) for key in tuple(changes) if key in row}
    detail = InstanceDetail(**row, nodes=members)
    names = list(dict.fromkeys(node.group_id for node in members)) or [GROUP]
    groups = tuple(
        Group(name, f"name-{name[:4]}", "rw", tuple(n.id for n in members if n.group_id == name), (), 4, 8)
        for name in names
    )
    everything: dict[str, Any] = {
        "row": detail,
        "tally": tally(detail, groups, wish or desired()),
        "region": "cn-north-4",
        "project_id": "p1",
        "nodes": members,
        "groups": groups,
        "jobs": jobs,
        "schemas": (Schema("orders", "RUNNING", (DataNode("r1", "rds-orders", "normal"),)),),
        "flavors": (Flavor(FLAVOR, CODE, {"cn-north-4a": "normal", "cn-north-4b": "normal"}),),
        "complete": True,
    }
    return Observed(**{**everything, **changes})


def operation(phase: str = Phase.RUNNING, **changes: Any) -> Operation:
    """The scale-out from two nodes to four."""
    base = Operation(
        id="op-1",
        type="ScaleOut",
        phase=phase,
        group_id=GROUP,
        flavor_id=FLAVOR,
        region="cn-north-4",
        project_id="p1",
        from_nodes=2,
        to_nodes=4,
        baseline_node_ids=ids(2),
        generation=7,
        job_id=JOB if phase in (Phase.RUNNING, Phase.VERIFYING, Phase.SUCCEEDED, Phase.FAILED) else "",
        request_time=NOW - timedelta(seconds=30),
        deadline_time=NOW + timedelta(hours=1),
    )
    return replace(base, **changes)


def job(status: str = "Running", key: str = JOB, **changes: Any) -> Job:
    return replace(Job(key, "EnlargeNode", status, INSTANCE), **changes)


def case(
    wish: Desired | None = None,
    seen: Observed | None = None,
    journal: Operation | None = None,
    ages: Ages | None = None,
    **changes: Any,
) -> Case:
    status = changes.pop("status", None) or Status(observed_generation=7, operation=journal)
    return Case(
        desired=wish or desired(),
        status=status,
        observed=seen or observed(wish=wish),
        now=NOW,
        limits=LIMITS,
        ages=ages or Ages(),
        **changes,
    )


def rival(created: str = "2025-01-01T00:00:00Z", *, seen: bool = True, **status: Any) -> Resource:
    """Another object that names the same instance and was looked at; older unless told otherwise."""
    instance = InstanceStatus(region="cn-north-4", project_id="p1") if seen else None
    wish = desired(uid="uid-0", name="elder", created=created)
    return Resource(wish, Status(instance=instance, **{"observed_generation": 7, **status}), "1")
