"""Guards: pure vetoes before a scale-out begins. Each looks at one thing and says what is in the way, or None.

``GUARDS`` is their order: what a person must mend first comes first, what only a fresh read shows comes last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ddm_operator.domain import reasons
from ddm_operator.domain.case import ENDED_JOB, FAILED_NODE, SCALING_JOBS, Case
from ddm_operator.domain.model import MAX_NODES, Flavor, GroupStatus, Phase


@dataclass(frozen=True)
class Veto:
    """What is in the way. Whether it heals by itself is the reason's meaning."""

    reason: str
    message: str


Guard = Callable[[Case, GroupStatus, int], Veto | None]
"""Takes the case, the group and the desired count."""

FROZEN_STATUS = frozenset({"FROZEN", "FREEZING", "UNFREEZING"})
FAULTY_STATUS = frozenset(
    {"ERROR", "CREATEFAILED", "DATA_DISK_FULL", "FREEZING_FAILED", "UNFREEZING_FAILED", "RESIZE_ROLL_FAILED"}
)


def instance_works(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """Frozen and faulty instances need a person; whatever else is going on ends by itself."""
    status = case.observed.row.status.upper() if case.observed.row else ""
    if status in FROZEN_STATUS:
        text = f"The instance is {status}: its account is in arrears or it was frozen. Settle that in the console."
        return Veto(reasons.INSTANCE_FROZEN, text)
    if status in FAULTY_STATUS:
        return Veto(reasons.INSTANCE_FAULTY, f"The instance is {status}. Repair it, or open a ticket with the cloud.")
    if status != "RUNNING":
        return Veto(reasons.INSTANCE_BUSY, f"The instance is {status}; nodes are added once it is RUNNING again.")
    return None


def pay_per_use(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """Growing a yearly/monthly instance makes an order that a person has to pay."""
    row = case.observed.row
    if row and row.order_id:
        text = "The instance is billed yearly/monthly; growing it makes an order to be paid. Scale it in the console."
        return Veto(reasons.YEARLY_MONTHLY, f"{text} The operator observes it: remove spec.nodes to say so.")
    return None


def within_limits(case: Case, group: GroupStatus, nodes: int) -> Veto | None:
    """The cloud's limit over all groups, then the operator's limit for one step."""
    others = sum(other.nodes for other in case.observed.tally if other.id != group.id)
    if others + nodes > MAX_NODES:
        text = f"{nodes} nodes here and {others} in other groups exceed the {MAX_NODES} that an instance may have."
        return Veto(reasons.NODE_LIMIT_EXCEEDED, f"{text} Lower spec.nodes to at most {MAX_NODES - others}.")
    step = nodes - group.nodes
    if step > case.limits.max_step:
        text = f"spec.nodes asks for {step} more nodes at once; this operator adds at most {case.limits.max_step}."
        return Veto(reasons.STEP_TOO_LARGE, f"{text} Set spec.nodes to {group.nodes + case.limits.max_step} or less.")
    return None


def nodes_healthy(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """Every node of the instance serves; a failed one counts against the target and is a person's to remove."""
    failed = [node for node in case.observed.unhealthy() if node.status.lower() in FAILED_NODE]
    if failed:
        named = ", ".join(f"{node.id} ({node.status})" for node in failed)
        return Veto(reasons.NODES_FAILED, f"Nodes that an earlier operation left behind: {named}. Delete them first.")
    if case.observed.unhealthy():
        named = ", ".join(f"{node.id} ({node.status})" for node in case.observed.unhealthy())
        return Veto(reasons.NODES_UNHEALTHY, f"Not every node serves: {named}. Nodes are added once they all do.")
    sick = sum(group.unhealthy_nodes for group in case.observed.tally)
    if sick:
        return Veto(reasons.NODES_UNHEALTHY, f"{sick} nodes do not serve. Nodes are added once they all do.")
    return None


def reads_agree(case: Case, group: GroupStatus, _nodes: int) -> Veto | None:
    """The instance's detail and its groups name the same nodes, and every node that the journal knows."""
    if case.observed.nodes is not None and len(case.observed.nodes) != sum(g.nodes for g in case.observed.tally):
        return Veto(reasons.SETTLING, "The cloud shows nodes that belong to none of the groups; asking again.")
    listed = next((g.node_ids for g in case.observed.groups or () if g.id == group.id), None)
    if listed is not None and frozenset(listed) != case.observed.node_ids(group.id):
        return Veto(reasons.SETTLING, "The cloud's answers do not agree on the group's nodes yet; asking again.")
    last = case.status.operation
    if case.observed.nodes is None or last is None or last.group_id != group.id:
        return None
    missed = set(last.final_node_ids or last.baseline_node_ids) - case.observed.node_ids(group.id)
    if missed and case.ages.nodes_missed < case.limits.settle:
        named = ", ".join(sorted(missed))
        return Veto(reasons.SETTLING, f"The cloud does not show nodes that it showed before: {named}. Waiting.")
    return None


def no_other_job(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """A scaling job that the journal does not know forbids a begin until its effect is certainly visible."""
    known = known_jobs(case)
    for job in case.observed.jobs or ():
        if job.name not in SCALING_JOBS or job.id in known:
            continue
        if job.status not in ENDED_JOB:
            return Veto(
                reasons.INSTANCE_BUSY,
                f"The job {job.name} {job.id} is {job.status or 'under way'}; waiting for its end.",
            )
        if max(job.ended_ago or 0.0, case.ages.jobs_ended.get(job.id, 0.0)) < case.limits.settle:
            return Veto(reasons.SETTLING, f"Somebody else's job {job.name} {job.id} just ended; counting again soon.")
    return None


def data_nodes_ready(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """The associated RDS instances are normal and no schema is expanding."""
    for schema in case.observed.schemas or ():
        sick = ", ".join(f"{rds.name} ({rds.status})" for rds in schema.data_nodes if rds.status.lower() != "normal")
        if sick:
            text = f"Data nodes of schema {schema.name} are not normal: {sick}. Nodes are added once they are."
            return Veto(reasons.DATA_NODES_NOT_READY, text)
        if schema.status.upper() in {"EXPANDING", "ROLLING BACK"}:
            text = f"Schema {schema.name} is {schema.status}; nodes are added when that has ended."
            return Veto(reasons.SCHEMA_EXPANDING, text)
    return None


def flavor_usable(case: Case, _group: GroupStatus, _nodes: int) -> Veto | None:
    """The class of the nodes is known, is the current one, and is sold in a zone of the instance."""
    if case.observed.flavors is None or case.observed.row is None:
        return None
    code = case.observed.row.flavor
    flavor = choose_flavor(case)
    wanted = case.desired.flavor_id
    if flavor is None:
        if wanted:
            text = f"spec.flavorId {wanted} is not a class that the cloud offers for this instance's engine."
        else:
            text = f"The cloud does not offer the instance's class {code} for its engine any more."
        return Veto(reasons.FLAVOR_NOT_USABLE, f"{text} Set spec.flavorId to the id of the current class.")
    several = len(case.observed.tally) > 1
    if not several and flavor.code != code:
        text = f"spec.flavorId is class {flavor.code}, but the nodes are of class {code}; a group has one class."
        return Veto(reasons.FLAVOR_NOT_USABLE, f"{text} Remove spec.flavorId or correct it.")
    shapes = {(group.cpu, group.memory_gb) for group in case.observed.groups or ()}
    if several and not wanted and len(shapes) > 1:
        text = "The groups have different classes and the cloud does not say which group has which."
        return Veto(reasons.FLAVOR_AMBIGUOUS, f"{text} Set spec.flavorId to the id of this group's class.")
    zones = case.observed.row.zones
    if zones and all(flavor.zones.get(zone) == "sellout" for zone in zones):
        text = f"Class {flavor.code} is sold out in {', '.join(zones)}; asked again until it is not."
        return Veto(reasons.FLAVOR_SOLD_OUT, text)
    return None


GUARDS: tuple[Guard, ...] = (
    pay_per_use,
    within_limits,
    instance_works,
    nodes_healthy,
    reads_agree,
    no_other_job,
    data_nodes_ready,
    flavor_usable,
)


def choose_flavor(case: Case) -> Flavor | None:
    """The class to ask for: the one that the spec names, else the only one with the instance's code."""
    flavors = case.observed.flavors or ()
    if case.desired.flavor_id:
        return next((flavor for flavor in flavors if flavor.id == case.desired.flavor_id), None)
    code = case.observed.row.flavor if case.observed.row else ""
    matching = [flavor for flavor in flavors if flavor.code == code]
    return matching[0] if len(matching) == 1 else None


def known_jobs(case: Case) -> frozenset[str]:
    """Ids of the jobs that the journal accounts for; one that was given up is a stranger's when it shows again."""
    last = case.status.operation
    past = (*case.status.history, *([last] if last else []))
    followed = {entry.job_id for entry in past if entry.phase not in (Phase.REJECTED, Phase.ABANDONED)}
    return frozenset(followed - {""}) | frozenset(last.baseline_job_ids if last else ())
